/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>

#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_part.h"
#include "ctl/cli_table.h"

static enum cli_status run_add(struct cli *cli, const struct cli_args *args);
static enum cli_status run_set(struct cli *cli, const struct cli_args *args);
static enum cli_status run_del(struct cli *cli, const struct cli_args *args);
static enum cli_status run_show(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_meter_commands[] = {
	{
		.noun = "meter",
		.verb = "add",
		.usage = "BRIDGE ID {packet-rate=N | bit-rate=KBIT} [burst=N]",
		.summary = "Create a meter that flow rules can send packets through",
		.examples = "  vswitchctl meter add br0 1 packet-rate=1000\n"
			    "  vswitchctl meter add br0 2 bit-rate=10000 burst=500\n",
		.edits = true,
		.min_args = 3,
		.max_args = 5,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY, CLI_WORD_METER_LEAF},
		.run = run_add,
	},
	{
		.noun = "meter",
		.verb = "set",
		.usage = "BRIDGE ID KEY=VALUE...",
		.summary = "Change a meter, which then counts from zero",
		.examples = "  vswitchctl meter set br0 1 packet-rate=2000\n"
			    "  vswitchctl meter set br0 1 burst=\n",
		.edits = true,
		.min_args = 3,
		.max_args = 6,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY, CLI_WORD_METER_LEAF},
		.run = run_set,
	},
	{
		.noun = "meter",
		.verb = "del",
		.usage = "BRIDGE ID",
		.summary = "Delete a meter; packets of rules that name it pass",
		.examples = "  vswitchctl meter del br0 1\n",
		.edits = true,
		.min_args = 2,
		.max_args = 2,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY},
		.run = run_del,
	},
	{
		.noun = "meter",
		.verb = "show",
		.usage = "BRIDGE",
		.summary = "Show the meters of a bridge and what they passed and dropped",
		.examples = "  vswitchctl meter show br0\n",
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_BRIDGE},
		.run = run_show,
	},
	{NULL},
};

static enum cli_status
meter_path(struct cli *cli, const struct cli_args *args, char path[CLI_PATH_SIZE])
{
	enum cli_status status = cli_path(cli, path, "bridge", args->v[0], "");

	return status != CLI_OK ? status : cli_part_path(cli, path, "meter", "id", args->v[1]);
}

static enum cli_status
run_add(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = meter_path(cli, args, path);

	return status != CLI_OK
		? status
		: cli_part_add(cli, path, CLI_WORD_METER_LEAF, args->v + 2, args->n - 2);
}

static enum cli_status
run_set(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = meter_path(cli, args, path);

	return status != CLI_OK
		? status
		: cli_part_set(cli, path, CLI_WORD_METER_LEAF, args->v + 2, args->n - 2);
}

static enum cli_status
run_del(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = meter_path(cli, args, path);

	return status != CLI_OK ? status : cli_part_del(cli, path);
}

static void
print_meters(struct cli *cli, const json_t *meters)
{
	static const char *const columns[] = {
		">METER", ">PACKETS/S", ">KBIT/S", ">BURST", ">PASSED", ">DROPPED", NULL};
	static const char *const leaves[] = {"packet-rate", "bit-rate", "burst"};
	struct cli_table *table = cli_table_create(columns);
	const json_t *meter;
	size_t i;

	json_array_foreach (meters, i, meter) {
		cli_table_row(table);
		cli_table_cell(table, "%" PRIu64, cli_num(meter, "id"));
		for (size_t c = 0; c < sizeof(leaves) / sizeof(leaves[0]); c++) {
			if (json_object_get(meter, leaves[c]) == NULL) {
				cli_table_cell(table, "-");
			} else {
				cli_table_cell(table, "%" PRIu64, cli_num(meter, leaves[c]));
			}
		}
		cli_table_cell(table, "%" PRIu64, cli_num(meter, "passed-packets"));
		cli_table_cell(table, "%" PRIu64, cli_num(meter, "dropped-packets"));
	}
	cli_table_end(table, cli, "no meters");
}

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	return cli_part_show(cli, args->v[0], "meter", print_meters);
}
