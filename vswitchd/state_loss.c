/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/state_loss.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct matrix {
	const struct world *world;
	struct dp_loss_row *rows;
	uint32_t n;
	json_t *entries;
};

static void
entry_add(const struct matrix *matrix, const char *input, const char *output,
	enum drop_reason reason, uint64_t packets)
{
	json_t *entry;

	if (packets == 0 || json_array_size(matrix->entries) == STATE_DROPS_MAX) {
		return;
	}
	entry = json_pack(
		"{s:s, s:s, s:s}", "input", input, "output", output, "reason", drop_name(reason));
	set_counter(entry, "packets", packets);
	(void)json_object_set_new(entry, "explanation", json_string(drop_text(reason)));
	(void)json_array_append_new(matrix->entries, entry);
}

/* The first row of an output; they lie together. */
static uint32_t
rows_of(const struct matrix *matrix, uint32_t out)
{
	uint32_t low = 0;
	uint32_t high = matrix->n;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (matrix->rows[middle].out < out) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/*
 * What the port's counters say. Where packets of an output came from is in its rows; those of
 * inputs that are gone, of earlier devices and of rows that found no room came from anywhere.
 */
static void
port_add(const struct matrix *matrix, const struct world_port *port) ON_MAIN
{
	struct port_counters c;

	world_port_counters(matrix->world, port, &c);
	if (port->dp != NULL) {
		const uint32_t out = dp_port_id(port->dp);

		for (uint32_t i = rows_of(matrix, out); i < matrix->n && matrix->rows[i].out == out;
			i++) {
			const struct dp_loss_row *row = &matrix->rows[i];
			const char *input = name_of(matrix->world, row->in);

			if (input != NULL && c.drops[row->reason] >= row->packets) {
				entry_add(matrix, input, port->name, row->reason, row->packets);
				c.drops[row->reason] -= row->packets;
			}
		}
	}
	for (unsigned int r = 0; r < DROP_N; r++) {
		const enum drop_reason reason = (enum drop_reason)r;

		if (r < DROP_TX_FIRST) {
			entry_add(matrix, port->name, "-", reason, c.drops[r]);
		} else {
			entry_add(matrix, "*", port->name, reason, c.drops[r]);
		}
	}
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
	json_t *missed = json_array();
	struct matrix matrix = {.world = world, .entries = json_array()};
	json_t *traffic = json_object();
	const struct world_port *port;
	struct dp_traffic sums;

	/* Before the counters, which are then never behind. */
	matrix.rows = dp_loss_rows(world->dp, &matrix.n);
	TAILQ_FOREACH (port, &world->ports, link) {
		port_add(&matrix, port);
		missed_add(missed, port);
	}
	free(matrix.rows);
	(void)json_object_set_new(system, "missed", missed);
	(void)json_object_set_new(system, "drop", matrix.entries);
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
packet_json(const struct world *world, const struct dp_lost_packet *lost, uint64_t now) ON_MAIN
{
	const struct loss_packet *packet = &lost->packet;
	json_t *object = json_pack("{s:s}", "reason", drop_name(lost->reason));
	const char *input = name_of(world, packet->in);
	const char *output = packet->out == 0 ? NULL : name_of(world, packet->out);
	char *hex = output_hex(packet->bytes, packet->kept);

	(void)json_object_set_new(object, "input", json_string(input == NULL ? "*" : input));
	if (packet->out != 0) {
		(void)json_object_set_new(
			object, "output", json_string(output == NULL ? "*" : output));
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
	struct dp_lost_packet *packets;
	const char *name = NULL;
	enum drop_reason reason = DROP_N;
	json_t *list;
	json_int_t max = 0;
	uint32_t n;
	int rc;

	role_assert(&role_main);
	rc = input_only(input, members, err);
	rc = rc != 0 ? rc : input_number(input, "max", 1, PACKETS_MAX, PACKETS_MAX, &max, err);
	rc = rc != 0 ? rc : input_string_or(input, "reason", &name, err);
	rc = rc != 0 ? rc : reason_of(name, &reason, err);
	rc = rc != 0 ? rc : input_string_or(input, "port", &name, err);
	if (rc == 0 && name != NULL) {
		rc = input_port(world, name, &port, err);
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	packets = dp_lost_packets(world->dp, reason, &n);
	for (uint32_t i = 0; i < n && (json_int_t)json_array_size(list) < max; i++) {
		const struct loss_packet *packet = &packets[i].packet;
		const uint32_t id = port == NULL || port->dp == NULL ? 0 : dp_port_id(port->dp);

		if (port == NULL || (id != 0 && (packet->in == id || packet->out == id))) {
			(void)json_array_append_new(
				list, packet_json(world, &packets[i], dp_now(world->dp)));
		}
	}
	free(packets);
	*output = json_pack("{s:o}", "packet", list);
	return 0;
}
