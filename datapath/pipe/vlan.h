/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLANs at the edge of a bridge: which VLAN a received frame is in, which ports carry a VLAN, and
 * what the frame's outermost tag must look like when it leaves.
 *
 * The modes are Open vSwitch's (ovs-vswitchd.conf.db(5), Port table, vlan_mode):
 *
 *	mode             untagged or priority-tagged   tagged in V           leaves in VLAN V as
 *	access           the port's VLAN               refused               untagged
 *	trunk            VLAN 0, if carried            V, if carried         tagged (VLAN 0:
 *untagged) native-tagged    the native VLAN               V, if carried         tagged
 *	native-untagged  the native VLAN               V, if carried         tagged (native:
 *untagged) dot1q-tunnel     the port's VLAN, customer tag kept inside, if the customer VLAN is
 *allowed; leaves with the service tag removed
 *
 * A frame with VLAN id 0 in its tag is priority-tagged: it counts as untagged, and its priority
 *goes with it. Frames that would leave with VLAN id 0 leave without a tag unless `priority-tags`
 *says otherwise. Both TPIDs, 0x8100 and 0x88a8, are tags; a frame keeps the one it came with.
 *
 * Pure functions; any thread.
 */
#ifndef VSW_DATAPATH_PIPE_VLAN_H
#define VSW_DATAPATH_PIPE_VLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/headers.h"
#include "datapath/core/pkt.h"

enum vlan_mode {
	VLAN_ACCESS,
	VLAN_TRUNK,
	VLAN_NATIVE_TAGGED,
	VLAN_NATIVE_UNTAGGED,
	VLAN_DOT1Q_TUNNEL,
};

enum vlan_priority_tags { VLAN_PT_NEVER, VLAN_PT_IF_NONZERO, VLAN_PT_ALWAYS };

/* A set of VLAN ids, 0..4095. */
struct vlan_set {
	uint64_t words[64];
};

static inline bool
vlan_set_has(const struct vlan_set *set, uint16_t vid)
{
	return (set->words[vid >> 6] >> (vid & 63) & 1) != 0;
}

static inline void
vlan_set_add(struct vlan_set *set, uint16_t vid)
{
	set->words[vid >> 6] |= UINT64_C(1) << (vid & 63);
}

/* A port's VLAN configuration. */
struct port_vlan {
	enum vlan_mode mode;
	enum vlan_priority_tags priority_tags;
	uint16_t vlan; /* access, native and tunnel: 1..4094 */
	uint16_t tunnel_tpid; /* dot1q-tunnel: TPID of the service tag */
	struct vlan_set trunk; /* carried, the native VLAN not included */
	struct vlan_set cvlan; /* dot1q-tunnel: customer VLANs let in, 0 for untagged */
};

/* A frame in the bridge: its VLAN, and what its outermost tag is for. */
struct vlan_frame {
	uint16_t vid; /* 0..4095 */
	uint16_t pcp; /* priority, in the TCI's upper bits */
	uint16_t tpid; /* of the tag to use when it needs one */
	uint16_t tci; /* of the outermost tag in the bytes, if `in_bytes` */
	bool in_bytes; /* the outermost tag in the bytes is this VLAN's (or a priority) tag */
};

/* What has to happen to the outermost tag. */
enum vlan_edit_op { VLAN_KEEP, VLAN_PUSH, VLAN_POP, VLAN_REWRITE };

struct vlan_edit {
	enum vlan_edit_op op;
	uint16_t tpid;
	uint16_t tci;
};

/*
 * Classify a frame of at least an Ethernet header. False: not allowed in on this port.
 * `bytes` holds the header and, if `len` allows, the tag; a tag that is cut off counts as refused.
 */
bool vlan_ingress(
	const struct port_vlan *port, const uint8_t *bytes, uint32_t len, struct vlan_frame *frame);

/* Does the port carry this VLAN? */
bool vlan_carries(const struct port_vlan *port, uint16_t vid);

/* The edit with which the frame leaves through the port. */
struct vlan_edit vlan_egress(const struct port_vlan *port, const struct vlan_frame *frame);

/* The tag stays as it is. */
extern const struct vlan_edit vlan_keep;

static inline bool
vlan_edit_equal(const struct vlan_edit *a, const struct vlan_edit *b)
{
	return a->op == b->op && a->tpid == b->tpid && a->tci == b->tci;
}

/* Carry it out; the packet has no staged outputs, the item a head of its own. */
void vlan_edit_pkt(struct pkt *pkt, const struct vlan_edit *edit);
void vlan_edit_item(struct tx_item *item, const struct vlan_edit *edit);

#endif
