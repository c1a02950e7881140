/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits of a frame's headers, as the actions of rules ask for them.
 *
 * What. A `struct edit` is a cursor over one head that may be written, of a packet or of a staged
 * item (pkt.h), and over the headers that a parser found there (struct edit_layout). Each edit
 * changes one field and, in the same step, all checksums that cover it, so that a list of actions
 * is a list of calls in any order.
 *
 * Checksums follow by difference (inet.h, crc32c.h) and are never made anew: no payload is read, so
 * it may lie in another segment or in another fragment, and an error that the frame came with stays
 * detectable at its end. That is also why the first fragment alone is edited for all: the checksum
 * in it covers the whole datagram, addresses once; the difference is the same whatever the other
 * fragments carry, and those have neither a port nor a checksum.
 *
 * - IPv4's header checksum, always.
 * - TCP, UDP, UDP-Lite, DCCP (RFC 9293, 768, 3828, 4340) and ICMPv6 (RFC 4443, 2.3) cover the
 *   addresses; SCTP and ICMP do not. Other protocols are taken to have none.
 * - UDP without a checksum (0) stays so, over IPv6 too (RFC 6935), and one that comes out as 0
 *   becomes 0xffff (RFC 768).
 * - SCTP's 0 stays so (RFC 9653). Its CRC depends on the length of the message, which a first
 *   fragment does not tell: its ports cannot be changed there.
 * - With a routing header that has segments left, the checksum covers the last segment and not the
 *   destination in the header (RFC 8200, 8.1): EDIT_ROUTED.
 * - PKT_OL_CSUM on this transport header: the field holds the sum of the pseudo-header, not
 *   complemented. Addresses are kept right in it; ports and the rest are summed later, by whoever
 *   finishes it. GSO is no different. A PKT_OL_CSUM that points elsewhere (the inner header of a
 *   tunnel that the guest made) leaves the outer checksum whole: it is updated as any other.
 * - PKT_OL_CSUM_OK stays: a right checksum stays right.
 *
 * ICMP errors quote a packet: what they quote is not edited.
 *
 * Bounds. Nothing is read or written outside of the head's first head_len bytes, nor, but for the
 * Ethernet header and tags, behind layout.end, whatever the layout says.
 *
 * Values that go to the frame as they are, are in network order, as in struct fields; TPID, TCI and
 * VLAN ids are the host's, as in pkt.h.
 *
 * Threads: the worker that has the packet, inside a burst. The cursor borrows the packet or item
 * and writes to its bytes, lengths and offload state; between edit_pkt() or edit_item() and the
 * last edit nobody else changes those.
 */
#ifndef VSW_DATAPATH_CORE_EDIT_H
#define VSW_DATAPATH_CORE_EDIT_H

#include <stdint.h>

#include "datapath/core/fields.h"
#include "datapath/core/pkt.h"

enum edit_result {
	EDIT_ABSENT = 0, /* the frame has no such field (in its head): nothing was changed */
	EDIT_DONE = 1,
	/* From here on the frame must not be sent as it is, nothing was changed: drop it. */
	EDIT_EXPIRED = 2, /* the TTL or hop limit would become 0 */
	EDIT_REFUSED = 3, /* a checksum could not be kept right, or no room for a tag */
};

enum edit_l3 { EDIT_L3_NONE = 0, EDIT_L3_IPV4, EDIT_L3_IPV6, EDIT_L3_ARP };

enum edit_layout_flag {
	EDIT_ROUTED = 1U << 0, /* IPv6 routing header with segments left > 0 */
	EDIT_DEEP = 1U << 1, /* IPv6 extension headers were not followed to their end */
};

/*
 * Where the headers are, as a parser found them: offsets from the frame's first byte. What is not
 * there is 0.
 */
struct edit_layout {
	uint16_t l3; /* the header of l3_kind */
	uint16_t l4; /* the transport header, behind all extension headers; 0 in a later fragment */
	uint16_t end; /* of the IP packet or ARP message; UINT16_MAX if further */
	uint8_t l3_kind; /* enum edit_l3; ARP: for Ethernet and IPv4 addresses only */
	uint8_t proto; /* IPv6: of the transport header; undefined with EDIT_DEEP */
	uint8_t frag; /* enum fields_frag */
	uint8_t flags; /* enum edit_layout_flag */
};

struct edit {
	uint8_t *head;
	struct pkt *pkt; /* one of these two, the other NULL */
	struct tx_item *item;
	struct edit_layout at; /* kept right when tags come and go */
	uint16_t bound; /* min(head_len, at.end): where fields behind the tags must end */
	uint16_t csum; /* offset of the transport checksum */
	uint8_t csum_kind; /* private to edit.c */
	bool pseudo; /* the transport checksum covers the addresses */
};

/* --- any worker, inside a burst ------------------------------------------------------------ */

/* Edit the packet itself, n_out == 0; or an item with a head of its own (pkt_clone_head). */
void edit_pkt(struct edit *edit, struct pkt *pkt, const struct edit_layout *layout);
void edit_item(struct edit *edit, struct tx_item *item, const struct edit_layout *layout);

/* Ethernet; ABSENT only for a head shorter than the header. */
enum edit_result edit_set_eth_dst(struct edit *edit, const uint8_t mac[6]);
enum edit_result edit_set_eth_src(struct edit *edit, const uint8_t mac[6]);

/*
 * The outermost VLAN tag (IEEE 802.1Q-2018, 9.6). Only these change the EtherType. Push puts a tag
 * with tpid ETH_TPID_CTAG or ETH_TPID_STAG before all others; REFUSED: the headroom is used up, or
 * the frame would be longer than PKT_LEN_MAX. Pop of an untagged frame is ABSENT; REFUSED: the
 * peer's hint has the checksum start within the tag.
 */
enum edit_result edit_push_vlan(struct edit *edit, uint16_t tpid, uint16_t tci);
enum edit_result edit_pop_vlan(struct edit *edit);

/*
 * VLAN id (0..VLAN_ID_MAX) and priority (0..7) of the outermost tag; its other bits and its TPID
 * stay. An untagged frame gets a customer tag, its other bits 0, as with Open vSwitch's
 * mod_vlan_vid and mod_vlan_pcp.
 */
enum edit_result edit_set_vid(struct edit *edit, uint16_t vid);
enum edit_result edit_set_pcp(struct edit *edit, uint8_t pcp);

/* IP addresses. */
enum edit_result edit_set_ip4_src(struct edit *edit, uint32_t addr);
enum edit_result edit_set_ip4_dst(struct edit *edit, uint32_t addr);
enum edit_result edit_set_ip6_src(struct edit *edit, const uint8_t addr[16]);
enum edit_result edit_set_ip6_dst(struct edit *edit, const uint8_t addr[16]);

/*
 * The bits of `mask` in TOS (IPv4) or traffic class (IPv6): EDIT_TOS_DSCP (RFC 2474), EDIT_TOS_ECN
 * (RFC 3168) or both. `tos` has no bit outside of the mask.
 */
#define EDIT_TOS_DSCP 0xfc
#define EDIT_TOS_ECN 0x03
enum edit_result edit_set_tos(struct edit *edit, uint8_t tos, uint8_t mask);

/* TTL or hop limit. Decrement is EXPIRED at 1 and 0; set takes any value. */
enum edit_result edit_set_ttl(struct edit *edit, uint8_t ttl);
enum edit_result edit_dec_ttl(struct edit *edit);

/* IPv6 flow label: 20 bits in network order, the upper 12 zero. */
enum edit_result edit_set_ip6_label(struct edit *edit, uint32_t label);

/* Ports of TCP, UDP, UDP-Lite, DCCP and SCTP, network order. */
enum edit_result edit_set_l4_src(struct edit *edit, uint16_t port);
enum edit_result edit_set_l4_dst(struct edit *edit, uint16_t port);

/* ICMP over IPv4 and ICMPv6 over IPv6. */
enum edit_result edit_set_icmp_type(struct edit *edit, uint8_t type);
enum edit_result edit_set_icmp_code(struct edit *edit, uint8_t code);

/* ARP (RFC 826): operation and addresses, network order. */
enum edit_result edit_set_arp_op(struct edit *edit, uint16_t op);
enum edit_result edit_set_arp_sha(struct edit *edit, const uint8_t mac[6]);
enum edit_result edit_set_arp_spa(struct edit *edit, uint32_t addr);
enum edit_result edit_set_arp_tha(struct edit *edit, const uint8_t mac[6]);
enum edit_result edit_set_arp_tpa(struct edit *edit, uint32_t addr);

/*
 * Neighbour solicitation and advertisement (RFC 4861, 4.3 and 4.4): target, and the first source
 * or target link-layer address option for Ethernet (RFC 2464, 6); options are never added. Whether
 * the message is valid (hop limit, all of its options) is the parser's matter: FIELDS_VALID_ND.
 */
enum edit_result edit_set_nd_target(struct edit *edit, const uint8_t addr[16]);
enum edit_result edit_set_nd_sll(struct edit *edit, const uint8_t mac[6]);
enum edit_result edit_set_nd_tll(struct edit *edit, const uint8_t mac[6]);

/*
 * Cut the item to its first n bytes, n >= RTE_ETHER_HDR_LEN, for a mirror. Lengths in its headers
 * stay those of the whole, as in a capture. Nothing is written to the head, which may be the
 * packet's own. A frame of at most n bytes stays as it is; of a cut one all offload state is gone,
 * as nobody can sum what is not there: the checksum field then holds whatever it held, and a frame
 * that waits for segmentation leaves as one frame of n bytes, standing for all its segments. A
 * mirror that must show each segment cuts them first (offload_segment).
 */
void edit_truncate(struct tx_item *item, uint32_t n);

#endif
