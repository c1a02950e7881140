/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the first bytes of a frame to its fields.
 *
 * Total. Every byte string gives fields: a header that is cut off or contradicts itself ends the
 * walk, its bit in `valid` stays clear, its fields and all behind it are zero. Nothing is read
 * beyond the head, nor beyond PARSE_HEAD_MAX, so the same frame gives the same fields whatever
 * memory it came in. Where a header goes on beyond what may be read but inside the frame,
 * FIELDS_DEEP is set: whoever has a longer head (pkt_pull) parses again.
 *
 * Depths. A parse stops behind the layer it is asked for. What a depth covers is the same at every
 * greater depth; fields that it does not cover are zero. FIELDS_DEEP says that a header of the
 * depth asked for, or of a lesser one, was out of reach.
 *
 * Ethernet (IEEE 802.3, 802.1Q-2018 9.3-9.6). Up to two tags of either TPID; a third one's TPID is
 * the eth_type. A tag counts if the type behind it is there too, else its TPID is the eth_type. A
 * length (< 0x0600) with SNAP of OUI 0 (RFC 1042) has SNAP's type, and the frame ends where the
 * length says; other lengths, and frames of fewer than 14 bytes, have FIELDS_ETH_TYPE_NONE.
 *
 * ARP (RFC 826). Ethernet and IPv4 only. An operation above 255 gives proto 0; the addresses are
 * still there, because receivers learn from them before they look at the operation.
 *
 * IPv4 (RFC 791). Valid: version, IHL >= 5, and a total length that holds the header and lies in
 * the frame; what is behind it is padding, in which no header is looked for. Options are skipped.
 * The checksum is not verified.
 *
 * IPv6 (RFC 8200). Valid: version, and a payload length that lies in the frame. Hop-by-hop options
 * (as the first only, 4.1), destination options, routing, authentication (RFC 4302) and fragment
 * headers are skipped, PARSE_EXT_MAX of them. Where the walk cannot go on, because a header is cut
 * off (that includes jumbograms, RFC 2675: their payload length is 0) or because there are more,
 * proto is that extension header's number; the latter also sets FIELDS_DEEP. No other packet but a
 * later fragment ends in such a number. ESP and "no next header" end the walk regularly.
 *
 * Fragments. First and later as in OVS; an atomic one (RFC 6946) is none. Later ones have no L4
 * header; of IPv6 they have the proto that the fragment header names.
 *
 * L4. TCP (RFC 9293) of 20 bytes with a data offset that fits the packet, UDP (RFC 768) of 8, its
 * length not looked at, SCTP (RFC 9260) of 12, ICMP and ICMPv6 of 4, each only over its own IP. A
 * first fragment that does not hold so much has no L4 header.
 *
 * Neighbour discovery (RFC 4861). Solicitations and advertisements with code 0 and hop limit 255,
 * not in fragments (RFC 6980), with all options in the packet, none of length 0, and neither link
 * layer address twice; those that are not 8 bytes long are another link's and skipped (4.6.1). A
 * message that has one of the two types and breaks one of these rules is FIELDS_ND_INVALID: some
 * receivers are less strict.
 *
 * Threads: any; nothing is kept. Offsets are bytes from the frame's first one.
 */
#ifndef VSW_DATAPATH_CORE_PARSE_H
#define VSW_DATAPATH_CORE_PARSE_H

#include <rte_branch_prediction.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "datapath/core/fields.h"
#include "datapath/core/headers.h"
#include "datapath/core/pkt.h"

#define PARSE_HEAD_MAX 512 /* bytes that are looked at; 320 more than a head usually has */
#define PARSE_EXT_MAX 8 /* IPv6 extension headers; RFC 8200 4.1 recommends seven at most */
#define PARSE_TYPE_MIN 0x0600 /* IEEE 802.3, 3.2.6: below, the type is a length */

enum parse_depth {
	PARSE_L2, /* addresses, tags, eth_type */
	PARSE_L3, /* and IPv4, IPv6 with proto and frag, ARP */
	PARSE_L4, /* and ports, ICMP type and code, TCP flags */
	PARSE_ALL, /* and neighbour discovery */
};

struct parsed {
	struct fields fields;
	uint16_t type_at; /* the EtherType behind the tags; 0: shorter than an Ethernet header */
	uint16_t l3; /* behind it, or behind SNAP; 0: as above */
	uint16_t l4; /* behind the IP headers, at most the head's length; 0: not IP, later fragment,
		      * no next header, or not found */
	uint16_t payload; /* behind TCP with options, UDP, SCTP or ICMP's checksum; in the frame,
			   * perhaps not in the head; 0: no VALID_L4 */
	uint16_t n_tags; /* 0 to 2 */
};

/* The words of struct fields that parse_l2() fills, as bits; the bridge's are among them. */
#define PARSE_L2_WORDS (1U << 0 | 1U << 1 | 1U << 2 | 1U << 5)

/*
 * Parse the first head_len bytes of a frame of frame_len. All of *out is written: fields that do
 * not come from the frame (in_port, mask_id, pass, regs, tunnel_id) are zero. Each word up to the
 * fifth is written at once; whoever adds to word 0 does better to write it whole, too.
 */
void parse(const uint8_t *head, uint32_t head_len, uint32_t frame_len, enum parse_depth depth,
	struct parsed *out);

/* The least depth that covers all bits of the mask; FIELDS_DEEP needs none of its own. */
enum parse_depth parse_depth_of(const struct fields *mask);

/* The same as parse() for a packet, which may have its head made longer. */
static inline void
parse_pkt(struct pkt *pkt, enum parse_depth depth, struct parsed *out)
{
	const uint32_t most = pkt->len < PARSE_HEAD_MAX ? pkt->len : PARSE_HEAD_MAX;

	parse(pkt->head, pkt->head_len, pkt->len, depth, out);
	if (unlikely((out->fields.valid & FIELDS_DEEP) != 0 && pkt->head_len < most &&
		    pkt_pull(pkt, (uint16_t)most))) {
		parse(pkt->head, pkt->head_len, pkt->len, depth, out);
	}
}

/* --- for the worker's loop ------------------------------------------------------------------ */

/* `size` bytes of a field, as loaded from memory, in the place that they have in a word. */
static inline uint64_t
parse_place(uint64_t value, unsigned int byte, unsigned int size)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	(void)size;
	return value << 8 * byte;
#else
	return value << 8 * (8 - byte - size);
#endif
}

/* The bytes of a MAC address in words 1 and 2. */
static inline uint64_t
parse_mac(uint64_t word)
{
	return word & parse_place(UINT64_C(0xffffffffffff), 0, 6);
}

/*
 * PARSE_L2 for every frame of a burst: words PARSE_L2_WORDS and the offsets are as parse() writes
 * them, the other words are left as they were or cleared.
 */
static inline void
parse_l2(const uint8_t *head, uint32_t head_len, uint32_t frame_len, struct parsed *out)
{
	uint64_t dst;
	uint64_t src;
	uint16_t type;

	if (likely(head_len >= RTE_ETHER_HDR_LEN && head_len <= frame_len)) {
		type = load_be16(head + 2 * RTE_ETHER_ADDR_LEN);
		if (likely(!eth_is_vlan(type) && type >= PARSE_TYPE_MIN)) {
			memcpy(&dst, head, sizeof(dst));
			memcpy(&src, head + RTE_ETHER_ADDR_LEN, sizeof(src));
			fields_set_word(&out->fields, 0, 0);
			fields_set_word(&out->fields, 1, parse_mac(dst));
			fields_set_word(&out->fields, 2, src); /* the type is behind it */
			fields_set_word(&out->fields, 5, 0);
			out->type_at = 2 * RTE_ETHER_ADDR_LEN;
			out->l3 = RTE_ETHER_HDR_LEN;
			out->l4 = 0;
			out->payload = 0;
			out->n_tags = 0;
			return;
		}
	}
	parse(head, head_len, frame_len, PARSE_L2, out);
}

#endif
