/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_entry.h"
#include "ctl/cli_leaf.h"
#include "ctl/cli_part.h"
#include "ctl/cli_place.h"
#include "ctl/cli_table.h"

static enum cli_status run_rule(struct cli *cli, const struct cli_args *args);
static void print_lists(struct cli *cli, const json_t *data);
static void print_entries(struct cli *cli, const json_t *entry);

static const struct cli_entry_kind acl_kind = {
	.list = "acl",
	.leaves = CLI_WORD_ACL_LEAF,
	.print = print_entries,
	.print_all = print_lists,
};

static const struct cli_option add_options[] = {
	{"may-exist", CLI_FLAG, NULL, "change the access list if it is there already"},
	{NULL},
};

static const struct cli_option del_options[] = {
	{"if-exists", CLI_FLAG, NULL, "an access list that is not there is no error"},
	{NULL},
};

const struct cli_command cli_acl_commands[] = {
	{
		.noun = "acl",
		.verb = "add",
		.usage = "NAME [KEY=VALUE]... [--may-exist]",
		.summary = "Create an access list, without entries",
		.examples = "  vswitchctl acl add web\n"
			    "  vswitchctl acl add lab default-action=accept\n",
		.options = add_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_NEW, CLI_WORD_ACL_LEAF},
		.run = cli_entry_add,
		.entry = &acl_kind,
	},
	{
		.noun = "acl",
		.verb = "del",
		.usage = "NAME... [--if-exists]",
		.summary = "Delete access lists; all of them or, on an error, none",
		.detail = "One that a port or mirror uses is not deleted: set their acl-in, "
			  "acl-out and\nsource-acl first.\n",
		.examples = "  vswitchctl acl del web\n",
		.options = del_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_ACL},
		.run = cli_entry_del,
		.entry = &acl_kind,
	},
	{
		.noun = "acl",
		.verb = "set",
		.usage = "NAME KEY=VALUE...",
		.summary = "Change an access list; an empty value sets a key back to its default",
		.examples = "  vswitchctl acl set web default-action=accept\n",
		.edits = true,
		.min_args = 2,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_ACL, CLI_WORD_ACL_LEAF},
		.run = cli_entry_set,
		.entry = &acl_kind,
	},
	{
		.noun = "acl",
		.verb = "show",
		.usage = "[NAME]",
		.summary = "Show all access lists, or the entries of one with their counters",
		.examples = "  vswitchctl acl show\n  vswitchctl acl show web\n",
		.max_args = 1,
		.words = {CLI_WORD_ACL},
		.run = cli_entry_show,
		.entry = &acl_kind,
	},
	{
		.noun = "acl",
		.verb = "rule",
		.usage = "{add | set | del} NAME ENTRY [KEY=VALUE]... [--first | --before ENTRY | "
			 "--after ENTRY]",
		.summary = "Add, change, move or delete an entry of an access list",
		.detail = "Entries are asked in their order, the first that matches decides. A new "
			  "one\ncomes last, if no option says where.\n"
			  "With set, an empty value takes the key away.\n",
		.examples = "  vswitchctl acl rule add web http protocol=tcp destination-port=80 "
			    "forwarding=accept\n"
			    "  vswitchctl acl rule add web bad source-network=192.0.2.0/24 "
			    "forwarding=drop --first\n"
			    "  vswitchctl acl rule set web http destination-port=80-90\n"
			    "  vswitchctl acl rule set web http --after bad\n"
			    "  vswitchctl acl rule del web http\n",
		.options = cli_place_options,
		.edits = true,
		.min_args = 3,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_PART, CLI_WORD_ACL, CLI_WORD_ANY, CLI_WORD_ACE_LEAF},
		.run = run_rule,
	},
	{NULL},
};

/* ---- show ---- */

static void
print_lists(struct cli *cli, const json_t *data)
{
	static const char *const columns[] = {
		"ACL", ">ENTRIES", "DEFAULT", ">PACKETS", "DESCRIPTION", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *acl;
	size_t i;

	json_array_foreach (cli_list(data, "acl"), i, acl) {
		const char *rest = cli_str(acl, "default-action");

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(acl, "name"));
		cli_table_cell(table, "%zu", json_array_size(json_object_get(acl, "ace")));
		cli_table_cell(table, "%s", rest[0] == '\0' ? "drop" : rest);
		cli_table_cell(table, "%" PRIu64, cli_num(acl, "default-packets"));
		cli_table_cell(table, "%s", cli_str(acl, "description"));
	}
	cli_table_end(table, cli, "no access lists");
}

/* "protocol=tcp destination-port=80" */
static const char *
matches_text(const json_t *matches, char *buf, size_t size)
{
	const char *name;
	json_t *value;

	buf[0] = '\0';
	json_object_foreach ((json_t *)(uintptr_t)matches, name, value) {
		char text[128];

		(void)str_appendf(buf, size, "%s%s=%s", buf[0] == '\0' ? "" : " ", name,
			cli_text(value, text, sizeof(text)));
	}
	return buf[0] == '\0' ? "all frames" : buf;
}

static void
print_entries(struct cli *cli, const json_t *acl)
{
	static const char *const columns[] = {">PACKETS", "ENTRY", "ACTION", "MATCHES", NULL};
	const char *rest = cli_str(acl, "default-action");
	struct cli_table *table = cli_table_create(columns);
	const json_t *ace;
	size_t i;

	json_array_foreach (json_object_get(acl, "ace"), i, ace) {
		char text[1024];

		cli_table_row(table);
		cli_table_cell(table, "%" PRIu64, cli_num(ace, "matched-packets"));
		cli_table_cell(table, "%s", cli_str(ace, "name"));
		cli_table_cell(table, "%s", cli_str(ace, "forwarding"));
		cli_table_cell(table, "%s",
			matches_text(json_object_get(ace, "matches"), text, sizeof(text)));
	}
	cli_table_row(table);
	cli_table_cell(table, "%" PRIu64, cli_num(acl, "default-packets"));
	cli_table_cell(table, "-");
	cli_table_cell(table, "%s", rest[0] == '\0' ? "drop" : rest);
	cli_table_cell(table, "all others");
	cli_table_print(table, cli, 0);
	cli_table_destroy(table);
}

/* ---- rule ---- */

/* A path below the entry for a leaf; all but forwarding are matches. */
static void
leaf_path(const char *entry, const char *key, char *out, size_t size)
{
	(void)snprintf(
		out, size, "%s/%s%s", entry, strcmp(key, "forwarding") == 0 ? "" : "matches/", key);
}

/* insert or move with the options' place; the last place needs no words. */
static enum cli_status
place(struct cli *cli, const struct cli_args *args, json_t *op)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = cli_path(cli, path, "acl", args->v[1], "");

	return status == CLI_OK ? cli_place(cli, args, path, "ace", op) : status;
}

static enum cli_status
rule_add(struct cli *cli, const struct cli_args *args, const char *path, json_t *edits)
{
	json_t *matches = json_object();
	json_t *ace = json_object();
	json_t *forwarding;
	json_t *op;
	enum cli_status status =
		cli_leaf_parse(cli, CLI_WORD_ACE_LEAF, args->v + 3, args->n - 3, matches, NULL);

	forwarding = json_object_get(matches, "forwarding");
	if (forwarding != NULL) {
		(void)json_object_set(ace, "forwarding", forwarding);
		(void)json_object_del(matches, "forwarding");
	}
	if (json_object_size(matches) > 0) {
		(void)json_object_set(ace, "matches", matches);
	}
	json_decref(matches);
	op = cli_edit_op(cli_place_given(args) ? "insert" : "create", path, ace);
	if (status == CLI_OK && cli_place_given(args)) {
		status = place(cli, args, op);
	}
	(void)json_array_append_new(edits, op);
	return status;
}

static enum cli_status
rule_set(struct cli *cli, const struct cli_args *args, const char *path, json_t *edits)
{
	char leaf[CLI_PATH_SIZE + 128];
	json_t *values = json_object();
	json_t *removed = json_array();
	const json_t *name;
	const char *key;
	json_t *value;
	size_t i;
	enum cli_status status =
		cli_leaf_parse(cli, CLI_WORD_ACE_LEAF, args->v + 3, args->n - 3, values, removed);

	if (status == CLI_OK && args->n == 3 && !cli_place_given(args)) {
		status = cli_usage_error(cli, "nothing to set");
	}
	json_array_foreach (removed, i, name) {
		leaf_path(path, json_string_value(name), leaf, sizeof(leaf));
		(void)json_array_append_new(edits, cli_edit_op("remove", leaf, NULL));
	}
	json_object_foreach (values, key, value) {
		leaf_path(path, key, leaf, sizeof(leaf));
		(void)json_array_append_new(edits, cli_edit_op("merge", leaf, json_incref(value)));
	}
	if (status == CLI_OK && cli_place_given(args)) {
		json_t *op = cli_edit_op("move", path, NULL);

		status = place(cli, args, op);
		(void)json_array_append_new(edits, op);
	}
	json_decref(values);
	json_decref(removed);
	return status;
}

static enum cli_status
run_rule(struct cli *cli, const struct cli_args *args)
{
	const char *what = args->v[0];
	char path[CLI_PATH_SIZE];
	json_t *edits;
	enum cli_status status = cli_path(cli, path, "acl", args->v[1], "");

	if (status == CLI_OK) {
		status = cli_part_path(cli, path, "ace", "name", args->v[2]);
	}
	if (status != CLI_OK) {
		return status;
	}
	edits = json_array();
	if (strcmp(what, "add") == 0) {
		status = rule_add(cli, args, path, edits);
	} else if (strcmp(what, "set") == 0) {
		status = rule_set(cli, args, path, edits);
	} else if (strcmp(what, "del") != 0) {
		status = cli_usage_error(cli, "'%s' is none of add, set and del", what);
	} else if (args->n > 3 || cli_place_given(args)) {
		status = cli_usage_error(cli, "del takes no keys and no place");
	} else {
		(void)json_array_append_new(edits, cli_edit_op("delete", path, NULL));
	}
	if (status != CLI_OK) {
		json_decref(edits);
		return status;
	}
	return cli_edit_print(cli, edits);
}
