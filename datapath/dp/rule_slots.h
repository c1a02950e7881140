/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counter slots (datapath/pipe/rule_count.h): which rule or access list entry counts where.
 *
 * A slot that is given back goes on counting what flows still hold for it; it is read a last time,
 * and may become another rule's, when each worker has been through all of its flows after that.
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_RULE_SLOTS_H
#define VSW_DATAPATH_DP_RULE_SLOTS_H

#include <stdint.h>

#include "base/role.h"

struct dp;

/* What a slot has counted for its present owner. */
struct rule_slot_counts {
	uint64_t packets;
	uint64_t bytes;
	uint64_t misses;
	uint64_t used_ms; /* of the workers' clock; 0: never */
};

/* 0: there are none left. */
uint32_t rule_slot_alloc(struct dp *dp) ON_MAIN;

/* Give a slot back. Its last count of packets is added to *sum (NULL: nobody wants it). */
void rule_slot_release(struct dp *dp, uint32_t slot, uint64_t *sum) ON_MAIN;

/* Nobody wants what would be added to *sum any more. */
void rule_slots_forget(struct dp *dp, const uint64_t *sum) ON_MAIN;

void rule_slot_read(const struct dp *dp, uint32_t slot, struct rule_slot_counts *counts) ON_MAIN;

/* --- for dp.c and dp_keys.c ------------------------------------------------------------------- */

/*
 * Rounds: in each, every worker has walked over all of its flows at least once from beginning to
 * end. What was given up in round r is in no flow from round r + RULE_SLOTS_ROUNDS on.
 */
#define RULE_SLOTS_ROUNDS 2

/* From dp_step. */
void rule_slots_step(struct dp *dp) ON_MAIN;
uint64_t rule_slots_round(const struct dp *dp) ON_MAIN;
void rule_slots_fini(struct dp *dp);

#endif
