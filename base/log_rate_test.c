/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static void
burst_then_rate(void **state)
{
	struct log_rate rate = {.burst = 3, .each = S};
	char more[LOG_RATE_TEXT];
	uint64_t now = 1000 * S;

	for (int i = 0; i < 3; i++) {
		assert_true(log_rate_may(&rate, now, more));
		assert_string_equal(more, "");
	}
	assert_false(log_rate_may(&rate, now, more));
	assert_false(log_rate_may(&rate, now + S - 1, more));
	assert_true(log_rate_may(&rate, now + S, more));
	assert_string_equal(more, " (2 more like this were not logged)");
	assert_false(log_rate_may(&rate, now + S, more));
	/* after a silence the burst is whole again, and no larger */
	now += 100 * S;
	for (int i = 0; i < 3; i++) {
		assert_true(log_rate_may(&rate, now, more));
	}
	assert_false(log_rate_may(&rate, now, more));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(burst_then_rate)};

	return cmocka_run_group_tests_name("log_rate", tests, NULL, NULL);
}
