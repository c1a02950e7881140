/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_entry.h"
#include "ctl/cli_table.h"

static void print_bridges(struct cli *cli, const json_t *data);

static const struct cli_entry_kind bridge_kind = {
	.list = "bridge",
	.leaves = CLI_WORD_BRIDGE_LEAF,
	.print_all = print_bridges,
};

static const struct cli_option add_options[] = {
	{"may-exist", CLI_FLAG, NULL, "change the bridge if it is there already"},
	{NULL},
};

static const struct cli_option del_options[] = {
	{"if-exists", CLI_FLAG, NULL, "a bridge that is not there is no error"},
	{NULL},
};

const struct cli_command cli_bridge_commands[] = {
	{
		.noun = "bridge",
		.verb = "add",
		.usage = "NAME [KEY=VALUE]... [--may-exist]",
		.summary = "Create a bridge",
		.examples = "  vswitchctl bridge add br0\n"
			    "  vswitchctl bridge add br0 aging-time=60 --may-exist\n",
		.options = add_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_NEW, CLI_WORD_BRIDGE_LEAF},
		.run = cli_entry_add,
		.entry = &bridge_kind,
	},
	{
		.noun = "bridge",
		.verb = "del",
		.usage = "NAME... [--if-exists]",
		.summary = "Delete bridges; all of them or, on an error, none",
		.detail = "A bridge that ports still belong to is not deleted: delete or move them "
			  "first.\n",
		.examples = "  vswitchctl bridge del br0\n",
		.options = del_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_BRIDGE},
		.run = cli_entry_del,
		.entry = &bridge_kind,
	},
	{
		.noun = "bridge",
		.verb = "set",
		.usage = "NAME KEY=VALUE...",
		.summary = "Change a bridge; an empty value sets a key back to its default",
		.examples = "  vswitchctl bridge set br0 aging-time=60 fdb-limit=100000\n"
			    "  vswitchctl bridge set br0 aging-time=\n",
		.edits = true,
		.min_args = 2,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_BRIDGE_LEAF},
		.run = cli_entry_set,
		.entry = &bridge_kind,
	},
	{
		.noun = "bridge",
		.verb = "show",
		.usage = "[NAME]",
		.summary = "Show all bridges, or all about one",
		.examples = "  vswitchctl bridge show\n  vswitchctl bridge show br0\n",
		.max_args = 1,
		.words = {CLI_WORD_BRIDGE},
		.run = cli_entry_show,
		.entry = &bridge_kind,
	},
	{NULL},
};

static void
print_bridges(struct cli *cli, const json_t *data)
{
	static const char *const columns[] = {"BRIDGE", ">MACS", ">LEARNED", ">MOVED", ">AGED",
		">EVICTED", ">FLOODED", "DESCRIPTION", NULL};
	static const char *const counters[] = {
		"learned", "moved", "aged", "evicted", "flooded-packets"};
	struct cli_table *table = cli_table_create(columns);
	const json_t *bridge;
	size_t i;

	json_array_foreach (cli_list(data, "bridge"), i, bridge) {
		const json_t *statistics = json_object_get(bridge, "statistics");

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(bridge, "name"));
		cli_table_cell(table, "%" PRIu64, cli_num(bridge, "fdb-entries"));
		for (size_t c = 0; c < sizeof(counters) / sizeof(counters[0]); c++) {
			cli_table_cell(table, "%" PRIu64, cli_num(statistics, counters[c]));
		}
		cli_table_cell(table, "%s", cli_str(bridge, "description"));
	}
	cli_table_end(table, cli, "no bridges");
}
