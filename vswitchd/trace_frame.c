/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/trace_frame.h"

#include <netinet/in.h>
#include <string.h>

#include "ctl/flow_field.h"
#include "datapath/core/crc32c.h"
#include "datapath/core/fields.h"
#include "datapath/core/headers.h"
#include "datapath/core/inet.h"
#include "vswitchd/flow_place.h"

#define ETH_IPV4 0x0800
#define ETH_ARP 0x0806
#define ETH_IPV6 0x86dd
#define ETH_DEFAULT 0x88b5
#define ETH_LEN_MIN 60 /* IEEE 802.3, without the check sequence */
#define TTL_DEFAULT 64
#define FRAG_MORE 0x2000 /* RFC 791, 3.1 */
#define FRAG_LATER_AT 185 /* of later fragments, in 8 bytes: behind 1480 */
#define CRC_OF_ZERO 0x2b60b55dU /* CRC32c of 12 bytes of 0 */
#define ND_SOLICITATION 135 /* RFC 4861, 4.3 and 4.4 */
#define ND_ADVERTISEMENT 136
#define ND_SOURCE_OPTION 1 /* 4.6.1 */
#define ND_TARGET_OPTION 2

/* A frame that grows. */
struct writer {
	const struct flow_rule *rule;
	struct fields f; /* as described */
	uint8_t *frame;
	uint32_t len;
};

static uint8_t *
add(struct writer *writer, uint32_t n)
{
	uint8_t *at = writer->frame + writer->len;

	writer->len += n;
	return at;
}

static void
add_bytes(struct writer *writer, const void *bytes, uint32_t n)
{
	memcpy(add(writer, n), bytes, n);
}

static void
add_be16(struct writer *writer, uint16_t value)
{
	store_be16(add(writer, 2), value);
}

/* --- checksums ---------------------------------------------------------------------------------
 */

/* Not folded; n is even, or what follows is 0. */
static uint64_t
sum_of(const void *bytes, uint32_t n)
{
	const uint8_t *at = bytes;
	uint64_t sum = 0;

	for (uint32_t i = 0; i + 1 < n; i += 2) {
		sum += load16(at + i);
	}
	return sum;
}

/* Of an upper layer that begins at `l4` and ends the frame: RFC 8200, 8.1, and RFC 9293, 3.1. */
static uint16_t
l4_csum(const struct writer *writer, uint32_t l4)
{
	const struct fields *f = &writer->f;
	const uint32_t len = writer->len - l4;
	uint64_t sum = sum_of(writer->frame + l4, len);

	sum += rte_cpu_to_be_16((uint16_t)len);
	sum += rte_cpu_to_be_16(f->proto);
	if (f->eth_type == RTE_BE16(ETH_IPV6)) {
		sum += sum_of(f->ip6_src, sizeof(f->ip6_src)) +
			sum_of(f->ip6_dst, sizeof(f->ip6_dst));
	} else {
		sum += sum_of(&f->ip4_src, sizeof(f->ip4_src)) +
			sum_of(&f->ip4_dst, sizeof(f->ip4_dst));
	}
	return (uint16_t)~inet_fold(sum);
}

/* --- layer 4 -----------------------------------------------------------------------------------
 */

static void
add_tcp(struct writer *writer)
{
	const uint32_t l4 = writer->len;
	uint8_t *tcp = add(writer, 20);

	store16(tcp, writer->f.l4_src);
	store16(tcp + 2, writer->f.l4_dst);
	store_be16(tcp + 12, (uint16_t)(5U << 12 | rte_be_to_cpu_16(writer->f.tcp_flags)));
	store16(tcp + 16, l4_csum(writer, l4));
}

static void
add_udp(struct writer *writer)
{
	const uint32_t l4 = writer->len;
	uint8_t *udp = add(writer, 8);
	uint16_t csum;

	store16(udp, writer->f.l4_src);
	store16(udp + 2, writer->f.l4_dst);
	store_be16(udp + 4, 8);
	csum = l4_csum(writer, l4);
	store16(udp + 6, csum == 0 ? UINT16_MAX : csum); /* RFC 768 */
}

/* The ports are all that is not 0 in the 12 bytes that the checksum covers: RFC 9260, 6.8. */
static void
add_sctp(struct writer *writer)
{
	uint8_t *sctp = add(writer, 12);
	uint32_t crc;

	store16(sctp, writer->f.l4_src);
	store16(sctp + 2, writer->f.l4_dst);
	crc = rte_cpu_to_le_32(CRC_OF_ZERO ^ crc32c_diff(rte_le_to_cpu_32(load32(sctp)), 12));
	memcpy(sctp + 8, &crc, sizeof(crc));
}

static void
add_nd_option(struct writer *writer, enum flow_field field, uint8_t type, const uint8_t mac[6])
{
	if (flow_rule_has(writer->rule, field)) {
		uint8_t *option = add(writer, 8);

		option[0] = type;
		option[1] = 1; /* in 8 bytes */
		memcpy(option + 2, mac, 6);
	}
}

static void
add_icmp(struct writer *writer)
{
	const uint8_t type = (uint8_t)rte_be_to_cpu_16(writer->f.l4_src);
	const uint32_t l4 = writer->len;
	const bool v6 = writer->f.proto == IPPROTO_ICMPV6;
	uint8_t *icmp = add(writer, 8);

	icmp[0] = type;
	icmp[1] = (uint8_t)rte_be_to_cpu_16(writer->f.l4_dst);
	if (v6 && (type == ND_SOLICITATION || type == ND_ADVERTISEMENT)) {
		add_bytes(writer, writer->f.nd_target, sizeof(writer->f.nd_target));
		add_nd_option(writer, FLOW_ND_SLL, ND_SOURCE_OPTION, writer->f.arp_sha);
		add_nd_option(writer, FLOW_ND_TLL, ND_TARGET_OPTION, writer->f.arp_tha);
	}
	store16(icmp + 2,
		v6 ? l4_csum(writer, l4) : (uint16_t)~inet_fold(sum_of(icmp, writer->len - l4)));
}

static void
add_l4(struct writer *writer)
{
	const bool v6 = writer->f.eth_type == RTE_BE16(ETH_IPV6);

	if (writer->f.frag == FIELDS_FRAG_LATER) {
		(void)add(writer, 8);
		return;
	}
	switch (writer->f.proto) {
	case IPPROTO_TCP:
		add_tcp(writer);
		break;
	case IPPROTO_UDP:
		add_udp(writer);
		break;
	case IPPROTO_SCTP:
		add_sctp(writer);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (v6 == (writer->f.proto == IPPROTO_ICMPV6)) {
			add_icmp(writer);
		}
		break;
	default:
		break;
	}
}

/* --- layer 3 -----------------------------------------------------------------------------------
 */

static uint8_t
ttl_of(const struct writer *writer)
{
	const uint16_t type = rte_be_to_cpu_16(writer->f.l4_src);

	if (flow_rule_has(writer->rule, FLOW_IP_TTL)) {
		return writer->f.ttl;
	}
	if (writer->f.eth_type == RTE_BE16(ETH_IPV6) && writer->f.proto == IPPROTO_ICMPV6 &&
		(type == ND_SOLICITATION || type == ND_ADVERTISEMENT)) {
		return UINT8_MAX;
	}
	return TTL_DEFAULT;
}

static void
add_ip4(struct writer *writer)
{
	const uint32_t l3 = writer->len;
	uint8_t *ip = add(writer, 20);

	ip[0] = 0x45;
	ip[1] = writer->f.tos;
	if (writer->f.frag == FIELDS_FRAG_FIRST) {
		store_be16(ip + 6, FRAG_MORE);
	} else if (writer->f.frag == FIELDS_FRAG_LATER) {
		store_be16(ip + 6, FRAG_LATER_AT);
	}
	ip[8] = ttl_of(writer);
	ip[9] = writer->f.proto;
	memcpy(ip + 12, &writer->f.ip4_src, 4);
	memcpy(ip + 16, &writer->f.ip4_dst, 4);
	add_l4(writer);
	store_be16(ip + 2, (uint16_t)(writer->len - l3));
	store16(ip + 10, (uint16_t)~inet_fold(sum_of(ip, 20)));
}

static void
add_ip6(struct writer *writer)
{
	const uint32_t l3 = writer->len;
	uint8_t *ip = add(writer, 40);
	uint32_t first;

	memcpy(&first, &writer->f.ip6_label, sizeof(first));
	first |= rte_cpu_to_be_32(6U << 28 | (uint32_t)writer->f.tos << 20);
	memcpy(ip, &first, sizeof(first));
	ip[6] = writer->f.proto;
	ip[7] = ttl_of(writer);
	memcpy(ip + 8, writer->f.ip6_src, 16);
	memcpy(ip + 24, writer->f.ip6_dst, 16);
	if (writer->f.frag != FIELDS_FRAG_NONE) {
		uint8_t *fragment = add(writer, 8); /* RFC 8200, 4.5 */

		ip[6] = IPPROTO_FRAGMENT;
		fragment[0] = writer->f.proto;
		store_be16(
			fragment + 2, writer->f.frag == FIELDS_FRAG_LATER ? FRAG_LATER_AT << 3 : 1);
	}
	add_l4(writer);
	store_be16(ip + 4, (uint16_t)(writer->len - l3 - 40));
}

/* RFC 826: Ethernet and IPv4. */
static void
add_arp(struct writer *writer)
{
	add_be16(writer, 1);
	add_be16(writer, ETH_IPV4);
	add_be16(writer, 6 << 8 | 4);
	add_be16(writer, writer->f.proto);
	add_bytes(writer, writer->f.arp_sha, 6);
	add_bytes(writer, &writer->f.ip4_src, 4);
	add_bytes(writer, writer->f.arp_tha, 6);
	add_bytes(writer, &writer->f.ip4_dst, 4);
}

/* --- a frame -----------------------------------------------------------------------------------
 */

static int
describe(struct writer *writer, struct err *err)
{
	for (uint64_t left = writer->rule->present; left != 0; left &= left - 1) {
		const enum flow_field field = (enum flow_field)__builtin_ctzll(left);

		if (field >= FLOW_TUNNEL_ID) {
			return err_set(err, ERR_INVALID, "flow",
				"%s is not in a frame: a switch sets it on the way",
				flow_fields[field].word);
		}
		if (field != FLOW_IN_PORT) {
			flow_place_put(&writer->f, field, writer->rule->terms[field].value);
		}
	}
	/* "later" is one bit of a rule, two of a frame. */
	if ((writer->f.frag & FIELDS_FRAG_LATER & ~FIELDS_FRAG_FIRST) != 0) {
		writer->f.frag = FIELDS_FRAG_LATER;
	}
	if (!flow_rule_has(writer->rule, FLOW_ETH_TYPE)) {
		writer->f.eth_type = RTE_BE16(ETH_DEFAULT);
	}
	return 0;
}

static void
add_tag(struct writer *writer, uint16_t tci)
{
	if (tci != 0) {
		add_be16(writer, ETH_TPID_CTAG);
		add_be16(writer, rte_be_to_cpu_16(tci) & (uint16_t)~FIELDS_TAG_PRESENT);
	}
}

int
trace_frame_make(const struct flow_rule *rule, uint8_t frame[TRACE_FRAME_SIZE], struct err *err)
{
	struct writer writer = {.rule = rule, .frame = frame};
	uint16_t type;
	int rc = describe(&writer, err);

	if (rc != 0) {
		return rc;
	}
	memset(frame, 0, TRACE_FRAME_SIZE);
	type = rte_be_to_cpu_16(writer.f.eth_type);
	add_bytes(&writer, writer.f.eth_dst, 6);
	add_bytes(&writer, writer.f.eth_src, 6);
	add_tag(&writer, writer.f.vlan_tci);
	add_tag(&writer, writer.f.inner_tci);
	/* Without a type it is a length (IEEE 802.3), of an empty LLC frame. */
	add_be16(&writer, type == FIELDS_ETH_TYPE_NONE ? 0 : type);
	if (type == ETH_IPV4) {
		add_ip4(&writer);
	} else if (type == ETH_IPV6) {
		add_ip6(&writer);
	} else if (type == ETH_ARP) {
		add_arp(&writer);
	}
	return (int)(writer.len < ETH_LEN_MIN ? ETH_LEN_MIN : writer.len);
}
