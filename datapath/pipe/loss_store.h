/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker keeps about the packets that it has lost, beyond the counters of ports: with which
 * other port, and the last ones themselves.
 *
 * Each port has a place of its own for what it loses as an input, and one for what it loses as an
 * output, so that no port takes another's room however many there are. A place holds
 *
 *	- LOSS_ROWS rows: how many packets were lost between it and another port for this reason.
 *	  When there is none left the one that counts least gives way, by the rule of Space-Saving
 *	  (Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in
 *	  data streams, 2005): who takes a row inherits how much was counted there, as its weight
 *	  and not as packets, so that who is responsible for more than one of LOSS_ROWS losses
 *	  always has one. What is in no row any more is in the port's counter still
 *	- the last LOSS_KEPT packets, shared out evenly among reasons, and among the other ports
 *	  of a reason
 *
 * Places are taken from a pool when a port loses its first packet, and it is large enough for all.
 *
 * Ids of ports are used again: main asks for a sweep once no snapshot names a port any more, and
 * the worker then forgets what it has of it, in slices between bursts. Until loss_swept() says so
 * the id must not be given away.
 *
 * Threads: the worker writes, main reads at any time what is of ports that are still there.
 */
#ifndef VSW_DATAPATH_PIPE_LOSS_STORE_H
#define VSW_DATAPATH_PIPE_LOSS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/role.h"
#include "datapath/pipe/snapshot.h"

#define LOSS_ROWS 15U /* of a place: their keys and a number fill a cache line */
#define LOSS_KEPT 16U /* packets of a place: some of each reason of an output, and more */
#define LOSS_BYTES 128U /* of each of them */

/*
 * When a packet is kept: for each row one in LOSS_EVERY at most; and of those that have had one
 * within LOSS_SELDOM no more than LOSS_OFTEN in LOSS_EVERY, of all rows of a worker together. So a
 * flood of losses costs no more than its counting, and leaves room for what is lost seldom.
 */
#define LOSS_EVERY (1 * CLOCK_MS)
#define LOSS_SELDOM (100 * CLOCK_MS)
#define LOSS_OFTEN 8U

/* Which of a port's counters: of packets that it has received, or that it should have sent. */
enum loss_side { LOSS_INPUT, LOSS_OUTPUT, LOSS_SIDES };

static inline enum loss_side
loss_side(enum drop_reason reason)
{
	return reason < DROP_TX_FIRST ? LOSS_INPUT : LOSS_OUTPUT;
}

/* What was lost: the port that counts it follows from the reason. */
struct loss_key {
	uint32_t port; /* whose counter has it; ids of ports */
	uint32_t peer; /* where it came from, or should have gone; 0: it had not come to that */
	enum drop_reason reason;
};

/* A row, copied. */
struct loss_row {
	struct loss_key key;
	uint32_t place; /* 0..LOSS_ROWS-1 */
	uint32_t born; /* differs from that of whoever had the place before */
	uint64_t packets;
};

/* A packet that was kept, copied. */
struct loss_packet {
	uint64_t at; /* nanoseconds, of the worker's clock */
	uint32_t in; /* port ids; 0: gone */
	uint32_t out; /* 0: none, or gone */
	uint32_t reason; /* enum drop_reason */
	uint32_t len; /* of the frame */
	uint32_t kept; /* bytes */
	uint32_t unused;
	uint8_t bytes[LOSS_BYTES];
};

struct loss_store;

/* --- main ------------------------------------------------------------------------------------ */

struct loss_store *loss_store_create(void); /* NULL without memory */
void loss_store_destroy(struct loss_store *store); /* NULL is legal */

/*
 * Ask the worker to forget ports that its snapshot does not have; every worker must have passed a
 * grace period since it had. Returns the sweep to wait for.
 */
uint32_t loss_sweep(struct loss_store *store) ON_MAIN;
bool loss_swept(const struct loss_store *store, uint32_t sweep) ON_MAIN;

/* Has it anything to forget? Asked after that grace period. */
bool loss_store_used(const struct loss_store *store) ON_MAIN;

/*
 * The rows of a port that is in the snapshot; returns how many. Each is of one moment, not all of
 * the same: a row that moves to another place meanwhile may be in both, or in none.
 */
uint32_t loss_rows_read(const struct loss_store *store, uint32_t port, enum loss_side side,
	struct loss_row rows[LOSS_ROWS]) ON_MAIN;

/* Its kept packets, in no order; returns how many. */
uint32_t loss_packets_read(const struct loss_store *store, uint32_t port, enum loss_side side,
	struct loss_packet packets[LOSS_KEPT]) ON_MAIN;

/* --- the worker ------------------------------------------------------------------------------ */

/* n > 0 were lost at `now`. True: one of them is to be kept. */
bool loss_store_add(
	struct loss_store *store, const struct loss_key *key, uint32_t n, uint64_t now) ON_WORKER;

/* Behind a loss_store_add that said so. */
void loss_store_keep(struct loss_store *store, const struct loss_key *key,
	const struct loss_packet *packet) ON_WORKER;

/* Between bursts. */
void loss_sweep_step(struct loss_store *store, const struct snapshot *snap) ON_WORKER;
bool loss_sweep_asked(const struct loss_store *store) ON_WORKER;

#endif
