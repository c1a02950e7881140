/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The act phase: what the verdicts of a burst say is done to its packets, up to staged outputs.
 *
 * Each packet ends as one or more staged copies, or as one drop with a name at its input port; what
 * happens to a copy from then on is its output port's to count (tx_stage.h, and the egress access
 * list before that).
 *
 * An edit of a packet that staged outputs refer to sends those first, so what was staged leaves as
 * it was. Buckets of a group of type `all` each begin with the same bytes.
 *
 * Work for one packet is bounded: its actions, those of buckets, buckets and copies are counted
 * together, and nothing begins beyond ACT_WORK_MAX. What is left is not done, for which one copy is
 * lost by name (too-many-actions); a flood is never cut short.
 */
#ifndef VSW_DATAPATH_PIPE_ACT_H
#define VSW_DATAPATH_PIPE_ACT_H

#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/bridge.h"

#define ACT_WORK_MAX 4096

struct burst;
struct program;

/* Verdicts 0..n-1 of the burst. */
void act_burst(struct burst *burst, const struct arrival *at, uint16_t n) ON_WORKER;

/* --- between act.c, act_program.c and egress.c ------------------------------------------------ */

/* One packet by its program. */
void act_program(struct burst *burst, const struct arrival *at, struct pkt *pkt,
	const struct program *program) ON_WORKER;

/*
 * To all members of the bridge that carry the VLAN, but the input. Returns the number of copies; 0:
 * *reason says why. The caller holds a reference to the packet (n_out), and counts the copies
 * beyond the first of the packet (struct bridge_counters).
 */
uint32_t act_spread(struct burst *burst, const struct arrival *at, struct pkt *pkt,
	const struct vlan_frame *vlan, enum storm_kind kind, enum drop_reason *reason) ON_WORKER;

/*
 * Does the output's access list let the packet out? Counts the drop if not: at the output, or, if
 * what the input sends is new to the list and there is no time for it, at the input (miss-budget).
 */
bool egress_accepts(struct burst *burst, const struct arrival *at, const struct port_view *to,
	struct pkt *pkt) ON_WORKER;

static inline bool
act_may_leave(struct burst *burst, const struct arrival *at, const struct port_view *to,
	struct pkt *pkt) ON_WORKER
{
	return likely(to->acl_out == NULL) || egress_accepts(burst, at, to, pkt);
}

#endif
