/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long packets stay in the switch: from when a worker has a burst in hand until all copies are
 * handed on and the burst has gone back. What waits in a device before or after is not in it.
 *
 * Sampled: one burst in RESIDENCE_EVERY, and the first of each millisecond. All packets of a burst
 * leave together, so each counts with the time of the burst, in a histogram of its input port.
 *
 * Threads: the worker writes, main reads with relaxed loads.
 */
#ifndef VSW_DATAPATH_PIPE_RESIDENCE_H
#define VSW_DATAPATH_PIPE_RESIDENCE_H

#include <rte_branch_prediction.h>
#include <stdint.h>

#include "base/clock.h"

#define RESIDENCE_EVERY 64U
/* Bucket i counts packets below 2^(i + RESIDENCE_FIRST) ns, and not below half of that; the first
 * all that are faster, the last all that are slower: 128 ns to 2 s. */
#define RESIDENCE_BUCKETS 25U
#define RESIDENCE_FIRST 7U

struct residence_times {
	uint64_t packets[RESIDENCE_BUCKETS];
	uint64_t max; /* nanoseconds */
};

struct residence {
	struct residence_times *ports; /* by port id; owned */
	uint32_t until; /* bursts to the next sample */
	uint32_t ms; /* of the last one */
};

/* -ENOMEM or 0. Main. */
int residence_init(struct residence *residence);
void residence_fini(struct residence *residence); /* zeroed is legal */

/* The bucket for this time, below RESIDENCE_BUCKETS. */
unsigned int residence_bucket(uint64_t ns);

/* A worker. A burst was received: the time if it is a sample, else 0. */
static inline uint64_t
residence_begin(struct residence *residence, uint32_t ms)
{
	if (likely(--residence->until != 0 && residence->ms == ms)) {
		return 0;
	}
	residence->until = RESIDENCE_EVERY;
	residence->ms = ms;
	return clock_now();
}

/* The sample of n packets has gone. */
void residence_end(struct residence *residence, uint32_t port, uint64_t begin, uint16_t n);

/* Main. Add what this worker has counted for the port. */
void residence_add(const struct residence *residence, uint32_t port, struct residence_times *sum);

/* Main. Forget the longest time, which no difference of two counts can tell. */
void residence_clear_max(struct residence *residence, uint32_t port);

/*
 * The time that `per_mille` of 1000 of the packets stay below, in ns: the upper end of a bucket, or
 * the longest time if that is less. 0 without packets.
 */
uint64_t residence_quantile(const struct residence_times *times, unsigned int per_mille);

#endif
