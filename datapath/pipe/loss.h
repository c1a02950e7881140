/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one place through which a worker accounts for a packet that it loses: where it came from,
 * where it should have gone, why, and its first bytes.
 *
 * What is kept, for each worker:
 *
 *	- the counters of ports (struct port_counters), as ever
 *	- rows: how many copies from this input to this output were lost for this reason. Only
 *	  reasons of outputs have rows; those of inputs are what the input's own counters say. A
 *	  bounded table: what finds no room is in the output's counter and in no row
 *	- the last LOSS_KEPT packets of each reason, one in LOSS_EVERY at most, so that a flood of
 *	  drops costs nothing more than its counting
 *
 * Captures of a port (capture.h) that want lost packets are told of each.
 *
 * A port's tx_burst counts what it loses by itself and marks the items (port_lose()); nobody looks
 * at items while all of them are sent.
 *
 * Ids of ports are used again: main asks for a sweep once no snapshot names a port any more, and
 * the worker then forgets its rows, in slices between bursts. Until loss_swept() says so the id
 * must not be given away.
 *
 * Threads: the worker writes, main reads at any time. Rows are read one by one, kept packets by a
 * sequence number each.
 */
#ifndef VSW_DATAPATH_PIPE_LOSS_H
#define VSW_DATAPATH_PIPE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/role.h"
#include "datapath/pipe/snapshot.h"

#define LOSS_ROWS 4096U
#define LOSS_KEPT 8U /* packets of each reason */
#define LOSS_BYTES 128U /* of each of them */
#define LOSS_EVERY (1 * CLOCK_MS)

struct loss_row {
	uint64_t key; /* loss_key(); 0: free. Atomic */
	uint64_t packets; /* atomic */
};

/* A packet that was kept, copied. */
struct loss_packet {
	uint64_t at; /* nanoseconds, of the worker's clock */
	uint32_t in; /* port ids of then */
	uint32_t out; /* 0: none */
	uint32_t len; /* of the frame */
	uint32_t kept; /* bytes */
	uint8_t bytes[LOSS_BYTES];
};

struct loss_store;

struct loss {
	struct port_counters *count; /* by port id; the worker's own, borrowed */
	uint64_t now; /* of the burst in hand */
	uint64_t due[DROP_N]; /* when a packet of that reason may be kept again */
	uint64_t segments; /* pieces beyond the first, of frames cut for an output. Atomic */
	struct loss_store *store; /* rows and kept packets; owned */
	unsigned int worker;
	/* sweeps: main asks, the worker answers; both atomic */
	uint32_t asked;
	uint32_t swept;
	uint32_t sweeping; /* the worker's: what was asked for when it began */
	uint32_t at_row; /* the worker's: next row to look at; 0: not begun */
	uint32_t n_rows; /* in use; atomic */
};

/* --- main ------------------------------------------------------------------------------------ */

/* -ENOMEM or 0. `count` is by port id and outlives it. */
int loss_init(struct loss *loss, unsigned int worker, struct port_counters *count);
void loss_fini(struct loss *loss); /* zeroed is legal */

/*
 * Ask the worker to forget rows of ports that its snapshot does not have; every worker must have
 * passed a grace period since it had. Returns the sweep to wait for.
 */
uint32_t loss_sweep(struct loss *loss) ON_MAIN;
bool loss_swept(const struct loss *loss, uint32_t sweep) ON_MAIN;

/* Has it any row at all? Asked after that grace period. */
bool loss_has_rows(const struct loss *loss) ON_MAIN;

/* Row i of LOSS_ROWS; false: free, or just being changed. */
bool loss_row_read(const struct loss *loss, uint32_t i, struct loss_row *row) ON_MAIN;

/* Place i of LOSS_KEPT of this reason, in no order; false: nothing there. */
bool loss_packet_read(const struct loss *loss, enum drop_reason reason, uint32_t i,
	struct loss_packet *out) ON_MAIN;

/* --- any thread ------------------------------------------------------------------------------ */

static inline uint64_t
loss_key(uint32_t in, uint32_t out, enum drop_reason reason)
{
	return (uint64_t)out << 40 | (uint64_t)in << 16 | ((uint64_t)reason + 1);
}

static inline uint32_t
loss_key_out(uint64_t key)
{
	return (uint32_t)(key >> 40);
}

static inline uint32_t
loss_key_in(uint64_t key)
{
	return (uint32_t)(key >> 16) & 0xffffff;
}

static inline enum drop_reason
loss_key_reason(uint64_t key)
{
	return (enum drop_reason)((key & 0xffff) - 1);
}

/* --- the worker ------------------------------------------------------------------------------ */

/* Keep one packet and show it to captures of the port; called by those below. */
void loss_show(struct loss *loss, const struct port_view *at, const struct tx_item *item,
	uint32_t out, enum drop_reason reason) ON_WORKER;

/* A received packet goes nowhere: a reason of its input. Counts it there. */
static inline void
loss_rx(struct loss *loss, const struct port_view *in, const struct pkt *pkt,
	enum drop_reason reason) ON_WORKER
{
	port_drop(&loss->count[in->id], reason, 1);
	if (unlikely(loss->now >= loss->due[reason] || in->captures != NULL)) {
		struct tx_item item;

		pkt_item((struct pkt *)(uintptr_t)pkt, &item);
		loss_show(loss, in, &item, 0, reason);
	}
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
 * Those of n items that are marked, and counted: the port's tx_burst does both. `seen`: captures of
 * the port have copies of them all and will look at the marks (capture_begin, capture_end).
 */
void loss_tx_marked(struct loss *loss, const struct port_view *to, const struct tx_item *items,
	uint16_t n, bool seen) ON_WORKER;

/* Between bursts. */
void loss_sweep_step(struct loss *loss, const struct snapshot *snap) ON_WORKER;

static inline void
loss_upkeep(struct loss *loss, const struct snapshot *snap) ON_WORKER
{
	if (unlikely(__atomic_load_n(&loss->asked, __ATOMIC_ACQUIRE) != loss->swept)) {
		loss_sweep_step(loss, snap);
	}
}

#endif
