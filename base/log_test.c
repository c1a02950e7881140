/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct log_module early = {.name = "early"};
static struct log_module late = {.name = "late"};

static void
test_levels(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_true(log_enabled(&early, LOG_NOTICE));
	assert_false(log_enabled(&early, LOG_INFO));
	assert_int_equal(log_configure("warn,late=debug,early=error", &err), 0);
	assert_false(log_enabled(&early, LOG_WARN));
	assert_true(log_enabled(&early, LOG_ERROR));
	/* A module that logs for the first time after the option was read follows it too. */
	assert_true(log_enabled(&late, LOG_DEBUG));
}

static void
test_bad_levels(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(log_configure("loud", &err), -EINVAL);
	assert_non_null(strstr(err.text, "'loud'"));
	assert_int_equal(log_configure("dp=", &err), -EINVAL);
}

static size_t
captured(char *buf, size_t size, const char *text)
{
	int saved = dup(STDERR_FILENO);
	int pipe_fds[2];
	ssize_t n;

	assert_int_equal(pipe(pipe_fds), 0);
	assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
	log_write(&late, LOG_WARN, "%s", text);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(pipe_fds[1]);
	(void)close(saved);
	n = read(pipe_fds[0], buf, size - 1);
	(void)close(pipe_fds[0]);
	assert_true(n > 0);
	buf[n] = '\0';
	return (size_t)n;
}

static void
test_line(void **state)
{
	char buf[8192];
	char longer[5000];
	size_t n;

	(void)state;
	(void)unsetenv("JOURNAL_STREAM");
	(void)captured(buf, sizeof(buf), "hello");
	assert_non_null(strstr(buf, "warn   late: hello\n"));
	(void)setenv("JOURNAL_STREAM", "8:1", 1);
	(void)captured(buf, sizeof(buf), "hello");
	assert_int_equal(strncmp(buf, "<4>warn", 7), 0);
	/* Nobody's text begins another line. */
	n = captured(buf, sizeof(buf), "one\ntwo\x1b[31m\x7f \xc3\xa9");
	assert_non_null(strstr(buf, "late: one?two?[31m? \xc3\xa9\n"));
	assert_ptr_equal(strchr(buf, '\n'), &buf[n - 1]);
	/* No C1 control, nothing that turns the line around, no half of a character. */
	(void)captured(buf, sizeof(buf), "x\xc2\x9by\xe2\x80\xaez\xe2\x81\xa6w\xe2\x82");
	assert_non_null(strstr(buf, "late: x??y???z???w??\n"));
	(void)captured(buf, sizeof(buf),
		"\xe2\x82\xac \xf0\x9f\x98\x80 \xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80 \xff");
	assert_non_null(strstr(buf, "late: \xe2\x82\xac \xf0\x9f\x98\x80 ?? ??? ???? ?\n"));
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	n = captured(buf, sizeof(buf), longer);
	assert_true(n < 2100);
	assert_int_equal(buf[n - 1], '\n');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_bad_levels),
		cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
