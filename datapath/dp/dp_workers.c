/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_workers.h"

#include "datapath/dp/dp_priv.h"

/* --- stalls ---------------------------------------------------------------------------------- */

static uint32_t
ports_waiting(const struct dp *dp)
{
	const struct dp_port *port;
	uint32_t n = 0;

	TAILQ_FOREACH (port, &dp->leaving, link) {
		n++;
	}
	return n;
}

/* The queue that it has, or had, in hand, as far as can be told from outside. */
static void
describe_place(
	const struct dp *dp, const struct worker *worker, struct dp_worker_event *event) ON_MAIN
{
	const uint32_t place = worker->stalled_place;
	const struct dp_port *port = dp_port_by_id(dp, place >> 16);

	if (place != WORKER_NOWHERE && port != NULL && port->device != NULL) {
		event->port = port->device->name;
		event->queue = (uint16_t)place;
	}
}

static void
worker_tell(const struct dp *dp, const struct worker *worker, uint64_t ns) ON_MAIN
{
	struct dp_worker_event event = {.worker = worker->index,
		.stalled = worker->stalled,
		.ns = ns,
		.tid = __atomic_load_n(&worker->tid, __ATOMIC_RELAXED),
		.snapshots = dp->n_waiting,
		.ports = ports_waiting(dp)};

	describe_place(dp, worker, &event);
	if (dp->options.worker != NULL) {
		dp->options.worker(dp->options.worker_arg, &event);
	}
}

void
dp_workers_watch(struct dp *dp, uint64_t now)
{
	for (unsigned int w = 0; dp->options.threads && w < dp->options.n_workers; w++) {
		struct worker *worker = dp->workers[w];
		uint64_t iterations = __atomic_load_n(&worker->iterations, __ATOMIC_RELAXED);
		uint64_t ns = now - worker->seen_at;

		if (iterations != worker->seen_iterations || worker->seen_at == 0) {
			worker->seen_iterations = iterations;
			worker->seen_at = now;
			if (worker->stalled) {
				worker->stalled = false;
				worker_tell(dp, worker, ns);
			}
		} else if (ns > DP_STALLED && !worker->stalled) {
			worker->stalled = true;
			worker->stalled_place = __atomic_load_n(&worker->place, __ATOMIC_RELAXED);
			worker_tell(dp, worker, ns);
		}
	}
}

/* --- statistics ------------------------------------------------------------------------------ */

void
dp_worker_get_stats(const struct dp *dp, unsigned int index, struct dp_worker_stats *stats)
{
	const struct worker *worker = dp->workers[index];
	const struct flow_cache *cache = worker->burst->flows.cache;

	stats->cpu = worker->cpu;
	stats->state = worker->stalled                               ? DP_WORKER_STALLED
		: __atomic_load_n(&worker->asleep, __ATOMIC_RELAXED) ? DP_WORKER_SLEEPING
								     : DP_WORKER_POLLING;
	stats->iterations = __atomic_load_n(&worker->iterations, __ATOMIC_RELAXED);
	stats->packets = __atomic_load_n(&worker->packets, __ATOMIC_RELAXED);
	stats->busy_cycles = __atomic_load_n(&worker->busy_cycles, __ATOMIC_RELAXED);
	stats->idle_cycles = __atomic_load_n(&worker->idle_cycles, __ATOMIC_RELAXED);
	stats->n_rxq = dp->snapshot->workers[index].n_rxq;
	stats->flows = flow_cache_count(cache);
	stats->flows_max = dp_flows_max(dp);
	stats->flows_memory = flow_cache_memory(cache);
	stats->programs = intern_count(worker->burst->flows.programs);
	stats->programs_memory = intern_memory(worker->burst->flows.programs);
	flow_cache_get_stats(cache, &stats->flow_cache);
}

bool
dp_worker_rxq(
	const struct dp *dp, unsigned int worker, uint32_t i, const char **port, uint16_t *queue)
{
	const struct worker_view *view = &dp->snapshot->workers[worker];

	if (i >= view->n_rxq) {
		return false;
	}
	*port = view->rxq[i].port->port->name;
	*queue = view->rxq[i].queue;
	return true;
}
