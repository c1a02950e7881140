/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_trace.h"

#include <string.h>

#include "datapath/dp/dp_priv.h"
#include "datapath/pipe/flow_hash.h"
#include "datapath/pipe/group.h"
#include "datapath/pipe/output.h"

/* One frame on its way. */
struct trace {
	const struct arrival *at;
	const struct dp_trace_listener *listener;
	struct dp_traced *traced;
	struct pkt *pkt; /* as received */
	uint32_t l3_len; /* bytes behind the tags */
	/* the program, half-way */
	struct fields fields;
	bool sent;
	bool stopped;
	enum drop_reason reason;
	uint32_t group; /* whose bucket runs */
	bool maybe;
};

/* --- the pipeline ---------------------------------------------------------------------------- */

static void
on_event(void *arg, const struct pipeline_event *event)
{
	const struct trace *trace = arg;
	struct dp_trace_step step = {.event = event};

	if (event->step == PIPELINE_NORMAL &&
		(event->verdict->kind != VERDICT_DROP ||
			event->verdict->reason != DROP_VLAN_NOT_ALLOWED)) {
		const uint16_t vid = event->verdict->vlan.vid;
		const fdb_key_t keys[2] = {
			fdb_key((const struct rte_ether_addr *)event->fields->eth_src, vid),
			fdb_key((const struct rte_ether_addr *)event->fields->eth_dst, vid)};
		uint32_t ports[2];

		fdb_lookup_bulk(trace->at->bridge->fdb, keys, 2, ports);
		step.source = ports[0];
		step.destination = ports[1];
	}
	trace->listener->step(trace->listener->arg, &step);
}

/* --- outputs --------------------------------------------------------------------------------- */

static void
stop(struct trace *trace, enum drop_reason reason)
{
	trace->stopped = true;
	trace->reason = reason;
}

static bool
egress_denies(const struct trace *trace, const struct acl_view *acl)
{
	return !acl_verdict(acl, acl_find(acl, &trace->fields));
}

/* The outer tag of a frame with this edit. */
static uint16_t
tag_of(const struct fields *fields, const struct vlan_edit *edit)
{
	switch (edit->op) {
	case VLAN_PUSH:
	case VLAN_REWRITE:
		return edit->tci | FIELDS_TAG_PRESENT;
	case VLAN_POP:
		return rte_be_to_cpu_16(fields->inner_tci);
	case VLAN_KEEP:
		break;
	}
	return rte_be_to_cpu_16(fields->vlan_tci);
}

static void
emit(struct trace *trace, uint32_t id, const struct vlan_edit *edit, uint16_t max)
{
	const struct port_view *to = trace->at->snap->ports[id];
	struct dp_trace_output output = {.port = id,
		.tci = tag_of(&trace->fields, edit),
		.max = max,
		.group = trace->group,
		.maybe = trace->maybe,
		.lost = DROP_N};

	if (to == NULL) {
		trace->reason = DROP_NO_PORT;
		return;
	}
	trace->sent = true;
	if (to->acl_out != NULL && egress_denies(trace, to->acl_out)) {
		output.lost = DROP_ACL_EGRESS;
	} else if (!to->enabled) {
		output.lost = DROP_LINK_DOWN;
	} else if (trace->l3_len > to->mtu && (max == 0 || max > to->mtu)) {
		output.lost = DROP_MTU_EXCEEDED;
	}
	trace->listener->output(trace->listener->arg, &output);
}

static bool
enters(struct trace *trace, struct vlan_frame *frame)
{
	uint8_t header[RTE_ETHER_HDR_LEN + VLAN_TAG_LEN];
	const uint16_t len = pipeline_header(&trace->fields, header);

	if (!vlan_ingress(&trace->at->in->vlan, header, len, frame)) {
		trace->reason = DROP_VLAN_NOT_ALLOWED;
		return false;
	}
	return true;
}

static void
deliver(struct trace *trace, uint32_t id)
{
	const struct port_view *to = trace->at->snap->ports[id];
	struct vlan_frame frame;
	struct vlan_edit edit;

	if (to != NULL && enters(trace, &frame)) {
		edit = vlan_egress(&to->vlan, &frame);
		emit(trace, id, &edit, 0);
	}
}

static void
spread(struct trace *trace, enum storm_kind kind)
{
	const struct arrival *at = trace->at;
	struct vlan_frame frame;
	bool any = false;

	if (!enters(trace, &frame)) {
		return;
	}
	trace->traced->limited = trace->traced->limited || at->in->storm[kind] != NULL;
	for (uint32_t m = 0; m < at->bridge->n_members; m++) {
		const struct port_view *to = at->bridge->members[m];

		if (to->id != at->in->id && vlan_carries(&to->vlan, frame.vid) &&
			!port_views_apart(at->in, to)) {
			const struct vlan_edit edit = vlan_egress(&to->vlan, &frame);

			emit(trace, to->id, &edit, 0);
			any = true;
		}
	}
	if (!any) {
		trace->reason = DROP_NO_OUTPUT;
	}
}

/* An output of a bucket names a port by its number. */
static void
bucket_output(struct trace *trace, const struct action *action)
{
	const struct port_view *to;
	const enum drop_reason reason = output_find(trace->at, action, &to);

	if (reason != DROP_N) {
		trace->reason = reason;
		return;
	}
	emit(trace, to->id, &vlan_keep, action->arg);
}

/* --- actions --------------------------------------------------------------------------------- */

static void run_group(struct trace *trace, uint32_t id);

static void
dec_ttl(struct trace *trace)
{
	if ((trace->fields.valid & (FIELDS_VALID_IPV4 | FIELDS_VALID_IPV6)) != 0 &&
		trace->fields.ttl <= 1) {
		stop(trace, DROP_TTL_EXPIRED);
		return;
	}
	action_dec_ttl_fields(&trace->fields);
}

static void
run_action(struct trace *trace, const struct action *action)
{
	switch ((enum action_code)action->code) {
	case ACTION_OUTPUT:
		emit(trace, action->number, &vlan_keep, action->arg);
		break;
	case ACTION_DELIVER:
		deliver(trace, action->number);
		break;
	case ACTION_SPREAD:
		spread(trace, (enum storm_kind)action->number);
		break;
	case ACTION_DROP:
		stop(trace, (enum drop_reason)action->arg);
		break;
	case ACTION_METER:
	case ACTION_SAMPLE:
		trace->traced->limited = true;
		break;
	case ACTION_GROUP:
		run_group(trace, action->number);
		break;
	case ACTION_PUSH_VLAN:
		action_push_fields(action->arg, &trace->fields);
		break;
	case ACTION_POP_VLAN:
		action_pop_fields(&trace->fields);
		break;
	case ACTION_SET:
		action_set_fields(action, &trace->fields);
		break;
	case ACTION_DEC_TTL:
		dec_ttl(trace);
		break;
	case ACTION_PUNT:
	case ACTION_IN_PORT:
	case ACTION_NORMAL:
	case ACTION_FLOOD:
	case ACTION_GOTO:
		break;
	}
}

/* On a copy: what it edits is as before afterwards, and what it drops is no more than that. */
static void
run_bucket(struct trace *trace, const struct action_list *list)
{
	const struct fields before = trace->fields;

	trace->reason = DROP_RULE;
	for (const struct action *a = action_list_first(list);
		a < action_list_end(list) && !trace->stopped; a = action_next(a)) {
		if (a->code == ACTION_OUTPUT || a->code == ACTION_IN_PORT) {
			bucket_output(trace, a);
		} else {
			run_action(trace, a);
		}
	}
	trace->stopped = false;
	trace->fields = before;
}

/* Is what the hash is made of as it was received? */
static bool
hash_is_known(const struct trace *trace)
{
	const struct fields *now = &trace->fields;
	const struct fields *was = &trace->traced->parsed.fields;

	return memcmp(now->eth_dst, was->eth_dst, sizeof(now->eth_dst)) == 0 &&
		memcmp(now->eth_src, was->eth_src, sizeof(now->eth_src)) == 0 &&
		now->ip4_src == was->ip4_src && now->ip4_dst == was->ip4_dst &&
		memcmp(now->ip6_src, was->ip6_src, sizeof(now->ip6_src)) == 0 &&
		memcmp(now->ip6_dst, was->ip6_dst, sizeof(now->ip6_dst)) == 0 &&
		now->l4_src == was->l4_src && now->l4_dst == was->l4_dst;
}

/* The buckets that a packet may go to. */
static uint64_t
buckets_of(const struct trace *trace, const struct group_view *group)
{
	const struct arrival *at = trace->at;
	uint64_t buckets = 0;

	static_assert(GROUP_BUCKETS_MAX <= 64, "a bit for each");
	if (group->type == GROUP_SELECT && hash_is_known(trace)) {
		const struct bucket_view *chosen = group_select(at, group, flow_hash(trace->pkt));

		return chosen == NULL ? 0 : UINT64_C(1) << (chosen - group->buckets);
	}
	for (uint32_t i = 0; i < group->n_buckets; i++) {
		const struct bucket_view *bucket = &group->buckets[i];

		if (group_bucket_lives(at, bucket) &&
			(group->type != GROUP_SELECT || bucket->weight > 0)) {
			buckets |= UINT64_C(1) << i;
		}
	}
	/* The lowest bit is the first that lives. */
	return group->type == GROUP_FAILOVER ? buckets & -buckets : buckets;
}

static void
run_group(struct trace *trace, uint32_t id)
{
	const struct group_view *group = group_find(trace->at->bridge, id);
	const uint64_t buckets = group == NULL ? 0 : buckets_of(trace, group);

	if (buckets == 0) {
		trace->reason = DROP_NO_BUCKET;
		return;
	}
	trace->group = id;
	trace->maybe = group->type == GROUP_SELECT && (buckets & (buckets - 1)) != 0;
	for (uint32_t i = 0; i < group->n_buckets; i++) {
		if ((buckets >> i & 1) != 0) {
			run_bucket(trace, group->buckets[i].actions);
		}
	}
	trace->group = DP_TRACE_NO_GROUP;
	trace->maybe = false;
}

static void
run_program(struct trace *trace, const struct program *program)
{
	const struct action *action = program_first(program);

	trace->group = DP_TRACE_NO_GROUP;
	trace->reason = DROP_RULE;
	for (uint16_t i = 0; i < program->n_actions && !trace->stopped; i++) {
		run_action(trace, action);
		action = action_next(action);
	}
}

/* --- a frame --------------------------------------------------------------------------------- */

/* What the worker would take the frame's fields and key from. */
static void
parse_as_key(const struct dp *dp, const struct port_view *in, struct pkt *pkt,
	struct dp_traced *traced, struct parsed *parsed)
{
	const struct port_keys *keys = dp->snapshot->keys[in->id];
	const struct key_shape *shape;

	parse_pkt(pkt, PARSE_ALL, &traced->parsed);
	if (keys == NULL) {
		traced->mask_id = 0;
		key_bridge_mask(&traced->mask);
		parse_pkt(pkt, PARSE_L2, parsed);
		return;
	}
	shape = &keys->shapes[key_class(traced->parsed.fields.eth_type)];
	traced->mask_id = shape->mask_id;
	memset(&traced->mask, 0, sizeof(traced->mask));
	for (unsigned int i = 0; i < shape->n_words; i++) {
		fields_set_word(&traced->mask, shape->words[i], shape->masks[i]);
	}
	parse_pkt(pkt, (enum parse_depth)shape->depth, parsed);
}

/* What ends a frame before the pipeline sees it; DROP_N: nothing. */
static enum drop_reason
turned_away(const struct dp *dp, const struct port_view *in, uint32_t len)
{
	if (len < RTE_ETHER_HDR_LEN) {
		return DROP_RUNT;
	}
	if (!in->enabled) {
		return DROP_PORT_DISABLED;
	}
	return dp->snapshot->bridges[in->bridge] == NULL ? DROP_NO_BRIDGE : DROP_N;
}

void
dp_trace(struct dp *dp, const struct dp_port *port, uint8_t *frame, uint32_t len,
	const struct dp_trace_listener *listener, struct dp_traced *traced)
{
	const struct port_view *in = dp->snapshot->ports[port->id];
	const struct burst_time now = {.ns = dp->now};
	struct arrival at = {.snap = dp->snapshot, .in = in, .now = &now, .quiet = true};
	struct pkt pkt = {.head = frame, .head_len = (uint16_t)len, .len = len};
	struct trace trace = {.at = &at, .listener = listener, .traced = traced, .pkt = &pkt};
	const struct pipeline_trace steps = {.tell = on_event, .arg = &trace};
	struct parsed parsed;

	memset(traced, 0, sizeof(*traced));
	traced->drop = in == NULL ? DROP_NO_BRIDGE : turned_away(dp, in, len);
	if (traced->drop != DROP_N) {
		parse(frame, len, len, PARSE_ALL, &traced->parsed);
		return;
	}
	at.bridge = dp->snapshot->bridges[in->bridge];
	parse_as_key(dp, in, &pkt, traced, &parsed);
	fdb_lock(at.bridge->fdb);
	pipeline_decide(&at, &parsed.fields, &steps, &traced->decision);
	fdb_unlock(at.bridge->fdb);
	traced->decided = true;
	trace.fields = traced->parsed.fields;
	trace.l3_len = len - traced->parsed.type_at - (uint32_t)sizeof(uint16_t);
	run_program(&trace, decision_program(&traced->decision));
	traced->drop = trace.sent ? DROP_N : trace.reason;
}
