/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"

#define BAR_WIDTH 40
#define TIME_SIZE 24

static enum cli_status run_latency(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_latency_commands[] = {
	{
		.noun = "latency",
		.usage = "[PORT]",
		.summary = "Show how long packets stay in the switch, by input port",
		.detail = "Sampled: from when a worker has a burst in hand until its last copy is "
			  "handed\n"
			  "on. P50 and P99 are powers of two that so many of the packets stayed "
			  "below.\n"
			  "With PORT a bar for each range.\n",
		.examples = "  vswitchctl latency\n"
			    "  vswitchctl latency vm1\n",
		.max_args = 1,
		.words = {CLI_WORD_PORT},
		.run = run_latency,
	},
	{NULL},
};

/* 1234567 as "1.23 ms". */
static const char *
time_text(uint64_t ns, char text[TIME_SIZE])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = (double)ns;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
		value /= 1000;
		unit++;
	}
	text[0] = '\0';
	(void)str_appendf(text, TIME_SIZE, "%.*f %s",
		unit == 0 || value >= 99.95 ? 0 : (value < 9.995 ? 2 : 1), value, units[unit]);
	return text;
}

static void
time_cell(struct cli_table *table, const json_t *latency, const char *leaf)
{
	char text[TIME_SIZE];

	if (json_object_get(latency, leaf) == NULL) {
		cli_table_cell(table, "-");
	} else {
		cli_table_cell(table, "%s", time_text(cli_num(latency, leaf), text));
	}
}

static void
print_ports(struct cli *cli, const json_t *data)
{
	static const char *const columns[] = {"PORT", ">SAMPLED", ">P50", ">P99", ">LONGEST", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *port;
	size_t i;

	json_array_foreach (cli_list(data, "port"), i, port) {
		const json_t *latency = json_object_get(port, "latency");

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(port, "name"));
		cli_table_cell(table, "%" PRIu64, cli_num(latency, "packets"));
		time_cell(table, latency, "p50");
		time_cell(table, latency, "p99");
		time_cell(table, latency, "max");
	}
	cli_table_end(table, cli, "no ports");
}

static uint64_t
largest(const json_t *buckets)
{
	const json_t *bucket;
	uint64_t most = 1;
	size_t i;

	json_array_foreach (buckets, i, bucket) {
		if (cli_num(bucket, "packets") > most) {
			most = cli_num(bucket, "packets");
		}
	}
	return most;
}

static void
print_bars(struct cli *cli, const json_t *latency)
{
	static const char *const columns[] = {">BELOW", ">PACKETS", ">SHARE", "", NULL};
	static const char bar[] = "########################################";
	const json_t *buckets = json_object_get(latency, "bucket");
	const uint64_t total = cli_num(latency, "packets");
	struct cli_table *table = cli_table_create(columns);
	const uint64_t most = largest(buckets);
	const json_t *bucket;
	char p50[TIME_SIZE];
	char p99[TIME_SIZE];
	char max[TIME_SIZE];
	size_t i;

	if (total == 0) {
		(void)fputs("no packet was sampled yet\n", cli->out);
		cli_table_destroy(table);
		return;
	}
	json_array_foreach (buckets, i, bucket) {
		const uint64_t below = cli_num(bucket, "below");
		const uint64_t packets = cli_num(bucket, "packets");
		const double share = (double)packets / (double)most;
		char text[TIME_SIZE] = "more";

		cli_table_row(table);
		cli_table_cell(table, "%s", below == UINT64_MAX ? text : time_text(below, text));
		cli_table_cell(table, "%" PRIu64, packets);
		cli_table_cell(table, "%.1f%%", 100 * (double)packets / (double)total);
		cli_table_cell(table, "%.*s", (int)(share * BAR_WIDTH + 0.999), bar);
	}
	cli_table_print(table, cli, 0);
	cli_table_destroy(table);
	(void)fprintf(cli->out, "p50 below %s, p99 below %s, longest %s\n",
		time_text(cli_num(latency, "p50"), p50), time_text(cli_num(latency, "p99"), p99),
		time_text(cli_num(latency, "max"), max));
}

static enum cli_status
run_latency(struct cli *cli, const struct cli_args *args)
{
	const char *port = args->n == 0 ? NULL : args->v[0];
	char path[CLI_PATH_SIZE] = "/vswitch:vswitch/port";
	json_t *data = NULL;
	enum cli_status status = CLI_OK;

	if (port != NULL) {
		status = cli_path(cli, path, "port", port, "");
	}
	if (status == CLI_OK) {
		status = cli_get(cli, path, "state", &data);
	}
	if (status == CLI_OK && port != NULL && cli_entry(data, "port", port) == NULL) {
		status = cli_error(cli, "there is no port '%s'", port);
	} else if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK && port == NULL) {
		print_ports(cli, data);
	} else if (status == CLI_OK) {
		print_bars(cli, json_object_get(cli_entry(data, "port", port), "latency"));
	}
	json_decref(data);
	return status;
}
