/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_part.h"
#include "ctl/cli_table.h"

static enum cli_status run_add(struct cli *cli, const struct cli_args *args);
static enum cli_status run_set(struct cli *cli, const struct cli_args *args);
static enum cli_status run_del(struct cli *cli, const struct cli_args *args);
static enum cli_status run_show(struct cli *cli, const struct cli_args *args);
static enum cli_status run_bucket(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_group_commands[] = {
	{
		.noun = "group",
		.verb = "add",
		.usage = "BRIDGE ID type=TYPE",
		.summary = "Create a group, without buckets, that flow rules can send packets to",
		.examples = "  vswitchctl group add br0 1 type=failover\n",
		.edits = true,
		.min_args = 3,
		.max_args = 3,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY, CLI_WORD_GROUP_LEAF},
		.run = run_add,
	},
	{
		.noun = "group",
		.verb = "set",
		.usage = "BRIDGE ID type=TYPE",
		.summary = "Change a group",
		.examples = "  vswitchctl group set br0 1 type=select\n",
		.edits = true,
		.min_args = 3,
		.max_args = 3,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY, CLI_WORD_GROUP_LEAF},
		.run = run_set,
	},
	{
		.noun = "group",
		.verb = "del",
		.usage = "BRIDGE ID",
		.summary = "Delete a group with its buckets; packets of rules that name it are "
			   "dropped",
		.examples = "  vswitchctl group del br0 1\n",
		.edits = true,
		.min_args = 2,
		.max_args = 2,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY},
		.run = run_del,
	},
	{
		.noun = "group",
		.verb = "show",
		.usage = "BRIDGE",
		.summary = "Show the groups of a bridge with their buckets",
		.examples = "  vswitchctl group show br0\n",
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_BRIDGE},
		.run = run_show,
	},
	{
		.noun = "group",
		.verb = "bucket",
		.usage = "{add | set | del} BRIDGE ID BUCKET [KEY=VALUE]...",
		.summary = "Add, change or delete a bucket of a group",
		.detail =
			"Buckets are in the order of their numbers. With set, an empty value takes "
			"the\nkey away.\n",
		.examples = "  vswitchctl group bucket add br0 1 1 actions=output:up1 "
			    "watch-port=up1\n"
			    "  vswitchctl group bucket add br0 1 2 actions=output:up2\n"
			    "  vswitchctl group bucket set br0 1 2 watch-port=up2\n"
			    "  vswitchctl group bucket del br0 1 2\n",
		.edits = true,
		.min_args = 4,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_PART, CLI_WORD_BRIDGE, CLI_WORD_ANY, CLI_WORD_BUCKET_LEAF},
		.run = run_bucket,
	},
	{NULL},
};

static enum cli_status
group_path(struct cli *cli, const char *bridge, const char *id, char path[CLI_PATH_SIZE])
{
	enum cli_status status = cli_path(cli, path, "bridge", bridge, "");

	return status != CLI_OK ? status : cli_part_path(cli, path, "group", "id", id);
}

static enum cli_status
run_add(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = group_path(cli, args->v[0], args->v[1], path);

	return status != CLI_OK
		? status
		: cli_part_add(cli, path, CLI_WORD_GROUP_LEAF, args->v + 2, args->n - 2);
}

static enum cli_status
run_set(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = group_path(cli, args->v[0], args->v[1], path);

	return status != CLI_OK
		? status
		: cli_part_set(cli, path, CLI_WORD_GROUP_LEAF, args->v + 2, args->n - 2);
}

static enum cli_status
run_del(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = group_path(cli, args->v[0], args->v[1], path);

	return status != CLI_OK ? status : cli_part_del(cli, path);
}

static enum cli_status
run_bucket(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];
	enum cli_status status = group_path(cli, args->v[1], args->v[2], path);

	if (status == CLI_OK) {
		status = cli_part_path(cli, path, "bucket", "id", args->v[3]);
	}
	if (status != CLI_OK) {
		return status;
	}
	if (strcmp(args->v[0], "add") == 0) {
		return cli_part_add(cli, path, CLI_WORD_BUCKET_LEAF, args->v + 4, args->n - 4);
	}
	if (strcmp(args->v[0], "set") == 0) {
		return args->n == 4
			? cli_usage_error(cli, "nothing to set")
			: cli_part_set(cli, path, CLI_WORD_BUCKET_LEAF, args->v + 4, args->n - 4);
	}
	if (strcmp(args->v[0], "del") != 0) {
		return cli_usage_error(cli, "'%s' is none of add, set and del", args->v[0]);
	}
	return args->n > 4 ? cli_usage_error(cli, "del takes no keys") : cli_part_del(cli, path);
}

static void
add_bucket(struct cli_table *table, const json_t *group, const json_t *bucket)
{
	const json_t *weight = json_object_get(bucket, "weight");

	cli_table_row(table);
	cli_table_cell(table, "%" PRIu64, cli_num(group, "id"));
	cli_table_cell(table, "%s", cli_str(group, "type"));
	if (bucket == NULL) {
		return;
	}
	cli_table_cell(table, "%" PRIu64, cli_num(bucket, "id"));
	cli_table_cell(table, "%" PRIu64, weight == NULL ? 1 : cli_num(bucket, "weight"));
	cli_table_cell(table, "%s", cli_str(bucket, "watch-port"));
	cli_table_cell(table, "%s", cli_str(bucket, "actions"));
}

static void
print_groups(struct cli *cli, const json_t *groups)
{
	static const char *const columns[] = {
		">GROUP", "TYPE", ">BUCKET", ">WEIGHT", "WATCH", "ACTIONS", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *group;
	size_t i;

	json_array_foreach (groups, i, group) {
		const json_t *buckets = json_object_get(group, "bucket");
		const json_t *bucket;
		size_t b;

		if (json_array_size(buckets) == 0) {
			add_bucket(table, group, NULL);
		}
		json_array_foreach (buckets, b, bucket) {
			add_bucket(table, group, bucket);
		}
	}
	cli_table_end(table, cli, "no groups");
}

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	return cli_part_show(cli, args->v[0], "group", print_groups);
}
