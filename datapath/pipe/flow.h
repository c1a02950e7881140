/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker remembers of its decisions, and when it may go by them.
 *
 * flows_decide() leaves a verdict for each packet of a burst: remembered if the flow cache has one
 * that still holds, else made by bridge_decide() and remembered.
 *
 * The key of a bridge's flow is (input port, VLAN tag, destination, source): nothing behind the
 * EtherType is looked at, so any number of connections between two stations are one flow. The tag's
 * priority is not in the key; it is read from the packet where it matters.
 *
 * When a verdict holds. It was made under this version of the snapshot, so ports, bridges and VLANs
 * are as they were; and neither its source nor its destination has changed in the FDB since before
 * it was made (fdb_dep_holds). A verdict is stamped with the FDB's generation from before its
 * lookups, so what changes meanwhile makes it stale. A packet whose source could not be learned
 * leaves `relearn`, and the flow tries again, at most once a millisecond for a worker.
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
#include "datapath/pipe/bridge.h"
#include "datapath/pipe/snapshot.h"
#include "datapath/table/flow_cache.h"

#define FLOWS_PASS_MS 500 /* in which a walk sees all flows, if they are not more than: */
#define FLOWS_WALK_MAX 512 /* flows seen in a millisecond; a million take two seconds */

/* The payload of a flow cache's entry. */
struct flow_memo {
	uint32_t version; /* of the snapshot, its low bits; a walk forgets old ones long before 2^32
			   */
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
};

struct flows {
	struct flow_cache *cache;
	uint32_t relearned_ms;
	uint32_t walked_ms;
	uint32_t ticked_ms;
	uint64_t cursor;
	struct flow_key keys[PKT_BURST];
	struct flow_entry *entries[PKT_BURST];
};

/* Main. -ENOMEM, -EINVAL (capacity, see flow_cache.h) or 0. */
int flows_init(struct flows *flows, uint32_t capacity, uint64_t seed);
void flows_fini(struct flows *flows);

/* n <= PKT_BURST packets from one port of the bridge, as bridge_decide() wants them. */
void flows_decide(struct flows *flows, const struct snapshot *snap,
	const struct bridge_view *bridge, const struct port_view *in, const struct pkt *pkts,
	uint16_t n, const struct burst_time *now, struct verdict *verdicts) ON_WORKER;

/* Between bursts: go on with the walk; does nothing until a millisecond has passed. */
void flows_step(
	struct flows *flows, const struct snapshot *snap, const struct burst_time *now) ON_WORKER;

#endif
