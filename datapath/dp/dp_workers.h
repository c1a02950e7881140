/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What main sees of workers: statistics, the queues that they poll, and those that do not come
 * round any more.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_WORKERS_H
#define VSW_DATAPATH_DP_DP_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/role.h"
#include "datapath/table/flow_cache.h"

#define DP_STALLED (2 * CLOCK_S) /* a worker without a loop for this long is reported */

struct dp;

enum dp_worker_state { DP_WORKER_POLLING, DP_WORKER_SLEEPING, DP_WORKER_STALLED };

struct dp_worker_stats {
	enum dp_worker_state state;
	int cpu; /* -1: not pinned */
	uint64_t iterations;
	uint64_t packets;
	uint64_t busy_cycles; /* TSC cycles of loops that moved packets */
	uint64_t idle_cycles; /* of loops that did not, sleep included */
	uint32_t n_rxq;
	uint32_t flows; /* remembered now */
	uint32_t flows_max;
	uint64_t flows_memory; /* bytes */
	uint32_t programs; /* distinct ones that they hold */
	uint64_t programs_memory; /* bytes */
	struct flow_cache_stats flow_cache; /* per packet: hits and misses */
};

/* A worker has stalled, or runs again; strings are borrowed for the call. */
struct dp_worker_event {
	unsigned int worker;
	bool stalled; /* false: it runs again */
	uint64_t ns; /* since it was last seen to run; how long it stood */
	const char *port; /* whose queue it has in hand, or had; NULL: it is between queues */
	uint16_t queue;
	int tid; /* of its thread, gettid(2) */
	uint32_t snapshots; /* that cannot be freed before it comes round */
	uint32_t ports; /* being deleted, which wait for it likewise */
};

/* Flows that each worker remembers at most. */
uint32_t dp_flows_max(const struct dp *dp);

/* dp_step's share of it: tell of workers that do not come round, and of those that do again. */
void dp_workers_watch(struct dp *dp, uint64_t now) ON_MAIN;

void dp_worker_get_stats(
	const struct dp *dp, unsigned int worker, struct dp_worker_stats *stats) ON_MAIN;

/* The i-th queue that the worker polls; false past the end. */
bool dp_worker_rxq(const struct dp *dp, unsigned int worker, uint32_t i, const char **port,
	uint16_t *queue) ON_MAIN;

#endif
