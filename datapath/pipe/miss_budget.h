/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port may cost a worker in decisions of new flows.
 *
 * A hit costs tens of cycles, a decision about a thousand: a port that sends only what nobody has
 * seen before would take the time in which its neighbours' packets wait. So the time that decisions
 * of a port take is paid from a purse, which fills as time passes with the port's share of it: one
 * part in as many as there are queues with packets. While the purse is empty and another queue has
 * packets, new flows of the port are dropped (miss-budget), which costs little more than a hit.
 * Flows that are known go on, and so does the decision of a known flow after a change.
 *
 * Times are TSC cycles. Plain data of one worker.
 */
#ifndef VSW_DATAPATH_PIPE_MISS_BUDGET_H
#define VSW_DATAPATH_PIPE_MISS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Most that a purse holds: about a millisecond, so that a guest may open a thousand flows at once.
 */
#define MISS_BUDGET_MAX INT64_C(2500000)

struct miss_budget {
	int64_t purse; /* may be below 0 by the cost of a burst */
	uint64_t filled_at; /* 0: never */
};

/* May new flows be decided now? `busy`: queues of this worker with packets, this one too. */
static inline bool
miss_budget_open(struct miss_budget *budget, uint64_t now, uint32_t busy)
{
	const uint64_t passed = (now - budget->filled_at) / (busy == 0 ? 1 : busy);

	if (budget->filled_at == 0 || passed > (uint64_t)(2 * MISS_BUDGET_MAX)) {
		budget->purse = MISS_BUDGET_MAX;
	} else {
		budget->purse += (int64_t)passed;
		if (budget->purse > MISS_BUDGET_MAX) {
			budget->purse = MISS_BUDGET_MAX;
		}
	}
	budget->filled_at = now;
	return budget->purse > 0 || busy <= 1;
}

static inline void
miss_budget_pay(struct miss_budget *budget, uint64_t cycles)
{
	const int64_t left = budget->purse - (int64_t)cycles;

	/* A long pause of the thread is not the port's doing. */
	budget->purse = left < -MISS_BUDGET_MAX ? -MISS_BUDGET_MAX : left;
}

#endif
