/* SPDX-License-Identifier: BSD-3-Clause */
/* Edits of a packet by its program. */
#include <assert.h>

#include "datapath/pipe/act_priv.h"

/* What is staged goes out, so that nobody refers to the packet; the caller lets go for a while. */
static void
edit_begin(struct play *play) ON_WORKER
{
	struct pkt *pkt = play->pkt;

	if (pkt->n_out > 1) {
		stage_flush(&play->burst->stage);
	}
	assert(pkt->n_out == 1);
	pkt->n_out = 0;
	pkt->hash = 0;
	if (!play->parsed) {
		struct edit_layout layout;
		struct parsed parsed;

		parse_pkt(pkt, PARSE_L4, &parsed);
		edit_layout_of(&parsed, pkt->head, pkt->head_len, &layout);
		edit_pkt(&play->edit, pkt, &layout);
		play->parsed = true;
	}
}

static void
edit_end(struct play *play, enum edit_result result)
{
	play->pkt->n_out = 1;
	if (result == EDIT_EXPIRED) {
		play_stop(play, DROP_TTL_EXPIRED);
	} else if (result == EDIT_REFUSED) {
		play_stop(play, DROP_EDIT_REFUSED);
	}
}

/* Bytes of a field under the action's mask: the new ones where it has bits. */
static void
blend(uint8_t *bytes, const uint8_t *old, const struct action *action, size_t offset, size_t size)
{
	const uint8_t *words = (const uint8_t *)action->words;

	/* Value and mask come word by word. */
	for (size_t i = 0; i < size; i++) {
		const size_t word = (offset + i) / sizeof(uint64_t);
		const size_t byte = (offset + i) % sizeof(uint64_t);
		const uint8_t value = words[2 * word * sizeof(uint64_t) + byte];
		const uint8_t mask = words[(2 * word + 1) * sizeof(uint64_t) + byte];

		bytes[i] = (uint8_t)((old[i] & ~mask) | (value & mask));
	}
}

/* Where a field of the layout lies in its first word. */
#define IN_WORD(field) (offsetof(struct fields, field) % sizeof(uint64_t))

static enum edit_result
set_mac(struct edit *edit, const struct action *action)
{
	const bool dst = action->arg == ACTION_ETH_DST;
	uint8_t mac[RTE_ETHER_ADDR_LEN];

	blend(mac, edit->head + (dst ? 0 : RTE_ETHER_ADDR_LEN), action, 0, sizeof(mac));
	return dst ? edit_set_eth_dst(edit, mac) : edit_set_eth_src(edit, mac);
}

static bool
is_tagged(const struct edit *edit)
{
	return edit->pkt->head_len >= RTE_ETHER_HDR_LEN + VLAN_TAG_LEN &&
		eth_is_vlan(load_be16(edit->head + 2 * RTE_ETHER_ADDR_LEN));
}

static enum edit_result
set_tag(struct edit *edit, const struct action *action)
{
	const uint8_t none[2] = {0};
	const bool tagged = is_tagged(edit);
	uint8_t tci[2];

	if (action->number == 0 && !tagged) {
		return EDIT_ABSENT;
	}
	blend(tci, tagged ? edit->head + RTE_ETHER_HDR_LEN : none, action, IN_WORD(vlan_tci),
		sizeof(tci));
	if (action->arg == ACTION_VLAN_VID) {
		return edit_set_vid(edit, load_be16(tci) & VLAN_ID_MASK);
	}
	return edit_set_pcp(edit, (uint8_t)(tci[0] >> 5));
}

static enum edit_result
set_ip4(struct edit *edit, const struct action *action)
{
	const bool src = action->arg == ACTION_IP4_SRC;
	const size_t place = src ? IN_WORD(ip4_src) : IN_WORD(ip4_dst);
	uint8_t addr[4];

	if (edit->at.l3_kind != EDIT_L3_IPV4) {
		return EDIT_ABSENT;
	}
	blend(addr, edit->head + edit->at.l3 + (src ? 12 : 16), action, place, sizeof(addr));
	return src ? edit_set_ip4_src(edit, load32(addr)) : edit_set_ip4_dst(edit, load32(addr));
}

static enum edit_result
set_ip6(struct edit *edit, const struct action *action)
{
	const bool src = action->arg == ACTION_IP6_SRC;
	uint8_t addr[16];

	if (edit->at.l3_kind != EDIT_L3_IPV6) {
		return EDIT_ABSENT;
	}
	blend(addr, edit->head + edit->at.l3 + (src ? 8 : 24), action, 0, sizeof(addr));
	return src ? edit_set_ip6_src(edit, addr) : edit_set_ip6_dst(edit, addr);
}

static enum edit_result
set_port(struct edit *edit, const struct action *action)
{
	const bool src = action->arg == ACTION_L4_SRC;
	const size_t place = src ? IN_WORD(l4_src) : IN_WORD(l4_dst);
	uint8_t port[2];

	if (edit->at.l4 == 0 || edit->at.l4 + 4U > edit->bound) {
		return EDIT_ABSENT;
	}
	blend(port, edit->head + edit->at.l4 + (src ? 0 : 2), action, place, sizeof(port));
	return src ? edit_set_l4_src(edit, load16(port)) : edit_set_l4_dst(edit, load16(port));
}

/* TOS and TTL, or traffic class and hop limit (RFC 791, 3.1; RFC 8200, section 3). */
static enum edit_result
set_ip_byte(struct edit *edit, const struct action *action)
{
	const uint8_t *ip = edit->head + edit->at.l3;
	const bool v4 = edit->at.l3_kind == EDIT_L3_IPV4;
	uint8_t old;
	uint8_t new;

	if (!v4 && edit->at.l3_kind != EDIT_L3_IPV6) {
		return EDIT_ABSENT;
	}
	if (action->arg == ACTION_IP_TTL) {
		old = ip[v4 ? 8 : 7];
		blend(&new, &old, action, IN_WORD(ttl), sizeof(new));
		return edit_set_ttl(edit, new);
	}
	old = v4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	blend(&new, &old, action, IN_WORD(tos), sizeof(new));
	if (action->arg == ACTION_IP_DSCP) {
		return edit_set_tos(edit, new &EDIT_TOS_DSCP, EDIT_TOS_DSCP);
	}
	return edit_set_tos(edit, new &EDIT_TOS_ECN, EDIT_TOS_ECN);
}

static enum edit_result
set_field(struct edit *edit, const struct action *action)
{
	switch ((enum action_field)action->arg) {
	case ACTION_ETH_SRC:
	case ACTION_ETH_DST:
		return set_mac(edit, action);
	case ACTION_VLAN_VID:
	case ACTION_VLAN_PCP:
		return set_tag(edit, action);
	case ACTION_IP4_SRC:
	case ACTION_IP4_DST:
		return set_ip4(edit, action);
	case ACTION_IP6_SRC:
	case ACTION_IP6_DST:
		return set_ip6(edit, action);
	case ACTION_IP_DSCP:
	case ACTION_IP_ECN:
	case ACTION_IP_TTL:
		return set_ip_byte(edit, action);
	case ACTION_L4_SRC:
	case ACTION_L4_DST:
		return set_port(edit, action);
	default:
		return EDIT_ABSENT; /* a register */
	}
}

void
act_edit(struct play *play, const struct action *action)
{
	struct edit *edit = &play->edit;
	enum edit_result result;

	edit_begin(play);
	switch (action->code) {
	case ACTION_PUSH_VLAN:
		result = edit_push_vlan(edit, action->arg, 0);
		break;
	case ACTION_POP_VLAN:
		result = edit_pop_vlan(edit);
		break;
	case ACTION_DEC_TTL:
		result = edit_dec_ttl(edit);
		break;
	default:
		result = set_field(edit, action);
		break;
	}
	edit_end(play, result);
}

void
act_edit_prepare(struct play *play)
{
	edit_begin(play);
	edit_end(play, EDIT_ABSENT);
}
