/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker remembers of its decisions, and when it may go by them.
 *
 * flows_decide() leaves a verdict for each packet of a burst: remembered if the flow cache has one
 * that still holds, else made by bridge_decide() or, where a port's pipeline has rules, access
 * lists or address checks, by pipeline_decide(), and remembered.
 *
 * The key of a bridge's flow is (input port, VLAN tag, destination, source): nothing behind the
 * EtherType is looked at, so any number of connections between two stations are one flow. The tag's
 * priority is not in the key; it is read from the packet where it matters. A port of whose pipeline
 * looks further has keys of its own (key.h), of at least one word more; the entries of those have a
 * tail with their program and counts.
 *
 * When a verdict holds. It was made under this version of the bridge, so ports, VLANs and policy
 * are as they were; if it comes from `normal`, neither its source nor its destination has changed
 * in the FDB since before it was made (fdb_dep_holds); and no rule has changed since that its
 * packets could meet (struct rule_log). A verdict is stamped with the generations from before its
 * lookups, so what changes meanwhile makes it stale. A packet whose source could not be learned
 * leaves `relearn`, and the flow tries again, at most once a millisecond for a worker.
 *
 * Counts. A flow counts its packets; they are added to the rules of its program (rule_count.h) by
 * the walk, and before the flow is forgotten or decided again. So what rules have counted and what
 * flows have not yet added up is all that was ever forwarded, to the packet.
 *
 * A cached flow does not ask the FDB about its source. flows_step() walks over the flows, each
 * within about FLOWS_PASS_MS, and tells the FDB which sources were seen.
 *
 * Threads: one worker owns a struct flows; main creates and destroys it and reads the cache's
 * counts.
 */
#ifndef VSW_DATAPATH_PIPE_FLOW_H
#define VSW_DATAPATH_PIPE_FLOW_H

#include <stdint.h>

#include "base/role.h"
#include "datapath/core/parse.h"
#include "datapath/pipe/bridge.h"
#include "datapath/pipe/miss_budget.h"
#include "datapath/pipe/pipeline.h"
#include "datapath/pipe/rule_count.h"
#include "datapath/pipe/snapshot.h"
#include "datapath/table/flow_cache.h"
#include "datapath/table/intern.h"

#define FLOWS_PASS_MS 500 /* in which a walk sees all flows, if they are not more than: */
#define FLOWS_WALK_MAX 512 /* flows seen in a millisecond; a million take two seconds */

/* The payload of a flow cache's entry. */
struct flow_memo {
	uint32_t
		version; /* of the bridge, its low bits; a walk forgets old ones long before 2^32 */
	uint16_t to; /* VERDICT_OUTPUT: port id */
	uint16_t vid; /* VLAN of the bridge */
	uint16_t src_dep; /* what it depends on in the FDB */
	uint16_t dst_dep;
	uint8_t kind; /* enum verdict_kind */
	uint8_t reason; /* enum drop_reason */
	uint8_t flags; /* enum flow_flag */
	uint8_t seen; /* hit since the last walk came by */
};
static_assert(sizeof(struct flow_memo) == FLOW_PAYLOAD_SIZE, "fills the payload");
static_assert(DP_PORTS_MAX <= UINT16_MAX + 1, "a port id fits");

enum flow_flag {
	FLOW_KEEP = 1U << 0, /* VERDICT_OUTPUT: no tag comes or goes, whatever the priority */
	FLOW_STATION = 1U << 1, /* the source is an address that the FDB has or should have */
	FLOW_RELEARN = 1U << 2, /* it has not, and may have later */
	FLOW_APART = 1U << 3, /* does not depend on the FDB */
};

/* Behind the payload of an entry whose key is a port's own (key.h). */
struct flow_tail {
	uint32_t program; /* its number in flows->programs; INTERN_NONE: not decided yet */
	uint32_t rules; /* version of the bridge's rules, its low bits */
	uint64_t packets; /* that were added to the rules; the entry's own are those since */
	uint64_t bytes;
};
static_assert(sizeof(struct flow_tail) == FLOW_TAIL_SIZE, "fills the tail");

/* What a port's packets have met; one writer, read by main with relaxed loads. */
struct flow_port_counts {
	uint64_t hits;
	uint64_t misses;
	struct miss_budget budget; /* the worker's alone */
};

struct flow_query;

struct flows {
	struct flow_cache *cache;
	struct flow_port_counts *by_port; /* by port id, DP_PORTS_MAX */
	bool budget; /* new flows are paid for, see miss_budget.h */
	uint32_t busy_queues; /* of the worker that had packets in its last round */
	struct intern *programs;
	struct rule_count *counts; /* RULE_SLOTS_MAX; main reads them */
	uint64_t passes; /* of the walk that have ended; main reads it */
	uint64_t now_ms;
	uint32_t relearned_ms;
	uint32_t walked_ms;
	uint32_t ticked_ms;
	uint64_t cursor;
	struct flow_query *query; /* main's question, or NULL: flow_query.h */
	uint32_t n_put; /* programs that nobody refers to once the burst is over */
	uint32_t put[2 * PKT_BURST];
	struct flow_key keys[PKT_BURST];
	struct flow_entry *entries[PKT_BURST];
	const struct key_shape *shapes[PKT_BURST];
	struct decision decision;
	/* Programs of packets that could not be remembered. */
	uint8_t spill[PKT_BURST][PROGRAM_SIZE_MAX] __attribute__((aligned(8)));
};

/* Main. -ENOMEM, -EINVAL (capacity, see flow_cache.h) or 0. */
int flows_init(struct flows *flows, uint32_t capacity, uint64_t seed);
void flows_fini(struct flows *flows);

/*
 * n <= PKT_BURST packets, as bridge_decide() wants them. New flows may be dropped for want of time
 * (miss_budget.h).
 */
void flows_decide(struct flows *flows, const struct arrival *at, struct pkt *pkts, uint16_t n,
	struct verdict *verdicts) ON_WORKER;

/* Between bursts: go on with the walk; does nothing until a millisecond has passed. */
void flows_step(
	struct flows *flows, const struct snapshot *snap, const struct burst_time *now) ON_WORKER;

/* --- between flow.c, flow_rules.c and egress.c ----------------------------------------------- */

/* One burst on its way: what all steps need. */
struct flow_step {
	struct flows *flows;
	const struct arrival *at;
	const struct port_keys *port_keys; /* NULL: the bridge's key does */
	struct pkt *pkts;
	struct verdict *verdicts;
	uint32_t version; /* of the bridge, its low bits */
	uint32_t rules; /* of its rules, their low bits; 0: it has none */
};

static inline struct flow_step
flow_step_of(
	struct flows *flows, const struct arrival *at, struct pkt *pkts, struct verdict *verdicts)
{
	const struct rules_view *rules = at->bridge->rules;

	return (struct flow_step){.flows = flows,
		.at = at,
		.port_keys = at->snap->keys[at->in->id],
		.pkts = pkts,
		.verdicts = verdicts,
		.version = (uint32_t)at->bridge->version,
		.rules = rules == NULL ? 0 : (uint32_t)rules->version};
}

static inline bool
flow_has_tail(const struct flow_entry *entry)
{
	return entry->n_words > flow_size_words(FLOW_SIZE_L2);
}

static inline void
flow_count(struct flow_entry *entry, const struct pkt *pkt)
{
	struct flow_memo *memo = flow_entry_payload(entry);

	flow_entry_count(entry, 1, pkt->len);
	memo->seen = 1;
}

/* Keys of a bridge, for n packets of a port; and back to what they say of the frame. */
void flow_bridge_keys(
	struct flow_key *keys, const struct port_view *in, const struct pkt *pkts, uint16_t n);
void flow_bridge_fields(const uint64_t *words, struct fields *value, struct fields *mask);

/* The verdict for this packet of what is remembered. */
void flow_recall(const struct flow_step *step, struct flow_entry *entry, uint16_t i);

/* Keys of a port's own; parses the packets. */
void flow_rules_keys(const struct flow_step *step, uint16_t n) ON_WORKER;

/*
 * Rules have changed since the entry was stamped, but none that packet i, whose entry this is,
 * could meet. Stamps it.
 */
bool flow_rules_hold(const struct flow_step *step, struct flow_entry *entry, uint16_t i);

/* Decide those packets afresh. */
void flow_rules_decide(const struct flow_step *step, const uint16_t *index, uint16_t n) ON_WORKER;

/* Add what the entry has counted to its rules. */
void flow_fold(struct flows *flows, struct flow_entry *entry);

/* Could a packet of this port still have the entry's key? */
bool flow_key_lives(const struct snapshot *snap, const struct flow_entry *entry);

/* Let go of programs that were in use during the last burst. */
void flow_put_programs(struct flows *flows);

#endif
