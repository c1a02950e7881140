/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the flow cache: for its .c files, its tests and its benchmark. */
#ifndef VSW_DATAPATH_TABLE_FLOW_CACHE_PRIV_H
#define VSW_DATAPATH_TABLE_FLOW_CACHE_PRIV_H

#include <string.h>

#include "datapath/core/fields.h"
#include "datapath/table/flow_cache.h"
#include "datapath/table/flow_cache_hash.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define FLOW_BUCKET_SLOTS 8U
#define FLOW_LINE_SIZE 64U
#define FLOW_NO_LINE 0U /* an entry that is always free, with an n_words that no key has */
#define FLOW_LINES_RESERVED 2U /* two, so that entries of two lines do not straddle pairs */
#define FLOW_TICKS 255U /* 1..255: 0 is "never" */

/* A slot with signature 0 is empty, its line is FLOW_NO_LINE. */
struct flow_bucket {
	uint16_t signatures[FLOW_BUCKET_SLOTS];
	uint32_t lines[FLOW_BUCKET_SLOTS + 1]; /* the last is FLOW_NO_LINE: where no match leads */
	uint32_t n_elsewhere; /* entries whose first bucket this is and that are in their second */
	uint64_t spare;
} __rte_cache_aligned;

static_assert(sizeof(struct flow_bucket) == FLOW_LINE_SIZE, "a bucket is one cache line");

/* The entries of one size. */
struct flow_pool {
	uint32_t first_line;
	uint32_t n_lines; /* of an entry */
	uint32_t free_line; /* list through words[0], or FLOW_NO_LINE */
	uint32_t n_begun; /* places 0..n_begun-1 have been used; read by main, relaxed */
	uint32_t n_live; /* read by others, relaxed */
	uint32_t n_populated; /* main's */
};

struct flow_cache {
	/* For each lookup. */
	struct flow_bucket *buckets;
	uint8_t *lines; /* FLOW_LINE_SIZE each; entries are at their first */
	uint64_t bucket_mask;
	uint16_t burst;
	uint8_t tick;
	struct flow_hash_keys hash_keys __rte_cache_aligned;

	/* Written by the owner, read by others, relaxed. */
	struct flow_cache_stats stats __rte_cache_aligned;
	uint32_t n_live;

	/* For insertions. */
	uint32_t capacity;
	flow_evict_fn on_evict;
	void *arg;
	struct flow_pool pools[FLOW_SIZES];
	struct flow_ports ports;
	size_t lines_size;
};

/* --- places in the index -----------------------------------------------------------------------
 */

/* Bits 48 to 63; 0 is taken. */
static inline uint16_t
flow_signature(uint64_t hash)
{
	uint16_t signature = (uint16_t)(hash >> 48);

	return signature + (signature == 0);
}

static inline struct flow_bucket *
flow_first(const struct flow_cache *cache, uint64_t hash)
{
	return &cache->buckets[hash & cache->bucket_mask];
}

static inline struct flow_bucket *
flow_second(const struct flow_cache *cache, uint64_t hash)
{
	uint64_t a = hash & cache->bucket_mask;
	uint64_t b = hash >> 24 & cache->bucket_mask;

	return &cache->buckets[b ^ (a == b)];
}

/* Bit i: slot i has the signature. */
static inline unsigned int
flow_match(const struct flow_bucket *bucket, uint16_t signature)
{
#if defined(__SSE2__)
	__m128i all = _mm_load_si128((const __m128i *)bucket->signatures);
	__m128i equal = _mm_cmpeq_epi16(all, _mm_set1_epi16((short)signature));

	return (unsigned int)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
#else
	unsigned int found = 0;

	for (unsigned int i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		found |= (unsigned int)(bucket->signatures[i] == signature) << i;
	}
	return found;
#endif
}

/* --- entries -------------------------------------------------------------------------------- */

static inline struct flow_entry *
flow_entry_at(const struct flow_cache *cache, uint32_t line)
{
	return (struct flow_entry *)(void *)(cache->lines + (size_t)line * FLOW_LINE_SIZE);
}

static inline uint32_t
flow_line_of(const struct flow_cache *cache, const struct flow_entry *entry)
{
	return (uint32_t)(((const uint8_t *)entry - cache->lines) / FLOW_LINE_SIZE);
}

/* The first three words without asking how many there are: fewer are filled up with 0. */
static inline bool
flow_entry_is(const struct flow_entry *entry, const struct flow_key *key)
{
	uint64_t differ = (entry->n_words ^ key->n_words) | (entry->words[0] ^ key->words[0]) |
		(entry->words[1] ^ key->words[1]) | (entry->words[2] ^ key->words[2]);

	for (uint64_t i = 3; i < key->n_words && differ == 0; i++) {
		differ = entry->words[i] ^ key->words[i];
	}
	return differ == 0;
}

static inline uint32_t
flow_port_of(const uint64_t *words)
{
	uint16_t port;

	static_assert(offsetof(struct fields, in_port) == 0, "at the start of word 0");
	memcpy(&port, words, sizeof(port));
	return port;
}

/*
 * Set burst and used. One store, of n_words too, which is what it was: 2 cycles of 17 where all
 * lines are near.
 */
static inline void
flow_entry_mark(const struct flow_cache *cache, struct flow_entry *entry, uint32_t n_words)
{
	const uint32_t mark = cache->burst | (uint32_t)cache->tick << 16 | n_words << 24;

	static_assert(offsetof(struct flow_entry, used) - offsetof(struct flow_entry, burst) == 2,
		"bits 16 to 23");
	static_assert(offsetof(struct flow_entry, n_words) - offsetof(struct flow_entry, used) == 1,
		"bits 24 to 31");
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low bits first");
	memcpy((uint8_t *)entry + offsetof(struct flow_entry, burst), &mark, sizeof(mark));
}

/* Ticks since the last hit, 1 or 2 for one in the last two. */
static inline unsigned int
flow_entry_age(const struct flow_cache *cache, const struct flow_entry *entry)
{
	return entry->used == 0 ? FLOW_TICKS
				: (cache->tick + FLOW_TICKS - entry->used) % FLOW_TICKS;
}

static inline bool
flow_entry_is_young(const struct flow_cache *cache, const struct flow_entry *entry)
{
	return flow_entry_age(cache, entry) <= 1;
}

static inline void
flow_stat_add(uint64_t *stat, uint64_t n)
{
	__atomic_store_n(stat, *stat + n, __ATOMIC_RELAXED);
}

static inline void
flow_count_set(uint32_t *count, uint32_t n)
{
	__atomic_store_n(count, n, __ATOMIC_RELAXED);
}

/* The entry of a hashed key, or NULL. */
struct flow_entry *flow_cache_find(const struct flow_cache *cache, const struct flow_key *key);

/* Place in the lists of ports. */
static inline uint32_t
flow_slot_of(const struct flow_cache *cache, const struct flow_entry *entry)
{
	enum flow_size size = flow_size_of(entry->n_words);
	const struct flow_pool *pool = &cache->pools[size];

	return (uint32_t)size * cache->capacity +
		(flow_line_of(cache, entry) - pool->first_line) / pool->n_lines;
}

static inline struct flow_entry *
flow_entry_in_slot(const struct flow_cache *cache, uint32_t slot)
{
	const struct flow_pool *pool = &cache->pools[slot / cache->capacity];

	return flow_entry_at(cache, pool->first_line + slot % cache->capacity * pool->n_lines);
}

#endif
