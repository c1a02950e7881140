/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/flow_cache.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "datapath/table/flow_cache_priv.h"
#include "datapath/table/pages.h"

#define POPULATE_AHEAD (1U << 20) /* bytes of entries of each size that are ready */
#define POPULATE_STEP (4U << 20) /* bytes, at most, of one size in one call */

static_assert(FLOW_CAPACITY_MAX * 4ULL / FLOW_BUCKET_SLOTS <= 1U << 24,
	"24 bits of the hash name a bucket");
static_assert(FLOW_CAPACITY_MAX * 6ULL + FLOW_LINES_RESERVED <= UINT32_MAX, "numbers of lines");
static_assert(FLOW_SIZES * (uint64_t)FLOW_CAPACITY_MAX < FLOW_NO_SLOT, "numbers of slots");

/* --- create, destroy ------------------------------------------------------------------------ */

static void
hash_keys_init(struct flow_hash_keys *keys, uint64_t seed)
{
	for (unsigned int i = 0; i < RTE_DIM(keys->words); i++) {
		keys->words[i] = secret_next(&seed);
	}
	keys->finish[0] = secret_next(&seed);
	keys->finish[1] = secret_next(&seed);
}

static size_t
buckets_size(const struct flow_cache *cache)
{
	return (cache->bucket_mask + 1) * sizeof(struct flow_bucket);
}

/* Now rather than when a packet waits. Where the kernel cannot, the packet waits. */
static void
take_pages(void *at, size_t size)
{
#ifdef MADV_POPULATE_WRITE
	const uintptr_t page = 4096;
	const uintptr_t begin = (uintptr_t)at & ~(page - 1);

	(void)madvise((void *)begin, (uintptr_t)at + size - begin, MADV_POPULATE_WRITE);
#else
	(void)at;
	(void)size;
#endif
}

static void
pools_init(struct flow_cache *cache)
{
	uint32_t line = FLOW_LINES_RESERVED;

	for (enum flow_size size = FLOW_SIZE_L2; size < FLOW_SIZES; size++) {
		struct flow_pool *pool = &cache->pools[size];

		pool->first_line = line;
		pool->n_lines = (uint32_t)((sizeof(struct flow_entry) +
						   flow_size_words(size) * sizeof(uint64_t) +
						   FLOW_PAYLOAD_SIZE + FLOW_LINE_SIZE - 1) /
			FLOW_LINE_SIZE);
		line += RTE_ALIGN_CEIL(cache->capacity * pool->n_lines, 2);
	}
	cache->lines_size = (size_t)line * FLOW_LINE_SIZE;
}

static int
pages_init(struct flow_cache *cache, bool small_pages)
{
	cache->buckets = pages_alloc(buckets_size(cache));
	if (cache->buckets == NULL) {
		return -ENOMEM;
	}
	cache->lines = pages_alloc(cache->lines_size);
	if (cache->lines == NULL) {
		goto fail_lines;
	}
	if (flow_ports_init(&cache->ports, FLOW_SIZES * cache->capacity) != 0) {
		goto fail_ports;
	}
	if (!small_pages) {
		(void)madvise(cache->buckets, buckets_size(cache), MADV_HUGEPAGE);
		(void)madvise(cache->lines, cache->lines_size, MADV_HUGEPAGE);
	}
	take_pages(cache->buckets, buckets_size(cache));
	return 0;

fail_ports:
	pages_free(cache->lines, cache->lines_size);
fail_lines:
	pages_free(cache->buckets, buckets_size(cache));
	return -ENOMEM;
}

int
flow_cache_create(const struct flow_cache_conf *conf, struct flow_cache **out)
{
	struct flow_cache *cache;

	if (conf->capacity < FLOW_CAPACITY_MIN || conf->capacity > FLOW_CAPACITY_MAX) {
		return -EINVAL;
	}
	cache = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*cache));
	if (cache == NULL) {
		return -ENOMEM;
	}
	*cache = (struct flow_cache){
		.capacity = conf->capacity,
		.bucket_mask = rte_align32pow2(conf->capacity * 2 / FLOW_BUCKET_SLOTS) - 1,
		.tick = 1,
		.on_evict = conf->on_evict,
		.arg = conf->arg,
	};
	hash_keys_init(&cache->hash_keys, conf->seed);
	pools_init(cache);
	if (pages_init(cache, conf->small_pages) != 0) {
		free(cache);
		return -ENOMEM;
	}
	*out = cache;
	return 0;
}

void
flow_cache_destroy(struct flow_cache *cache)
{
	if (cache == NULL) {
		return;
	}
	flow_ports_fini(&cache->ports);
	pages_free(cache->lines, cache->lines_size);
	pages_free(cache->buckets, buckets_size(cache));
	free(cache);
}

/* --- main ----------------------------------------------------------------------------------- */

/*
 * The pages are zero and stay so: populating writes nothing. Doing it twice, or after the owner, is
 * harmless.
 */
static void
pool_populate(struct flow_cache *cache, enum flow_size size)
{
	struct flow_pool *pool = &cache->pools[size];
	const uint32_t entry_size = pool->n_lines * FLOW_LINE_SIZE;
	const uint32_t begun = __atomic_load_n(&pool->n_begun, __ATOMIC_RELAXED);
	const uint32_t from = RTE_MAX(pool->n_populated, begun);
	/* As much again as there is: who grows fast has it in time. */
	uint32_t to = RTE_MIN(cache->capacity, begun + RTE_MAX(begun, POPULATE_AHEAD / entry_size));

	if (begun == 0 && size != FLOW_SIZE_L2) {
		return; /* of a size that nobody uses, not before the first */
	}
	to = RTE_MIN(to, from + POPULATE_STEP / entry_size);
	if (to <= from) {
		return;
	}
	take_pages(flow_entry_at(cache, pool->first_line + from * pool->n_lines),
		(size_t)(to - from) * entry_size);
	take_pages(&cache->ports.links[(uint32_t)size * cache->capacity + from],
		(to - from) * sizeof(struct flow_link));
	pool->n_populated = to;
}

void
flow_cache_populate(struct flow_cache *cache)
{
	for (enum flow_size size = FLOW_SIZE_L2; size < FLOW_SIZES; size++) {
		pool_populate(cache, size);
	}
}

/* --- counts --------------------------------------------------------------------------------- */

uint32_t
flow_cache_count(const struct flow_cache *cache)
{
	return __atomic_load_n(&cache->n_live, __ATOMIC_RELAXED);
}

uint32_t
flow_cache_places(const struct flow_cache *cache)
{
	uint32_t n = 0;

	for (unsigned int size = 0; size < FLOW_SIZES; size++) {
		n += __atomic_load_n(&cache->pools[size].n_begun, __ATOMIC_RELAXED);
	}
	return n;
}

uint32_t
flow_cache_size_count(const struct flow_cache *cache, enum flow_size size)
{
	return __atomic_load_n(&cache->pools[size].n_live, __ATOMIC_RELAXED);
}

uint32_t
flow_cache_port_count(const struct flow_cache *cache, uint32_t port)
{
	return flow_ports_count(&cache->ports, port);
}

void
flow_cache_get_stats(const struct flow_cache *cache, struct flow_cache_stats *stats)
{
	const struct flow_cache_stats *from = &cache->stats;

	stats->hits = __atomic_load_n(&from->hits, __ATOMIC_RELAXED);
	stats->misses = __atomic_load_n(&from->misses, __ATOMIC_RELAXED);
	stats->inserted = __atomic_load_n(&from->inserted, __ATOMIC_RELAXED);
	stats->evicted = __atomic_load_n(&from->evicted, __ATOMIC_RELAXED);
	stats->removed = __atomic_load_n(&from->removed, __ATOMIC_RELAXED);
	stats->refused = __atomic_load_n(&from->refused, __ATOMIC_RELAXED);
}

size_t
flow_cache_memory(const struct flow_cache *cache)
{
	size_t size = sizeof(*cache) + buckets_size(cache);

	for (unsigned int i = 0; i < FLOW_SIZES; i++) {
		const struct flow_pool *pool = &cache->pools[i];

		size += (size_t)__atomic_load_n(&pool->n_begun, __ATOMIC_RELAXED) *
			(pool->n_lines * FLOW_LINE_SIZE + sizeof(struct flow_link));
	}
	return size;
}

/* --- each burst ----------------------------------------------------------------------------- */

void
flow_cache_begin(struct flow_cache *cache)
{
	cache->burst++;
}

void
flow_cache_hash(const struct flow_cache *cache, struct flow_key *keys, unsigned int n)
{
	assert(n <= FLOW_BULK_MAX);
	for (unsigned int i = 0; i < n; i++) {
		struct flow_key *key = &keys[i];

		assert(key->n_words >= 1 && key->n_words <= FLOW_KEY_WORDS_MAX);
		/* The usual length without loops: 1.6 cycles of 7. */
		if (likely(key->n_words == 3)) {
			key->hash = flow_hash_words(&cache->hash_keys, key->words, 3);
		} else {
			for (uint64_t j = key->n_words; j < 3; j++) {
				key->words[j] = 0;
			}
			key->hash = flow_hash_words(&cache->hash_keys, key->words, key->n_words);
		}
		rte_prefetch0(flow_first(cache, key->hash));
	}
}

static struct flow_entry *
bucket_find(const struct flow_cache *cache, const struct flow_bucket *bucket,
	const struct flow_key *key)
{
	unsigned int found = flow_match(bucket, flow_signature(key->hash));

	for (; found != 0; found &= found - 1) {
		struct flow_entry *entry =
			flow_entry_at(cache, bucket->lines[__builtin_ctz(found)]);

		if (flow_entry_is(entry, key)) {
			return entry;
		}
	}
	return NULL;
}

struct flow_entry *
flow_cache_find(const struct flow_cache *cache, const struct flow_key *key)
{
	const struct flow_bucket *first = flow_first(cache, key->hash);
	struct flow_entry *entry = bucket_find(cache, first, key);

	if (entry == NULL && first->n_elsewhere > 0) {
		entry = bucket_find(cache, flow_second(cache, key->hash), key);
	}
	return entry;
}

/* What probably is the entry of each key, on its way into the processor's cache. */
static void
prefetch_candidates(const struct flow_cache *cache, const struct flow_key *keys, unsigned int n,
	struct flow_entry **entries)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct flow_bucket *bucket = flow_first(cache, keys[i].hash);
		unsigned int found = flow_match(bucket, flow_signature(keys[i].hash));
		/* No match: the slot behind the last. */
		unsigned int slot = (unsigned int)__builtin_ctz(found | 1U << FLOW_BUCKET_SLOTS);

		entries[i] = flow_entry_at(cache, bucket->lines[slot]);
		rte_prefetch0(entries[i]);
		if (keys[i].n_words > flow_size_words(FLOW_SIZE_L2)) {
			rte_prefetch0((uint8_t *)entries[i] + FLOW_LINE_SIZE);
		}
	}
}

uint64_t
flow_cache_lookup(struct flow_cache *cache, const struct flow_key *keys, unsigned int n,
	struct flow_entry **entries)
{
	uint64_t hits = 0;
	unsigned int n_hits;

	assert(n <= FLOW_BULK_MAX);
	prefetch_candidates(cache, keys, n, entries);
	for (unsigned int i = 0; i < n; i++) {
		struct flow_entry *entry = entries[i];

		if (unlikely(!flow_entry_is(entry, &keys[i]))) {
			entry = flow_cache_find(cache, &keys[i]);
			entries[i] = entry;
			if (entry == NULL) {
				continue;
			}
		}
		flow_entry_mark(cache, entry, (uint32_t)keys[i].n_words);
		hits |= UINT64_C(1) << i;
	}
	n_hits = (unsigned int)__builtin_popcountll(hits);
	flow_stat_add(&cache->stats.hits, n_hits);
	flow_stat_add(&cache->stats.misses, n - n_hits);
	return hits;
}

struct flow_entry *
flow_cache_peek(const struct flow_cache *cache, const struct flow_key *key)
{
	return flow_cache_find(cache, key);
}

uint32_t
flow_cache_idle_ms(const struct flow_cache *cache, const struct flow_entry *entry)
{
	static_assert(FLOW_IDLE_MAX == FLOW_TICKS * FLOW_TICK_MS, "ticks are told");
	return flow_entry_age(cache, entry) * FLOW_TICK_MS;
}
