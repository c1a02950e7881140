/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline: what the switch does with a frame, worked out from the beginning.
 *
 *	the port's addresses (spoof_check)    may its guest send this at all?
 *	ingress access list                   first entry that matches; none: the list's rest
 *	flow tables, from table 0             highest priority; goto looks at the fields as they are
 *	                                      by then; no match: normal in table 0, else a drop
 *	normal                                VLAN admission, learning, FDB, flood (bridge.h)
 *
 * It sends and changes nothing: it leaves a program (action.h) for this frame and all that agree
 * with it in the bits of its port's key, and what the program depends on. The flow cache remembers
 * that; the frame itself is then treated by the program as any other.
 *
 * Threads: a worker inside a burst; main, quietly (struct arrival), for a trace.
 */
#ifndef VSW_DATAPATH_PIPE_PIPELINE_H
#define VSW_DATAPATH_PIPE_PIPELINE_H

#include <stdint.h>

#include "datapath/core/parse.h"
#include "datapath/pipe/action.h"
#include "datapath/pipe/bridge.h"
#include "datapath/pipe/snapshot.h"

/* What happened on the way, for a trace. */
enum pipeline_step {
	PIPELINE_SPOOFED, /* reason */
	PIPELINE_ACL, /* rule, or NULL: the list's rest */
	PIPELINE_RULE, /* rule of table, or NULL: none matches */
	PIPELINE_ACTION, /* action, as it stands in the rule */
	PIPELINE_NORMAL, /* verdict */
	PIPELINE_FLOOD, /* the action; verdict */
	PIPELINE_REFUSED, /* an output that is not possible: reason */
};

struct pipeline_event {
	enum pipeline_step step;
	uint8_t table;
	enum drop_reason reason;
	const struct rule *rule;
	const struct action *action;
	const struct verdict *verdict;
	const struct fields *fields; /* as they are now */
};

struct pipeline_trace {
	void (*tell)(void *arg, const struct pipeline_event *event);
	void *arg;
};

struct decision {
	bool normal; /* the FDB was asked: src, dst and vid say for what */
	bool station; /* the source is an address that the FDB has or should have, on this port */
	bool relearn; /* it has not, and may have later */
	bool once; /* not to be remembered */
	uint16_t vid;
	fdb_key_t src;
	fdb_key_t dst;
	uint64_t words[PROGRAM_SIZE_MAX / sizeof(uint64_t)]; /* a struct program */
};

static inline const struct program *
decision_program(const struct decision *decision)
{
	return (const struct program *)(const void *)decision->words;
}

/* `trace` may be NULL. The frame was parsed as deep as its key asks. */
void pipeline_decide(const struct arrival *at, const struct fields *fields,
	const struct pipeline_trace *trace, struct decision *decision);

/*
 * The Ethernet header and first tag of a frame with these fields, for what decides by VLAN; returns
 * the length. The bit that says that there is a tag stays clear.
 */
uint16_t
pipeline_header(const struct fields *fields, uint8_t header[RTE_ETHER_HDR_LEN + VLAN_TAG_LEN]);

#endif
