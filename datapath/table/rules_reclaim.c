/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of dead rules. Committed and published, they wait until no worker looks up an older
 * version; then they leave their chains and wait until no worker stands on them; then they go.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datapath/table/rules_priv.h"

/* Freed when no worker can see it; nobody finds it any more. */
void
rules_discard(struct rules *rules, struct rules_garbage *garbage, void *memory, void *more)
{
	garbage->next = NULL;
	garbage->token = grace_start(rules->grace);
	garbage->memory[0] = memory;
	garbage->memory[1] = more;
	*rules->garbage_last = garbage;
	rules->garbage_last = &garbage->next;
}

static void
free_garbage(struct rules *rules)
{
	while (rules->garbage != NULL && grace_passed(rules->grace, rules->garbage->token)) {
		const struct rules_garbage garbage = *rules->garbage;

		rules->garbage = garbage.next;
		if (rules->garbage == NULL) {
			rules->garbage_last = &rules->garbage;
		}
		free(garbage.memory[0]);
		free(garbage.memory[1]);
	}
}

void
rules_unlink(struct rules *rules, struct rule *rule)
{
	struct rule_subtable *subtable = rule->subtable;

	rule_subtable_remove(subtable, rule);
	rule->subtable = NULL;
	if (subtable->n_rules == 0 || subtable->n_removed > subtable->n_rules) {
		rules->tables[rule->table]->order_stale = true;
	}
}

void
rules_free_rule(struct rules *rules, struct rule *rule)
{
	const bool last =
		rule->end != RULE_MODIFIED && !(rule->end == RULE_ABORTED && rule->successor);

	if (rules->conf.released != NULL) {
		rules->conf.released(rules->conf.arg, rule, last);
	}
	rules->bytes -= sizeof(*rule) + rule->mask->bits.n * sizeof(uint64_t);
	rule_mask_put(rules->tables[rule->table], rule->mask);
	free(rule);
}

/* --- order ----------------------------------------------------------------------------------- */

static int
compare_visits(const void *a, const void *b)
{
	const struct rule_visit *x = a;
	const struct rule_visit *y = b;

	return (x->priority_max < y->priority_max) - (x->priority_max > y->priority_max);
}

static void
forget_home(struct rule_table *table, const struct rule_subtable *subtable)
{
	for (uint32_t i = 0; i < table->n_mask_buckets; i++) {
		for (struct rule_mask *mask = table->masks[i]; mask != NULL; mask = mask->next) {
			for (unsigned int home = 0; home < RULE_HOMES; home++) {
				if (mask->homes[home] == subtable) {
					mask->homes[home] = NULL;
				}
			}
		}
	}
}

/* Move the empty ones behind the others; returns how many stay. */
static uint32_t
part_empty(struct rule_table *table)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < table->n_subtables; i++) {
		struct rule_subtable *subtable = table->subtables[i];

		if (subtable->n_rules == 0) {
			forget_home(table, subtable);
			continue;
		}
		if (subtable->n_removed > subtable->n_rules) {
			rule_subtable_find_max(subtable);
		}
		table->subtables[i] = table->subtables[n];
		table->subtables[n++] = subtable;
	}
	return n;
}

void
rules_reorder(struct rules *rules, struct rule_table *table)
{
	const uint32_t n = part_empty(table);
	struct rule_order *old = table->order;
	struct rule_order *order = must_calloc(1, sizeof(*order) + n * sizeof(order->visits[0]));

	order->n = n;
	for (uint32_t i = 0; i < n; i++) {
		order->visits[i] =
			(struct rule_visit){.priority_max = table->subtables[i]->priority_max,
				.subtable = table->subtables[i]};
	}
	qsort(order->visits, n, sizeof(order->visits[0]), compare_visits);
	__atomic_store_n(&table->order, order, __ATOMIC_RELEASE);
	if (old != NULL) {
		rules_discard(rules, &old->garbage, old, NULL);
	}
	for (uint32_t i = n; i < table->n_subtables; i++) {
		struct rule_subtable *subtable = table->subtables[i];

		rules->bytes -=
			sizeof(*subtable->slots) + (subtable->slots->mask + 1) * sizeof(uint64_t);
		rules_discard(rules, &subtable->garbage, subtable->slots, subtable);
	}
	table->n_subtables = n;
	table->order_stale = false;
}

/* --- steps ----------------------------------------------------------------------------------- */

/* All of a list to the end of an empty one. */
static void
move_list(struct rule_list *from, struct rule_list *to)
{
	assert(to->first == NULL);
	if (from->first != NULL) {
		*to = *from;
	}
	rule_list_init(from);
}

static void
step_waiting(struct rules *rules)
{
	struct rule *rule;

	if (rules->waiting.first != NULL && grace_passed(rules->grace, rules->waiting_token)) {
		for (int i = 0; i < RULES_SLICE; i++) {
			rule = rule_list_pop(&rules->waiting);
			if (rule == NULL) {
				break;
			}
			rules_unlink(rules, rule);
			rule_list_push(&rules->unlinked, rule);
		}
	}
	if (rules->waiting.first == NULL && rules->dead.first != NULL) {
		move_list(&rules->dead, &rules->waiting);
		rules->waiting_token = grace_start(rules->grace);
	}
}

static void
step_freeing(struct rules *rules)
{
	struct rule *rule;

	if (rules->freeing.first != NULL && grace_passed(rules->grace, rules->freeing_token)) {
		for (int i = 0; i < RULES_SLICE; i++) {
			rule = rule_list_pop(&rules->freeing);
			if (rule == NULL) {
				break;
			}
			rules_free_rule(rules, rule);
		}
	}
	if (rules->freeing.first == NULL && rules->unlinked.first != NULL) {
		move_list(&rules->unlinked, &rules->freeing);
		rules->freeing_token = grace_start(rules->grace);
	}
}

bool
rules_step(struct rules *rules)
{
	assert(!rules->batch);
	step_waiting(rules);
	step_freeing(rules);
	for (unsigned int i = 0; i < RULES_TABLES; i++) {
		if (rules->tables[i] != NULL && rules->tables[i]->order_stale) {
			rules_reorder(rules, rules->tables[i]);
		}
	}
	free_garbage(rules);
	return rules->waiting.first != NULL || rules->freeing.first != NULL ||
		rules->garbage != NULL;
}
