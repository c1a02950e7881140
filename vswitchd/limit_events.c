/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/limit_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "datapath/dp/dp_limits.h"

LOG_MODULE("limit");

#define PORTS_A_STEP (DP_PORTS_MAX / 8)

enum bridge_limit {
	BRIDGE_FDB,
	BRIDGE_MOVES,
	BRIDGE_PUNT_RATE,
	BRIDGE_PUNT_QUEUE,
	BRIDGE_LIMITS,
};

/* A row for each limit: its word, and the sentence behind "bridge br0", "port p1" or "worker 0". */
struct limit_row {
	const char *word;
	const char *text;
};

static const struct limit_row bridge_rows[BRIDGE_LIMITS] = {
	[BRIDGE_FDB] = {"fdb-full",
		"its MAC table is full (fdb-limit): addresses that were forgotten for new ones, or "
		"not learned"},
	[BRIDGE_MOVES] = {"mac-move-limit",
		"moves of addresses between ports beyond mac-move-limit, not followed (is there a "
		"loop?)"},
	[BRIDGE_PUNT_RATE] = {"punt-rate", "packets for controllers beyond punt-rate, not told"},
	[BRIDGE_PUNT_QUEUE] = {"punt-queue",
		"packets for controllers that found the queue to the main thread full"},
};

static const struct limit_row port_rows[DP_PORT_LIMITS] = {
	[DP_LIMIT_MACS] = {"mac-limit",
		"it has as many addresses as mac-limit allows: older ones that were forgotten for "
		"new ones"},
	[DP_LIMIT_BUFFERS] = {"no-buffers", "frames lost because no packet buffer was free"},
	[DP_LIMIT_FLOWS] = {"new-flows",
		"frames of new flows lost, it begins more of them than its share (miss-budget)"},
	[DP_LIMIT_STORM] = {"storm-limit", "frames beyond its storm limits, lost"},
};

static const struct limit_row worker_row = {"flow-cache",
	"its flow cache is full: flows that were forgotten for new ones, or not remembered"};

static const struct limit_row rpc_row = {
	"connections", "as many control connections as can be are open: connections refused"};

struct limit_events {
	const struct world *world;
	struct events *events;
	const struct rpc_server *rpc;
	uint64_t began_at; /* the round of looks */
	uint32_t next_port; /* id to look at; 0: the round has ended */
	struct limit_gauge workers[DP_WORKERS_MAX];
	struct limit_gauge connections;
	struct limit_gauge bridges[DP_BRIDGES_MAX][BRIDGE_LIMITS]; /* by id */
	struct limit_gauge ports[DP_PORTS_MAX][DP_PORT_LIMITS]; /* by id */
};

/* What a limit is met at. */
struct place {
	struct event_about about;
	int worker; /* -1: none */
};

struct limit_events *
limit_events_create(const struct world *world)
{
	struct limit_events *limits = calloc(1, sizeof(*limits)); /* pages of what is there */

	if (limits != NULL) {
		limits->world = world;
	}
	return limits;
}

void
limit_events_destroy(struct limit_events *limits)
{
	free(limits);
}

void
limit_events_connect(
	struct limit_events *limits, struct events *events, const struct rpc_server *rpc)
{
	limits->events = events;
	limits->rpc = rpc;
}

uint64_t
limit_gauge_look(struct limit_gauge *gauge, uint64_t value)
{
	uint64_t grown = value < gauge->seen ? value : value - gauge->seen;

	gauge->seen = value;
	return grown;
}

bool
limit_gauge_log(struct limit_gauge *gauge, uint64_t now, uint64_t *count)
{
	gauge->quiet += *count;
	if (now < gauge->log_at) {
		return false;
	}
	*count = gauge->quiet;
	gauge->quiet = 0;
	gauge->log_at = now + LIMIT_LOG_EACH;
	return true;
}

static void
describe(const struct place *place, const struct limit_row *row, uint64_t count, char *text,
	size_t size)
{
	text[0] = '\0';
	if (place->about.port != NULL) {
		(void)str_appendf(text, size, "port %s: ", place->about.port);
	} else if (place->about.bridge != NULL) {
		(void)str_appendf(text, size, "bridge %s: ", place->about.bridge);
	} else if (place->worker >= 0) {
		(void)str_appendf(text, size, "worker %d: ", place->worker);
	}
	(void)str_appendf(text, size, "%s: %" PRIu64, row->text, count);
}

static void
emit(struct limit_events *limits, const struct place *place, const struct limit_row *row,
	uint64_t count) ON_MAIN
{
	char text[512];
	json_t *body;

	if (limits->events == NULL || !events_wanted(limits->events, EVENT_LIMIT)) {
		return;
	}
	describe(place, row, count, text, sizeof(text));
	body = event_body(EVENT_WARNING, row->word, text);
	(void)json_object_set_new(body, "count", json_integer((json_int_t)count));
	if (place->about.port != NULL) {
		(void)json_object_set_new(body, "port", json_string(place->about.port));
	}
	if (place->worker >= 0) {
		(void)json_object_set_new(body, "worker", json_integer(place->worker));
	}
	events_emit(limits->events, EVENT_LIMIT, &place->about, body);
}

/* Look at one counter, and tell what it has to say. */
static void
look(struct limit_events *limits, struct limit_gauge *gauge, uint64_t value,
	const struct place *place, const struct limit_row *row) ON_MAIN
{
	uint64_t count = limit_gauge_look(gauge, value);
	char text[512];

	if (count == 0) {
		return;
	}
	emit(limits, place, row, count);
	if (limit_gauge_log(gauge, limits->began_at, &count)) {
		describe(place, row, count, text, sizeof(text));
		log_warn("%s", text);
	}
}

static void
look_at_bridges(struct limit_events *limits) ON_MAIN
{
	const struct world_bridge *bridge;

	TAILQ_FOREACH (bridge, &limits->world->bridges, link) {
		struct limit_gauge *gauges = limits->bridges[dp_bridge_id(bridge->dp)];
		const struct place place = {.about = {.bridge = bridge->name}, .worker = -1};
		struct dp_punt_stats punts;
		struct fdb_stats stats;
		uint64_t values[BRIDGE_LIMITS];

		dp_bridge_get_stats(bridge->dp, &stats);
		dp_bridge_get_punts(limits->world->dp, bridge->dp, &punts);
		values[BRIDGE_FDB] = stats.evicted - stats.port_limited + stats.refused;
		values[BRIDGE_MOVES] = stats.move_limited;
		values[BRIDGE_PUNT_RATE] = punts.limited;
		values[BRIDGE_PUNT_QUEUE] = punts.lost;
		for (int i = 0; i < BRIDGE_LIMITS; i++) {
			look(limits, &gauges[i], values[i], &place, &bridge_rows[i]);
		}
	}
}

static void
look_at_workers(struct limit_events *limits) ON_MAIN
{
	for (unsigned int w = 0; w < dp_n_workers(limits->world->dp); w++) {
		const struct place place = {.worker = (int)w};
		struct dp_worker_stats stats;

		dp_worker_get_stats(limits->world->dp, w, &stats);
		look(limits, &limits->workers[w],
			stats.flow_cache.evicted + stats.flow_cache.refused, &place, &worker_row);
	}
}

static void
look_at_port(struct limit_events *limits, uint32_t id) ON_MAIN
{
	struct limit_gauge *gauges = limits->ports[id];
	const struct world_port *port;
	struct place place = {.worker = -1};
	uint64_t values[DP_PORT_LIMITS];
	bool same = true;

	if (!dp_port_limits(limits->world->dp, id, values)) {
		return;
	}
	for (int i = 0; i < DP_PORT_LIMITS; i++) {
		same = same && values[i] == gauges[i].seen;
	}
	if (same) {
		return;
	}
	place.about.port = dp_port_device(dp_port_by_id(limits->world->dp, id))->name;
	port = world_find_port(limits->world, place.about.port);
	if (port != NULL && port->bridge[0] != '\0') {
		place.about.bridge = port->bridge;
	}
	for (int i = 0; i < DP_PORT_LIMITS; i++) {
		look(limits, &gauges[i], values[i], &place, &port_rows[i]);
	}
}

static void
look_at_ports(struct limit_events *limits) ON_MAIN
{
	uint32_t end = RTE_MIN(limits->next_port + PORTS_A_STEP, (uint32_t)DP_PORTS_MAX);

	for (; limits->next_port < end; limits->next_port++) {
		look_at_port(limits, limits->next_port);
	}
	if (limits->next_port == DP_PORTS_MAX) {
		limits->next_port = 0;
	}
}

void
limit_events_step(struct limit_events *limits, uint64_t now)
{
	const struct place place = {.worker = -1};

	if (limits->next_port != 0) {
		look_at_ports(limits);
		return;
	}
	if (now - limits->began_at < LIMIT_LOOK) {
		return;
	}
	limits->began_at = now;
	look_at_bridges(limits);
	look_at_workers(limits);
	if (limits->rpc != NULL) {
		look(limits, &limits->connections, rpc_server_refused(limits->rpc), &place,
			&rpc_row);
	}
	limits->next_port = 1;
}
