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

#include "datapath/pipe/vlan.h"
#include "datapath/table/fdb.h"
#include "ports/port.h"

#define DP_PORTS_MAX FDB_PORTS_MAX /* ids 1..DP_PORTS_MAX-1; 0 is no port */
#define DP_BRIDGES_MAX 4096 /* ids 1..DP_BRIDGES_MAX-1; 0 is no bridge */

/* One lock per TX queue that several workers may use; a cache line each. */
struct txq_lock {
	bool held;
} __rte_cache_aligned;

struct port_view {
	uint32_t id;
	uint32_t bridge; /* id, 0: none */
	struct port *port;
	struct txq_lock *tx_locks; /* port->n_txq of them, or NULL: each worker has its own queue */
	bool enabled;
	uint16_t mtu;
	uint32_t mac_limit; /* 0: none */
	struct port_vlan vlan;
};

struct bridge_view {
	uint32_t id;
	struct fdb *fdb;
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
	unsigned int n_workers;
	struct worker_view workers[];
};

#endif
