/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random operations on a full and crowded flow cache and on a naive twin: an array in which all is
 * found by looking at everything. VSW_SEED repeats a run.
 *
 * The twin foretells each eviction. Two things it takes from the cache: whether a key's buckets are
 * full beyond help (then one of those 16 must go), and which of several ports that hold equally
 * much for their weight is at the top.
 */
#include "datapath/table/flow_cache_test_world.h"
#include "tests/random.h"

#define N_KEYS 200U
#define N_PORTS 7U /* ids 1..6 */
#define N_OPS 1000000U
#define CAPACITY 64U
#define NOBODY UINT32_MAX

struct twin_entry {
	struct flow_key key;
	uint32_t port;
	bool present;
	uint64_t order; /* when it joined the end of its port's list */
	uint64_t hit_tick; /* 0: never */
	uint64_t burst;
	uint64_t packets;
	uint64_t bytes;
};

struct twin {
	struct flow_cache *cache;
	struct twin_entry entries[N_KEYS];
	uint32_t weights[N_PORTS];
	uint32_t n_present;
	uint64_t order;
	uint64_t tick; /* never wraps, other than the cache's */
	uint64_t burst;
	uint64_t counted_packets; /* all that ever were */
	uint64_t counted_bytes;
	/* What the next eviction must be; while both are unset there must be none. */
	uint32_t expect; /* a number of a key */
	bool crowded; /* or any entry in the two buckets of crowded_hash */
	uint64_t crowded_hash;
	bool removing;
	struct flow_cache_stats stats;
	uint64_t random;
};

static uint32_t
rnd(struct twin *twin, uint32_t n)
{
	return random_below(&twin->random, n);
}

/* --- the twin ------------------------------------------------------------------------------- */

static uint32_t
number_of(const struct flow_entry *entry)
{
	return (uint32_t)(entry->words[entry->n_words - 1] >> 16 & 0xff);
}

static uint32_t
n_on_port(const struct twin *twin, uint32_t port)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < N_KEYS; i++) {
		n += twin->entries[i].present && twin->entries[i].port == port;
	}
	return n;
}

static uint32_t
twin_oldest(const struct twin *twin, uint32_t port)
{
	uint32_t oldest = NOBODY;

	for (uint32_t i = 0; i < N_KEYS; i++) {
		const struct twin_entry *entry = &twin->entries[i];

		if (entry->present && entry->port == port &&
			(oldest == NOBODY || entry->order < twin->entries[oldest].order)) {
			oldest = i;
		}
	}
	return oldest;
}

static bool
is_young(const struct twin *twin, const struct twin_entry *entry)
{
	return entry->hit_tick != 0 && twin->tick - entry->hit_tick <= 1;
}

static uint32_t
twin_victim(struct twin *twin, uint32_t port, bool young_too)
{
	uint32_t tries = RTE_MIN(n_on_port(twin, port), FLOW_EVICT_TRIES);

	for (; tries > 0; tries--) {
		uint32_t oldest = twin_oldest(twin, port);
		struct twin_entry *entry = &twin->entries[oldest];

		if (entry->burst != twin->burst && (young_too || !is_young(twin, entry))) {
			return oldest;
		}
		entry->order = ++twin->order;
	}
	return NOBODY;
}

/* By definition: capacity * weight / weights of those present and the port itself, rounded up. */
static uint32_t
twin_share(const struct twin *twin, uint32_t port)
{
	uint32_t weights = 0;

	for (uint32_t i = 1; i < N_PORTS; i++) {
		if (i == port || n_on_port(twin, i) > 0) {
			weights += twin->weights[i];
		}
	}
	return (CAPACITY * twin->weights[port] + weights - 1) / weights;
}

/* The cache's choice, which must be one of those that hold most. */
static uint32_t
twin_top(const struct twin *twin)
{
	uint32_t top = flow_ports_top(&twin->cache->ports);

	for (uint32_t i = 1; i < N_PORTS; i++) {
		assert_true(n_on_port(twin, i) * twin->weights[top] <=
			n_on_port(twin, top) * twin->weights[i]);
	}
	return top;
}

static uint32_t
twin_make_room(struct twin *twin, uint32_t port)
{
	bool has_its_share = n_on_port(twin, port) >= twin_share(twin, port);
	uint32_t loser = has_its_share ? port : twin_top(twin);
	uint32_t victim = twin_victim(twin, loser, false);

	/* Who holds less than its share and is full: somebody else holds more. */
	assert_true(has_its_share || loser != port);
	if (victim == NOBODY && loser != port) {
		victim = twin_victim(twin, port, false);
	}
	return victim != NOBODY ? victim : twin_victim(twin, loser, true);
}

static bool
buckets_full(const struct flow_cache *cache, uint64_t hash)
{
	return flow_match(flow_first(cache, hash), 0) == 0 &&
		flow_match(flow_second(cache, hash), 0) == 0;
}

/* Both are full, and so are those that the entries in them could be moved to. */
static bool
is_crowded(const struct twin *twin, uint64_t hash)
{
	const struct flow_bucket *buckets[] = {
		flow_first(twin->cache, hash), flow_second(twin->cache, hash)};

	if (!buckets_full(twin->cache, hash)) {
		return false;
	}
	for (unsigned int i = 0; i < 2 * FLOW_BUCKET_SLOTS; i++) {
		uint32_t line = buckets[i / FLOW_BUCKET_SLOTS]->lines[i % FLOW_BUCKET_SLOTS];
		uint32_t number = number_of(flow_entry_at(twin->cache, line));

		if (!buckets_full(twin->cache, twin->entries[number].key.hash)) {
			return false;
		}
	}
	return true;
}

/* The callback: is this the one, and is all counted that it had? */
static void
on_evict(struct flow_entry *entry, void *arg)
{
	struct twin *twin = arg;
	uint32_t number = number_of(entry);
	struct twin_entry *mine = &twin->entries[number];

	assert_in_range(number, 0, N_KEYS - 1);
	assert_true(mine->present);
	assert_memory_equal(entry->words, mine->key.words, mine->key.n_words * sizeof(uint64_t));
	assert_int_equal(entry->packets, mine->packets);
	assert_int_equal(entry->bytes, mine->bytes);
	if (twin->crowded) {
		uint64_t hash = mine->key.hash;
		struct flow_cache *cache = twin->cache;
		struct flow_bucket *first = flow_first(cache, twin->crowded_hash);
		struct flow_bucket *second = flow_second(cache, twin->crowded_hash);

		assert_true(flow_first(cache, hash) == first || flow_first(cache, hash) == second ||
			flow_second(cache, hash) == first || flow_second(cache, hash) == second);
		twin->crowded = false;
	} else {
		assert_int_equal(number, twin->expect);
		twin->expect = NOBODY;
	}
	assert_true(twin->removing || mine->burst != twin->burst);
	mine->present = false;
	twin->n_present--;
	if (twin->removing) {
		twin->stats.removed++;
	} else {
		twin->stats.evicted++;
	}
}

/* --- operations ----------------------------------------------------------------------------- */

static void
op_insert(struct twin *twin, struct twin_entry *mine)
{
	bool was_present = mine->present;
	bool expect_refused = false;
	struct flow_entry *entry;
	bool is_new;

	if (!was_present && is_crowded(twin, mine->key.hash)) {
		twin->crowded = true;
		twin->crowded_hash = mine->key.hash;
	} else if (!was_present && twin->n_present == CAPACITY) {
		twin->expect = twin_make_room(twin, mine->port);
		expect_refused = twin->expect == NOBODY;
	}
	entry = flow_cache_insert(twin->cache, &mine->key, &is_new);
	assert_int_equal(is_new, !was_present);
	if (entry == NULL) {
		assert_true(expect_refused || twin->crowded);
		twin->crowded = false;
		twin->stats.refused++;
		return;
	}
	assert_false(expect_refused);
	assert_true(!twin->crowded && twin->expect == NOBODY);
	mine->burst = twin->burst;
	if (was_present) {
		return;
	}
	mine->present = true;
	mine->order = ++twin->order;
	mine->hit_tick = 0;
	mine->packets = 1; /* that missed */
	mine->bytes = 60;
	flow_entry_count(entry, 1, 60);
	twin->counted_packets++;
	twin->counted_bytes += 60;
	twin->n_present++;
	twin->stats.inserted++;
}

/* Some keys at once, the same one twice perhaps. */
static void
op_lookup(struct twin *twin)
{
	unsigned int n = 1 + rnd(twin, 4);
	struct twin_entry *mine[4];
	struct flow_key keys[4];
	struct flow_entry *entries[4];
	uint64_t hits;

	for (unsigned int i = 0; i < n; i++) {
		mine[i] = &twin->entries[rnd(twin, N_KEYS)];
		keys[i] = mine[i]->key;
	}
	flow_cache_hash(twin->cache, keys, n);
	hits = flow_cache_lookup(twin->cache, keys, n, entries);
	assert_int_equal(hits >> n, 0);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t bytes = 60 + rnd(twin, 1500);

		assert_int_equal(hits >> i & 1, mine[i]->present);
		assert_int_equal(entries[i] != NULL, mine[i]->present);
		if (!mine[i]->present) {
			twin->stats.misses++;
			continue;
		}
		twin->stats.hits++;
		assert_int_equal(number_of(entries[i]), mine[i] - twin->entries);
		flow_entry_count(entries[i], 1, bytes);
		mine[i]->packets++;
		mine[i]->bytes += bytes;
		mine[i]->hit_tick = twin->tick;
		mine[i]->burst = twin->burst;
		twin->counted_packets++;
		twin->counted_bytes += bytes;
	}
}

static void
op_remove(struct twin *twin, struct twin_entry *mine)
{
	struct flow_entry *entry = flow_cache_find(twin->cache, &mine->key);

	assert_int_equal(entry != NULL, mine->present);
	if (entry != NULL) {
		twin->removing = true;
		twin->expect = (uint32_t)(mine - twin->entries);
		flow_cache_remove(twin->cache, entry);
		twin->removing = false;
	}
}

static void
op_flush(struct twin *twin)
{
	uint32_t port = 1 + rnd(twin, N_PORTS - 1);

	for (;;) {
		uint32_t oldest = twin_oldest(twin, port);
		bool none_left;

		twin->expect = oldest;
		twin->removing = true;
		none_left = flow_cache_flush_port(twin->cache, port, oldest != NOBODY);
		assert_int_equal(none_left, n_on_port(twin, port) == 0);
		twin->removing = false;
		assert_int_equal(twin->expect, NOBODY);
		if (oldest == NOBODY) {
			return;
		}
	}
}

struct seen {
	const struct twin *twin;
	uint32_t n;
	uint64_t packets;
	uint64_t bytes;
	bool twice[N_KEYS];
};

static bool
visit(struct flow_entry *entry, void *arg)
{
	struct seen *seen = arg;
	uint32_t number = number_of(entry);

	assert_true(seen->twin->entries[number].present);
	assert_false(seen->twice[number]);
	seen->twice[number] = true;
	seen->n++;
	seen->packets += entry->packets;
	seen->bytes += entry->bytes;
	return true;
}

/* Each entry once, and nothing that was counted is lost. */
static void
op_walk(struct twin *twin, const struct world *world)
{
	struct seen seen = {.twin = twin};
	uint64_t cursor = 0;

	while (!flow_cache_walk(twin->cache, &cursor, 1 + rnd(twin, 100), visit, &seen)) {
	}
	assert_int_equal(seen.n, twin->n_present);
	assert_int_equal(world->folded_packets + seen.packets, twin->counted_packets);
	assert_int_equal(world->folded_bytes + seen.bytes, twin->counted_bytes);
	assert_int_equal(twin->counted_packets, twin->stats.hits + twin->stats.inserted);
}

static void
op_any(struct twin *twin, const struct world *world)
{
	struct twin_entry *mine = &twin->entries[rnd(twin, N_KEYS)];
	uint32_t dice = rnd(twin, 1000);

	if (rnd(twin, 40) == 0) {
		flow_cache_begin(twin->cache);
		twin->burst++;
	}
	if (dice < 400) {
		op_insert(twin, mine);
	} else if (dice < 930) {
		op_lookup(twin);
	} else if (dice < 960) {
		op_remove(twin, mine);
	} else if (dice < 980) {
		flow_cache_tick(twin->cache);
		twin->tick++;
	} else if (dice < 990) {
		op_walk(twin, world);
	} else if (dice < 992) {
		op_flush(twin);
	} else if (dice < 994) {
		uint32_t port = 1 + rnd(twin, N_PORTS - 1);

		twin->weights[port] = 1 + rnd(twin, 4);
		flow_cache_set_weight(twin->cache, port, twin->weights[port]);
		assert_int_equal(flow_cache_share(twin->cache, port), twin_share(twin, port));
	}
}

/* As small a cache as create() would not make, so that it is full and its buckets often are. */
static void
twin_init(struct twin *twin, struct flow_cache *cache, uint32_t n_buckets, uint64_t seed)
{
	cache->capacity = CAPACITY;
	cache->bucket_mask = n_buckets - 1;
	twin->cache = cache;
	twin->tick = 1;
	twin->expect = NOBODY;
	twin->random = seed | 1;
	flow_cache_begin(cache);
	twin->burst = 1;
	for (uint32_t i = 1; i < N_PORTS; i++) {
		twin->weights[i] = 1;
	}
	for (uint32_t i = 0; i < N_KEYS; i++) {
		struct twin_entry *mine = &twin->entries[i];

		mine->port =
			1 + rnd(twin, 1 + rnd(twin, N_PORTS - 1)); /* the low ones more often */
		mine->key = key_of(mine->port, i, 1 + rnd(twin, FLOW_KEY_WORDS_MAX));
		if (rnd(twin, 2) == 0) {
			mine->key = key_of(mine->port, i, 3);
		}
		for (unsigned int j = 0; j + 1 < mine->key.n_words; j++) {
			mine->key.words[j] = j == 0 ? mine->port : 0;
		}
		mine->key.words[mine->key.n_words - 1] = (uint64_t)i << 16;
		mine->key.words[0] |= mine->port;
		flow_cache_hash(cache, &mine->key, 1);
	}
}

static void
compare(void **state, uint32_t n_buckets)
{
	uint64_t seed = random_seed();
	struct flow_cache *cache = cache_of(state, FLOW_CAPACITY_MIN, seed);
	struct twin *twin = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*twin));
	struct world *world = *state;
	struct flow_cache_stats stats;

	assert_non_null(twin);
	memset(twin, 0, sizeof(*twin));
	print_message("# VSW_SEED=%#llx\n", (unsigned long long)seed);
	twin_init(twin, cache, n_buckets, seed);
	world->on_evict = on_evict;
	world->arg = twin;
	for (uint32_t i = 0; i < N_OPS; i++) {
		op_any(twin, world);
		assert_int_equal(flow_cache_count(cache), twin->n_present);
		if (i % 20000 == 0) {
			check_books(cache);
			for (uint32_t port = 1; port < N_PORTS; port++) {
				assert_int_equal(
					flow_cache_port_count(cache, port), n_on_port(twin, port));
			}
		}
	}
	check_books(cache);
	flow_cache_get_stats(cache, &stats);
	assert_memory_equal(&stats, &twin->stats, sizeof(stats));
	/* The run went where it should have. */
	assert_true(stats.evicted > 10000 && stats.refused > 20 && stats.hits > 10000 &&
		stats.removed > 10000);
	free(twin);
}

/* Twice as many slots as entries: entries must go because the cache is full. */
static void
test_like_naive_twin(void **state)
{
	compare(state, 2 * CAPACITY / FLOW_BUCKET_SLOTS);
}

/* Just enough slots: entries must go because buckets are full. */
static void
test_like_naive_twin_if_crowded(void **state)
{
	compare(state, CAPACITY / FLOW_BUCKET_SLOTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_like_naive_twin),
		CASE(test_like_naive_twin_if_crowded),
	};

	return cmocka_run_group_tests_name("flow_cache_model", tests, NULL, NULL);
}
