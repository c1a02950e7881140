/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"

static enum cli_status run_workers(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_workers_commands[] = {
	{
		.noun = "workers",
		.usage = "",
		.summary = "Show the threads that move packets, their load and their queues",
		.detail = "BUSY is the share of cycles, since the start, spent in passes that "
			  "found packets.\n"
			  "FLOWS are remembered now; HITS is the share of packets whose flow "
			  "was.\n",
		.run = run_workers,
	},
	{NULL},
};

static void
queues_text(const json_t *queues, char *text, size_t size)
{
	const json_t *queue;
	size_t i;

	text[0] = '\0';
	json_array_foreach (queues, i, queue) {
		(void)str_appendf(text, size, "%s%s:%" PRIu64, i == 0 ? "" : " ",
			cli_str(queue, "port"), cli_num(queue, "queue"));
	}
}

static void
add_worker(struct cli_table *table, const json_t *worker)
{
	uint64_t busy = cli_num(worker, "busy-cycles");
	uint64_t total = busy + cli_num(worker, "idle-cycles");
	uint64_t packets = cli_num(worker, "packets");
	const char *state = cli_str(worker, "state");
	const json_t *cache = json_object_get(worker, "flow-cache");
	uint64_t hits = cli_num(cache, "hits");
	uint64_t lookups = hits + cli_num(cache, "misses");
	char queues[1024];

	queues_text(json_object_get(worker, "rx-queue"), queues, sizeof(queues));
	cli_table_row(table);
	cli_table_cell(table, "%" PRIu64, cli_num(worker, "id"));
	if (json_object_get(worker, "cpu") != NULL) {
		cli_table_cell(table, "%" PRIu64, cli_num(worker, "cpu"));
	} else {
		cli_table_cell(table, "any");
	}
	cli_table_cell(table, "%s", state);
	cli_table_colour(table, strcmp(state, "stalled") == 0 ? CLI_RED : CLI_PLAIN);
	cli_table_cell(table, "%" PRIu64, packets);
	cli_table_cell(table, "%.1f%%", total == 0 ? 0 : 100.0 * (double)busy / (double)total);
	if (packets == 0) {
		cli_table_cell(table, "-");
	} else {
		cli_table_cell(table, "%.0f", (double)busy / (double)packets);
	}
	cli_table_cell(table, "%" PRIu64, cli_num(cache, "entries"));
	if (lookups == 0) {
		cli_table_cell(table, "-");
	} else {
		cli_table_cell(table, "%.1f%%", 100.0 * (double)hits / (double)lookups);
	}
	cli_table_cell(table, "%s", queues);
}

static enum cli_status
run_workers(struct cli *cli, const struct cli_args *args)
{
	static const char *const columns[] = {">WORKER", ">CPU", "STATE", ">PACKETS", ">BUSY",
		">CYCLES/PACKET", ">FLOWS", ">HITS", "QUEUES", NULL};
	json_t *data = NULL;
	enum cli_status status = cli_get(cli, "/vswitch:vswitch/system/worker", "state", &data);
	const json_t *worker;
	size_t i;

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK) {
		const json_t *system = json_object_get(cli_root(data), "system");
		struct cli_table *table = cli_table_create(columns);

		json_array_foreach (json_object_get(system, "worker"), i, worker) {
			add_worker(table, worker);
		}
		cli_table_end(table, cli, "no workers");
	}
	json_decref(data);
	return status;
}
