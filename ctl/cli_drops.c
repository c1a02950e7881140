/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_frame.h"
#include "ctl/cli_table.h"

#define RATE_MAX_S 3600

enum { OPT_REASON, OPT_PACKETS, OPT_RATE };

static enum cli_status run_drops(struct cli *cli, const struct cli_args *args);

static const struct cli_option drops_options[] = {
	[OPT_REASON] = {"reason", CLI_VALUE, "REASON", "only what was dropped for this reason"},
	[OPT_PACKETS] = {"packets", CLI_FLAG, NULL,
		"show the last packets that were dropped, newest first"},
	[OPT_RATE] = {"rate", CLI_OPTIONAL_NUMBER, "SECONDS",
		"look again after a second or SECONDS, and show how many it were a second"},
	{NULL},
};

const struct cli_command cli_drops_commands[] = {
	{
		.noun = "drops",
		.usage = "[PORT] [--reason REASON] [--packets | --rate [SECONDS]]",
		.summary = "Show where packets were dropped, why and how many",
		.detail = "INPUT is the port that received them, OUTPUT the one that should have "
			  "sent\n"
			  "them: - if it had not come to that, * for inputs that are not told "
			  "apart.\n"
			  "With PORT only what came from it or should have gone there. The first "
			  "line\n"
			  "counts all packets since the daemon started; what is in hand makes a\n"
			  "difference. `vswitchctl stats --clear` lets the table start from zero.\n"
			  "Behind it stands what the kernel or a device lost before the switch had "
			  "it.\n",
		.examples = "  vswitchctl drops\n"
			    "  vswitchctl drops vm1 --packets\n"
			    "  vswitchctl drops --reason tx-full --rate 5\n",
		.options = drops_options,
		.max_args = 1,
		.words = {CLI_WORD_PORT},
		.run = run_drops,
	},
	{NULL},
};

/* What the command line asks for. */
struct question {
	const char *port; /* or NULL */
	const char *reason; /* or NULL */
};

static bool
concerns(const struct question *question, const json_t *entry)
{
	const char *port = question->port;

	return (question->reason == NULL ||
		       strcmp(question->reason, cli_str(entry, "reason")) == 0) &&
		(port == NULL || strcmp(port, cli_str(entry, "input")) == 0 ||
			strcmp(port, cli_str(entry, "output")) == 0);
}

/* A port that is asked for has to be there. */
static enum cli_status
check_port(struct cli *cli, const char *port)
{
	char path[CLI_PATH_SIZE];
	json_t *data = NULL;
	enum cli_status status;

	if (port == NULL) {
		return CLI_OK;
	}
	status = cli_path(cli, path, "port", port, "/name");
	if (status == CLI_OK) {
		status = cli_get(cli, path, "config", &data);
	}
	if (status == CLI_OK && cli_entry(data, "port", port) == NULL) {
		status = cli_error(cli, "there is no port '%s'", port);
	}
	json_decref(data);
	return status;
}

/* --- the table ------------------------------------------------------------------------------- */

static const json_t *
system_of(const json_t *data)
{
	return json_object_get(cli_root(data), "system");
}

/* The law, and by how much it is not kept now. */
static void
print_traffic(struct cli *cli, const json_t *traffic)
{
	const uint64_t in = cli_num(traffic, "received") + cli_num(traffic, "copies");
	const uint64_t out = cli_num(traffic, "sent") + cli_num(traffic, "dropped");

	(void)fprintf(cli->out,
		"received %" PRIu64 " + copies %" PRIu64 " = sent %" PRIu64 " + dropped %" PRIu64,
		cli_num(traffic, "received"), cli_num(traffic, "copies"), cli_num(traffic, "sent"),
		cli_num(traffic, "dropped"));
	if (in > out) {
		(void)fprintf(cli->out, " + in hand %" PRIu64, in - out);
	} else if (out > in) {
		(void)fprintf(cli->out, " - moved while counting %" PRIu64, out - in);
	}
	(void)fputc('\n', cli->out);
}

/* The same entry of the look before: all members that name it are the same. */
static uint64_t
packets_before(const json_t *before, const json_t *entry)
{
	static const char *const names[] = {"port", "input", "output", "reason"};
	const json_t *old;
	size_t i;

	json_array_foreach (before, i, old) {
		bool same = true;

		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			same = same &&
				strcmp(cli_str(old, names[k]), cli_str(entry, names[k])) == 0;
		}
		if (same) {
			return cli_num(old, "packets");
		}
	}
	return 0;
}

/* How many, and how many a second since the look `before` (NULL: there was none). */
static void
packets_cells(struct cli_table *table, const json_t *before, const char *list, const json_t *entry,
	double seconds)
{
	const uint64_t packets = cli_num(entry, "packets");

	cli_table_cell(table, "%" PRIu64, packets);
	if (before != NULL) {
		const uint64_t old = packets_before(json_object_get(before, list), entry);

		cli_table_cell(table, "%.0f",
			(double)(packets >= old ? packets - old : packets) / seconds);
	} else {
		cli_table_cell(table, "%s", "");
	}
}

static void
print_drops(struct cli *cli, const struct question *question, const json_t *before,
	const json_t *after, double seconds)
{
	static const char *const columns[] = {
		"INPUT", "OUTPUT", "REASON", ">PACKETS", ">PER-SECOND", "WHY", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(after, "drop"), i, entry) {
		if (!concerns(question, entry)) {
			continue;
		}
		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(entry, "input"));
		cli_table_cell(table, "%s", cli_str(entry, "output"));
		cli_table_cell(table, "%s", cli_str(entry, "reason"));
		packets_cells(table, before, "drop", entry, seconds);
		cli_table_cell(table, "%s", cli_str(entry, "explanation"));
	}
	cli_table_end(table, cli, "no drops");
}

/* Nothing is said if nothing was lost. */
static void
print_missed(struct cli *cli, const struct question *question, const json_t *before,
	const json_t *after, double seconds)
{
	static const char *const columns[] = {
		"PORT", "REASON", ">PACKETS", ">PER-SECOND", "WHY", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(after, "missed"), i, entry) {
		const char *port = cli_str(entry, "port");
		const char *reason = cli_str(entry, "reason");

		if ((question->port != NULL && strcmp(port, question->port) != 0) ||
			(question->reason != NULL && strcmp(reason, question->reason) != 0)) {
			continue;
		}
		cli_table_row(table);
		cli_table_cell(table, "%s", port);
		cli_table_cell(table, "%s", reason);
		packets_cells(table, before, "missed", entry, seconds);
		cli_table_cell(table, "%s", cli_str(entry, "explanation"));
	}
	if (cli_table_rows(table) > 0) {
		(void)fputs("\nlost before the switch had them:\n", cli->out);
		cli_table_print(table, cli, 0);
	}
	cli_table_destroy(table);
}

static enum cli_status
show_drops(struct cli *cli, const struct question *question, uint64_t seconds)
{
	static const char path[] = "/vswitch:vswitch/system";
	const struct timespec pause = {.tv_sec = (time_t)seconds};
	json_t *before = NULL;
	json_t *after = NULL;
	enum cli_status status = CLI_OK;
	uint64_t at = clock_now();

	if (seconds > 0) {
		status = cli_get(cli, path, "state", &before);
		at = clock_now();
		(void)nanosleep(&pause, NULL);
	}
	if (status == CLI_OK) {
		status = cli_get(cli, path, "state", &after);
	}
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, after);
	} else if (status == CLI_OK) {
		const double passed = (double)(clock_now() - at) / (double)CLOCK_S;

		print_traffic(cli, json_object_get(system_of(after), "traffic"));
		print_drops(cli, question, system_of(before), system_of(after), passed);
		print_missed(cli, question, system_of(before), system_of(after), passed);
	}
	json_decref(before);
	json_decref(after);
	return status;
}

/* --- the last packets ------------------------------------------------------------------------ */

static void
age_cell(struct cli_table *table, uint64_t ms)
{
	if (ms < 1000) {
		cli_table_cell(table, "%" PRIu64 " ms", ms);
	} else if (ms < 100000) {
		cli_table_cell(table, "%.1f s", (double)ms / 1000);
	} else {
		cli_table_cell(table, "%" PRIu64 " min", ms / 60000);
	}
}

static enum cli_status
show_packets(struct cli *cli, const struct question *question)
{
	static const char *const columns[] = {
		">AGE", "INPUT", "OUTPUT", "REASON", ">LENGTH", "FRAME", NULL};
	json_t *input = json_object();
	json_t *output = NULL;
	struct cli_table *table;
	enum cli_status status;
	const json_t *packet;
	size_t i;

	if (question->port != NULL) {
		(void)json_object_set_new(input, "port", json_string(question->port));
	}
	if (question->reason != NULL) {
		(void)json_object_set_new(input, "reason", json_string(question->reason));
	}
	status = cli_action(cli, "drops", input, &output);
	if (status != CLI_OK || cli->json) {
		if (status == CLI_OK) {
			cli_print_json(cli, output);
		}
		json_decref(output);
		return status;
	}
	table = cli_table_create(columns);
	json_array_foreach (json_object_get(output, "packet"), i, packet) {
		char text[CLI_FRAME_TEXT_SIZE];
		const char *to = cli_str(packet, "output");

		cli_table_row(table);
		age_cell(table, cli_num(packet, "age"));
		cli_table_cell(table, "%s", cli_str(packet, "input"));
		cli_table_cell(table, "%s", to[0] == '\0' ? "-" : to);
		cli_table_cell(table, "%s", cli_str(packet, "reason"));
		cli_table_cell(table, "%" PRIu64, cli_num(packet, "length"));
		cli_table_cell(table, "%s", cli_frame_text(cli_str(packet, "frame"), text));
	}
	cli_table_end(table, cli, "no dropped packets were kept");
	json_decref(output);
	return status;
}

static enum cli_status
run_drops(struct cli *cli, const struct cli_args *args)
{
	const char *rate = args->options[OPT_RATE];
	const struct question question = {
		.port = args->n == 0 ? NULL : args->v[0],
		.reason = args->options[OPT_REASON],
	};
	uint64_t seconds = rate == NULL ? 0 : 1;
	enum cli_status status;

	if (rate != NULL && rate[0] != '\0' && str_to_u64(rate, 1, RATE_MAX_S, &seconds) != 0) {
		return cli_usage_error(cli, "--rate takes seconds from 1 to %d", RATE_MAX_S);
	}
	if (rate != NULL && args->options[OPT_PACKETS] != NULL) {
		return cli_usage_error(cli, "--rate and --packets do not go together");
	}
	status = check_port(cli, question.port);
	if (status != CLI_OK) {
		return status;
	}
	return args->options[OPT_PACKETS] != NULL ? show_packets(cli, &question)
						  : show_drops(cli, &question, seconds);
}
