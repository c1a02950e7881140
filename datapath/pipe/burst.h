/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a burst: receive, decide, act, transmit, release; each phase a small loop.
 *
 * The flow cache will stand between receive and decide: a hit brings a remembered verdict, a miss
 * runs decide. Until then every packet is a miss.
 *
 * A struct burst is a worker's scratch memory and counters. Nothing in it outlives a call but the
 * counters, which have one writer (the worker) and are read by main with relaxed loads.
 */
#ifndef VSW_DATAPATH_PIPE_BURST_H
#define VSW_DATAPATH_PIPE_BURST_H

#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/bridge.h"
#include "datapath/pipe/snapshot.h"
#include "datapath/pipe/tx_stage.h"

struct bridge_counters {
	uint64_t flooded; /* frames sent to more than the one port that wanted them */
};

struct burst {
	struct port_counters *ports; /* by port id, DP_PORTS_MAX */
	struct bridge_counters *bridges; /* by bridge id, DP_BRIDGES_MAX */
	struct pkt pkts[PKT_BURST];
	struct verdict verdicts[PKT_BURST];
	struct tx_stage stage;
};

/* -ENOMEM or 0; `worker` is the index that chooses TX queues. Main. */
int burst_create(unsigned int worker, struct burst **out);
void burst_destroy(struct burst *burst); /* NULL is legal */

/* One RX queue, one burst. Returns the packets received. */
uint16_t burst_run(struct burst *burst, const struct snapshot *snap, const struct rxq_view *rxq,
	const struct burst_time *now) ON_WORKER;

#endif
