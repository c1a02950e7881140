/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A subtable: rules whose keys have the same bits, in chains of the same key.
 *
 * Slots name the heads of chains. A slot never moves while its array is in use, and a search ends
 * at a slot that was never used; a larger array is filled aside and replaces the old one, whose
 * chains stay as they are. Readers find the one or the other.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "datapath/table/rules_priv.h"

#define SLOTS_MIN 8

static_assert(sizeof(uintptr_t) == sizeof(uint64_t), "addresses share a word with a tag");

static size_t
slots_size(uint64_t n)
{
	return sizeof(struct rule_slots) + n * sizeof(uint64_t);
}

static struct rule_slots *
slots_create(struct rules *rules, uint64_t n)
{
	struct rule_slots *slots = calloc(1, slots_size(n));

	if (slots != NULL) {
		slots->mask = n - 1;
		rules->bytes += slots_size(n);
	}
	return slots;
}

struct rule_subtable *
rule_subtable_create(struct rules *rules, const struct fields *mask)
{
	struct rule_subtable *subtable = calloc(1, sizeof(*subtable));

	if (subtable == NULL) {
		return NULL;
	}
	subtable->slots = slots_create(rules, SLOTS_MIN);
	if (subtable->slots == NULL) {
		free(subtable);
		return NULL;
	}
	subtable->seeds = rules->seeds;
	subtable->mask = *mask;
	rule_bits_init(&subtable->bits, mask);
	return subtable;
}

void
rule_subtable_free(struct rules *rules, struct rule_subtable *subtable)
{
	rules->bytes -= slots_size(subtable->slots->mask + 1);
	free(subtable->slots);
	free(subtable);
}

static uint64_t
slot_of(const struct rule *head)
{
	const uint64_t address = (uint64_t)(uintptr_t)head;

	assert(address >> RULE_SLOT_TAG == 0);
	return address | (uint64_t)(head->key_hash >> 16) << RULE_SLOT_TAG;
}

static bool
is_chain(uint64_t slot)
{
	return slot > RULE_SLOT_GONE;
}

static int
slots_replace(struct rules *rules, struct rule_subtable *subtable)
{
	struct rule_slots *old = subtable->slots;
	uint64_t n = SLOTS_MIN;
	struct rule_slots *slots;

	while (n < 4 * ((uint64_t)subtable->n_keys + 1)) {
		n *= 2;
	}
	slots = slots_create(rules, n);
	if (slots == NULL) {
		return -ENOMEM;
	}
	for (uint64_t i = 0; i <= old->mask; i++) {
		if (is_chain(old->slots[i])) {
			uint64_t at = rule_slot_head(old->slots[i])->key_hash & slots->mask;

			while (slots->slots[at] != 0) {
				at = (at + 1) & slots->mask;
			}
			slots->slots[at] = old->slots[i];
		}
	}
	subtable->n_used = subtable->n_keys;
	__atomic_store_n(&subtable->slots, slots, __ATOMIC_RELEASE);
	rules->bytes -= slots_size(old->mask + 1);
	rules_discard(rules, &old->garbage, old, NULL);
	return 0;
}

/* Have two rules the same key here? */
static bool
same_key(const struct rule_subtable *subtable, const struct rule *a, const struct rule *b)
{
	uint64_t differ = 0;

	for (unsigned int i = 0; i < subtable->bits.n; i++) {
		const unsigned int word = subtable->bits.word[i];

		differ |= (a->words[a->mask->place[word]] ^ b->words[b->mask->place[word]]) &
			subtable->bits.bits[i];
	}
	return differ == 0;
}

/* The slot of the rule's chain, or the first where it can begin. */
static uint64_t
find_slot(const struct rule_subtable *subtable, const struct rule *rule)
{
	const struct rule_slots *slots = subtable->slots;
	const uint64_t tag = rule->key_hash >> 16;
	uint64_t at = rule->key_hash & slots->mask;
	uint64_t room = UINT64_MAX;

	for (; slots->slots[at] != 0; at = (at + 1) & slots->mask) {
		const uint64_t slot = slots->slots[at];

		if (slot == RULE_SLOT_GONE) {
			room = room == UINT64_MAX ? at : room;
		} else if (slot >> RULE_SLOT_TAG == tag &&
			same_key(subtable, rule_slot_head(slot), rule)) {
			return at;
		}
	}
	return room == UINT64_MAX ? at : room;
}

static void
set_slot(struct rule_subtable *subtable, uint64_t at, uint64_t slot)
{
	__atomic_store_n(&subtable->slots->slots[at], slot, __ATOMIC_RELEASE);
}

static uint32_t
hash_of(const struct rule_subtable *subtable, const struct rule *rule)
{
	struct fields value = {0};

	for (unsigned int i = 0; i < rule->mask->bits.n; i++) {
		fields_set_word(&value, rule->mask->bits.word[i], rule->words[i]);
	}
	return rule_bits_hash(&subtable->bits, &value, subtable->seeds);
}

static bool
before(const struct rule *a, const struct rule *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
}

int
rule_subtable_insert(
	struct rules *rules, struct rule_subtable *subtable, struct rule *rule, uint32_t chain_max)
{
	struct rule *previous = NULL;
	struct rule *head = NULL;
	uint32_t length = 0;
	uint64_t at;

	if (2 * ((uint64_t)subtable->n_used + 1) > subtable->slots->mask + 1 &&
		slots_replace(rules, subtable) != 0) {
		return -ENOMEM;
	}
	rule->key_hash = hash_of(subtable, rule);
	at = find_slot(subtable, rule);
	if (is_chain(subtable->slots->slots[at])) {
		head = rule_slot_head(subtable->slots->slots[at]);
	}
	for (struct rule *other = head; other != NULL; other = other->next) {
		previous = before(other, rule) ? other : previous;
		length++;
	}
	if (length >= chain_max) {
		return -ENOSPC;
	}
	rule->subtable = subtable;
	rule->next = previous == NULL ? head : previous->next;
	if (previous != NULL) {
		__atomic_store_n(&previous->next, rule, __ATOMIC_RELEASE);
	} else {
		subtable->n_used += subtable->slots->slots[at] == 0;
		set_slot(subtable, at, slot_of(rule));
	}
	subtable->n_keys += head == NULL;
	subtable->n_rules++;
	subtable->longest = subtable->longest > length ? subtable->longest : length + 1;
	return 0;
}

void
rule_subtable_remove(struct rule_subtable *subtable, struct rule *rule)
{
	const uint64_t at = find_slot(subtable, rule);
	struct rule *previous;

	assert(is_chain(subtable->slots->slots[at]));
	previous = rule_slot_head(subtable->slots->slots[at]);
	if (previous != rule) {
		while (previous->next != rule) {
			previous = previous->next;
		}
		__atomic_store_n(&previous->next, rule->next, __ATOMIC_RELEASE);
	} else if (rule->next != NULL) {
		set_slot(subtable, at, slot_of(rule->next));
	} else {
		set_slot(subtable, at, RULE_SLOT_GONE);
		subtable->n_keys--;
	}
	subtable->n_rules--;
	subtable->n_removed++;
}

void
rule_subtable_find_max(struct rule_subtable *subtable)
{
	uint32_t max = 0;
	uint32_t longest = 0;

	for (uint64_t i = 0; i <= subtable->slots->mask; i++) {
		const uint64_t slot = subtable->slots->slots[i];
		uint32_t length = 0;

		if (!is_chain(slot)) {
			continue;
		}
		max = rule_slot_head(slot)->priority > max ? rule_slot_head(slot)->priority : max;
		for (const struct rule *rule = rule_slot_head(slot); rule != NULL;
			rule = rule->next) {
			length++;
		}
		longest = length > longest ? length : longest;
	}
	subtable->priority_max = max;
	subtable->longest = longest;
	subtable->n_removed = 0;
}
