/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/pipeline_model.h"

#include <arpa/inet.h>
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
	bool lost; /* nothing more happens to it */
};

static void
lose(struct run *run, uint64_t reasons)
{
	run->result->why |= reasons;
}

/* --- rules ------------------------------------------------------------------------------------ */

struct action_list *
pipeline_list_copy(const struct action_list *list)
{
	size_t size = sizeof(*list) + list->size;
	struct action_list *copy = malloc(size);

	assert(copy != NULL);
	memcpy(copy, list, size);
	return copy;
}

static bool
same_rule(const struct pipeline_rule *a, const struct pipeline_rule *b)
{
	return a->table == b->table && a->priority == b->priority &&
		match_equal(&a->match, &b->match);
}

void
pipeline_remove(struct pipeline *pipeline, int bridge, struct pipeline_rule *rule)
{
	pipeline->bridges[bridge].removed += rule->packets;
	free(rule->actions);
	*rule = (struct pipeline_rule){.there = false};
}

struct pipeline_rule *
pipeline_add(struct pipeline *pipeline, int bridge, const struct pipeline_rule *rule,
	const struct action_list *list)
{
	struct pipeline_rule *rules = pipeline->bridges[bridge].rules;
	struct pipeline_rule *place = NULL;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		if (rules[i].there && same_rule(&rules[i], rule)) {
			pipeline_remove(pipeline, bridge, &rules[i]);
		}
		if (!rules[i].there && place == NULL) {
			place = &rules[i];
		}
	}
	assert(place != NULL);
	*place = *rule;
	place->there = true;
	place->actions = pipeline_list_copy(list);
	place->created = pipeline->now;
	place->used = pipeline->now;
	return place;
}

void
pipeline_modify(struct pipeline_rule *rule, const struct action_list *list)
{
	free(rule->actions);
	rule->actions = pipeline_list_copy(list);
}

struct pipeline_rule *
pipeline_find(struct pipeline *pipeline, int bridge, uint64_t id)
{
	struct pipeline_rule *rules = pipeline->bridges[bridge].rules;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		if (rules[i].there && rules[i].id == id) {
			return &rules[i];
		}
	}
	return NULL;
}

static bool
in_range(struct match_range range, uint16_t port)
{
	return ntohs(port) >= range.low && ntohs(port) <= range.high;
}

static bool
matches(const struct match *match, const struct fields *fields)
{
	const uint8_t *value = (const uint8_t *)&match->value;
	const uint8_t *mask = (const uint8_t *)&match->mask;
	const uint8_t *bytes = (const uint8_t *)fields;

	for (size_t i = 0; i < sizeof(*fields); i++) {
		if ((bytes[i] & mask[i]) != value[i]) {
			return false;
		}
	}
	return in_range(match->l4_src, fields->l4_src) && in_range(match->l4_dst, fields->l4_dst);
}

static struct pipeline_rule *
best_rule(struct pipeline_bridge *bridge, unsigned int table, const struct fields *fields)
{
	struct pipeline_rule *best = NULL;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		struct pipeline_rule *rule = &bridge->rules[i];

		if (rule->there && rule->table == table &&
			(best == NULL || rule->priority > best->priority) &&
			matches(&rule->match, fields)) {
			best = rule;
		}
	}
	return best;
}

/* --- access lists and addresses ----------------------------------------------------------------
 */

static bool
acl_accepts(struct pipeline_acl *acl, const struct pipeline_frame *frame)
{
	struct fields fields;

	pipeline_fields(frame, 0, &fields);
	for (unsigned int i = 0; i < acl->n && (fields.valid & FIELDS_DEEP) == 0; i++) {
		if (matches(&acl->entries[i].match, &fields)) {
			acl->entries[i].packets++;
			return acl->entries[i].accept;
		}
	}
	acl->rest++;
	return acl->accept_rest;
}

static bool
has_prefix(const struct spoof_prefix *prefixes, unsigned int n, const void *addr)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int bit = 0;

		while (bit < prefixes[i].len &&
			(((const uint8_t *)addr)[bit / 8] ^ prefixes[i].addr[bit / 8]) >>
					(7 - bit % 8) % 2 ==
				0) {
			bit++;
		}
		if (bit == prefixes[i].len) {
			return true;
		}
	}
	return n == 0;
}

static bool
is_zero(const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (((const uint8_t *)bytes)[i] != 0) {
			return false;
		}
	}
	return true;
}

static bool
may_mac(const struct spoof_view *spoof, const uint8_t *mac)
{
	for (unsigned int i = 0; i < spoof->n_mac; i++) {
		if (memcmp(spoof->mac[i], mac, 6) == 0) {
			return true;
		}
	}
	return spoof->n_mac == 0;
}

static bool
may_ip4(const struct spoof_view *spoof, const void *addr)
{
	return is_zero(addr, 4) || has_prefix(spoof->ip4, spoof->n_ip4, addr);
}

static bool
may_ip6(const struct spoof_view *spoof, const void *addr)
{
	return is_zero(addr, 16) || has_prefix(spoof->ip6, spoof->n_ip6, addr);
}

/* What the lists are there for cannot be read, though it may be there. */
static uint64_t
unreadable(const struct spoof_view *spoof, const struct fields *f)
{
	static const uint8_t extensions[] = {0, 43, 44, 51, 60};
	const bool guarded = spoof->n_mac > 0 ||
		(f->eth_type == htons(0x86dd) ? spoof->n_ip6 : spoof->n_ip4) > 0;

	switch (ntohs(f->eth_type)) {
	case 0x0800:
		return spoof->n_ip4 > 0 && (f->valid & FIELDS_VALID_IPV4) == 0
			? REASON(DROP_SPOOFED_ADDRESS)
			: 0;
	case 0x0806:
		return guarded && (f->valid & FIELDS_VALID_ARP) == 0 ? REASON(DROP_SPOOFED_NEIGHBOR)
								     : 0;
	case 0x86dd:
		if (!guarded) {
			return 0;
		}
		if ((f->valid & FIELDS_VALID_IPV6) == 0) {
			return REASON(DROP_SPOOFED_ADDRESS);
		}
		if ((f->valid & (FIELDS_DEEP | FIELDS_ND_INVALID)) != 0 ||
			(f->frag != FIELDS_FRAG_LATER &&
				(memchr(extensions, f->proto, sizeof(extensions)) != NULL ||
					(f->proto == 58 && (f->valid & FIELDS_VALID_L4) == 0)))) {
			return REASON(DROP_SPOOFED_NEIGHBOR);
		}
		return 0;
	case 0x8100:
	case 0x88a8:
		return spoof->n_ip4 > 0 || spoof->n_ip6 > 0 ? REASON(DROP_SPOOFED_ADDRESS) : 0;
	default:
		return 0;
	}
}

/* Reasons, of which one is counted; 0: it may pass. */
static uint64_t
spoofed(const struct spoof_view *spoof, const struct pipeline_frame *frame)
{
	struct fields f;
	uint64_t reasons = 0;

	pipeline_fields(frame, 0, &f);
	if (!may_mac(spoof, f.eth_src)) {
		reasons |= REASON(DROP_SPOOFED_MAC);
	}
	if (((f.valid & FIELDS_VALID_IPV4) != 0 && !may_ip4(spoof, &f.ip4_src)) ||
		((f.valid & FIELDS_VALID_IPV6) != 0 && !may_ip6(spoof, f.ip6_src))) {
		reasons |= REASON(DROP_SPOOFED_ADDRESS);
	}
	if ((f.valid & FIELDS_VALID_ARP) != 0 &&
		(!may_mac(spoof, f.arp_sha) || !may_ip4(spoof, &f.ip4_src))) {
		reasons |= REASON(DROP_SPOOFED_NEIGHBOR);
	}
	if ((f.valid & FIELDS_VALID_ND) != 0) {
		/* An advertisement, or who looks for a duplicate: the target is its own. */
		bool tells = f.l4_src == htons(136) || is_zero(f.ip6_src, 16);

		if ((!is_zero(f.arp_sha, 6) && !may_mac(spoof, f.arp_sha)) ||
			(!is_zero(f.arp_tha, 6) && !may_mac(spoof, f.arp_tha)) ||
			(tells && !has_prefix(spoof->ip6, spoof->n_ip6, f.nd_target))) {
			reasons |= REASON(DROP_SPOOFED_NEIGHBOR);
		}
	}
	return reasons | unreadable(spoof, &f);
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
	struct pipeline_out *out = &result->outs[result->n_outs++];
	struct vlan_model_frame frame;

	assert(result->n_outs <= PIPELINE_OUTS);
	len = cut != 0 && cut < len ? cut : len;
	*out = (struct pipeline_out){.port = to, .len = len, .bytes = malloc(len)};
	memcpy(out->bytes, bytes, len);
	if (port->acl_out >= 0 && !acl_accepts(&run->pipeline->acls[port->acl_out], &run->frame)) {
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
	int bridge = port_of(run, run->in)->bridge;
	struct pipeline_station *station = find_station(pipeline, bridge, vid, mac);

	if (mac[0] % 2 == 1 || is_zero(mac, 6)) {
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
	run->result->learned = run->result->learned || station->port != run->in;
	station->port = run->in;
	station->seen = pipeline->now;
}

/* False: the port does not carry the frame's VLAN. */
static bool
deliver(struct run *run, int to, const struct vlan_model_inside *inside)
{
	struct vlan_model_frame frame;
	uint8_t bytes[PIPELINE_FRAME + 64];

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

	if (!vlan_model_parse(bytes, run->frame.len, &frame) ||
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
			return port->enabled;
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
	bool any = false;

	for (int i = 0; i < PIPELINE_GROUPS; i++) {
		const struct pipeline_group *group = &bridge->groups[i];

		if (!group->there || group->id != id) {
			continue;
		}
		for (unsigned int b = 0; b < group->n; b++) {
			if (bucket_lives(run, &group->buckets[b]) &&
				(group->type == GROUP_ALL || !any)) {
				any = true;
				(void)run_list(run, group->buckets[b].actions);
				run->frame = before;
				run->lost = false;
			}
		}
	}
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
			if (reasons != 0) {
				lose(run, reasons);
				run->lost = true;
				return -1;
			}
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

void
pipeline_receive(struct pipeline *pipeline, int in, const uint8_t *bytes, uint32_t len,
	struct pipeline_result *result)
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
	} else if (!port->enabled) {
		result->lost = REASON(DROP_PORT_DISABLED);
	} else if (port->bridge < 0) {
		result->lost = REASON(DROP_NO_BRIDGE);
	} else {
		pipeline_begin(&run.frame, in, bytes, len);
		result->lost = spoofed(&port->spoof, &run.frame);
		if (result->lost == 0 && port->acl_in >= 0 &&
			!acl_accepts(&pipeline->acls[port->acl_in], &run.frame)) {
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

/* --- life ------------------------------------------------------------------------------------- */

void
pipeline_init(struct pipeline *pipeline)
{
	memset(pipeline, 0, sizeof(*pipeline));
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		pipeline->stations[i].bridge = -1;
	}
	for (int i = 0; i < PIPELINE_PORTS; i++) {
		pipeline->ports[i].bridge = -1;
		pipeline->ports[i].acl_in = -1;
		pipeline->ports[i].acl_out = -1;
	}
}

void
pipeline_fini(struct pipeline *pipeline)
{
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		struct pipeline_bridge *bridge = &pipeline->bridges[b];

		for (int i = 0; i < PIPELINE_RULES; i++) {
			free(bridge->rules[i].actions);
		}
		for (int i = 0; i < PIPELINE_GROUPS; i++) {
			for (unsigned int k = 0; k < bridge->groups[i].n; k++) {
				free(bridge->groups[i].buckets[k].actions);
			}
		}
	}
}

void
pipeline_forget(struct pipeline *pipeline, int port)
{
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		if (pipeline->stations[i].bridge >= 0 && pipeline->stations[i].port == port) {
			pipeline->stations[i].bridge = -1;
		}
	}
}

static bool
timed_out(const struct pipeline *pipeline, const struct pipeline_rule *rule)
{
	return (rule->hard_s != 0 && pipeline->now - rule->created > rule->hard_s) ||
		(rule->idle_s != 0 && pipeline->now - rule->used > rule->idle_s);
}

void
pipeline_sleep(struct pipeline *pipeline, uint64_t seconds)
{
	pipeline->now += seconds;
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		struct pipeline_station *station = &pipeline->stations[i];
		uint32_t aging = station->bridge < 0 ? 0 : pipeline->bridges[station->bridge].aging;

		if (aging != 0 && pipeline->now - station->seen > aging) {
			station->bridge = -1;
		}
	}
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		for (int i = 0; i < PIPELINE_RULES; i++) {
			struct pipeline_rule *rule = &pipeline->bridges[b].rules[i];

			if (rule->there && timed_out(pipeline, rule)) {
				pipeline_remove(pipeline, b, rule);
			}
		}
	}
}
