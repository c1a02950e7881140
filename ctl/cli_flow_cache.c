/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers remember: `flow cache`. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_data.h"
#include "ctl/cli_flow.h"
#include "ctl/cli_table.h"

#define PAGE 1000

/* ---- show ---- */

/* What is listed, and how far. */
struct listing {
	const json_t *ports; /* NULL: no bridge was named */
	const char *bridge;
	uint64_t left;
	struct cli_table *table;
	json_t *whole; /* --json: all flows */
};

static const char *
joined(const json_t *list, char *text, size_t size)
{
	const json_t *item;
	size_t i;

	text[0] = '\0';
	json_array_foreach (list, i, item) {
		(void)str_appendf(text, size, "%s%s", i == 0 ? "" : ", ", json_string_value(item));
	}
	return text;
}

static void
add_row(struct listing *listing, const json_t *flow)
{
	struct cli_table *table = listing->table;
	const char *stale = cli_str(flow, "stale");
	char actions[512];

	cli_table_row(table);
	cli_table_cell(table, "%" PRIu64, cli_num(flow, "worker"));
	cli_table_cell(table, "%s", cli_str(flow, "port"));
	cli_table_cell(table, "%s", cli_str(flow, "egress"));
	cli_table_cell(table, "%" PRIu64, cli_num(flow, "packets"));
	cli_table_cell(table, "%" PRIu64, cli_num(flow, "bytes"));
	if (json_object_get(flow, "idle-ms") == NULL) {
		cli_table_cell(table, "-");
	} else {
		cli_table_cell(table, "%" PRIu64, cli_num(flow, "idle-ms") / 1000);
	}
	cli_table_cell(
		table, "%s", joined(json_object_get(flow, "action"), actions, sizeof(actions)));
	cli_table_cell(table, "%s", stale);
	if (stale[0] != '\0') {
		cli_table_colour(table, CLI_YELLOW);
	}
	cli_table_cell(table, "%s", cli_str(flow, "match"));
}

/* Is the flow one of the bridge that was named, or was none? */
static bool
wanted(const struct listing *listing, const json_t *flow)
{
	const json_t *port;

	if (listing->ports == NULL) {
		return true;
	}
	port = cli_entry(listing->ports, "port", cli_str(flow, "port"));
	return strcmp(cli_str(port, "bridge"), listing->bridge) == 0;
}

static void
take_page(struct cli *cli, struct listing *listing, const json_t *page)
{
	const json_t *flow;
	size_t i;

	json_array_foreach (json_object_get(page, "flow"), i, flow) {
		if (listing->left == 0) {
			break;
		}
		if (!wanted(listing, flow)) {
			continue;
		}
		listing->left--;
		if (cli->json) {
			(void)json_array_append(listing->whole, (json_t *)(uintptr_t)flow);
		} else {
			add_row(listing, flow);
		}
	}
	if (!cli->json && cli_table_rows(listing->table) > 0) {
		cli_table_print(listing->table, cli, 0);
	}
}

static enum cli_status
show_pages(struct cli *cli, const char *port, struct listing *listing)
{
	enum cli_status status = CLI_OK;
	char after[64] = "";
	bool more = true;

	while (status == CLI_OK && more && listing->left > 0) {
		const uint64_t limit =
			listing->ports == NULL && listing->left < PAGE ? listing->left : PAGE;
		json_t *input = json_pack("{s:I}", "limit", (json_int_t)limit);
		json_t *page = NULL;

		if (port != NULL) {
			(void)json_object_set_new(input, "port", json_string(port));
		}
		if (after[0] != '\0') {
			(void)json_object_set_new(input, "after", json_string(after));
		}
		status = cli_action(cli, "flow-cache", input, &page);
		if (status == CLI_OK) {
			take_page(cli, listing, page);
			more = json_object_get(page, "next") != NULL &&
				str_copy(after, cli_str(page, "next"), sizeof(after));
		}
		json_decref(page);
	}
	return status;
}

/* A name is a bridge's, else a port's; the daemon says so if it is neither. */
static enum cli_status
run_show(struct cli *cli, const char *name, const char *limit)
{
	static const char *const columns[] = {"WORKER", "PORT", "EGRESS", ">PACKETS", ">BYTES",
		">IDLE", "ACTIONS", "STALE", "MATCH", NULL};
	struct listing listing = {.left = UINT64_MAX};
	enum cli_status status = CLI_OK;
	const char *port = name;
	json_t *data = NULL;

	if (limit != NULL && str_to_u64(limit, 1, UINT64_MAX, &listing.left) != 0) {
		return cli_usage_error(cli, "--limit takes a number from 1, not '%s'", limit);
	}
	if (name != NULL) {
		status = cli_get(cli, "/vswitch:vswitch", "config", &data);
		if (status == CLI_OK && cli_entry(data, "bridge", name) != NULL) {
			port = NULL;
			listing.bridge = name;
			listing.ports = data;
		}
	}
	listing.table = cli_table_create(columns);
	listing.whole = json_array();
	if (status == CLI_OK) {
		status = show_pages(cli, port, &listing);
	}
	if (status == CLI_OK && cli->json) {
		json_t *all = json_pack("{s:O}", "flow", listing.whole);

		cli_print_json(cli, all);
		json_decref(all);
	}
	cli_table_destroy(listing.table);
	json_decref(listing.whole);
	json_decref(data);
	return status;
}

/* ---- stats ---- */

static void
percent_cell(struct cli_table *table, uint64_t part, uint64_t whole)
{
	if (whole == 0) {
		cli_table_cell(table, "-");
	} else {
		cli_table_cell(table, "%.2f", 100.0 * (double)part / (double)whole);
	}
}

static void
print_workers(struct cli *cli, const json_t *data)
{
	static const char *const columns[] = {"WORKER", ">FLOWS", ">CAPACITY", ">HITS", ">MISSES",
		">HIT-%", ">EVICTED", ">REFUSED", ">PROGRAMS", ">MEMORY-KIB", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *worker;
	size_t i;

	json_array_foreach (
		json_object_get(json_object_get(cli_root(data), "system"), "worker"), i, worker) {
		const json_t *cache = json_object_get(worker, "flow-cache");
		const uint64_t hits = cli_num(cache, "hits");

		cli_table_row(table);
		cli_table_cell(table, "%" PRIu64, cli_num(worker, "id"));
		cli_table_cell(table, "%" PRIu64, cli_num(cache, "entries"));
		cli_table_cell(table, "%" PRIu64, cli_num(cache, "capacity"));
		cli_table_cell(table, "%" PRIu64, hits);
		cli_table_cell(table, "%" PRIu64, cli_num(cache, "misses"));
		percent_cell(table, hits, hits + cli_num(cache, "misses"));
		cli_table_cell(table, "%" PRIu64, cli_num(cache, "evicted"));
		cli_table_cell(table, "%" PRIu64, cli_num(cache, "refused"));
		cli_table_cell(table, "%" PRIu64, cli_num(cache, "programs"));
		cli_table_cell(table, "%" PRIu64,
			(cli_num(cache, "memory") + cli_num(cache, "programs-memory")) / 1024);
	}
	cli_table_print(table, cli, 0);
	cli_table_destroy(table);
}

static void
print_ports(struct cli *cli, const json_t *data)
{
	static const char *const columns[] = {"PORT", ">FLOWS", ">HITS", ">MISSES", ">HIT-%", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *port;
	size_t i;

	json_array_foreach (cli_list(data, "port"), i, port) {
		const json_t *flows = json_object_get(port, "flows");
		const uint64_t hits = cli_num(flows, "hits");

		if (flows == NULL) {
			continue;
		}
		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(port, "name"));
		cli_table_cell(table, "%" PRIu64, cli_num(flows, "entries"));
		cli_table_cell(table, "%" PRIu64, hits);
		cli_table_cell(table, "%" PRIu64, cli_num(flows, "misses"));
		percent_cell(table, hits, hits + cli_num(flows, "misses"));
	}
	if (cli_table_rows(table) > 0) {
		(void)fputc('\n', cli->out);
		cli_table_print(table, cli, 0);
	}
	cli_table_destroy(table);
}

static enum cli_status
run_stats(struct cli *cli)
{
	json_t *data = NULL;
	enum cli_status status = cli_get(cli, "/vswitch:vswitch", "state", &data);

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK) {
		print_workers(cli, data);
		print_ports(cli, data);
	}
	json_decref(data);
	return status;
}

/* ---- */

enum cli_status
cli_flow_cache(struct cli *cli, const struct cli_args *args)
{
	const char *limit = args->options[0];

	if (strcmp(args->v[0], "show") == 0) {
		return run_show(cli, args->n > 1 ? args->v[1] : NULL, limit);
	}
	if (strcmp(args->v[0], "stats") != 0) {
		return cli_usage_error(cli, "flow cache has show and stats, not '%s'", args->v[0]);
	}
	if (args->n > 1 || limit != NULL) {
		return cli_usage_error(cli, "flow cache stats takes no more than that");
	}
	return run_stats(cli);
}
