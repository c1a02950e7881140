/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/flow.h"

#include <errno.h>
#include <rte_cycles.h>
#include <string.h>

#include "base/clock.h"
#include "datapath/table/pages.h"

#define TYPE_OFFSET (2 * RTE_ETHER_ADDR_LEN)
#define KEY_WORDS 3
#define KEY_MAC UINT64_C(0x0000ffffffffffff)
/* Above the input port in word 0. */
#define CUT_TAG (UINT64_C(1) << 48) /* there is a TPID, but no tag behind it */
/* Above the destination in word 1: the tag's VLAN id and that there is a tag. */
#define KEY_TAGGED (UINT64_C(1) << 60)
#define WALK_MIN UINT64_C(64) /* places of a slice */

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "an address is a word's low six bytes");

#define COUNTS_SIZE (RULE_SLOTS_MAX * sizeof(struct rule_count))
#define BY_PORT_SIZE (DP_PORTS_MAX * sizeof(struct flow_port_counts))

/* The entry is forgotten: its counts and its program are not. */
static void
forget(struct flow_entry *entry, void *arg)
{
	struct flows *flows = arg;

	if (flow_has_tail(entry)) {
		const struct flow_tail *tail = flow_entry_tail(entry);

		flow_fold(flows, entry);
		if (tail->program != INTERN_NONE) {
			intern_put(flows->programs, tail->program);
		}
	}
}

int
flows_init(struct flows *flows, uint32_t capacity, uint64_t seed)
{
	const struct flow_cache_conf conf = {
		.capacity = capacity, .seed = seed, .on_evict = forget, .arg = flows};
	int rc;

	memset(flows, 0, offsetof(struct flows, spill));
	rc = flow_cache_create(&conf, &flows->cache);
	if (rc == 0) {
		rc = intern_create(capacity, seed ^ UINT64_C(0x9e3779b97f4a7c15), &flows->programs);
	}
	if (rc == 0) {
		flows->counts = pages_alloc(COUNTS_SIZE);
		flows->by_port = pages_alloc(BY_PORT_SIZE);
		rc = flows->counts == NULL || flows->by_port == NULL ? -ENOMEM : 0;
	}
	if (rc != 0) {
		flows_fini(flows);
	}
	return rc;
}

void
flows_fini(struct flows *flows)
{
	flow_cache_destroy(flows->cache);
	intern_destroy(flows->programs);
	pages_free(flows->counts, COUNTS_SIZE);
	pages_free(flows->by_port, BY_PORT_SIZE);
	flows->cache = NULL;
	flows->programs = NULL;
	flows->counts = NULL;
	flows->by_port = NULL;
}

/* --- keys ----------------------------------------------------------------------------------- */

/* Both TPIDs are one to a bridge: what differs in the tag that leaves is in the packet. */
static void
add_tag(const struct pkt *pkt, struct flow_key *key)
{
	if (pkt->head_len < RTE_ETHER_HDR_LEN + VLAN_TAG_LEN) {
		key->words[0] |= CUT_TAG;
		return;
	}
	key->words[1] |= KEY_TAGGED |
		(uint64_t)(load_be16(pkt->head + RTE_ETHER_HDR_LEN) & VLAN_ID_MASK) << 48;
}

void
flow_bridge_keys(
	struct flow_key *keys, const struct port_view *in, const struct pkt *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *head = pkts[i].head;
		struct flow_key *key = &keys[i];

		key->n_words = KEY_WORDS;
		key->words[0] = in->id;
		key->words[1] = load64(head) & KEY_MAC;
		key->words[2] = load64(head + RTE_ETHER_ADDR_LEN) & KEY_MAC;
		if (unlikely(eth_is_vlan(load_be16(head + TYPE_OFFSET)))) {
			add_tag(&pkts[i], key);
		}
	}
}

void
flow_bridge_fields(const uint64_t *words, struct fields *value, struct fields *mask)
{
	const uint64_t tag = words[1] >> 48;

	key_bridge_mask(mask);
	fields_set_word(value, 1, words[1] & KEY_MAC);
	fields_set_word(value, 2, words[2]);
	if ((words[1] & KEY_TAGGED) != 0) {
		value->vlan_tci =
			rte_cpu_to_be_16((uint16_t)((tag & VLAN_ID_MASK) | FIELDS_TAG_PRESENT));
	}
}

static bool
key_is_tagged(const uint64_t *words)
{
	return (words[1] & KEY_TAGGED) != 0;
}

/* The key's address in the FDB. */
static fdb_key_t
key_address(uint64_t word, uint16_t vid)
{
	return (word & KEY_MAC) | (uint64_t)vid << 48;
}

/* --- remembering ---------------------------------------------------------------------------- */

static void
remember(struct flow_entry *entry, const struct bridge_view *bridge, const struct verdict *verdict,
	uint64_t generation)
{
	const uint16_t vid = verdict->vlan.vid;
	struct flow_memo memo = {
		.version = (uint32_t)bridge->version,
		.to = verdict->kind != VERDICT_FLOOD && verdict->to != NULL
			? (uint16_t)verdict->to->id
			: 0,
		.vid = vid,
		.src_dep = fdb_dep(bridge->fdb, key_address(entry->words[2], vid)),
		.dst_dep = fdb_dep(bridge->fdb, key_address(entry->words[1], vid)),
		.kind = (uint8_t)verdict->kind,
		.reason = (uint8_t)verdict->reason,
		.seen = 1,
	};

	memo.flags = (uint8_t)((verdict->station ? FLOW_STATION : 0) |
		(verdict->relearn ? FLOW_RELEARN : 0));
	if (verdict->kind == VERDICT_OUTPUT && !key_is_tagged(entry->words) &&
		verdict->edit.op == VLAN_KEEP) {
		memo.flags |= FLOW_KEEP;
	}
	entry->generation = generation;
	memcpy(flow_entry_payload(entry), &memo, sizeof(memo));
}

/* What is not simply out to one port, as it is. */
static void
recall_rest(const struct flow_step *step, struct flow_entry *entry, uint16_t i)
{
	const struct flow_memo *memo = flow_entry_payload(entry);
	const struct pkt *pkt = &step->pkts[i];
	struct verdict *verdict = &step->verdicts[i];

	verdict->kind = memo->kind;
	verdict->reason = memo->reason;
	switch (verdict->kind) {
	case VERDICT_DROP:
		verdict->to = step->at->snap->ports[memo->to];
		return;
	case VERDICT_PROGRAM: {
		const struct flow_tail *tail = flow_entry_tail(entry);

		verdict->program = intern_bytes(step->flows->programs, tail->program);
		return;
	}
	case VERDICT_OUTPUT:
	case VERDICT_FLOOD:
		break;
	}
	/* What the tag's priority decides is in the packet. It was let in, so it is again. */
	(void)vlan_ingress(&step->at->in->vlan, pkt->head, pkt->head_len, &verdict->vlan);
	if (verdict->kind == VERDICT_OUTPUT) {
		verdict->to = step->at->snap->ports[memo->to];
		verdict->edit = vlan_egress(&verdict->to->vlan, &verdict->vlan);
	}
}

/* What most verdicts are comes first. */
static inline void
recall(const struct flow_step *step, struct flow_entry *entry, uint16_t i)
{
	const struct flow_memo *memo = flow_entry_payload(entry);
	struct verdict *verdict = &step->verdicts[i];

	if (unlikely((memo->flags & FLOW_KEEP) == 0)) {
		recall_rest(step, entry, i);
		return;
	}
	verdict->kind = VERDICT_OUTPUT;
	verdict->to = step->at->snap->ports[memo->to];
	verdict->edit = (struct vlan_edit){.op = VLAN_KEEP};
}

void
flow_recall(const struct flow_step *step, struct flow_entry *entry, uint16_t i)
{
	recall(step, entry, i);
}

/* --- a burst -------------------------------------------------------------------------------- */

/* Decide those packets afresh. */
static void
decide(const struct flow_step *step, const uint16_t *index, uint16_t n) ON_WORKER
{
	struct flows *flows = step->flows;
	const struct bridge_view *bridge = step->at->bridge;
	const uint64_t generation = fdb_generation(bridge->fdb);

	if (step->port_keys != NULL) {
		flow_rules_decide(step, index, n);
		return;
	}
	bridge_decide(step->at, step->pkts, index, n, step->verdicts);
	for (uint16_t k = 0; k < n; k++) {
		const uint16_t i = index[k];
		bool is_new;
		struct flow_entry *entry =
			flow_cache_insert(flows->cache, &flows->keys[i], &is_new);

		if (entry != NULL) {
			remember(entry, bridge, &step->verdicts[i], generation);
			flow_count(entry, &step->pkts[i]);
		}
	}
}

/* Was it made under this configuration, and is nothing left to learn? */
static bool
is_current(const struct flow_step *step, struct flow_entry *entry, bool relearn, uint16_t i)
{
	const struct flow_memo *memo = flow_entry_payload(entry);

	if (memo->version != step->version || (relearn && (memo->flags & FLOW_RELEARN) != 0)) {
		return false;
	}
	if (step->port_keys == NULL) {
		return true;
	}
	return likely(((const struct flow_tail *)flow_entry_tail(entry))->rules == step->rules) ||
		flow_rules_hold(step, entry, i);
}

static bool
holds(const struct fdb *fdb, struct flow_entry *entry, uint64_t generation)
{
	const struct flow_memo *memo = flow_entry_payload(entry);

	if (entry->generation != generation && (memo->flags & FLOW_APART) == 0) {
		if (!fdb_dep_holds(fdb, memo->src_dep, entry->generation) ||
			!fdb_dep_holds(fdb, memo->dst_dep, entry->generation)) {
			return false;
		}
		entry->generation = generation;
	}
	return true;
}

/* Of the hits: those that do not hold go to `todo`, the others stay in the answer. */
static uint64_t
keep_holding(
	const struct flow_step *step, uint64_t hits, bool relearn, uint16_t *todo, uint16_t *n_todo)
{
	const struct fdb *fdb = step->at->bridge->fdb;
	const uint64_t generation = fdb_generation(fdb);
	uint64_t kept = hits;

	for (; hits != 0; hits &= hits - 1) {
		const uint16_t i = (uint16_t)__builtin_ctzll(hits);
		struct flow_entry *entry = step->flows->entries[i];

		if (!is_current(step, entry, relearn, i) || !holds(fdb, entry, generation)) {
			kept &= ~(UINT64_C(1) << i);
			todo[(*n_todo)++] = i;
		}
	}
	return kept;
}

/* Packets of new flows, if there is no time for them. */
static void
turn_away(const struct flow_step *step, const uint16_t *index, uint16_t n)
{
	for (uint16_t k = 0; k < n; k++) {
		step->verdicts[index[k]] =
			(struct verdict){.kind = VERDICT_DROP, .reason = DROP_MISS_BUDGET};
	}
}

/*
 * Decide what is new (the first n_new) and what is stale, and what has become stale by that.
 * Returns the hits that hold.
 */
static uint64_t
decide_some(const struct flow_step *step, uint64_t hits, const uint16_t *todo, uint16_t n_new,
	uint16_t n_todo) ON_WORKER
{
	struct flows *flows = step->flows;
	struct miss_budget *budget = &flows->by_port[step->at->in->id].budget;
	const uint64_t begin = rte_rdtsc();
	const bool open =
		n_new == 0 || !flows->budget || miss_budget_open(budget, begin, flows->busy_queues);
	uint16_t again[PKT_BURST];
	uint16_t n_again = 0;

	if (!open) {
		turn_away(step, todo, n_new);
		todo += n_new;
		n_todo = (uint16_t)(n_todo - n_new);
	}
	flows->relearned_ms = step->at->now->ms;
	if (n_todo > 0) {
		decide(step, todo, n_todo);
		hits = keep_holding(step, hits, false, again, &n_again);
		if (n_again > 0) {
			decide(step, again, n_again);
		}
	}
	if (open && n_new > 0) {
		miss_budget_pay(budget, rte_rdtsc() - begin);
	}
	return hits;
}

/*
 * What is new or stale is decided first: that may learn its sources, and what is remembered must
 * know. All sources are this port's, so a flow that is stale only now has nothing left to learn.
 */
void
flows_decide(struct flows *flows, const struct arrival *at, struct pkt *pkts, uint16_t n,
	struct verdict *verdicts)
{
	const struct flow_step step = flow_step_of(flows, at, pkts, verdicts);
	const struct burst_time *now = at->now;
	uint16_t todo[PKT_BURST];
	uint16_t n_todo = 0;
	uint16_t n_new;
	uint64_t hits;

	if (n == 0) {
		return;
	}
	flows->now_ms = now->ns / CLOCK_MS;
	flow_cache_begin(flows->cache);
	if (step.port_keys == NULL) {
		flow_bridge_keys(flows->keys, at->in, pkts, n);
	} else {
		flow_put_programs(flows);
		flow_rules_keys(&step, n);
	}
	flow_cache_hash(flows->cache, flows->keys, n);
	hits = flow_cache_lookup(flows->cache, flows->keys, n, flows->entries);
	for (uint64_t misses = ~hits & (UINT64_MAX >> (64 - n)); misses != 0;
		misses &= misses - 1) {
		todo[n_todo++] = (uint16_t)__builtin_ctzll(misses);
	}
	n_new = n_todo;
	port_count(&flows->by_port[at->in->id].hits, (uint64_t)(n - n_new));
	hits = keep_holding(&step, hits, now->ms != flows->relearned_ms, todo, &n_todo);
	if (unlikely(n_todo > 0)) {
		port_count(&flows->by_port[at->in->id].misses, n_new);
		hits = decide_some(&step, hits, todo, n_new, n_todo);
	}
	for (; hits != 0; hits &= hits - 1) {
		const uint16_t i = (uint16_t)__builtin_ctzll(hits);
		struct flow_entry *entry = flows->entries[i];

		recall(&step, entry, i);
		flow_count(entry, &pkts[i]);
	}
}

/* --- the walk ------------------------------------------------------------------------------- */

struct walk {
	struct flows *flows;
	const struct snapshot *snap;
	const struct burst_time *now;
};

/* So far behind the bridge's rules that its stamp, of 32 bits, would become the current one again.
 */
static bool
flow_lags(const struct bridge_view *bridge, struct flow_entry *entry)
{
	return flow_has_tail(entry) && bridge->rules != NULL &&
		(uint32_t)bridge->rules->version -
			((const struct flow_tail *)flow_entry_tail(entry))->rules >
		UINT32_MAX / 2;
}

/*
 * Flows of an old configuration that nobody uses go, and those that no packet can meet any more;
 * sources of the others were seen.
 */
static bool
visit(struct flow_entry *entry, void *arg)
{
	const struct walk *walk = arg;
	struct flow_memo *memo = flow_entry_payload(entry);
	const uint32_t port = (uint16_t)entry->words[0];
	const struct port_view *in = walk->snap->ports[port];
	const struct bridge_view *bridge =
		in != NULL && in->bridge != 0 ? walk->snap->bridges[in->bridge] : NULL;
	const bool current = bridge != NULL && memo->version == (uint32_t)bridge->version;

	if (!flow_key_lives(walk->snap, entry)) {
		return false;
	}
	if (flow_has_tail(entry)) {
		flow_fold(walk->flows, entry);
	}
	if (!memo->seen) {
		return current && !flow_lags(bridge, entry);
	}
	memo->seen = 0;
	if (bridge != NULL && (memo->flags & FLOW_STATION) != 0) {
		(void)fdb_source_known(bridge->fdb, key_address(entry->words[2], memo->vid), port,
			walk->now->seconds);
	}
	return true;
}

void
flows_step(struct flows *flows, const struct snapshot *snap, const struct burst_time *now)
{
	const uint32_t passed = now->ms - flows->walked_ms;
	struct walk walk = {flows, snap, now};
	uint64_t slice;
	bool end = true;

	if (passed == 0) {
		return;
	}
	flows->walked_ms = now->ms;
	flows->now_ms = now->ns / CLOCK_MS;
	if (now->ms - flows->ticked_ms >= FLOW_TICK_MS) {
		flows->ticked_ms = now->ms;
		flow_cache_tick(flows->cache);
	}
	if (flow_cache_count(flows->cache) != 0 || flows->cursor != 0) {
		slice = RTE_MIN(
			(uint64_t)flow_cache_places(flows->cache) / FLOWS_PASS_MS, FLOWS_WALK_MAX);
		slice = RTE_MAX(slice * RTE_MIN(passed, FLOWS_PASS_MS), WALK_MIN);
		end = flow_cache_walk(
			flows->cache, &flows->cursor, (unsigned int)slice, visit, &walk);
	}
	if (end) {
		__atomic_store_n(&flows->passes, flows->passes + 1, __ATOMIC_RELEASE);
	}
}
