/* SPDX-License-Identifier: BSD-3-Clause */
/* Who must go when the flow cache is full, one promise a case. */
#include "datapath/table/flow_cache_test_world.h"

/* --- eviction ------------------------------------------------------------------------------- */

static void
test_oldest_goes_first(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);

	fill(cache, 1, 0, SMALL);
	assert_int_equal(flow_cache_count(cache), SMALL);
	assert_true(hit_l2(cache, 1, 0)); /* a second chance */
	fill(cache, 1, SMALL, 300);
	assert_int_equal(flow_cache_count(cache), SMALL);
	assert_true(hit_l2(cache, 1, 0));
	assert_int_equal(count_hits(cache, 1, 1, 300), 0);
	assert_int_equal(count_hits(cache, 1, 301, SMALL - 1), SMALL - 1);
	check_books(cache);
}

/*
 * An entry that was not hit for two ticks is as good as one that never was. Where more than
 * FLOW_EVICT_TRIES young ones are the oldest, one of them goes.
 */
static void
test_young_until_second_tick(void **state)
{
	for (unsigned int n_ticks = 0; n_ticks < 4; n_ticks++) {
		struct flow_cache *cache = cache_of(state, SMALL, SEED);
		uint32_t n_left;

		fill(cache, 1, 0, SMALL - 20);
		assert_int_equal(count_hits(cache, 1, 0, 100), 100);
		for (unsigned int i = 0; i < n_ticks; i++) {
			flow_cache_tick(cache);
		}
		fill(cache, 1, SMALL, 200);
		n_left = count_hits(cache, 1, 0, 100);
		assert_true(n_ticks < 2 ? n_left >= 85 : n_left == 0);
		flow_cache_destroy(cache);
	}
	((struct world *)*state)->cache = NULL;
}

/* The storm's own share is not full, and yet it takes nothing that lives. */
static void
test_quiet_port_survives_storm(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	const uint32_t n_live = SMALL * 3 / 4;

	fill(cache, 1, 0, n_live);
	assert_int_equal(count_hits(cache, 1, 0, n_live), n_live);
	fill(cache, 2, 0, 100 * SMALL);
	assert_int_equal(count_hits(cache, 1, 0, n_live), n_live);
	assert_int_equal(flow_cache_port_count(cache, 2), SMALL - n_live);
	check_books(cache);
}

/* But what does not live goes, down to the port's share. */
static void
test_idle_excess_goes_to_others(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);

	fill(cache, 1, 0, SMALL);
	fill(cache, 2, 0, 4 * SMALL);
	assert_in_range(flow_cache_port_count(cache, 1), SMALL / 2, SMALL / 2);
	assert_in_range(flow_cache_port_count(cache, 2), SMALL / 2, SMALL / 2);
	fill(cache, 3, 0, 4 * SMALL);
	assert_in_range(flow_cache_port_count(cache, 3), SMALL / 3, SMALL / 3 + 1);
	assert_true(flow_cache_port_count(cache, 1) >= SMALL / 3);
	assert_true(flow_cache_port_count(cache, 2) >= SMALL / 3);
	check_books(cache);
}

/* A port with nothing but live flows gets its share from one that lives beyond its own. */
static void
test_live_excess_goes_to_live(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);

	fill(cache, 1, 0, SMALL);
	for (uint32_t i = 0; i < SMALL; i++) {
		(void)hit_l2(cache, 1, i);
		(void)insert_l2(cache, 2, i);
		(void)count_hits(cache, 2, 0, i + 1);
	}
	assert_in_range(flow_cache_port_count(cache, 2), SMALL / 2 - 20, SMALL / 2 + 20);
	check_books(cache);
}

static void
test_weights(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);

	flow_cache_set_weight(cache, 7, 3);
	assert_int_equal(flow_cache_share(cache, 1), SMALL);
	fill(cache, 1, 0, SMALL);
	assert_int_equal(flow_cache_share(cache, 7), SMALL * 3 / 4);
	fill(cache, 7, 0, 4 * SMALL);
	assert_int_equal(flow_cache_share(cache, 1), SMALL / 4);
	assert_in_range(flow_cache_port_count(cache, 7), SMALL * 3 / 4 - 40, SMALL * 3 / 4 + 40);
	flow_cache_set_weight(cache, 7, 1);
	assert_int_equal(flow_cache_share(cache, 7), SMALL / 2);
	fill(cache, 1, SMALL, 4 * SMALL);
	assert_in_range(flow_cache_port_count(cache, 7), SMALL / 2 - 40, SMALL / 2 + 40);
	check_books(cache);
}

/* --- bursts --------------------------------------------------------------------------------- */

/* What a burst has looked up or inserted stays until the next begins, and the rest is refused. */
static void
test_burst_holds_its_entries(void **state)
{
	struct flow_cache *cache = cache_of(state, SMALL, SEED);
	uint32_t n = 0;
	bool is_new;

	flow_cache_begin(cache);
	for (uint32_t i = 0; i < 2 * SMALL; i++) {
		struct flow_key key = key_of(1, i, 3);

		flow_cache_hash(cache, &key, 1);
		n += flow_cache_insert(cache, &key, &is_new) != NULL;
	}
	assert_int_equal(n, flow_cache_count(cache));
	assert_int_equal(stats_of(cache).evicted, 0);
	assert_int_equal(stats_of(cache).refused, 2 * SMALL - n);
	flow_cache_begin(cache);
	assert_non_null(insert_l2(cache, 1, 3 * SMALL));
	check_books(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_oldest_goes_first),
		CASE(test_young_until_second_tick),
		CASE(test_quiet_port_survives_storm),
		CASE(test_idle_excess_goes_to_others),
		CASE(test_live_excess_goes_to_live),
		CASE(test_weights),
		CASE(test_burst_holds_its_entries),
	};

	return cmocka_run_group_tests_name("flow_cache_room", tests, NULL, NULL);
}
