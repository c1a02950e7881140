/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_set(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, ERR_IN_USE, "socket", "port '%s'\nhas it", "vm1"), -EBUSY);
	assert_int_equal(err.kind, ERR_IN_USE);
	assert_string_equal(err.path, "socket");
	assert_string_equal(err.text, "port 'vm1' has it");
	assert_int_equal(err_set(NULL, ERR_MISSING, NULL, "nobody listens"), -ENOENT);
}

static void
test_cut(void **state)
{
	struct err err = ERR_INIT;
	char longer[2 * ERR_TEXT_SIZE];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	(void)err_set(&err, ERR_INVALID, longer, "%s", longer);
	assert_int_equal(strlen(err.path), ERR_PATH_SIZE - 1);
	assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
}

static void
test_prefix(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_prefix_path(&err, "/a");
	assert_string_equal(err.path, "");
	(void)err_set(&err, ERR_INVALID, "mtu", "no");
	err_prefix_path(&err, "/a/port[name='x']");
	assert_string_equal(err.path, "/a/port[name='x']/mtu");
	(void)err_set(&err, ERR_INVALID, NULL, "no");
	err_prefix_path(&err, "/a");
	assert_string_equal(err.path, "/a");
}

static void
test_tags(void **state)
{
	(void)state;
	assert_string_equal(err_tag(ERR_EXISTS), "data-exists");
	assert_string_equal(err_tag(ERR_NONE), "ok");
	assert_int_equal(err_errno(ERR_NONE), 0);
	/* A kind without an errno would look like success to callers. */
	for (int kind = ERR_NONE + 1; kind <= ERR_MALFORMED; kind++) {
		assert_true(err_errno((enum err_kind)kind) < 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
