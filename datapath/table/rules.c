/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/rules.h"

#include <assert.h>
#include <errno.h>
#include <rte_common.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datapath/table/rules_priv.h"
#include "datapath/table/secret.h"

#define AHEAD 4 /* subtables whose slots are fetched at a time */

void
rule_list_init(struct rule_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

void
rule_list_push(struct rule_list *list, struct rule *rule)
{
	rule->next_dead = NULL;
	*list->last = rule;
	list->last = &rule->next_dead;
}

struct rule *
rule_list_pop(struct rule_list *list)
{
	struct rule *rule = list->first;

	if (rule != NULL) {
		list->first = rule->next_dead;
		if (list->first == NULL) {
			list->last = &list->first;
		}
	}
	return rule;
}

int
rules_create(const struct rules_conf *conf, struct grace *grace, uint64_t seed, struct rules **out)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (rules == NULL) {
		return -ENOMEM;
	}
	rules->conf = *conf;
	rules->conf.limit = conf->limit == 0 ? RULES_LIMIT : conf->limit;
	rules->conf.subtables_max =
		conf->subtables_max == 0 ? RULES_SUBTABLES_MAX : conf->subtables_max;
	rules->conf.chain_max = conf->chain_max == 0 ? RULES_CHAIN_MAX : conf->chain_max;
	rules->conf.chain_limit = conf->chain_limit == 0 ? RULES_CHAIN_LIMIT : conf->chain_limit;
	rules->grace = grace;
	for (unsigned int i = 0; i < FIELDS_WORDS + 1; i++) {
		rules->seeds[i] = secret_next(&seed);
	}
	rule_index_init(&rules->by_id, true);
	rule_list_init(&rules->dead);
	rule_list_init(&rules->waiting);
	rule_list_init(&rules->unlinked);
	rule_list_init(&rules->freeing);
	rules->garbage_last = &rules->garbage;
	*out = rules;
	return 0;
}

static void
free_list(struct rules *rules, struct rule_list *list)
{
	for (struct rule *rule; (rule = rule_list_pop(list)) != NULL;) {
		rules_free_rule(rules, rule);
	}
}

static void
table_destroy(struct rules *rules, struct rule_table *table)
{
	for (uint32_t i = 0; i < table->by_match.n_places; i++) {
		if (table->by_match.places[i] != NULL) {
			rules_free_rule(rules, table->by_match.places[i]);
		}
	}
	for (uint32_t i = 0; i < table->n_subtables; i++) {
		rule_subtable_free(rules, table->subtables[i]);
	}
	rule_uses_fini(table);
	rule_index_fini(&table->by_match);
	assert(table->n_masks == 0);
	free(table->masks);
	free(table->subtables);
	free(table->order);
	free(table);
}

void
rules_destroy(struct rules *rules)
{
	if (rules == NULL) {
		return;
	}
	assert(!rules->batch);
	free_list(rules, &rules->dead);
	free_list(rules, &rules->waiting);
	free_list(rules, &rules->unlinked);
	free_list(rules, &rules->freeing);
	for (unsigned int i = 0; i < RULES_TABLES; i++) {
		if (rules->tables[i] != NULL) {
			table_destroy(rules, rules->tables[i]);
		}
	}
	while (rules->garbage != NULL) {
		struct rules_garbage garbage = *rules->garbage;

		free(garbage.memory[0]);
		free(garbage.memory[1]);
		rules->garbage = garbage.next;
	}
	rule_index_fini(&rules->by_id);
	free(rules->timers.heap);
	free(rules->undo);
	free(rules);
}

/* --- lookup ---------------------------------------------------------------------------------- */

static bool
matches(const struct rule *rule, const struct fields *packet)
{
	const struct rule_mask *mask = rule->mask;
	uint64_t differ = 0;

	for (unsigned int i = 0; i < mask->bits.n; i++) {
		differ |= (fields_word(packet, mask->bits.word[i]) & mask->bits.bits[i]) ^
			rule->words[i];
	}
	return differ == 0 &&
		(!mask->ranged_src || match_range_has(rule->l4_src, packet->l4_src)) &&
		(!mask->ranged_dst || match_range_has(rule->l4_dst, packet->l4_dst));
}

static bool
beats(const struct rule *rule, const struct rule *best)
{
	return best == NULL || rule->priority > best->priority ||
		(rule->priority == best->priority && rule->id < best->id);
}

/* One packet's way through the subtables. */
struct search {
	const struct fields *packet;
	uint64_t version;
	struct fields *seen;
	const struct rule *best;
};

static void
see(const struct search *search, const struct fields *mask)
{
	if (search->seen != NULL) {
		fields_join(search->seen, mask);
	}
}

/* The best of a chain; whether there was one better than what is known. */
static bool
search_chain(struct search *search, const struct rule *rule)
{
	for (; rule != NULL && beats(rule, search->best); rule = rule_next(rule)) {
		if (rule->born > search->version || search->version >= rule_died(rule)) {
			continue;
		}
		see(search, &rule->mask->seen);
		if (matches(rule, search->packet)) {
			search->best = rule;
			return true;
		}
	}
	return false;
}

static void
search_subtable(struct search *search, const struct rule_subtable *subtable,
	const struct rule_slots *slots, uint32_t hash)
{
	const uint64_t tag = hash >> 16;

	see(search, &subtable->mask);
	for (uint64_t at = hash & slots->mask;; at = (at + 1) & slots->mask) {
		const uint64_t slot = __atomic_load_n(&slots->slots[at], __ATOMIC_ACQUIRE);

		if (slot == 0) {
			return;
		}
		if (slot >> RULE_SLOT_TAG == tag && slot != RULE_SLOT_GONE &&
			search_chain(search, rule_slot_head(slot))) {
			return;
		}
	}
}

/* A few subtables, their slots fetched together. False: nothing after them can be better. */
static bool
search_group(
	struct search *search, const struct rule_visit *visits, uint32_t n, const uint64_t *seeds)
{
	const struct rule_slots *slots[AHEAD];
	uint32_t hashes[AHEAD];

	for (uint32_t i = 0; i < n; i++) {
		const struct rule_subtable *subtable = visits[i].subtable;

		if (search->best != NULL && visits[i].priority_max < search->best->priority) {
			n = i;
			break;
		}
		hashes[i] = rule_bits_hash(&subtable->bits, search->packet, seeds);
		slots[i] = __atomic_load_n(&subtable->slots, __ATOMIC_ACQUIRE);
		__builtin_prefetch(&slots[i]->slots[hashes[i] & slots[i]->mask]);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (search->best != NULL && visits[i].priority_max < search->best->priority) {
			return false;
		}
		search_subtable(search, visits[i].subtable, slots[i], hashes[i]);
	}
	return n > 0;
}

const struct rule *
rules_lookup(const struct rules *rules, uint8_t number, const struct fields *packet,
	uint64_t version, struct fields *seen)
{
	struct search search = {.packet = packet, .version = version, .seen = seen};
	const struct rule_table *table = rules_table(rules, number);
	const struct rule_order *order;

	if (table == NULL) {
		return NULL;
	}
	order = __atomic_load_n(&table->order, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; order != NULL && i < order->n; i += AHEAD) {
		const uint32_t n = RTE_MIN(order->n - i, (uint32_t)AHEAD);

		if (!search_group(&search, &order->visits[i], n, rules->seeds)) {
			break;
		}
	}
	return search.best;
}

/* --- main ------------------------------------------------------------------------------------ */

struct rule_table *
rules_table(const struct rules *rules, uint8_t number)
{
	if (number >= RULES_TABLES) {
		return NULL;
	}
	return __atomic_load_n(&rules->tables[number], __ATOMIC_ACQUIRE);
}

void
rules_get_match(const struct rule *rule, struct match *match)
{
	const struct rule_bits *bits = &rule->mask->bits;

	*match = (struct match){
		.mask = rule->mask->fields, .l4_src = rule->l4_src, .l4_dst = rule->l4_dst};
	for (unsigned int i = 0; i < bits->n; i++) {
		fields_set_word(&match->value, bits->word[i],
			rule->words[i] & fields_word(&match->mask, bits->word[i]));
	}
}

const struct rule *
rules_find(const struct rules *rules, uint32_t id)
{
	const uint32_t hash = rule_index_id_hash(id);
	const struct rule *rule;

	if (rules->by_id.n_places == 0) {
		return NULL;
	}
	for (uint32_t at = hash; (rule = rule_index_at(&rules->by_id, at)) != NULL; at++) {
		if (rule->id == id) {
			return rule;
		}
	}
	return NULL;
}

uint32_t
rules_match_hash(const struct match *match, uint32_t priority)
{
	uint64_t ranges = (uint64_t)match->l4_src.low << 48 | (uint64_t)match->l4_src.high << 32 |
		(uint64_t)match->l4_dst.low << 16 | match->l4_dst.high;
	uint64_t hash = (ranges ^ priority) * UINT64_C(0xbf58476d1ce4e5b9);

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		hash ^= fields_word(&match->value, i) + fields_word(&match->mask, i) * 3;
		hash = (hash ^ (hash >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	}
	return (uint32_t)(hash >> 32);
}

struct rule *
rules_find_match(const struct rule_table *table, const struct match *match, uint32_t priority)
{
	const uint32_t hash = rules_match_hash(match, priority);
	struct rule *rule;

	if (table->by_match.n_places == 0) {
		return NULL;
	}
	for (uint32_t at = hash; (rule = rule_index_at(&table->by_match, at)) != NULL; at++) {
		if (rule->hash == hash && rule->priority == priority) {
			struct match its;

			rules_get_match(rule, &its);
			if (match_equal(&its, match)) {
				return rule;
			}
		}
	}
	return NULL;
}

bool
rules_filter_has(const struct rules_filter *filter, const struct rule *rule)
{
	struct match match;

	if (((rule->cookie ^ filter->cookie) & filter->cookie_mask) != 0) {
		return false;
	}
	if (!filter->strict) {
		rules_get_match(rule, &match);
		if (!match_within(&match, &filter->match)) {
			return false;
		}
	}
	return filter->accept == NULL || filter->accept(filter->arg, rule);
}

static bool
walk_table(const struct rule_table *table, const struct rules_filter *filter,
	bool (*each)(void *arg, const struct rule *rule), void *arg)
{
	if (filter->strict) {
		const struct rule *rule = rules_find_match(table, &filter->match, filter->priority);

		return rule == NULL || !rules_filter_has(filter, rule) || each(arg, rule);
	}
	for (uint32_t i = 0; i < table->by_match.n_places; i++) {
		const struct rule *rule = table->by_match.places[i];

		if (rule != NULL && rules_filter_has(filter, rule) && !each(arg, rule)) {
			return false;
		}
	}
	return true;
}

int
rules_walk(const struct rules *rules, const struct rules_filter *filter,
	bool (*each)(void *arg, const struct rule *rule), void *arg)
{
	struct rules_filter canonical = *filter;
	const int rc = match_canonical(&canonical.match);
	const unsigned int first = filter->all_tables ? 0 : filter->table;
	const unsigned int end = filter->all_tables ? RULES_TABLES : first + 1;

	for (unsigned int i = first; rc == 0 && i < end; i++) {
		const struct rule_table *table = rules_table(rules, (uint8_t)i);

		if (table != NULL && !walk_table(table, &canonical, each, arg)) {
			break;
		}
	}
	return rc;
}

uint64_t
rules_version(const struct rules *rules)
{
	return rules->version;
}

bool
rules_has_table(const struct rules *rules, uint8_t number)
{
	return rules_table(rules, number) != NULL;
}

uint32_t
rules_total(const struct rules *rules)
{
	return rules->n_rules;
}

void
rules_get_stats(const struct rules *rules, uint8_t number, struct rules_stats *stats)
{
	const struct rule_table *table = rules_table(rules, number);

	*stats = (struct rules_stats){0};
	if (table == NULL) {
		return;
	}
	stats->rules = table->n_rules;
	stats->masks = table->n_masks;
	stats->subtables = table->n_subtables;
	for (uint32_t i = 0; i < table->n_subtables; i++) {
		if (table->subtables[i]->longest > stats->longest_chain) {
			stats->longest_chain = table->subtables[i]->longest;
		}
	}
	/* Dead rules that wait to be unlinked make chains longer, for a moment. */
	stats->longest_chain = RTE_MIN(stats->longest_chain, stats->rules);
	stats->warn = stats->subtables >= RULES_WARN_SUBTABLES ||
		stats->longest_chain >= RULES_WARN_CHAIN;
}

size_t
rules_memory(const struct rules *rules)
{
	size_t bytes = sizeof(*rules) + rules->bytes;

	bytes += rules->by_id.n_places * sizeof(struct rule *);
	bytes += rules->timers.n_room * sizeof(struct rules_timer);
	bytes += rules->n_undo_room * sizeof(struct rules_undo);
	for (unsigned int i = 0; i < RULES_TABLES; i++) {
		const struct rule_table *table = rules->tables[i];

		if (table != NULL) {
			bytes += sizeof(*table) + table->n_masks * sizeof(struct rule_mask) +
				table->n_subtables * sizeof(struct rule_subtable) +
				table->by_match.n_places * sizeof(struct rule *);
		}
	}
	return bytes;
}
