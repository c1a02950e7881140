/* SPDX-License-Identifier: BSD-3-Clause */
/* The nouns remote and http: where the daemon listens besides its socket. */
#include <string.h>

#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_part.h"

#define SYSTEM "/vswitch:vswitch/system/"

static enum cli_status run_show(struct cli *cli, const struct cli_args *args);
static enum cli_status run_set(struct cli *cli, const struct cli_args *args);
static enum cli_status run_reload(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_listener_commands[] = {
	{
		.noun = "remote",
		.verb = "show",
		.usage = "",
		.summary = "Show where the daemon listens for TLS, and who was refused last",
		.examples = "  vswitchctl remote show\n",
		.run = run_show,
	},
	{
		.noun = "remote",
		.verb = "set",
		.usage = "KEY=VALUE...",
		.summary = "Let vswitchctl and others reach the daemon by TLS, from afar",
		.detail = "TLS 1.3, with certificates on both sides; the files are on the daemon's "
			  "host.\nWhat a certificate may do is said by vswitchctl access.\n",
		.examples = "  vswitchctl remote set enabled=true address=192.0.2.10 \\\n"
			    "      certificate=/etc/vswitch/switch.pem key=/etc/vswitch/switch.key "
			    "\\\n"
			    "      client-ca=/etc/vswitch/ca.pem\n"
			    "  vswitchctl remote set enabled=false\n",
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_REMOTE_LEAF},
		.run = run_set,
	},
	{
		.noun = "remote",
		.verb = "reload",
		.usage = "",
		.summary = "Read certificates and keys again; open connections stay",
		.detail = "Do it after renewing them (SIGHUP does the same). Connections whose\n"
			  "certificate is no longer accepted are closed.\n",
		.examples = "  vswitchctl remote reload\n",
		.run = run_reload,
	},
	{
		.noun = "http",
		.verb = "show",
		.usage = "",
		.summary = "Show where the daemon serves metrics and its page",
		.examples = "  vswitchctl http show\n",
		.run = run_show,
	},
	{
		.noun = "http",
		.verb = "set",
		.usage = "KEY=VALUE...",
		.summary = "Serve metrics, health and a page by HTTP",
		.examples = "  vswitchctl http set enabled=true\n"
			    "  vswitchctl http set role=none\n",
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_HTTP_LEAF},
		.run = run_set,
	},
	{NULL},
};

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	const char *noun = cli->command->noun;
	char path[CLI_PATH_SIZE];
	json_t *data = NULL;
	const json_t *container;
	enum cli_status status;

	(void)args;
	(void)snprintf(path, sizeof(path), SYSTEM "%s", noun);
	status = cli_get(cli, path, "all", &data);
	container = json_object_get(json_object_get(cli_root(data), "system"), noun);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK) {
		cli_print_object(cli, container, 0);
	}
	json_decref(data);
	return status;
}

static enum cli_status
run_set(struct cli *cli, const struct cli_args *args)
{
	char path[CLI_PATH_SIZE];

	(void)snprintf(path, sizeof(path), SYSTEM "%s", cli->command->noun);
	return cli_part_set(cli, path, cli->command->words[0], args->v, args->n);
}

static enum cli_status
run_reload(struct cli *cli, const struct cli_args *args)
{
	json_t *output = NULL;
	enum cli_status status = cli_action(cli, "reload-certificates", json_object(), &output);

	(void)args;
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, output);
	}
	json_decref(output);
	return status;
}
