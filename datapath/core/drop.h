/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every dropped packet has a name.
 *
 * One list gives the enum, the counter, the leaf /port/statistics/drops/<name> of the schema (a
 * lint compares the two) and the sentence of the documentation. A reason is counted at the port
 * where the packet was lost: RX reasons at the port that received it, TX reasons at the port that
 * should have sent it. For each copy that the switch decided to send: sent or one TX reason.
 */
#ifndef VSW_DATAPATH_CORE_DROP_H
#define VSW_DATAPATH_CORE_DROP_H

#include <stdbool.h>

#define DROP_REASONS(X)                                                                          \
	X(DROP_RUNT, "runt", "received frame shorter than an Ethernet header (14 bytes)")        \
	X(DROP_RX_NO_MEMORY, "rx-no-memory", "no packet buffer was free to receive into")        \
	X(DROP_RX_OVERSIZE, "rx-oversize", "received frame longer than a packet can be")         \
	X(DROP_OFFLOAD_INVALID, "offload-invalid",                                               \
		"checksum or segmentation metadata from the peer does not fit the frame")        \
	X(DROP_PORT_DISABLED, "port-disabled", "the input port is not enabled")                  \
	X(DROP_NO_BRIDGE, "no-bridge", "the input port belongs to no bridge")                    \
	X(DROP_VLAN_NOT_ALLOWED, "vlan-not-allowed",                                             \
		"the frame's VLAN is not allowed on the input port")                             \
	X(DROP_RESERVED_MAC, "reserved-mac",                                                     \
		"destination is a reserved group address 01-80-c2-00-00-0x")                     \
	X(DROP_HAIRPIN, "hairpin", "the destination is behind the input port")                   \
	X(DROP_NO_OUTPUT, "no-output", "no other port carries the frame's VLAN")                 \
	X(DROP_SPOOFED_MAC, "spoofed-mac",                                                       \
		"the source MAC address is not among the port's allowed-mac")                    \
	X(DROP_SPOOFED_ADDRESS, "spoofed-address",                                               \
		"the source IP address is not among the port's allowed-address")                 \
	X(DROP_SPOOFED_NEIGHBOR, "spoofed-neighbor",                                             \
		"an ARP or neighbor discovery message tells addresses that the port is not "     \
		"allowed")                                                                       \
	X(DROP_ACL_DENIED, "acl-denied", "the input port's access list drops the frame")         \
	X(DROP_RULE, "rule-drop", "the frame's rules send it nowhere")                           \
	X(DROP_NO_RULE, "no-rule", "no rule of a later table matches the frame")                 \
	X(DROP_NO_PORT, "no-port", "the rule's output port is not there, or not in this bridge") \
	X(DROP_PROTECTED, "protected-port", "input and output port are both protected")          \
	X(DROP_STORM_BROADCAST, "storm-broadcast",                                               \
		"the input port's limit for broadcasts is used up")                              \
	X(DROP_STORM_MULTICAST, "storm-multicast",                                               \
		"the input port's limit for multicasts is used up")                              \
	X(DROP_STORM_UNKNOWN, "storm-unknown-unicast",                                           \
		"the input port's limit for frames to unknown addresses is used up")             \
	X(DROP_METERED, "metered", "a meter's rate is used up")                                  \
	X(DROP_TTL_EXPIRED, "ttl-expired", "the TTL or hop limit would become 0")                \
	X(DROP_EDIT_REFUSED, "edit-refused",                                                     \
		"a header could not be changed without making the frame wrong")                  \
	X(DROP_NO_BUCKET, "no-bucket",                                                           \
		"the rule's group is not there, or none of its buckets lives")                   \
	X(DROP_TOO_MANY_ACTIONS, "too-many-actions",                                             \
		"the frame's rules come to more actions than a frame may have")                  \
	X(DROP_PUNTED, "punted", "the frame went to the controllers only")                       \
	X(DROP_MISS_BUDGET, "miss-budget",                                                       \
		"the input port sends more new flows than its share of the worker's time")       \
	X(DROP_ACL_EGRESS, "acl-egress-denied", "the output port's access list drops the frame") \
	X(DROP_MTU_EXCEEDED, "mtu-exceeded", "frame longer than the output port's MTU")          \
	X(DROP_NO_GUEST, "no-guest", "no guest is attached, or its queues are disabled")         \
	X(DROP_LINK_DOWN, "link-down", "the output port is down or disabled")                    \
	X(DROP_TX_FULL, "tx-full", "the output queue was full")                                  \
	X(DROP_GUEST_BUFFERS, "guest-buffers",                                                   \
		"the guest's receive buffers are too small for the frame")                       \
	X(DROP_TX_BUSY, "tx-busy", "another worker held the shared output queue for too long")   \
	X(DROP_TX_NO_MEMORY, "tx-no-memory", "no packet buffer was free for a copy to send")     \
	X(DROP_TX_FAILED, "tx-failed", "the device or the kernel refused the frame")             \
	X(DROP_SEGMENT_FAILED, "segment-failed",                                                 \
		"a large segment could not be cut for an output without segmentation offload")

enum drop_reason {
#define X(id, name, doc) id,
	DROP_REASONS(X)
#undef X
		DROP_N
};

/* Those before are counted at the port that received the frame, the others where it was sent to. */
#define DROP_TX_FIRST DROP_ACL_EGRESS

/* A reason of an input that is known with the port where the frame would have gone. */
static inline bool
drop_names_output(enum drop_reason reason)
{
	return reason == DROP_HAIRPIN || reason == DROP_PROTECTED;
}

/* Schema name of a reason; never NULL. Any thread. */
const char *drop_name(enum drop_reason reason);

/* It in words, without an end; never NULL. Any thread. */
const char *drop_text(enum drop_reason reason);

#endif
