/* SPDX-License-Identifier: BSD-3-Clause */
/* What the FDB promises about ageing, flushing and showing. */
#include "datapath/table/fdb_test_world.h"

static void
test_lowered_limit_goes_by_slices(void **state)
{
	struct fdb *fdb = table(state, 8192, 300, 0);
	struct fdb_conf conf = {.limit = 3000, .aging_s = 300};

	for (uint32_t i = 0; i < 6000; i++) {
		assert_int_equal(learn(fdb, i, i < 1000 ? 1 : 2, 0), FDB_LEARNED);
	}
	assert_int_equal(fdb_set_conf(fdb, &conf), 0);
	for (uint32_t left = 5000; left >= 3000; left -= FDB_SLICE) {
		fdb_sweep(fdb, 1);
		assert_int_equal(fdb_count(fdb), left);
		assert_int_equal(fdb_port_count(fdb, 1), 1000);
	}
	fdb_sweep(fdb, 1);
	assert_int_equal(fdb_count(fdb), 3000);
}

static void
test_sweep_ages_across_the_wrap(void **state)
{
	struct fdb *fdb = table(state, 100, 300, 0);

	assert_int_equal(learn(fdb, 1, 5, 65500), FDB_LEARNED);
	assert_int_equal(learn(fdb, 2, 5, 65500), FDB_LEARNED);
	sweep_all(fdb, 65499); /* main's clock was read a little before the worker's */
	assert_int_equal(fdb_count(fdb), 2);
	sweep_all(fdb, (uint16_t)(65500 + 300));
	assert_int_equal(fdb_count(fdb), 2);
	assert_true(fdb_source_known(fdb, key_of(2, 1), 5, 200));
	sweep_all(fdb, (uint16_t)(65500 + 301));
	assert_false(knows(fdb, 1));
	assert_true(knows(fdb, 2));
	assert_int_equal(stats_of(fdb).aged, 1);
	sweep_all(fdb, 200 + 301);
	assert_int_equal(fdb_count(fdb), 0);
}

static void
test_old_entries_never_get_young(void **state)
{
	struct fdb *fdb = table(state, 100, 0, 0);
	struct fdb_conf conf = {.limit = 100, .aging_s = FDB_AGING_MAX_S};
	struct fdb_entry entry;
	uint32_t cursor;

	assert_int_equal(learn(fdb, 1, 5, 0), FDB_LEARNED);
	for (uint32_t now = 0; now <= 54 * 3600; now += 3600) {
		sweep_all(fdb, (uint16_t)now);
		cursor = 0;
		assert_int_equal(fdb_dump(fdb, &cursor, &entry, 1, (uint16_t)now), 1);
		assert_int_equal(entry.age_s, RTE_MIN(now, FDB_AGING_MAX_S));
	}
	assert_int_equal(fdb_set_conf(fdb, &conf), 0);
	sweep_all(fdb, (uint16_t)(54 * 3600 + 3600));
	assert_int_equal(fdb_count(fdb), 0);
}

static void
test_sweep_goes_by_slices(void **state)
{
	struct fdb *fdb = table(state, 8192, 300, 0);

	assert_int_equal(sweep_all(fdb, 0), 1); /* empty: nothing to look at */
	assert_int_equal(learn(fdb, 1, 5, 0), FDB_LEARNED);
	assert_int_equal(sweep_all(fdb, 0), 2 * 8192 / FDB_SLICE + 1);
}

static void
learn_range(struct fdb *fdb, uint32_t n, uint16_t vlan, uint32_t port) ON_MAIN
{
	fdb_lock(fdb);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(fdb_learn(fdb, key_of(i, vlan), port, 0, 0), FDB_LEARNED);
	}
	fdb_unlock(fdb);
}

static void
test_flush_of_ports_takes_turns(void **state)
{
	struct fdb *fdb = table(state, 32768, 300, 0);

	learn_range(fdb, 2500, 1, 1);
	learn_range(fdb, 1500, 2, 2);
	learn_range(fdb, 100, 3, 3);
	assert_int_equal(set_static(fdb, key_of(0, 4), 1), FDB_LEARNED);
	assert_int_equal(set_static(fdb, key_of(1, 4), 2), FDB_LEARNED);
	assert_false(fdb_flush(fdb, 1, -1, false));
	assert_int_equal(fdb_port_count(fdb, 1), 1500);
	assert_false(fdb_flush(fdb, 2, -1, true));
	assert_false(fdb_flush(fdb, 1, -1, false));
	assert_true(fdb_flush(fdb, 2, -1, true));
	assert_true(fdb_flush(fdb, 1, -1, false));
	assert_int_equal(fdb_count(fdb), 101);
	assert_int_equal(lookup(fdb, key_of(0, 4)), 1); /* static: stays */
	assert_int_equal(lookup(fdb, key_of(1, 4)), FDB_NO_PORT);
	assert_int_equal(fdb_port_count(fdb, 3), 100);
}

static void
test_flush_by_vlan(void **state)
{
	struct fdb *fdb = table(state, 8192, 300, 0);
	unsigned int n_calls = 1;

	learn_range(fdb, 2500, 1, 1);
	learn_range(fdb, 2500, 2, 1);
	learn_range(fdb, 10, 4095, 2);
	assert_int_equal(set_static(fdb, key_of(99999, 2), 3), FDB_LEARNED);
	while (!fdb_flush(fdb, FDB_NO_PORT, 2, false)) {
		n_calls++;
		assert_int_equal(fdb_count(fdb), 5011 - (n_calls - 1) * FDB_SLICE);
	}
	assert_int_equal(n_calls, 3);
	assert_int_equal(fdb_count(fdb), 2511);
	assert_true(fdb_flush(fdb, 1, 4095, true));
	assert_int_equal(fdb_count(fdb), 2511);
	assert_true(fdb_flush(fdb, 2, 4095, true));
	assert_int_equal(fdb_count(fdb), 2501);
	while (!fdb_flush(fdb, FDB_NO_PORT, -1, false)) {
	}
	assert_int_equal(fdb_count(fdb), 1);
	assert_true(fdb_flush(fdb, FDB_NO_PORT, -1, true));
	assert_int_equal(fdb_count(fdb), 0);
}

static void
test_dump_pages_are_complete(void **state)
{
	struct fdb *fdb = table(state, 4096, 300, 0);
	uint32_t times_seen[3001] = {0};
	struct fdb_entry entries[7];
	uint32_t cursor = 0;
	unsigned int n;

	learn_range(fdb, 3000, 1, 4);
	assert_int_equal(set_static(fdb, key_of(3000, 1), 9), FDB_LEARNED);
	do {
		n = fdb_dump(fdb, &cursor, entries, RTE_DIM(entries), 12);
		for (unsigned int i = 0; i < n; i++) {
			uint32_t number = __builtin_bswap32((uint32_t)(entries[i].key >> 16));

			assert_in_range(number, 0, 3000);
			assert_int_equal(entries[i].key, key_of(number, 1));
			assert_int_equal(entries[i].is_static, number == 3000);
			assert_int_equal(entries[i].port, number == 3000 ? 9 : 4);
			assert_int_equal(entries[i].age_s, number == 3000 ? 0 : 12);
			times_seen[number]++;
		}
	} while (n == RTE_DIM(entries));
	for (uint32_t i = 0; i <= 3000; i++) {
		assert_int_equal(times_seen[i], 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_lowered_limit_goes_by_slices),
		CASE(test_sweep_ages_across_the_wrap),
		CASE(test_old_entries_never_get_young),
		CASE(test_sweep_goes_by_slices),
		CASE(test_flush_of_ports_takes_turns),
		CASE(test_flush_by_vlan),
		CASE(test_dump_pages_are_complete),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("fdb_upkeep", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
