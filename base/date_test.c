/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void
seconds(void **state)
{
	char text[DATE_SIZE];

	(void)state;
	assert_string_equal(date_text(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(date_text(1795282920, text), "2026-11-21T17:42:00Z");
	assert_string_equal(date_text(INT64_MAX, text), "");
}

static void
microseconds(void **state)
{
	char text[DATE_SIZE];

	(void)state;
	assert_string_equal(date_text_us(UINT64_C(1795282920) * CLOCK_S + 123456789, text),
		"2026-11-21T17:42:00.123456Z");
	assert_string_equal(date_text_us(UINT64_MAX, text), "2554-07-21T23:34:33.709551Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds),
		cmocka_unit_test(microseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
