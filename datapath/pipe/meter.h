/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meters: no more than so much in a second, shared by all workers. Rules, storm control and punts
 * use them.
 *
 * A token bucket in its other form (GCRA, ITU-T I.371, annex A): one word holds the time at which
 * the bucket would be full again; a packet that fits moves it on by its cost. One compare-and-swap
 * a packet and no error: what passes in any time t is at most burst + rate * t, whoever asks.
 * (Leases of tokens to workers would save the swap and let each worker overshoot.)
 *
 * Time is counted in ticks, 2^shift of which are one packet or bit at the meter's rate, and between
 * 2^40 and 2^41 a second. So costs are whole numbers of ticks, bursts hold to the bit, and what the
 * clock's ns lose when they become ticks is less than one tick, however long the meter runs. Ticks
 * wrap around after 97 days at least; a meter that was idle for just as long may find its bucket
 * less than full, once.
 *
 * Rates: 1 to METER_RATE_MAX packets or bits a second. `burst` in the same unit: what may pass at
 * once after a silence; a packet of more bits never passes. Times are ns of the workers' clock; a
 * worker's may lag by a burst or two, which passes no more than if it did not.
 *
 * Threads: any worker passes packets; main creates, reads (relaxed) and destroys (after a grace
 * period).
 */
#ifndef VSW_DATAPATH_PIPE_METER_H
#define VSW_DATAPATH_PIPE_METER_H

#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#define METER_RATE_MAX UINT64_C(1000000000000) /* 10^12 */
#define METER_BURST_S_MAX 60U /* a burst is at most a minute's worth, or the least default */
#define METER_BURST_PACKETS 1U /* least default: a packet */
#define METER_BURST_BITS (65536U * 8) /* and the longest one, segments not yet cut */

enum meter_unit { METER_PACKETS, METER_BITS };

struct meter_conf {
	enum meter_unit unit;
	uint64_t rate; /* a second; 1..METER_RATE_MAX */
	uint64_t burst; /* 0: a tenth of a second's worth, but at least METER_BURST_... */
};

struct meter {
	/* Written by workers. */
	uint64_t full_at; /* ticks; atomic */
	uint64_t passed; /* packets; atomic */
	uint64_t dropped;
	/* Constant. */
	uint64_t ticks; /* of 2^METER_SHIFT ns */
	uint64_t burst; /* packets or bits */
	struct meter_conf conf;
	uint8_t shift;
} __rte_cache_aligned;

#define METER_SHIFT 52

/* Main. -EINVAL: a unit, rate or burst out of range. */
int meter_init(struct meter *meter, const struct meter_conf *conf);

/* Any worker. May a packet of `bytes` pass? Counts it. */
bool meter_pass(struct meter *meter, uint32_t bytes, uint64_t now_ns);

/* Any thread: packets so far. */
static inline uint64_t
meter_passed(const struct meter *meter)
{
	return __atomic_load_n(&meter->passed, __ATOMIC_RELAXED);
}

static inline uint64_t
meter_dropped(const struct meter *meter)
{
	return __atomic_load_n(&meter->dropped, __ATOMIC_RELAXED);
}

#endif
