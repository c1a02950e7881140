/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Egress access lists: a second lookup, for each copy to a port that has one. The key is the
 * output's (key.h, `out`), of the frame as it is when it is about to leave; what the list says is
 * remembered in the same flow cache.
 */
#include <rte_cycles.h>
#include <string.h>

#include "datapath/pipe/act.h"
#include "datapath/pipe/burst.h"

/* Of one packet. */
struct ask {
	const struct acl_view *acl;
	struct parsed parsed;
	struct flow_key key;
};

static void
make_key(struct ask *ask, const struct port_keys *keys, const struct port_view *to, struct pkt *pkt)
{
	const struct key_shape *shape;

	parse_l2(pkt->head, pkt->head_len, pkt->len, &ask->parsed);
	shape = &keys->out[key_class(ask->parsed.fields.eth_type)];
	if (shape->depth > PARSE_L2) {
		parse(pkt->head, pkt->head_len, pkt->len, (enum parse_depth)shape->depth,
			&ask->parsed);
	}
	key_make_egress(shape, &ask->parsed.fields, pkt->in_port, to->id, &ask->key);
}

/* The list's answer, from the beginning; slot: the counter of what decided, 0 for none. */
static bool
look_up(const struct ask *ask, uint32_t *slot)
{
	const struct rule *rule = acl_find(ask->acl, &ask->parsed.fields);

	*slot = rule == NULL ? ask->acl->rest_slot : rule->slot;
	return acl_verdict(ask->acl, rule);
}

/* One rule to count for, and what happens to who is denied. */
static void
make_program(uint64_t made[3], uint32_t slot)
{
	const struct program program = {.size = 3 * sizeof(made[0]), .n_rules = 1, .n_actions = 1};
	const struct action action = {.code = ACTION_DROP, .arg = DROP_ACL_EGRESS};

	memcpy(&made[0], &program, sizeof(program));
	made[1] = 0;
	memcpy(&made[1], &slot, sizeof(slot));
	memcpy(&made[2], &action, sizeof(action));
}

/* The entry of the answer, new or decided again; NULL: it cannot be remembered. */
static struct flow_entry *
remember(struct flows *flows, struct ask *ask, uint64_t version, bool accepts, uint32_t slot,
	uint32_t len)
{
	uint64_t made[3];
	uint32_t program;
	struct flow_entry *entry = NULL;
	struct flow_tail *tail;
	bool is_new;

	make_program(made, slot);
	program = intern_get(flows->programs, made, sizeof(made));
	if (program != INTERN_NONE) {
		entry = flow_cache_insert(flows->cache, &ask->key, &is_new);
	}
	if (entry == NULL) {
		if (program != INTERN_NONE) {
			intern_put(flows->programs, program);
		}
		rule_count_add(&flows->counts[slot], 1, len, flows->now_ms);
		return NULL;
	}
	tail = flow_entry_tail(entry);
	if (tail->program != INTERN_NONE) {
		flow_fold(flows, entry);
		intern_put(flows->programs, tail->program);
	}
	tail->program = program;
	*(struct flow_memo *)flow_entry_payload(entry) = (struct flow_memo){
		.version = (uint32_t)version,
		.kind = accepts ? VERDICT_OUTPUT : VERDICT_DROP,
		.reason = DROP_ACL_EGRESS,
		.flags = FLOW_APART,
	};
	return entry;
}

/*
 * What is new to the list is paid for by who sends it, as new flows are at the way in: one flow
 * there can be any number here. False: there is no time for it.
 */
static bool
decide(struct flows *flows, const struct arrival *at, struct ask *ask, uint32_t len,
	struct flow_entry **entry, bool *accepts) ON_WORKER
{
	struct miss_budget *budget = &flows->by_port[at->in->id].budget;
	const uint64_t begin = rte_rdtsc();
	const bool is_new = *entry == NULL;
	uint32_t slot;

	if (is_new && flows->budget && !miss_budget_open(budget, begin, flows->busy_queues)) {
		return false;
	}
	*accepts = look_up(ask, &slot);
	*entry = remember(flows, ask, at->bridge->version, *accepts, slot, len);
	if (is_new) {
		miss_budget_pay(budget, rte_rdtsc() - begin);
	}
	return true;
}

bool
egress_accepts(
	struct burst *burst, const struct arrival *at, const struct port_view *to, struct pkt *pkt)
{
	const struct port_keys *keys = at->snap->keys[to->id];
	struct flows *flows = &burst->flows;
	struct ask ask = {.acl = to->acl_out};
	struct flow_entry *entry = NULL;
	bool accepts = false;
	bool current = false;

	make_key(&ask, keys, to, pkt);
	flow_cache_hash(flows->cache, &ask.key, 1);
	(void)flow_cache_lookup(flows->cache, &ask.key, 1, &entry);
	if (likely(entry != NULL)) {
		const struct flow_memo *memo = flow_entry_payload(entry);

		accepts = memo->kind == VERDICT_OUTPUT;
		current = memo->version == (uint32_t)at->bridge->version;
	}
	if (unlikely(!current) && !decide(flows, at, &ask, pkt->len, &entry, &accepts)) {
		loss_rx(&burst->loss, at->in, pkt, DROP_MISS_BUDGET);
		return false;
	}
	if (entry != NULL) {
		flow_count(entry, pkt);
	}
	if (!accepts) {
		loss_tx_pkt(&burst->loss, to, pkt, DROP_ACL_EGRESS);
	}
	return accepts;
}
