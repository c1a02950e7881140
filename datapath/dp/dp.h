/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The datapath as one value: workers, ports, bridges, and the snapshots between main and workers.
 *
 * Main changes its own objects (struct dp_port, struct dp_bridge) at leisure and then publishes:
 * dp_publish() builds the next snapshot from what has changed and stores one pointer. Workers read
 * that pointer once per loop. What they may still see is freed after a grace period; main never
 *waits for one, it polls from dp_step().
 *
 * Deleting a port is the order below, and nothing else is (dp_port.c carries it out):
 *
 *	1. stop admitting configuration (the caller's: it has given the port up)
 *	2. publish a snapshot without the port
 *	3. a grace period: no worker is in its functions or holds a packet for it
 *	4. stop the device: ops->close
 *	5. forget its MAC addresses
 *	6. another grace period
 *	7. workers forget where packets from and to it were lost; then its id may be used again
 *
 * A test makes a dp with `threads` false and drives everything itself, on one thread, with times of
 * its own: dp_step() for main, dp_worker_step() for each worker.
 *
 * Threads: all of it on main, but dp_worker_step.
 */
#ifndef VSW_DATAPATH_DP_DP_H
#define VSW_DATAPATH_DP_DP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/role.h"
#include "datapath/dp/dp_macs.h"
#include "datapath/dp/dp_punt.h"
#include "datapath/dp/dp_workers.h"
#include "datapath/pipe/burst.h"
#include "ports/port.h"

#define DP_WORKERS_MAX GRACE_READERS_MAX
#define DP_FLOWS_DEFAULT (64U << 10) /* for each worker: 4 MiB when they are all in use */
#define DP_STEP_IDLE (100 * CLOCK_MS) /* dp_step wants to be called at least this often */
#define DP_STEP_BUSY (1 * CLOCK_MS) /* while something waits for a grace period */

struct dp;
struct dp_port_policy;
struct dp_port;
struct dp_bridge;

struct dp_options {
	unsigned int n_workers; /* 1..DP_WORKERS_MAX */
	const int *cpus; /* of each worker; NULL or -1: not pinned */
	bool threads; /* start a thread per worker */
	bool poll; /* workers never sleep */
	bool no_budget; /* new flows cost their port nothing: a test's threads may be slow */
	bool eal; /* workers register with the EAL (mbuf caches) */
	bool hugepages;
	uint32_t flows; /* that each worker remembers; 0: DP_FLOWS_DEFAULT */
	struct mbuf_pools *pools; /* NULL without EAL */
	const char *run_dir;
	struct reactor *reactor; /* of main, for ports; NULL: they can have none */
	/* What happens to ports, on main; NULL: nobody wants to know. */
	void (*event)(void *arg, const struct port_event *event);
	void *event_arg;
	uint64_t seed; /* from getrandom(2); tests choose */
	/* What a port still counted, and missed, between dp_port_close and the end of its grace
	 * period; NULL: nobody wants to know. On main, from dp_step. */
	void (*late)(void *arg, const char *port, const struct port_counters *counters,
		const struct port_missed *missed);
	void *late_arg;
	/* Gets the packets that rules punt and sample; NULL: they are counted only. On main, from
	 * dp_step. `punted` is the datapath's again when it returns. */
	void (*punt)(void *arg, const struct punted *punted);
	void *punt_arg;
	/* Changes of MAC tables, once dp_tell_macs has asked for them; NULL: never. As `punt`. */
	void (*mac)(void *arg, struct dp_bridge *bridge, const struct fdb_news *news);
	void *mac_arg;
	/* A worker that has stalled or runs again; NULL: nobody wants to know. As `punt`. */
	void (*worker)(void *arg, const struct dp_worker_event *event);
	void *worker_arg;
};

/* How a port takes part in forwarding. */
struct dp_port_fwd {
	struct dp_bridge *bridge; /* NULL: none, frames are dropped */
	bool enabled;
	uint16_t mtu;
	uint32_t mac_limit;
	struct port_vlan vlan;
	const struct dp_port_policy *policy; /* borrowed for the call, dp_policy.h; NULL: none */
	uint16_t number; /* 1..DP_NUMBERS_MAX-1, its name in rules, nobody else's; 0: none */
};

struct dp_bridge_conf {
	struct fdb_conf fdb;
	bool forward_reserved;
	uint32_t punt_rate; /* packets a second that may be punted; 0: DP_PUNT_RATE_DEFAULT */
};

#define DP_LAG_MAX 1024

int dp_create(const struct dp_options *options, struct dp **out, struct err *err) ON_MAIN;

/* Stop and join the workers; close all ports with `why`; free. NULL is legal. */
void dp_destroy(struct dp *dp, enum port_close why) ON_MAIN;

/*
 * Polls grace periods, continues deletions, ages FDBs, lets ports do their housekeeping. Returns
 * the nanoseconds after which it wants to be called again.
 */
uint64_t dp_step(struct dp *dp, uint64_t now) ON_MAIN;

/* Make what has changed visible to workers; cheap when nothing has. */
void dp_publish(struct dp *dp) ON_MAIN;

/*
 * Do DP_LAG_MAX snapshots, a quarter of a megabyte each, wait for a worker that does not come
 * round? Who can refuse to change anything more does so, or memory grows as long as it is stuck.
 */
bool dp_lags(struct dp *dp) ON_MAIN;

/* One loop of a worker of a dp without threads: packets moved. */
uint32_t dp_worker_step(struct dp *dp, unsigned int worker, uint64_t now) ON_WORKER;

unsigned int dp_n_workers(const struct dp *dp);

/*
 * Copies of frames beyond the first of each, and pieces that large frames were cut into beyond the
 * first of each, since the start: received + extra copies = sent + dropped (dp_loss.h).
 */
uint64_t dp_extra_copies(const struct dp *dp) ON_MAIN;

/* Time of the last dp_step; the FDBs' seconds are its seconds. */
uint64_t dp_now(const struct dp *dp) ON_MAIN;
/* --- ports ---------------------------------------------------------------------------------- */

/* Open the device and give it an id. Nothing is forwarded before dp_port_set and dp_publish. */
int dp_port_open(struct dp *dp, const struct port_ops *ops, const struct port_conf *conf,
	struct dp_port **out, struct err *err) ON_MAIN;

/* Take part in forwarding like this, from the next dp_publish on. Entries of the FDB that the
 * change makes wrong are flushed. */
void dp_port_set(struct dp *dp, struct dp_port *port, const struct dp_port_fwd *fwd) ON_MAIN;

/*
 * Delete: steps 2 to 7, beginning with the next dp_publish. `done` (may be NULL) is called after
 * step 4, from dp_step or, for a port that was never published, before this returns. The dp_port is
 * gone for the caller at once.
 */
void dp_port_close(struct dp *dp, struct dp_port *port, enum port_close why,
	void (*done)(void *arg), void *arg) ON_MAIN;

struct port *dp_port_device(const struct dp_port *port) ON_MAIN;
uint32_t dp_port_id(const struct dp_port *port);
int dp_port_rxq_worker(const struct dp_port *port, uint16_t queue) ON_MAIN; /* -1: not polled */

/* Sums over workers since the port was opened or cleared. */
void dp_port_get_counters(
	const struct dp *dp, const struct dp_port *port, struct port_counters *counters) ON_MAIN;
void dp_port_clear_counters(struct dp *dp, struct dp_port *port) ON_MAIN;

/* What was lost before the port had it, likewise. */
void dp_port_get_missed(const struct dp_port *port, struct port_missed *missed) ON_MAIN;

/* By id, or NULL. */
struct dp_port *dp_port_by_id(const struct dp *dp, uint32_t id) ON_MAIN;

/* --- bridges -------------------------------------------------------------------------------- */

int dp_bridge_create(struct dp *dp, const struct dp_bridge_conf *conf, struct dp_bridge **out,
	struct err *err) ON_MAIN;

/*
 * Change limits in two steps. Prepare does what can fail and changes nothing: room for more entries
 * needs a new, empty table, *table (else NULL). Commit takes the table; or fdb_destroy it. After a
 * commit with a table static entries have to be set again.
 */
int dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge,
	const struct dp_bridge_conf *conf, struct fdb **table, struct err *err) ON_MAIN;
void dp_bridge_commit(struct dp *dp, struct dp_bridge *bridge, const struct dp_bridge_conf *conf,
	struct fdb *table) ON_MAIN;

/* Both at once; *replaced: there is a new table. */
int dp_bridge_set(struct dp *dp, struct dp_bridge *bridge, const struct dp_bridge_conf *conf,
	bool *replaced, struct err *err) ON_MAIN;

uint32_t dp_bridge_id(const struct dp_bridge *bridge);

/* By id, or NULL. */
struct dp_bridge *dp_bridge_by_id(const struct dp *dp, uint32_t id) ON_MAIN;

/* No port may be in it any more. Freed after a grace period. */
void dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;

/* The table, for static entries, flush and dump; valid until dp_bridge_set or _destroy. */
struct fdb *dp_bridge_fdb(const struct dp_bridge *bridge) ON_MAIN;

/* Statistics over all tables that the bridge has had. */
void dp_bridge_get_stats(const struct dp_bridge *bridge, struct fdb_stats *stats) ON_MAIN;

/* Let the bridge's statistics, floods included, count from zero. */
void dp_bridge_clear_stats(const struct dp *dp, struct dp_bridge *bridge) ON_MAIN;

/* Frames flooded, summed over workers. */
uint64_t dp_bridge_flooded(const struct dp *dp, const struct dp_bridge *bridge) ON_MAIN;

#endif
