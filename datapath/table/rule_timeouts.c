/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timeouts: a 4-ary heap of rules by when they might be due.
 *
 * A use does not move its rule: the heap knows the earliest time at which an idle rule could
 * end, and when that comes the caller is asked when it was last used.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "datapath/table/rules_priv.h"

#define WAYS 4
#define SECOND UINT64_C(1000000000) /* ns */
#define ROOM_MIN 64

static void
put(struct rules_timers *timers, uint32_t at, struct rules_timer timer)
{
	timers->heap[at] = timer;
	timer.rule->timer = at + 1;
}

static void
sift_up(struct rules_timers *timers, uint32_t at, struct rules_timer timer)
{
	while (at > 0 && timers->heap[(at - 1) / WAYS].due > timer.due) {
		put(timers, at, timers->heap[(at - 1) / WAYS]);
		at = (at - 1) / WAYS;
	}
	put(timers, at, timer);
}

static void
sift_down(struct rules_timers *timers, uint32_t at, struct rules_timer timer)
{
	for (;;) {
		const uint32_t first = at * WAYS + 1;
		uint32_t least = first;

		if (first >= timers->n) {
			break;
		}
		for (uint32_t i = first + 1; i < first + WAYS && i < timers->n; i++) {
			least = timers->heap[i].due < timers->heap[least].due ? i : least;
		}
		if (timers->heap[least].due >= timer.due) {
			break;
		}
		put(timers, at, timers->heap[least]);
		at = least;
	}
	put(timers, at, timer);
}

static uint64_t
hard_end(const struct rule *rule)
{
	return rule->hard_s == 0 ? UINT64_MAX : rule->created + rule->hard_s * SECOND;
}

static uint64_t
idle_end(const struct rule *rule, uint64_t used)
{
	used = used > rule->created ? used : rule->created;
	return rule->idle_s == 0 ? UINT64_MAX : used + rule->idle_s * SECOND;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int
heap_grow(struct rules_timers *timers)
{
	const uint32_t n_room = timers->n_room == 0 ? ROOM_MIN : timers->n_room * 2;
	struct rules_timer *heap;

	if (timers->n < timers->n_room) {
		return 0;
	}
	heap = realloc(timers->heap, n_room * sizeof(*heap));
	if (heap == NULL) {
		return -ENOMEM;
	}
	timers->heap = heap;
	timers->n_room = n_room;
	return 0;
}

int
rules_timer_arm(struct rules *rules, struct rule *rule)
{
	struct rules_timers *timers = &rules->timers;
	const uint64_t due = least(hard_end(rule), idle_end(rule, 0));

	assert(rule->timer == 0);
	if (due == UINT64_MAX) {
		return 0;
	}
	if (heap_grow(timers) != 0) {
		return -ENOMEM;
	}
	timers->n++;
	sift_up(timers, timers->n - 1, (struct rules_timer){.due = due, .rule = rule});
	return 0;
}

void
rules_timer_disarm(struct rules *rules, struct rule *rule)
{
	struct rules_timers *timers = &rules->timers;
	const uint32_t at = rule->timer - 1;
	struct rules_timer last;

	if (rule->timer == 0) {
		return;
	}
	rule->timer = 0;
	last = timers->heap[--timers->n];
	if (last.rule == rule) {
		return;
	}
	if (at > 0 && timers->heap[(at - 1) / WAYS].due > last.due) {
		sift_up(timers, at, last);
	} else {
		sift_down(timers, at, last);
	}
}

uint64_t
rules_next_expiry(const struct rules *rules)
{
	return rules->timers.n == 0 ? UINT64_MAX : rules->timers.heap[0].due;
}

int
rules_expire(struct rules *rules, uint64_t now, size_t n_max,
	uint64_t (*last_used)(void *arg, const struct rule *rule), void *arg, size_t *n)
{
	struct rules_timers *timers = &rules->timers;
	int rc = 0;

	*n = 0;
	while (rc == 0 && *n < n_max && rules_next_expiry(rules) <= now) {
		struct rules_timer first = timers->heap[0];
		const bool asks = first.rule->idle_s != 0;
		const uint64_t idle = idle_end(first.rule, asks ? last_used(arg, first.rule) : 0);
		const uint64_t hard = hard_end(first.rule);

		if (hard <= now || idle <= now) {
			rc = rules_kill(rules, first.rule, hard <= now ? RULE_HARD : RULE_IDLE);
			*n += rc == 0;
		} else {
			first.due = least(hard, idle);
			sift_down(timers, 0, first);
		}
	}
	return rc;
}
