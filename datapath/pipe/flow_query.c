/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/flow_query.h"

#include <assert.h>
#include <string.h>

/* --- main --------------------------------------------------------------------------------------
 */

bool
flow_query_post(struct flows *flows, struct flow_query *query)
{
	if (__atomic_load_n(&flows->query, __ATOMIC_ACQUIRE) != NULL) {
		return false;
	}
	query->n = 0;
	query->end = false;
	query->cancel = false;
	query->progress = 0;
	query->slice_ms = 0;
	__atomic_store_n(&flows->query, query, __ATOMIC_RELEASE);
	return true;
}

bool
flow_query_done(const struct flows *flows)
{
	return __atomic_load_n(&flows->query, __ATOMIC_ACQUIRE) == NULL;
}

/* --- one entry ---------------------------------------------------------------------------------
 */

/* Who asks, for whom. */
struct asker {
	struct flows *flows;
	const struct snapshot *snap;
	struct flow_query *query;
	const struct burst_time *now;
};

static const struct key_shape *
shape_of(const struct port_keys *keys, struct key_first first)
{
	const struct key_shape *shapes = key_is_egress(first) ? keys->out : keys->shapes;

	for (unsigned int class = 0; class < RULES_ALL; class ++) {
		if (shapes[class].mask_id == first.mask_id) {
			return &shapes[class];
		}
	}
	return NULL;
}

static bool
fdb_changed(const struct fdb *fdb, const struct flow_entry *entry, const struct flow_memo *memo)
{
	return (memo->flags & FLOW_APART) == 0 && entry->generation != fdb_generation(fdb) &&
		(!fdb_dep_holds(fdb, memo->src_dep, entry->generation) ||
			!fdb_dep_holds(fdb, memo->dst_dep, entry->generation));
}

/* As the next packet would find it; what asking stamps is put back. */
static enum flow_told_state
state_of(const struct asker *asker, const struct port_view *in, struct flow_entry *entry,
	const struct key_shape *shape, bool egress)
{
	const struct bridge_view *bridge = asker->snap->bridges[in->bridge];
	const struct flow_memo *memo = flow_entry_payload(entry);

	if (bridge == NULL || memo->version != (uint32_t)bridge->version) {
		return FLOW_TOLD_OLD_CONFIG;
	}
	if (egress) {
		return FLOW_TOLD_CURRENT;
	}
	if (shape != NULL) {
		const struct arrival at = {.snap = asker->snap, .bridge = bridge, .in = in};
		const struct flow_step step = flow_step_of(asker->flows, &at, NULL, NULL);
		struct flow_tail *tail = flow_entry_tail(entry);
		const uint32_t rules = tail->rules;
		bool holds;

		asker->flows->shapes[0] = shape;
		holds = flow_rules_hold(&step, entry, 0);
		tail->rules = rules;
		if (!holds) {
			return FLOW_TOLD_OLD_RULES;
		}
	}
	return fdb_changed(bridge->fdb, entry, memo) ? FLOW_TOLD_OLD_ADDRESSES : FLOW_TOLD_CURRENT;
}

static void
tell_key(const struct flow_entry *entry, const struct key_shape *shape, struct flow_told *told)
{
	memset(&told->value, 0, sizeof(told->value));
	memset(&told->mask, 0, sizeof(told->mask));
	if (shape == NULL) {
		flow_bridge_fields(entry->words, &told->value, &told->mask);
		return;
	}
	for (unsigned int i = 0; i < shape->n_words; i++) {
		fields_set_word(&told->value, shape->words[i], entry->words[i] & shape->masks[i]);
		fields_set_word(&told->mask, shape->words[i], shape->masks[i]);
	}
}

static void
tell_program(const struct flows *flows, struct flow_entry *entry, struct flow_told *told)
{
	const struct flow_tail *tail = flow_entry_tail(entry);
	const struct program *program;

	told->packets += tail->packets;
	told->bytes += tail->bytes;
	if (tail->program != INTERN_NONE) {
		program = intern_bytes(flows->programs, tail->program);
		memcpy(told->bytes_of, program, program->size);
		told->n_program = program->size;
	}
}

/* False: no packet can meet it. */
static bool
tell(const struct asker *asker, struct flow_entry *entry, struct flow_told *told)
{
	const struct flow_memo *memo = flow_entry_payload(entry);
	const struct key_shape *shape = NULL;
	const struct port_view *in;
	const struct key_first first = key_first_of(entry->words[0]);

	in = asker->snap->ports[first.in_port];
	if (in == NULL || !flow_key_lives(asker->snap, entry)) {
		return false;
	}
	if (flow_has_tail(entry)) {
		shape = shape_of(asker->snap->keys[key_maker(first)], first);
		assert(shape != NULL && shape->n_words == entry->n_words);
	}
	told->port = first.in_port;
	told->mask_id = first.mask_id;
	told->egress = key_is_egress(first) ? key_maker(first) : 0;
	told->cut_tag = key_is_egress(first) ? first.pass == KEY_EGRESS_CUT_TAG
					     : first.spare == KEY_CUT_TAG;
	told->packets = entry->packets;
	told->bytes = entry->bytes;
	told->idle_ms = flow_cache_idle_ms(asker->flows->cache, entry);
	told->kind = (enum verdict_kind)memo->kind;
	told->reason = (enum drop_reason)memo->reason;
	told->to = memo->to;
	told->n_program = 0;
	told->state = state_of(asker, in, entry, shape, told->egress != 0);
	tell_key(entry, shape, told);
	if (shape != NULL) {
		tell_program(asker->flows, entry, told);
	}
	return true;
}

/* --- questions ---------------------------------------------------------------------------------
 */

/* The keys and packets of no burst are in use between bursts. */
static void
look_up(const struct asker *asker) ON_WORKER
{
	struct flow_query *query = asker->query;
	struct flows *flows = asker->flows;
	const struct port_view *in = asker->snap->ports[query->port];
	const struct bridge_view *bridge = in == NULL ? NULL : asker->snap->bridges[in->bridge];
	struct pkt pkt = {.head = (uint8_t *)(uintptr_t)query->frame,
		.len = query->frame_len,
		.head_len = (uint16_t)query->frame_len};
	struct flow_entry *entry;

	if (bridge == NULL) {
		return;
	}
	if (asker->snap->keys[in->id] == NULL) {
		flow_bridge_keys(flows->keys, in, &pkt, 1);
	} else {
		const struct arrival at = {.snap = asker->snap, .bridge = bridge, .in = in};
		const struct flow_step step = flow_step_of(flows, &at, &pkt, NULL);

		flow_rules_keys(&step, 1);
	}
	flow_cache_hash(flows->cache, flows->keys, 1);
	entry = flow_cache_peek(flows->cache, flows->keys);
	if (entry != NULL && tell(asker, entry, &query->told[0])) {
		query->n = 1;
	}
}

static bool
visit(struct flow_entry *entry, void *arg)
{
	const struct asker *asker = arg;
	struct flow_query *query = asker->query;
	const struct key_first first = key_first_of(entry->words[0]);

	if ((query->port == 0 || first.in_port == query->port) &&
		tell(asker, entry, &query->told[query->n])) {
		query->n++;
	}
	return true;
}

/* One slice; true: done. Place by place, so that the cursor is right behind the last entry. */
static bool
dump(struct asker *asker)
{
	struct flow_query *query = asker->query;
	const uint32_t last = RTE_MIN(query->max, query->n + FLOW_QUERY_SLICE);

	for (unsigned int i = 0; i < FLOW_QUERY_PLACES && query->n < last; i++) {
		query->end = flow_cache_walk(asker->flows->cache, &query->cursor, 1, visit, asker);
		if (query->end) {
			return true;
		}
	}
	return query->n == query->max;
}

void
flow_query_work(struct flows *flows, const struct snapshot *snap, const struct burst_time *now)
{
	struct flow_query *query = __atomic_load_n(&flows->query, __ATOMIC_ACQUIRE);
	struct asker asker = {flows, snap, query, now};
	bool done = true;

	if (__atomic_load_n(&query->cancel, __ATOMIC_RELAXED)) {
		query->n = 0;
	} else if (query->kind == FLOW_QUERY_FRAME) {
		look_up(&asker);
	} else if (query->progress != 0 && query->slice_ms == now->ms) {
		return;
	} else {
		query->slice_ms = now->ms;
		done = dump(&asker);
	}
	__atomic_store_n(&query->progress, query->progress + 1, __ATOMIC_RELAXED);
	if (done) {
		__atomic_store_n(&flows->query, NULL, __ATOMIC_RELEASE);
	}
}
