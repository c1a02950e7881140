/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/act.h"

#include "datapath/pipe/burst.h"

static bool
storm_passes(const struct arrival *at, enum storm_kind kind, uint32_t len, enum drop_reason *reason)
{
	static const enum drop_reason reasons[STORM_KINDS] = {
		[STORM_BROADCAST] = DROP_STORM_BROADCAST,
		[STORM_MULTICAST] = DROP_STORM_MULTICAST,
		[STORM_UNKNOWN] = DROP_STORM_UNKNOWN,
	};
	struct meter *meter = at->in->storm[kind];

	if (likely(meter == NULL) || meter_pass(meter, len, at->now->ns)) {
		return true;
	}
	*reason = reasons[kind];
	return false;
}

uint32_t
act_spread(struct burst *burst, const struct arrival *at, struct pkt *pkt,
	const struct vlan_frame *vlan, enum storm_kind kind, enum drop_reason *reason)
{
	const struct bridge_view *bridge = at->bridge;
	uint32_t copies = 0;

	if (!storm_passes(at, kind, pkt->len, reason)) {
		return 0;
	}
	for (uint32_t m = 0; m < bridge->n_members; m++) {
		const struct port_view *to = bridge->members[m];
		struct vlan_edit edit;

		if (to->id == at->in->id || !vlan_carries(&to->vlan, vlan->vid) ||
			port_views_apart(at->in, to)) {
			continue;
		}
		copies++;
		if (act_may_leave(burst, at, to, pkt)) {
			edit = vlan_egress(&to->vlan, vlan);
			stage_add(&burst->stage, to, pkt, &edit);
		}
	}
	if (copies > 0) {
		port_count(&burst->bridges[bridge->id].flooded, 1);
	}
	*reason = DROP_NO_OUTPUT;
	return copies;
}

static void
flood(struct burst *burst, const struct arrival *at, struct pkt *pkt,
	const struct verdict *verdict) ON_WORKER
{
	enum drop_reason reason;
	uint32_t copies;

	/* Held, so that a flush in the middle does not give the packet to an early output. */
	pkt->n_out++;
	copies = act_spread(burst, at, pkt, &verdict->vlan, storm_kind_of(pkt->head), &reason);
	pkt->n_out--;
	if (copies == 0) {
		loss_rx(&burst->loss, at->in, pkt, reason);
	} else {
		port_count(&burst->bridges[at->bridge->id].extra, copies - 1);
	}
}

/* Packets from i on that go to the same port as they are; at least 1. */
static uint16_t
output_run(const struct verdict *verdicts, uint16_t i, uint16_t n)
{
	const struct verdict *first = &verdicts[i];
	uint16_t run = 1;

	while (i + run < n && verdicts[i + run].kind == VERDICT_OUTPUT &&
		verdicts[i + run].to == first->to && verdicts[i + run].edit.op == VLAN_KEEP) {
		run++;
	}
	return run;
}

static uint16_t
output(struct burst *burst, const struct arrival *at, uint16_t i, uint16_t n) ON_WORKER
{
	const struct verdict *verdict = &burst->verdicts[i];
	const struct port_view *to = verdict->to;
	uint16_t run = 1;

	if (likely(verdict->edit.op == VLAN_KEEP && to->acl_out == NULL)) {
		run = output_run(burst->verdicts, i, n);
		stage_add_run(&burst->stage, to, &burst->pkts[i], run);
	} else if (act_may_leave(burst, at, to, &burst->pkts[i])) {
		stage_add(&burst->stage, to, &burst->pkts[i], &verdict->edit);
	}
	return run;
}

void
act_burst(struct burst *burst, const struct arrival *at, uint16_t n)
{
	for (uint16_t i = 0, run = 1; i < n; i = (uint16_t)(i + run)) {
		const struct verdict *verdict = &burst->verdicts[i];

		run = 1;
		switch (verdict->kind) {
		case VERDICT_DROP:
			loss_rx_to(&burst->loss, at->in, &burst->pkts[i], verdict->reason,
				verdict->to == NULL ? 0 : verdict->to->id);
			break;
		case VERDICT_OUTPUT:
			run = output(burst, at, i, n);
			break;
		case VERDICT_FLOOD:
			flood(burst, at, &burst->pkts[i], verdict);
			break;
		case VERDICT_PROGRAM:
			act_program(burst, at, &burst->pkts[i], verdict->program);
			break;
		}
	}
}
