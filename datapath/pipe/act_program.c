/* SPDX-License-Identifier: BSD-3-Clause */
/* Carrying out a program on one packet. */
#include <assert.h>
#include <string.h>

#include "datapath/core/edit_layout.h"
#include "datapath/pipe/act.h"
#include "datapath/pipe/burst.h"
#include "datapath/pipe/flow_hash.h"

/* A packet and its program, half-way. */
struct play {
	struct burst *burst;
	const struct arrival *at;
	struct pkt *pkt;
	struct edit edit; /* valid if `parsed` */
	bool parsed;
	bool sent; /* at least one copy was staged, or lost at its output by name */
	bool dropped; /* no action may follow; `reason` says why */
	enum drop_reason reason; /* of a packet that was not sent */
};

static void
stop(struct play *play, enum drop_reason reason)
{
	play->dropped = true;
	play->reason = reason;
}

/* --- outputs -----------------------------------------------------------------------------------
 */

static void
emit(struct play *play, uint32_t id, const struct vlan_edit *edit, uint32_t max)
{
	const struct port_view *to = play->at->snap->ports[id];
	struct tx_stage *stage = &play->burst->stage;

	role_assert(&role_worker);
	if (to == NULL) {
		play->reason = DROP_NO_PORT;
		return;
	}
	play->sent = true;
	if (!act_may_leave(play->burst, play->at, to, play->pkt)) {
		return;
	}
	if (max != 0 && max < play->pkt->len) {
		stage_add_cut(stage, to, play->pkt, max);
	} else {
		stage_add(stage, to, play->pkt, edit);
	}
}

static void
deliver(struct play *play, const struct action *action)
{
	const struct port_view *to = play->at->snap->ports[action->number];
	struct vlan_frame frame;
	struct vlan_edit edit;

	if (to == NULL ||
		!vlan_ingress(&play->at->in->vlan, play->pkt->head, play->pkt->head_len, &frame)) {
		play->reason = DROP_VLAN_NOT_ALLOWED;
		return;
	}
	edit = vlan_egress(&to->vlan, &frame);
	emit(play, action->number, &edit, 0);
}

static void
spread(struct play *play, const struct action *action) ON_WORKER
{
	struct vlan_frame frame;

	if (!vlan_ingress(&play->at->in->vlan, play->pkt->head, play->pkt->head_len, &frame)) {
		play->reason = DROP_VLAN_NOT_ALLOWED;
		return;
	}
	if (act_spread(play->burst, play->at, play->pkt, &frame, (enum storm_kind)action->number,
		    &play->reason)) {
		play->sent = true;
	}
}

/* --- edits -------------------------------------------------------------------------------------
 */

/* Nothing that is staged refers to the packet any more but the caller, who lets go for a while. */
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
		stop(play, DROP_TTL_EXPIRED);
	} else if (result == EDIT_REFUSED) {
		stop(play, DROP_EDIT_REFUSED);
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
	uint8_t tci[2];

	if (action->number == 0 && !is_tagged(edit)) {
		return EDIT_ABSENT;
	}
	blend(tci, none, action, IN_WORD(vlan_tci), sizeof(tci));
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

static enum edit_result
set_field(struct edit *edit, const struct action *action)
{
	const uint8_t none[1] = {0};
	uint8_t byte[1];

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
		blend(byte, none, action, IN_WORD(tos), sizeof(byte));
		return edit_set_tos(edit, byte[0] & EDIT_TOS_DSCP, EDIT_TOS_DSCP);
	case ACTION_IP_ECN:
		blend(byte, none, action, IN_WORD(tos), sizeof(byte));
		return edit_set_tos(edit, byte[0] & EDIT_TOS_ECN, EDIT_TOS_ECN);
	case ACTION_IP_TTL:
		blend(byte, none, action, IN_WORD(ttl), sizeof(byte));
		return edit_set_ttl(edit, byte[0]);
	case ACTION_L4_SRC:
	case ACTION_L4_DST:
		return set_port(edit, action);
	default:
		return EDIT_ABSENT; /* a register */
	}
}

static void
run_edit(struct play *play, const struct action *action) ON_WORKER
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

/* --- meters, samples, punts --------------------------------------------------------------------
 */

static struct meter *
find_meter(const struct bridge_view *bridge, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = bridge->n_meters;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;

		if (bridge->meters[middle].id == id) {
			return bridge->meters[middle].meter;
		}
		if (bridge->meters[middle].id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

/* A meter that is not there limits nothing. */
static void
run_meter(struct play *play, const struct action *action)
{
	struct meter *meter = find_meter(play->at->bridge, action->number);

	if (meter != NULL && !meter_pass(meter, play->pkt->len, play->at->now->ns)) {
		stop(play, DROP_METERED);
	}
}

static void
run_punt(struct play *play, const struct action *action) ON_WORKER
{
	(void)punt_put(
		play->burst->punts, play->pkt, play->at->bridge->id, play->at->in->id, action);
}

static void
run_sample(struct play *play, const struct action *action) ON_WORKER
{
	uint64_t *random = &play->burst->random;

	*random ^= *random << 13; /* Marsaglia's xorshift64 */
	*random ^= *random >> 7;
	*random ^= *random << 17;
	if ((*random >> 20) % 65535 < action->arg) {
		run_punt(play, action);
	}
}

/* --- groups ------------------------------------------------------------------------------------
 */

static void run_bucket(struct play *play, const struct action_list *list) ON_WORKER;

static const struct group_view *
find_group(const struct bridge_view *bridge, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = bridge->n_groups;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;

		if (bridge->groups[middle]->id == id) {
			return bridge->groups[middle];
		}
		if (bridge->groups[middle]->id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

static bool
lives(const struct arrival *at, const struct bucket_view *bucket)
{
	const struct port_view *port;

	if (bucket->watch == 0) {
		return true;
	}
	port = at->snap->numbers[bucket->watch];
	return port != NULL && port->bridge == at->bridge->id && port->live;
}

/* splitmix64's finish */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/*
 * By weight among all, then, while that one is dead, among the others by another hash: who was
 * with a bucket that lives stays.
 */
static const struct bucket_view *
select_bucket(const struct arrival *at, const struct group_view *group, uint32_t hash)
{
	uint64_t out = 0; /* buckets that are out of the draw */

	for (uint32_t draw = 0; draw < group->n_buckets; draw++) {
		uint64_t total = 0;
		uint64_t pick;
		uint32_t i;

		for (i = 0; i < group->n_buckets; i++) {
			total += (out >> i & 1) != 0 ? 0 : group->buckets[i].weight;
		}
		if (total == 0) {
			return NULL;
		}
		pick = mix(hash + (uint64_t)draw * UINT64_C(0x9e3779b97f4a7c15)) % total;
		for (i = 0; i < group->n_buckets; i++) {
			const uint64_t weight = (out >> i & 1) != 0 ? 0 : group->buckets[i].weight;

			if (pick < weight) {
				break;
			}
			pick -= weight;
		}
		if (lives(at, &group->buckets[i])) {
			return &group->buckets[i];
		}
		out |= UINT64_C(1) << i;
	}
	return NULL;
}

static bool
edits_frame(const struct action_list *list)
{
	for (const struct action *a = action_list_first(list); a < action_list_end(list);
		a = action_next(a)) {
		if (a->code == ACTION_SET || a->code == ACTION_PUSH_VLAN ||
			a->code == ACTION_POP_VLAN || a->code == ACTION_DEC_TTL) {
			return true;
		}
	}
	return false;
}

/* A bucket works on a copy: what it edits is as before afterwards. */
static void
run_copy(struct play *play, const struct action_list *list) ON_WORKER
{
	struct pkt *pkt = play->pkt;
	struct pkt before = *pkt;
	uint8_t head[PARSE_HEAD_MAX];
	const uint16_t n = RTE_MIN(before.head_len, (uint16_t)sizeof(head));

	if (!edits_frame(list)) {
		run_bucket(play, list);
		return;
	}
	if (!play->parsed) {
		edit_begin(play); /* it may pull the head longer, once for all buckets */
		edit_end(play, EDIT_ABSENT);
		before = *pkt;
	}
	memcpy(head, pkt->head, n);
	run_bucket(play, list);
	if (pkt->n_out > 1) {
		stage_flush(&play->burst->stage);
	}
	before.mbuf = pkt->mbuf;
	before.n_out = pkt->n_out;
	*pkt = before;
	memcpy(pkt->head, head, n);
	play->parsed = false;
}

static void
run_group(struct play *play, const struct action *action) ON_WORKER
{
	const struct group_view *group = find_group(play->at->bridge, action->number);
	const struct bucket_view *bucket = NULL;
	bool any = false;

	if (group == NULL) {
		play->reason = DROP_NO_BUCKET;
		return;
	}
	if (group->type == GROUP_SELECT) {
		bucket = select_bucket(play->at, group, flow_hash(play->pkt));
	}
	for (uint32_t i = 0; i < group->n_buckets; i++) {
		const struct bucket_view *one = &group->buckets[i];

		if (group->type == GROUP_SELECT ? one != bucket : !lives(play->at, one)) {
			continue;
		}
		any = true;
		run_copy(play, one->actions);
		if (group->type == GROUP_FAILOVER) {
			break;
		}
	}
	if (!any) {
		play->reason = DROP_NO_BUCKET;
	}
}

/* --- programs and lists ------------------------------------------------------------------------
 */

static const struct vlan_edit keep = {.op = VLAN_KEEP};

static void
run_action(struct play *play, const struct action *action) ON_WORKER
{
	switch ((enum action_code)action->code) {
	case ACTION_OUTPUT:
		emit(play, action->number, &keep, action->arg);
		break;
	case ACTION_DELIVER:
		deliver(play, action);
		break;
	case ACTION_SPREAD:
		spread(play, action);
		break;
	case ACTION_DROP:
		stop(play, (enum drop_reason)action->arg);
		break;
	case ACTION_METER:
		run_meter(play, action);
		break;
	case ACTION_GROUP:
		run_group(play, action);
		break;
	case ACTION_PUNT:
		run_punt(play, action);
		break;
	case ACTION_SAMPLE:
		run_sample(play, action);
		break;
	case ACTION_PUSH_VLAN:
	case ACTION_POP_VLAN:
	case ACTION_SET:
	case ACTION_DEC_TTL:
		run_edit(play, action);
		break;
	case ACTION_IN_PORT: /* the pipeline has made outputs of them */
	case ACTION_NORMAL:
	case ACTION_FLOOD:
	case ACTION_GOTO:
		assert(!"not in a program");
		break;
	}
}

/* An output of a bucket names a port by its number. */
static void
bucket_output(struct play *play, const struct action *action) ON_WORKER
{
	const struct port_view *in = play->at->in;
	const struct port_view *to = action->code == ACTION_IN_PORT ? in
		: action->number < DP_NUMBERS_MAX ? play->at->snap->numbers[action->number]
						  : NULL;

	if (to == NULL || to->bridge != play->at->bridge->id) {
		play->reason = DROP_NO_PORT;
	} else if (to == in && action->code != ACTION_IN_PORT) {
		play->reason = DROP_HAIRPIN;
	} else if (to != in && to->protected_port && in->protected_port) {
		play->reason = DROP_PROTECTED;
	} else {
		emit(play, to->id, &keep, action->arg);
	}
}

static void
run_bucket(struct play *play, const struct action_list *list)
{
	const bool was_sent = play->sent;

	play->reason = DROP_RULE;
	for (const struct action *a = action_list_first(list);
		a < action_list_end(list) && !play->dropped; a = action_next(a)) {
		if (a->code == ACTION_OUTPUT || a->code == ACTION_IN_PORT) {
			bucket_output(play, a);
		} else {
			run_action(play, a);
		}
	}
	/* A bucket that drops its copy drops no more than that. */
	play->dropped = false;
	play->sent = play->sent || was_sent;
}

void
act_program(struct burst *burst, const struct arrival *at, struct pkt *pkt,
	const struct program *program)
{
	struct play play = {.burst = burst, .at = at, .pkt = pkt, .reason = DROP_RULE};
	const struct action *action = program_first(program);

	/* Held, so that no flush in the middle gives the packet to an early output. */
	pkt->n_out++;
	for (uint16_t i = 0; i < program->n_actions && !play.dropped; i++) {
		run_action(&play, action);
		action = action_next(action);
	}
	pkt->n_out--;
	if (!play.sent) {
		port_drop(&burst->ports[at->in->id], play.reason, 1);
	}
}
