/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk. A layer hands over to the next as its last deed, so that little has to be kept. `limit`
 * is how far the head may be read, `end` where the frame ends, or the IP packet once its length is
 * known. Words are put together in registers: a word that was written in parts and is then read
 * whole waits for the stores.
 */
#include "datapath/core/parse.h"

#include <netinet/in.h>
#include <rte_common.h>

#define WORDS_AT_ONCE 6 /* of struct fields: written by finish() and finish_layer2() */
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

/* Why bytes before `until` cannot be read: they are out of reach, or not there at all. */
static inline uint32_t
beyond(uint32_t until, uint32_t end)
{
	return until <= end ? FIELDS_DEEP : 0;
}

/* What the layers above the second add. */
static inline void
finish(struct parsed *out, uint32_t valid, uint64_t word3, uint64_t word4, uint32_t l4,
	uint32_t payload)
{
	fields_set_word(&out->fields, 0, parse_place(valid, 5, 1));
	fields_set_word(&out->fields, 3, word3);
	fields_set_word(&out->fields, 4, word4);
	out->l4 = (uint16_t)l4;
	out->payload = (uint16_t)payload;
}
static_assert(offsetof(struct fields, valid) == 5, "word 0");

/* --- layer 4 ---------------------------------------------------------------------------------- */

struct transport {
	uint64_t ports; /* in their place in word 4 */
	uint32_t valid;
	uint32_t payload;
};

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

/* `valid` has the bit of the IP that it is over. */
static inline struct transport
parse_transport(const uint8_t *head, uint32_t at, uint32_t limit, uint32_t end, uint32_t proto,
	uint32_t valid, struct fields *fields)
{
	struct transport out = {.valid = valid};
	uint32_t len = transport_len(proto, valid);
	const uint8_t *l4 = head + at;

	if (len == 0) {
		return out;
	}
	if (unlikely(at + len > limit)) {
		out.valid |= beyond(at + len, end);
		return out;
	}
	if (proto == IPPROTO_TCP) {
		const uint64_t flags = load16(l4 + 12) & rte_cpu_to_be_16(0x0fff);

		len = (l4[12] >> 4) * 4U;
		if (unlikely(len < TCP_LEN || at + len > end)) {
			return out;
		}
		fields_set_word(fields, 5, fields_word(fields, 5) | parse_place(flags, 0, 2));
	}
	out.ports = parse_place(load32(l4), 0, 4);
	if (len == ICMP_LEN) {
		out.ports = parse_place(rte_cpu_to_be_16(l4[0]), 0, 2) |
			parse_place(rte_cpu_to_be_16(l4[1]), 2, 2);
	}
	out.valid |= FIELDS_VALID_L4;
	out.payload = at + len;
	return out;
}

static inline uint32_t
nd_beyond(uint32_t until, uint32_t end)
{
	return until <= end ? FIELDS_DEEP : FIELDS_ND_INVALID;
}

/* Of the right type; gives bits of `valid`. */
static __rte_noinline uint32_t
parse_nd(const uint8_t *head, uint32_t l4, uint32_t limit, uint32_t end, struct fields *fields)
{
	const uint8_t *links[2] = {NULL, NULL}; /* of the source, of the target */
	uint32_t len;

	if (l4 + ND_LEN > limit) {
		return nd_beyond(l4 + ND_LEN, end);
	}
	for (uint32_t off = l4 + ND_LEN; off < end; off += len) {
		const uint8_t *option = head + off;

		if (off + 2 > limit) {
			return nd_beyond(off + 2, end);
		}
		len = option[1] * 8U;
		if (len == 0) {
			return FIELDS_ND_INVALID;
		}
		if (off + len > limit) {
			return nd_beyond(off + len, end);
		}
		if ((option[0] == ND_SOURCE_LINK || option[0] == ND_TARGET_LINK) &&
			option[1] == ND_LINK_UNITS) {
			if (links[option[0] - 1] != NULL) {
				return FIELDS_ND_INVALID;
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

/* --- layer 3 ---------------------------------------------------------------------------------- */

static __rte_noinline void
parse_arp(const uint8_t *head, uint32_t at, uint32_t limit, uint32_t end, struct parsed *out)
{
	/* Ethernet, IPv4, and the lengths of their addresses */
	static const uint8_t start[] = {0, 1, 8, 0, 6, 4};
	const uint8_t *arp = head + at;

	if (at + ARP_LEN > limit) {
		finish(out, beyond(at + ARP_LEN, end), 0, 0, 0, 0);
		return;
	}
	if (memcmp(arp, start, sizeof(start)) != 0) {
		finish(out, 0, 0, 0, 0, 0);
		return;
	}
	fields_set_word(&out->fields, 12, parse_mac(load64(arp + 8)));
	fields_set_word(&out->fields, 13, parse_mac(load64(arp + 18)));
	finish(out, FIELDS_VALID_ARP,
		parse_place(load32(arp + 14), 0, 4) | parse_place(load32(arp + 24), 4, 4),
		parse_place(arp[6] == 0 ? arp[7] : 0, 4, 1), 0, 0);
}

static inline uint64_t
word4_of(uint32_t proto, uint32_t tos, uint32_t ttl, uint32_t frag)
{
	return parse_place(proto, 4, 1) | parse_place(tos, 5, 1) | parse_place(ttl, 6, 1) |
		parse_place(frag, 7, 1);
}

static __rte_noinline void
parse_ipv4(const uint8_t *head, uint32_t at, uint32_t limit, uint32_t end, enum parse_depth depth,
	struct parsed *out)
{
	const uint8_t *ip = head + at;
	struct transport l4 = {.valid = FIELDS_VALID_IPV4};
	uint32_t frag = FIELDS_FRAG_NONE;
	uint32_t fragment;
	uint32_t len;
	uint32_t total;

	if (unlikely(at + IPV4_LEN > limit)) {
		finish(out, beyond(at + IPV4_LEN, end), 0, 0, 0, 0);
		return;
	}
	len = (ip[0] & 15U) * 4;
	total = load_be16(ip + 2);
	if (unlikely(ip[0] >> 4 != 4 || len < IPV4_LEN || total < len || at + total > end)) {
		finish(out, 0, 0, 0, 0, 0);
		return;
	}
	if (unlikely(at + len > limit)) {
		finish(out, FIELDS_DEEP, 0, 0, 0, 0);
		return;
	}
	fragment = load_be16(ip + 6) & 0x3fffU; /* more fragments, and the offset */
	if (unlikely(fragment != 0)) {
		frag = (fragment & 0x1fff) == 0 ? FIELDS_FRAG_FIRST : FIELDS_FRAG_LATER;
	}
	end = at + total;
	at = frag == FIELDS_FRAG_LATER ? 0 : at + len;
	if (depth >= PARSE_L4 && at != 0) {
		l4 = parse_transport(
			head, at, RTE_MIN(limit, end), end, ip[9], l4.valid, &out->fields);
	}
	finish(out, l4.valid, load64(ip + 12), l4.ports | word4_of(ip[9], ip[1], ip[8], frag), at,
		l4.payload);
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

static inline bool
is_nd_type(uint8_t type)
{
	return type == ND_SOLICITATION || type == ND_ADVERTISEMENT;
}

static inline bool
nd_may_be(const uint8_t *icmp, const struct chain *chain, uint32_t hop_limit)
{
	return hop_limit == ND_HOP_LIMIT && chain->frag == FIELDS_FRAG_NONE && icmp[1] == 0;
}

static __rte_noinline void
parse_ipv6(const uint8_t *head, uint32_t at, uint32_t limit, uint32_t end, enum parse_depth depth,
	struct parsed *out)
{
	const uint8_t *ip = head + at;
	const uint32_t behind = at + IPV6_LEN;
	struct fields *fields = &out->fields;
	struct chain chain = {.l4 = behind};
	struct transport l4;
	uint32_t first;

	if (unlikely(behind > limit)) {
		finish(out, beyond(behind, end), 0, 0, 0, 0);
		return;
	}
	first = rte_be_to_cpu_32(load32(ip));
	if (unlikely(first >> 28 != 6 || behind + load_be16(ip + 4) > end)) {
		finish(out, 0, 0, 0, 0, 0);
		return;
	}
	for (unsigned int i = 0; i < 4; i++) {
		fields_set_word(fields, 6 + i, load64(ip + 8 + 8 * i));
	}
	fields_set_word(fields, 20, parse_place(rte_cpu_to_be_32(first & 0x000fffff), 0, 4));
	end = behind + load_be16(ip + 4);
	limit = RTE_MIN(limit, end);
	chain.proto = ip[6];
	if (unlikely(is_extension(ip[6]) || ip[6] == IPPROTO_NONE)) {
		chain = parse_extensions(head, behind, limit, end, ip[6]);
	}
	l4 = (struct transport){.valid = FIELDS_VALID_IPV6 | chain.valid};
	if (depth >= PARSE_L4 && chain.l4 != 0) {
		l4 = parse_transport(head, chain.l4, limit, end, chain.proto, l4.valid, fields);
		if (depth == PARSE_ALL && (l4.valid & FIELDS_VALID_L4) != 0 &&
			chain.proto == IPPROTO_ICMPV6 && is_nd_type(head[chain.l4])) {
			l4.valid |= nd_may_be(head + chain.l4, &chain, ip[7])
				? parse_nd(head, chain.l4, limit, end, fields)
				: FIELDS_ND_INVALID;
		}
	}
	finish(out, l4.valid, 0,
		l4.ports | word4_of(chain.proto, first >> 20 & 0xff, ip[7], chain.frag), chain.l4,
		l4.payload);
}
static_assert(offsetof(struct fields, ip6_dst) == offsetof(struct fields, ip6_src) + 16, "copied");

/* --- layer 2 ---------------------------------------------------------------------------------- */

struct layer2 {
	uint32_t end;
	uint32_t type_at;
	uint32_t type; /* in host order */
	uint32_t l3;
	uint32_t n_tags;
	uint32_t valid; /* FIELDS_DEEP or 0 */
	uint64_t outer_tci; /* in its place in word 1 */
	uint64_t word5;
};

static inline void
parse_tags(const uint8_t *head, uint32_t limit, struct layer2 *l2)
{
	while (eth_is_vlan((uint16_t)l2->type) && l2->n_tags < 2) {
		const uint32_t behind = l2->type_at + VLAN_TAG_LEN;
		const uint64_t tpid = load16(head + l2->type_at);
		uint64_t tci;

		if (unlikely(behind + 2 > limit)) {
			l2->valid = beyond(behind + 2, l2->end);
			return;
		}
		tci = load16(head + l2->type_at + 2) | rte_cpu_to_be_16(FIELDS_TAG_PRESENT);
		if (l2->n_tags == 0) {
			l2->outer_tci = parse_place(tci, 6, 2);
			l2->word5 = parse_place(tpid, 4, 2);
		} else {
			l2->word5 |= parse_place(tci, 2, 2) | parse_place(tpid, 6, 2);
		}
		l2->n_tags++;
		l2->type_at = behind;
		l2->type = load_be16(head + behind);
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
parse_length(const uint8_t *head, uint32_t limit, struct layer2 *l2)
{
	const uint32_t len = l2->type;

	l2->type = FIELDS_ETH_TYPE_NONE;
	if (len < SNAP_LEN || l2->l3 + len > l2->end) {
		return;
	}
	if (l2->l3 + SNAP_LEN > limit) {
		l2->valid = FIELDS_DEEP;
		return;
	}
	l2->type = snap_type(head + l2->l3);
	if (l2->type != FIELDS_ETH_TYPE_NONE) {
		l2->end = l2->l3 + len;
		l2->l3 += SNAP_LEN;
	}
}

/* Addresses, type, tags, and where they are. */
static inline void
finish_layer2(const uint8_t *head, const struct layer2 *l2, struct parsed *out)
{
	const uint64_t type = rte_cpu_to_be_16((uint16_t)l2->type);

	fields_set_word(&out->fields, 1, parse_mac(load64(head)) | l2->outer_tci);
	fields_set_word(&out->fields, 2,
		parse_mac(load64(head + RTE_ETHER_ADDR_LEN)) | parse_place(type, 6, 2));
	fields_set_word(&out->fields, 5, l2->word5);
	out->type_at = (uint16_t)l2->type_at;
	out->l3 = (uint16_t)l2->l3;
	out->n_tags = (uint16_t)l2->n_tags;
}

static __rte_noinline void
parse_runt(uint32_t frame_len, struct parsed *out)
{
	memset(out, 0, sizeof(*out));
	out->fields.eth_type = rte_cpu_to_be_16(FIELDS_ETH_TYPE_NONE);
	out->fields.valid = (uint8_t)beyond(RTE_ETHER_HDR_LEN, frame_len);
}

void
parse(const uint8_t *head, uint32_t head_len, uint32_t frame_len, enum parse_depth depth,
	struct parsed *out)
{
	uint32_t limit = RTE_MIN(RTE_MIN(head_len, frame_len), (uint32_t)PARSE_HEAD_MAX);
	struct layer2 l2 = {.end = frame_len, .type_at = 2 * RTE_ETHER_ADDR_LEN};
	uint8_t *rest = (uint8_t *)&out->fields + WORDS_AT_ONCE * 8;

	if (unlikely(limit < RTE_ETHER_HDR_LEN)) {
		parse_runt(frame_len, out);
		return;
	}
	/* In parts: gcc 12 makes a "rep stos" of one, which takes longer than the parse. */
	memset(rest, 0, 64);
	memset(rest + 64, 0, (FIELDS_WORDS - WORDS_AT_ONCE) * 8 - 64);
	l2.type = load_be16(head + l2.type_at);
	parse_tags(head, limit, &l2);
	l2.l3 = l2.type_at + 2;
	if (unlikely(l2.type < PARSE_TYPE_MIN)) {
		parse_length(head, limit, &l2);
		limit = RTE_MIN(limit, l2.end);
	}
	finish_layer2(head, &l2, out);
	if (depth == PARSE_L2) {
		finish(out, l2.valid, 0, 0, 0, 0);
	} else if (likely(l2.type == RTE_ETHER_TYPE_IPV4)) {
		parse_ipv4(head, l2.l3, limit, l2.end, depth, out);
	} else if (l2.type == RTE_ETHER_TYPE_IPV6) {
		parse_ipv6(head, l2.l3, limit, l2.end, depth, out);
	} else if (l2.type == RTE_ETHER_TYPE_ARP) {
		parse_arp(head, l2.l3, limit, l2.end, out);
	} else {
		finish(out, l2.valid, 0, 0, 0, 0);
	}
}

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
	if ((mask->valid & (FIELDS_VALID_ND | FIELDS_ND_INVALID)) != 0 || any_word(mask, 10, 13)) {
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
