/* SPDX-License-Identifier: BSD-3-Clause */
/* What the FDB promises about entries, limits and slots, one promise a case. */
#include "datapath/table/fdb_test_world.h"

#include <errno.h>

#define MILLION 1000000U

/* --- entries -------------------------------------------------------------------------------- */

static void
test_learn_refresh_move_delete(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	assert_int_equal(lookup(fdb, key_of(1, 1)), FDB_NO_PORT);
	assert_false(fdb_source_known(fdb, key_of(1, 1), 5, 10));
	assert_int_equal(learn(fdb, 1, 5, 10), FDB_LEARNED);
	assert_int_equal(lookup(fdb, key_of(1, 1)), 5);
	assert_int_equal(lookup(fdb, key_of(1, 2)), FDB_NO_PORT);
	assert_true(fdb_source_known(fdb, key_of(1, 1), 5, 10));
	assert_false(fdb_source_known(fdb, key_of(1, 1), 6, 10));
	assert_int_equal(learn(fdb, 1, 5, 11), FDB_REFRESHED);
	assert_int_equal(learn(fdb, 1, FDB_PORTS_MAX - 1, 11), FDB_MOVED);
	assert_int_equal(lookup(fdb, key_of(1, 1)), FDB_PORTS_MAX - 1);
	assert_int_equal(fdb_port_count(fdb, 5), 0);
	assert_int_equal(fdb_port_count(fdb, FDB_PORTS_MAX - 1), 1);
	assert_true(del(fdb, 1));
	assert_false(del(fdb, 1));
	assert_int_equal(lookup(fdb, key_of(1, 1)), FDB_NO_PORT);
	assert_int_equal(fdb_count(fdb), 0);
	assert_int_equal(stats_of(fdb).learned, 1);
	assert_int_equal(stats_of(fdb).moved, 1);
}

/* A guest may send MAC 0 in VLAN 0: that must not find a free slot. */
static void
test_key_zero_is_a_key(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	assert_int_equal(lookup(fdb, 0), FDB_NO_PORT);
	assert_false(fdb_source_known(fdb, 0, 3, 1));
	assert_true(fdb_trylock(fdb));
	assert_false(fdb_del(fdb, 0));
	assert_int_equal(fdb_learn(fdb, 0, 3, 0, 1), FDB_LEARNED);
	fdb_unlock(fdb);
	assert_int_equal(lookup(fdb, 0), 3);
}

static void
test_static_wins(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	assert_int_equal(learn(fdb, 1, 5, 10), FDB_LEARNED);
	assert_int_equal(set_static(fdb, key_of(1, 1), 6), FDB_LEARNED);
	assert_int_equal(fdb_port_count(fdb, 5), 0);
	assert_int_equal(fdb_port_count(fdb, 6), 0); /* not counted against limits */
	assert_int_equal(learn(fdb, 1, 5, 10), FDB_IS_STATIC);
	assert_int_equal(learn(fdb, 1, 6, 10), FDB_REFRESHED);
	assert_false(fdb_source_known(fdb, key_of(1, 1), 5, 10));
	assert_true(fdb_source_known(fdb, key_of(1, 1), 6, 10));
	assert_int_equal(lookup(fdb, key_of(1, 1)), 6);
	sweep_all(fdb, 10000);
	assert_int_equal(lookup(fdb, key_of(1, 1)), 6);
	assert_int_equal(set_static(fdb, key_of(1, 1), 7), FDB_LEARNED);
	assert_int_equal(lookup(fdb, key_of(1, 1)), 7);
	assert_int_equal(fdb_count(fdb), 1);
	assert_true(del(fdb, 1));
	assert_int_equal(fdb_count(fdb), 0);
}

/* A decision made before a change of its key is stale, one made after it is not. */
static void
test_changes_have_generations(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);
	const uint16_t dep = fdb_dep(fdb, key_of(1, 1));
	const uint16_t other = fdb_dep(fdb, key_of(1, 2));
	uint64_t before = fdb_generation(fdb);

	assert_int_not_equal(dep, other); /* of this seed */
	assert_true(fdb_dep_holds(fdb, dep, before));
	for (unsigned int change = 0; change < 6; change++) {
		switch (change) {
		case 0:
			assert_int_equal(learn(fdb, 1, 5, 10), FDB_LEARNED);
			break;
		case 1:
			assert_int_equal(learn(fdb, 1, 6, 10), FDB_MOVED);
			break;
		case 2:
			assert_int_equal(set_static(fdb, key_of(1, 1), 5), FDB_LEARNED);
			break;
		case 3:
			assert_true(del(fdb, 1));
			break;
		case 4:
			assert_int_equal(learn(fdb, 1, 5, 10), FDB_LEARNED);
			break;
		default:
			sweep_all(fdb, 1000);
			assert_int_equal(lookup(fdb, key_of(1, 1)), FDB_NO_PORT);
		}
		assert_false(fdb_dep_holds(fdb, dep, before));
		assert_true(fdb_dep_holds(fdb, other, before));
		assert_true(fdb_generation(fdb) > before);
		before = fdb_generation(fdb);
		assert_true(fdb_dep_holds(fdb, dep, before));
	}
	assert_int_equal(learn(fdb, 1, 5, 20), FDB_LEARNED);
	before = fdb_generation(fdb);
	assert_int_equal(learn(fdb, 1, 5, 21), FDB_REFRESHED);
	assert_true(fdb_source_known(fdb, key_of(1, 1), 5, 22));
	assert_int_equal(fdb_generation(fdb), before);
}

static void
test_lock_excludes(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	fdb_lock(fdb);
	assert_false(fdb_trylock(fdb));
	fdb_unlock(fdb);
	assert_true(fdb_trylock(fdb));
	fdb_unlock(fdb);
}

static void
test_conf_ranges(void **state)
{
	struct world *world = *state;
	struct fdb *fdb = table(state, 1000, 300, 0);
	struct fdb *other = NULL;
	struct fdb_conf conf = {.limit = 0};

	assert_int_equal(fdb_create(&conf, &world->grace, 1, &other), -EINVAL);
	conf.limit = FDB_ENTRIES_MAX + 1;
	assert_int_equal(fdb_create(&conf, &world->grace, 1, &other), -EINVAL);
	conf = (struct fdb_conf){.limit = 10, .aging_s = FDB_AGING_MAX_S + 1};
	assert_int_equal(fdb_set_conf(fdb, &conf), -EINVAL);
	conf = (struct fdb_conf){.limit = 1024}; /* 1000 rounded up */
	assert_int_equal(fdb_set_conf(fdb, &conf), 0);
	conf.limit = 1025;
	assert_int_equal(fdb_set_conf(fdb, &conf), -E2BIG);
	assert_int_equal(fdb->conf.limit, 1024);
	fdb_destroy(NULL);
}

/* --- limits --------------------------------------------------------------------------------- */

static void
test_flood_evicts_the_flooder(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(learn(fdb, i, 1, 0), FDB_LEARNED);
	}
	for (uint32_t i = 100; i < 1100; i++) {
		assert_int_equal(learn(fdb, i, 2, 10), FDB_LEARNED);
	}
	assert_int_equal(fdb_port_count(fdb, 1), 10);
	assert_int_equal(fdb_port_count(fdb, 2), 90);
	/* And who holds little takes from who holds most, though his are the oldest. */
	assert_int_equal(learn(fdb, 50, 3, 10), FDB_LEARNED);
	assert_int_equal(fdb_port_count(fdb, 1), 10);
	assert_int_equal(fdb_port_count(fdb, 2), 89);
	assert_int_equal(fdb_count(fdb), 100);
	assert_int_equal(stats_of(fdb).evicted, 911);
	for (uint32_t i = 0; i < 10; i++) {
		assert_true(knows(fdb, i));
	}
}

static void
test_equal_ports_evict_their_own(void **state)
{
	struct fdb *fdb = table(state, 40, 300, 0);

	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(learn(fdb, i, 1 + i % 4, 0), FDB_LEARNED);
	}
	for (uint32_t i = 100; i < 200; i++) {
		assert_int_equal(learn(fdb, i, 3, 10), FDB_LEARNED);
		for (uint32_t port = 1; port <= 4; port++) {
			assert_int_equal(fdb_port_count(fdb, port), 10);
		}
	}
}

static void
test_oldest_goes_young_gets_a_second_chance(void **state)
{
	struct fdb *fdb = table(state, 4, 300, 0);

	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(learn(fdb, i, 1, 0), FDB_LEARNED);
	}
	assert_true(fdb_source_known(fdb, key_of(0, 1), 1, 98));
	assert_true(fdb_source_known(fdb, key_of(2, 1), 1, 97));
	assert_int_equal(learn(fdb, 4, 1, 100), FDB_LEARNED); /* 0 is 2 s old: passed over */
	assert_true(knows(fdb, 0));
	assert_false(knows(fdb, 1));
	assert_int_equal(learn(fdb, 5, 1, 100), FDB_LEARNED); /* 2 is 3 s old: not young */
	assert_false(knows(fdb, 2));
	assert_true(knows(fdb, 3));
}

static void
test_all_young_oldest_goes(void **state)
{
	struct fdb *fdb = table(state, 4, 300, 0);

	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(learn(fdb, i, 1, 0), FDB_LEARNED);
		for (uint32_t j = 0; j <= i; j++) {
			assert_int_equal(knows(fdb, j), j + 4 > i);
		}
	}
}

static void
test_second_chances_are_few(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	for (uint32_t i = 0; i < 101; i++) {
		assert_int_equal(learn(fdb, i, 1, 0), FDB_LEARNED);
	}
	for (uint32_t i = 0; i < 101; i++) {
		assert_int_equal(knows(fdb, i), i != 8);
	}
}

static void
test_port_limit_evicts_own_oldest(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(learn(fdb, i, 1, 0), FDB_LEARNED);
	}
	fdb_lock(fdb);
	for (uint32_t i = 100; i < 110; i++) {
		assert_int_equal(fdb_learn(fdb, key_of(i, 1), 2, 3, i), FDB_LEARNED);
		assert_int_equal(lookup(fdb, key_of(i, 1)), 2);
		assert_in_range(fdb_port_count(fdb, 2), 1, 3);
	}
	/* A move to a port that is full takes the place of its oldest. */
	assert_int_equal(fdb_learn(fdb, key_of(5, 1), 2, 3, 200), FDB_MOVED);
	fdb_unlock(fdb);
	assert_int_equal(fdb_port_count(fdb, 2), 3);
	assert_int_equal(fdb_port_count(fdb, 1), 19);
	assert_true(knows(fdb, 108) && knows(fdb, 109) && knows(fdb, 5));
	assert_false(knows(fdb, 107));
	assert_int_equal(stats_of(fdb).evicted, 8);
}

static void
test_lowered_port_limit_is_approached(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(learn(fdb, i, 1, 0), FDB_LEARNED);
	}
	fdb_lock(fdb);
	for (uint32_t i = 100; i < 130; i++) {
		assert_int_equal(fdb_learn(fdb, key_of(i, 1), 1, 5, 100), FDB_LEARNED);
	}
	fdb_unlock(fdb);
	assert_int_equal(fdb_port_count(fdb, 1), 5);
}

static void
test_moves_are_limited(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 2);
	struct fdb_conf conf = {.limit = 100, .aging_s = 300, .move_limit = 0};

	assert_int_equal(learn(fdb, 1, 1, 65535), FDB_LEARNED);
	assert_int_equal(learn(fdb, 1, 2, 65535), FDB_MOVED);
	assert_int_equal(learn(fdb, 1, 1, 65535), FDB_MOVED);
	assert_int_equal(learn(fdb, 1, 2, 65535), FDB_MOVE_LIMITED);
	assert_int_equal(lookup(fdb, key_of(1, 1)), 1);
	assert_int_equal(learn(fdb, 2, 2, 65535), FDB_LEARNED); /* new ones are not moves */
	assert_int_equal(learn(fdb, 1, 2, 0), FDB_MOVED);
	/* A worker whose second is still the last one brings no new allowance. */
	assert_int_equal(learn(fdb, 1, 1, 65535), FDB_MOVED);
	assert_int_equal(learn(fdb, 1, 2, 65535), FDB_MOVE_LIMITED);
	assert_int_equal(learn(fdb, 1, 2, 0), FDB_MOVE_LIMITED);
	assert_int_equal(stats_of(fdb).move_limited, 3);
	assert_int_equal(fdb_set_conf(fdb, &conf), 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(learn(fdb, 1, 2 + i % 2, 0), FDB_MOVED);
	}
}

/* --- slots ---------------------------------------------------------------------------------- */

static uint32_t
slot_of(const struct fdb *fdb, fdb_key_t key)
{
	for (uint32_t slot = 0; slot < fdb->n_slots; slot++) {
		if (*fdb_key_at(fdb, slot) == (key | FDB_USED)) {
			return slot;
		}
	}
	return FDB_NO_SLOT;
}

/* Static entries have no limit: with so many tries each slot that may be used is. */
static void
fill_with_static(struct fdb *fdb, uint32_t first)
{
	for (uint32_t i = first; i < first + 20000; i++) {
		(void)set_static(fdb, key_of(i, 9), 7);
	}
}

static void
test_dead_slot_waits_for_grace(void **state)
{
	struct world *world = *state;
	struct fdb *fdb = table(state, 100, 300, 0);
	uint32_t slot;

	assert_int_equal(learn(fdb, 1, 5, 0), FDB_LEARNED);
	slot = slot_of(fdb, key_of(1, 1));
	grace_join(&world->grace, 0);
	assert_true(del(fdb, 1));
	assert_false(knows(fdb, 1));
	assert_int_equal(learn(fdb, 1, 6, 0), FDB_LEARNED); /* elsewhere */
	assert_int_not_equal(slot_of(fdb, key_of(1, 1)), slot);
	assert_int_equal(lookup(fdb, key_of(1, 1)), 6);

	fill_with_static(fdb, 0);
	assert_int_equal(fdb_count(fdb), SMALL_SLOTS - 1);
	assert_false(fdb_value_is_live(*fdb_value_at(fdb, slot)));
	assert_int_equal(*fdb_key_at(fdb, slot), 0);

	grace_quiescent(&world->grace, 0);
	fill_with_static(fdb, 20000);
	assert_int_equal(fdb_count(fdb), SMALL_SLOTS);
	assert_int_not_equal(*fdb_key_at(fdb, slot), 0);
	grace_leave(&world->grace, 0);
}

static void
test_full_buckets_refuse(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);
	uint64_t refused;

	assert_int_equal(learn(fdb, 1, 5, 0), FDB_LEARNED);
	fill_with_static(fdb, 0);
	assert_int_equal(fdb_count(fdb), SMALL_SLOTS);
	refused = stats_of(fdb).refused;
	assert_int_equal(learn(fdb, 2, 5, 0), FDB_REFUSED);
	assert_int_equal(set_static(fdb, key_of(2, 1), 5), FDB_REFUSED);
	assert_int_equal(stats_of(fdb).refused, refused + 2);
	assert_int_equal(lookup(fdb, key_of(1, 1)), 5);
	assert_int_equal(fdb_count(fdb), SMALL_SLOTS);
	assert_int_equal(stats_of(fdb).evicted, 0);
}

/* With a linear hash (CRC32) keys that collide under one seed collide under all. */
static void
test_collisions_do_not_outlive_the_seed(void **state)
{
	struct world *world = *state;
	struct fdb *fdb = table(state, 100, 300, 0);
	struct fdb_conf conf = {.limit = 100};
	struct fdb *other;
	unsigned int n_here = 0;
	unsigned int n_both = 0;

	assert_int_equal(fdb_create(&conf, &world->grace, 0x0dd5eed, &other), 0);
	for (uint32_t i = 1; i < 100000; i++) {
		struct fdb_bucket *a[2];
		struct fdb_bucket *b[2];

		fdb_buckets_of(fdb, key_of(0, 1), &a[0], &a[1]);
		fdb_buckets_of(fdb, key_of(i, 1), &b[0], &b[1]);
		assert_ptr_not_equal(b[0], b[1]);
		if (a[0] != b[0] || a[1] != b[1]) {
			continue;
		}
		n_here++;
		fdb_buckets_of(other, key_of(0, 1), &a[0], &a[1]);
		fdb_buckets_of(other, key_of(i, 1), &b[0], &b[1]);
		n_both += a[0] == b[0] && a[1] == b[1];
	}
	fdb_destroy(other);
	assert_in_range(n_here, 5, 60); /* 100000 / 64^2 = 24 */
	assert_in_range(n_both, 0, 2);
}

static void
test_million(void **state)
{
	struct fdb *fdb = table(state, MILLION, 300, 0);
	uint32_t n_refused = 0;

	for (uint32_t i = 0; i < MILLION; i++) {
		n_refused += learn(fdb, i, 1 + i % 1000, 0) == FDB_REFUSED;
	}
	assert_in_range(n_refused, 0, 100);
	assert_int_equal(fdb_count(fdb), MILLION - n_refused);
	for (uint32_t i = 0; i < MILLION; i += 64) {
		fdb_key_t keys[64];
		uint32_t ports[64];

		for (uint32_t j = 0; j < 64; j++) {
			keys[j] = key_of(i + j, 1);
		}
		fdb_lookup_bulk(fdb, keys, 64, ports);
		for (uint32_t j = 0; j < 64; j++) {
			if (ports[j] != 1 + (i + j) % 1000) {
				assert_int_equal(ports[j], FDB_NO_PORT);
				n_refused--;
			}
		}
	}
	assert_int_equal(n_refused, 0);
	assert_int_equal(stats_of(fdb).evicted, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_learn_refresh_move_delete),
		CASE(test_key_zero_is_a_key),
		CASE(test_static_wins),
		CASE(test_changes_have_generations),
		CASE(test_lock_excludes),
		CASE(test_conf_ranges),
		CASE(test_flood_evicts_the_flooder),
		CASE(test_equal_ports_evict_their_own),
		CASE(test_oldest_goes_young_gets_a_second_chance),
		CASE(test_all_young_oldest_goes),
		CASE(test_second_chances_are_few),
		CASE(test_port_limit_evicts_own_oldest),
		CASE(test_lowered_port_limit_is_approached),
		CASE(test_moves_are_limited),
		CASE(test_dead_slot_waits_for_grace),
		CASE(test_full_buckets_refuse),
		CASE(test_collisions_do_not_outlive_the_seed),
		CASE(test_million),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("fdb", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
