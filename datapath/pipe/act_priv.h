/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the act phase: one packet and its program, between act_*.c. A worker, in a burst. */
#ifndef VSW_DATAPATH_PIPE_ACT_PRIV_H
#define VSW_DATAPATH_PIPE_ACT_PRIV_H

#include "datapath/core/edit_layout.h"
#include "datapath/pipe/act.h"
#include "datapath/pipe/burst.h"

/* A packet and its program, half-way. */
struct play {
	struct burst *burst;
	const struct arrival *at;
	struct pkt *pkt;
	struct edit edit; /* valid if `parsed` */
	bool parsed;
	uint32_t copies; /* that were staged, or lost at their output by name */
	uint32_t steps; /* actions that were carried out, and buckets that were looked at */
	bool over; /* it took more than ACT_WORK_MAX, and what is left is not done */
	bool dropped; /* no action may follow; `reason` says why */
	enum drop_reason reason; /* of a packet that was not sent */
	uint32_t to; /* of drop_names_output(): the output, by id */
};

/* act_program.c: may yet another action be carried out? If not, the packet loses by name. */
bool act_go_on(struct play *play) ON_WORKER;

/* One action, of a program; or of a bucket, but for its outputs. */
void act_action(struct play *play, const struct action *action) ON_WORKER;

/* The packet as it is to a port by id; max: bytes of a cut copy, 0: all. */
void act_emit(struct play *play, uint32_t id, const struct vlan_edit *edit, uint32_t max) ON_WORKER;

/* act_edit.c: PUSH_VLAN, POP_VLAN, SET, DEC_TTL. Sends first what was staged of the packet. */
void act_edit(struct play *play, const struct action *action) ON_WORKER;

/* Find the headers, with a head that reaches to them, before a copy of it is made. */
void act_edit_prepare(struct play *play) ON_WORKER;

/* act_group.c */
void act_group(struct play *play, const struct action *action) ON_WORKER;

static inline void
play_stop(struct play *play, enum drop_reason reason)
{
	play->dropped = true;
	play->reason = reason;
}

#endif
