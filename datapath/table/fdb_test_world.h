/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the FDB share: one table, and its calls with the lock taken around them. */
#ifndef VSW_DATAPATH_TABLE_FDB_TEST_WORLD_H
#define VSW_DATAPATH_TABLE_FDB_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datapath/core/grace.h"
#include "datapath/table/fdb.h"
#include "datapath/table/fdb_priv.h"

#define SMALL_SLOTS (FDB_BUCKETS_MIN * FDB_BUCKET_SLOTS)

struct world {
	struct grace grace;
	struct fdb *fdb;
};

static inline int
world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(grace_init(&world->grace), 0);
	*state = world;
	return 0;
}

static inline int
world_teardown(void **state)
{
	struct world *world = *state;

	fdb_destroy(world->fdb);
	grace_fini(&world->grace);
	free(world);
	return 0;
}

/* Who has a table is main, as far as tests go. */
static inline struct fdb *
table(void **state, uint32_t limit, uint32_t aging_s, uint32_t move_limit)
	ROLE_ATTR(assert_capability(role_main))
{
	struct world *world = *state;
	struct fdb_conf conf = {.limit = limit, .aging_s = aging_s, .move_limit = move_limit};

	role_assert(&role_main);
	assert_int_equal(fdb_create(&conf, &world->grace, UINT64_C(0x5eed), &world->fdb), 0);
	return world->fdb;
}

static inline fdb_key_t
key_of(uint32_t number, uint16_t vlan)
{
	struct rte_ether_addr mac = {{0x02, 0, number >> 24, number >> 16, number >> 8, number}};

	return fdb_key(&mac, vlan);
}

static inline uint32_t
lookup(const struct fdb *fdb, fdb_key_t key)
{
	uint32_t port = UINT32_MAX;

	fdb_lookup_bulk(fdb, &key, 1, &port);
	return port;
}

static inline enum fdb_result
learn(struct fdb *fdb, uint32_t number, uint32_t port, uint16_t now_s)
{
	enum fdb_result result;

	assert_true(fdb_trylock(fdb));
	result = fdb_learn(fdb, key_of(number, 1), port, 0, now_s);
	fdb_unlock(fdb);
	return result;
}

static inline enum fdb_result
set_static(struct fdb *fdb, fdb_key_t key, uint32_t port)
{
	enum fdb_result result;

	assert_true(fdb_trylock(fdb));
	result = fdb_set_static(fdb, key, port);
	fdb_unlock(fdb);
	return result;
}

static inline bool
del(struct fdb *fdb, uint32_t number)
{
	bool was_there;

	assert_true(fdb_trylock(fdb));
	was_there = fdb_del(fdb, key_of(number, 1));
	fdb_unlock(fdb);
	return was_there;
}

static inline bool
knows(const struct fdb *fdb, uint32_t number)
{
	return lookup(fdb, key_of(number, 1)) != FDB_NO_PORT;
}

static inline unsigned int
sweep_all(struct fdb *fdb, uint16_t now_s) ON_MAIN
{
	unsigned int n_calls = 1;

	while (!fdb_sweep(fdb, now_s)) {
		n_calls++;
	}
	return n_calls;
}

static inline struct fdb_stats
stats_of(const struct fdb *fdb)
{
	struct fdb_stats stats;

	fdb_get_stats(fdb, &stats);
	return stats;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
