/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/rule_slots.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datapath/dp/dp_priv.h"

/* A slot that was given back. */
struct slot_resting {
	STAILQ_ENTRY(slot_resting) link;
	uint32_t slot;
	uint64_t round;
	uint64_t *sum;
};

static void
sum_workers(const struct dp *dp, uint32_t slot, struct rule_slot_counts *sum)
{
	*sum = (struct rule_slot_counts){0};
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct rule_count *count = &dp->workers[w]->burst->flows.counts[slot];
		const uint64_t used = __atomic_load_n(&count->used_ms, __ATOMIC_RELAXED);

		sum->packets += __atomic_load_n(&count->packets, __ATOMIC_RELAXED);
		sum->bytes += __atomic_load_n(&count->bytes, __ATOMIC_RELAXED);
		sum->misses += __atomic_load_n(&count->misses, __ATOMIC_RELAXED);
		sum->used_ms = used > sum->used_ms ? used : sum->used_ms;
	}
}

uint32_t
rule_slot_alloc(struct dp *dp)
{
	struct rule_slots *slots = &dp->slots;
	uint32_t slot;

	if (slots->n_free > 0) {
		slot = slots->free[--slots->n_free];
	} else if (slots->n_begun + 1 < RULE_SLOTS_MAX) {
		slot = ++slots->n_begun;
	} else {
		return 0;
	}
	if (slot >= slots->n_room) {
		const uint32_t n_room = slots->n_room == 0 ? 1024 : slots->n_room * 2;

		slots->base = must_realloc(slots->base, n_room * sizeof(*slots->base));
		slots->free = must_realloc(slots->free, n_room * sizeof(*slots->free));
		slots->n_room = n_room;
	}
	sum_workers(dp, slot, &slots->base[slot]);
	return slot;
}

void
rule_slot_release(struct dp *dp, uint32_t slot, uint64_t *sum)
{
	struct slot_resting *resting = must_calloc(1, sizeof(*resting));

	assert(slot != 0 && slot <= dp->slots.n_begun);
	resting->slot = slot;
	resting->round = dp->slots.round;
	resting->sum = sum;
	STAILQ_INSERT_TAIL(&dp->slots.resting, resting, link);
}

void
rule_slots_forget(struct dp *dp, const uint64_t *sum)
{
	struct slot_resting *resting;

	STAILQ_FOREACH (resting, &dp->slots.resting, link) {
		if (resting->sum == sum) {
			resting->sum = NULL;
		}
	}
}

void
rule_slot_read(const struct dp *dp, uint32_t slot, struct rule_slot_counts *counts)
{
	const struct rule_slot_counts *base = &dp->slots.base[slot];

	sum_workers(dp, slot, counts);
	counts->packets -= base->packets;
	counts->bytes -= base->bytes;
	counts->misses -= base->misses;
	if (counts->used_ms == base->used_ms) {
		counts->used_ms = 0;
	}
}

/* Has each worker ended two walks since the round began? One of them was whole. */
static bool
round_is_over(const struct dp *dp)
{
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const uint64_t passes =
			__atomic_load_n(&dp->workers[w]->burst->flows.passes, __ATOMIC_ACQUIRE);

		if (passes - dp->slots.passes[w] < 2) {
			return false;
		}
	}
	return true;
}

uint64_t
rule_slots_round(const struct dp *dp)
{
	return dp->slots.round;
}

void
rule_slots_step(struct dp *dp)
{
	struct rule_slots *slots = &dp->slots;
	struct slot_resting *resting;

	if (round_is_over(dp)) {
		slots->round++;
		for (unsigned int w = 0; w < dp->options.n_workers; w++) {
			slots->passes[w] = __atomic_load_n(
				&dp->workers[w]->burst->flows.passes, __ATOMIC_ACQUIRE);
		}
	}
	while ((resting = STAILQ_FIRST(&slots->resting)) != NULL &&
		resting->round + RULE_SLOTS_ROUNDS <= slots->round) {
		struct rule_slot_counts counts;

		STAILQ_REMOVE_HEAD(&slots->resting, link);
		rule_slot_read(dp, resting->slot, &counts);
		if (resting->sum != NULL) {
			*resting->sum += counts.packets;
		}
		slots->free[slots->n_free++] = resting->slot;
		free(resting);
	}
}

void
rule_slots_fini(struct dp *dp)
{
	struct slot_resting *resting;

	while ((resting = STAILQ_FIRST(&dp->slots.resting)) != NULL) {
		STAILQ_REMOVE_HEAD(&dp->slots.resting, link);
		free(resting);
	}
	free(dp->slots.base);
	free(dp->slots.free);
}
