/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow cache's insertions and removals: who gets a place, and who loses it. */
#include "datapath/table/flow_cache.h"
#include "datapath/table/flow_cache_priv.h"

#define LOSS_FORBIDDEN 4U

/* --- places of entries ---------------------------------------------------------------------- */

/* There is one: a pool has as many places as the cache may have entries. */
static struct flow_entry *
pool_get(struct flow_cache *cache, enum flow_size size)
{
	struct flow_pool *pool = &cache->pools[size];
	struct flow_entry *entry;

	if (pool->free_line != FLOW_NO_LINE) {
		entry = flow_entry_at(cache, pool->free_line);
		pool->free_line = (uint32_t)entry->words[0];
	} else {
		assert(pool->n_begun < cache->capacity);
		entry = flow_entry_at(cache, pool->first_line + pool->n_begun * pool->n_lines);
		flow_count_set(&pool->n_begun, pool->n_begun + 1);
	}
	flow_count_set(&pool->n_live, pool->n_live + 1);
	return entry;
}

static void
pool_put(struct flow_cache *cache, struct flow_entry *entry)
{
	struct flow_pool *pool = &cache->pools[flow_size_of(entry->n_words)];

	entry->n_words = 0;
	entry->words[0] = pool->free_line;
	pool->free_line = flow_line_of(cache, entry);
	flow_count_set(&pool->n_live, pool->n_live - 1);
}

/* --- slots of buckets ----------------------------------------------------------------------- */

static bool
bucket_put(struct flow_bucket *bucket, uint16_t signature, uint32_t line)
{
	unsigned int empty = flow_match(bucket, 0);

	if (empty == 0) {
		return false;
	}
	bucket->signatures[__builtin_ctz(empty)] = signature;
	bucket->lines[__builtin_ctz(empty)] = line;
	return true;
}

static bool
bucket_take(struct flow_bucket *bucket, uint16_t signature, uint32_t line)
{
	for (unsigned int found = flow_match(bucket, signature); found != 0; found &= found - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(found);

		if (bucket->lines[i] == line) {
			bucket->signatures[i] = 0;
			bucket->lines[i] = FLOW_NO_LINE;
			return true;
		}
	}
	return false;
}

/* One of the two buckets has a slot. */
static void
index_put(struct flow_cache *cache, uint64_t hash, uint32_t line)
{
	struct flow_bucket *first = flow_first(cache, hash);

	if (!bucket_put(first, flow_signature(hash), line)) {
		bool put = bucket_put(flow_second(cache, hash), flow_signature(hash), line);

		assert(put);
		(void)put;
		first->n_elsewhere++;
	}
}

static void
index_take(struct flow_cache *cache, uint64_t hash, uint32_t line)
{
	struct flow_bucket *first = flow_first(cache, hash);

	if (!bucket_take(first, flow_signature(hash), line)) {
		bool taken = bucket_take(flow_second(cache, hash), flow_signature(hash), line);

		assert(taken && first->n_elsewhere > 0);
		(void)taken;
		first->n_elsewhere--;
	}
}

/* Move an entry of this full bucket to the other one that its hash names. */
static bool
index_move(struct flow_cache *cache, struct flow_bucket *from)
{
	for (unsigned int i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		const uint32_t line = from->lines[i];
		const struct flow_entry *entry = flow_entry_at(cache, line);
		const uint64_t hash =
			flow_hash_words(&cache->hash_keys, entry->words, entry->n_words);
		struct flow_bucket *first = flow_first(cache, hash);
		struct flow_bucket *to = from == first ? flow_second(cache, hash) : first;

		if (bucket_put(to, from->signatures[i], line)) {
			from->signatures[i] = 0;
			from->lines[i] = FLOW_NO_LINE;
			first->n_elsewhere += from == first ? 1 : -1;
			return true;
		}
	}
	return false;
}

/* --- removal -------------------------------------------------------------------------------- */

/* The slot in the index is found by the hash: 8 bytes less in each entry, some cycles here. */
static void
entry_drop(struct flow_cache *cache, struct flow_entry *entry)
{
	assert(entry->n_words != 0);
	if (cache->on_evict != NULL) {
		cache->on_evict(entry, cache->arg);
	}
	index_take(cache, flow_hash_words(&cache->hash_keys, entry->words, entry->n_words),
		flow_line_of(cache, entry));
	flow_ports_del(&cache->ports, flow_port_of(entry->words), flow_slot_of(cache, entry));
	pool_put(cache, entry);
	flow_count_set(&cache->n_live, cache->n_live - 1);
}

void
flow_cache_remove(struct flow_cache *cache, struct flow_entry *entry)
{
	entry_drop(cache, entry);
	flow_stat_add(&cache->stats.removed, 1);
}

static void
evict(struct flow_cache *cache, struct flow_entry *entry)
{
	entry_drop(cache, entry);
	flow_stat_add(&cache->stats.evicted, 1);
}

bool
flow_cache_flush_port(struct flow_cache *cache, uint32_t port, unsigned int n)
{
	uint32_t slot = flow_ports_oldest(&cache->ports, port);

	for (; n > 0 && slot != FLOW_NO_SLOT; n--) {
		flow_cache_remove(cache, flow_entry_in_slot(cache, slot));
		slot = flow_ports_oldest(&cache->ports, port);
	}
	return slot == FLOW_NO_SLOT;
}

/* --- eviction ------------------------------------------------------------------------------- */

/* This burst holds pointers to it. */
static bool
is_held(const struct flow_cache *cache, const struct flow_entry *entry)
{
	return entry->burst == cache->burst;
}

/* The oldest of the port's entries that may go; those that are passed over become its youngest. */
static struct flow_entry *
port_victim(struct flow_cache *cache, uint32_t port, bool young_too)
{
	uint32_t tries = RTE_MIN(flow_ports_count(&cache->ports, port), FLOW_EVICT_TRIES);

	for (; tries > 0; tries--) {
		struct flow_entry *entry =
			flow_entry_in_slot(cache, flow_ports_oldest(&cache->ports, port));

		if (!is_held(cache, entry) && (young_too || !flow_entry_is_young(cache, entry))) {
			return entry;
		}
		flow_ports_rotate(&cache->ports, port);
	}
	return NULL;
}

/* See the header, "Who must go". */
static bool
make_room(struct flow_cache *cache, uint32_t port)
{
	const uint32_t share = flow_ports_share(&cache->ports, port, cache->capacity);
	const bool has_its_share = flow_ports_count(&cache->ports, port) >= share;
	const uint32_t loser = has_its_share ? port : flow_ports_top(&cache->ports);
	struct flow_entry *victim = port_victim(cache, loser, false);

	if (victim == NULL && loser != port) {
		victim = port_victim(cache, port, false);
	}
	if (victim == NULL) {
		victim = port_victim(cache, loser, true);
	}
	if (victim != NULL) {
		evict(cache, victim);
	}
	return victim != NULL;
}

/* How much it would hurt to lose the entry. */
static unsigned int
loss(const struct flow_cache *cache, const struct flow_entry *entry, uint32_t port)
{
	if (is_held(cache, entry)) {
		return LOSS_FORBIDDEN;
	}
	return 2 * flow_entry_is_young(cache, entry) + (flow_port_of(entry->words) != port);
}

/*
 * An empty slot in one of a key's two buckets. Both are full for one key in 400 when the cache is,
 * and then nearly always one of the 16 entries can go to its other bucket. That none can is nothing
 * that a guest who does not know the seed can bring about.
 */
static bool
make_slot(struct flow_cache *cache, uint64_t hash, uint32_t port)
{
	struct flow_bucket *buckets[] = {flow_first(cache, hash), flow_second(cache, hash)};
	struct flow_entry *victim = NULL;
	unsigned int least = LOSS_FORBIDDEN;

	if (flow_match(buckets[0], 0) != 0 || flow_match(buckets[1], 0) != 0 ||
		index_move(cache, buckets[0]) || index_move(cache, buckets[1])) {
		return true;
	}
	for (unsigned int i = 0; i < 2 * FLOW_BUCKET_SLOTS; i++) {
		struct flow_entry *entry = flow_entry_at(
			cache, buckets[i / FLOW_BUCKET_SLOTS]->lines[i % FLOW_BUCKET_SLOTS]);
		unsigned int hurts = loss(cache, entry, port);

		if (hurts < least) {
			least = hurts;
			victim = entry;
		}
	}
	if (victim != NULL) {
		evict(cache, victim);
	}
	return victim != NULL;
}

/* --- insertion ------------------------------------------------------------------------------ */

struct flow_entry *
flow_cache_insert(struct flow_cache *cache, const struct flow_key *key, bool *is_new)
{
	const uint32_t port = flow_port_of(key->words);
	const enum flow_size size = flow_size_of((unsigned int)key->n_words);
	struct flow_entry *entry = flow_cache_find(cache, key);

	assert(port < FLOW_PORTS_MAX);
	*is_new = entry == NULL;
	if (entry != NULL) {
		entry->burst = cache->burst;
		return entry;
	}
	if (!make_slot(cache, key->hash, port) ||
		(cache->n_live == cache->capacity && !make_room(cache, port))) {
		flow_stat_add(&cache->stats.refused, 1);
		return NULL;
	}
	entry = pool_get(cache, size);
	memset(entry, 0, cache->pools[size].n_lines * FLOW_LINE_SIZE);
	memcpy(entry->words, key->words, RTE_MAX(key->n_words, 3U) * sizeof(uint64_t));
	entry->n_words = (uint8_t)key->n_words;
	entry->burst = cache->burst; /* held, but not young before its second packet */
	index_put(cache, key->hash, flow_line_of(cache, entry));
	flow_ports_add(&cache->ports, port, flow_slot_of(cache, entry));
	flow_count_set(&cache->n_live, cache->n_live + 1);
	flow_stat_add(&cache->stats.inserted, 1);
	return entry;
}

/* --- now and then --------------------------------------------------------------------------- */

void
flow_cache_tick(struct flow_cache *cache)
{
	cache->tick = cache->tick == FLOW_TICKS ? 1 : cache->tick + 1;
}

static void
visit_slot(struct flow_cache *cache, uint32_t slot, flow_visit_fn visit, void *arg)
{
	struct flow_entry *entry = flow_entry_in_slot(cache, slot);

	if (entry->n_words == 0) {
		return;
	}
	if (flow_entry_age(cache, entry) > FLOW_TICKS / 2) {
		entry->used = 0; /* before the tick comes round to it again */
	}
	if (!visit(entry, arg)) {
		flow_cache_remove(cache, entry);
	}
}

bool
flow_cache_walk(
	struct flow_cache *cache, uint64_t *cursor, unsigned int n, flow_visit_fn visit, void *arg)
{
	uint32_t slot = (uint32_t)*cursor;

	for (; n > 0 && slot < FLOW_SIZES * cache->capacity; n--) {
		enum flow_size size = slot / cache->capacity;

		if (slot % cache->capacity < cache->pools[size].n_begun) {
			visit_slot(cache, slot, visit, arg);
			slot++;
		} else {
			slot = ((uint32_t)size + 1) * cache->capacity;
		}
	}
	*cursor = slot < FLOW_SIZES * cache->capacity ? slot : 0;
	return *cursor == 0;
}

void
flow_cache_set_weight(struct flow_cache *cache, uint32_t port, uint32_t weight)
{
	flow_ports_set_weight(&cache->ports, port, weight);
}

uint32_t
flow_cache_share(const struct flow_cache *cache, uint32_t port)
{
	return flow_ports_share(&cache->ports, port, cache->capacity);
}
