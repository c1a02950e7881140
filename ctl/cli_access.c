/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"
#include "ctl/cli_part.h"
#include "ctl/cli_place.h"
#include "ctl/cli_table.h"

#define ACCESS "/vswitch:vswitch/system/access"

static enum cli_status run_show(struct cli *cli, const struct cli_args *args);
static enum cli_status run_set(struct cli *cli, const struct cli_args *args);
static enum cli_status run_rule(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_access_commands[] = {
	{
		.noun = "access",
		.verb = "show",
		.usage = "",
		.summary = "Show who may do what",
		.examples = "  vswitchctl access show\n",
		.run = run_show,
	},
	{
		.noun = "access",
		.verb = "set",
		.usage = "KEY=VALUE...",
		.summary = "Say what users of the control socket may do whom no rule names",
		.detail = "root and the daemon's own user may always do all. Certificates that no "
			  "rule\n"
			  "names may do nothing.\n",
		.examples = "  vswitchctl access set default-role=read\n",
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_ACCESS_LEAF},
		.run = run_set,
	},
	{
		.noun = "access",
		.verb = "rule",
		.usage = "{add | set | del} RULE [KEY=VALUE]... [--first | --before RULE | "
			 "--after RULE]",
		.summary = "Add, change, move or delete a rule of who may do what",
		.detail =
			"Rules are asked in their order, the first that names the caller says his "
			"role:\n"
			"  none     nothing\n"
			"  read     look, subscribe, trace, try an edit with --dry-run\n"
			"  operate  and program rules, flush, clear, capture\n"
			"  admin    and change the configuration\n"
			"A rule with neither user nor group means everybody. New rules hold at "
			"once,\nfor open connections too.\n",
		.examples = "  vswitchctl access rule add ops group=netops role=operate\n"
			    "  vswitchctl access rule add alice user=alice from=remote role=admin "
			    "--first\n"
			    "  vswitchctl access rule add tenant user=tenant7 role=admin \\\n"
			    "      \"path=/vswitch:vswitch/port[name='vm7']\"\n"
			    "  vswitchctl access rule del ops\n",
		.options = cli_place_options,
		.edits = true,
		.min_args = 2,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_PART, CLI_WORD_ANY, CLI_WORD_ACCESS_RULE_LEAF},
		.run = run_rule,
	},
	{NULL},
};

/* ---- show ---- */

/* A list with commas; nothing if it is not there. */
static const char *
list_text(const json_t *rule, const char *leaf, char *buf, size_t size)
{
	const json_t *list = json_object_get(rule, leaf);

	return list == NULL ? "" : cli_text(list, buf, size);
}

static void
print_rules(struct cli *cli, const json_t *access)
{
	static const char *const columns[] = {
		"RULE", "ROLE", "FROM", "USERS", "GROUPS", "PATHS", NULL};
	const char *rest = cli_str(access, "default-role");
	struct cli_table *table = cli_table_create(columns);
	const json_t *rule;
	size_t i;

	json_array_foreach (json_object_get(access, "rule"), i, rule) {
		const char *from = cli_str(rule, "from");
		char text[1024];

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(rule, "name"));
		cli_table_cell(table, "%s", cli_str(rule, "role"));
		cli_table_cell(table, "%s", from[0] == '\0' ? "any" : from);
		if (json_object_get(rule, "user") == NULL &&
			json_object_get(rule, "group") == NULL) {
			cli_table_cell(table, "everybody");
		} else {
			cli_table_cell(table, "%s", list_text(rule, "user", text, sizeof(text)));
		}
		cli_table_cell(table, "%s", list_text(rule, "group", text, sizeof(text)));
		cli_table_cell(table, "%s", list_text(rule, "path", text, sizeof(text)));
	}
	cli_table_row(table);
	cli_table_cell(table, "-");
	cli_table_cell(table, "%s", rest[0] == '\0' ? "admin" : rest);
	cli_table_cell(table, "local");
	cli_table_cell(table, "all others");
	cli_table_row(table);
	cli_table_cell(table, "-");
	cli_table_cell(table, "none");
	cli_table_cell(table, "remote");
	cli_table_cell(table, "all others");
	cli_table_print(table, cli, 0);
	cli_table_destroy(table);
}

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	json_t *data = NULL;
	enum cli_status status = cli_get(cli, ACCESS, "config", &data);

	(void)args;
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK) {
		print_rules(
			cli, json_object_get(json_object_get(cli_root(data), "system"), "access"));
	}
	json_decref(data);
	return status;
}

/* ---- set, rule ---- */

static enum cli_status
run_set(struct cli *cli, const struct cli_args *args)
{
	return cli_part_set(cli, ACCESS, CLI_WORD_ACCESS_LEAF, args->v, args->n);
}

/* insert with the keys, or move and nothing else. */
static enum cli_status
rule_place(struct cli *cli, const struct cli_args *args, const char *path, const char *how)
{
	json_t *value = json_object();
	json_t *op;
	enum cli_status status = cli_leaf_parse(
		cli, CLI_WORD_ACCESS_RULE_LEAF, args->v + 2, args->n - 2, value, NULL);

	if (status == CLI_OK && strcmp(how, "move") == 0 && args->n > 2) {
		status = cli_usage_error(cli, "set its keys, or move it: not both at once");
	}
	if (strcmp(how, "move") == 0) {
		json_decref(value);
		value = NULL;
	}
	op = cli_edit_op(how, path, value);
	if (status == CLI_OK) {
		status = cli_place(cli, args, ACCESS, "rule", op);
	}
	if (status != CLI_OK) {
		json_decref(op);
		return status;
	}
	return cli_edit_print(cli, json_pack("[o]", op));
}

static enum cli_status
run_rule(struct cli *cli, const struct cli_args *args)
{
	const char *what = args->v[0];
	bool placed = cli_place_given(args);
	char path[CLI_PATH_SIZE] = ACCESS;
	enum cli_status status = cli_part_path(cli, path, "rule", "name", args->v[1]);

	if (status != CLI_OK) {
		return status;
	}
	if (strcmp(what, "add") == 0) {
		return placed ? rule_place(cli, args, path, "insert")
			      : cli_part_add(cli, path, CLI_WORD_ACCESS_RULE_LEAF, args->v + 2,
					args->n - 2);
	}
	if (strcmp(what, "set") == 0) {
		if (placed) {
			return rule_place(cli, args, path, "move");
		}
		return args->n == 2 ? cli_usage_error(cli, "nothing to set")
				    : cli_part_set(cli, path, CLI_WORD_ACCESS_RULE_LEAF,
					      args->v + 2, args->n - 2);
	}
	if (strcmp(what, "del") != 0) {
		return cli_usage_error(cli, "'%s' is none of add, set and del", what);
	}
	return args->n > 2 || placed ? cli_usage_error(cli, "del takes no keys and no place")
				     : cli_part_del(cli, path);
}
