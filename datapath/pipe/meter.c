/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/meter.h"

#include <assert.h>
#include <errno.h>
#include <rte_branch_prediction.h>

#include "base/clock.h"

#define TICKS_LOG2 40 /* ticks a second: 2^40 to 2^41, so that 10^12 units are whole ticks */
/* For low rates fewer: their burst takes days, and 2^64 ticks must be long beside it. */
#define TICKS_LOG2_LOW 30
#define RATE_LOW (UINT64_C(1) << 20)
#define BEHIND_MAX (UINT64_C(1) << 44) /* ticks that a worker's clock may lag: 8 s or more */

__extension__ typedef unsigned __int128 meter_u128;

static_assert(METER_RATE_MAX >> TICKS_LOG2 == 0, "a shift of at least 1");
static_assert((UINT64_C(1) << (TICKS_LOG2 + 1)) / CLOCK_S < UINT64_C(1) << (64 - METER_SHIFT),
	"`ticks` fits");

int
meter_init(struct meter *meter, const struct meter_conf *conf)
{
	const uint64_t least = conf->unit == METER_PACKETS ? METER_BURST_PACKETS : METER_BURST_BITS;
	uint8_t shift;

	if ((conf->unit != METER_PACKETS && conf->unit != METER_BITS) || conf->rate < 1 ||
		conf->rate > METER_RATE_MAX ||
		conf->burst > RTE_MAX(conf->rate * METER_BURST_S_MAX, least)) {
		return -EINVAL;
	}
	shift = (uint8_t)((conf->rate < RATE_LOW ? TICKS_LOG2_LOW : TICKS_LOG2) -
		(63 - __builtin_clzll(conf->rate)));
	*meter = (struct meter){
		.ticks = (uint64_t)(((meter_u128)(conf->rate << shift) << METER_SHIFT) / CLOCK_S),
		.burst = conf->burst != 0 ? conf->burst : RTE_MAX(conf->rate / 10, least),
		.conf = *conf,
		.shift = shift,
	};
	return 0;
}

static bool
refuse(struct meter *meter)
{
	__atomic_fetch_add(&meter->dropped, 1, __ATOMIC_RELAXED);
	return false;
}

/*
 * The difference to `full_at` says how much of the bucket is missing. The burst is the most, but
 * for a clock that lags; if it is more, the time has passed, perhaps long ago.
 */
bool
meter_pass(struct meter *meter, uint32_t bytes, uint64_t now_ns)
{
	const uint64_t now = (uint64_t)((meter_u128)now_ns * meter->ticks >> METER_SHIFT);
	const uint64_t units = meter->conf.unit == METER_PACKETS ? 1 : bytes * UINT64_C(8);
	const uint64_t burst = meter->burst << meter->shift;
	const uint64_t cost = units << meter->shift;
	uint64_t full_at = __atomic_load_n(&meter->full_at, __ATOMIC_RELAXED);
	uint64_t missing;

	if (unlikely(units > meter->burst)) {
		return refuse(meter);
	}
	do {
		missing = full_at - now;
		if (missing > burst + BEHIND_MAX) {
			missing = 0;
		}
		if (missing + cost > burst) {
			return refuse(meter);
		}
	} while (!__atomic_compare_exchange_n(&meter->full_at, &full_at, now + missing + cost, true,
		__ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_fetch_add(&meter->passed, 1, __ATOMIC_RELAXED);
	return true;
}
