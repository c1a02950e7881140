/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"
#include "ctl/cli_table.h"

#define PAGE 10000 /* the daemon's largest */

static enum cli_status run_show(struct cli *cli, const struct cli_args *args);
static enum cli_status run_add(struct cli *cli, const struct cli_args *args);
static enum cli_status run_del(struct cli *cli, const struct cli_args *args);
static enum cli_status run_flush(struct cli *cli, const struct cli_args *args);

static const struct cli_option show_options[] = {
	{"limit", CLI_VALUE, "N", "show the first N entries only"},
	{NULL},
};

static const struct cli_option add_options[] = {
	{"may-exist", CLI_FLAG, NULL, "move the entry if it is there already"},
	{NULL},
};

static const struct cli_option del_options[] = {
	{"if-exists", CLI_FLAG, NULL, "an entry that is not there is no error"},
	{NULL},
};

const struct cli_command cli_fdb_commands[] = {
	{
		.noun = "fdb",
		.verb = "show",
		.usage = "BRIDGE [--limit N]",
		.summary = "Show the MAC table of a bridge",
		.examples = "  vswitchctl fdb show br0\n  vswitchctl fdb show br0 --limit 20\n",
		.options = show_options,
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_BRIDGE},
		.run = run_show,
	},
	{
		.noun = "fdb",
		.verb = "add",
		.usage = "BRIDGE MAC PORT [vlan=ID] [--may-exist]",
		.summary = "Add a static MAC address, which neither ages nor moves",
		.examples = "  vswitchctl fdb add br0 52:54:00:12:34:56 vm1\n"
			    "  vswitchctl fdb add br0 52:54:00:12:34:56 vm1 vlan=10\n",
		.options = add_options,
		.edits = true,
		.min_args = 3,
		.max_args = 4,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY, CLI_WORD_PORT, CLI_WORD_FDB_LEAF},
		.run = run_add,
	},
	{
		.noun = "fdb",
		.verb = "del",
		.usage = "BRIDGE MAC [vlan=ID] [--if-exists]",
		.summary = "Delete a static MAC address",
		.examples = "  vswitchctl fdb del br0 52:54:00:12:34:56 vlan=10\n",
		.options = del_options,
		.edits = true,
		.min_args = 2,
		.max_args = 3,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY, CLI_WORD_FDB_LEAF},
		.run = run_del,
	},
	{
		.noun = "fdb",
		.verb = "flush",
		.usage = "BRIDGE [port=PORT] [vlan=ID]",
		.summary = "Forget learned MAC addresses",
		.examples =
			"  vswitchctl fdb flush br0\n  vswitchctl fdb flush br0 port=vm1 vlan=10\n",
		.min_args = 1,
		.max_args = 3,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_FLUSH_LEAF},
		.run = run_flush,
	},
	{NULL},
};

/* ---- show ---- */

static void
print_page(struct cli *cli, struct cli_table *table, const json_t *entries)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		bool is_static = json_is_true(json_object_get(entry, "static"));
		const json_t *age = json_object_get(entry, "age");

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(entry, "mac"));
		cli_table_cell(table, "%" PRIu64, cli_num(entry, "vlan"));
		cli_table_cell(table, "%s", cli_str(entry, "port"));
		if (is_static || age == NULL) {
			cli_table_cell(table, "-");
		} else {
			cli_table_cell(table, "%" PRIu64, cli_num(entry, "age"));
		}
		cli_table_cell(table, "%s", is_static ? "static" : "learned");
	}
	if (cli_table_rows(table) > 0) {
		cli_table_print(table, cli, 0);
	}
}

/* The page's own array inside the document. */
static json_t *
page_entries(const json_t *page, const char *bridge)
{
	return json_object_get(cli_entry(page, "bridge", bridge), "fdb");
}

static enum cli_status
page_get(struct cli *cli, const char *path, uint64_t limit, const char *after, json_t **page)
{
	json_t *params = json_pack("{s:s, s:I}", "path", path, "limit", (json_int_t)limit);

	if (after != NULL) {
		(void)json_object_set_new(params, "after", json_string(after));
	}
	return cli_call(cli, "get", params, page);
}

/*
 * Follow the pages. With --json the entries of all pages go into the first one: what the daemon
 * would have sent, had it no pages.
 */
static enum cli_status
show_pages(struct cli *cli, const char *path, const char *bridge, uint64_t left,
	struct cli_table *table)
{
	json_t *whole = NULL;
	json_t *page = NULL;
	enum cli_status status = CLI_OK;

	while (status == CLI_OK && left > 0) {
		char after[256];
		const char *next = page == NULL ? NULL : cli_str(page, "next");
		json_t *entries;

		if (next != NULL && (next[0] == '\0' || !str_copy(after, next, sizeof(after)))) {
			break;
		}
		json_decref(page);
		status = page_get(
			cli, path, left < PAGE ? left : PAGE, next == NULL ? NULL : after, &page);
		entries = page_entries(page, bridge);
		left -= json_array_size(entries) < left ? json_array_size(entries) : left;
		if (!cli->json) {
			print_page(cli, table, entries);
		} else if (whole == NULL) {
			whole = json_incref(page);
		} else {
			(void)json_array_extend(page_entries(whole, bridge), entries);
		}
	}
	if (status == CLI_OK && cli->json) {
		if (left > 0) {
			(void)json_object_del(whole, "next");
		}
		cli_print_json(cli, whole);
	}
	json_decref(page);
	json_decref(whole);
	return status;
}

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	static const char *const columns[] = {"MAC", ">VLAN", "PORT", ">AGE", "KIND", NULL};
	uint64_t limit = UINT64_MAX;
	char path[CLI_PATH_SIZE];
	struct cli_table *table;
	enum cli_status status;

	if (args->options[0] != NULL && str_to_u64(args->options[0], 1, UINT64_MAX, &limit) != 0) {
		return cli_usage_error(
			cli, "--limit takes a number from 1, not '%s'", args->options[0]);
	}
	status = cli_path(cli, path, "bridge", args->v[0], "/fdb");
	if (status != CLI_OK) {
		return status;
	}
	table = cli_table_create(columns);
	status = show_pages(cli, path, args->v[0], limit, table);
	cli_table_destroy(table);
	return status;
}

/* ---- add, del ---- */

/* The path of a static entry; its VLAN from key=value arguments. */
static enum cli_status
static_path(struct cli *cli, const struct cli_args *args, size_t first_key, char *path)
{
	json_t *keys = json_object();
	const json_t *vlan;
	char number[32] = "0";
	char tail[128];
	enum cli_status status = cli_leaf_parse(
		cli, CLI_WORD_FDB_LEAF, args->v + first_key, args->n - first_key, keys, NULL);

	vlan = json_object_get(keys, "vlan");
	if (status == CLI_OK && json_object_size(keys) != (vlan == NULL ? 0 : 1)) {
		status = cli_usage_error(cli, "the only key here is vlan");
	}
	if (status == CLI_OK && vlan != NULL) {
		(void)cli_text(vlan, number, sizeof(number));
	}
	json_decref(keys);
	if (status != CLI_OK) {
		return status;
	}
	if (strpbrk(args->v[1], "'\"[]") != NULL || strlen(args->v[1]) > 64 ||
		strpbrk(number, "'\"[]") != NULL) {
		return cli_usage_error(cli, "'%s' is not a MAC address", args->v[1]);
	}
	(void)snprintf(tail, sizeof(tail), "/static-mac[mac='%s'][vlan='%s']", args->v[1], number);
	return cli_path(cli, path, "bridge", args->v[0], tail);
}

static enum cli_status
run_add(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = static_path(cli, args, 3, path);
	const char *op = args->options[0] == NULL ? "create" : "merge";

	if (status != CLI_OK) {
		return status;
	}
	return cli_edit_print(cli,
		json_pack("[o]", cli_edit_op(op, path, json_pack("{s:s}", "port", args->v[2]))));
}

static enum cli_status
run_del(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = static_path(cli, args, 2, path);
	const char *op = args->options[0] == NULL ? "delete" : "remove";

	if (status != CLI_OK) {
		return status;
	}
	return cli_edit_print(cli, json_pack("[o]", cli_edit_op(op, path, NULL)));
}

/* ---- flush ---- */

static enum cli_status
run_flush(struct cli *cli, const struct cli_args *args)
{
	json_t *input = json_pack("{s:s}", "bridge", args->v[0]);
	json_t *output = NULL;
	enum cli_status status =
		cli_leaf_parse(cli, CLI_WORD_FLUSH_LEAF, args->v + 1, args->n - 1, input, NULL);

	if (status != CLI_OK) {
		json_decref(input);
		return status;
	}
	status = cli_action(cli, "fdb-flush", input, &output);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, output);
	} else if (status == CLI_OK) {
		(void)fprintf(cli->out, "%" PRIu64 " address%s forgotten\n",
			cli_num(output, "flushed"), cli_num(output, "flushed") == 1 ? "" : "es");
	}
	json_decref(output);
	return status;
}
