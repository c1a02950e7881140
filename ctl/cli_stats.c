/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"

#define WATCH_MAX_S 3600.0

enum { OPT_WATCH, OPT_COUNT, OPT_ONCE, OPT_CLEAR };

static enum cli_status run_stats(struct cli *cli, const struct cli_args *args);
static enum cli_status run_drops(struct cli *cli, const struct cli_args *args);
static enum cli_status watch(struct cli *cli, const char *port, double period, uint64_t count);

static const struct cli_option stats_options[] = {
	[OPT_WATCH] = {"watch", CLI_OPTIONAL_NUMBER, "SECONDS",
		"show rates, again every second or every SECONDS, until interrupted"},
	[OPT_COUNT] = {"count", CLI_VALUE, "N", "with --watch: end after N tables"},
	[OPT_ONCE] = {"once", CLI_FLAG, NULL, "with --watch: end after one table"},
	[OPT_CLEAR] = {"clear", CLI_FLAG, NULL, "let the counters start from zero again"},
	{NULL},
};

const struct cli_command cli_stats_commands[] = {
	{
		.noun = "stats",
		.usage = "[PORT] [--watch [SECONDS]] [--count N | --once] [--clear]",
		.summary = "Show packet counters, or with --watch their rates",
		.detail = "Rates are per second; bits are those of the frames, without preamble "
			  "and gap.\n",
		.examples = "  vswitchctl stats\n"
			    "  vswitchctl stats vm1\n"
			    "  vswitchctl stats --watch 2\n"
			    "  vswitchctl stats --watch --once\n",
		.options = stats_options,
		.max_args = 1,
		.words = {CLI_WORD_PORT},
		.run = run_stats,
	},
	{
		.noun = "drops",
		.usage = "[PORT]",
		.summary = "Show how many packets were dropped, where and why",
		.examples = "  vswitchctl drops\n",
		.max_args = 1,
		.words = {CLI_WORD_PORT},
		.run = run_drops,
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

static void
print_counters(struct cli *cli, const json_t *data)
{
	static const char *const columns[] = {"PORT", "STATUS", ">RX-PACKETS", ">RX-BYTES",
		">TX-PACKETS", ">TX-BYTES", ">DROPS", NULL};
	static const char *const counters[] = {"rx-packets", "rx-bytes", "tx-packets", "tx-bytes"};
	struct cli_table *table = cli_table_create(columns);
	const json_t *port;
	size_t i;

	json_array_foreach (cli_list(data, "port"), i, port) {
		const json_t *statistics = json_object_get(port, "statistics");

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(port, "name"));
		cli_table_cell(table, "%s", cli_str(port, "oper-status"));
		for (size_t c = 0; c < ARRAY_LEN(counters); c++) {
			cli_table_cell(table, "%" PRIu64, cli_num(statistics, counters[c]));
		}
		cli_table_cell(table, "%" PRIu64, cli_sum(json_object_get(statistics, "drops")));
	}
	if (cli_table_rows(table) == 0) {
		(void)fputs("no ports\n", cli->out);
	} else {
		cli_table_print(table, cli, 0);
	}
	cli_table_destroy(table);
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

static enum cli_status
run_stats(struct cli *cli, const struct cli_args *args)
{
	const char *port = args->n == 0 ? NULL : args->v[0];
	uint64_t count = UINT64_MAX;
	double period = 1;
	json_t *data = NULL;
	enum cli_status status;
	char *end;

	if (args->options[OPT_CLEAR] != NULL) {
		return clear(cli, port);
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
		return watch(cli, port, period, count);
	}
	status = ports_get(cli, port, &data);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK && port != NULL) {
		cli_print_object(
			cli, json_object_get(cli_entry(data, "port", port), "statistics"), 0);
	} else if (status == CLI_OK) {
		print_counters(cli, data);
	}
	json_decref(data);
	return status;
}

/* ---- rates ---- */

/* 1234567 as "1.23M": four characters tell the size, five digits are noise. */
static void
rate_cell(struct cli_table *table, double rate)
{
	static const char units[] = " kMGT";
	size_t unit = 0;

	while (rate >= 999.5 && unit + 2 < sizeof(units)) {
		rate /= 1000;
		unit++;
	}
	if (unit == 0) {
		cli_table_cell(table, "%.0f", rate);
	} else {
		cli_table_cell(table, "%.*f%c", rate < 9.995 ? 2 : (rate < 99.95 ? 1 : 0), rate,
			units[unit]);
	}
}

/* A counter that went backwards was cleared in between: it counts from zero. */
static double
rate(const json_t *before, const json_t *after, const char *name, double seconds)
{
	uint64_t old = cli_num(before, name);
	uint64_t now = cli_num(after, name);

	return (double)(now >= old ? now - old : now) / seconds;
}

static void
add_rates(struct cli_table *table, const json_t *before, const json_t *port, double seconds)
{
	const json_t *old = json_object_get(before, "statistics");
	const json_t *now = json_object_get(port, "statistics");
	uint64_t old_drops = cli_sum(json_object_get(old, "drops"));
	uint64_t drops = cli_sum(json_object_get(now, "drops"));

	cli_table_row(table);
	cli_table_cell(table, "%s", cli_str(port, "name"));
	cli_table_cell(table, "%s", cli_str(port, "oper-status"));
	rate_cell(table, rate(old, now, "rx-packets", seconds));
	rate_cell(table, 8 * rate(old, now, "rx-bytes", seconds));
	rate_cell(table, rate(old, now, "tx-packets", seconds));
	rate_cell(table, 8 * rate(old, now, "tx-bytes", seconds));
	rate_cell(table, (double)(drops >= old_drops ? drops - old_drops : drops) / seconds);
}

static void
print_rates(struct cli *cli, const json_t *before, const json_t *after, double seconds)
{
	static const char *const columns[] = {
		"PORT", "STATUS", ">RX-PPS", ">RX-BIT/S", ">TX-PPS", ">TX-BIT/S", ">DROPS/S", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *port;
	size_t i;

	json_array_foreach (cli_list(after, "port"), i, port) {
		const json_t *old = json_array_get(cli_list(before, "port"), i);

		/* ports come in one order; look further only if the set has changed */
		if (strcmp(cli_str(old, "name"), cli_str(port, "name")) != 0) {
			old = cli_entry(before, "port", cli_str(port, "name"));
		}
		if (old != NULL) {
			add_rates(table, old, port, seconds);
		}
	}
	if (cli->width > 0) {
		(void)fputs("\033[H\033[J", cli->out);
	}
	if (cli_table_rows(table) == 0) {
		(void)fputs("no ports\n", cli->out);
	} else {
		cli_table_print(table, cli, 0);
	}
	if (cli->width == 0) {
		(void)fputc('\n', cli->out);
	}
	(void)fflush(cli->out);
	cli_table_destroy(table);
}

static enum cli_status
watch(struct cli *cli, const char *port, double period, uint64_t count)
{
	const struct timespec pause = {
		.tv_sec = (time_t)period,
		.tv_nsec = (long)((period - (double)(time_t)period) * (double)CLOCK_S),
	};
	json_t *before = NULL;
	uint64_t before_at = clock_now();
	enum cli_status status = ports_get(cli, port, &before);

	for (uint64_t n = 0; status == CLI_OK && n < count; n++) {
		json_t *after = NULL;
		uint64_t now;

		(void)nanosleep(&pause, NULL);
		status = ports_get(cli, port, &after);
		now = clock_now();
		if (status == CLI_OK && cli->json) {
			cli_print_json(cli, after);
			(void)fflush(cli->out);
		} else if (status == CLI_OK) {
			print_rates(
				cli, before, after, (double)(now - before_at) / (double)CLOCK_S);
		}
		json_decref(before);
		before = after;
		before_at = now;
	}
	json_decref(before);
	return status;
}

/* ---- drops ---- */

static enum cli_status
run_drops(struct cli *cli, const struct cli_args *args)
{
	static const char *const columns[] = {"PORT", "REASON", ">PACKETS", NULL};
	struct cli_table *table = cli_table_create(columns);
	json_t *data = NULL;
	enum cli_status status = ports_get(cli, args->n == 0 ? NULL : args->v[0], &data);
	const json_t *port;
	size_t i;

	json_array_foreach (cli_list(data, "port"), i, port) {
		json_t *drops = json_object_get(json_object_get(port, "statistics"), "drops");
		const char *reason;
		json_t *number;

		json_object_foreach (drops, reason, number) {
			if (cli_num(drops, reason) > 0) {
				cli_table_row(table);
				cli_table_cell(table, "%s", cli_str(port, "name"));
				cli_table_cell(table, "%s", reason);
				cli_table_cell(table, "%" PRIu64, cli_num(drops, reason));
			}
		}
	}
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK && cli_table_rows(table) == 0) {
		(void)fputs("no drops\n", cli->out);
	} else if (status == CLI_OK) {
		cli_table_print(table, cli, 0);
	}
	cli_table_destroy(table);
	json_decref(data);
	return status;
}
