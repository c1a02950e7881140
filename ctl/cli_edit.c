/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_edit.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_change.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"

enum { EDIT_DRY_RUN, EDIT_CONFIRM, EDIT_COMMENT, EDIT_BASE };

const struct cli_option cli_edit_options[] = {
	[EDIT_DRY_RUN] = {"dry-run", CLI_FLAG, NULL, "show what would change; change nothing"},
	[EDIT_CONFIRM] = {"confirm", CLI_VALUE, "SECONDS",
		"take it back after this time unless 'config confirm' comes first"},
	[EDIT_COMMENT] = {"comment", CLI_VALUE, "TEXT", "why, for 'config history'"},
	[EDIT_BASE] = {"base", CLI_VALUE, "REVISION",
		"refuse if the configuration is not at this revision any more"},
	{NULL},
};

enum cli_status
cli_edit_option(struct cli *cli, size_t which, const char *value)
{
	struct cli_edit *edit = &cli->edit;
	json_t *comment;

	switch (which) {
	case EDIT_DRY_RUN:
		edit->dry_run = true;
		break;
	case EDIT_CONFIRM:
		if (str_to_u64(value, 1, CLI_CONFIRM_MAX_S, &edit->confirm_s) != 0) {
			return cli_usage_error(cli,
				"--confirm takes seconds from 1 to %d, not '%s'", CLI_CONFIRM_MAX_S,
				value);
		}
		break;
	case EDIT_COMMENT:
		comment = json_string(value);
		if (comment == NULL) {
			return cli_usage_error(cli, "the text of --comment is not valid UTF-8");
		}
		json_decref(comment);
		edit->comment = value;
		break;
	case EDIT_BASE:
		if (str_to_u64(value, 0, INT64_MAX, &edit->base) != 0) {
			return cli_usage_error(cli,
				"--base takes the number of a revision, not '%s'; 'config history' "
				"shows them",
				value);
		}
		edit->has_base = true;
		break;
	default:
		break;
	}
	return CLI_OK;
}

void
cli_edit_params(const struct cli *cli, json_t *params)
{
	const struct cli_edit *edit = &cli->edit;

	if (edit->has_base) {
		(void)json_object_set_new(
			params, "base-revision", json_integer((json_int_t)edit->base));
	}
	if (edit->comment != NULL) {
		(void)json_object_set_new(params, "comment", json_string(edit->comment));
	}
	if (edit->dry_run) {
		(void)json_object_set_new(params, "dry-run", json_true());
	}
	if (edit->confirm_s != 0) {
		(void)json_object_set_new(
			params, "confirm-timeout", json_integer((json_int_t)edit->confirm_s));
	}
}

json_t *
cli_edit_op(const char *op, const char *path, json_t *value)
{
	json_t *edit = json_pack("{s:s, s:s}", "op", op, "path", path);

	if (value != NULL) {
		(void)json_object_set_new(edit, "value", value);
	}
	return edit;
}

static void
report(struct cli *cli, const json_t *result)
{
	const json_t *changes = json_object_get(result, "changes");
	const char *until = cli_str(result, "confirm-by");

	if (cli->json) {
		cli_print_json(cli, result);
		return;
	}
	if (json_is_true(json_object_get(result, "dry-run"))) {
		cli_changes_print(cli, changes);
		if (json_object_get(result, "more") != NULL) {
			(void)fprintf(cli->out, "and %" PRIu64 " more changes\n",
				cli_num(result, "more"));
		}
		(void)fputs(json_array_size(changes) == 0 ? "dry run: there is nothing to change\n"
							  : "dry run: nothing was changed\n",
			cli->out);
	} else if (until[0] != '\0') {
		(void)fputs("provisional: to keep it, run 'vswitchctl config confirm' before ",
			cli->out);
		cli_print_text(cli, until);
		(void)fputs(", when it is taken back; 'vswitchctl config rollback' takes it back "
			    "now\n",
			cli->out);
	}
}

enum cli_status
cli_edit_send(struct cli *cli, const char *method, json_t *params)
{
	json_t *result = NULL;
	json_t *fault = NULL;
	enum cli_status status;

	cli_edit_params(cli, params);
	status = cli_call_fault(cli, method, params, &result, &fault);
	if (status == CLI_OK) {
		report(cli, result);
	} else if (fault != NULL) {
		const char *tag = cli_str(json_object_get(fault, "data"), "error-tag");

		cli_fault_print(cli, fault);
		if (strcmp(tag, "lock-denied") == 0 && cli->edit.has_base) {
			(void)fprintf(cli->err,
				"  'vswitchctl config diff %" PRIu64 "' shows what has changed "
				"since\n",
				cli->edit.base);
		} else if (strcmp(tag, "lock-denied") == 0) {
			(void)fputs("  'vswitchctl config confirm' keeps it, 'vswitchctl config "
				    "rollback' takes it back\n",
				cli->err);
		}
	}
	json_decref(result);
	json_decref(fault);
	return status;
}

enum cli_status
cli_edit_print(struct cli *cli, json_t *edits)
{
	return cli_edit_send(cli, "edit", json_pack("{s:o}", "edits", edits));
}
