/* SPDX-License-Identifier: BSD-3-Clause */
/* What the flow cache promises about entries, keys and walks, one promise a case. */
#include "datapath/table/flow_cache_test_world.h"

#include <errno.h>

/* --- entries -------------------------------------------------------------------------------- */

static void
test_conf_limits(void **state)
{
	struct flow_cache *cache = NULL;
	struct flow_cache_conf conf = {.capacity = FLOW_CAPACITY_MIN - 1};

	(void)state;
	assert_int_equal(flow_cache_create(&conf, &cache), -EINVAL);
	conf.capacity = FLOW_CAPACITY_MAX + 1;
	assert_int_equal(flow_cache_create(&conf, &cache), -EINVAL);
	conf.capacity = FLOW_CAPACITY_MIN + 1; /* odd, and with huge pages asked for */
	assert_int_equal(flow_cache_create(&conf, &cache), 0);
	assert_non_null(insert_l2(cache, 1, 1));
	flow_cache_destroy(cache);
	flow_cache_destroy(NULL);
}

static void
test_insert_lookup_remove(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	struct flow_key key = key_of(3, 1, 3);
	struct flow_entry *entry;
	bool is_new = true;

	assert_null(lookup(cache, &key));
	entry = insert(cache, &key);
	assert_non_null(entry);
	assert_ptr_equal(lookup(cache, &key), entry);
	entry->generation = 7;
	flow_entry_count(entry, 2, 128);
	flow_cache_hash(cache, &key, 1);
	assert_ptr_equal(flow_cache_insert(cache, &key, &is_new), entry);
	assert_false(is_new);
	assert_int_equal(entry->generation, 7);
	assert_int_equal(entry->packets, 2);
	assert_int_equal(flow_cache_port_count(cache, 3), 1);
	flow_cache_remove(cache, entry);
	assert_null(lookup(cache, &key));
	assert_int_equal(((struct world *)*state)->folded_packets, 2);
	assert_int_equal(((struct world *)*state)->folded_bytes, 128);
	assert_int_equal(flow_cache_count(cache), 0);
	assert_int_equal(stats_of(cache).hits, 1);
	assert_int_equal(stats_of(cache).misses, 2);
	assert_int_equal(stats_of(cache).inserted, 1);
	assert_int_equal(stats_of(cache).removed, 1);
	check_books(cache);
}

/* A used place comes back clean. */
static void
test_new_entry_is_zero(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	static const uint8_t zeros[FLOW_PAYLOAD_SIZE];

	for (unsigned int n_words = 1; n_words <= FLOW_KEY_WORDS_MAX; n_words++) {
		struct flow_key key = key_of(1, n_words, n_words);
		struct flow_entry *entry = insert(cache, &key);

		for (unsigned int i = 0; i < 2; i++) {
			assert_int_equal(entry->generation | entry->bytes | entry->packets, 0);
			assert_int_equal((uintptr_t)entry % FLOW_LINE_SIZE, 0);
			assert_memory_equal(flow_entry_payload(entry), zeros, sizeof(zeros));
			memset(flow_entry_payload(entry), 0xff, FLOW_PAYLOAD_SIZE);
			assert_memory_equal(entry->words, key.words, n_words * sizeof(uint64_t));
			entry->generation = 1;
			flow_entry_count(entry, 1, 1);
			flow_cache_remove(cache, entry);
			entry = insert(cache, &key);
		}
	}
	check_books(cache);
}

static void
check_number_of_words(struct flow_cache *cache)
{
	struct flow_entry *entries[FLOW_KEY_WORDS_MAX + 1] = {NULL};

	for (unsigned int n = 1; n <= FLOW_KEY_WORDS_MAX; n++) {
		struct flow_key key = {.n_words = n, .words = {5}};

		assert_null(lookup(cache, &key));
		entries[n] = insert(cache, &key);
		assert_non_null(entries[n]);
	}
	for (unsigned int n = 1; n <= FLOW_KEY_WORDS_MAX; n++) {
		struct flow_key key = {.n_words = n, .words = {5}};

		assert_ptr_equal(lookup(cache, &key), entries[n]);
		key.words[n - 1] ^= UINT64_C(1) << 63;
		assert_null(lookup(cache, &key));
	}
	assert_int_equal(flow_cache_size_count(cache, FLOW_SIZE_L2), 3);
	assert_int_equal(flow_cache_size_count(cache, FLOW_SIZE_IPV4), 2);
	assert_int_equal(flow_cache_size_count(cache, FLOW_SIZE_LONG), 11);
	check_books(cache);
}

/* Neither a prefix of a key nor the key with a zero behind it is the key. */
static void
test_number_of_words_counts(void **state)
{
	check_number_of_words(cache_of(state, SMALL, SEED));
}

static void
test_number_of_words_counts_in_collisions(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);

	make_all_collide(cache);
	check_number_of_words(cache);
}

static void
test_words_behind_the_last_do_not_count(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);

	for (unsigned int n = 1; n < FLOW_KEY_WORDS_MAX; n++) {
		struct flow_key key = key_of(1, n, n);
		struct flow_entry *entry = insert(cache, &key);

		for (unsigned int i = n; i < FLOW_KEY_WORDS_MAX; i++) {
			key.words[i] = UINT64_MAX;
		}
		assert_ptr_equal(lookup(cache, &key), entry);
	}
}

/* 16 keys fill both buckets; the 17th takes the place of one of them. */
static void
test_all_keys_collide(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	const unsigned int n_keys = 2 * FLOW_BUCKET_SLOTS + 1;
	unsigned int n_hits = 0;

	make_all_collide(cache);
	for (unsigned int i = 0; i < n_keys; i++) {
		struct flow_key key = {.n_words = 2, .words = {1 + i % 3 + (i << 16), 0}};

		assert_non_null(insert(cache, &key));
		assert_non_null(lookup(cache, &key));
	}
	for (unsigned int i = 0; i < n_keys; i++) {
		struct flow_key key = {.n_words = 2, .words = {1 + i % 3 + (i << 16), 0}};
		struct flow_entry *entry = lookup(cache, &key);

		if (entry != NULL) {
			n_hits++;
			flow_cache_remove(cache, entry);
			assert_null(lookup(cache, &key));
		}
	}
	assert_int_equal(n_hits, n_keys - 1);
	assert_int_equal(flow_cache_count(cache), 0);
	assert_int_equal(stats_of(cache).evicted, 1);
	check_books(cache);
	for (uint64_t b = 0; b <= cache->bucket_mask; b++) {
		assert_int_equal(cache->buckets[b].n_elsewhere, 0);
	}
}

/* --- the hash ------------------------------------------------------------------------------- */

/*
 * Pairs of keys that collide under CRC32C with every seed do not under a seed of ours. Keys differ
 * by one bit, by a word, or by the generator polynomial of CRC32C, shifted (bits are reflected).
 */
static void
test_no_collision_for_all_seeds(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	const uint64_t polynomial = UINT64_C(0x105ec76f1);
	unsigned int n_same = 0;

	for (unsigned int bit = 0; bit < 64; bit++) {
		for (unsigned int word = 0; word < 3; word++) {
			struct flow_key a = key_of(1, 12345, 3);
			struct flow_key b = a;
			struct flow_key c = a;

			b.words[word] ^= UINT64_C(1) << bit;
			c.words[word] ^= polynomial << (bit % 32);
			flow_cache_hash(cache, &a, 1);
			flow_cache_hash(cache, &b, 1);
			flow_cache_hash(cache, &c, 1);
			n_same += (uint32_t)a.hash == (uint32_t)b.hash;
			n_same += (uint32_t)a.hash == (uint32_t)c.hash;
		}
	}
	assert_int_equal(n_same, 0);
}

/* Keys that are the same but for zeros at their end have different hashes, too. */
static void
test_length_is_hashed(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	struct flow_key keys[FLOW_KEY_WORDS_MAX];

	for (unsigned int i = 0; i < FLOW_KEY_WORDS_MAX; i++) {
		keys[i] = (struct flow_key){.n_words = i + 1, .words = {5}};
		flow_cache_hash(cache, &keys[i], 1);
		for (unsigned int j = 0; j < i; j++) {
			assert_int_not_equal(keys[j].hash, keys[i].hash);
		}
	}
}

/* Neither numbers that count up nor multiples crowd in buckets, with any of some seeds. */
static void
test_hash_spreads(void **state)
{
	struct flow_cache *cache = cache_of(state, 32768, SEED);
	const uint32_t n_keys = 32768;
	struct flow_entry *kept = NULL;

	for (unsigned int shift = 0; shift < 40; shift += 8) {
		struct flow_cache_stats before = stats_of(cache);
		uint64_t evicted;

		for (uint32_t i = 0; i < n_keys; i++) {
			struct flow_key key = {.n_words = 3, .words = {1, (uint64_t)i << shift, 0}};

			kept = insert(cache, &key);
			assert_non_null(kept);
		}
		evicted = stats_of(cache).evicted - before.evicted;
		assert_true(evicted == 0);
		while (!flow_cache_flush_port(cache, 1, 1000)) {
		}
	}
	check_books(cache);
}

static void
test_bulk_lookup(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	struct flow_entry *entries[FLOW_BULK_MAX];
	struct flow_key keys[FLOW_BULK_MAX];

	for (unsigned int i = 0; i < FLOW_BULK_MAX; i++) {
		keys[i] = key_of(1, i, 1 + i % FLOW_KEY_WORDS_MAX);
		if (i % 3 != 0) {
			assert_non_null(insert(cache, &keys[i]));
		}
	}
	flow_cache_hash(cache, keys, FLOW_BULK_MAX);
	assert_int_equal(flow_cache_lookup(cache, keys, FLOW_BULK_MAX, entries),
		UINT64_C(0x6db6db6db6db6db6));
	for (unsigned int i = 0; i < FLOW_BULK_MAX; i++) {
		if (i % 3 == 0) {
			assert_null(entries[i]);
		} else {
			assert_int_equal(entries[i]->n_words, keys[i].n_words);
			assert_memory_equal(entries[i]->words, keys[i].words, 8 * keys[i].n_words);
		}
	}
	assert_int_equal(stats_of(cache).hits, 42);
	assert_int_equal(stats_of(cache).misses, 22);
	assert_int_equal(flow_cache_lookup(cache, keys, 0, entries), 0);
}

/* --- walks ---------------------------------------------------------------------------------- */

static bool
visit_count(struct flow_entry *entry, void *arg)
{
	entry->generation++;
	++*(uint32_t *)arg;
	return true;
}

static bool
visit_drop_odd(struct flow_entry *entry, void *arg)
{
	(void)arg;
	return entry->words[entry->n_words - 1] >> 16 & 1 ? false : true;
}

static void
test_walk_sees_each_once(void **state)
{
	struct flow_cache *cache = cache_of(state, 4096, SEED);
	static const unsigned int slices[] = {1, 7, 1000, 100000};
	uint64_t cursor = 0;
	uint32_t n_visits = 0;

	assert_true(flow_cache_walk(cache, &cursor, 10, visit_count, &n_visits));
	for (uint32_t i = 0; i < 3000; i++) {
		struct flow_key key = key_of(1 + i % 5, i, 1 + i % FLOW_KEY_WORDS_MAX);

		assert_non_null(insert(cache, &key));
	}
	while (!flow_cache_walk(cache, &cursor, 100, visit_drop_odd, NULL)) {
	}
	for (unsigned int i = 0; i < RTE_DIM(slices); i++) {
		n_visits = 0;
		while (!flow_cache_walk(cache, &cursor, slices[i], visit_count, &n_visits)) {
		}
		assert_int_equal(cursor, 0);
		assert_int_equal(n_visits, flow_cache_count(cache));
	}
	assert_in_range(n_visits, 1400, 1600);
	for (uint32_t i = 0; i < 3000; i++) {
		struct flow_key key = key_of(1 + i % 5, i, 1 + i % FLOW_KEY_WORDS_MAX);
		struct flow_entry *entry = lookup(cache, &key);

		assert_true(i % 2 == 1 || entry != NULL);
		assert_true(entry == NULL || entry->generation == RTE_DIM(slices));
	}
	check_books(cache);
}

/* An entry that nobody hits does not become young again when the tick comes round. */
static void
test_walk_keeps_ticks_apart(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	struct flow_entry *entry = insert_l2(cache, 1, 1);
	uint32_t n_visits = 0;
	uint64_t cursor = 0;

	assert_true(hit_l2(cache, 1, 1));
	assert_true(flow_entry_is_young(cache, entry));
	for (unsigned int i = 0; i < 2 * FLOW_TICKS; i++) {
		assert_int_equal(flow_entry_is_young(cache, entry), i < 2);
		flow_cache_tick(cache);
		if (i % 100 == 50) {
			while (!flow_cache_walk(cache, &cursor, 100, visit_count, &n_visits)) {
			}
		}
	}
}

static void
test_flush_port(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);

	assert_true(flow_cache_flush_port(cache, 1, 10));
	fill(cache, 1, 0, 25);
	fill(cache, 2, 0, 25);
	assert_false(flow_cache_flush_port(cache, 1, 10));
	assert_int_equal(flow_cache_port_count(cache, 1), 15);
	assert_false(flow_cache_flush_port(cache, 1, 10));
	assert_true(flow_cache_flush_port(cache, 1, 10));
	assert_int_equal(flow_cache_port_count(cache, 1), 0);
	assert_int_equal(count_hits(cache, 2, 0, 25), 25);
	assert_int_equal(((struct world *)*state)->n_folded, 25);
	check_books(cache);
}

/* --- memory --------------------------------------------------------------------------------- */

static void
test_memory_grows_with_use(void **state)
{
	struct flow_cache *cache = cache_of(state, 1U << 20, SEED);
	const size_t before = flow_cache_memory(cache);

	role_assert(&role_main);
	flow_cache_populate(cache);
	assert_true(before < 17U << 20);
	fill(cache, 1, 0, 20000);
	flow_cache_populate(cache);
	assert_int_equal(flow_cache_memory(cache) - before, 20000 * (64 + 8));
	fill(cache, 1, 20000, 40000);
	assert_int_equal(count_hits(cache, 1, 0, 60000), 60000);
	check_books(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_conf_limits),
		CASE(test_insert_lookup_remove),
		CASE(test_new_entry_is_zero),
		CASE(test_number_of_words_counts),
		CASE(test_number_of_words_counts_in_collisions),
		CASE(test_words_behind_the_last_do_not_count),
		CASE(test_all_keys_collide),
		CASE(test_no_collision_for_all_seeds),
		CASE(test_length_is_hashed),
		CASE(test_hash_spreads),
		CASE(test_bulk_lookup),
		CASE(test_walk_sees_each_once),
		CASE(test_walk_keeps_ticks_apart),
		CASE(test_flush_port),
		CASE(test_memory_grows_with_use),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("flow_cache", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
