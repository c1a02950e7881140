/* SPDX-License-Identifier: BSD-3-Clause */
/* Bridges of a datapath: their tables, limits and ageing. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "datapath/dp/dp_keys.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/dp_rules_priv.h"

static uint32_t
bridge_id_alloc(struct dp *dp)
{
	for (uint32_t i = 1; i < DP_BRIDGES_MAX; i++) {
		uint32_t id = (dp->last_bridge_id + i) % DP_BRIDGES_MAX;

		if (id != 0 && dp->bridges[id] == NULL) {
			dp->last_bridge_id = id;
			return id;
		}
	}
	return 0;
}

static uint64_t
flooded_sum(const struct dp *dp, uint32_t id)
{
	uint64_t sum = 0;

	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		sum += __atomic_load_n(
			&dp->workers[w]->burst->bridges[id].flooded, __ATOMIC_RELAXED);
	}
	return sum;
}

uint64_t
dp_next_seed(struct dp *dp)
{
	dp->next_id_seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64's increment */
	return dp->options.seed ^ dp->next_id_seed;
}

int
dp_bridge_create(
	struct dp *dp, const struct dp_bridge_conf *conf, struct dp_bridge **out, struct err *err)
{
	uint32_t id = bridge_id_alloc(dp);
	struct dp_bridge *bridge;

	if (id == 0) {
		return err_set(err, ERR_LIMIT, NULL,
			"there are %u bridges already, no more are possible", DP_BRIDGES_MAX - 1);
	}
	bridge = calloc(1, sizeof(*bridge));
	if (bridge == NULL ||
		fdb_create(&conf->fdb, &dp->grace, dp_next_seed(dp), &bridge->fdb) != 0) {
		free(bridge);
		return err_set(err, ERR_LIMIT, "fdb-limit", "no memory for a table of %u addresses",
			conf->fdb.limit);
	}
	bridge->id = id;
	bridge->conf = *conf;
	if (dp_punt_init(dp, bridge) != 0) {
		fdb_destroy(bridge->fdb);
		free(bridge);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	bridge->flooded_base = flooded_sum(dp, id);
	fdb_tell(bridge->fdb, dp->telling_macs);
	dp->bridges[id] = bridge;
	TAILQ_INSERT_TAIL(&dp->bridge_list, bridge, link);
	dp_bridge_touch(dp, bridge);
	*out = bridge;
	return 0;
}

static void
fdb_free(void *object)
{
	fdb_destroy(object);
}

int
dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge, const struct dp_bridge_conf *conf,
	struct fdb **table, struct err *err)
{
	*table = NULL;
	if (conf->fdb.limit <= fdb_room(bridge->fdb)) {
		return 0;
	}
	if (fdb_create(&conf->fdb, &dp->grace, dp_next_seed(dp), table) != 0) {
		return err_set(err, ERR_LIMIT, "fdb-limit", "no memory for a table of %u addresses",
			conf->fdb.limit);
	}
	return 0;
}

void
dp_bridge_get_stats(const struct dp_bridge *bridge, struct fdb_stats *stats)
{
	const struct fdb_stats *past = &bridge->past;

	fdb_get_stats(bridge->fdb, stats);
	stats->learned += past->learned;
	stats->moved += past->moved;
	stats->move_limited += past->move_limited;
	stats->evicted += past->evicted;
	stats->port_limited += past->port_limited;
	stats->aged += past->aged;
	stats->refused += past->refused;
}

void
dp_bridge_clear_stats(const struct dp *dp, struct dp_bridge *bridge)
{
	struct fdb_stats now;

	bridge->flooded_base = flooded_sum(dp, bridge->id);
	dp_punt_clear(dp, bridge);
	/* Modulo 2^64: what the table has counted so far is what there is less of. */
	fdb_get_stats(bridge->fdb, &now);
	bridge->past = (struct fdb_stats){.learned = -now.learned,
		.moved = -now.moved,
		.move_limited = -now.move_limited,
		.evicted = -now.evicted,
		.port_limited = -now.port_limited,
		.aged = -now.aged,
		.refused = -now.refused};
}

void
dp_bridge_commit(struct dp *dp, struct dp_bridge *bridge, const struct dp_bridge_conf *conf,
	struct fdb *table)
{
	if (table != NULL) {
		dp_bridge_get_stats(bridge, &bridge->past);
		dp_retire(dp, fdb_free, bridge->fdb);
		bridge->fdb = table;
		fdb_tell(bridge->fdb, dp->telling_macs);
	} else if (fdb_set_conf(bridge->fdb, &conf->fdb) != 0) {
		assert(!"dp_bridge_prepare has seen that it fits");
	}
	bridge->conf = *conf;
	dp_punt_set(bridge);
	dp_bridge_touch(dp, bridge);
}

int
dp_bridge_set(struct dp *dp, struct dp_bridge *bridge, const struct dp_bridge_conf *conf,
	bool *replaced, struct err *err)
{
	struct fdb *table;
	int rc = dp_bridge_prepare(dp, bridge, conf, &table, err);

	*replaced = table != NULL;
	if (rc == 0) {
		dp_bridge_commit(dp, bridge, conf, table);
	}
	return rc;
}

void
dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge)
{
	struct dp_port *port;

	assert(bridge->n_members == 0);
	/* Ports on their way out need the table no more: it goes as a whole. */
	TAILQ_FOREACH (port, &dp->leaving, link) {
		if (port->bridge == bridge) {
			port->bridge = NULL;
		}
	}
	TAILQ_REMOVE(&dp->bridge_list, bridge, link);
	dp->bridges[bridge->id] = NULL;
	dp->dirty = true;
	dp_keys_drop_bridge(dp, bridge);
	dp_retire(dp, dp_rules_free, bridge->rules);
	dp_retire(dp, fdb_free, bridge->fdb);
	dp_retire(dp, free, bridge->view);
	dp_punt_fini(bridge);
	dp_bridge_free_meters(dp, bridge);
	dp_bridge_free_groups(dp, bridge);
	free(bridge);
}

void
dp_bridges_shutdown(struct dp *dp)
{
	struct dp_bridge *bridge;

	while ((bridge = TAILQ_FIRST(&dp->bridge_list)) != NULL) {
		TAILQ_REMOVE(&dp->bridge_list, bridge, link);
		dp_keys_drop_bridge(dp, bridge);
		dp_rules_free(bridge->rules);
		fdb_destroy(bridge->fdb);
		free(bridge->view);
		dp_punt_fini(bridge);
		dp_bridge_free_meters(dp, bridge);
		dp_bridge_free_groups(dp, bridge);
		free(bridge);
	}
}

/* All slots once a second, in proportion to the time since the last call. */
void
dp_bridges_step(struct dp *dp, uint64_t now)
{
	uint64_t elapsed = now - dp->swept_at;
	struct dp_bridge *bridge;

	if (elapsed < DP_STEP_IDLE) {
		return;
	}
	dp->swept_at = now;
	elapsed = elapsed > CLOCK_S ? CLOCK_S : elapsed;
	TAILQ_FOREACH (bridge, &dp->bridge_list, link) {
		uint64_t slots = 2 * (uint64_t)bridge->conf.fdb.limit * FDB_BUCKET_SLOTS;
		uint64_t slices = slots * elapsed / CLOCK_S / FDB_SLICE + 1;

		for (uint64_t i = 0; i < slices && fdb_count(bridge->fdb) > 0; i++) {
			if (fdb_sweep(bridge->fdb, (uint16_t)(now / CLOCK_S))) {
				break;
			}
		}
	}
}

uint32_t
dp_bridge_id(const struct dp_bridge *bridge)
{
	return bridge->id;
}

struct dp_bridge *
dp_bridge_by_id(const struct dp *dp, uint32_t id)
{
	return id < DP_BRIDGES_MAX ? dp->bridges[id] : NULL;
}

struct fdb *
dp_bridge_fdb(const struct dp_bridge *bridge)
{
	return bridge->fdb;
}

uint64_t
dp_extra_copies(const struct dp *dp)
{
	uint64_t sum = 0;

	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		for (uint32_t id = 1; id < DP_BRIDGES_MAX; id++) {
			sum += __atomic_load_n(
				&dp->workers[w]->burst->bridges[id].extra, __ATOMIC_RELAXED);
		}
		sum += __atomic_load_n(&dp->workers[w]->burst->loss.segments, __ATOMIC_RELAXED);
		sum += __atomic_load_n(&dp->workers[w]->burst->stage.mirrored, __ATOMIC_RELAXED);
	}
	return sum;
}

uint64_t
dp_bridge_flooded(const struct dp *dp, const struct dp_bridge *bridge)
{
	return flooded_sum(dp, bridge->id) - bridge->flooded_base;
}
