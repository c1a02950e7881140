/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/pipe/miss_budget.h"

#define MAX ((uint64_t)MISS_BUDGET_MAX)

static void
test_alone(void **state)
{
	struct miss_budget budget = {0};
	uint64_t now = 1000;

	/* Whoever is alone may take all the time there is. */
	for (unsigned int i = 0; i < 100; i++) {
		assert_true(miss_budget_open(&budget, now, 1));
		miss_budget_pay(&budget, MAX);
		now += MAX;
	}
}

static void
test_share(void **state)
{
	struct miss_budget budget = {0};
	uint64_t now = 1000;
	uint64_t spent = 0;

	/* One of four busy queues that wants all of the time gets a quarter. */
	for (unsigned int i = 0; i < 100000; i++) {
		if (miss_budget_open(&budget, now, 4)) {
			miss_budget_pay(&budget, 30000);
			spent += 30000;
		}
		now += 40000;
	}
	assert_in_range(spent, (now - 1000) / 4, (now - 1000) / 4 + MAX + 30000);
}

static void
test_burst_after_silence(void **state)
{
	struct miss_budget budget = {0};
	uint64_t now = 1000;
	uint64_t spent = 0;

	while (miss_budget_open(&budget, now, 2)) {
		miss_budget_pay(&budget, 1000);
		spent += 1000;
	}
	assert_in_range(spent, MAX, MAX + 1000);
	assert_false(miss_budget_open(&budget, now, 2));
	/* Long ago, and longer than the counter of cycles can tell. */
	assert_true(miss_budget_open(&budget, now + 100 * MAX, 2));
	assert_int_equal(budget.purse, MISS_BUDGET_MAX);
}

static void
test_pause_is_not_held_against_it(void **state)
{
	struct miss_budget budget = {0};

	assert_true(miss_budget_open(&budget, 1000, 2));
	miss_budget_pay(&budget, 1000 * MAX);
	assert_false(miss_budget_open(&budget, 1000 + MAX, 2));
	assert_true(miss_budget_open(&budget, 1000 + 4 * MAX, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_burst_after_silence),
		cmocka_unit_test(test_pause_is_not_held_against_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
