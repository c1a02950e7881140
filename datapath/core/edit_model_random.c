/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames and values at random. */
#include <stddef.h>
#include <string.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/edit_model.h"

static bool
one_in(uint64_t *random, uint32_t n)
{
	return random_below(random, n) == 0;
}

void
model_fill(uint64_t *random, uint8_t *bytes, uint32_t len)
{
	uint32_t kind = random_below(random, 6);

	for (uint32_t i = 0; i < len; i++) {
		bytes[i] = kind == 0 ? 0
			: kind == 1  ? 0xff
			: kind == 2  ? (i / 2 % 2 != 0 ? 0xff : 0)
				     : (uint8_t)random_below(random, 256);
	}
}

static uint16_t
word(uint64_t *random)
{
	uint8_t bytes[2];

	model_fill(random, bytes, 2);
	return (uint16_t)(bytes[0] * 256 + bytes[1]);
}

static void
model_random_proto(uint64_t *random, struct model *m)
{
	static const uint8_t protos[] = {MODEL_TCP, MODEL_TCP, MODEL_UDP, MODEL_UDP, MODEL_SCTP,
		MODEL_UDPLITE, MODEL_DCCP, MODEL_ICMP, MODEL_ICMP6, MODEL_ICMP6, MODEL_OTHER};

	m->proto = protos[random_below(random, sizeof(protos))];
	if ((m->proto == MODEL_ICMP && m->l3 == EDIT_L3_IPV6) ||
		(m->proto == MODEL_ICMP6 && m->l3 == EDIT_L3_IPV4)) {
		m->proto = m->proto == MODEL_ICMP ? MODEL_ICMP6 : MODEL_ICMP;
	}
	m->sport = word(random);
	m->dport = word(random);
	m->tcp_options = 4 * random_below(random, 11);
	m->type = (uint8_t)random_below(random, 135);
	m->code = (uint8_t)random_below(random, 3);
	if (m->proto == MODEL_ICMP6 && one_in(random, 2)) {
		m->nd = true;
		m->type = (uint8_t)(135 + random_below(random, 2));
		m->code = 0;
		model_fill(random, m->target, 16);
		m->n_opts = random_below(random, 4);
		for (unsigned int i = 0; i < m->n_opts; i++) {
			m->opt_type[i] = (uint8_t)(1 + random_below(random, 3));
			model_fill(random, m->opt_mac[i], 6);
		}
	}
	m->payload_len = random_below(random, one_in(random, 50) ? 1200 : 60);
	model_fill(random, m->payload, m->payload_len);
}

static uint32_t
message_len(const struct model *m)
{
	struct model whole = *m;
	struct model_built built;
	uint8_t bytes[MODEL_FRAME];

	whole.padding = 0;
	model_build(&whole, bytes, &built);
	return built.len - built.at.l4;
}

void
model_random(uint64_t *random, struct model *m)
{
	uint32_t len;

	memset(m, 0, offsetof(struct model, payload));
	model_fill(random, m->eth_dst, 6);
	model_fill(random, m->eth_src, 6);
	m->n_tags = random_below(random, 3);
	for (unsigned int i = 0; i < m->n_tags; i++) {
		m->tpid[i] = one_in(random, 2) ? 0x8100 : 0x88a8;
		m->tci[i] = word(random);
	}
	m->l3 = one_in(random, 12)  ? EDIT_L3_NONE
		: one_in(random, 8) ? EDIT_L3_ARP
		: one_in(random, 2) ? EDIT_L3_IPV4
				    : EDIT_L3_IPV6;
	model_fill(random, m->src, 16);
	model_fill(random, m->dst, 16);
	model_fill(random, m->arp_sha, 6);
	model_fill(random, m->arp_tha, 6);
	m->arp_op = word(random);
	m->padding = one_in(random, 3) ? random_below(random, 20) : 0;
	m->headroom = random_below(random, 17);
	if (m->l3 == EDIT_L3_NONE || m->l3 == EDIT_L3_ARP) {
		return;
	}
	m->tos = (uint8_t)random_below(random, 256);
	m->ttl = (uint8_t)random_below(random, one_in(random, 3) ? 3 : 256);
	m->id = word(random);
	if (m->l3 == EDIT_L3_IPV4) {
		m->options = one_in(random, 3) ? 4 * random_below(random, 11) : 0;
		m->ip_damage = one_in(random, 10) ? (uint8_t)random_below(random, 256) : 0;
	} else {
		m->label = random_below(random, 1U << 20);
		m->hop_options = one_in(random, 5);
		m->dst_options = one_in(random, 5);
		m->routing = (enum model_routing)(one_in(random, 3) ? random_below(random, 3) : 0);
		model_fill(random, m->last_hop, 16);
	}
	model_random_proto(random, m);
	m->no_sum = one_in(random, 4) && (m->proto == MODEL_UDP || m->proto == MODEL_SCTP);
	m->damage = one_in(random, 10) ? (uint8_t)random_below(random, 256) : 0;
	len = message_len(m);
	if (one_in(random, 4) && len > 8) {
		m->cut = 8 + 8 * random_below(random, (len - 1) / 8);
		/* A checksum in a later fragment could not follow: its first fragment is refused.
		 */
		m->frag = m->cut < 24 || one_in(random, 2) ? FIELDS_FRAG_FIRST : FIELDS_FRAG_LATER;
		m->dst_options = false;
	} else {
		m->partial = one_in(random, 3) && !m->no_sum && m->proto != MODEL_SCTP &&
			m->proto != MODEL_ICMP && m->proto != MODEL_OTHER;
	}
}

struct model_value
model_value_random(uint64_t *random, const struct model *m, enum model_op op)
{
	struct model_value value;

	model_fill(random, value.bytes, 16);
	value.number = word(random);
	if (op == OP_PUSH) {
		value.number |= random_below(random, 2) << 16;
	} else if (op == OP_LABEL) {
		value.number |= random_below(random, 16) << 16;
	} else if (op == OP_TYPE && !m->nd) {
		value.number %= 128; /* no neighbour discovery where there is none */
	}
	return value;
}
