/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/port_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "datapath/pipe/snapshot.h"

static uint16_t used_from; /* numbers from here on are used by rules */
static unsigned int asked;

static bool
used(void *arg, uint16_t number)
{
	asked++;
	return number >= used_from;
}

static void
test_a_name_keeps_its_number(void **state)
{
	struct port_numbers numbers;

	role_assert(&role_main);
	port_numbers_init(&numbers);
	assert_int_equal(port_numbers_find(&numbers, "a"), 0);
	assert_null(port_numbers_name(&numbers, 1));
	assert_int_equal(port_numbers_take(&numbers, "a"), 1);
	assert_int_equal(port_numbers_take(&numbers, "b"), 2);
	assert_int_equal(port_numbers_take(&numbers, "a"), 1);
	port_numbers_put(&numbers, 1);
	port_numbers_put(&numbers, 1);
	port_numbers_put(&numbers, 0);
	assert_int_equal(port_numbers_take(&numbers, "c"), 3);
	assert_int_equal(port_numbers_find(&numbers, "a"), 1);
	assert_string_equal(port_numbers_name(&numbers, 1), "a");
	assert_int_equal(port_numbers_take(&numbers, "a"), 1);
	assert_null(port_numbers_name(&numbers, 0));
	assert_null(port_numbers_name(&numbers, 4));
	port_numbers_fini(&numbers);
	assert_int_equal(port_numbers_find(&numbers, "a"), 0);
}

static void
take_all(struct port_numbers *numbers) ON_MAIN
{
	for (unsigned int i = 1; i < DP_NUMBERS_MAX; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(port_numbers_take(numbers, name), i);
	}
}

static void
test_the_longest_idle_is_taken(void **state)
{
	struct port_numbers numbers;

	role_assert(&role_main);
	port_numbers_init(&numbers);
	take_all(&numbers);
	assert_int_equal(port_numbers_take(&numbers, "more"), 0);
	port_numbers_put(&numbers, 7);
	port_numbers_put(&numbers, 5);
	port_numbers_put(&numbers, 6);
	port_numbers_hold(&numbers, 7);
	assert_int_equal(port_numbers_take(&numbers, "more"), 5);
	assert_string_equal(port_numbers_name(&numbers, 5), "more");
	assert_int_equal(port_numbers_find(&numbers, "p5"), 0);
	assert_int_equal(port_numbers_take(&numbers, "again"), 6);
	assert_int_equal(port_numbers_take(&numbers, "none"), 0);
	port_numbers_put(&numbers, 7);
	assert_int_equal(port_numbers_take(&numbers, "last"), 7);
	port_numbers_fini(&numbers);
}

static void
test_what_rules_use_is_not_taken(void **state)
{
	struct port_numbers numbers;

	role_assert(&role_main);
	port_numbers_init(&numbers);
	numbers.used = used;
	take_all(&numbers);
	port_numbers_put(&numbers, 9);
	port_numbers_put(&numbers, 8);
	used_from = 8;
	asked = 0;
	assert_int_equal(port_numbers_take(&numbers, "more"), 0);
	assert_int_equal(asked, 2);
	assert_string_equal(port_numbers_name(&numbers, 9), "p9");
	used_from = 9;
	assert_int_equal(port_numbers_take(&numbers, "more"), 8);
	used_from = 10;
	assert_int_equal(port_numbers_take(&numbers, "again"), 9);
	port_numbers_fini(&numbers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_keeps_its_number),
		cmocka_unit_test(test_the_longest_idle_is_taken),
		cmocka_unit_test(test_what_rules_use_is_not_taken),
	};

	int failed;

	role_enter(&role_main);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return failed;
}
