/* SPDX-License-Identifier: BSD-3-Clause */
/* Carrying out a program on one packet. */
#include <assert.h>

#include "datapath/pipe/act_priv.h"

/* --- outputs --------------------------------------------------------------------------------- */

void
act_emit(struct play *play, uint32_t id, const struct vlan_edit *edit, uint32_t max)
{
	const struct port_view *to = play->at->snap->ports[id];
	struct tx_stage *stage = &play->burst->stage;

	if (to == NULL) {
		play->reason = DROP_NO_PORT;
		return;
	}
	play->copies++;
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
deliver(struct play *play, const struct action *action) ON_WORKER
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
	act_emit(play, action->number, &edit, 0);
}

static void
spread(struct play *play, const struct action *action) ON_WORKER
{
	struct vlan_frame frame;

	if (!vlan_ingress(&play->at->in->vlan, play->pkt->head, play->pkt->head_len, &frame)) {
		play->reason = DROP_VLAN_NOT_ALLOWED;
		return;
	}
	play->copies += act_spread(play->burst, play->at, play->pkt, &frame,
		(enum storm_kind)action->number, &play->reason);
}

/* --- meters, samples, punts ------------------------------------------------------------------ */

static struct meter *
find_meter(const struct bridge_view *bridge, uint32_t id)
{
	const uint32_t at = meter_place(bridge->meters, bridge->n_meters, id);

	return at < bridge->n_meters && bridge->meters[at].id == id ? bridge->meters[at].meter
								    : NULL;
}

/* A meter that is not there limits nothing. */
static void
run_meter(struct play *play, const struct action *action)
{
	struct meter *meter = find_meter(play->at->bridge, action->number);

	if (meter != NULL && !meter_pass(meter, play->pkt->len, play->at->now->ns)) {
		play_stop(play, DROP_METERED);
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

/* --- programs and lists ---------------------------------------------------------------------- */

bool
act_go_on(struct play *play)
{
	if (likely(play->steps + play->copies < ACT_WORK_MAX)) {
		play->steps++;
		return true;
	}
	if (!play->over) {
		play->over = true;
		if (play->copies > 0) {
			play->copies++; /* one that is lost */
			loss_rx(&play->burst->loss, play->at->in, play->pkt, DROP_TOO_MANY_ACTIONS);
		}
	}
	play_stop(play, DROP_TOO_MANY_ACTIONS);
	return false;
}

void
act_action(struct play *play, const struct action *action)
{
	switch ((enum action_code)action->code) {
	case ACTION_OUTPUT:
		act_emit(play, action->number, &vlan_keep, action->arg);
		break;
	case ACTION_DELIVER:
		deliver(play, action);
		break;
	case ACTION_SPREAD:
		spread(play, action);
		break;
	case ACTION_DROP:
		play_stop(play, (enum drop_reason)action->arg);
		play->to = action->number;
		break;
	case ACTION_METER:
		run_meter(play, action);
		break;
	case ACTION_GROUP:
		act_group(play, action);
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
		act_edit(play, action);
		break;
	case ACTION_IN_PORT: /* the pipeline has made outputs of them */
	case ACTION_NORMAL:
	case ACTION_FLOOD:
	case ACTION_GOTO:
		assert(!"not in a program");
		break;
	}
}

void
act_program(struct burst *burst, const struct arrival *at, struct pkt *pkt,
	const struct program *program)
{
	struct play play = {.burst = burst, .at = at, .pkt = pkt, .reason = DROP_RULE};
	const struct action *action = program_first(program);

	/* Held, so that no flush in the middle gives the packet to an early output. */
	pkt->n_out++;
	for (uint16_t i = 0; i < program->n_actions && !play.dropped && act_go_on(&play); i++) {
		act_action(&play, action);
		action = action_next(action);
	}
	pkt->n_out--;
	if (play.copies == 0) {
		loss_rx_to(&burst->loss, at->in, pkt, play.reason,
			drop_names_output(play.reason) ? play.to : 0);
	} else {
		port_count(&burst->bridges[at->bridge->id].extra, play.copies - 1);
	}
}
