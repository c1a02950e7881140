/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a learning bridge does with a frame (IEEE 802.1Q-2018, 8.6): the pipeline's `normal`.
 *
 * bridge_decide() is the "decide" phase for a burst from one port: it classifies, learns, looks up
 * and leaves one verdict per packet. It sends nothing.
 */
#ifndef VSW_DATAPATH_PIPE_BRIDGE_H
#define VSW_DATAPATH_PIPE_BRIDGE_H

#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/snapshot.h"

enum verdict_kind { VERDICT_DROP, VERDICT_OUTPUT, VERDICT_FLOOD, VERDICT_PROGRAM };

struct program;

struct verdict {
	enum verdict_kind kind;
	enum drop_reason reason; /* VERDICT_DROP */
	const struct port_view *to; /* VERDICT_OUTPUT; VERDICT_DROP: where to, or NULL */
	struct vlan_edit edit; /* VERDICT_OUTPUT: of this packet's tag */
	struct vlan_frame vlan; /* of the packet; set for all but some drops */
	bool station; /* the frame was let in, and its source is an address to learn */
	bool relearn; /* it could not be learned, and might be later */
	const struct program *program; /* VERDICT_PROGRAM; until the end of the burst */
};

/* Time as the tables want it. */
struct burst_time {
	uint16_t seconds; /* of the FDB's clock, modulo 2^16 */
	uint32_t ms; /* modulo 2^32 */
	uint64_t ns;
};

/* Where and when frames came. */
struct arrival {
	const struct snapshot *snap;
	const struct bridge_view *bridge;
	const struct port_view *in;
	const struct burst_time *now;
	bool quiet; /* only asked about: learn nothing, refresh nothing */
};

/*
 * A worker, inside a burst: verdicts[i] for pkts[i] of n <= PKT_BURST indices i. The packets have
 * their Ethernet header and tag in the head. Main may ask quietly, with the FDB's lock held.
 */
void bridge_decide(const struct arrival *at, const struct pkt *pkts, const uint16_t *indices,
	uint16_t n, struct verdict *verdicts);

/* 01-80-C2-00-00-00 to -0F: IEEE 802.1Q-2018, table 8-1. */
static inline bool
mac_is_reserved(const uint8_t *mac)
{
	return mac[0] == 0x01 && mac[1] == 0x80 && mac[2] == 0xc2 && mac[3] == 0 && mac[4] == 0 &&
		mac[5] <= 0x0f;
}

#endif
