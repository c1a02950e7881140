/* SPDX-License-Identifier: BSD-3-Clause */
/* Bits of written pages, against a model that knows one page at a time. */
#include "ports/vhost/dirty_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/test_memfd.h"
#include "ports/vhost/guard.h"

#define LOG_SIZE 64 /* bytes: 512 pages */
#define PAGES (8 * LOG_SIZE)
#define FILE_SIZE 16384
#define OFFSET (4096 + 100) /* in the second page, and not at its beginning */

static struct dirty_log *
create(int fd, uint64_t offset, atomic_bool *gone) ON_MAIN
{
	struct dirty_log *log = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(dirty_log_create(dup(fd), LOG_SIZE, offset, gone, &log, &err), 0);
	return log;
}

static void
test_offset(void **state)
{
	const int fd = test_memfd(FILE_SIZE, 0);
	uint8_t file[FILE_SIZE];
	uint8_t expect[FILE_SIZE] = {0};
	atomic_bool gone = false;
	struct dirty_log *log;

	(void)state;
	role_assert(&role_main);
	log = create(fd, OFFSET, &gone);
	dirty_log_wrote(log, 0, 1);
	dirty_log_wrote(log, UINT64_C(9) * DIRTY_LOG_PAGE - 1, 2);
	expect[OFFSET] = 1;
	expect[OFFSET + 1] = 3; /* pages 8 and 9 */
	assert_int_equal(pread(fd, file, FILE_SIZE, 0), FILE_SIZE);
	assert_memory_equal(file, expect, FILE_SIZE);
	dirty_log_free(log);
	(void)close(fd);
	assert_int_equal(guard_count(), 0);
}

static void
test_model(void **state)
{
	const int fd = test_memfd(FILE_SIZE, 0);
	uint8_t file[FILE_SIZE];
	uint8_t expect[FILE_SIZE] = {0};
	atomic_bool gone = false;
	struct dirty_log *log;
	unsigned int seed = 1;

	(void)state;
	role_assert(&role_main);
	log = create(fd, OFFSET, &gone);
	for (int round = 0; round < 20000; round++) {
		/* Often at a border of pages, sometimes beyond the log, or at the last address. */
		uint64_t gpa = (uint64_t)(rand_r(&seed) % (PAGES + 20)) * DIRTY_LOG_PAGE;
		uint64_t len = 1 + (uint64_t)(rand_r(&seed) % (rand_r(&seed) % 8 == 0 ? 70000 : 3));

		gpa += (uint64_t)(rand_r(&seed) % 3);
		if (rand_r(&seed) % 2 == 0) {
			gpa += DIRTY_LOG_PAGE - 2;
		}
		if (rand_r(&seed) % 100 == 0) {
			gpa = UINT64_MAX - len + 1;
		}
		dirty_log_wrote(log, gpa, len);
		for (uint64_t page = 0; page < PAGES; page++) {
			const uint64_t at = page * DIRTY_LOG_PAGE;

			if (at + DIRTY_LOG_PAGE > gpa && at <= gpa + (len - 1)) {
				expect[OFFSET + page / 8] |= (uint8_t)(1U << page % 8);
			}
		}
		if (round % 50 == 0) {
			assert_int_equal(pread(fd, file, FILE_SIZE, 0), FILE_SIZE);
			assert_memory_equal(file, expect, FILE_SIZE);
			memset(expect, 0, FILE_SIZE);
			assert_int_equal(pwrite(fd, expect, FILE_SIZE, 0), FILE_SIZE);
		}
	}
	assert_false(atomic_load(&gone));
	dirty_log_free(log);
	(void)close(fd);
}

static void
test_refused(void **state)
{
	static const struct {
		uint64_t size;
		uint64_t offset;
		const char *text;
	} cases[] = {
		{0, 0, "size is 0"},
		{FILE_SIZE + 1, 0, "ends at 0x4001"},
		{FILE_SIZE, 1, "ends at 0x4001"},
		{1, FILE_SIZE, "ends at 0x4001"},
		{64, UINT64_MAX - 10, "more than 64 bits"},
		{DIRTY_LOG_MAX, UINT64_C(1) << 63, "more than 64 bits"},
		{DIRTY_LOG_MAX + 1, 0, "at most 0x400000000"},
		{UINT64_MAX, 0, "at most 0x400000000"},
	};
	const int file = test_memfd(FILE_SIZE, 0);
	atomic_bool gone = false;

	(void)state;
	role_assert(&role_main);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const int fd = dup(file);
		struct dirty_log *log = NULL;
		struct err err = ERR_INIT;

		assert_true(dirty_log_create(
				    fd, cases[i].size, cases[i].offset, &gone, &log, &err) < 0);
		assert_null(log);
		assert_non_null(strstr(err.text, cases[i].text));
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
	(void)close(file);
	assert_int_equal(guard_count(), 0);
}

static void
test_truncated(void **state)
{
	const int fd = test_memfd(FILE_SIZE, 0);
	atomic_bool gone = false;
	struct dirty_log *log;

	(void)state;
	role_assert(&role_main);
	log = create(fd, OFFSET, &gone);
	assert_int_equal(ftruncate(fd, 0), 0);
	dirty_log_wrote(log, 0, UINT64_C(100) * DIRTY_LOG_PAGE);
	assert_true(atomic_load(&gone));
	dirty_log_free(log);
	dirty_log_free(NULL);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_truncated),
	};
	int ret;

	role_enter(&role_main);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return ret;
}
