/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that show a method's result as it is: call, version, ping, schema. */
#include <string.h>

#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"

static enum cli_status run_call(struct cli *cli, const struct cli_args *args);
static enum cli_status run_version(struct cli *cli, const struct cli_args *args);
static enum cli_status run_ping(struct cli *cli, const struct cli_args *args);
static enum cli_status run_schema(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_call_commands[] = {
	{
		.noun = "call",
		.usage = "METHOD [JSON]",
		.summary = "Call any JSON-RPC method and print its result",
		.examples = "  vswitchctl call ping\n"
			    "  vswitchctl call get '{\"path\": \"/vswitch:vswitch/port\", "
			    "\"depth\": 1}'\n",
		.min_args = 1,
		.max_args = 2,
		.words = {CLI_WORD_METHOD, CLI_WORD_ANY},
		.run = run_call,
	},
	{
		.noun = "version",
		.usage = "",
		.summary = "Show the versions of the daemon and its parts",
		.run = run_version,
	},
	{
		.noun = "ping",
		.usage = "",
		.summary = "Ask whether the daemon is alive",
		.run = run_ping,
	},
	{
		.noun = "schema",
		.usage = "[MODULE]",
		.summary = "Print the YANG module that the daemon serves",
		.max_args = 1,
		.words = {CLI_WORD_ANY},
		.run = run_schema,
	},
	{NULL},
};

static enum cli_status
run_call(struct cli *cli, const struct cli_args *args)
{
	json_t *params = NULL;
	json_t *result = NULL;
	json_error_t error;
	enum cli_status status;

	if (args->n == 2) {
		params = json_loads(args->v[1], JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
		if (params == NULL) {
			return cli_usage_error(cli, "the params are not JSON: %s (at byte %d)",
				error.text, error.position);
		}
	}
	status = cli_call(cli, args->v[0], params, &result);
	if (status == CLI_OK) {
		cli_print_json(cli, result);
	}
	json_decref(result);
	return status;
}

/* Call without params; print JSON, or its members as lines. */
static enum cli_status
run_plain(struct cli *cli, const char *method)
{
	json_t *result = NULL;
	enum cli_status status = cli_call(cli, method, NULL, &result);

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	} else if (status == CLI_OK) {
		cli_print_object(cli, result, 0);
	}
	json_decref(result);
	return status;
}

static enum cli_status
run_version(struct cli *cli, const struct cli_args *args)
{
	return run_plain(cli, "version");
}

static enum cli_status
run_ping(struct cli *cli, const struct cli_args *args)
{
	return run_plain(cli, "ping");
}

static enum cli_status
run_schema(struct cli *cli, const struct cli_args *args)
{
	json_t *params = args->n == 0 ? NULL : json_pack("{s:s}", "name", args->v[0]);
	json_t *result = NULL;
	enum cli_status status = cli_call(cli, "schema", params, &result);

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	} else if (status == CLI_OK) {
		(void)fputs(cli_str(result, "yang"), cli->out);
	}
	json_decref(result);
	return status;
}
