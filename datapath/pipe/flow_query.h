/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions about what a worker remembers. Its flow cache is the worker's own, so main asks and the
 * worker answers, between bursts and in small slices: packets do not wait for it.
 *
 *	main     fills a struct flow_query, flow_query_post()
 *	worker   flow_query_serve(), from burst_upkeep(), until it is done
 *	main     flow_query_done(): the answer is its own to read
 *
 * From post to done the query is the worker's, but for `cancel`. One at a time for each worker.
 * Asking changes nothing: entries are not marked as used nor stamped as current.
 *
 * An entry whose key no packet can have any more is not told: the walk forgets it.
 */
#ifndef VSW_DATAPATH_PIPE_FLOW_QUERY_H
#define VSW_DATAPATH_PIPE_FLOW_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/flow.h"

#define FLOW_QUERY_MAX 128U /* entries in an answer */
#define FLOW_QUERY_SLICE 64U /* entries told in a millisecond */
#define FLOW_QUERY_PLACES 512U /* places of the cache looked at in a millisecond */

enum flow_query_kind {
	FLOW_QUERY_FRAME, /* what is remembered for frames like this one */
	FLOW_QUERY_DUMP, /* all entries, from a place on */
};

/* Would the next packet go by it? */
enum flow_told_state {
	FLOW_TOLD_CURRENT,
	FLOW_TOLD_OLD_CONFIG, /* a port, VLAN or policy has changed since */
	FLOW_TOLD_OLD_RULES, /* a rule that such packets could meet has */
	FLOW_TOLD_OLD_ADDRESSES, /* the FDB's answer has, or may have */
};

/* An entry, copied. */
struct flow_told {
	uint64_t packets; /* counted by the flow; those of a bridge's own key modulo 2^32 */
	uint64_t bytes;
	struct fields value; /* the key, as bits of a frame */
	struct fields mask;
	uint32_t port; /* id of the input */
	uint32_t idle_ms; /* see flow_cache_idle_ms() */
	uint32_t to; /* VERDICT_OUTPUT: port id */
	enum flow_told_state state;
	enum verdict_kind kind;
	enum drop_reason reason; /* VERDICT_DROP */
	uint16_t mask_id; /* 0: a bridge's own key */
	uint32_t egress; /* id of the port whose egress access list answers: VERDICT_OUTPUT
			  * accepts; 0: the frame's own decision */
	bool cut_tag; /* frames that end behind a TPID */
	uint16_t n_program; /* bytes of: */
	union {
		struct program program;
		uint8_t bytes_of[PROGRAM_SIZE_MAX];
		uint64_t align;
	};
};

struct flow_query {
	/* main's question */
	enum flow_query_kind kind;
	uint32_t port; /* id; DUMP: 0 for any */
	const uint8_t *frame; /* FRAME: at least an Ethernet header; its memory is main's */
	uint32_t frame_len;
	uint64_t cursor; /* DUMP: 0 to begin; where to go on, when done */
	uint32_t max; /* DUMP: entries, 1..FLOW_QUERY_MAX */
	bool cancel; /* atomic: main does not want to know any more */
	/* the worker's answer */
	uint32_t progress; /* atomic, main reads it meanwhile: slices so far */
	uint32_t slice_ms; /* of the last slice */
	bool end; /* DUMP: all has been told */
	uint32_t n;
	struct flow_told told[FLOW_QUERY_MAX];
};

/* --- main ------------------------------------------------------------------------------------ */

/* False: the worker has not answered an earlier one yet. */
bool flow_query_post(struct flows *flows, struct flow_query *query) ON_MAIN;

/* The worker holds no query. */
bool flow_query_done(const struct flows *flows);

/* --- the worker ------------------------------------------------------------------------------ */

void flow_query_work(
	struct flows *flows, const struct snapshot *snap, const struct burst_time *now) ON_WORKER;

/* Between bursts. */
static inline void
flow_query_serve(
	struct flows *flows, const struct snapshot *snap, const struct burst_time *now) ON_WORKER
{
	if (unlikely(__atomic_load_n(&flows->query, __ATOMIC_ACQUIRE) != NULL)) {
		flow_query_work(flows, snap, now);
	}
}

#endif
