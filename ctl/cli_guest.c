/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_guest.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"

#define INDENT 2
#define LABEL_WIDTH 14
#define MIB (UINT64_C(1) << 20)

/* The port without what has tables of its own below. New reference. */
static json_t *
plain_port(const json_t *port)
{
	json_t *plain = json_copy((json_t *)(uintptr_t)port);
	json_t *queues = json_array();
	const json_t *queue;
	size_t i;

	json_array_foreach (json_object_get(port, "queue"), i, queue) {
		json_t *copy = json_copy((json_t *)(uintptr_t)queue);

		(void)json_object_del(copy, "ring");
		(void)json_array_append_new(queues, copy);
	}
	(void)json_object_del(plain, "guest");
	if (json_array_size(queues) > 0) {
		(void)json_object_set(plain, "queue", queues);
	}
	json_decref(queues);
	return plain;
}

static void
print_label(struct cli *cli, const char *label)
{
	(void)fprintf(cli->out, "%*s%-*s", INDENT, "", LABEL_WIDTH, label);
}

static void
print_line(struct cli *cli, const char *label, const char *text)
{
	print_label(cli, label);
	cli_print_text(cli, text);
	(void)fputc('\n', cli->out);
}

/* Who is there now: the newest connection, unless it has ended. */
static void
print_process(struct cli *cli, const json_t *guest)
{
	const json_t *now = json_array_get(json_object_get(guest, "connection"), 0);
	char text[256] = "none is connected";

	if (now != NULL && json_object_get(now, "until") == NULL) {
		(void)snprintf(text, sizeof(text),
			"%" PRIu64 " of user %" PRIu64 ", since %s, %" PRIu64 " messages",
			cli_num(now, "pid"), cli_num(now, "uid"), cli_str(now, "since"),
			cli_num(now, "messages"));
	}
	print_line(cli, "process", text);
}

static void
print_memory(struct cli *cli, const json_t *guest)
{
	uint64_t regions = cli_num(guest, "memory-regions");

	if (regions > 0) {
		print_label(cli, "memory");
		(void)fprintf(cli->out, "%" PRIu64 " MiB in %" PRIu64 " region%s\n",
			cli_num(guest, "memory") / MIB, regions, regions == 1 ? "" : "s");
	}
}

static void
print_facts(struct cli *cli, const json_t *guest)
{
	static const struct {
		const char *member;
		const char *label;
	} lines[] = {
		{"mtu", "mtu"},
		{"protocol-feature", "protocol"},
		{"offered", "offered"},
		{"acknowledged", "acknowledged"},
		{"last-error", "last error"},
	};
	char text[512];

	print_process(cli, guest);
	print_memory(cli, guest);
	if (json_is_true(json_object_get(guest, "migrating"))) {
		print_line(cli, "migrating", "what is written to its memory is logged");
	}
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const json_t *value = json_object_get(guest, lines[i].member);

		if (value != NULL && cli_text(value, text, sizeof(text))[0] != '\0') {
			print_line(cli, lines[i].label, text);
		}
	}
	(void)snprintf(text, sizeof(text), "%" PRIu64 " accepted, %" PRIu64 " refused",
		cli_num(guest, "connections"), cli_num(guest, "refused"));
	print_line(cli, "connections", text);
}

static void
print_features(struct cli *cli, const json_t *features)
{
	static const char *const columns[] = {"FEATURE", "STATE", "WHY", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *feature;
	size_t i;

	json_array_foreach (features, i, feature) {
		const char *state = cli_str(feature, "state");

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(feature, "name"));
		cli_table_cell(table, "%s", state);
		cli_table_colour(
			table, strcmp(state, "acknowledged") == 0 ? CLI_GREEN : CLI_YELLOW);
		cli_table_cell(table, "%s", cli_str(feature, "why"));
	}
	if (cli_table_rows(table) > 0) {
		(void)fputc('\n', cli->out);
		cli_table_print(table, cli, INDENT);
	}
	cli_table_destroy(table);
}

static void
number_cell(struct cli_table *table, const json_t *ring, const char *name)
{
	cli_table_cell(table, "%" PRIu64, cli_num(ring, name));
}

/* A number that is worth a look only if there is one and it is not 0. */
static void
rare_cell(struct cli_table *table, const json_t *ring, const char *name)
{
	uint64_t n = cli_num(ring, name);

	if (n == 0) {
		cli_table_cell(table, "%s", "");
	} else {
		cli_table_cell(table, "%" PRIu64, n);
	}
}

static void
add_ring(struct cli_table *table, const json_t *ring)
{
	bool runs = json_is_true(json_object_get(ring, "running"));
	uint64_t bursts = cli_num(ring, "bursts");
	const char *fault = cli_str(ring, "fault");
	const char *why = cli_str(ring, "why");

	cli_table_row(table);
	number_cell(table, ring, "id");
	cli_table_cell(table, "%s", cli_str(ring, "direction"));
	cli_table_cell(table, "%s", runs ? "runs" : fault[0] != '\0' ? "stopped" : "waits");
	cli_table_colour(table, runs ? CLI_GREEN : fault[0] != '\0' ? CLI_RED : CLI_YELLOW);
	cli_table_cell(table, "%s", cli_str(ring, "format"));
	rare_cell(table, ring, "size");
	number_cell(table, ring, "waiting");
	number_cell(table, ring, "packets");
	number_cell(table, ring, "bytes");
	cli_table_cell(table, "%" PRIu64, bursts == 0 ? 0 : cli_num(ring, "packets") / bursts);
	number_cell(table, ring, "kicks");
	number_cell(table, ring, "calls");
	number_cell(table, ring, "suppressed-calls");
	rare_cell(table, ring, "full");
	rare_cell(table, ring, "small");
	rare_cell(table, ring, "invalid");
	cli_table_cell(table, "%s%s%s", fault, fault[0] != '\0' && why[0] != '\0' ? ": " : "", why);
}

static void
print_rings(struct cli *cli, const json_t *queues)
{
	static const char *const columns[] = {">RING", "WAY", "STATE", "FORMAT", ">SIZE",
		">WAITING", ">PACKETS", ">BYTES", ">BATCH", ">KICKS", ">CALLS", ">SUPPRESSED",
		">FULL", ">SMALL", ">INVALID", "WHY", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *queue;
	const json_t *ring;
	size_t q;
	size_t i;

	json_array_foreach (queues, q, queue) {
		json_array_foreach (json_object_get(queue, "ring"), i, ring) {
			add_ring(table, ring);
		}
	}
	if (cli_table_rows(table) > 0) {
		(void)fputc('\n', cli->out);
		cli_table_print(table, cli, INDENT);
	}
	cli_table_destroy(table);
}

static void
print_connections(struct cli *cli, const json_t *connections)
{
	static const char *const columns[] = {
		">CONNECTION", "SINCE", "UNTIL", ">PID", ">UID", ">MESSAGES", "END", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *connection;
	size_t i;

	json_array_foreach (connections, i, connection) {
		cli_table_row(table);
		number_cell(table, connection, "number");
		cli_table_cell(table, "%s", cli_str(connection, "since"));
		cli_table_cell(table, "%s", cli_str(connection, "until"));
		number_cell(table, connection, "pid");
		number_cell(table, connection, "uid");
		number_cell(table, connection, "messages");
		cli_table_cell(table, "%s", cli_str(connection, "end"));
	}
	if (cli_table_rows(table) > 0) {
		(void)fputc('\n', cli->out);
		cli_table_print(table, cli, INDENT);
	}
	cli_table_destroy(table);
}

void
cli_print_port(struct cli *cli, const json_t *port)
{
	const json_t *guest = json_object_get(port, "guest");
	json_t *plain = plain_port(port);

	cli_print_object(cli, plain, 0);
	json_decref(plain);
	if (guest != NULL) {
		(void)fputs("guest\n", cli->out);
		print_facts(cli, guest);
		print_features(cli, json_object_get(guest, "feature"));
		print_rings(cli, json_object_get(port, "queue"));
		print_connections(cli, json_object_get(guest, "connection"));
	}
}
