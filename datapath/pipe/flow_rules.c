/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows of ports whose pipeline has rules or policy: keys, programs, validity, counts. */
#include <assert.h>
#include <string.h>

#include "datapath/pipe/action.h"
#include "datapath/pipe/flow.h"

/* --- keys ------------------------------------------------------------------------------------ */

/* As deep as the shape of the frame's class asks. */
static const struct key_shape *
parse_as_asked(const struct port_keys *port_keys, struct pkt *pkt, struct parsed *parsed)
{
	const struct key_shape *shape;

	parse_l2(pkt->head, pkt->head_len, pkt->len, parsed);
	shape = &port_keys->shapes[key_class(parsed->fields.eth_type)];
	/* Also for all fields that no L2 parse writes. */
	parse_pkt(pkt, (enum parse_depth)shape->depth, parsed);
	return shape;
}

void
flow_rules_keys(const struct flow_step *step, uint16_t n)
{
	const struct port_keys *port_keys = step->port_keys;
	struct flows *flows = step->flows;
	struct parsed parsed;

	for (uint16_t i = 0; i < n; i++) {
		const struct key_shape *shape = &port_keys->shapes[RULES_IPV4];
		struct pkt *pkt = &step->pkts[i];

		flows->shapes[i] = shape;
		if (likely(key_make_usual(shape, pkt, step->at->in->id, &flows->keys[i]))) {
			continue;
		}
		shape = parse_as_asked(port_keys, pkt, &parsed);
		key_make(shape, &parsed.fields, step->at->in->id, &flows->keys[i]);
		flows->shapes[i] = shape;
	}
}

static bool
has_mask_id(const struct key_shape *shapes, uint16_t id)
{
	for (unsigned int class = 0; class < RULES_ALL; class ++) {
		if (shapes[class].mask_id == id) {
			return true;
		}
	}
	return false;
}

bool
flow_key_lives(const struct snapshot *snap, const struct flow_entry *entry)
{
	const struct key_first first = key_first_of(entry->words[0]);
	const struct port_keys *keys;

	if (key_maker(first) >= DP_PORTS_MAX) {
		return false;
	}
	keys = snap->keys[key_maker(first)];
	if (!flow_has_tail(entry)) {
		return keys == NULL;
	}
	return keys != NULL &&
		has_mask_id(key_is_egress(first) ? keys->out : keys->shapes, first.mask_id);
}

/* --- validity -------------------------------------------------------------------------------- */

/* Could a packet with this key, changed by rules on its way to a later table, meet the change? */
static bool
may_concern(const struct rule_change *change, const struct rule_log *log, uint16_t number,
	const struct key_shape *shape, const struct flow_entry *entry)
{
	if (change->match.mask.in_port != 0 && change->match.value.in_port != number) {
		return false;
	}
	for (unsigned int k = 0; k < shape->n_words; k++) {
		const unsigned int word = shape->words[k];
		uint64_t bits = fields_word(&change->match.mask, word) & shape->masks[k];

		if (change->table > 0) {
			bits &= ~fields_word(&log->rewritten, word);
		}
		if (((entry->words[k] ^ fields_word(&change->match.value, word)) & bits) != 0) {
			return false;
		}
	}
	return true;
}

static bool
log_spares(const struct flow_step *step, const struct rules_view *rules, uint64_t stamp,
	const struct flow_entry *entry, uint16_t i)
{
	const struct rule_log *log = &rules->log;

	if (stamp < log->complete_since) {
		return false;
	}
	for (uint32_t c = log->n; c > 0 && log->changes[c - 1]->version > stamp; c--) {
		if (may_concern(log->changes[c - 1], log, step->at->in->number,
			    step->flows->shapes[i], entry)) {
			return false;
		}
	}
	return true;
}

bool
flow_rules_hold(const struct flow_step *step, struct flow_entry *entry, uint16_t i)
{
	const struct rules_view *rules = step->at->bridge->rules;
	struct flow_tail *tail = flow_entry_tail(entry);
	uint32_t lag;

	if (rules == NULL) {
		return tail->rules == 0; /* it was decided without rules, too */
	}
	lag = step->rules - tail->rules;
	if (lag == 0) {
		return true;
	}
	if (!log_spares(step, rules, rules->version - lag, entry, i)) {
		return false;
	}
	tail->rules = step->rules;
	return true;
}

/* --- counts ---------------------------------------------------------------------------------- */

static void
count_rules(struct flows *flows, const struct program *program, uint64_t packets, uint64_t bytes)
{
	for (uint16_t i = 0; i < program->n_rules; i++) {
		rule_count_add(&flows->counts[program->slots[i]], packets, bytes, flows->now_ms);
	}
}

void
flow_fold(struct flows *flows, struct flow_entry *entry)
{
	struct flow_tail *tail = flow_entry_tail(entry);

	if (entry->packets == 0 || tail->program == INTERN_NONE) {
		return;
	}
	count_rules(
		flows, intern_bytes(flows->programs, tail->program), entry->packets, entry->bytes);
	tail->packets += entry->packets;
	tail->bytes += entry->bytes;
	entry->packets = 0;
	entry->bytes = 0;
}

/* --- remembering ----------------------------------------------------------------------------- */

void
flow_put_programs(struct flows *flows)
{
	while (flows->n_put > 0) {
		intern_put(flows->programs, flows->put[--flows->n_put]);
	}
}

/* The program is still some verdict's of this burst. */
static void
put_later(struct flows *flows, uint32_t program)
{
	assert(flows->n_put < RTE_DIM(flows->put));
	flows->put[flows->n_put++] = program;
}

/* What it comes to in short: a verdict like a bridge's, if it is no more than that. */
static void
shorten(const struct flow_step *step, const struct program *program, const struct pkt *pkt,
	struct flow_memo *memo)
{
	const struct action *only = program_first(program);
	struct vlan_frame frame;

	memo->kind = VERDICT_PROGRAM;
	if ((program->flags & PROGRAM_SIMPLE) == 0) {
		return;
	}
	if (only->code == ACTION_DROP) {
		memo->kind = VERDICT_DROP;
		memo->reason = (uint8_t)only->arg;
		memo->to = (uint16_t)only->number;
	} else if (only->code == ACTION_SPREAD) {
		memo->kind = VERDICT_FLOOD;
	} else {
		const struct port_view *to = step->at->snap->ports[only->number];

		memo->kind = VERDICT_OUTPUT;
		memo->to = (uint16_t)only->number;
		if (vlan_ingress(&step->at->in->vlan, pkt->head, pkt->head_len, &frame) &&
			!frame.in_bytes && vlan_egress(&to->vlan, &frame).op == VLAN_KEEP) {
			memo->flags |= FLOW_KEEP;
		}
	}
}

static void
remember(const struct flow_step *step, struct flow_entry *entry, const struct pkt *pkt,
	uint32_t program, uint64_t generation)
{
	const struct bridge_view *bridge = step->at->bridge;
	const struct decision *decision = &step->flows->decision;
	struct flow_tail *tail = flow_entry_tail(entry);
	struct flow_memo memo = {
		.version = (uint32_t)bridge->version,
		.vid = decision->vid,
		.flags = decision->normal ? 0 : FLOW_APART,
	};

	if (decision->normal) {
		memo.src_dep = fdb_dep(bridge->fdb, decision->src);
		memo.dst_dep = fdb_dep(bridge->fdb, decision->dst);
		memo.flags |= (uint8_t)((decision->station ? FLOW_STATION : 0) |
			(decision->relearn ? FLOW_RELEARN : 0));
	}
	if (tail->program != INTERN_NONE) {
		flow_fold(step->flows, entry);
		put_later(step->flows, tail->program);
	}
	shorten(step, decision_program(decision), pkt, &memo);
	tail->program = program;
	tail->rules = step->rules;
	entry->generation = generation;
	memcpy(flow_entry_payload(entry), &memo, sizeof(memo));
}

/* No room to remember it: this packet alone goes by it. */
static void
use_once(const struct flow_step *step, uint16_t i)
{
	struct flows *flows = step->flows;
	const struct program *program = decision_program(&flows->decision);

	memcpy(flows->spill[i], program, program->size);
	count_rules(flows, program, 1, step->pkts[i].len);
	step->verdicts[i] = (struct verdict){.kind = VERDICT_PROGRAM,
		.program = (const struct program *)(const void *)flows->spill[i]};
}

static void
decide_one(const struct flow_step *step, uint16_t i, uint64_t generation) ON_WORKER
{
	struct flows *flows = step->flows;
	struct decision *decision = &flows->decision;
	struct flow_entry *entry = NULL;
	const struct program *made;
	struct parsed parsed;
	uint32_t program = INTERN_NONE;
	bool is_new;

	(void)parse_as_asked(step->port_keys, &step->pkts[i], &parsed);
	pipeline_decide(step->at, &parsed.fields, NULL, decision);
	made = decision_program(decision);
	for (uint16_t r = 0; r < made->n_rules; r++) {
		rule_count_miss(&flows->counts[made->slots[r]]);
	}
	if (!decision->once) {
		program = intern_get(flows->programs, made, made->size);
	}
	if (program != INTERN_NONE) {
		entry = flow_cache_insert(flows->cache, &flows->keys[i], &is_new);
	}
	if (entry == NULL) {
		if (program != INTERN_NONE) {
			intern_put(flows->programs, program);
		}
		use_once(step, i);
		return;
	}
	remember(step, entry, &step->pkts[i], program, generation);
	flow_recall(step, entry, i);
	flow_count(entry, &step->pkts[i]);
}

void
flow_rules_decide(const struct flow_step *step, const uint16_t *index, uint16_t n)
{
	const uint64_t generation = fdb_generation(step->at->bridge->fdb);

	for (uint16_t k = 0; k < n; k++) {
		decide_one(step, index[k], generation);
	}
}
