/* SPDX-License-Identifier: BSD-3-Clause */
/* Edits of IP, transport, ICMP, ARP and neighbour discovery headers. */
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/core/crc32c.h"
#include "datapath/core/edit.h"
#include "datapath/core/edit_priv.h"
#include "datapath/core/headers.h"
#include "datapath/core/inet.h"

/* --- checksums ----------------------------------------------------------------------------- */

/* Words of the transport message or, if `address`, of its pseudo-header have changed. */
static inline void
csum_follow(struct edit *edit, uint64_t diff, bool address)
{
	uint8_t *field = edit->head + edit->csum;
	uint16_t csum;

	switch (edit->csum_kind) {
	case CSUM_WHOLE:
		store16(field, inet_csum_update(load16(field), diff));
		break;
	case CSUM_UDP:
		csum = load16(field);
		if (csum != 0) {
			csum = inet_csum_update(csum, diff);
			store16(field, csum == 0 ? 0xffff : csum);
		}
		break;
	case CSUM_PARTIAL:
		if (address) {
			store16(field, inet_sum_update(load16(field), diff));
		}
		break;
	default:
		break;
	}
}

static inline void
ipv4_csum_follow(struct edit *edit, uint64_t diff)
{
	uint8_t *field = edit->head + edit->at.l3 + 10;

	store16(field, inet_csum_update(load16(field), diff));
}

/* Write n bytes, even, over words that a transport checksum covers. */
static uint64_t
overwrite(uint8_t *to, const uint8_t *from, unsigned int n)
{
	uint64_t diff = 0;

	for (unsigned int i = 0; i < n; i += 2) {
		diff += inet_diff16(load16(to + i), load16(from + i));
		store16(to + i, load16(from + i));
	}
	return diff;
}

/* Bytes of the SCTP message that starts at l4, as the IP header says; 0: unknown. */
static uint16_t
message_len(const struct edit *edit)
{
	const uint8_t *ip = edit->head + edit->at.l3;
	uint32_t end = edit->at.l3 +
		(edit->at.l3_kind == EDIT_L3_IPV4 ? load_be16(ip + 2)
						  : IPV6_LEN + load_be16(ip + 4));

	if (edit->at.frag != FIELDS_FRAG_NONE || end < edit->at.l4 + (uint32_t)SCTP_LEN) {
		return 0;
	}
	return (uint16_t)RTE_MIN(end - edit->at.l4, (uint32_t)UINT16_MAX);
}

/* --- IP ------------------------------------------------------------------------------------ */

/* The address at `off` in the IPv4 header. */
static enum edit_result
set_ip4(struct edit *edit, unsigned int off, uint32_t addr, bool summed)
{
	uint8_t *field = edit->head + edit->at.l3 + off;
	uint64_t diff;

	if (edit->at.l3_kind != EDIT_L3_IPV4) {
		return EDIT_ABSENT;
	}
	summed = summed && edit->pseudo;
	if (summed && edit->csum_kind == CSUM_LOST) {
		return EDIT_REFUSED;
	}
	diff = inet_diff32(load32(field), addr);
	memcpy(field, &addr, sizeof(addr));
	ipv4_csum_follow(edit, diff);
	if (summed) {
		csum_follow(edit, diff, true);
	}
	return EDIT_DONE;
}

enum edit_result
edit_set_ip4_src(struct edit *edit, uint32_t addr)
{
	return set_ip4(edit, 12, addr, true);
}

enum edit_result
edit_set_ip4_dst(struct edit *edit, uint32_t addr)
{
	return set_ip4(edit, 16, addr, true);
}

static enum edit_result
set_ip6(struct edit *edit, unsigned int off, const uint8_t addr[16], bool summed)
{
	uint64_t diff;

	if (edit->at.l3_kind != EDIT_L3_IPV6) {
		return EDIT_ABSENT;
	}
	summed = summed && edit->pseudo;
	if (summed && edit->csum_kind == CSUM_LOST) {
		return EDIT_REFUSED;
	}
	diff = overwrite(edit->head + edit->at.l3 + off, addr, 16);
	if (summed) {
		csum_follow(edit, diff, true);
	}
	return EDIT_DONE;
}

enum edit_result
edit_set_ip6_src(struct edit *edit, const uint8_t addr[16])
{
	return set_ip6(edit, 8, addr, true);
}

enum edit_result
edit_set_ip6_dst(struct edit *edit, const uint8_t addr[16])
{
	return set_ip6(edit, 24, addr, (edit->at.flags & EDIT_ROUTED) == 0);
}

/* One byte of an IPv4 header, at an offset whose word the header's checksum sums. */
static void
set_ipv4_byte(struct edit *edit, unsigned int off, uint8_t value)
{
	uint8_t *ip = edit->head + edit->at.l3;
	uint8_t *word = ip + (off & ~1U);
	uint16_t old = load16(word);

	ip[off] = value;
	ipv4_csum_follow(edit, inet_diff16(old, load16(word)));
}

enum edit_result
edit_set_tos(struct edit *edit, uint8_t tos, uint8_t mask)
{
	uint8_t *ip = edit->head + edit->at.l3;
	uint16_t word;

	assert((tos & ~mask) == 0);
	switch (edit->at.l3_kind) {
	case EDIT_L3_IPV4:
		set_ipv4_byte(edit, 1, (uint8_t)((ip[1] & ~mask) | tos));
		return EDIT_DONE;
	case EDIT_L3_IPV6:
		/* Version, traffic class, upper bits of the label: 4, 8, 4 (RFC 8200, 3). */
		word = load_be16(ip);
		store_be16(ip, (uint16_t)((word & ~(mask << 4)) | tos << 4));
		return EDIT_DONE;
	default:
		return EDIT_ABSENT;
	}
}

enum edit_result
edit_set_ttl(struct edit *edit, uint8_t ttl)
{
	switch (edit->at.l3_kind) {
	case EDIT_L3_IPV4:
		set_ipv4_byte(edit, 8, ttl);
		return EDIT_DONE;
	case EDIT_L3_IPV6:
		edit->head[edit->at.l3 + 7] = ttl;
		return EDIT_DONE;
	default:
		return EDIT_ABSENT;
	}
}

enum edit_result
edit_dec_ttl(struct edit *edit)
{
	uint8_t ttl;

	switch (edit->at.l3_kind) {
	case EDIT_L3_IPV4:
		ttl = edit->head[edit->at.l3 + 8];
		break;
	case EDIT_L3_IPV6:
		ttl = edit->head[edit->at.l3 + 7];
		break;
	default:
		return EDIT_ABSENT;
	}
	return ttl <= 1 ? EDIT_EXPIRED : edit_set_ttl(edit, (uint8_t)(ttl - 1));
}

enum edit_result
edit_set_ip6_label(struct edit *edit, uint32_t label)
{
	uint8_t *ip = edit->head + edit->at.l3;
	uint32_t mask = rte_cpu_to_be_32(0x000fffff);
	uint32_t word;

	assert((label & ~mask) == 0);
	if (edit->at.l3_kind != EDIT_L3_IPV6) {
		return EDIT_ABSENT;
	}
	word = (load32(ip) & ~mask) | label;
	memcpy(ip, &word, sizeof(word));
	return EDIT_DONE;
}

/* --- transport ----------------------------------------------------------------------------- */

/* False: the CRC covers more than we know the length of. */
static bool
sctp_follow(struct edit *edit, const uint8_t *before)
{
	const uint8_t *l4 = edit->head + edit->at.l4;
	uint8_t *field = edit->head + edit->csum;
	uint16_t len = message_len(edit);
	uint32_t crc = load32(field);

	if (crc == 0) {
		return true;
	}
	if (len == 0) {
		return false;
	}
	crc ^= rte_cpu_to_le_32(crc32c_diff(rte_le_to_cpu_32(load32(before) ^ load32(l4)), len));
	memcpy(field, &crc, sizeof(crc));
	return true;
}

static enum edit_result
set_port(struct edit *edit, unsigned int off, uint16_t port)
{
	uint8_t *l4 = edit->head + edit->at.l4;
	uint8_t before[4];
	uint16_t old;

	switch (edit->at.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
		break;
	default:
		return EDIT_ABSENT;
	}
	if (edit->at.l4 == 0 || edit->at.l4 + 4U > edit->bound) {
		return EDIT_ABSENT;
	}
	if (edit->csum_kind == CSUM_LOST) {
		return EDIT_REFUSED;
	}
	memcpy(before, l4, sizeof(before));
	old = load16(l4 + off);
	store16(l4 + off, port);
	if (edit->csum_kind != CSUM_CRC) {
		csum_follow(edit, inet_diff16(old, port), false);
	} else if (!sctp_follow(edit, before)) {
		store16(l4 + off, old);
		return EDIT_REFUSED;
	}
	return EDIT_DONE;
}

enum edit_result
edit_set_l4_src(struct edit *edit, uint16_t port)
{
	return set_port(edit, 0, port);
}

enum edit_result
edit_set_l4_dst(struct edit *edit, uint16_t port)
{
	return set_port(edit, 2, port);
}

/* Is there an ICMP header with its checksum in reach? */
static enum edit_result
find_icmp(const struct edit *edit)
{
	bool is_icmp = (edit->at.l3_kind == EDIT_L3_IPV4 && edit->at.proto == IPPROTO_ICMP) ||
		(edit->at.l3_kind == EDIT_L3_IPV6 && edit->at.proto == IPPROTO_ICMPV6);

	if (!is_icmp || edit->at.l4 == 0 || edit->at.l4 + 2U > edit->bound) {
		return EDIT_ABSENT;
	}
	return edit->csum_kind == CSUM_LOST ? EDIT_REFUSED : EDIT_DONE;
}

static enum edit_result
set_icmp(struct edit *edit, unsigned int off, uint8_t value)
{
	enum edit_result result = find_icmp(edit);
	uint8_t *icmp = edit->head + edit->at.l4;
	uint16_t old;

	if (result == EDIT_DONE) {
		old = load16(icmp);
		icmp[off] = value;
		csum_follow(edit, inet_diff16(old, load16(icmp)), false);
	}
	return result;
}

enum edit_result
edit_set_icmp_type(struct edit *edit, uint8_t type)
{
	return set_icmp(edit, 0, type);
}

enum edit_result
edit_set_icmp_code(struct edit *edit, uint8_t code)
{
	return set_icmp(edit, 1, code);
}

/* --- ARP and neighbour discovery ----------------------------------------------------------- */

static enum edit_result
set_arp(struct edit *edit, unsigned int off, const void *value, unsigned int n)
{
	if (edit->at.l3_kind != EDIT_L3_ARP) {
		return EDIT_ABSENT;
	}
	memcpy(edit->head + edit->at.l3 + off, value, n);
	return EDIT_DONE;
}

enum edit_result
edit_set_arp_op(struct edit *edit, uint16_t op)
{
	return set_arp(edit, 6, &op, sizeof(op));
}

enum edit_result
edit_set_arp_sha(struct edit *edit, const uint8_t mac[6])
{
	return set_arp(edit, 8, mac, RTE_ETHER_ADDR_LEN);
}

enum edit_result
edit_set_arp_spa(struct edit *edit, uint32_t addr)
{
	return set_arp(edit, 14, &addr, sizeof(addr));
}

enum edit_result
edit_set_arp_tha(struct edit *edit, const uint8_t mac[6])
{
	return set_arp(edit, 18, mac, RTE_ETHER_ADDR_LEN);
}

enum edit_result
edit_set_arp_tpa(struct edit *edit, uint32_t addr)
{
	return set_arp(edit, 24, &addr, sizeof(addr));
}

static bool
is_nd(const struct edit *edit)
{
	const uint8_t *icmp = edit->head + edit->at.l4;

	return find_icmp(edit) == EDIT_DONE && edit->at.proto == IPPROTO_ICMPV6 &&
		edit->at.l4 + (uint32_t)ND_LEN <= edit->bound &&
		(icmp[0] == ND_SOLICITATION || icmp[0] == ND_ADVERTISEMENT) && icmp[1] == 0;
}

enum edit_result
edit_set_nd_target(struct edit *edit, const uint8_t addr[16])
{
	if (!is_nd(edit)) {
		return EDIT_ABSENT;
	}
	csum_follow(edit, overwrite(edit->head + edit->at.l4 + 8, addr, 16), false);
	return EDIT_DONE;
}

/* The address in the first option of this type: 1 source, 2 target (RFC 4861, 4.6.1). */
static enum edit_result
set_nd_option(struct edit *edit, uint8_t type, const uint8_t mac[6])
{
	uint32_t off = edit->at.l4 + (uint32_t)ND_LEN;

	if (!is_nd(edit)) {
		return EDIT_ABSENT;
	}
	while (off + ND_OPTION_LEN <= edit->bound) {
		uint8_t *option = edit->head + off;

		if (option[1] == 0) {
			break; /* the message is invalid (4.6) */
		}
		/* One of another length is another link's (RFC 4861, 4.6.1). */
		if (option[0] == type && option[1] == 1) {
			csum_follow(edit, overwrite(option + 2, mac, RTE_ETHER_ADDR_LEN), false);
			return EDIT_DONE;
		}
		off += option[1] * (uint32_t)ND_OPTION_LEN;
	}
	return EDIT_ABSENT;
}

enum edit_result
edit_set_nd_sll(struct edit *edit, const uint8_t mac[6])
{
	return set_nd_option(edit, 1, mac);
}

enum edit_result
edit_set_nd_tll(struct edit *edit, const uint8_t mac[6])
{
	return set_nd_option(edit, 2, mac);
}
