/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An index of rules for main: by id, or by match. Open addressing, linear, at most 3/4 full; takes
 * entries out by moving others back, so it never fills with what is gone. Main only.
 */
#ifndef VSW_DATAPATH_TABLE_RULE_INDEX_H
#define VSW_DATAPATH_TABLE_RULE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct rule;

struct rule_index {
	struct rule **places; /* owned; NULL: free */
	uint32_t n;
	uint32_t n_places; /* a power of two, or 0 */
	bool by_id; /* else by rule->hash */
};

void rule_index_init(struct rule_index *index, bool by_id);
void rule_index_fini(struct rule_index *index);

/* Room for one more: -ENOMEM or 0. What was taken out can be put back without. */
int rule_index_grow(struct rule_index *index);
void rule_index_insert(struct rule_index *index, struct rule *rule);
void rule_index_remove(struct rule_index *index, const struct rule *rule); /* it is there */

uint32_t rule_index_id_hash(uint32_t id);

/* A search goes on from a hash until NULL; not of an index without places. */
static inline struct rule *
rule_index_at(const struct rule_index *index, uint32_t place)
{
	return index->places[place & (index->n_places - 1)];
}

#endif
