/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one place through which a worker accounts for a packet that it loses: where it came from,
 * where it should have gone, why, and its first bytes.
 *
 * The counters of ports (struct port_counters) have each; with whom, and the last ones, are in a
 * store (loss_store.h). Captures of a port (capture.h) that want lost packets are told of each but
 * those that a batch of theirs has: what is lost on its way through tx_burst is theirs to see.
 *
 * A port's tx_burst counts what it loses by itself and marks the items (port_lose()); nobody looks
 * at items while all of them are sent.
 *
 * Threads: the worker writes, main reads what the store has.
 */
#ifndef VSW_DATAPATH_PIPE_LOSS_H
#define VSW_DATAPATH_PIPE_LOSS_H

#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/loss_store.h"
#include "datapath/pipe/snapshot.h"

struct loss {
	struct port_counters *count; /* by port id; the worker's own, borrowed */
	uint64_t now; /* of the burst in hand */
	uint64_t told; /* set of reasons of the input that the store has heard of in this burst */
	uint64_t segments; /* pieces beyond the first, of frames cut for an output. Atomic */
	struct loss_store *store; /* owned */
	unsigned int worker;
};

/* -ENOMEM or 0. `count` is by port id and outlives it. Main. */
int loss_init(struct loss *loss, unsigned int worker, struct port_counters *count);
void loss_fini(struct loss *loss); /* zeroed is legal */

/* --- the worker ------------------------------------------------------------------------------ */

/* A burst of one port begins. */
static inline void
loss_begin(struct loss *loss, uint64_t now) ON_WORKER
{
	loss->now = now;
	loss->told = 0;
}

/* Called by loss_rx_to. */
void loss_rx_tell(struct loss *loss, const struct port_view *in, const struct pkt *pkt,
	enum drop_reason reason, uint32_t out) ON_WORKER;

/*
 * A received packet goes nowhere: a reason of its input. Counts it there. `out`: the id of the port
 * that it would have gone to; 0: none. drop_names_output() reasons have one.
 */
static inline void
loss_rx_to(struct loss *loss, const struct port_view *in, const struct pkt *pkt,
	enum drop_reason reason, uint32_t out) ON_WORKER
{
	port_drop(&loss->count[in->id], reason, 1);
	if (unlikely(out != 0 || in->captures != NULL || (loss->told >> reason & 1) == 0)) {
		loss_rx_tell(loss, in, pkt, reason, out);
	}
}

static inline void
loss_rx(struct loss *loss, const struct port_view *in, const struct pkt *pkt,
	enum drop_reason reason) ON_WORKER
{
	loss_rx_to(loss, in, pkt, reason, 0);
}

/* The same for n in a row. */
static inline void
loss_rx_run(struct loss *loss, const struct port_view *in, const struct pkt *pkts, uint16_t n,
	enum drop_reason reason) ON_WORKER
{
	for (uint16_t i = 0; i < n; i++) {
		loss_rx(loss, in, &pkts[i], reason);
	}
}

/* n copies for an output do not reach its port. Counts them there. */
void loss_tx(struct loss *loss, const struct port_view *to, const struct tx_item *items, uint16_t n,
	enum drop_reason reason) ON_WORKER;

/* One that has not been staged. */
void loss_tx_pkt(struct loss *loss, const struct port_view *to, struct pkt *pkt,
	enum drop_reason reason) ON_WORKER;

/*
 * Those of n items that are marked, and counted: the port's tx_burst does both. Captures see them
 * with their batch (capture_end).
 */
void loss_tx_marked(struct loss *loss, const struct port_view *to, const struct tx_item *items,
	uint16_t n) ON_WORKER;

/* Between bursts. */
static inline void
loss_upkeep(struct loss *loss, const struct snapshot *snap) ON_WORKER
{
	if (unlikely(loss_sweep_asked(loss->store))) {
		loss_sweep_step(loss->store, snap);
	}
}

#endif
