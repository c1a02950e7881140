/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the flow cache share: one cache, keys by number, and what was folded. */
#ifndef VSW_DATAPATH_TABLE_FLOW_CACHE_TEST_WORLD_H
#define VSW_DATAPATH_TABLE_FLOW_CACHE_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datapath/table/flow_cache.h"
#include "datapath/table/flow_cache_priv.h"

#define SEED UINT64_C(0x5eed)
#define SMALL FLOW_CAPACITY_MIN

struct world {
	struct flow_cache *cache;
	uint64_t folded_packets;
	uint64_t folded_bytes;
	uint64_t n_folded;
	flow_evict_fn on_evict; /* of the test, after the fold */
	void *arg;
};

static inline int
world_setup(void **state)
{
	*state = calloc(1, sizeof(struct world));
	assert_non_null(*state);
	return 0;
}

static inline int
world_teardown(void **state)
{
	struct world *world = *state;

	flow_cache_destroy(world->cache);
	free(world);
	return 0;
}

static inline void
world_fold(struct flow_entry *entry, void *arg)
{
	struct world *world = arg;

	world->folded_packets += entry->packets;
	world->folded_bytes += entry->bytes;
	world->n_folded++;
	if (world->on_evict != NULL) {
		world->on_evict(entry, world->arg);
	}
}

static inline struct flow_cache *
cache_of(void **state, uint32_t capacity, uint64_t seed)
{
	struct world *world = *state;
	const struct flow_cache_conf conf = {
		.capacity = capacity,
		.seed = seed,
		.small_pages = true,
		.on_evict = world_fold,
		.arg = world,
	};

	assert_int_equal(flow_cache_create(&conf, &world->cache), 0);
	return world->cache;
}

/* Key number `number` of a port. All are different; equal numbers of words share most words. */
static inline struct flow_key
key_of(uint32_t port, uint32_t number, unsigned int n_words)
{
	struct flow_key key = {.n_words = n_words};

	for (unsigned int i = 0; i < n_words; i++) {
		key.words[i] = 0x0800 + i;
	}
	key.words[0] = port;
	key.words[n_words - 1] ^= (uint64_t)number << 16;
	return key;
}

static inline struct flow_entry *
lookup(struct flow_cache *cache, const struct flow_key *key)
{
	struct flow_key hashed = *key;
	struct flow_entry *entry = NULL;
	uint64_t hits;

	flow_cache_hash(cache, &hashed, 1);
	hits = flow_cache_lookup(cache, &hashed, 1, &entry);
	assert_int_equal(hits, entry != NULL);
	return entry;
}

/* In a burst of its own. */
static inline struct flow_entry *
insert(struct flow_cache *cache, const struct flow_key *key)
{
	struct flow_key hashed = *key;
	bool is_new;

	flow_cache_begin(cache);
	flow_cache_hash(cache, &hashed, 1);
	return flow_cache_insert(cache, &hashed, &is_new);
}

/* Key `number` of a port with three words. */
static inline struct flow_entry *
insert_l2(struct flow_cache *cache, uint32_t port, uint32_t number)
{
	struct flow_key key = key_of(port, number, 3);

	return insert(cache, &key);
}

static inline bool
hit_l2(struct flow_cache *cache, uint32_t port, uint32_t number)
{
	struct flow_key key = key_of(port, number, 3);

	return lookup(cache, &key) != NULL;
}

/* The next from..from+n-1 of a port, each in a burst of its own. */
static inline void
fill(struct flow_cache *cache, uint32_t port, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++) {
		assert_non_null(insert_l2(cache, port, i));
	}
}

static inline uint32_t
count_hits(struct flow_cache *cache, uint32_t port, uint32_t from, uint32_t n)
{
	uint32_t hits = 0;

	for (uint32_t i = from; i < from + n; i++) {
		hits += hit_l2(cache, port, i);
	}
	return hits;
}

static inline struct flow_cache_stats
stats_of(const struct flow_cache *cache)
{
	struct flow_cache_stats stats;

	flow_cache_get_stats(cache, &stats);
	return stats;
}

/* All keys without word 1 and with two words get one hash, whatever they are. */
static inline void
make_all_collide(struct flow_cache *cache)
{
	memset(&cache->hash_keys, 0, sizeof(cache->hash_keys));
}

/* The index, the pools, the lists and the counts agree. */
static inline void
check_books(const struct flow_cache *cache)
{
	uint64_t n_indexed = 0;
	uint64_t n_listed = 0;
	uint64_t n_pooled = 0;

	for (uint64_t b = 0; b <= cache->bucket_mask; b++) {
		const struct flow_bucket *bucket = &cache->buckets[b];

		assert_int_equal(bucket->lines[FLOW_BUCKET_SLOTS], FLOW_NO_LINE);
		for (unsigned int i = 0; i < FLOW_BUCKET_SLOTS; i++) {
			assert_int_equal(bucket->signatures[i] == 0, bucket->lines[i] == 0);
			n_indexed += bucket->signatures[i] != 0;
		}
	}
	for (uint32_t id = 0; id < FLOW_PORTS_MAX; id++) {
		uint32_t n = 0;

		for (uint32_t i = cache->ports.ports[id].head; i != 0;
			i = cache->ports.links[i - 1].next) {
			const struct flow_entry *entry = flow_entry_in_slot(cache, i - 1);

			assert_true(entry->n_words != 0);
			assert_int_equal(flow_port_of(entry->words), id);
			assert_int_equal(flow_slot_of(cache, entry), i - 1);
			n++;
		}
		assert_int_equal(n, flow_cache_port_count(cache, id));
		n_listed += n;
	}
	for (enum flow_size size = FLOW_SIZE_L2; size < FLOW_SIZES; size++) {
		n_pooled += flow_cache_size_count(cache, size);
	}
	assert_int_equal(n_indexed, flow_cache_count(cache));
	assert_int_equal(n_listed, flow_cache_count(cache));
	assert_int_equal(n_pooled, flow_cache_count(cache));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
