/* SPDX-License-Identifier: BSD-3-Clause */
/* What an FDB tells of its changes, and what it does when nobody takes it. */
#include "datapath/table/fdb_news.h"

#include <pthread.h>

#include "datapath/table/fdb_test_world.h"

static void
expect(struct fdb *fdb, enum fdb_change change, uint32_t number, uint32_t port,
	uint32_t from) ON_MAIN
{
	struct fdb_news news;

	assert_true(fdb_news_take(fdb, &news));
	assert_int_equal(news.change, change);
	assert_true(news.key == key_of(number, 1));
	assert_int_equal(news.port, port);
	assert_int_equal(news.from, from);
	assert_int_equal(news.count, 1);
}

static void
expect_flush(struct fdb *fdb, uint32_t port, int vlan, uint32_t count) ON_MAIN
{
	struct fdb_news news;

	assert_true(fdb_news_take(fdb, &news));
	assert_int_equal(news.change, FDB_CHANGE_FLUSHED);
	assert_int_equal(news.port, port);
	assert_int_equal(news.vlan, vlan);
	assert_int_equal(news.count, count);
}

static void
expect_nothing(struct fdb *fdb) ON_MAIN
{
	struct fdb_news news;

	assert_false(fdb_news_take(fdb, &news));
	assert_int_equal(fdb_news_lost(fdb), 0);
}

static void
test_changes(void **state)
{
	struct fdb *fdb = table(state, 100, 10, 0);

	(void)learn(fdb, 1, 1, 0);
	expect_nothing(fdb);
	fdb_tell(fdb, true);
	(void)learn(fdb, 2, 1, 0);
	(void)learn(fdb, 2, 1, 5);
	expect(fdb, FDB_CHANGE_LEARNED, 2, 1, FDB_NO_PORT);
	(void)learn(fdb, 2, 3, 6);
	expect(fdb, FDB_CHANGE_MOVED, 2, 3, 1);
	(void)sweep_all(fdb, 11);
	expect(fdb, FDB_CHANGE_AGED, 1, 1, FDB_NO_PORT);
	(void)set_static(fdb, key_of(9, 1), 4);
	assert_true(del(fdb, 9));
	expect_nothing(fdb);
}

static void
test_flush(void **state)
{
	struct fdb *fdb = table(state, 100, 10, 0);

	fdb_tell(fdb, true);
	for (uint32_t i = 0; i < 10; i++) {
		(void)learn(fdb, i, 1 + i % 2, 0);
		expect(fdb, FDB_CHANGE_LEARNED, i, 1 + i % 2, FDB_NO_PORT);
	}
	assert_true(fdb_flush(fdb, 1, -1, false));
	expect_flush(fdb, 1, -1, 5);
	assert_true(fdb_flush(fdb, 1, -1, false));
	expect_nothing(fdb);
	while (!fdb_flush(fdb, FDB_NO_PORT, 1, false)) {
	}
	expect_flush(fdb, FDB_NO_PORT, 1, 5);
	expect_nothing(fdb);
}

static void
test_eviction(void **state)
{
	struct fdb *fdb = table(state, 3, 10, 0);

	fdb_tell(fdb, true);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(fdb_trylock(fdb));
		assert_int_equal(fdb_learn(fdb, key_of(i, 1), 1, 2, 0), FDB_LEARNED);
		fdb_unlock(fdb);
	}
	expect(fdb, FDB_CHANGE_LEARNED, 0, 1, FDB_NO_PORT);
	expect(fdb, FDB_CHANGE_LEARNED, 1, 1, FDB_NO_PORT);
	expect(fdb, FDB_CHANGE_EVICTED, 0, 1, FDB_NO_PORT);
	expect(fdb, FDB_CHANGE_LEARNED, 2, 1, FDB_NO_PORT);
	assert_int_equal(fdb_port_limited(fdb, 1), 2);
	assert_int_equal(stats_of(fdb).port_limited, 2);
	/* The bridge's limit is nobody's own. */
	(void)learn(fdb, 10, 2, 0);
	(void)learn(fdb, 11, 2, 0);
	assert_int_equal(stats_of(fdb).evicted, 3);
	assert_int_equal(stats_of(fdb).port_limited, 2);
	assert_int_equal(fdb_port_limited(fdb, 2), 0);
	/* The id may be another port's after this. */
	assert_true(fdb_flush(fdb, 1, -1, true));
	assert_int_equal(fdb_port_limited(fdb, 1), 0);
}

static void
test_full(void **state)
{
	struct fdb *fdb = table(state, 2 * FDB_NEWS_SLOTS, 0, 0);
	struct fdb_news news;

	fdb_tell(fdb, true);
	for (uint32_t i = 0; i < FDB_NEWS_SLOTS + 7; i++) {
		(void)learn(fdb, i, 1, 0);
	}
	assert_int_equal(fdb_news_lost(fdb), 7);
	for (uint32_t i = 0; i < FDB_NEWS_SLOTS; i++) {
		assert_true(fdb_news_take(fdb, &news));
		assert_true(news.key == key_of(i, 1));
	}
	assert_false(fdb_news_take(fdb, &news));
	(void)learn(fdb, UINT32_MAX, 1, 0);
	assert_true(fdb_news_take(fdb, &news));
	/* Who asks anew hears nothing old; who asks no more hears nothing. */
	(void)learn(fdb, UINT32_MAX - 1, 1, 0);
	fdb_tell(fdb, true);
	assert_false(fdb_news_take(fdb, &news));
	fdb_tell(fdb, false);
	(void)learn(fdb, UINT32_MAX - 2, 1, 0);
	assert_false(fdb_news_take(fdb, &news));
}

/* --- writers that take turns, and main beside them ---------------------------------------------
 */

#define WRITERS 2
#define ROUNDS 20000U

struct writer {
	pthread_t thread;
	struct fdb *fdb;
	uint32_t id;
	uint32_t n_changes;
	bool done;
};

static void *
write_changes(void *arg)
{
	struct writer *self = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		enum fdb_result result;

		while (!fdb_trylock(self->fdb)) {
		}
		result = fdb_learn(self->fdb, key_of(i % 64, 1), 1 + self->id, 0, 0);
		fdb_unlock(self->fdb);
		self->n_changes += result == FDB_LEARNED || result == FDB_MOVED;
	}
	__atomic_store_n(&self->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool
all_done(const struct writer *writers)
{
	bool done = true;

	for (int i = 0; i < WRITERS; i++) {
		done = done && __atomic_load_n(&writers[i].done, __ATOMIC_ACQUIRE);
	}
	return done;
}

/* Each change of an address begins where its last one ended, as long as none was lost. */
static void
follow(struct fdb *fdb, const struct fdb_news *news, uint32_t at[64])
{
	for (uint32_t i = 0; i < 64; i++) {
		if (news->key == key_of(i, 1)) {
			assert_true(at[i] == news->from || fdb_news_lost(fdb) > 0);
			at[i] = news->port;
		}
	}
}

static void
test_threads(void **state)
{
	struct fdb *fdb = table(state, 1000, 0, 0);
	struct writer writers[WRITERS] = {{.fdb = fdb, .id = 0}, {.fdb = fdb, .id = 1}};
	uint32_t at[64] = {FDB_NO_PORT};
	struct fdb_news news;
	uint64_t n = 0;
	bool last = false;

	fdb_tell(fdb, true);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_changes, &writers[i]), 0);
	}
	while (!last) {
		last = all_done(writers);
		while (fdb_news_take(fdb, &news)) {
			follow(fdb, &news, at);
			n++;
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
	}
	assert_true(n > 0);
	assert_int_equal(n + fdb_news_lost(fdb), writers[0].n_changes + writers[1].n_changes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_changes),
		CASE(test_flush),
		CASE(test_eviction),
		CASE(test_full),
		CASE(test_threads),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("fdb_news", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
