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

#define DROP_REASONS(X)                                                                        \
	X(DROP_RUNT, "runt", "received frame shorter than an Ethernet header (14 bytes)")      \
	X(DROP_RX_NO_MEMORY, "rx-no-memory", "no packet buffer was free to receive into")      \
	X(DROP_RX_OVERSIZE, "rx-oversize", "received frame longer than a packet can be")       \
	X(DROP_OFFLOAD_INVALID, "offload-invalid",                                             \
		"checksum or segmentation metadata from the peer does not fit the frame")      \
	X(DROP_PORT_DISABLED, "port-disabled", "the input port is not enabled")                \
	X(DROP_NO_BRIDGE, "no-bridge", "the input port belongs to no bridge")                  \
	X(DROP_VLAN_NOT_ALLOWED, "vlan-not-allowed",                                           \
		"the frame's VLAN is not allowed on the input port")                           \
	X(DROP_RESERVED_MAC, "reserved-mac",                                                   \
		"destination is a reserved group address 01-80-c2-00-00-0x")                   \
	X(DROP_HAIRPIN, "hairpin", "the destination is behind the input port")                 \
	X(DROP_NO_OUTPUT, "no-output", "no other port carries the frame's VLAN")               \
	X(DROP_MTU_EXCEEDED, "mtu-exceeded", "frame longer than the output port's MTU")        \
	X(DROP_NO_GUEST, "no-guest", "no guest is attached, or its queues are disabled")       \
	X(DROP_LINK_DOWN, "link-down", "the output port is down or disabled")                  \
	X(DROP_TX_FULL, "tx-full", "the output queue was full")                                \
	X(DROP_TX_BUSY, "tx-busy", "another worker held the shared output queue for too long") \
	X(DROP_TX_NO_MEMORY, "tx-no-memory", "no packet buffer was free for a copy to send")   \
	X(DROP_TX_FAILED, "tx-failed", "the device or the kernel refused the frame")           \
	X(DROP_SEGMENT_FAILED, "segment-failed",                                               \
		"a large segment could not be cut for an output without segmentation offload")

enum drop_reason {
#define X(id, name, doc) id,
	DROP_REASONS(X)
#undef X
		DROP_N
};

/* Schema name of a reason; never NULL. Any thread. */
const char *drop_name(enum drop_reason reason);

#endif
