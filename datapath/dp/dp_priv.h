/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of datapath/dp: main's objects and what it keeps until a grace period has passed. */
#ifndef VSW_DATAPATH_DP_DP_PRIV_H
#define VSW_DATAPATH_DP_DP_PRIV_H

#include <sys/queue.h>

#include "datapath/dp/dp.h"
#include "datapath/dp/worker.h"

/* Something a worker may still see; freed when its token has passed. */
struct retired {
	STAILQ_ENTRY(retired) link;
	uint64_t token;
	void (*free_fn)(void *object);
	void *object;
};

enum dp_port_state {
	DP_PORT_OPEN, /* device open, in no snapshot yet */
	DP_PORT_PUBLISHED, /* or will be with the next publication */
	DP_PORT_DRAINING, /* out of the next snapshot; waits for it (token 0), then for its grace */
	DP_PORT_FLUSHING, /* device closed; MAC addresses are being forgotten */
	DP_PORT_LEAVING, /* waits for the second grace period, then the id is free */
};

struct dp_port {
	TAILQ_ENTRY(dp_port) link;
	uint32_t id;
	enum dp_port_state state;
	struct port *device; /* NULL after close */
	struct port_view *view;
	struct dp_bridge *bridge;
	struct txq_lock *tx_locks;
	struct port_counters at_close; /* what dp_port_close's caller could read */
	struct port_counters base; /* sums when the port was opened or cleared */
	int16_t rxq_worker[PORT_QUEUES_MAX];
	/* deletion */
	enum port_close why;
	uint64_t token;
	uint64_t since;
	void (*done)(void *arg);
	void *done_arg;
};

struct dp_bridge {
	TAILQ_ENTRY(dp_bridge) link;
	uint32_t id;
	uint32_t n_members;
	bool view_stale; /* members or options changed since `view` was built */
	struct bridge_view *view;
	struct fdb *fdb;
	struct dp_bridge_conf conf;
	uint64_t flooded_base;
	struct fdb_stats past; /* of tables that were replaced */
};

TAILQ_HEAD(dp_port_list, dp_port);
TAILQ_HEAD(dp_bridge_list, dp_bridge);

struct dp {
	struct dp_options options;
	struct grace grace;
	struct port_env env;
	/* release-stored by main, acquire-loaded by workers once per loop */
	const struct snapshot *snapshot;
	struct worker **workers;
	bool dirty;
	uint64_t version;
	uint64_t next_id_seed;
	struct dp_port *ports[DP_PORTS_MAX]; /* by id, from open until the id is free */
	struct dp_bridge *bridges[DP_BRIDGES_MAX]; /* by id */
	uint32_t last_port_id;
	uint32_t last_bridge_id;
	struct dp_port_list live; /* OPEN and PUBLISHED */
	struct dp_port_list leaving; /* the other states */
	struct dp_bridge_list bridge_list;
	STAILQ_HEAD(, retired) deferred; /* in the newest snapshot; retired by the next one */
	STAILQ_HEAD(, retired) retired;
	uint64_t now; /* of the last dp_step */
	uint64_t swept_at; /* last FDB upkeep */
	uint64_t polled_at; /* last ops->poll round */
};

/* Free `object`, which the newest snapshot still names, a grace period after the next publication.
 */
void dp_retire(struct dp *dp, void (*free_fn)(void *object), void *object);

/* Continue deletions; true while one waits. dp_port.c */
bool dp_ports_step(struct dp *dp, uint64_t now) ON_MAIN;

/* FDB ageing; dp_bridge.c */
void dp_bridges_step(struct dp *dp, uint64_t now) ON_MAIN;

/* Close everything at once, workers have stopped. */
void dp_ports_shutdown(struct dp *dp, enum port_close why) ON_MAIN;
void dp_bridges_shutdown(struct dp *dp) ON_MAIN;

/* Rebuild a bridge's member list; snapshot.c */
void dp_bridge_touch(struct dp *dp, struct dp_bridge *bridge);

#endif
