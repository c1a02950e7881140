/* SPDX-License-Identifier: BSD-3-Clause */
/* The edits: on the list of fields, and the calls that do the same to a frame. */
#include <string.h>

#include "datapath/core/edit_model.h"
#include "datapath/core/headers.h"

static bool
is_ip(const struct model *m)
{
	return m->l3 == EDIT_L3_IPV4 || m->l3 == EDIT_L3_IPV6;
}

/* The transport header is there, but not as far as its checksum. */
static bool
sum_cut_off(const struct model *m)
{
	return m->frag == FIELDS_FRAG_FIRST &&
		((m->proto == MODEL_TCP && m->cut < 18) || (m->proto == MODEL_SCTP && m->cut < 12));
}

static enum edit_result
edit_address(const struct model *m, enum edit_l3 l3, uint8_t *addr, const uint8_t *value)
{
	if (m->l3 != l3) {
		return EDIT_ABSENT;
	}
	if (m->proto == MODEL_TCP && sum_cut_off(m) && l3 != EDIT_L3_ARP &&
		(addr == m->src || m->routing != MODEL_ROUTING_LEFT)) {
		return EDIT_REFUSED;
	}
	memcpy(addr, value, l3 == EDIT_L3_IPV6 ? 16 : 4);
	return EDIT_DONE;
}

static enum edit_result
edit_tag(struct model *m, uint32_t clear, uint32_t set)
{
	if (m->n_tags == 0) {
		struct model_value value = {.number = set};

		return model_edit(m, OP_PUSH, &value);
	}
	m->tci[0] = (uint16_t)((m->tci[0] | clear) - clear + set);
	return EDIT_DONE;
}

static enum edit_result
edit_stack(struct model *m, enum model_op op, const struct model_value *value)
{
	if (op == OP_POP) {
		if (m->n_tags == 0) {
			return EDIT_ABSENT;
		}
		m->n_tags--;
		memmove(m->tpid, m->tpid + 1, m->n_tags * sizeof(m->tpid[0]));
		memmove(m->tci, m->tci + 1, m->n_tags * sizeof(m->tci[0]));
		m->headroom += 4;
		return EDIT_DONE;
	}
	if (m->headroom < 4) {
		return EDIT_REFUSED;
	}
	memmove(m->tpid + 1, m->tpid, m->n_tags * sizeof(m->tpid[0]));
	memmove(m->tci + 1, m->tci, m->n_tags * sizeof(m->tci[0]));
	m->tpid[0] = value->number >> 16 != 0 ? 0x88a8 : 0x8100;
	m->tci[0] = (uint16_t)value->number;
	m->n_tags++;
	m->headroom -= 4;
	return EDIT_DONE;
}

static enum edit_result
edit_l3(struct model *m, enum model_op op, uint32_t number)
{
	if (!is_ip(m) || (op == OP_LABEL && m->l3 != EDIT_L3_IPV6)) {
		return EDIT_ABSENT;
	}
	switch (op) {
	case OP_DSCP:
		m->tos = (uint8_t)(number % 64 * 4 + m->tos % 4);
		break;
	case OP_ECN:
		m->tos = (uint8_t)(m->tos / 4 * 4 + number % 4);
		break;
	case OP_TOS:
		m->tos = (uint8_t)number;
		break;
	case OP_LABEL:
		m->label = number % (1U << 20);
		break;
	case OP_TTL:
		m->ttl = (uint8_t)number;
		break;
	default:
		if (m->ttl <= 1) {
			return EDIT_EXPIRED;
		}
		m->ttl--;
		break;
	}
	return EDIT_DONE;
}

static enum edit_result
edit_l4(struct model *m, enum model_op op, uint32_t number)
{
	bool ports = op == OP_L4_SRC || op == OP_L4_DST;
	bool has = m->proto == MODEL_TCP || m->proto == MODEL_UDP || m->proto == MODEL_UDPLITE ||
		m->proto == MODEL_DCCP || m->proto == MODEL_SCTP;
	bool icmp = (m->l3 == EDIT_L3_IPV4 && m->proto == MODEL_ICMP) ||
		(m->l3 == EDIT_L3_IPV6 && m->proto == MODEL_ICMP6);

	if (!is_ip(m) || m->frag == FIELDS_FRAG_LATER || (ports ? !has : !icmp)) {
		return EDIT_ABSENT;
	}
	if (sum_cut_off(m) ||
		(m->proto == MODEL_SCTP && m->frag == FIELDS_FRAG_FIRST && !m->no_sum)) {
		return EDIT_REFUSED;
	}
	switch (op) {
	case OP_L4_SRC:
		m->sport = (uint16_t)number;
		break;
	case OP_L4_DST:
		m->dport = (uint16_t)number;
		break;
	case OP_TYPE:
		m->type = (uint8_t)number;
		break;
	default:
		m->code = (uint8_t)number;
		break;
	}
	return EDIT_DONE;
}

static enum edit_result
edit_nd(struct model *m, enum model_op op, const uint8_t *bytes)
{
	unsigned int room = m->frag == FIELDS_FRAG_FIRST ? m->cut : 24 + 8 * m->n_opts;

	if (m->l3 != EDIT_L3_IPV6 || m->proto != MODEL_ICMP6 || !m->nd ||
		m->frag == FIELDS_FRAG_LATER || m->code != 0 ||
		(m->type != 135 && m->type != 136) || room < 24) {
		return EDIT_ABSENT;
	}
	if (op == OP_TARGET) {
		memcpy(m->target, bytes, 16);
		return EDIT_DONE;
	}
	for (unsigned int i = 0; i < m->n_opts && 24 + 8 * (i + 1) <= room; i++) {
		if (m->opt_type[i] == (op == OP_SLL ? 1 : 2)) {
			memcpy(m->opt_mac[i], bytes, 6);
			return EDIT_DONE;
		}
	}
	return EDIT_ABSENT;
}

static enum edit_result
edit_bytes(const struct model *m, enum edit_l3 l3, uint8_t *to, const uint8_t *from)
{
	if (l3 != EDIT_L3_NONE && m->l3 != l3) {
		return EDIT_ABSENT;
	}
	memcpy(to, from, 6);
	return EDIT_DONE;
}

enum edit_result
model_edit(struct model *m, enum model_op op, const struct model_value *value)
{
	switch (op) {
	case OP_ETH_DST:
		return edit_bytes(m, EDIT_L3_NONE, m->eth_dst, value->bytes);
	case OP_ETH_SRC:
		return edit_bytes(m, EDIT_L3_NONE, m->eth_src, value->bytes);
	case OP_PUSH:
	case OP_POP:
		return edit_stack(m, op, value);
	case OP_VID:
		return edit_tag(m, 0x0fff, value->number % 4096);
	case OP_PCP:
		return edit_tag(m, 0xe000, value->number % 8 * 8192);
	case OP_IP4_SRC:
		return edit_address(m, EDIT_L3_IPV4, m->src, value->bytes);
	case OP_IP4_DST:
		return edit_address(m, EDIT_L3_IPV4, m->dst, value->bytes);
	case OP_IP6_SRC:
		return edit_address(m, EDIT_L3_IPV6, m->src, value->bytes);
	case OP_IP6_DST:
		return edit_address(m, EDIT_L3_IPV6, m->dst, value->bytes);
	case OP_ARP_SPA:
		return edit_address(m, EDIT_L3_ARP, m->src, value->bytes);
	case OP_ARP_TPA:
		return edit_address(m, EDIT_L3_ARP, m->dst, value->bytes);
	case OP_ARP_SHA:
		return edit_bytes(m, EDIT_L3_ARP, m->arp_sha, value->bytes);
	case OP_ARP_THA:
		return edit_bytes(m, EDIT_L3_ARP, m->arp_tha, value->bytes);
	case OP_ARP_OP:
		if (m->l3 != EDIT_L3_ARP) {
			return EDIT_ABSENT;
		}
		m->arp_op = (uint16_t)value->number;
		return EDIT_DONE;
	case OP_L4_SRC:
	case OP_L4_DST:
	case OP_TYPE:
	case OP_CODE:
		return edit_l4(m, op, value->number);
	case OP_TARGET:
	case OP_SLL:
	case OP_TLL:
		return edit_nd(m, op, value->bytes);
	default:
		return edit_l3(m, op, value->number);
	}
}

/* --- the real ones ------------------------------------------------------------------------- */

static uint32_t
be32_of(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, 4);
	return value;
}

static enum edit_result
apply_l3(struct edit *e, enum model_op op, const struct model_value *v)
{
	uint32_t number = v->number;

	switch (op) {
	case OP_IP4_SRC:
		return edit_set_ip4_src(e, be32_of(v->bytes));
	case OP_IP4_DST:
		return edit_set_ip4_dst(e, be32_of(v->bytes));
	case OP_IP6_SRC:
		return edit_set_ip6_src(e, v->bytes);
	case OP_IP6_DST:
		return edit_set_ip6_dst(e, v->bytes);
	case OP_DSCP:
		return edit_set_tos(e, (uint8_t)(number << 2), EDIT_TOS_DSCP);
	case OP_ECN:
		return edit_set_tos(e, number & 3, EDIT_TOS_ECN);
	case OP_TOS:
		return edit_set_tos(e, (uint8_t)number, EDIT_TOS_DSCP | EDIT_TOS_ECN);
	case OP_TTL:
		return edit_set_ttl(e, (uint8_t)number);
	case OP_DEC_TTL:
		return edit_dec_ttl(e);
	case OP_LABEL:
		return edit_set_ip6_label(e, rte_cpu_to_be_32(number & 0xfffff));
	case OP_ARP_OP:
		return edit_set_arp_op(e, rte_cpu_to_be_16((uint16_t)number));
	case OP_ARP_SHA:
		return edit_set_arp_sha(e, v->bytes);
	case OP_ARP_SPA:
		return edit_set_arp_spa(e, be32_of(v->bytes));
	case OP_ARP_THA:
		return edit_set_arp_tha(e, v->bytes);
	default:
		return edit_set_arp_tpa(e, be32_of(v->bytes));
	}
}

enum edit_result
model_apply(struct edit *e, enum model_op op, const struct model_value *v)
{
	uint32_t number = v->number;

	switch (op) {
	case OP_ETH_DST:
		return edit_set_eth_dst(e, v->bytes);
	case OP_ETH_SRC:
		return edit_set_eth_src(e, v->bytes);
	case OP_PUSH:
		return edit_push_vlan(
			e, number >> 16 != 0 ? ETH_TPID_STAG : ETH_TPID_CTAG, (uint16_t)number);
	case OP_POP:
		return edit_pop_vlan(e);
	case OP_VID:
		return edit_set_vid(e, number & VLAN_ID_MASK);
	case OP_PCP:
		return edit_set_pcp(e, number & 7);
	case OP_L4_SRC:
		return edit_set_l4_src(e, rte_cpu_to_be_16((uint16_t)number));
	case OP_L4_DST:
		return edit_set_l4_dst(e, rte_cpu_to_be_16((uint16_t)number));
	case OP_TYPE:
		return edit_set_icmp_type(e, (uint8_t)number);
	case OP_CODE:
		return edit_set_icmp_code(e, (uint8_t)number);
	case OP_TARGET:
		return edit_set_nd_target(e, v->bytes);
	case OP_SLL:
		return edit_set_nd_sll(e, v->bytes);
	case OP_TLL:
		return edit_set_nd_tll(e, v->bytes);
	default:
		return apply_l3(e, op, v);
	}
}
