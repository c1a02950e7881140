/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meters: no more than so much in a second, shared by all workers. Rules, storm control and punts
 * use them.
 *
 * A token bucket in its other form (GCRA, ITU-T I.371): one word holds the time at which the bucket
 * would be full again; a packet that fits moves it on by its cost. One compare-and-swap a packet
 * and no error: what passes in any time t is at most burst + rate * t, whoever asks. (Leases of
 * tokens to workers would save the swap and let each worker overshoot.)
 *
 * Rates: 1 to METER_RATE_MAX packets or bits a second. `burst` in the same unit: what may pass at
 * once after a silence. Times are ns of the workers' clock; a worker's may lag by a burst or two.
 *
 * Threads: any worker passes packets; main creates, reads and destroys (after a grace period).
 */
#ifndef VSW_DATAPATH_PIPE_METER_H
#define VSW_DATAPATH_PIPE_METER_H

#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#define METER_RATE_MAX UINT64_C(1000000000000) /* 10^12 */
#define METER_BURST_NS_MAX UINT64_C(60000000000) /* a burst is at most a minute's worth */

enum meter_unit { METER_PACKETS, METER_BITS };

struct meter_conf {
	enum meter_unit unit;
	uint64_t rate; /* a second; 1..METER_RATE_MAX */
	uint64_t burst; /* 0: a tenth of a second's worth, but at least 1 packet or 64 KiB */
};

struct meter {
	uint64_t full_at; /* ns; atomic */
	uint64_t passed; /* packets; atomic */
	uint64_t dropped;
	struct meter_conf conf; /* constant */
	uint64_t burst_ns;
	uint64_t unit_cost; /* ns of 2^METER_SHIFT packets or bits */
} __rte_cache_aligned;

/* Main. -EINVAL: a rate or burst out of range. */
int meter_init(struct meter *meter, const struct meter_conf *conf);

/* Any worker. May a packet of `bytes` pass? Counts it. */
bool meter_pass(struct meter *meter, uint32_t bytes, uint64_t now_ns);

#endif
