/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow cache, and rte_hash beside it with the same keys: bursts of 32 keys, counters updated.
 * What copies the words of a key to where it is looked up, some 3 cycles, is part of the figures of
 * the flow cache; rte_hash is handed pointers.
 */
#include <inttypes.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/table/flow_cache_priv.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/sequence.h"

#define BULK 32U
#define DRAWS_MIN (1U << 16) /* fewer are learned by heart by branch predictors */
#define FRESH_MAX 4096U
#define N_PORTS 8U
#define SEED UINT64_C(0x5eed)
#define FRAME_SIZE 60
/* rte_cuckoo_hash.h, 22.11: a bucket of 8 entries is a line, a datum is in front of its key. */
#define THEIR_SLOT_SIZE(key_size) (64 / 8 + 8 + (key_size))

struct counters {
	uint64_t packets;
	uint64_t bytes;
};

struct flows {
	struct bench *bench;
	uint64_t entries;
	unsigned int n_words;
	uint32_t n_draws; /* a power of two */
	uint64_t *hits; /* words of n_draws keys that are known */
	uint64_t *misses;
	const uint64_t *draws; /* one of those */
	const void **pointers; /* to the draws */
	uint32_t at;
	uint32_t n_fresh;
	uint64_t next_fresh; /* number of a flow */
	struct flow_key *fresh; /* n_fresh */
	struct flow_cache *cache;
	bool full; /* insertions evict */
	struct rte_hash *hash;
	struct counters *counters;
};

/* Flow `number` as the words of a key: L2 or IPv4. */
static void
flow_words(uint64_t number, unsigned int n_words, uint64_t *words)
{
	const uint64_t all[] = {
		1 + number % N_PORTS,
		number << 16 | 0x02,
		(number >> 8) << 16 | 0x02 | UINT64_C(0x0008) << 48,
		number << 32 | 0x0a,
		UINT64_C(0x4006) << 32 | (uint32_t)number,
	};

	memcpy(words, all, n_words * sizeof(*words));
}

static uint64_t *
draw_words(const struct flows *flows, uint64_t first)
{
	struct sequence sequence = {.state = flows->entries};
	uint64_t *words = must_calloc(flows->n_draws * (size_t)flows->n_words, sizeof(*words));

	for (uint32_t i = 0; i < flows->n_draws; i++) {
		const uint64_t number = first + sequence_below(&sequence, flows->entries);

		flow_words(number, flows->n_words, words + (size_t)i * flows->n_words);
	}
	return words;
}

/* Two calls: with a constant, copying is three moves. */
static inline void
copy_keys(const struct flows *flows, struct flow_key *keys, uint32_t at, unsigned int n_words)
{
	const uint64_t *words = flows->draws + (size_t)at * n_words;

	for (unsigned int i = 0; i < BULK; i++) {
		keys[i].n_words = n_words;
		memcpy(keys[i].words, words + i * n_words, n_words * sizeof(*words));
	}
}

/* --- own ------------------------------------------------------------------------------------ */

static uint64_t
run_own_lookup(void *arg, uint64_t rounds)
{
	struct flows *flows = arg;
	struct flow_entry *entries[BULK];
	struct flow_key keys[BULK];
	uint32_t at = flows->at;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		if (flows->n_words == 3) {
			copy_keys(flows, keys, at, 3);
		} else {
			copy_keys(flows, keys, at, 5);
		}
		flow_cache_begin(flows->cache);
		flow_cache_hash(flows->cache, keys, BULK);
		(void)flow_cache_lookup(flows->cache, keys, BULK, entries);
		for (unsigned int j = 0; j < BULK; j++) {
			if (entries[j] != NULL) {
				flow_entry_count(entries[j], 1, FRAME_SIZE);
			}
		}
		at = (at + BULK) & (flows->n_draws - 1);
	}
	flows->at = at;
	return bench_elapsed(flows->bench, begin);
}

static void
renew_fresh(struct flows *flows)
{
	for (uint32_t i = 0; i < flows->n_fresh; i++) {
		flow_words(flows->next_fresh++, flows->n_words, flows->fresh[i].words);
		flows->fresh[i].n_words = flows->n_words;
	}
}

static void
reset_own(void *arg)
{
	struct flows *flows = arg;

	flow_cache_begin(flows->cache);
	for (uint32_t i = 0; i < flows->n_fresh && !flows->full; i++) {
		flow_cache_hash(flows->cache, &flows->fresh[i], 1);
		struct flow_entry *entry = flow_cache_find(flows->cache, &flows->fresh[i]);

		if (entry != NULL) {
			flow_cache_remove(flows->cache, entry);
		}
	}
	renew_fresh(flows);
}

/* As a worker does for a burst that misses: hash and look up all, insert one after the other. */
static uint64_t
run_own_insert(void *arg, uint64_t rounds)
{
	struct flows *flows = arg;
	struct flow_entry *entries[BULK];
	bool is_new;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		struct flow_key *keys = &flows->fresh[i * BULK];

		flow_cache_begin(flows->cache);
		flow_cache_hash(flows->cache, keys, BULK);
		(void)flow_cache_lookup(flows->cache, keys, BULK, entries);
		for (unsigned int j = 0; j < BULK; j++) {
			bench_keep(flow_cache_insert(flows->cache, &keys[j], &is_new));
		}
	}
	return bench_elapsed(flows->bench, begin);
}

static int
fill_own(struct flows *flows, uint64_t capacity, struct err *err)
{
	const struct flow_cache_conf conf = {
		.capacity = (uint32_t)RTE_MAX(capacity, (uint64_t)FLOW_CAPACITY_MIN),
		.seed = SEED,
		.small_pages = !flows->bench->machine.table_huge,
	};
	struct flow_key key = {.n_words = flows->n_words};
	bool is_new;

	if (flow_cache_create(&conf, &flows->cache) != 0) {
		return err_set(
			err, ERR_LIMIT, NULL, "no memory for a flow cache of %" PRIu64, capacity);
	}
	for (uint64_t i = 0; i < flows->entries; i++) {
		flow_words(i, flows->n_words, key.words);
		flow_cache_begin(flows->cache);
		flow_cache_hash(flows->cache, &key, 1);
		(void)flow_cache_insert(flows->cache, &key, &is_new);
	}
	return 0;
}

static int
measure_own(struct flows *flows, struct err *err)
{
	struct bench_case c = {.entries = flows->entries, .arg = flows, .bulk = BULK, .ops = BULK};
	int rc = fill_own(flows, flows->entries + flows->n_fresh, err);

	if (rc != 0) {
		return rc;
	}
	c.bytes = flow_cache_memory(flows->cache);
	c.huge = flows->bench->machine.table_huge;
	c.run = run_own_lookup;
	flows->draws = flows->hits;
	c.variant = flows->n_words == 3 ? "own: L2, hit" : "own: IPv4, hit";
	bench_measure(flows->bench, &c);
	flows->draws = flows->misses;
	c.variant = flows->n_words == 3 ? "own: L2, miss" : "own: IPv4, miss";
	bench_measure(flows->bench, &c);
	c.run = run_own_insert;
	c.reset = reset_own;
	c.rounds_max = flows->n_fresh / BULK;
	c.variant = flows->n_words == 3 ? "own: L2, insert" : "own: IPv4, insert";
	bench_measure(flows->bench, &c);
	flow_cache_destroy(flows->cache);
	flows->cache = NULL;
	rc = fill_own(flows, flows->entries, err);
	if (rc == 0 && flows->entries >= FLOW_CAPACITY_MIN) {
		flows->full = true;
		c.variant = flows->n_words == 3 ? "own: L2, evict" : "own: IPv4, evict";
		bench_measure(flows->bench, &c);
		flows->full = false;
	}
	flow_cache_destroy(flows->cache);
	flows->cache = NULL;
	return rc;
}

/* --- rte_hash ------------------------------------------------------------------------------- */

static uint64_t
run_their_lookup(void *arg, uint64_t rounds)
{
	struct flows *flows = arg;
	void *data[BULK] = {NULL};
	uint64_t hits;
	uint32_t at = flows->at;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		(void)rte_hash_lookup_bulk_data(
			flows->hash, flows->pointers + at, BULK, &hits, data);
		for (unsigned int j = 0; j < BULK; j++) {
			if ((hits >> j & 1) != 0) {
				struct counters *counters = data[j];

				counters->packets++;
				counters->bytes += FRAME_SIZE;
			}
		}
		at = (at + BULK) & (flows->n_draws - 1);
	}
	flows->at = at;
	return bench_elapsed(flows->bench, begin);
}

static void
point_to(struct flows *flows, const uint64_t *draws)
{
	for (uint32_t i = 0; i < flows->n_draws; i++) {
		flows->pointers[i] = draws + (size_t)i * flows->n_words;
	}
	flows->at = 0;
}

/* Its caller has one thread, as ours, and so none of its flags. */
static int
fill_theirs(struct flows *flows, struct err *err)
{
	char name[RTE_HASH_NAMESIZE];
	uint64_t words[FLOW_KEY_WORDS_MAX];

	(void)snprintf(name, sizeof(name), "flow_%" PRIu64 "_%u", flows->entries, flows->n_words);
	const struct rte_hash_parameters params = {
		.name = name,
		.entries = (uint32_t)(2 * RTE_MAX(flows->entries, UINT64_C(16))),
		.key_len = (uint32_t)(flows->n_words * sizeof(*words)),
		.hash_func = rte_hash_crc,
		.hash_func_init_val = 0,
		.socket_id = SOCKET_ID_ANY,
	};
	flows->hash = rte_hash_create(&params);
	if (flows->hash == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for an rte_hash of %" PRIu64,
			2 * flows->entries);
	}
	for (uint64_t i = 0; i < flows->entries; i++) {
		flow_words(i, flows->n_words, words);
		if (rte_hash_add_key_data(flows->hash, words, &flows->counters[i]) != 0) {
			return err_set(err, ERR_FAILED, NULL, "rte_hash is full at %" PRIu64, i);
		}
	}
	return 0;
}

static int
measure_theirs(struct flows *flows, struct err *err)
{
	struct bench_case c = {
		.entries = flows->entries,
		.bytes = 2 * flows->entries *
				THEIR_SLOT_SIZE(flows->n_words * sizeof(*flows->draws)) +
			flows->entries * sizeof(*flows->counters),
		.huge = flows->bench->machine.heap_huge,
		.bulk = BULK,
		.ops = BULK,
		.run = run_their_lookup,
		.arg = flows,
	};

	flows->counters = must_calloc(flows->entries, sizeof(*flows->counters));
	flows->pointers = must_calloc(flows->n_draws, sizeof(*flows->pointers));
	const int rc = fill_theirs(flows, err);
	if (rc == 0) {
		point_to(flows, flows->hits);
		c.variant = flows->n_words == 3 ? "rte_hash: L2, hit" : "rte_hash: IPv4, hit";
		bench_measure(flows->bench, &c);
		point_to(flows, flows->misses);
		c.variant = flows->n_words == 3 ? "rte_hash: L2, miss" : "rte_hash: IPv4, miss";
		bench_measure(flows->bench, &c);
	}
	rte_hash_free(flows->hash);
	free(flows->pointers);
	free(flows->counters);
	return rc;
}

int
benchmark_flow(struct bench *bench, struct err *err)
{
	static const uint64_t sizes[] = {1, 1024, 8192, 1U << 17, 1U << 20};
	const unsigned int n_sizes = bench->quick ? 2 : ARRAY_LEN(sizes);
	struct flow_key *fresh = aligned_alloc(RTE_CACHE_LINE_SIZE, FRESH_MAX * sizeof(*fresh));
	int rc = 0;

	if (fresh == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for keys");
	}
	for (unsigned int i = 0; rc == 0 && i < 2 * n_sizes; i++) {
		const uint64_t entries = sizes[i / 2];
		struct flows *flows = must_calloc(1, sizeof(*flows));

		flows->bench = bench;
		flows->entries = entries;
		flows->n_words = i % 2 == 0 ? 3 : 5;
		flows->n_draws = (uint32_t)RTE_MAX(entries, (uint64_t)DRAWS_MIN);
		flows->n_fresh = (uint32_t)RTE_MIN(
			RTE_MAX(entries / 2, (uint64_t)BULK), (uint64_t)FRESH_MAX);
		flows->next_fresh = 2 * entries;
		flows->hits = draw_words(flows, 0);
		flows->misses = draw_words(flows, entries);
		flows->fresh = fresh;
		renew_fresh(flows);
		rc = measure_own(flows, err);
		if (rc == 0) {
			rc = measure_theirs(flows, err);
		}
		free(flows->hits);
		free(flows->misses);
		free(flows);
	}
	free(fresh);
	return rc;
}
