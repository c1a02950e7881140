/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of drops are what the schema can have as leaves, and each stands for one reason. */
#include "datapath/core/drop.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_names(void **state)
{
	(void)state;
	for (int r = 0; r < DROP_N; r++) {
		const char *name = drop_name((enum drop_reason)r);

		assert_non_null(name);
		assert_true(islower((unsigned char)name[0]));
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		for (int other = 0; other < r; other++) {
			assert_string_not_equal(name, drop_name((enum drop_reason)other));
		}
	}
	assert_string_equal(drop_name(DROP_RUNT), "runt");
	assert_string_equal(drop_name(DROP_SEGMENT_FAILED), "segment-failed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}
