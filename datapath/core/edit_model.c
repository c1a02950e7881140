/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/edit_model.h"

#include <string.h>

#include "datapath/core/inet_model.h"

static void
put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value / 256 % 256);
	to[1] = (uint8_t)(value % 256);
}

uint32_t
model_crc32c(const uint8_t *bytes, uint32_t len)
{
	uint32_t crc = 0xffffffff;

	for (uint32_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = crc % 2 != 0 ? crc / 2 ^ 0x82f63b78 : crc / 2;
		}
	}
	return ~crc;
}

static uint32_t
message_header(const struct model *m, uint32_t payload, uint8_t *msg)
{
	uint32_t len;

	switch (m->proto) {
	case MODEL_TCP:
		len = 20 + m->tcp_options;
		memset(msg, 1, len);
		msg[12] = (uint8_t)(len / 4 * 16);
		break;
	case MODEL_UDP:
	case MODEL_UDPLITE:
		len = 8;
		put16(msg + 4, m->proto == MODEL_UDP ? len + payload : 0);
		break;
	case MODEL_DCCP:
		len = 12;
		memset(msg, 0, len);
		msg[4] = 3;
		msg[8] = 4;
		break;
	case MODEL_SCTP:
		len = 12;
		memset(msg, 0x5a, 8);
		break;
	case MODEL_ICMP:
	case MODEL_ICMP6:
		memset(msg, 0x21, 8);
		msg[0] = m->type;
		msg[1] = m->code;
		if (!m->nd) {
			return 8;
		}
		memcpy(msg + 8, m->target, 16);
		len = 24;
		for (unsigned int i = 0; i < m->n_opts; i++, len += 8) {
			msg[len] = m->opt_type[i];
			msg[len + 1] = 1;
			memcpy(msg + len + 2, m->opt_mac[i], 6);
		}
		return len;
	default:
		return 0;
	}
	put16(msg, m->sport);
	put16(msg + 2, m->dport);
	return len;
}

/* The sum of what the transport checksum covers besides the message; 0 for none. */
static uint64_t
pseudo_sum(const struct model *m, uint32_t len)
{
	const uint8_t *dst = m->routing == MODEL_ROUTING_LEFT ? m->last_hop : m->dst;
	uint32_t size = m->l3 == EDIT_L3_IPV4 ? 4 : 16;

	if (m->proto == MODEL_ICMP) {
		return 0;
	}
	return (uint64_t)inet_sum(m->src, size, 0) + inet_sum(dst, size, 0) + len + m->proto;
}

/* The whole transport message; returns its length and where its payload starts. */
static uint32_t
message(const struct model *m, uint8_t *msg, uint32_t *header, struct model_built *built)
{
	uint32_t payload = m->nd ? 0 : m->payload_len;
	uint32_t field = m->proto == MODEL_TCP                                                 ? 16
		: m->proto == MODEL_SCTP                                                       ? 8
		: m->proto == MODEL_UDP || m->proto == MODEL_UDPLITE || m->proto == MODEL_DCCP ? 6
											       : 2;
	uint64_t pseudo;
	uint32_t len;

	*header = message_header(m, payload, msg);
	len = *header + payload;
	memcpy(msg + *header, m->payload, payload);
	if (*header == 0) {
		return len;
	}
	if (m->proto == MODEL_SCTP) {
		uint32_t crc;

		memset(msg + 8, 0, 4);
		crc = m->no_sum ? 0 : model_crc32c(msg, len);
		for (int i = 0; i < 4; i++) {
			msg[8 + i] = (uint8_t)(crc >> 8 * i);
		}
		return len;
	}
	put16(msg + field, 0);
	pseudo = pseudo_sum(m, len);
	built->l4_sum = (uint16_t)(65535 - inet_sum(msg, len, pseudo));
	if (m->partial) {
		put16(msg + field, inet_sum(NULL, 0, pseudo));
		built->ol =
			(struct pkt_offload){.flags = PKT_OL_CSUM, .csum_offset = (uint16_t)field};
	} else if (m->proto != MODEL_UDP || !m->no_sum) {
		bool udp = m->proto == MODEL_UDP || m->proto == MODEL_UDPLITE;

		put16(msg + field, built->l4_sum == 0 && udp ? 65535U : built->l4_sum);
	}
	return len;
}

static uint32_t
build_ip4(const struct model *m, uint32_t part, uint8_t *ip, struct model_built *built)
{
	uint32_t len = 20 + m->options;

	memset(ip, 1, len);
	ip[0] = (uint8_t)(0x40 + len / 4);
	ip[1] = m->tos;
	put16(ip + 2, len + part);
	put16(ip + 4, m->id);
	put16(ip + 6,
		m->frag == FIELDS_FRAG_NONE            ? 0x4000
			: m->frag == FIELDS_FRAG_FIRST ? 0x2000
						       : m->cut / 8);
	ip[8] = m->ttl;
	ip[9] = m->proto;
	put16(ip + 10, 0);
	memcpy(ip + 12, m->src, 4);
	memcpy(ip + 16, m->dst, 4);
	built->ip_sum = (uint16_t)(65535 - inet_sum(ip, len, 0));
	put16(ip + 10, built->ip_sum);
	ip[4] ^= m->ip_damage;
	return len;
}

/* An extension header; returns where the next header's number goes. */
static uint8_t *
extension(uint8_t *ip, uint32_t *len, uint8_t *next, uint8_t number, uint32_t size)
{
	uint8_t *header = ip + *len;

	*next = number;
	memset(header, 0, size);
	header[1] = (uint8_t)(size / 8 - 1);
	*len += size;
	return header;
}

static uint32_t
build_ip6(const struct model *m, uint32_t part, uint8_t *ip)
{
	uint32_t len = 40;
	uint8_t *next = ip + 6;

	ip[0] = (uint8_t)(0x60 + m->tos / 16);
	ip[1] = (uint8_t)(m->tos % 16 * 16 + m->label / 65536);
	put16(ip + 2, m->label % 65536);
	ip[7] = m->ttl;
	memcpy(ip + 8, m->src, 16);
	memcpy(ip + 24, m->dst, 16);
	if (m->hop_options) {
		next = extension(ip, &len, next, 0, 8);
		next[2] = 1;
		next[3] = 4;
	}
	if (m->routing != MODEL_ROUTING_NONE) {
		next = extension(ip, &len, next, 43, 24);
		next[3] = m->routing == MODEL_ROUTING_LEFT;
		memcpy(next + 8, m->last_hop, 16);
	}
	if (m->frag != FIELDS_FRAG_NONE) {
		next = extension(ip, &len, next, 44, 8);
		put16(next + 2, m->frag == FIELDS_FRAG_FIRST ? 1 : m->cut);
	}
	/* Behind the fragment header, it is part of what is cut; only whole packets have it here.
	 */
	if (m->dst_options) {
		next = extension(ip, &len, next, 60, 8);
		next[2] = 1;
		next[3] = 4;
	}
	*next = m->proto;
	put16(ip + 4, len - 40 + part);
	return len;
}

static uint32_t
build_arp(const struct model *m, uint8_t *arp)
{
	static const uint8_t fixed[] = {0, 1, 8, 0, 6, 4};

	memcpy(arp, fixed, 6);
	put16(arp + 6, m->arp_op);
	memcpy(arp + 8, m->arp_sha, 6);
	memcpy(arp + 14, m->src, 4);
	memcpy(arp + 18, m->arp_tha, 6);
	memcpy(arp + 24, m->dst, 4);
	return 28;
}

static uint32_t
build_ethernet(const struct model *m, uint8_t *bytes)
{
	static const uint16_t types[] = {0x88b5, 0x0800, 0x86dd, 0x0806};
	uint32_t at = 12;

	memcpy(bytes, m->eth_dst, 6);
	memcpy(bytes + 6, m->eth_src, 6);
	for (unsigned int i = 0; i < m->n_tags; i++, at += 4) {
		put16(bytes + at, m->tpid[i]);
		put16(bytes + at + 2, m->tci[i]);
	}
	put16(bytes + at, types[m->l3]);
	return at + 2;
}

static void
build_message(const struct model *m, uint8_t *bytes, struct model_built *built)
{
	static uint8_t msg[MODEL_FRAME];
	uint32_t header;
	uint32_t len = message(m, msg, &header, built);
	uint32_t from = m->frag == FIELDS_FRAG_LATER ? m->cut : 0;
	uint32_t to = m->frag == FIELDS_FRAG_FIRST ? m->cut : len;
	uint8_t *ip = bytes + built->at.l3;

	built->at.l4 = (uint16_t)(built->at.l3 +
		(m->l3 == EDIT_L3_IPV4 ? build_ip4(m, to - from, ip, built)
				       : build_ip6(m, to - from, ip)));
	built->ol.csum_start = m->partial ? built->at.l4 : 0;
	memcpy(bytes + built->at.l4, msg + from, to - from);
	built->len = built->at.l4 + to - from;
	built->headers = built->at.l4;
	built->at.end = (uint16_t)built->len;
	if (m->frag == FIELDS_FRAG_LATER) {
		built->at.l4 = 0;
	} else {
		built->headers += header < to ? header : to;
		if (to > header) {
			bytes[built->len - 1] ^= m->damage;
		}
	}
}

void
model_build(const struct model *m, uint8_t *bytes, struct model_built *built)
{
	memset(built, 0, sizeof(*built));
	built->at.l3 = (uint16_t)build_ethernet(m, bytes);
	built->at.l3_kind = (uint8_t)m->l3;
	built->at.frag = (uint8_t)m->frag;
	built->at.proto = m->proto;
	built->at.flags = m->routing == MODEL_ROUTING_LEFT ? EDIT_ROUTED : 0;
	if (m->l3 == EDIT_L3_IPV4 || m->l3 == EDIT_L3_IPV6) {
		build_message(m, bytes, built);
	} else {
		built->len = built->at.l3 +
			(m->l3 == EDIT_L3_ARP ? build_arp(m, bytes + built->at.l3) : 0);
		built->headers = built->len;
		built->at.end = (uint16_t)built->len;
	}
	memset(bytes + built->len, 0xee, m->padding);
	built->len += m->padding;
}
