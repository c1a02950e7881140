/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups: which buckets a packet goes to, each with a copy of its own. */
#include <string.h>

#include "datapath/pipe/act_priv.h"
#include "datapath/pipe/flow_hash.h"

static const struct vlan_edit keep = {.op = VLAN_KEEP};

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
		act_emit(play, to->id, &keep, action->arg);
	}
}

static void
run_bucket(struct play *play, const struct action_list *list) ON_WORKER
{
	play->reason = DROP_RULE;
	for (const struct action *a = action_list_first(list);
		a < action_list_end(list) && !play->dropped; a = action_next(a)) {
		if (a->code == ACTION_OUTPUT || a->code == ACTION_IN_PORT) {
			bucket_output(play, a);
		} else {
			act_action(play, a);
		}
	}
	/* A bucket that drops its copy drops no more than that. */
	play->dropped = false;
}

/* A bucket works on a copy: what it edits is as before afterwards. */
static void
run_copy(struct play *play, const struct action_list *list) ON_WORKER
{
	struct pkt *pkt = play->pkt;
	struct pkt before;
	struct edit edit;
	uint8_t head[PARSE_HEAD_MAX];
	uint16_t n;

	if (!edits_frame(list)) {
		run_bucket(play, list);
		return;
	}
	if (!play->parsed) {
		act_edit_prepare(play); /* it may pull the head longer, once for all buckets */
	}
	before = *pkt;
	edit = play->edit;
	n = RTE_MIN(before.head_len, (uint16_t)sizeof(head));
	memcpy(head, pkt->head, n);
	run_bucket(play, list);
	if (pkt->n_out > 1) {
		stage_flush(&play->burst->stage);
	}
	before.mbuf = pkt->mbuf;
	before.n_out = pkt->n_out;
	*pkt = before;
	play->edit = edit;
	memcpy(pkt->head, head, n);
}

void
act_group(struct play *play, const struct action *action)
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
