/* SPDX-License-Identifier: BSD-3-Clause */
/* Revisions of the configuration: what has changed, who did it, and how to go back. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_change.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_config.h"
#include "ctl/cli_data.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_table.h"

#define HISTORY_DEFAULT 20 /* revisions shown */
#define HISTORY_MAX 100000

static enum cli_status run_history(struct cli *cli, const struct cli_args *args);
static enum cli_status run_diff(struct cli *cli, const struct cli_args *args);
static enum cli_status run_rollback(struct cli *cli, const struct cli_args *args);
static enum cli_status run_confirm(struct cli *cli, const struct cli_args *args);

static const struct cli_option history_options[] = {
	{"limit", CLI_VALUE, "N", "show the last N revisions; 20 unless given"},
	{NULL},
};

const struct cli_command cli_revision_commands[] = {
	{
		.noun = "config",
		.verb = "history",
		.usage = "[--limit N]",
		.summary = "Show the last revisions: when, by whom, how many changes, why",
		.examples = "  vswitchctl config history\n  vswitchctl config history --limit 5\n",
		.options = history_options,
		.run = run_history,
	},
	{
		.noun = "config",
		.verb = "diff",
		.usage = "[REVISION [REVISION] | FILE]",
		.summary = "Show what changed between revisions, or what loading a file would "
			   "change",
		.detail =
			"Without arguments: what the last revision changed. With one revision: "
			"what has\nchanged since. + comes, - goes, ~ changes. A file whose name is "
			"a number is\nwritten ./NAME.\n",
		.examples = "  vswitchctl config diff\n"
			    "  vswitchctl config diff 12\n"
			    "  vswitchctl config diff 12 14\n"
			    "  vswitchctl config diff switch.json\n",
		.max_args = 2,
		.words = {CLI_WORD_REVISION_OR_FILE, CLI_WORD_REVISION},
		.run = run_diff,
	},
	{
		.noun = "config",
		.verb = "rollback",
		.usage = "[REVISION]",
		.summary = "Go back to a revision; as it was becomes a new revision",
		.detail = "Without a revision: take provisional edits back now or, if there are "
			  "none, go back\nto the revision before the running one.\n",
		.examples = "  vswitchctl config rollback\n"
			    "  vswitchctl config rollback 12 --dry-run\n"
			    "  vswitchctl config rollback 12 --confirm 60\n",
		.edits = true,
		.max_args = 1,
		.words = {CLI_WORD_REVISION},
		.run = run_rollback,
	},
	{
		.noun = "config",
		.verb = "confirm",
		.usage = "",
		.summary = "Keep the provisional edits, those made with --confirm",
		.examples = "  vswitchctl port set vm1 mtu=9000 --confirm 60\n"
			    "  vswitchctl config confirm\n",
		.run = run_confirm,
	},
	{NULL},
};

static bool
is_number(const char *word)
{
	return word[0] != '\0' && strspn(word, "0123456789") == strlen(word);
}

static enum cli_status
revision_parse(struct cli *cli, const char *word, json_int_t *revision)
{
	uint64_t number;

	if (str_to_u64(word, 0, INT64_MAX, &number) != 0) {
		return cli_usage_error(cli,
			"'%s' is not the number of a revision; 'config history' shows them", word);
	}
	*revision = (json_int_t)number;
	return CLI_OK;
}

/* ---- history ---- */

/* What became of a provisional one. */
static void
history_confirm_cell(struct cli_table *table, const json_t *revision)
{
	const char *by = cli_str(revision, "confirmed-by");

	if (json_is_true(json_object_get(revision, "provisional"))) {
		cli_table_cell(table, "until %s", cli_str(revision, "confirm-by"));
		cli_table_colour(table, CLI_YELLOW);
	} else {
		cli_table_cell(table, "%s%s", by[0] == '\0' ? "" : "kept by ", by);
	}
}

static void
history_row(struct cli_table *table, const json_t *revision)
{
	cli_table_row(table);
	cli_table_cell(table, "%" PRIu64, cli_num(revision, "revision"));
	cli_table_cell(table, "%s", cli_str(revision, "time"));
	cli_table_cell(table, "%s", cli_str(revision, "user"));
	cli_table_cell(table, "%s", cli_str(revision, "from"));
	cli_table_cell(table, "%" PRIu64, cli_num(revision, "changes"));
	history_confirm_cell(table, revision);
	cli_table_cell(table, "%s", cli_str(revision, "comment"));
}

/* Page after page until `limit` revisions are there or all that are kept; *all is new. */
static enum cli_status
history_get(struct cli *cli, uint64_t limit, json_t **all)
{
	json_t *before = NULL;
	enum cli_status status = CLI_OK;

	*all = NULL;
	do {
		const size_t have = json_array_size(json_object_get(*all, "revisions"));
		json_t *params = json_pack("{s:I}", "limit", (json_int_t)(limit - have));
		json_t *page = NULL;
		json_t *next;

		if (before != NULL) {
			(void)json_object_set_new(params, "before", before);
			before = NULL;
		}
		status = cli_call(cli, "history", params, &page);
		if (status != CLI_OK) {
			break;
		}
		next = json_object_get(page, "next");
		before = next == NULL ? NULL : json_incref(next);
		if (*all == NULL) {
			*all = json_incref(page);
			(void)json_object_del(*all, "next");
		} else if (json_array_extend(json_object_get(*all, "revisions"),
				   json_object_get(page, "revisions")) != 0 ||
			json_array_size(json_object_get(page, "revisions")) == 0) {
			json_decref(before);
			before = NULL;
		}
		json_decref(page);
	} while (before != NULL && json_array_size(json_object_get(*all, "revisions")) < limit);
	json_decref(before);
	return status;
}

static enum cli_status
run_history(struct cli *cli, const struct cli_args *args)
{
	static const char *const columns[] = {
		">REVISION", "TIME", "USER", "FROM", ">CHANGES", "PROVISIONAL", "COMMENT", NULL};
	uint64_t limit = HISTORY_DEFAULT;
	struct cli_table *table;
	json_t *all = NULL;
	const json_t *revision;
	enum cli_status status;
	size_t i;

	if (args->options[0] != NULL && str_to_u64(args->options[0], 1, HISTORY_MAX, &limit) != 0) {
		return cli_usage_error(cli, "--limit takes a number from 1 to %d, not '%s'",
			HISTORY_MAX, args->options[0]);
	}
	status = history_get(cli, limit, &all);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, all);
	} else if (status == CLI_OK) {
		table = cli_table_create(columns);
		json_array_foreach (json_object_get(all, "revisions"), i, revision) {
			history_row(table, revision);
		}
		cli_table_end(table, cli, "no revisions yet: the first edit makes one");
	}
	json_decref(all);
	return status;
}

/* ---- diff ---- */

static enum cli_status
diff_params(struct cli *cli, const struct cli_args *args, json_t *params)
{
	static const char *const names[] = {"from", "to"};
	enum cli_status status = CLI_OK;
	json_t *document;

	if (args->n == 1 && !is_number(args->v[0])) {
		status = cli_config_read(cli, args->v[0], &document);
		if (status == CLI_OK) {
			(void)json_object_set_new(params, "document", document);
		}
		return status;
	}
	for (size_t i = 0; i < args->n && status == CLI_OK; i++) {
		json_int_t revision = 0;

		status = revision_parse(cli, args->v[i], &revision);
		(void)json_object_set_new(params, names[i], json_integer(revision));
	}
	return status;
}

static enum cli_status
run_diff(struct cli *cli, const struct cli_args *args)
{
	json_t *params = json_object();
	json_t *result = NULL;
	const json_t *changes;
	enum cli_status status = diff_params(cli, args, params);

	if (status != CLI_OK) {
		json_decref(params);
		return status;
	}
	status = cli_call(cli, "diff", params, &result);
	changes = json_object_get(result, "changes");
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	} else if (status == CLI_OK && json_array_size(changes) == 0) {
		(void)fputs("no difference\n", cli->out);
	} else if (status == CLI_OK) {
		cli_changes_print(cli, changes);
	}
	json_decref(result);
	return status;
}

/* ---- rollback, confirm ---- */

static enum cli_status
run_rollback(struct cli *cli, const struct cli_args *args)
{
	json_t *params = json_object();

	if (args->n == 1) {
		json_int_t revision = 0;

		if (revision_parse(cli, args->v[0], &revision) != CLI_OK) {
			json_decref(params);
			return CLI_USAGE;
		}
		(void)json_object_set_new(params, "revision", json_integer(revision));
	}
	return cli_edit_send(cli, "rollback", params);
}

static enum cli_status
run_confirm(struct cli *cli, const struct cli_args *args)
{
	json_t *result = NULL;
	enum cli_status status = cli_call(cli, "confirm", json_object(), &result);

	(void)args;
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	} else if (status == CLI_OK) {
		(void)fprintf(
			cli->out, "revision %" PRIu64 " is kept\n", cli_num(result, "revision"));
	}
	json_decref(result);
	return status;
}
