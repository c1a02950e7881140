/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The immutable world that workers forward by.
 *
 * Main builds a snapshot and publishes it through one atomic pointer; a worker reads that pointer
 * once per loop and uses nothing newer. A snapshot is two arrays of pointers to views: a port's
 * view is remade only when that port changes, a bridge's when its members change, so that one
 * change among ten thousand ports costs two array copies. Replaced views and snapshots are freed
 * after a grace period (datapath/dp).
 *
 * What a view points to (struct port, FDB, locks) outlives every snapshot that names it.
 */
#ifndef VSW_DATAPATH_PIPE_SNAPSHOT_H
#define VSW_DATAPATH_PIPE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/match.h"
#include "datapath/pipe/key.h"
#include "datapath/pipe/policy.h"
#include "datapath/pipe/vlan.h"
#include "datapath/table/fdb.h"
#include "datapath/table/rules.h"
#include "ports/port.h"

#define DP_PORTS_MAX FDB_PORTS_MAX /* ids 1..DP_PORTS_MAX-1; 0 is no port */
#define DP_BRIDGES_MAX 4096 /* ids 1..DP_BRIDGES_MAX-1; 0 is no bridge */
#define DP_NUMBERS_MAX DP_PORTS_MAX /* port numbers 1..DP_NUMBERS_MAX-1; 0: none */
#define DP_METERS_MAX 4096 /* of a bridge */
#define DP_GROUPS_MAX 4096

struct capture_list;
struct mirror_list;

/* One lock per TX queue that several workers may use; a cache line each. */
struct txq_lock {
	bool held;
} __rte_cache_aligned;

struct port_view {
	uint32_t id;
	uint32_t bridge; /* id, 0: none */
	struct port *port;
	struct txq_lock *tx_locks; /* port->n_txq of them, or NULL: each worker has its own queue */
	/* Here and not at the end: on a line that each burst reads anyway. */
	const struct capture_list *captures; /* capture.h; NULL: nobody looks */
	const struct mirror_list *mirrors; /* mirror.h; NULL: none */
	bool enabled;
	uint16_t mtu;
	uint32_t mac_limit; /* 0: none */
	struct port_vlan vlan;
	uint16_t number; /* its name in rules; 0: none */
	bool protected_port;
	bool live; /* enabled, and it had a guest or link when main last looked */
	const struct acl_view *acl_in; /* NULL: none */
	const struct acl_view *acl_out;
	const struct spoof_view *spoof; /* NULL: any address */
	struct meter *storm[STORM_KINDS]; /* NULL: no limit */
};

/* Protected ports send nothing to each other. */
static inline bool
port_views_apart(const struct port_view *a, const struct port_view *b)
{
	return a->protected_port && b->protected_port;
}

/* A change of rules: what it may concern, and since when. */
struct rule_change {
	uint64_t version; /* of the rules, with which it came */
	uint8_t table;
	struct match match; /* canonical */
};

#define RULE_LOG_MAX 256

/* The last changes, oldest first: a flow that lags by no more asks only these. */
struct rule_log {
	uint64_t complete_since; /* all changes of later versions are in it */
	struct fields rewritten; /* bits that rules change before a later table looks */
	uint32_t n;
	const struct rule_change *changes[RULE_LOG_MAX];
};

/* The flow tables of a bridge, as of a version. */
struct rules_view {
	const struct rules *rules;
	uint64_t version;
	struct rule_log log;
};

/* Ids and what they stand for, by rising id. */
struct meter_view {
	uint32_t id;
	struct meter *meter;
};

/* Where this id is among n, or would have to be. */
static inline uint32_t
meter_place(const struct meter_view *meters, uint32_t n, uint32_t id)
{
	uint32_t low = 0;

	while (low < n) {
		const uint32_t middle = low + (n - low) / 2;

		if (meters[middle].id < id) {
			low = middle + 1;
		} else {
			n = middle;
		}
	}
	return low;
}

static inline uint32_t
group_place(const struct group_view *const *groups, uint32_t n, uint32_t id)
{
	uint32_t low = 0;

	while (low < n) {
		const uint32_t middle = low + (n - low) / 2;

		if (groups[middle]->id < id) {
			low = middle + 1;
		} else {
			n = middle;
		}
	}
	return low;
}

struct bridge_view {
	uint32_t id;
	uint64_t version; /* of the configuration of the bridge and its ports; never used twice */
	struct fdb *fdb;
	const struct rules_view *rules; /* NULL: no rule, all is normal */
	uint32_t n_meters;
	const struct meter_view *meters;
	uint32_t n_groups;
	const struct group_view *const *groups; /* by rising id */
	bool forward_reserved;
	uint32_t n_members;
	const struct port_view *members[];
};

struct rxq_view {
	const struct port_view *port;
	uint16_t queue;
};

struct worker_view {
	uint32_t n_rxq;
	struct rxq_view *rxq;
};

struct snapshot {
	uint64_t version;
	const struct port_view **ports; /* by id, DP_PORTS_MAX; NULL: no such port */
	const struct bridge_view **bridges; /* by id, DP_BRIDGES_MAX */
	const struct port_keys **keys; /* by port id; NULL: a bridge's key does */
	const struct port_view **numbers; /* by port number, DP_NUMBERS_MAX */
	unsigned int n_workers;
	struct worker_view workers[];
};

/* Main. Empty, with its arrays and without queues; aborts without memory. */
struct snapshot *snapshot_create(unsigned int n_workers);

/* With its arrays and the workers' `rxq`, not what they point to. NULL is legal. */
void snapshot_destroy(struct snapshot *snap);

#endif
