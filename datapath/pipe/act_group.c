/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups: which buckets a packet goes to, each with a copy of its own. */
#include <string.h>

#include "datapath/pipe/act_priv.h"
#include "datapath/pipe/flow_hash.h"
#include "datapath/pipe/group.h"
#include "datapath/pipe/output.h"

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
	const struct port_view *to;
	const enum drop_reason reason = output_find(play->at, action, &to);

	if (reason != DROP_N) {
		play->reason = reason;
		play->to = drop_names_output(reason) ? to->id : 0;
		return;
	}
	act_emit(play, to->id, &vlan_keep, action->arg);
}

static void
run_bucket(struct play *play, const struct action_list *list) ON_WORKER
{
	play->reason = DROP_RULE;
	for (const struct action *a = action_list_first(list);
		a < action_list_end(list) && !play->dropped && act_go_on(play);
		a = action_next(a)) {
		if (a->code == ACTION_OUTPUT || a->code == ACTION_IN_PORT) {
			bucket_output(play, a);
		} else {
			act_action(play, a);
		}
	}
	/* A bucket that drops its copy drops no more than that. */
	play->dropped = play->over;
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
	const struct group_view *group = group_find(play->at->bridge, action->number);
	const struct bucket_view *bucket = NULL;
	bool any = false;

	if (group == NULL) {
		play->reason = DROP_NO_BUCKET;
		return;
	}
	play->steps += group->n_buckets;
	if (group->type == GROUP_SELECT) {
		bucket = group_select(play->at, group, flow_hash(play->pkt));
	}
	for (uint32_t i = 0; i < group->n_buckets && !play->over; i++) {
		const struct bucket_view *one = &group->buckets[i];

		if (group->type == GROUP_SELECT ? one != bucket
						: !group_bucket_lives(play->at, one)) {
			continue;
		}
		any = true;
		run_copy(play, one->actions);
		if (group->type == GROUP_FAILOVER) {
			break;
		}
	}
	if (!any && !play->over) {
		play->reason = DROP_NO_BUCKET;
	}
}
