/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls arrive, all of them, and nothing that the other side does to its descriptor can wait. */
#include "ports/vhost/guest_call.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/role.h"

#define CALLS 20000 /* many times what the kernel lets wait */
#define PATIENCE_S 20 /* then a call has waited, and the alarm ends the test */

static void
test_counts(void **state)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t count = 0;

	(void)state;
	for (int i = 0; i < CALLS; i++) {
		guest_call(fd);
	}
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, CALLS);
	(void)close(fd);
}

static void
test_full(void **state)
{
	const int fd = eventfd(0, EFD_CLOEXEC); /* whose writers would wait */
	const uint64_t most = UINT64_MAX - 1; /* eventfd(2) */

	(void)state;
	assert_true(guest_call_safe());
	assert_int_equal(write(fd, &most, sizeof(most)), sizeof(most));
	for (int i = 0; i < CALLS; i++) {
		guest_call(fd);
	}
	(void)close(fd);
}

/* What is no eventfd gets nothing, and the next call is as good as ever. */
static void
test_others(void **state)
{
	const int good = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t count = 0;
	char byte;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 1000; i++) {
		guest_call(ends[1]);
		guest_call(-1);
		guest_call(9999);
	}
	assert_int_equal(read(ends[0], &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	guest_call(good);
	assert_int_equal(read(good, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(good);
}

static void *
caller(void *arg)
{
	for (int i = 0; i < CALLS; i++) {
		guest_call(*(const int *)arg);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_t threads[4];
	uint64_t count = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, caller, &fd), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		(void)pthread_join(threads[i], NULL);
	}
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 4 * CALLS);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_threads),
	};
	int rc;

	role_enter(&role_main);
	(void)alarm(PATIENCE_S);
	guest_call_open();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	guest_call_close();
	role_leave(&role_main);
	return rc;
}
