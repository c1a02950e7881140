/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rules and entries of access lists have counted, in one worker: by slot, which main gives to
 * rules (struct rule.slot). Written by the worker when it folds a flow's counts, read by main with
 * relaxed loads; main remembers where a slot stood when its rule came.
 */
#ifndef VSW_DATAPATH_PIPE_RULE_COUNT_H
#define VSW_DATAPATH_PIPE_RULE_COUNT_H

#include <stdint.h>

#define RULE_SLOTS_MAX (4U << 20) /* slots 1..RULE_SLOTS_MAX-1; address space until used */

struct rule_count {
	uint64_t packets;
	uint64_t bytes;
	uint64_t used_ms; /* of the workers' clock, when packets were last folded; 0: never */
	uint64_t misses; /* packets that were decided afresh, not by a flow, and met the rule */
};

static inline void
rule_count_add(struct rule_count *count, uint64_t packets, uint64_t bytes, uint64_t now_ms)
{
	__atomic_store_n(&count->packets, count->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&count->bytes, count->bytes + bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&count->used_ms, now_ms, __ATOMIC_RELAXED);
}

static inline void
rule_count_miss(struct rule_count *count)
{
	__atomic_store_n(&count->misses, count->misses + 1, __ATOMIC_RELAXED);
}

#endif
