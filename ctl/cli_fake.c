/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>

#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_leaf.h"

static enum cli_status run_inject(struct cli *cli, const struct cli_args *args);
static enum cli_status run_collect(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_fake_commands[] = {
	{
		.noun = "fake",
		.verb = "inject",
		.usage = "PORT HEX [count=N] [queue=N]",
		.summary = "Let a frame arrive on a port of type fake",
		.examples = "  vswitchctl fake inject p1 ffffffffffff0200000000010800 count=3\n",
		.min_args = 2,
		.max_args = 4,
		.words = {CLI_WORD_PORT, CLI_WORD_ANY, CLI_WORD_FAKE_LEAF},
		.run = run_inject,
	},
	{
		.noun = "fake",
		.verb = "collect",
		.usage = "PORT",
		.summary = "Take and print the frames that were sent out of a port of type fake",
		.detail = "One frame a line, in hex.\n",
		.examples = "  vswitchctl fake collect p2\n",
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_PORT},
		.run = run_collect,
	},
	{NULL},
};

static enum cli_status
run_inject(struct cli *cli, const struct cli_args *args)
{
	json_t *input = json_pack("{s:s, s:s}", "port", args->v[0], "frame", args->v[1]);
	json_t *output = NULL;
	enum cli_status status =
		cli_leaf_parse(cli, CLI_WORD_FAKE_LEAF, args->v + 2, args->n - 2, input, NULL);

	if (status != CLI_OK) {
		json_decref(input);
		return status;
	}
	status = cli_action(cli, "fake-inject", input, &output);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, output);
	} else if (status == CLI_OK) {
		(void)fprintf(cli->out, "%" PRIu64 " accepted\n", cli_num(output, "accepted"));
	}
	json_decref(output);
	return status;
}

static enum cli_status
run_collect(struct cli *cli, const struct cli_args *args)
{
	json_t *output = NULL;
	enum cli_status status =
		cli_action(cli, "fake-collect", json_pack("{s:s}", "port", args->v[0]), &output);
	const json_t *frame;
	size_t i;

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, output);
	} else if (status == CLI_OK) {
		json_array_foreach (json_object_get(output, "frames"), i, frame) {
			(void)fprintf(cli->out, "%s\n", cli_str(frame, "frame"));
		}
	}
	json_decref(output);
	return status;
}
