/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
test_copy(void **state)
{
	char dst[4] = "zzz";

	(void)state;
	assert_true(str_copy(dst, "abc", sizeof(dst)));
	assert_string_equal(dst, "abc");
	assert_false(str_copy(dst, "abcd", sizeof(dst)));
	assert_string_equal(dst, "abc");
	assert_true(str_copy(dst, dst + 1, sizeof(dst))); /* may overlap */
	assert_string_equal(dst, "bc");
}

static void
test_append(void **state)
{
	char dst[8] = "";

	(void)state;
	assert_true(str_append(dst, "abcd", sizeof(dst)));
	assert_true(str_appendf(dst, sizeof(dst), "%d", 42));
	assert_string_equal(dst, "abcd42");
	assert_false(str_appendf(dst, sizeof(dst), "%s", "xyz"));
	assert_string_equal(dst, "abcd42x");
	assert_false(str_append(dst, "y", sizeof(dst)));
	assert_string_equal(dst, "abcd42x");
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{"0", 0},
		{"100", 0},
		{"101", -ERANGE},
		{"-1", -EINVAL},
		{"", -EINVAL},
		{" 1", -EINVAL},
		{"1 ", -EINVAL},
		{"0x10", -EINVAL},
		{"99999999999999999999", -ERANGE},
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(str_to_u64(cases[i].text, 0, 100, &value), cases[i].rc);
	}
	assert_int_equal(str_to_u64("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
}

static void
test_given(void **state)
{
	(void)state;
	assert_false(str_given(NULL));
	assert_false(str_given(""));
	assert_true(str_given("x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_given),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
