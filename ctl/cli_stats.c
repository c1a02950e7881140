/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_ports.h"
#include "ctl/cli_rates.h"
#include "ctl/cli_table.h"
#include "ctl/cli_watch.h"

#define WATCH_MAX_S 3600.0

enum { OPT_WATCH, OPT_COUNT, OPT_ONCE, OPT_CLEAR };

static enum cli_status run_stats(struct cli *cli, const struct cli_args *args);

static const struct cli_option stats_options[] = {
	[OPT_WATCH] = {"watch", CLI_OPTIONAL_NUMBER, "SECONDS",
		"show rates, again every second or every SECONDS, until q or Ctrl-C"},
	[OPT_COUNT] = {"count", CLI_VALUE, "N", "with --watch: end after N tables"},
	[OPT_ONCE] = {"once", CLI_FLAG, NULL, "with --watch: end after one table"},
	[OPT_CLEAR] = {"clear", CLI_FLAG, NULL, "let the counters start from zero again"},
	{NULL},
};

const struct cli_command cli_stats_commands[] = {
	{
		.noun = "stats",
		.usage = "[PORT]... [--watch [SECONDS]] [--count N | --once] [--clear]",
		.summary = "Show packet counters, or with --watch their rates",
		.detail =
			"Rates are per second, the busiest port first; bits are those of the "
			"frames, without\n"
			"preamble and gap. BUSY is the share of its time that each worker moved "
			"packets, MOST\n"
			"the reason of most drops (all of them: vswitchctl drops). Without a "
			"terminal a table\n"
			"follows the other; with --json each is a line: the counters as the daemon "
			"sent them.\n",
		.examples = "  vswitchctl stats\n"
			    "  vswitchctl stats vm1\n"
			    "  vswitchctl stats --watch\n"
			    "  vswitchctl stats vm1 vm2 --watch 5\n"
			    "  vswitchctl stats --watch --once\n",
		.options = stats_options,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_PORT},
		.run = run_stats,
	},
	{NULL},
};

/* ---- one look ---- */

/* State of all ports, or of one that must exist. */
static enum cli_status
ports_get(struct cli *cli, const char *port, json_t **data)
{
	char path[CLI_PATH_SIZE] = "/vswitch:vswitch/port";
	enum cli_status status = CLI_OK;

	*data = NULL;
	if (port != NULL) {
		status = cli_path(cli, path, "port", port, "");
	}
	if (status == CLI_OK) {
		status = cli_get(cli, path, "state", data);
	}
	if (status == CLI_OK && port != NULL && cli_entry(*data, "port", port) == NULL) {
		status = cli_error(cli, "there is no port '%s'", port);
	}
	return status;
}

/* True if `name` is one of the arguments, or there are none. */
static bool
is_wanted(const struct cli_args *args, const char *name)
{
	bool wanted = args->n == 0;

	for (size_t i = 0; !wanted && i < args->n; i++) {
		wanted = strcmp(args->v[i], name) == 0;
	}
	return wanted;
}

/* A terminal is for a look, where 5.12G tells more than its ten digits. */
static void
bytes_cell(struct cli_table *table, const struct cli *cli, uint64_t bytes)
{
	char text[CLI_RATE_TEXT_SIZE];

	if (cli->width > 0) {
		cli_table_cell(table, "%s", cli_rate_text((double)bytes, text));
	} else {
		cli_table_cell(table, "%" PRIu64, bytes);
	}
}

static void
print_counters(struct cli *cli, const json_t *data, const struct cli_args *args)
{
	static const char *const columns[] = {"PORT", "STATUS", ">RX-PACKETS", ">RX-BYTES",
		">TX-PACKETS", ">TX-BYTES", ">DROPS", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *port;
	size_t i;

	json_array_foreach (cli_list(data, "port"), i, port) {
		const json_t *statistics = json_object_get(port, "statistics");

		if (!is_wanted(args, cli_str(port, "name"))) {
			continue;
		}
		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(port, "name"));
		cli_table_cell(table, "%s", cli_str(port, "oper-status"));
		cli_table_colour(table, cli_status_colour(cli_str(port, "oper-status")));
		cli_table_cell(table, "%" PRIu64, cli_num(statistics, "rx-packets"));
		bytes_cell(table, cli, cli_num(statistics, "rx-bytes"));
		cli_table_cell(table, "%" PRIu64, cli_num(statistics, "tx-packets"));
		bytes_cell(table, cli, cli_num(statistics, "tx-bytes"));
		cli_table_cell(table, "%" PRIu64, cli_sum(json_object_get(statistics, "drops")));
	}
	cli_table_end(table, cli, "no ports");
}

static enum cli_status
clear(struct cli *cli, const char *port)
{
	json_t *input = json_object();
	json_t *output = NULL;
	enum cli_status status;

	if (port != NULL) {
		(void)json_object_set_new(input, "port", json_string(port));
	}
	status = cli_action(cli, "clear-counters", input, &output);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, output);
	}
	json_decref(output);
	return status;
}

/* The arguments are words of the command line, and NULL does not end them. */
static enum cli_status
watch(struct cli *cli, const struct cli_args *args, double period, uint64_t count)
{
	char **only = args->n == 0 ? NULL : calloc(args->n + 1, sizeof(*only));
	enum cli_status status;

	for (size_t i = 0; only != NULL && i < args->n; i++) {
		only[i] = args->v[i];
	}
	status = cli_watch(cli, only, period, count);
	free(only);
	return status;
}

static enum cli_status
run_stats(struct cli *cli, const struct cli_args *args)
{
	/* more than one: all are asked for, and those wanted are shown */
	const char *port = args->n == 1 ? args->v[0] : NULL;
	uint64_t count = UINT64_MAX;
	double period = 1;
	json_t *data = NULL;
	enum cli_status status;
	char *end;

	if (args->options[OPT_CLEAR] != NULL) {
		for (size_t i = 1; i < args->n; i++) {
			status = clear(cli, args->v[i]);
			if (status != CLI_OK) {
				return status;
			}
		}
		return clear(cli, args->n == 0 ? NULL : args->v[0]);
	}
	if (args->options[OPT_COUNT] != NULL &&
		str_to_u64(args->options[OPT_COUNT], 1, UINT64_MAX, &count) != 0) {
		return cli_usage_error(cli, "--count takes a number from 1");
	}
	if (args->options[OPT_ONCE] != NULL) {
		count = 1;
	}
	if (args->options[OPT_WATCH] != NULL) {
		if (args->options[OPT_WATCH][0] != '\0') {
			period = strtod(args->options[OPT_WATCH], &end);
			if (*end != '\0' || !(period >= 0.05 && period <= WATCH_MAX_S)) {
				return cli_usage_error(cli,
					"--watch takes seconds from 0.05 to %.0f", WATCH_MAX_S);
			}
		}
		return watch(cli, args, period, count);
	}
	status = ports_get(cli, port, &data);
	for (size_t i = 0; status == CLI_OK && i < args->n; i++) {
		if (cli_entry(data, "port", args->v[i]) == NULL) {
			status = cli_error(cli, "there is no port '%s'", args->v[i]);
		}
	}
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK && port != NULL) {
		cli_print_object(
			cli, json_object_get(cli_entry(data, "port", port), "statistics"), 0);
	} else if (status == CLI_OK) {
		print_counters(cli, data, args);
	}
	json_decref(data);
	return status;
}
