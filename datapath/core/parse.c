/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk. `limit` is how far the head may be read, `end` where the frame ends, or the IP packet
 * once its length is known; limit <= end. Words are put together in registers: a word that was
 * written in parts and is then read whole waits for the stores.
 */
#include "datapath/core/parse.h"

#include <netinet/in.h>
#include <rte_common.h>

#define SNAP_LEN 8 /* RFC 1042: AA AA 03, OUI, type */
#define ARP_LEN 28 /* RFC 826 with addresses of 6 and 4 bytes */
#define IPV4_LEN 20 /* RFC 791, 3.1, without options */
#define IPV6_LEN 40 /* RFC 8200, 3 */
#define TCP_LEN 20 /* RFC 9293, 3.1, without options */
#define UDP_LEN 8 /* RFC 768 */
#define SCTP_LEN 12 /* RFC 9260, 3.1 */
#define ICMP_LEN 4 /* RFC 792 and RFC 4443, 2.1: type, code, checksum */
#define ND_LEN 24 /* RFC 4861, 4.3 and 4.4, without options */
#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_SOURCE_LINK 1 /* 4.6.1 */
#define ND_TARGET_LINK 2
#define ND_LINK_UNITS 1 /* of 8 bytes: type, length, a MAC address */
#define ND_HOP_LIMIT 255

/*
 * What is known so far. It lives in registers: its members are wide, and only inline functions get
 * to see where it is.
 */
struct walk {
	const uint8_t *head;
	uint32_t limit;
	uint32_t end;
	uint32_t valid;
	uint32_t type_at;
	uint32_t n_tags;
	uint32_t type; /* in host order */
	uint32_t l3;
	uint32_t l4;
	uint32_t payload;
	uint32_t proto;
	uint32_t frag;
	uint32_t ttl;
	uint64_t outer_tci; /* in its place in word 1 */
	uint64_t addresses; /* word 3 */
	uint64_t word4;
	uint64_t word5;
};

static inline uint16_t
load16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t
load32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t
load64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Why bytes before `until` cannot be read: they are out of reach, or not there at all. */
static inline uint32_t
beyond(uint32_t until, uint32_t end)
{
	return until <= end ? FIELDS_DEEP : 0;
}

/* --- layer 2 ---------------------------------------------------------------------------------- */

static inline void
parse_tags(struct walk *w)
{
	while (eth_is_vlan((uint16_t)w->type) && w->n_tags < 2) {
		const uint32_t behind = w->type_at + VLAN_TAG_LEN;
		const uint64_t tpid = load16(w->head + w->type_at);
		uint64_t tci;

		if (unlikely(behind + 2 > w->limit)) {
			w->valid |= beyond(behind + 2, w->end);
			return;
		}
		tci = load16(w->head + w->type_at + 2) | rte_cpu_to_be_16(FIELDS_TAG_PRESENT);
		if (w->n_tags == 0) {
			w->outer_tci = parse_place(tci, 6, 2);
			w->word5 = parse_place(tpid, 4, 2);
		} else {
			w->word5 |= parse_place(tci, 2, 2) | parse_place(tpid, 6, 2);
		}
		w->n_tags++;
		w->type_at = behind;
		w->type = load_be16(w->head + behind);
	}
}

/* The type of a SNAP header, FIELDS_ETH_TYPE_NONE if it is none. */
static __rte_noinline uint32_t
snap_type(const uint8_t *llc)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 0x03, 0, 0, 0};
	const uint32_t type = load_be16(llc + sizeof(snap));

	return memcmp(llc, snap, sizeof(snap)) == 0 && type >= PARSE_TYPE_MIN
		? type
		: FIELDS_ETH_TYPE_NONE;
}

/* A length instead of a type. */
static inline void
parse_length(struct walk *w)
{
	const uint32_t len = w->type;

	w->type = FIELDS_ETH_TYPE_NONE;
	if (len < SNAP_LEN || w->l3 + len > w->end) {
		return;
	}
	if (w->l3 + SNAP_LEN > w->limit) {
		w->valid |= FIELDS_DEEP;
		return;
	}
	w->type = snap_type(w->head + w->l3);
	if (w->type != FIELDS_ETH_TYPE_NONE) {
		w->end = w->l3 + len;
		w->limit = RTE_MIN(w->limit, w->end);
		w->l3 += SNAP_LEN;
	}
}

/* --- layer 3 ---------------------------------------------------------------------------------- */

static inline void
parse_arp(struct walk *w, struct fields *fields)
{
	/* Ethernet, IPv4, and the lengths of their addresses */
	static const uint8_t start[] = {0, 1, 8, 0, 6, 4};
	const uint8_t *arp = w->head + w->l3;

	if (w->l3 + ARP_LEN > w->limit) {
		w->valid |= beyond(w->l3 + ARP_LEN, w->end);
		return;
	}
	if (memcmp(arp, start, sizeof(start)) != 0) {
		return;
	}
	w->valid |= FIELDS_VALID_ARP;
	w->word4 = parse_place(arp[6] == 0 ? arp[7] : 0, 4, 1);
	w->addresses = parse_place(load32(arp + 14), 0, 4) | parse_place(load32(arp + 24), 4, 4);
	fields_set_word(fields, 12, parse_mac(load64(arp + 8)));
	fields_set_word(fields, 13, parse_mac(load64(arp + 18)));
}

static inline void
parse_ipv4(struct walk *w)
{
	const uint8_t *ip = w->head + w->l3;
	uint32_t len;
	uint32_t total;
	uint32_t fragment;

	if (unlikely(w->l3 + IPV4_LEN > w->limit)) {
		w->valid |= beyond(w->l3 + IPV4_LEN, w->end);
		return;
	}
	len = (ip[0] & 15U) * 4;
	total = load_be16(ip + 2);
	if (unlikely(ip[0] >> 4 != 4 || len < IPV4_LEN || total < len || w->l3 + total > w->end)) {
		return;
	}
	if (unlikely(w->l3 + len > w->limit)) {
		w->valid |= FIELDS_DEEP;
		return;
	}
	w->valid |= FIELDS_VALID_IPV4;
	w->end = w->l3 + total;
	w->limit = RTE_MIN(w->limit, w->end);
	w->l4 = w->l3 + len;
	fragment = load_be16(ip + 6) & 0x3fffU; /* more fragments, and the offset */
	if (unlikely(fragment != 0)) {
		const bool first = (fragment & 0x1fff) == 0;

		w->frag = first ? FIELDS_FRAG_FIRST : FIELDS_FRAG_LATER;
		w->l4 = first ? w->l4 : 0;
	}
	w->ttl = ip[8];
	w->proto = ip[9];
	w->word4 = parse_place(w->proto, 4, 1) | parse_place(ip[1], 5, 1) |
		parse_place(w->ttl, 6, 1) | parse_place(w->frag, 7, 1);
	w->addresses = load64(ip + 12);
}

static inline bool
is_extension(uint32_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
		proto == IPPROTO_AH || proto == IPPROTO_DSTOPTS;
}

/* What extension headers lead to. */
struct chain {
	uint32_t l4;
	uint32_t proto;
	uint32_t frag;
	uint32_t valid; /* FIELDS_DEEP or 0 */
};

/* From `off` on, the first being a `proto`. */
static __rte_noinline struct chain
parse_extensions(const uint8_t *head, uint32_t off, uint32_t limit, uint32_t end, uint32_t proto)
{
	struct chain out = {.proto = proto};

	for (unsigned int n = 0; is_extension(out.proto); n++) {
		const uint8_t *ext = head + off;
		uint32_t len = 8;

		if (n > 0 && out.proto == IPPROTO_HOPOPTS) {
			return out;
		}
		if (off + len > limit || n == PARSE_EXT_MAX) {
			out.valid = beyond(off + len, end);
			return out;
		}
		if (out.proto == IPPROTO_AH) {
			len = (ext[1] + 2U) * 4; /* RFC 4302, 2.2 */
		} else if (out.proto != IPPROTO_FRAGMENT) {
			len = (ext[1] + 1U) * 8; /* RFC 8200, 4.3 */
		}
		if (off + len > limit) {
			out.valid = beyond(off + len, end);
			return out;
		}
		if (out.proto == IPPROTO_FRAGMENT) {
			const uint32_t fragment = load_be16(ext + 2); /* RFC 8200, 4.5 */

			out.frag |= (fragment & 0xfff8) != 0 ? FIELDS_FRAG_LATER
				: (fragment & 1) != 0        ? FIELDS_FRAG_FIRST
							     : FIELDS_FRAG_NONE;
		}
		out.proto = ext[0];
		off += len;
		if (out.frag == FIELDS_FRAG_LATER) {
			return out;
		}
	}
	out.l4 = out.proto == IPPROTO_NONE ? 0 : off;
	return out;
}

static inline void
parse_ipv6(struct walk *w, struct fields *fields)
{
	const uint8_t *ip = w->head + w->l3;
	const uint32_t behind = w->l3 + IPV6_LEN;
	uint32_t first;
	uint32_t len;

	if (unlikely(behind > w->limit)) {
		w->valid |= beyond(behind, w->end);
		return;
	}
	first = rte_be_to_cpu_32(load32(ip));
	len = load_be16(ip + 4);
	if (unlikely(first >> 28 != 6 || behind + len > w->end)) {
		return;
	}
	w->valid |= FIELDS_VALID_IPV6;
	w->end = behind + len;
	w->limit = RTE_MIN(w->limit, w->end);
	w->proto = ip[6];
	w->ttl = ip[7];
	w->l4 = behind;
	if (unlikely(is_extension(w->proto) || w->proto == IPPROTO_NONE)) {
		const struct chain chain =
			parse_extensions(w->head, behind, w->limit, w->end, w->proto);

		w->l4 = chain.l4;
		w->proto = chain.proto;
		w->frag = chain.frag;
		w->valid |= chain.valid;
	}
	w->word4 = parse_place(w->proto, 4, 1) | parse_place(first >> 20 & 0xff, 5, 1) |
		parse_place(w->ttl, 6, 1) | parse_place(w->frag, 7, 1);
	for (unsigned int i = 0; i < 4; i++) {
		fields_set_word(fields, 6 + i, load64(ip + 8 + 8 * i));
	}
	fields_set_word(fields, 20, parse_place(rte_cpu_to_be_32(first & 0x000fffff), 0, 4));
}
static_assert(offsetof(struct fields, ip6_dst) == offsetof(struct fields, ip6_src) + 16, "copied");

/* --- layer 4 ---------------------------------------------------------------------------------- */

/* Bytes that the protocol's header has at least, 0 if it is none that we know over this IP. */
static inline uint32_t
transport_len(uint32_t proto, uint32_t valid)
{
	switch (proto) {
	case IPPROTO_UDP:
		return UDP_LEN;
	case IPPROTO_TCP:
		return TCP_LEN;
	case IPPROTO_SCTP:
		return SCTP_LEN;
	case IPPROTO_ICMP:
		return (valid & FIELDS_VALID_IPV4) != 0 ? ICMP_LEN : 0;
	case IPPROTO_ICMPV6:
		return (valid & FIELDS_VALID_IPV6) != 0 ? ICMP_LEN : 0;
	default:
		return 0;
	}
}

static inline void
parse_transport(struct walk *w)
{
	const uint8_t *l4 = w->head + w->l4;
	uint32_t len = transport_len(w->proto, w->valid);

	if (len == 0) {
		return;
	}
	if (unlikely(w->l4 + len > w->limit)) {
		w->valid |= beyond(w->l4 + len, w->end);
		return;
	}
	if (w->proto == IPPROTO_TCP) {
		len = (l4[12] >> 4) * 4U;
		if (unlikely(len < TCP_LEN || w->l4 + len > w->end)) {
			return;
		}
		w->word5 |= parse_place(load16(l4 + 12) & rte_cpu_to_be_16(0x0fff), 0, 2);
	}
	if (len == ICMP_LEN) {
		w->word4 |= parse_place(rte_cpu_to_be_16(l4[0]), 0, 2) |
			parse_place(rte_cpu_to_be_16(l4[1]), 2, 2);
	} else {
		w->word4 |= parse_place(load32(l4), 0, 4);
	}
	w->valid |= FIELDS_VALID_L4;
	w->payload = w->l4 + len;
}

static inline bool
is_nd(const struct walk *w)
{
	const uint8_t *icmp = w->head + w->l4;

	return w->proto == IPPROTO_ICMPV6 && (w->valid & FIELDS_VALID_L4) != 0 &&
		w->ttl == ND_HOP_LIMIT && w->frag == FIELDS_FRAG_NONE &&
		(icmp[0] == ND_SOLICITATION || icmp[0] == ND_ADVERTISEMENT) && icmp[1] == 0;
}

static __rte_noinline uint32_t
parse_nd(const uint8_t *head, uint32_t l4, uint32_t limit, uint32_t end, struct fields *fields)
{
	const uint8_t *links[2] = {NULL, NULL}; /* of the source, of the target */
	uint32_t len;

	if (l4 + ND_LEN > limit) {
		return beyond(l4 + ND_LEN, end);
	}
	for (uint32_t off = l4 + ND_LEN; off < end; off += len) {
		const uint8_t *option = head + off;

		if (off + 2 > limit) {
			return beyond(off + 2, end);
		}
		len = option[1] * 8U;
		if (len == 0) {
			return 0;
		}
		if (off + len > limit) {
			return beyond(off + len, end);
		}
		if ((option[0] == ND_SOURCE_LINK || option[0] == ND_TARGET_LINK) &&
			option[1] == ND_LINK_UNITS) {
			if (links[option[0] - 1] != NULL) {
				return 0;
			}
			links[option[0] - 1] = option;
		}
	}
	fields_set_word(fields, 10, load64(head + l4 + 8));
	fields_set_word(fields, 11, load64(head + l4 + 16));
	if (links[0] != NULL) {
		memcpy(fields->arp_sha, links[0] + 2, sizeof(fields->arp_sha));
	}
	if (links[1] != NULL) {
		memcpy(fields->arp_tha, links[1] + 2, sizeof(fields->arp_tha));
	}
	return FIELDS_VALID_ND;
}

/* --- all of it -------------------------------------------------------------------------------- */

static inline void
parse_above(struct walk *w, enum parse_depth depth, struct fields *fields)
{
	if (likely(w->type == RTE_ETHER_TYPE_IPV4)) {
		parse_ipv4(w);
	} else if (w->type == RTE_ETHER_TYPE_IPV6) {
		parse_ipv6(w, fields);
	} else if (w->type == RTE_ETHER_TYPE_ARP) {
		parse_arp(w, fields);
	}
	if (w->l4 != 0 && depth >= PARSE_L4) {
		parse_transport(w);
		if (depth == PARSE_ALL && is_nd(w)) {
			w->valid |= parse_nd(w->head, w->l4, w->limit, w->end, fields);
		}
	}
}

void
parse(const uint8_t *head, uint32_t head_len, uint32_t frame_len, enum parse_depth depth,
	struct parsed *out)
{
	struct fields *fields = &out->fields;
	struct walk w = {
		.head = head,
		.limit = RTE_MIN(RTE_MIN(head_len, frame_len), (uint32_t)PARSE_HEAD_MAX),
		.end = frame_len,
		.type = FIELDS_ETH_TYPE_NONE,
	};
	uint64_t dst = 0;
	uint64_t src = 0;

	/* In parts: gcc 12 makes a "rep stos" of all that, which takes longer than the parse. */
	memset((uint8_t *)fields + 6 * 8, 0, 64);
	memset((uint8_t *)fields + 6 * 8 + 64, 0, (FIELDS_WORDS - 6) * 8 - 64);
	if (likely(w.limit >= RTE_ETHER_HDR_LEN)) {
		dst = parse_mac(load64(head));
		src = parse_mac(load64(head + RTE_ETHER_ADDR_LEN));
		w.type_at = 2 * RTE_ETHER_ADDR_LEN;
		w.type = load_be16(head + w.type_at);
		parse_tags(&w);
		w.l3 = w.type_at + 2;
		if (unlikely(w.type < PARSE_TYPE_MIN)) {
			parse_length(&w);
		}
		if (depth > PARSE_L2) {
			parse_above(&w, depth, fields);
		}
	} else {
		w.valid = beyond(RTE_ETHER_HDR_LEN, frame_len);
	}
	fields_set_word(fields, 0, parse_place(w.valid, 5, 1));
	fields_set_word(fields, 1, dst | w.outer_tci);
	fields_set_word(fields, 2, src | parse_place(rte_cpu_to_be_16((uint16_t)w.type), 6, 2));
	fields_set_word(fields, 3, w.addresses);
	fields_set_word(fields, 4, w.word4);
	fields_set_word(fields, 5, w.word5);
	out->type_at = (uint16_t)w.type_at;
	out->l3 = (uint16_t)w.l3;
	out->l4 = (uint16_t)w.l4;
	out->payload = (uint16_t)w.payload;
	out->n_tags = (uint16_t)w.n_tags;
}
static_assert(offsetof(struct fields, valid) == 5, "word 0");

static bool
any_word(const struct fields *mask, unsigned int from, unsigned int to)
{
	uint64_t bits = 0;

	for (unsigned int i = from; i <= to; i++) {
		bits |= fields_word(mask, i);
	}
	return bits != 0;
}

enum parse_depth
parse_depth_of(const struct fields *mask)
{
	if ((mask->valid & FIELDS_VALID_ND) != 0 || any_word(mask, 10, 13)) {
		return PARSE_ALL;
	}
	if ((mask->valid & FIELDS_VALID_L4) != 0 || mask->l4_src != 0 || mask->l4_dst != 0 ||
		mask->tcp_flags != 0) {
		return PARSE_L4;
	}
	if ((mask->valid & ~FIELDS_DEEP) != 0 || any_word(mask, 3, 4) || any_word(mask, 6, 9) ||
		mask->ip6_label != 0) {
		return PARSE_L3;
	}
	return PARSE_L2;
}
