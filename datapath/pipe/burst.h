/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a burst: receive, decide, act, transmit, release; each phase a small loop. Most
 * verdicts are remembered ones (datapath/pipe/flow.h).
 *
 * A struct burst is a worker's scratch memory and counters. Nothing in it outlives a call but the
 * counters, which have one writer (the worker) and are read by main with relaxed loads.
 */
#ifndef VSW_DATAPATH_PIPE_BURST_H
#define VSW_DATAPATH_PIPE_BURST_H

#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/bridge.h"
#include "datapath/pipe/flow.h"
#include "datapath/pipe/loss.h"
#include "datapath/pipe/punt.h"
#include "datapath/pipe/residence.h"
#include "datapath/pipe/snapshot.h"
#include "datapath/pipe/tx_stage.h"

struct bridge_counters {
	uint64_t flooded; /* frames sent to more than the one port that wanted them */
	uint64_t extra; /* copies of frames beyond the first of each */
};

struct burst {
	struct port_counters *ports; /* by port id, DP_PORTS_MAX */
	struct bridge_counters *bridges; /* by bridge id, DP_BRIDGES_MAX */
	struct pkt pkts[PKT_BURST];
	struct verdict verdicts[PKT_BURST];
	struct flows flows;
	struct tx_stage stage;
	uint64_t random; /* not 0; what samples are chosen by */
	struct punt_queue *punts; /* copies for main */
	struct loss loss;
	struct residence residence;
};

struct burst_conf {
	unsigned int worker; /* the index that chooses TX queues */
	uint32_t flows; /* capacity of the flow cache, see flow_cache.h */
	uint64_t seed; /* from getrandom(2); each worker its own */
	bool miss_budget; /* limit what a port's new flows may cost; tests without a clock do not */
};

/* -ENOMEM, -EINVAL (flows) or 0. Main. */
int burst_create(const struct burst_conf *conf, struct burst **out);
void burst_destroy(struct burst *burst); /* NULL is legal */

/* Between bursts: what the flow cache has to do now and then. */
void burst_upkeep(
	struct burst *burst, const struct snapshot *snap, const struct burst_time *now) ON_WORKER;

/* One RX queue, one burst. Returns the packets received. */
uint16_t burst_run(struct burst *burst, const struct snapshot *snap, const struct rxq_view *rxq,
	const struct burst_time *now) ON_WORKER;

#endif
