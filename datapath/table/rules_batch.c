/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches: what is born and what dies with the next version, and how to take it back. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datapath/table/rules_priv.h"

#define UNDO_MIN 64

void
rules_begin(struct rules *rules)
{
	assert(!rules->batch && rules->n_undo == 0);
	rules->batch = true;
}

static int
undo_grow(struct rules *rules)
{
	const size_t n_room = rules->n_undo_room == 0 ? UNDO_MIN : rules->n_undo_room * 2;
	struct rules_undo *undo;

	if (rules->n_undo < rules->n_undo_room) {
		return 0;
	}
	undo = realloc(rules->undo, n_room * sizeof(*undo));
	if (undo == NULL) {
		return -ENOMEM;
	}
	rules->undo = undo;
	rules->n_undo_room = n_room;
	return 0;
}

static void
note(struct rules *rules, struct rule *rule, enum rules_op op)
{
	rules->undo[rules->n_undo++] = (struct rules_undo){.rule = rule, .op = op};
}

/* --- where a rule lives ---------------------------------------------------------------------- */

static struct rule_subtable *
subtable_with(const struct rule_table *table, const struct fields *mask)
{
	for (uint32_t i = 0; i < table->n_subtables; i++) {
		if (memcmp(&table->subtables[i]->mask, mask, sizeof(*mask)) == 0) {
			return table->subtables[i];
		}
	}
	return NULL;
}

/* Found or made; NULL: there are too many already, or no memory. */
static struct rule_subtable *
subtable_get(struct rules *rules, struct rule_table *table, const struct fields *mask)
{
	struct rule_subtable *subtable = subtable_with(table, mask);

	if (subtable != NULL || table->n_subtables >= rules->conf.subtables_max) {
		return subtable;
	}
	subtable = rule_subtable_create(rules, mask);
	if (subtable != NULL) {
		table->subtables[table->n_subtables++] = subtable;
		table->order_stale = true;
	}
	return subtable;
}

/* Does a rule ask for all bits of the subtable's key? */
static bool
fits(const struct rule *rule, const struct rule_subtable *subtable)
{
	for (unsigned int i = 0; i < subtable->bits.n; i++) {
		const uint8_t place = rule->mask->place[subtable->bits.word[i]];

		if (place == RULE_NO_WORD ||
			(subtable->bits.bits[i] & ~rule->mask->bits.bits[place]) != 0) {
			return false;
		}
	}
	return true;
}

/* No home will take it and there may be no more subtables: any that can. */
static int
place_anywhere(struct rules *rules, struct rule_table *table, struct rule *rule)
{
	const uint32_t max = rules->conf.chain_max;

	for (uint32_t chain = rules->conf.chain_limit; chain < 2 * max; chain *= 2) {
		for (uint32_t i = 0; i < table->n_subtables; i++) {
			struct rule_subtable *subtable = table->subtables[i];

			if (fits(rule, subtable) &&
				rule_subtable_insert(
					rules, subtable, rule, chain < max ? chain : max) == 0) {
				return 0;
			}
		}
	}
	return -ENOSPC;
}

static int
place_home(struct rules *rules, struct rule_table *table, struct rule *rule)
{
	struct rule_mask *mask = rule->mask;
	int rc = -ENOSPC;

	for (unsigned int i = rules->conf.exact ? RULE_HOMES - 1 : 0; i < RULE_HOMES; i++) {
		const bool last = i == RULE_HOMES - 1;

		if (mask->homes[i] == NULL) {
			struct fields key;

			rule_mask_home(mask, rules->conf.exact ? RULE_HOME_PLAIN : i, &key);
			mask->homes[i] = subtable_get(rules, table, &key);
		}
		if (mask->homes[i] == NULL ||
			(i + 1 < RULE_HOMES && mask->homes[i + 1] != NULL &&
				mask->homes[i] == mask->homes[i + 1])) {
			continue;
		}
		rc = rule_subtable_insert(rules, mask->homes[i], rule,
			last ? rules->conf.chain_max : rules->conf.chain_limit);
		if (rc != -ENOSPC) {
			return rc;
		}
	}
	return rc;
}

static int
place(struct rules *rules, struct rule_table *table, struct rule *rule)
{
	int rc = place_home(rules, table, rule);

	if (rc == -ENOSPC && table->n_subtables >= rules->conf.subtables_max) {
		rc = place_anywhere(rules, table, rule);
	}
	if (rc == 0 && rule->subtable->priority_max < rule->priority) {
		rule->subtable->priority_max = rule->priority;
		table->order_stale = true;
	}
	return rc;
}

/* --- birth and death ------------------------------------------------------------------------- */

static int
table_get(struct rules *rules, uint8_t number, struct rule_table **out)
{
	struct rule_table *table;

	if (number >= RULES_TABLES) {
		return -EINVAL;
	}
	table = rules->tables[number];
	if (table == NULL) {
		table = must_calloc(1, sizeof(*table));
		table->number = number;
		table->subtables =
			must_calloc(rules->conf.subtables_max, sizeof(struct rule_subtable *));
		rule_index_init(&table->by_match, false);
		__atomic_store_n(&rules->tables[number], table, __ATOMIC_RELEASE);
	}
	*out = table;
	return 0;
}

static struct rule *
rule_create(struct rules *rules, struct rule_table *table, const struct rule_spec *spec,
	const struct match *match)
{
	struct rule_mask *mask = rule_mask_get(table, match);
	struct rule *rule;

	if (mask == NULL) {
		return NULL;
	}
	rule = calloc(1, sizeof(*rule) + mask->bits.n * sizeof(uint64_t));
	if (rule == NULL) {
		rule_mask_put(table, mask);
		return NULL;
	}
	*rule = (struct rule){
		.cookie = spec->cookie,
		.created = spec->created,
		.hash = rules_match_hash(match, spec->priority),
		.slot = spec->slot,
		.idle_s = spec->idle_s,
		.hard_s = spec->hard_s,
		.mask = mask,
		.born = rules->version + 1,
		.died = RULES_VERSION_MAX,
		.actions = spec->actions,
		.id = spec->id,
		.priority = spec->priority,
		.table = spec->table,
		.l4_src = match->l4_src,
		.l4_dst = match->l4_dst,
	};
	for (unsigned int i = 0; i < mask->bits.n; i++) {
		struct fields value = match->value;

		if (mask->ranged_src) {
			value.l4_src = (uint16_t)(match->l4_src.low << 8 | match->l4_src.low >> 8);
		}
		if (mask->ranged_dst) {
			value.l4_dst = (uint16_t)(match->l4_dst.low << 8 | match->l4_dst.low >> 8);
		}
		rule->words[i] = fields_word(&value, mask->bits.word[i]) & mask->bits.bits[i];
	}
	rules->bytes += sizeof(*rule) + mask->bits.n * sizeof(uint64_t);
	return rule;
}

/* A rule that nobody has seen and `released` must not hear of. */
static void
rule_free(struct rules *rules, struct rule_table *table, struct rule *rule)
{
	rules->bytes -= sizeof(*rule) + rule->mask->bits.n * sizeof(uint64_t);
	rule_mask_put(table, rule->mask);
	free(rule);
}

static int
bear(struct rules *rules, const struct rule_spec *spec, const struct match *match, bool successor)
{
	struct rule_table *table = rules->tables[spec->table];
	struct rule *rule;
	int rc = undo_grow(rules);

	if (rc != 0 || rule_index_grow(&rules->by_id) != 0 ||
		rule_index_grow(&table->by_match) != 0) {
		return -ENOMEM;
	}
	rule = rule_create(rules, table, spec, match);
	if (rule == NULL) {
		return -ENOMEM;
	}
	rule->successor = successor;
	rc = rules_timer_arm(rules, rule);
	if (rc == 0) {
		rc = place(rules, table, rule);
	}
	if (rc != 0) {
		rules_timer_disarm(rules, rule);
		rule_free(rules, table, rule);
		return rc;
	}
	rule_use_add(table, rule);
	rule_index_insert(&rules->by_id, rule);
	rule_index_insert(&table->by_match, rule);
	table->n_rules++;
	rules->n_rules++;
	note(rules, rule, RULES_OP_BORN);
	return 0;
}

static void
unindex(struct rules *rules, struct rule *rule)
{
	struct rule_table *table = rules->tables[rule->table];

	rule_index_remove(&rules->by_id, rule);
	rule_index_remove(&table->by_match, rule);
	rules_timer_disarm(rules, rule);
	table->n_rules--;
	rules->n_rules--;
}

static void
reindex(struct rules *rules, struct rule *rule)
{
	struct rule_table *table = rules->tables[rule->table];
	int rc;

	rule_index_insert(&rules->by_id, rule);
	rule_index_insert(&table->by_match, rule);
	rc = rules_timer_arm(rules, rule); /* there was room */
	assert(rc == 0);
	(void)rc;
	table->n_rules++;
	rules->n_rules++;
}

/* With the next version; what this batch made leaves its chain at once, for nobody saw it. */
int
rules_kill(struct rules *rules, struct rule *rule, enum rule_end end)
{
	assert(rules->batch && rule_died(rule) == RULES_VERSION_MAX);
	if (undo_grow(rules) != 0) {
		return -ENOMEM;
	}
	unindex(rules, rule);
	rule->end = (uint8_t)end;
	__atomic_store_n(&rule->died, rules->version + 1, __ATOMIC_RELAXED);
	if (rule->born > rules->version) {
		rules_unlink(rules, rule);
	}
	note(rules, rule, RULES_OP_DIED);
	return 0;
}

/* --- operations ------------------------------------------------------------------------------ */

static bool
overlaps(const struct rule_table *table, const struct match *match, uint32_t priority)
{
	for (uint32_t i = 0; i < table->by_match.n_places; i++) {
		const struct rule *rule = table->by_match.places[i];
		struct match its;

		if (rule == NULL || rule->priority != priority) {
			continue;
		}
		rules_get_match(rule, &its);
		if (match_overlaps(&its, match)) {
			return true;
		}
	}
	return false;
}

int
rules_add(struct rules *rules, const struct rule_spec *spec)
{
	struct match match = spec->match;
	struct rule_table *table;
	struct rule *replaced;
	const struct rule *same_id;
	int rc = table_get(rules, spec->table, &table);

	assert(rules->batch);
	if (rc != 0 || match_canonical(&match) != 0) {
		return -EINVAL;
	}
	replaced = rules_find_match(table, &match, spec->priority);
	same_id = rules_find(rules, spec->id);
	if (same_id != NULL && same_id != replaced) {
		return -EINVAL;
	}
	if (spec->check_overlap && overlaps(table, &match, spec->priority)) {
		return -EEXIST;
	}
	if (replaced != NULL) {
		rc = rules_kill(rules, replaced, RULE_REPLACED);
	} else if (rules->n_rules >= rules->conf.limit) {
		rc = -ENOSPC;
	}
	return rc != 0 ? rc : bear(rules, spec, &match, false);
}

/* The rules of a filter, taken down before they are changed. */
struct found {
	struct rule **rules; /* owned */
	size_t n;
	size_t n_room;
	int rc;
};

static bool
found_put(void *arg, const struct rule *rule)
{
	struct found *found = arg;

	if (found->n == found->n_room) {
		const size_t n_room = found->n_room == 0 ? UNDO_MIN : found->n_room * 2;
		struct rule **more = realloc(found->rules, n_room * sizeof(*more));

		if (more == NULL) {
			found->rc = -ENOMEM;
			return false;
		}
		found->rules = more;
		found->n_room = n_room;
	}
	found->rules[found->n++] = (struct rule *)(uintptr_t)rule;
	return true;
}

static void
found_fini(struct found *found)
{
	free(found->rules);
}

static int
modify(struct rules *rules, struct rule *rule, void *actions)
{
	const struct rule_spec spec = {
		.id = rule->id,
		.slot = rule->slot,
		.cookie = rule->cookie,
		.created = rule->created,
		.actions = actions,
		.priority = rule->priority,
		.idle_s = rule->idle_s,
		.hard_s = rule->hard_s,
		.table = rule->table,
	};
	struct match match;
	int rc;

	rules_get_match(rule, &match);
	rc = rules_kill(rules, rule, RULE_MODIFIED);
	return rc != 0 ? rc : bear(rules, &spec, &match, true);
}

int
rules_modify(struct rules *rules, const struct rules_filter *filter,
	int (*change)(void *arg, const struct rule *rule, void **actions), void *arg, size_t *n)
{
	struct found found = {0};
	int rc = rules_walk(rules, filter, found_put, &found);

	assert(rules->batch);
	rc = rc != 0 ? rc : found.rc;
	for (*n = 0; rc == 0 && *n < found.n; ++*n) {
		void *actions = NULL;

		rc = change(arg, found.rules[*n], &actions);
		if (rc == 0) {
			rc = modify(rules, found.rules[*n], actions);
		}
	}
	found_fini(&found);
	return rc;
}

int
rules_delete(struct rules *rules, const struct rules_filter *filter, size_t *n)
{
	struct found found = {0};
	int rc = rules_walk(rules, filter, found_put, &found);

	assert(rules->batch);
	rc = rc != 0 ? rc : found.rc;
	for (*n = 0; rc == 0 && *n < found.n; ++*n) {
		rc = rules_kill(rules, found.rules[*n], RULE_DELETED);
	}
	found_fini(&found);
	return rc;
}

void
rules_walk_batch(
	const struct rules *rules, bool (*each)(void *arg, const struct rule *rule), void *arg)
{
	assert(rules->batch);
	for (size_t i = 0; i < rules->n_undo; i++) {
		if (!each(arg, rules->undo[i].rule)) {
			return;
		}
	}
}

uint64_t
rules_commit(struct rules *rules)
{
	assert(rules->batch);
	for (size_t i = 0; i < rules->n_undo; i++) {
		struct rule *rule = rules->undo[i].rule;

		if (rules->undo[i].op == RULES_OP_DIED) {
			rule_use_put(rules->tables[rule->table], rule);
			rule_list_push(
				rule->subtable == NULL ? &rules->unlinked : &rules->dead, rule);
		}
	}
	for (unsigned int i = 0; i < RULES_TABLES; i++) {
		if (rules->tables[i] != NULL && rules->tables[i]->order_stale) {
			rules_reorder(rules, rules->tables[i]);
		}
	}
	rules->n_undo = 0;
	rules->batch = false;
	return ++rules->version;
}

static void
abort_birth(struct rules *rules, struct rule *rule)
{
	if (rule->subtable != NULL) {
		unindex(rules, rule);
		/* Not even a lookup of the version that the next batch makes may see it. */
		__atomic_store_n(&rule->died, rule->born, __ATOMIC_RELAXED);
		rules_unlink(rules, rule);
	}
	rule_use_put(rules->tables[rule->table], rule);
	rule->end = RULE_ABORTED;
	rule_list_push(&rules->unlinked, rule);
}

void
rules_abort(struct rules *rules)
{
	assert(rules->batch);
	while (rules->n_undo > 0) {
		const struct rules_undo undo = rules->undo[--rules->n_undo];

		if (undo.op == RULES_OP_BORN) {
			abort_birth(rules, undo.rule);
		} else if (undo.rule->subtable != NULL) {
			undo.rule->end = RULE_LIVES;
			__atomic_store_n(&undo.rule->died, RULES_VERSION_MAX, __ATOMIC_RELAXED);
			reindex(rules, undo.rule);
		}
	}
	rules->batch = false;
}
