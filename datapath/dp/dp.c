/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/dp/dp_flows.h"
#include "datapath/dp/dp_keys.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/dp_rules_priv.h"
#include "datapath/dp/rule_slots.h"

static void
dp_stop_workers(struct dp *dp) ON_MAIN
{
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		if (dp->workers[w] != NULL) {
			worker_stop(dp->workers[w]);
		}
	}
}

uint32_t
dp_flows_max(const struct dp *dp)
{
	return dp->options.flows != 0 ? dp->options.flows : DP_FLOWS_DEFAULT;
}

static int
dp_create_workers(struct dp *dp, struct err *err) ON_MAIN
{
	const struct dp_options *options = &dp->options;
	int rc = 0;

	for (unsigned int w = 0; w < options->n_workers && rc == 0; w++) {
		int cpu = options->cpus == NULL ? -1 : options->cpus[w];
		const struct burst_conf conf = {
			.worker = w,
			.flows = dp_flows_max(dp),
			.seed = options->seed ^ (w + 1) * UINT64_C(0x9e3779b97f4a7c15),
			.miss_budget = options->threads && !options->no_budget,
		};

		rc = worker_create(&conf, cpu, options->poll, options->eal, &dp->grace,
			&dp->snapshot, &dp->workers[w]);
		if (rc != 0) {
			return err_set(err, ERR_LIMIT, "--workers", "out of memory");
		}
	}
	for (unsigned int w = 0; w < options->n_workers && rc == 0 && options->threads; w++) {
		rc = worker_start(dp->workers[w], err);
	}
	return rc;
}

int
dp_create(const struct dp_options *options, struct dp **out, struct err *err)
{
	struct dp *dp = calloc(1, sizeof(*dp));
	int rc;

	if (dp == NULL || grace_init(&dp->grace) != 0) {
		free(dp);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	dp->options = *options;
	dp->env = (struct port_env){.reactor = options->reactor,
		.event = options->event,
		.event_arg = options->event_arg,
		.pools = options->pools,
		.grace = &dp->grace,
		.n_workers = options->n_workers,
		.hugepages = options->hugepages,
		.run_dir = options->run_dir};
	TAILQ_INIT(&dp->live);
	TAILQ_INIT(&dp->leaving);
	TAILQ_INIT(&dp->bridge_list);
	STAILQ_INIT(&dp->retired);
	STAILQ_INIT(&dp->deferred);
	STAILQ_INIT(&dp->slots.resting);
	STAILQ_INIT(&dp->masks.unused);
	dp->workers = calloc(options->n_workers, sizeof(*dp->workers));
	if (dp->workers == NULL) {
		grace_fini(&dp->grace);
		free(dp);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	dp->dirty = true;
	dp_publish(dp);
	rc = dp_create_workers(dp, err);
	if (rc != 0) {
		dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
		return rc;
	}
	*out = dp;
	return 0;
}

/* What nobody can see any more; `all` once the workers have stopped. */
static bool
retired_step(struct dp *dp, bool all)
{
	struct retired *retired;

	while ((retired = STAILQ_FIRST(&dp->retired)) != NULL) {
		if (!all && !grace_passed(&dp->grace, retired->token)) {
			return true;
		}
		STAILQ_REMOVE_HEAD(&dp->retired, link);
		dp->n_waiting -= retired->free_fn == dp_snapshot_free;
		retired->free_fn(retired->object);
		free(retired);
	}
	return false;
}

bool
dp_lags(struct dp *dp)
{
	if (dp->n_waiting >= DP_LAG_MAX) {
		(void)retired_step(dp, false);
	}
	return dp->n_waiting >= DP_LAG_MAX;
}

void
dp_destroy(struct dp *dp, enum port_close why)
{
	if (dp == NULL) {
		return;
	}
	dp_stop_workers(dp);
	dp_flows_fini(dp);
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		worker_destroy(dp->workers[w]);
	}
	dp_ports_shutdown(dp, why);
	dp_bridges_shutdown(dp);
	dp_acls_shutdown(dp);
	dp_captures_shutdown(dp);
	dp_mirrors_shutdown(dp);
	dp->dirty = true;
	/* The last snapshot is empty: everything before it is retired, itself too in the end. */
	dp->options.n_workers = 0;
	dp_publish(dp);
	(void)retired_step(dp, true);
	snapshot_destroy((void *)(uintptr_t)dp->snapshot);
	rule_slots_fini(dp);
	dp_keys_fini(dp);
	free(dp->workers);
	grace_fini(&dp->grace);
	free(dp);
}

static void
ports_poll(struct dp *dp, uint64_t now) ON_MAIN
{
	struct dp_port *port;

	if (now - dp->polled_at < DP_STEP_IDLE) {
		return;
	}
	dp->polled_at = now;
	dp_workers_watch(dp, now);
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		flow_cache_populate(dp->workers[w]->burst->flows.cache);
	}
	TAILQ_FOREACH (port, &dp->live, link) {
		if (port->device->ops->poll != NULL) {
			port->device->ops->poll(port->device, now);
		}
	}
	if (dp_ports_watch(dp, NULL)) {
		dp_publish(dp);
	}
}

uint64_t
dp_step(struct dp *dp, uint64_t now)
{
	bool busy;

	dp->now = now;
	/* First, while the ports and bridges that they name are still there. */
	busy = dp_punts_step(dp, now);
	busy = dp_macs_step(dp) || busy;
	busy = dp_ports_step(dp, now) || busy;
	busy = dp_rules_step(dp, now) || busy;
	busy = dp_acls_step(dp) || busy;
	busy = dp_flows_step(dp, now) || busy;
	dp_keys_step(dp, now);
	busy = retired_step(dp, false) || busy;
	rule_slots_step(dp);
	dp_bridges_step(dp, now);
	ports_poll(dp, now);
	return busy ? DP_STEP_BUSY : DP_STEP_IDLE;
}

uint32_t
dp_worker_step(struct dp *dp, unsigned int worker, uint64_t now)
{
	return worker_step(dp->workers[worker], now);
}

uint64_t
dp_now(const struct dp *dp)
{
	return dp->now;
}

unsigned int
dp_n_workers(const struct dp *dp)
{
	return dp->options.n_workers;
}
