/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/state_loss.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_loss.h"
#include "vswitchd/action_input.h"

#define PACKETS_MAX 1024 /* of an answer */

static void
set_counter(json_t *object, const char *leaf, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)json_object_set_new(object, leaf, json_string(text));
}

/* The name of a port that has this id now; NULL: none. */
static const char *
name_of(const struct world *world, uint32_t id) ON_MAIN
{
	const struct dp_port *dp_port = dp_port_by_id(world->dp, id);
	const struct port *device = dp_port == NULL ? NULL : dp_port_device(dp_port);
	const struct world_port *port =
		device == NULL ? NULL : world_find_port(world, device->name);

	return port != NULL && port->dp == dp_port ? port->name : NULL;
}

/* --- the matrix ------------------------------------------------------------------------------ */

#define ANY "*" /* ports that are not told apart */
#define NONE "-"

struct entry {
	const char *input;
	const char *output;
	enum drop_reason reason;
	uint32_t order;
	uint64_t packets;
};

struct matrix {
	const struct world *world;
	struct entry *entries; /* owned */
	uint32_t n;
	uint32_t room;
};

static void
entry_add(struct matrix *matrix, const char *input, const char *output, enum drop_reason reason,
	uint64_t packets)
{
	if (packets == 0) {
		return;
	}
	if (matrix->n == matrix->room) {
		matrix->room = 2 * matrix->room + 64;
		matrix->entries =
			must_realloc(matrix->entries, matrix->room * sizeof(*matrix->entries));
	}
	matrix->entries[matrix->n] = (struct entry){input, output, reason, matrix->n, packets};
	matrix->n++;
}

/*
 * What the port's counters say, and with which other port as far as its rows do. The others are
 * gone, or had to give way, or it is of an earlier device: they were any, unless there is none.
 */
static void
port_add(struct matrix *matrix, const struct world_port *port) ON_MAIN
{
	struct dp_loss_row *rows = NULL;
	struct port_counters c;
	uint32_t n = 0;

	/* Before the counters, which are then not behind but for what was cleared in between. */
	if (port->dp != NULL) {
		rows = dp_port_loss_rows(matrix->world->dp, port->dp, &n);
	}
	world_port_counters(matrix->world, port, &c);
	for (uint32_t i = 0; i < n; i++) {
		const enum drop_reason reason = rows[i].reason;
		const uint64_t packets = RTE_MIN(rows[i].packets, c.drops[reason]);
		const bool input = reason < DROP_TX_FIRST;
		const char *peer = name_of(matrix->world, rows[i].peer);

		if (peer != NULL) {
			entry_add(matrix, input ? port->name : peer, input ? peer : port->name,
				reason, packets);
			c.drops[reason] -= packets;
		}
	}
	free(rows);
	for (unsigned int r = 0; r < DROP_N; r++) {
		const enum drop_reason reason = (enum drop_reason)r;

		if (r >= DROP_TX_FIRST) {
			entry_add(matrix, ANY, port->name, reason, c.drops[r]);
		} else {
			entry_add(matrix, port->name, drop_names_output(reason) ? ANY : NONE,
				reason, c.drops[r]);
		}
	}
}

static int
most_first(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return x->packets > y->packets ? -1 : x->packets < y->packets;
}

static int
as_found(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* Of too many those with fewest packets are told together, by reason: the sum stays. */
static void
matrix_cut(struct matrix *matrix)
{
	uint64_t rest[DROP_N] = {0};

	if (matrix->n <= STATE_DROPS_MAX) {
		return;
	}
	qsort(matrix->entries, matrix->n, sizeof(*matrix->entries), most_first);
	for (uint32_t i = STATE_DROPS_MAX - DROP_N; i < matrix->n; i++) {
		rest[matrix->entries[i].reason] += matrix->entries[i].packets;
	}
	matrix->n = STATE_DROPS_MAX - DROP_N;
	qsort(matrix->entries, matrix->n, sizeof(*matrix->entries), as_found);
	for (unsigned int r = 0; r < DROP_N; r++) {
		entry_add(matrix, ANY, ANY, (enum drop_reason)r, rest[r]);
	}
}

static json_t *
matrix_json(const struct matrix *matrix)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < matrix->n; i++) {
		const struct entry *entry = &matrix->entries[i];
		json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "input", entry->input, "output",
			entry->output, "reason", drop_name(entry->reason), "explanation",
			drop_text(entry->reason));

		set_counter(object, "packets", entry->packets);
		(void)json_array_append_new(list, object);
	}
	return list;
}

/* What did not even come here. */
static void
missed_add(json_t *entries, const struct world_port *port) ON_MAIN
{
	struct port_missed missed;

	world_port_missed(port, &missed);
	for (unsigned int r = 0; r < MISSED_N; r++) {
		const enum missed_reason reason = (enum missed_reason)r;
		json_t *entry;

		if (missed.frames[r] == 0 || json_array_size(entries) == STATE_DROPS_MAX) {
			continue;
		}
		entry = json_pack("{s:s, s:s}", "port", port->name, "reason", missed_name(reason));
		set_counter(entry, "packets", missed.frames[r]);
		(void)json_object_set_new(entry, "explanation", json_string(missed_text(reason)));
		(void)json_array_append_new(entries, entry);
	}
}

void
state_loss(const struct world *world, json_t *system)
{
	struct matrix matrix = {.world = world};
	json_t *missed = json_array();
	json_t *traffic = json_object();
	const struct world_port *port;
	struct dp_traffic sums;

	TAILQ_FOREACH (port, &world->ports, link) {
		port_add(&matrix, port);
		missed_add(missed, port);
	}
	matrix_cut(&matrix);
	(void)json_object_set_new(system, "missed", missed);
	(void)json_object_set_new(system, "drop", matrix_json(&matrix));
	free(matrix.entries);
	dp_get_traffic(world->dp, &sums);
	set_counter(traffic, "received", sums.received);
	set_counter(traffic, "copies", sums.copies);
	set_counter(traffic, "sent", sums.sent);
	set_counter(traffic, "dropped", sums.dropped);
	(void)json_object_set_new(system, "traffic", traffic);
}

/* --- latency --------------------------------------------------------------------------------- */

json_t *
state_latency(const struct world *world, const struct world_port *port)
{
	json_t *latency = json_object();
	json_t *buckets = json_array();
	struct residence_times times;
	uint64_t packets = 0;

	dp_port_get_latency(world->dp, port->dp, &times);
	for (unsigned int i = 0; i < RESIDENCE_BUCKETS; i++) {
		json_t *bucket;

		if (times.packets[i] == 0) {
			continue;
		}
		packets += times.packets[i];
		bucket = json_object();
		set_counter(bucket, "below",
			i + 1 == RESIDENCE_BUCKETS ? UINT64_MAX
						   : UINT64_C(1) << (i + RESIDENCE_FIRST));
		set_counter(bucket, "packets", times.packets[i]);
		(void)json_array_append_new(buckets, bucket);
	}
	set_counter(latency, "packets", packets);
	if (packets > 0) {
		set_counter(latency, "p50", residence_quantile(&times, 500));
		set_counter(latency, "p99", residence_quantile(&times, 990));
		set_counter(latency, "max", times.max);
	}
	(void)json_object_set_new(latency, "bucket", buckets);
	return latency;
}

/* --- the last packets ------------------------------------------------------------------------ */

static int
reason_of(const char *name, enum drop_reason *reason, struct err *err)
{
	*reason = DROP_N;
	for (unsigned int r = 0; name != NULL && r < DROP_N; r++) {
		if (strcmp(drop_name((enum drop_reason)r), name) == 0) {
			*reason = (enum drop_reason)r;
			return 0;
		}
	}
	return name == NULL ? 0
			    : err_set(err, ERR_INVALID, "reason",
				      "there is no reason '%.64s'; those that occurred stand in "
				      "`vswitchctl drops`",
				      name);
}

static json_t *
packet_json(const struct world *world, const struct loss_packet *packet, uint64_t now) ON_MAIN
{
	const enum drop_reason reason = (enum drop_reason)packet->reason;
	json_t *object = json_pack("{s:s}", "reason", drop_name(reason));
	const char *input = name_of(world, packet->in);
	const char *output = name_of(world, packet->out);
	char *hex = output_hex(packet->bytes, packet->kept);

	(void)json_object_set_new(object, "input", json_string(input == NULL ? ANY : input));
	if (packet->out != 0 || reason >= DROP_TX_FIRST || drop_names_output(reason)) {
		(void)json_object_set_new(
			object, "output", json_string(output == NULL ? ANY : output));
	}
	set_counter(object, "age", now > packet->at ? (now - packet->at) / CLOCK_MS : 0);
	(void)json_object_set_new(object, "length", json_integer(packet->len));
	(void)json_object_set_new(object, "frame", json_string(hex));
	free(hex);
	return object;
}

int
action_drops(void *ctx, json_t *input, json_t **output, struct err *err)
{
	static const char *const members[] = {"port", "reason", "max", NULL};
	const struct world *world = ctx;
	struct world_port *port = NULL;
	struct dp_lost_query query;
	struct loss_packet *packets;
	const char *name = NULL;
	json_t *list;
	json_int_t max = 0;
	uint32_t n;
	int rc;

	role_assert(&role_main);
	rc = input_only(input, members, err);
	rc = rc != 0 ? rc : input_number(input, "max", 1, PACKETS_MAX, PACKETS_MAX, &max, err);
	rc = rc != 0 ? rc : input_string_or(input, "reason", &name, err);
	rc = rc != 0 ? rc : reason_of(name, &query.reason, err);
	rc = rc != 0 ? rc : input_string_or(input, "port", &name, err);
	if (rc == 0 && name != NULL) {
		rc = input_port(world, name, &port, err);
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	query.port = port == NULL ? 0 : port->dp == NULL ? UINT32_MAX : dp_port_id(port->dp);
	query.max = (uint32_t)max;
	packets = dp_lost_packets(world->dp, &query, &n);
	for (uint32_t i = 0; i < n; i++) {
		(void)json_array_append_new(
			list, packet_json(world, &packets[i], dp_now(world->dp)));
	}
	free(packets);
	*output = json_pack("{s:o}", "packet", list);
	return 0;
}
