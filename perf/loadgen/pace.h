/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rate: which frames are due. One at a time while the sender keeps up; a sender that fell behind
 * catches up at twice the rate, not in one burst that would be a load of its own.
 *
 * One thread; times are cycles.
 */
#ifndef VSW_PERF_LOADGEN_PACE_H
#define VSW_PERF_LOADGEN_PACE_H

#include <stdint.h>

#define PACE_CATCH_UP 2.0

struct pace {
	double per_cycle; /* 0: as fast as it goes */
	double phase; /* frames by which it starts late, so that senders take turns */
	uint64_t started;
	uint64_t last; /* the last frame was sent */
	uint64_t sent;
};

/* At most `most` of the frames that are due. */
static inline unsigned int
pace_due(struct pace *pace, uint64_t now, unsigned int most)
{
	if (pace->per_cycle <= 0) {
		return most;
	}
	if (pace->started == 0) {
		pace->started = now;
		pace->last = now;
	}
	const double due =
		(double)(now - pace->started) * pace->per_cycle - pace->phase - (double)pace->sent;
	if (due < 1) {
		return 0;
	}
	const double gap = (double)(now - pace->last) * pace->per_cycle * PACE_CATCH_UP;
	const double n = due < gap ? due : gap < 1 ? 0 : gap;
	return n < most ? (unsigned int)n : most;
}

/* Forget what is due: what was missed before does not count. */
static inline void
pace_restart(struct pace *pace)
{
	pace->started = 0;
	pace->sent = 0;
}

static inline void
pace_sent(struct pace *pace, uint64_t now, unsigned int n)
{
	pace->sent += n;
	pace->last = now;
}

#endif
