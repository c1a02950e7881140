/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/rule_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "datapath/table/rules.h"

#define PLACES_MIN 16

uint32_t
rule_index_id_hash(uint32_t id)
{
	return (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static uint32_t
hash_of(const struct rule_index *index, const struct rule *rule)
{
	return index->by_id ? rule_index_id_hash(rule->id) : rule->hash;
}

void
rule_index_init(struct rule_index *index, bool by_id)
{
	*index = (struct rule_index){.by_id = by_id};
}

void
rule_index_fini(struct rule_index *index)
{
	free(index->places);
	*index = (struct rule_index){0};
}

static void
place(struct rule_index *index, struct rule *rule)
{
	uint32_t at = hash_of(index, rule) & (index->n_places - 1);

	while (index->places[at] != NULL) {
		at = (at + 1) & (index->n_places - 1);
	}
	index->places[at] = rule;
}

int
rule_index_grow(struct rule_index *index)
{
	struct rule_index grown = *index;

	if ((index->n + 1) <= index->n_places / 4 * 3) {
		return 0;
	}
	grown.n_places = index->n_places == 0 ? PLACES_MIN : index->n_places * 2;
	grown.places = calloc(grown.n_places, sizeof(*grown.places));
	if (grown.places == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < index->n_places; i++) {
		if (index->places[i] != NULL) {
			place(&grown, index->places[i]);
		}
	}
	free(index->places);
	*index = grown;
	return 0;
}

void
rule_index_insert(struct rule_index *index, struct rule *rule)
{
	assert(index->n < index->n_places);
	place(index, rule);
	index->n++;
}

void
rule_index_remove(struct rule_index *index, const struct rule *rule)
{
	const uint32_t mask = index->n_places - 1;
	uint32_t hole = hash_of(index, rule) & mask;

	while (index->places[hole] != rule) {
		assert(index->places[hole] != NULL);
		hole = (hole + 1) & mask;
	}
	/* Move back what a search would no longer reach over the hole. */
	for (uint32_t at = (hole + 1) & mask; index->places[at] != NULL; at = (at + 1) & mask) {
		const uint32_t home = hash_of(index, index->places[at]) & mask;

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			index->places[hole] = index->places[at];
			hole = at;
		}
	}
	index->places[hole] = NULL;
	index->n--;
}
