/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/pipeline_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One frame under way: the frame as it is, and what came of it. */
struct run {
	struct pipeline *pipeline;
	struct pipeline_result *result;
	struct pipeline_frame frame;
	uint32_t received; /* bytes */
	int in;
	bool in_bucket;
};

static void
lose(struct run *run, uint64_t reasons)
{
	if (!run->frame.ghost) {
		run->result->why |= reasons;
	}
}

static struct pipeline_rule *
best_rule(struct pipeline_bridge *bridge, unsigned int table, const struct fields *fields)
{
	struct pipeline_rule *best = NULL;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		struct pipeline_rule *rule = &bridge->rules[i];

		if (rule->there && rule->table == table &&
			(best == NULL || rule->priority > best->priority) &&
			pipeline_matches(&rule->match, fields)) {
			best = rule;
		}
	}
	return best;
}

/* --- outputs ---------------------------------------------------------------------------------- */

static struct pipeline_port *
port_of(const struct run *run, int port)
{
	return &run->pipeline->ports[port];
}

/* A copy for the port: `bytes`, as the frame is, or as the port's VLANs want it. */
static void
leave(struct run *run, int to, const uint8_t *bytes, uint32_t len, uint32_t cut)
{
	struct pipeline_port *port = port_of(run, to);
	struct pipeline_result *result = run->result;
	struct pipeline_out *out = &result->outs[result->n_outs];
	struct vlan_model_frame frame;

	assert(result->n_outs < PIPELINE_OUTS);
	if (run->frame.ghost) {
		return;
	}
	result->n_outs++;
	*out = (struct pipeline_out){.port = to, .ol = run->frame.ol};
	out->ol.csum_start = (uint16_t)(out->ol.csum_start + len - run->frame.len);
	if (cut != 0 && cut < len) {
		len = cut;
		out->ol = (struct pkt_offload){.flags = 0};
	}
	out->len = len;
	out->bytes = malloc(len);
	memcpy(out->bytes, bytes, len);
	if (port->acl_out >= 0 &&
		!pipeline_acl_accepts(&run->pipeline->acls[port->acl_out], &run->frame)) {
		out->lost |= REASON(DROP_ACL_EGRESS);
	}
	if (!port->enabled) {
		out->lost |= REASON(DROP_LINK_DOWN);
	}
	if (len > port->mtu + 14 &&
		(!vlan_model_parse(bytes, len, &frame) || frame.rest_len - 2 > port->mtu)) {
		out->lost |= REASON(DROP_MTU_EXCEEDED);
	}
}

static bool
kept_apart(const struct run *run, int to)
{
	return run->in != to && port_of(run, run->in)->protected_port &&
		port_of(run, to)->protected_port;
}

static void
output(struct run *run, uint32_t number, uint32_t cut)
{
	for (int i = 0; i < PIPELINE_PORTS; i++) {
		const struct pipeline_port *port = port_of(run, i);

		if (!port->there || port->number != number ||
			port->bridge != port_of(run, run->in)->bridge) {
			continue;
		}
		if (i == run->in) {
			lose(run, REASON(DROP_HAIRPIN) | REASON(DROP_RULE));
		} else if (kept_apart(run, i)) {
			lose(run, REASON(DROP_PROTECTED));
		} else {
			leave(run, i, run->frame.bytes, run->frame.len, cut);
		}
		return;
	}
	lose(run, REASON(DROP_NO_PORT));
}

/* --- bridge ----------------------------------------------------------------------------------- */

static struct pipeline_station *
find_station(struct pipeline *pipeline, int bridge, uint16_t vid, const uint8_t *mac)
{
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		struct pipeline_station *station = &pipeline->stations[i];

		if (station->bridge == bridge && station->vid == vid &&
			memcmp(station->mac, mac, 6) == 0) {
			return station;
		}
	}
	return NULL;
}

static void
learn(struct run *run, uint16_t vid, const uint8_t *mac)
{
	struct pipeline *pipeline = run->pipeline;
	static const uint8_t nobody[6];
	int bridge = port_of(run, run->in)->bridge;
	struct pipeline_station *station = find_station(pipeline, bridge, vid, mac);

	if (mac[0] % 2 == 1 || memcmp(mac, nobody, 6) == 0) {
		return;
	}
	for (int i = 0; station == NULL; i++) {
		assert(i < PIPELINE_STATIONS);
		if (pipeline->stations[i].bridge < 0) {
			station = &pipeline->stations[i];
			*station =
				(struct pipeline_station){.bridge = bridge, .port = -1, .vid = vid};
			memcpy(station->mac, mac, 6);
		}
	}
	if (station->port != run->in) {
		run->result->learned = true;
		station->learned = pipeline->now;
	}
	station->port = run->in;
	station->seen = pipeline->now;
}

/* False: the port does not carry the frame's VLAN. */
static bool
deliver(struct run *run, int to, const struct vlan_model_inside *inside)
{
	struct vlan_model_frame frame;
	uint8_t bytes[PIPELINE_ROOM];

	if (!vlan_model_out(&port_of(run, to)->vlan, inside, &frame)) {
		return false;
	}
	leave(run, to, bytes, vlan_model_build(&frame, bytes), 0);
	return true;
}

static void
spread(struct run *run, const struct vlan_model_inside *inside)
{
	bool any = false;
	bool apart = false;

	for (int i = 0; i < PIPELINE_PORTS; i++) {
		const struct pipeline_port *port = port_of(run, i);

		if (i == run->in || !port->there || port->bridge != port_of(run, run->in)->bridge) {
			continue;
		}
		if (kept_apart(run, i)) {
			apart = true;
		} else {
			any = deliver(run, i, inside) || any;
		}
	}
	if (!any) {
		lose(run, REASON(DROP_NO_OUTPUT) | (apart ? REASON(DROP_PROTECTED) : 0));
	}
}

static bool
is_reserved(const uint8_t *mac)
{
	return memcmp(mac, "\x01\x80\xc2\0\0", 5) == 0 && mac[5] < 16;
}

static void
normal(struct run *run, bool only_flood)
{
	struct pipeline_port *port = port_of(run, run->in);
	const uint8_t *bytes = run->frame.bytes;
	struct pipeline_station *station;
	struct vlan_model_frame frame;
	struct vlan_model_inside inside;

	if ((run->frame.hidden && run->frame.visible == 0) || /* a tag, but who knows which */
		!vlan_model_parse(bytes, run->frame.len, &frame) ||
		!vlan_model_in(&port->vlan, &frame, &inside)) {
		lose(run, REASON(DROP_VLAN_NOT_ALLOWED));
		return;
	}
	if (only_flood) {
		spread(run, &inside);
		return;
	}
	if (is_reserved(bytes) && !run->pipeline->bridges[port->bridge].forward_reserved) {
		lose(run, REASON(DROP_RESERVED_MAC));
		return;
	}
	learn(run, inside.tag.vid, bytes + 6);
	station = find_station(run->pipeline, port->bridge, inside.tag.vid, bytes);
	if (bytes[0] % 2 == 1 || station == NULL) {
		spread(run, &inside);
	} else if (station->port == run->in) {
		lose(run, REASON(DROP_HAIRPIN));
	} else if (kept_apart(run, station->port)) {
		lose(run, REASON(DROP_PROTECTED));
	} else if (!deliver(run, station->port, &inside)) {
		lose(run, REASON(DROP_NO_OUTPUT));
	}
}

/* --- actions ---------------------------------------------------------------------------------- */

static int run_list(struct run *run, const struct action_list *list);

static bool
bucket_lives(const struct run *run, const struct pipeline_bucket *bucket)
{
	for (int i = 0; i < PIPELINE_PORTS; i++) {
		const struct pipeline_port *port = port_of(run, i);

		if (bucket->watch != 0 && port->there && port->number == bucket->watch) {
			return port->enabled && port->bridge == port_of(run, run->in)->bridge;
		}
	}
	return bucket->watch == 0;
}

static void
group(struct run *run, uint32_t id)
{
	const struct pipeline_bridge *bridge =
		&run->pipeline->bridges[port_of(run, run->in)->bridge];
	const struct pipeline_frame before = run->frame;
	bool any = run->frame.ghost;

	run->in_bucket = true;
	for (int i = 0; i < PIPELINE_GROUPS && !run->frame.ghost; i++) {
		const struct pipeline_group *group = &bridge->groups[i];

		if (!group->there || group->id != id) {
			continue;
		}
		for (unsigned int b = 0; b < group->n; b++) {
			if (bucket_lives(run, &group->buckets[b]) &&
				(group->type == GROUP_ALL || !any)) {
				any = true;
				(void)run_list(run, group->buckets[b].actions);
				lose(run, REASON(DROP_RULE)); /* if nothing was sent */
				run->frame = before;
			}
		}
	}
	run->in_bucket = false;
	if (!any) {
		lose(run, REASON(DROP_NO_BUCKET));
	}
}

/* The table to go on with, or -1: that was all. */
static int
run_list(struct run *run, const struct action_list *list)
{
	const struct action *action = action_list_first(list);
	uint64_t reasons;

	for (; action < action_list_end(list); action = action_next(action)) {
		switch (action->code) {
		case ACTION_OUTPUT:
			output(run, action->number, action->arg);
			break;
		case ACTION_IN_PORT:
			leave(run, run->in, run->frame.bytes, run->frame.len, action->arg);
			break;
		case ACTION_NORMAL:
			normal(run, false);
			break;
		case ACTION_FLOOD:
			normal(run, true);
			break;
		case ACTION_GROUP:
			group(run, action->number);
			break;
		case ACTION_GOTO:
			return action->arg;
		default:
			reasons = pipeline_edit(&run->frame, action);
			lose(run, reasons);
			if (reasons != 0 && run->in_bucket) {
				return -1;
			}
			run->frame.ghost = run->frame.ghost || reasons != 0;
			break;
		}
	}
	return -1;
}

static void
run_tables(struct run *run)
{
	const struct pipeline_port *port = port_of(run, run->in);
	struct pipeline_bridge *bridge = &run->pipeline->bridges[port->bridge];
	struct pipeline_result *result = run->result;

	for (int table = 0; table >= 0;) {
		struct pipeline_rule *rule;
		struct fields fields;

		pipeline_fields(&run->frame, port->number, &fields);
		rule = best_rule(bridge, (unsigned int)table, &fields);
		if (rule == NULL) {
			if (table == 0) {
				normal(run, false);
			} else {
				lose(run, REASON(DROP_NO_RULE));
			}
			return;
		}
		rule->packets++;
		rule->bytes += run->received;
		rule->used = run->pipeline->now;
		bridge->packets++;
		result->met[result->n_met++] = rule->id;
		table = run_list(run, rule->actions);
	}
}

/* Is there a field for the checksum that is promised? */
static bool
can_sum(const struct pkt_offload *ol, uint32_t len)
{
	uint32_t end = (uint32_t)ol->csum_start + ol->csum_offset + 2;

	return (ol->flags & PKT_OL_CSUM) == 0 ||
		(ol->csum_start >= 14 && end <= len && end <= PIPELINE_HEAD);
}

void
pipeline_receive(struct pipeline *pipeline, int in, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *ol, struct pipeline_result *result)
{
	const struct pipeline_port *port = &pipeline->ports[in];
	struct run run = {.pipeline = pipeline, .result = result, .in = in, .received = len};

	result->lost = 0;
	result->learned = false;
	result->n_outs = 0;
	result->why = 0;
	result->n_met = 0;
	if (len < 14) {
		result->lost = REASON(DROP_RUNT);
	} else if (!can_sum(ol, len)) {
		result->lost = REASON(DROP_OFFLOAD_INVALID);
	} else if (!port->enabled) {
		result->lost = REASON(DROP_PORT_DISABLED);
	} else if (port->bridge < 0) {
		result->lost = REASON(DROP_NO_BRIDGE);
	} else {
		pipeline_begin(&run.frame, in, bytes, len, ol);
		result->lost = pipeline_spoofed(&port->spoof, &run.frame);
		if (result->lost == 0 && port->acl_in >= 0 &&
			!pipeline_acl_accepts(&pipeline->acls[port->acl_in], &run.frame)) {
			result->lost = REASON(DROP_ACL_DENIED);
		}
	}
	if (result->lost == 0) {
		run_tables(&run);
		if (result->n_outs == 0) {
			result->lost = result->why != 0 ? result->why : REASON(DROP_RULE);
		}
	}
}

void
pipeline_result_fini(struct pipeline_result *result)
{
	for (unsigned int i = 0; i < result->n_outs; i++) {
		free(result->outs[i].bytes);
	}
	result->n_outs = 0;
}
