/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools grow as ports ask, shrink when they have gone, and say what helps when memory ends. */
#include "datapath/core/mbuf_pools.h"

#include <errno.h>
#include <rte_mbuf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"

/* Room for the first pool and another small one, not for a large one (about 80 MiB). */
#define MEMORY_MIB 96

static int
setup(void **state)
{
	(void)state;
	eal_test_start(MEMORY_MIB);
	return 0;
}

static struct mbuf_pools *
pools_make(void) ROLE_ATTR(assert_capability(role_main))
{
	struct mbuf_pools *pools;
	struct err err = ERR_INIT;

	role_assert(&role_main);
	assert_int_equal(mbuf_pools_create(&pools, &err), 0);
	return pools;
}

static void
expect_usage(struct mbuf_pools *pools, uint64_t total, uint64_t used) ON_MAIN
{
	uint64_t got_total;
	uint64_t got_used;

	mbuf_pools_usage(pools, &got_total, &got_used);
	assert_int_equal(got_total, total);
	assert_int_equal(got_used, used);
}

static struct rte_mempool *
get(struct mbuf_pools *pools, uint16_t mtu, unsigned int n) ON_MAIN
{
	struct rte_mempool *pool = NULL;
	struct err err = ERR_INIT;

	if (mbuf_pools_get(pools, mtu, n, &pool, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return pool;
}

static void
test_first_pool_is_shared(void **state)
{
	struct mbuf_pools *pools = pools_make();
	struct rte_mempool *a = get(pools, 1500, 1024);
	struct rte_mempool *b = get(pools, 1998, 1024);

	(void)state;
	assert_ptr_equal(a, b);
	assert_true(rte_pktmbuf_data_room_size(a) >= 1998 + 14 + 8 + RTE_PKTMBUF_HEADROOM);
	expect_usage(pools, MBUF_POOL_UNIT, 0);
	mbuf_pools_put(pools, a, 1024);
	mbuf_pools_put(pools, b, 1024);
	expect_usage(pools, MBUF_POOL_UNIT, 0); /* the first one stays */
	mbuf_pools_destroy(pools);
}

static void
test_grow_and_shrink(void **state)
{
	struct mbuf_pools *pools = pools_make();
	struct rte_mempool *a = get(pools, 1500, MBUF_POOL_UNIT);
	struct rte_mempool *b = get(pools, 1500, 1);
	struct rte_mempool *c = get(pools, 1500, MBUF_POOL_UNIT - 1);

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(b, c);
	expect_usage(pools, 2 * MBUF_POOL_UNIT, 0);
	mbuf_pools_put(pools, b, 1);
	expect_usage(pools, 2 * MBUF_POOL_UNIT, 0);
	mbuf_pools_put(pools, c, MBUF_POOL_UNIT - 1);
	expect_usage(pools, MBUF_POOL_UNIT, 0);
	/* And what was freed can be had again, any number of times. */
	for (int i = 0; i < 5; i++) {
		b = get(pools, 1500, 10);
		assert_ptr_not_equal(a, b);
		mbuf_pools_put(pools, b, 10);
	}
	mbuf_pools_put(pools, a, MBUF_POOL_UNIT);
	mbuf_pools_destroy(pools);
}

static void
test_pool_waits_for_its_buffers(void **state)
{
	struct mbuf_pools *pools = pools_make();
	struct rte_mempool *a = get(pools, 1500, MBUF_POOL_UNIT);
	struct rte_mempool *b = get(pools, 1500, 100);
	struct rte_mbuf *m = rte_pktmbuf_alloc(b);

	(void)state;
	expect_usage(pools, 2 * MBUF_POOL_UNIT, 1);
	mbuf_pools_put(pools, b, 100);
	expect_usage(pools, 2 * MBUF_POOL_UNIT, 1);
	rte_pktmbuf_free(m); /* its memory was still there */
	mbuf_pools_put(pools, a, MBUF_POOL_UNIT);
	expect_usage(pools, MBUF_POOL_UNIT, 0);
	mbuf_pools_destroy(pools);
}

static void
test_exhaustion_names_the_option(void **state)
{
	struct mbuf_pools *pools = pools_make();
	struct rte_mempool *pool = (void *)&pools;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(mbuf_pools_get(pools, 9000, 1, &pool, &err), -ENOMEM);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "--memory"));
	expect_usage(pools, MBUF_POOL_UNIT, 0);
	/* What fits still does. */
	mbuf_pools_put(pools, get(pools, 1500, 100), 100);
	assert_int_equal(mbuf_pools_get(pools, 1500, 1000000, &pool, &err), -ENOMEM);
	mbuf_pools_put(pools, get(pools, 1500, MBUF_POOL_UNIT), MBUF_POOL_UNIT);
	mbuf_pools_destroy(pools);
	mbuf_pools_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_pool_is_shared),
		cmocka_unit_test(test_grow_and_shrink),
		cmocka_unit_test(test_pool_waits_for_its_buffers),
		cmocka_unit_test(test_exhaustion_names_the_option),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("mbuf_pools", tests, setup, NULL);
	role_leave(&role_main);
	return n_failed;
}
