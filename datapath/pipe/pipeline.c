/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/pipeline.h"

#include <assert.h>
#include <string.h>

#include "datapath/pipe/output.h"

#define NO_TABLE (-1)

/* A frame on its way through. */
struct run {
	const struct arrival *at;
	const struct pipeline_trace *trace;
	struct decision *decision;
	struct fields fields;
	uint8_t table;
	bool outputs; /* some action sends */
	bool punts;
	bool refused; /* `reason` says why an output is not possible */
	bool overflow;
	enum drop_reason reason;
	uint32_t to; /* id of the output that it would have been; 0: none */
	uint16_t n_rules;
	uint16_t n_actions;
	uint16_t flags; /* enum program_flag */
	uint32_t size; /* of actions */
	uint32_t slots[PROGRAM_RULES_MAX];
	uint64_t actions[PROGRAM_SIZE_MAX / sizeof(uint64_t)];
};

static void
tell(const struct run *run, const struct pipeline_event *event)
{
	if (unlikely(run->trace != NULL)) {
		struct pipeline_event with = *event;

		with.table = run->table;
		with.fields = &run->fields;
		run->trace->tell(run->trace->arg, &with);
	}
}

/* --- putting the program together ------------------------------------------------------------ */

static void
count_rule(struct run *run, const struct rule *rule)
{
	if (run->n_rules == PROGRAM_RULES_MAX) {
		run->overflow = true;
		return;
	}
	run->slots[run->n_rules++] = rule->slot;
}

static void
put(struct run *run, const struct action *action)
{
	const uint32_t size = (uint32_t)(sizeof(*action) + action->n_words * sizeof(uint64_t));

	if (run->size + size > sizeof(run->actions)) {
		run->overflow = true;
		return;
	}
	memcpy((uint8_t *)run->actions + run->size, action, size);
	run->size += size;
	run->n_actions++;
}

static void
put_plain(struct run *run, enum action_code code, uint16_t arg, uint32_t number)
{
	put(run, &(struct action){.code = (uint8_t)code, .arg = arg, .number = number});
}

static void
refuse_to(struct run *run, enum drop_reason reason, const struct port_view *to)
{
	run->refused = true;
	run->reason = reason;
	run->to = to != NULL && drop_names_output(reason) ? to->id : 0;
	tell(run, &(struct pipeline_event){.step = PIPELINE_REFUSED, .reason = reason});
}

static void
refuse(struct run *run, enum drop_reason reason)
{
	refuse_to(run, reason, NULL);
}

static uint32_t
program_size(const struct run *run)
{
	return (uint32_t)(sizeof(struct program) +
		((run->n_rules + 1U) & ~1U) * sizeof(run->slots[0]) + run->size);
}

/* What sends nothing says why. */
static void
finish(struct run *run)
{
	struct program *program = (struct program *)(void *)run->decision->words;

	if (!run->outputs) {
		put_plain(run, ACTION_DROP,
			run->refused         ? run->reason
				: run->punts ? DROP_PUNTED
					     : DROP_RULE,
			run->to);
	}
	if (run->overflow || program_size(run) > PROGRAM_SIZE_MAX) {
		/* The rules that were met count what they met. */
		run->size = 0;
		run->n_actions = 0;
		run->flags = 0;
		put_plain(run, ACTION_DROP, DROP_TOO_MANY_ACTIONS, 0);
	}
	*program = (struct program){.size = (uint16_t)program_size(run),
		.n_rules = run->n_rules,
		.n_actions = run->n_actions,
		.flags = run->flags};
	if (run->n_rules % 2 != 0) {
		run->slots[run->n_rules] = 0;
	}
	memcpy(program->slots, run->slots, ((run->n_rules + 1U) & ~1U) * sizeof(run->slots[0]));
	if (run->n_actions == 1) {
		const struct action *only = (const struct action *)(const void *)run->actions;

		if (only->code == ACTION_DELIVER || only->code == ACTION_SPREAD ||
			only->code == ACTION_DROP) {
			program->flags |= PROGRAM_SIMPLE;
		}
	}
	memcpy((uint8_t *)program + program->size - run->size, run->actions, run->size);
}

/* --- outputs --------------------------------------------------------------------------------- */

static void
run_output(struct run *run, const struct action *action)
{
	const struct port_view *to;
	const enum drop_reason reason = output_find(run->at, action, &to);

	if (reason != DROP_N) {
		refuse_to(run, reason, to);
		return;
	}
	put_plain(run, ACTION_OUTPUT, action->arg, to->id);
	run->outputs = true;
}

uint16_t
pipeline_header(const struct fields *f, uint8_t header[RTE_ETHER_HDR_LEN + VLAN_TAG_LEN])
{
	uint16_t len = 2 * RTE_ETHER_ADDR_LEN;

	memcpy(header, f->eth_dst, RTE_ETHER_ADDR_LEN);
	memcpy(header + RTE_ETHER_ADDR_LEN, f->eth_src, RTE_ETHER_ADDR_LEN);
	if (f->vlan_tci != 0) {
		/* The bit that says that there is a tag is the tag's DEI, which decides nothing. */
		store16(header + len, f->outer_tpid != 0 ? f->outer_tpid : RTE_BE16(ETH_TPID_CTAG));
		store16(header + len + 2, f->vlan_tci & ~RTE_BE16(FIELDS_TAG_PRESENT));
		len += VLAN_TAG_LEN;
	}
	store16(header + len, f->inner_tci != 0 ? f->inner_tpid : f->eth_type);
	return (uint16_t)(len + sizeof(uint16_t));
}

static void
spread(struct run *run, const struct verdict *verdict)
{
	put_plain(run, ACTION_SPREAD, verdict->vlan.vid, storm_kind_of(run->fields.eth_dst));
	run->outputs = true;
}

/* The source that `normal` saw is the one that the frame came with. */
static bool
source_as_received(const struct run *run, const struct fields *received)
{
	return memcmp(run->fields.eth_src, received->eth_src, sizeof(received->eth_src)) == 0;
}

static void
run_normal(struct run *run, const struct fields *received)
{
	static const uint16_t first = 0;
	struct decision *decision = run->decision;
	struct verdict verdict;
	uint8_t header[RTE_ETHER_HDR_LEN + VLAN_TAG_LEN];
	struct pkt pkt = {.head = header, .head_len = pipeline_header(&run->fields, header)};

	pkt.len = pkt.head_len;
	bridge_decide(run->at, &pkt, &first, 1, &verdict);
	tell(run, &(struct pipeline_event){.step = PIPELINE_NORMAL, .verdict = &verdict});
	decision->once = decision->once || decision->normal;
	decision->normal = true;
	decision->station = verdict.station && source_as_received(run, received);
	decision->relearn = verdict.relearn;
	decision->vid = verdict.vlan.vid;
	decision->src =
		fdb_key((const struct rte_ether_addr *)run->fields.eth_src, verdict.vlan.vid);
	decision->dst =
		fdb_key((const struct rte_ether_addr *)run->fields.eth_dst, verdict.vlan.vid);
	switch (verdict.kind) {
	case VERDICT_OUTPUT:
		put_plain(run, ACTION_DELIVER, 0, verdict.to->id);
		run->outputs = true;
		break;
	case VERDICT_FLOOD:
		spread(run, &verdict);
		break;
	default:
		refuse_to(run, verdict.reason, verdict.to);
	}
}

static void
run_flood(struct run *run)
{
	struct verdict verdict = {.kind = VERDICT_FLOOD};
	uint8_t header[RTE_ETHER_HDR_LEN + VLAN_TAG_LEN];
	const uint16_t len = pipeline_header(&run->fields, header);

	if (!vlan_ingress(&run->at->in->vlan, header, len, &verdict.vlan)) {
		refuse(run, DROP_VLAN_NOT_ALLOWED);
		return;
	}
	tell(run, &(struct pipeline_event){.step = PIPELINE_FLOOD, .verdict = &verdict});
	spread(run, &verdict);
}

/* --- actions --------------------------------------------------------------------------------- */

static void
run_edit(struct run *run, const struct action *action)
{
	switch (action->code) {
	case ACTION_PUSH_VLAN:
		action_push_fields(action->arg, &run->fields);
		break;
	case ACTION_POP_VLAN:
		action_pop_fields(&run->fields);
		break;
	case ACTION_DEC_TTL:
		action_dec_ttl_fields(&run->fields);
		break;
	default:
		action_set_fields(action, &run->fields);
		if (action->arg >= ACTION_REG0) {
			return;
		}
	}
	put(run, action);
	run->flags |= PROGRAM_EDITS;
}

/* The table to go on with, or NO_TABLE. */
static int
run_list(struct run *run, const struct action_list *list, const struct fields *received)
{
	const struct action *end = action_list_end(list);

	for (const struct action *a = action_list_first(list); a < end; a = action_next(a)) {
		tell(run, &(struct pipeline_event){.step = PIPELINE_ACTION, .action = a});
		switch ((enum action_code)a->code) {
		case ACTION_OUTPUT:
		case ACTION_IN_PORT:
			run_output(run, a);
			break;
		case ACTION_NORMAL:
			run_normal(run, received);
			break;
		case ACTION_FLOOD:
			run_flood(run);
			break;
		case ACTION_GOTO:
			return a->arg;
		case ACTION_GROUP:
			put(run, a);
			run->outputs = true; /* or a drop that says no-bucket */
			break;
		case ACTION_METER:
		case ACTION_SAMPLE:
			put(run, a);
			break;
		case ACTION_PUNT:
			put(run, a);
			run->punts = true;
			break;
		case ACTION_PUSH_VLAN:
		case ACTION_POP_VLAN:
		case ACTION_SET:
		case ACTION_DEC_TTL:
			run_edit(run, a);
			break;
		case ACTION_DELIVER:
		case ACTION_SPREAD:
		case ACTION_DROP:
			assert(!"not in a rule");
			break;
		}
	}
	return NO_TABLE;
}

static void
run_tables(struct run *run, const struct rules_view *rules, const struct fields *received)
{
	for (int table = 0; table != NO_TABLE;) {
		const struct rule *rule;

		run->table = (uint8_t)table;
		rule = rules_lookup(rules->rules, run->table, &run->fields, rules->version, NULL);
		tell(run, &(struct pipeline_event){.step = PIPELINE_RULE, .rule = rule});
		if (rule == NULL) {
			if (table == 0) {
				run_normal(run, received);
			} else {
				refuse(run, DROP_NO_RULE);
			}
			return;
		}
		count_rule(run, rule);
		table = run_list(run, rule->actions, received);
		assert(table == NO_TABLE || table > run->table);
	}
}

/* --- policy ---------------------------------------------------------------------------------- */

static bool
acl_accepts(struct run *run, const struct acl_view *acl)
{
	const struct rule *rule = acl_find(acl, &run->fields);

	tell(run, &(struct pipeline_event){.step = PIPELINE_ACL, .rule = rule});
	if (rule != NULL) {
		count_rule(run, rule);
	} else if (acl->rest_slot != 0) {
		run->slots[run->n_rules++] = acl->rest_slot;
	}
	return acl_verdict(acl, rule);
}

/* May the frame enter the flow tables? */
static bool
run_policy(struct run *run)
{
	const struct port_view *in = run->at->in;

	if (in->spoof != NULL) {
		const enum drop_reason reason = spoof_check(in->spoof, &run->fields);

		if (reason != DROP_N) {
			tell(run,
				&(struct pipeline_event){
					.step = PIPELINE_SPOOFED, .reason = reason});
			refuse(run, reason);
			return false;
		}
	}
	if (in->acl_in != NULL && !acl_accepts(run, in->acl_in)) {
		refuse(run, DROP_ACL_DENIED);
		return false;
	}
	return true;
}

void
pipeline_decide(const struct arrival *at, const struct fields *fields,
	const struct pipeline_trace *trace, struct decision *decision)
{
	struct run run;

	/* Not the arrays: they are as long as they are. */
	memset(&run, 0, offsetof(struct run, slots));
	run.at = at;
	run.trace = trace;
	run.decision = decision;
	run.fields = *fields;
	run.fields.in_port = at->in->number;
	run.fields.mask_id = 0;
	memset(decision, 0, offsetof(struct decision, words));
	if (run_policy(&run)) {
		if (at->bridge->rules != NULL) {
			run_tables(&run, at->bridge->rules, fields);
		} else {
			run_normal(&run, fields);
		}
	}
	finish(&run);
}
