/* SPDX-License-Identifier: BSD-3-Clause */
/* State leaves: what the datapath knows, in the schema's JSON. Counters are strings (RFC
 * 7951, 6.1). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "datapath/dp/dp_flows.h"
#include "datapath/dp/dp_rules.h"
#include "vswitchd/bridge_policy.h"
#include "vswitchd/captures.h"
#include "vswitchd/state_loss.h"
#include "vswitchd/state_vhost.h"
#include "vswitchd/world.h"
#include "vswitchd/world_acl.h"
#include "vswitchd/world_mirror.h"

static void
set_counter(json_t *object, const char *leaf, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)json_object_set_new(object, leaf, json_string(text));
}

static void
set_number(json_t *object, const char *leaf, json_int_t value)
{
	(void)json_object_set_new(object, leaf, json_integer(value));
}

/* Is that member of an entry looked at? NULL: all are. */
static bool
wanted(const char *asked, const char *member)
{
	return asked == NULL || strcmp(asked, member) == 0;
}

static json_t *
port_statistics(const struct world *world, const struct world_port *port) ON_MAIN
{
	json_t *statistics = json_object();
	json_t *missed = json_object();
	json_t *drops = json_object();
	struct port_counters c;
	struct port_missed m;

	world_port_counters(world, port, &c);
	world_port_missed(port, &m);
	set_counter(statistics, "rx-packets", c.rx_packets);
	set_counter(statistics, "rx-bytes", c.rx_bytes);
	set_counter(statistics, "tx-packets", c.tx_packets);
	set_counter(statistics, "tx-bytes", c.tx_bytes);
	for (int r = 0; r < DROP_N; r++) {
		set_counter(drops, drop_name((enum drop_reason)r), c.drops[r]);
	}
	for (int r = 0; r < MISSED_N; r++) {
		set_counter(missed, missed_name((enum missed_reason)r), m.frames[r]);
	}
	(void)json_object_set_new(statistics, "drops", drops);
	(void)json_object_set_new(statistics, "missed", missed);
	/* Most types cannot have them. */
	if (m.no_buffer != 0) {
		set_counter(statistics, "no-buffer", m.no_buffer);
	}
	if (m.invalid_buffers != 0) {
		set_counter(statistics, "invalid-buffers", m.invalid_buffers);
	}
	return statistics;
}

static json_t *
port_flows(const struct world *world, const struct world_port *port) ON_MAIN
{
	json_t *flows = json_object();
	struct dp_port_flows f;

	dp_port_get_flows(world->dp, port->dp, &f);
	set_number(flows, "entries", f.entries);
	set_counter(flows, "hits", f.hits);
	set_counter(flows, "misses", f.misses);
	return flows;
}

static json_t *
port_queues(const struct world_port *port, const struct port_status *status) ON_MAIN
{
	uint16_t n = status->n_rxq > status->n_txq ? status->n_rxq : status->n_txq;
	json_t *queues = json_array();

	for (uint16_t q = 0; q < n; q++) {
		int worker = dp_port_rxq_worker(port->dp, q);
		json_t *queue = json_object();

		set_number(queue, "id", q);
		if (worker >= 0) {
			set_number(queue, "worker", worker);
		}
		(void)json_object_set_new(queue, "rx-enabled", json_boolean(q < status->n_rxq));
		(void)json_object_set_new(queue, "tx-enabled", json_boolean(q < status->n_txq));
		(void)json_array_append_new(queues, queue);
	}
	return queues;
}

static void
port_state(const struct world *world, const char *name, const char *asked, json_t *entry) ON_MAIN
{
	const struct world_port *port = world_find_port(world, name);
	struct port_status status;

	if (port == NULL) {
		return;
	}
	world_port_status(port, &status);
	(void)json_object_set_new(entry, "oper-status", json_string(port_oper_name(status.oper)));
	if (status.reason[0] != '\0') {
		(void)json_object_set_new(entry, "reason", json_string(status.reason));
	}
	if (wanted(asked, "statistics")) {
		(void)json_object_set_new(entry, "statistics", port_statistics(world, port));
	}
	if (port->dp != NULL) {
		(void)json_object_set_new(entry, "flows", port_flows(world, port));
		(void)json_object_set_new(entry, "queue", port_queues(port, &status));
		(void)json_object_set_new(entry, "latency", state_latency(world, port));
		state_vhost(dp_port_device(port->dp), entry);
	}
}

/* The tables that ever had a rule, and what all of them come to. */
static json_t *
rules_state(const struct world *world, const struct world_bridge *bridge) ON_MAIN
{
	json_t *state = json_object();
	json_t *tables = json_array();
	struct dp_rules_stats total;

	dp_rules_get_stats(world->dp, bridge->dp, &total);
	set_number(state, "rules", total.rules);
	set_counter(state, "matched-packets", total.packets);
	set_counter(state, "removed-packets", total.removed_packets);
	set_counter(state, "memory", total.memory);
	for (unsigned int i = 0; i < RULES_TABLES; i++) {
		struct rules_stats stats;
		json_t *table;

		if (!dp_rules_get_table(bridge->dp, (uint8_t)i, &stats)) {
			continue;
		}
		table = json_object();
		set_number(table, "id", i);
		set_number(table, "rules", stats.rules);
		set_number(table, "masks", stats.masks);
		set_number(table, "subtables", stats.subtables);
		set_number(table, "longest-chain", stats.longest_chain);
		(void)json_object_set_new(table, "slow", json_boolean(stats.warn));
		(void)json_array_append_new(tables, table);
	}
	(void)json_object_set_new(state, "table", tables);
	return state;
}

static void
bridge_state(const struct world *world, const char *name, const char *asked, json_t *entry) ON_MAIN
{
	const struct world_bridge *bridge = world_find_bridge(world, name);
	json_t *statistics;
	struct dp_punt_stats punts;
	struct fdb_stats stats;

	if (bridge == NULL) {
		return;
	}
	dp_bridge_get_stats(bridge->dp, &stats);
	set_number(entry, "fdb-entries", fdb_count(dp_bridge_fdb(bridge->dp)));
	statistics = json_object();
	set_counter(statistics, "flooded-packets", dp_bridge_flooded(world->dp, bridge->dp));
	set_counter(statistics, "learned", stats.learned);
	set_counter(statistics, "moved", stats.moved);
	set_counter(statistics, "move-limited", stats.move_limited);
	set_counter(statistics, "evicted", stats.evicted);
	set_counter(statistics, "aged", stats.aged);
	set_counter(statistics, "learn-refused", stats.refused);
	dp_bridge_get_punts(world->dp, bridge->dp, &punts);
	set_counter(statistics, "punted", punts.punted);
	set_counter(statistics, "punt-lost", punts.lost);
	set_counter(statistics, "punt-limited", punts.limited);
	(void)json_object_set_new(entry, "statistics", statistics);
	/* That walks over all rules. */
	if (wanted(asked, "flow-rules")) {
		(void)json_object_set_new(entry, "flow-rules", rules_state(world, bridge));
	}
	bridge_policy_state(bridge, entry);
}

static json_t *
flow_cache_state(const struct dp_worker_stats *stats)
{
	json_t *cache = json_object();

	set_number(cache, "capacity", stats->flows_max);
	set_number(cache, "entries", stats->flows);
	set_counter(cache, "memory", stats->flows_memory);
	set_number(cache, "programs", stats->programs);
	set_counter(cache, "programs-memory", stats->programs_memory);
	set_counter(cache, "hits", stats->flow_cache.hits);
	set_counter(cache, "misses", stats->flow_cache.misses);
	set_counter(cache, "inserted", stats->flow_cache.inserted);
	set_counter(cache, "evicted", stats->flow_cache.evicted);
	set_counter(cache, "removed", stats->flow_cache.removed);
	set_counter(cache, "refused", stats->flow_cache.refused);
	return cache;
}

static json_t *
worker_state(const struct world *world, unsigned int index) ON_MAIN
{
	static const char *const states[] = {
		[DP_WORKER_POLLING] = "polling",
		[DP_WORKER_SLEEPING] = "sleeping",
		[DP_WORKER_STALLED] = "stalled",
	};
	struct dp_worker_stats stats;
	json_t *worker = json_object();
	json_t *queues = json_array();
	const char *port;
	uint16_t queue;

	dp_worker_get_stats(world->dp, index, &stats);
	set_number(worker, "id", index);
	(void)json_object_set_new(worker, "state", json_string(states[stats.state]));
	if (stats.cpu >= 0) {
		set_number(worker, "cpu", stats.cpu);
	}
	set_counter(worker, "iterations", stats.iterations);
	set_counter(worker, "packets", stats.packets);
	set_counter(worker, "busy-cycles", stats.busy_cycles);
	set_counter(worker, "idle-cycles", stats.idle_cycles);
	(void)json_object_set_new(worker, "flow-cache", flow_cache_state(&stats));
	for (uint32_t i = 0; dp_worker_rxq(world->dp, index, i, &port, &queue); i++) {
		json_t *item = json_object();

		(void)json_object_set_new(item, "port", json_string(port));
		set_number(item, "queue", queue);
		(void)json_array_append_new(queues, item);
	}
	(void)json_object_set_new(worker, "rx-queue", queues);
	return worker;
}

static void
system_state(const struct world *world, const char *asked, json_t *entry) ON_MAIN
{
	json_t *workers = json_array();
	uint64_t now = dp_now(world->dp);

	(void)json_object_set_new(entry, "version", json_string(VSW_VERSION));
	set_number(entry, "uptime",
		now > world->started ? (json_int_t)((now - world->started) / CLOCK_S) : 0);
	if (world->memory != NULL) {
		json_t *memory = world->memory(world->memory_arg);

		(void)json_object_set_new(entry, "memory", memory);
	}
	for (unsigned int w = 0; wanted(asked, "worker") && w < dp_n_workers(world->dp); w++) {
		(void)json_array_append_new(workers, worker_state(world, w));
	}
	(void)json_object_set_new(entry, "worker", workers);
	if (world->captures != NULL) {
		captures_state(world->captures, entry);
	}
	/* These read the counters of all ports. */
	if (wanted(asked, "drop") || wanted(asked, "missed") || wanted(asked, "traffic")) {
		state_loss(world, entry);
	}
	system_parts_state(&world->parts, entry);
}

void
world_state(void *ctx, const char *list, const char *key, const char *member, json_t *entry)
{
	const struct world *world = ctx;

	if (strcmp(list, "port") == 0) {
		port_state(world, key, member, entry);
	} else if (strcmp(list, "bridge") == 0) {
		bridge_state(world, key, member, entry);
	} else if (strcmp(list, "acl") == 0) {
		world_acl_state(world, key, entry);
	} else if (strcmp(list, "mirror") == 0) {
		world_mirror_state(world, key, entry);
	} else if (strcmp(list, "system") == 0) {
		system_state(world, member, entry);
	}
}

static json_t *
fdb_entry_json(const struct world *world, const struct fdb_entry *entry) ON_MAIN
{
	const struct dp_port *port = dp_port_by_id(world->dp, entry->port);
	json_t *object = json_object();
	struct rte_ether_addr mac;
	char text[RTE_ETHER_ADDR_FMT_SIZE];

	memcpy(mac.addr_bytes, &entry->key, sizeof(mac.addr_bytes));
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac.addr_bytes[0],
		mac.addr_bytes[1], mac.addr_bytes[2], mac.addr_bytes[3], mac.addr_bytes[4],
		mac.addr_bytes[5]);
	(void)json_object_set_new(object, "mac", json_string(text));
	set_number(object, "vlan", (json_int_t)(entry->key >> 48));
	if (port != NULL && dp_port_device(port) != NULL) {
		(void)json_object_set_new(object, "port", json_string(dp_port_device(port)->name));
	}
	set_number(object, "age", entry->is_static ? 0 : entry->age_s);
	(void)json_object_set_new(object, "static", json_boolean(entry->is_static));
	return object;
}

#define FDB_CHUNK 256

int
world_page(void *ctx, const char *list, const char *key, const char *child, struct ds_page *page,
	json_t **entries, struct err *err)
{
	const struct world *world = ctx;
	const struct world_bridge *bridge;
	uint16_t now_s = (uint16_t)(dp_now(world->dp) / CLOCK_S);
	struct fdb_entry chunk[FDB_CHUNK];
	uint64_t start = 0;
	uint32_t cursor;
	unsigned int n;
	unsigned int want;

	if (strcmp(list, "bridge") != 0 || strcmp(child, "fdb") != 0) {
		return err_set(
			err, ERR_UNKNOWN, NULL, "there is no list '%s' of a %s", child, list);
	}
	bridge = world_find_bridge(world, key);
	if (bridge == NULL) {
		return err_set(err, ERR_MISSING, NULL, "there is no bridge '%s'", key);
	}
	if (page->after != NULL && str_to_u64(page->after, 0, UINT32_MAX, &start) != 0) {
		return err_set(
			err, ERR_INVALID, "after", "'%s' is no cursor of this list", page->after);
	}
	cursor = (uint32_t)start;
	*entries = json_array();
	do {
		size_t left = page->limit - json_array_size(*entries);

		want = left < FDB_CHUNK ? (unsigned int)left : FDB_CHUNK;
		n = fdb_dump(dp_bridge_fdb(bridge->dp), &cursor, chunk, want, now_s);
		for (unsigned int i = 0; i < n; i++) {
			(void)json_array_append_new(*entries, fdb_entry_json(world, &chunk[i]));
		}
	} while (n == want && json_array_size(*entries) < page->limit);
	page->next[0] = '\0';
	if (n == want) {
		snprintf(page->next, sizeof(page->next), "%" PRIu32, cursor);
	}
	return 0;
}
