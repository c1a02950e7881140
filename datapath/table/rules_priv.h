/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the rule tables, and their tests, know of each other. Main, unless noted. */
#ifndef VSW_DATAPATH_TABLE_RULES_PRIV_H
#define VSW_DATAPATH_TABLE_RULES_PRIV_H

#include "datapath/table/rule_index.h"
#include "datapath/table/rules.h"

#define RULE_HOMES 4 /* from coarse to exact */
#define RULE_HOME_PLAIN RULE_HOMES /* exact, and nothing of ranges in the key */
#define RULE_NO_WORD 0xff
#define RULE_CLASSES 5 /* enum rules_class; the last: asks for no EtherType */
#define RULES_CHAIN_LIMIT 8
#define RULES_SUBTABLES_MAX 512
#define RULES_CHAIN_MAX 1024
#define RULES_LIMIT (1U << 20)

/* Part of what is freed when a token has passed. */
struct rules_garbage {
	struct rules_garbage *next;
	uint64_t token;
	void *memory[2];
};

/* A mask in few words; constant once a reader can see it. */
struct rule_bits {
	uint8_t n;
	uint8_t word[FIELDS_WORDS]; /* which word bits[i] is of */
	uint64_t bits[FIELDS_WORDS];
};

/* Distinct masks of a table's rules. Freed with the last struct rule of it. */
struct rule_mask {
	/* Workers and main. */
	struct rule_bits bits;
	bool ranged_src;
	bool ranged_dst;
	/* Main's. */
	uint8_t common_src; /* leading bits that all ports of the range have */
	uint8_t common_dst;
	uint8_t place[FIELDS_WORDS]; /* of a word among `words` of a rule, or RULE_NO_WORD */
	struct fields fields; /* the mask in full */
	struct fields seen; /* with the bits of ranges */
	struct rule_subtable *homes[RULE_HOMES]; /* NULL: not yet */
	struct rule_mask *next; /* of the table's list */
	uint32_t hash;
	uint32_t n_rules; /* structs, dead ones too */
	uint32_t n_live[RULE_CLASSES]; /* rules of no one port */
};

/* Slots of a subtable: 0 (never used), 1 (no longer), or tag << 48 | address of a chain's head. */
struct rule_slots {
	struct rules_garbage garbage;
	uint64_t mask; /* of places */
	uint64_t slots[];
};

struct rule_subtable {
	/* Workers and main; `slots` is replaced atomically. */
	struct rule_slots *slots;
	const uint64_t *seeds;
	struct rule_bits bits;
	/* Main's. */
	struct rules_garbage garbage;
	struct fields mask;
	uint32_t n_rules;
	uint32_t n_used; /* slots, those no longer used too */
	uint32_t n_keys;
	uint32_t longest; /* high-water mark */
	uint32_t n_removed; /* since priority_max was found */
	uint32_t priority_max; /* none is higher */
};

struct rule_visit {
	uint32_t priority_max;
	struct rule_subtable *subtable;
};

/* What workers go through, by falling priority_max. Replaced as a whole. */
struct rule_order {
	struct rules_garbage garbage;
	uint32_t n;
	struct rule_visit visits[];
};

/* Masks of one port's live rules. */
struct rule_port_use {
	struct rule_mask *mask;
	uint32_t n[RULE_CLASSES];
};

struct rule_port {
	uint32_t n;
	uint32_t n_room;
	struct rule_port_use *uses; /* owned */
};

struct rule_table {
	struct rule_order *order; /* workers read it atomically */
	/* Main's. */
	uint32_t n_rules; /* live */
	uint32_t n_masks;
	uint32_t n_subtables;
	bool order_stale;
	uint64_t widened; /* times that rules asked for a mask that none had asked for */
	uint64_t narrowed; /* times that the last such rule went */
	uint32_t n_mask_buckets;
	struct rule_mask **masks; /* buckets of lists */
	struct rule_subtable **subtables;
	struct rule_index by_match;
	struct rule_port **ports[256]; /* by the port's high and low byte; NULL: none */
	uint8_t number;
};

enum rules_op { RULES_OP_BORN, RULES_OP_DIED };

struct rules_undo {
	struct rule *rule;
	enum rules_op op;
};

struct rules_timer {
	uint64_t due; /* ns; never later than it should be */
	struct rule *rule;
};

struct rules_timers {
	struct rules_timer *heap; /* owned; 4-ary, [0] is the first due */
	uint32_t n;
	uint32_t n_room;
};

struct rule_list {
	struct rule *first;
	struct rule **last;
};

struct rules {
	/* Workers and main. */
	struct rule_table *tables[RULES_TABLES]; /* atomic; NULL: never used */
	uint64_t seeds[FIELDS_WORDS + 1];
	/* Main's. */
	struct rules_conf conf;
	struct grace *grace;
	uint64_t version;
	bool batch;
	uint32_t n_rules; /* live */
	struct rule_index by_id;
	struct rules_timers timers;
	struct rules_undo *undo; /* owned; of the batch */
	size_t n_undo;
	size_t n_undo_room;
	struct rule_list dead; /* committed, no token yet */
	struct rule_list waiting; /* until lookups of older versions have ended */
	uint64_t waiting_token;
	struct rule_list unlinked; /* no token yet */
	struct rule_list freeing;
	uint64_t freeing_token;
	struct rules_garbage *garbage;
	struct rules_garbage **garbage_last;
	size_t bytes;
};

/* rules.c */
struct rule_table *rules_table(const struct rules *rules, uint8_t number);
void rule_list_init(struct rule_list *list);
void rule_list_push(struct rule_list *list, struct rule *rule);
struct rule *rule_list_pop(struct rule_list *list);
bool rules_filter_has(const struct rules_filter *filter, const struct rule *rule);
struct rule *
rules_find_match(const struct rule_table *table, const struct match *match, uint32_t priority);
uint32_t rules_match_hash(const struct match *match, uint32_t priority);

/* rules_reclaim.c */
void rules_discard(struct rules *rules, struct rules_garbage *garbage, void *memory, void *more);
void rules_unlink(struct rules *rules, struct rule *rule);
void rules_free_rule(struct rules *rules, struct rule *rule);
/* Put subtables in order again, those that are empty away. */
void rules_reorder(struct rules *rules, struct rule_table *table);

/* rule_masks.c */
void rule_bits_init(struct rule_bits *bits, const struct fields *mask);
struct rule_mask *rule_mask_get(struct rule_table *table, const struct match *match); /* NULL: no
	memory. Counts a rule. */
void rule_mask_put(struct rule_table *table, struct rule_mask *mask);
void rule_mask_home(const struct rule_mask *mask, unsigned int home, struct fields *key);
void rule_use_add(struct rule_table *table, struct rule *rule);
void rule_use_put(struct rule_table *table, struct rule *rule);
void rule_uses_fini(struct rule_table *table);

/* rule_subtable.c */
struct rule_subtable *rule_subtable_create(struct rules *rules, const struct fields *mask);
void rule_subtable_free(struct rules *rules, struct rule_subtable *subtable);
/* -ENOSPC: the chain has chain_max rules; -ENOMEM; 0. */
int rule_subtable_insert(
	struct rules *rules, struct rule_subtable *subtable, struct rule *rule, uint32_t chain_max);
void rule_subtable_remove(struct rule_subtable *subtable, struct rule *rule);
void rule_subtable_find_max(struct rule_subtable *subtable);

/* rule_timeouts.c */
int rules_timer_arm(struct rules *rules, struct rule *rule);
void rules_timer_disarm(struct rules *rules, struct rule *rule);

/* rules_batch.c */
int rules_kill(struct rules *rules, struct rule *rule, enum rule_end end);

/* --- any thread ------------------------------------------------------------------------------ */

/* Seeded; two keys that differ meet with a chance of 2^-32 that the key's maker cannot raise. */
static inline uint32_t
rule_bits_hash(const struct rule_bits *bits, const struct fields *packet, const uint64_t *seeds)
{
	uint64_t sum = seeds[FIELDS_WORDS];

	for (unsigned int i = 0; i < bits->n; i += 2) {
		uint64_t a = seeds[i] + (fields_word(packet, bits->word[i]) & bits->bits[i]);
		uint64_t b = seeds[i + 1];

		if (i + 1 < bits->n) {
			b += fields_word(packet, bits->word[i + 1]) & bits->bits[i + 1];
		}
		const __uint128_t product = (__uint128_t)a * b;

		sum += (uint64_t)product ^ (uint64_t)(product >> 64);
	}
	return (uint32_t)((sum * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static inline uint64_t
rule_died(const struct rule *rule)
{
	return __atomic_load_n(&rule->died, __ATOMIC_RELAXED);
}

static inline struct rule *
rule_next(const struct rule *rule)
{
	return __atomic_load_n(&rule->next, __ATOMIC_ACQUIRE);
}

#define RULE_SLOT_GONE UINT64_C(1)
#define RULE_SLOT_TAG 48

static inline struct rule *
rule_slot_head(uint64_t slot)
{
	return (struct rule *)(uintptr_t)(slot & ((UINT64_C(1) << RULE_SLOT_TAG) - 1));
}

#endif
