/* SPDX-License-Identifier: BSD-3-Clause */
/* What a front end passes is told apart, and what its maker holds open holds up nobody. */
#include "base/foreign_fd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/test_fds.h"
#include "base/test_linger.h"
#include "base/test_memfd.h"

#define PATIENCE_S 60 /* then main has waited, and the alarm ends the test */
#define SOON 10 /* seconds, for what a thread does at once */

static const int port_a, port_b;

/* Closed, all of it. */
static void
wait_for(const void *owner) ON_MAIN
{
	for (unsigned int i = 0; foreign_fd_pending(owner); i++) {
		assert_in_range(i, 0, SOON * 1000);
		(void)usleep(1000);
	}
}

static void
test_kinds(void **state)
{
	const int memory[] = {
		test_memfd(4096, 0),
		test_memfd(4096, F_SEAL_SHRINK),
		open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
		memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB),
	};
	int ends[2];
	int pair[2];

	(void)state;
	role_assert(&role_main);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	const int others[] = {
		ends[0],
		ends[1],
		pair[0],
		pair[1],
		epoll_create1(EPOLL_CLOEXEC),
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
		open("/dev/zero", O_RDWR | O_CLOEXEC),
		open("/proc/self/status", O_RDONLY | O_CLOEXEC),
		open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
		open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		open("/dev/shm", O_PATH | O_CLOEXEC),
	};
	const int event = eventfd(0, EFD_CLOEXEC);

	for (unsigned int i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
		assert_in_range(memory[i], 0, INT32_MAX);
		assert_true(foreign_fd_is_memory(memory[i]));
		assert_false(foreign_fd_is_eventfd(memory[i]));
		assert_true(foreign_fd_is_harmless(memory[i]));
	}
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_in_range(others[i], 0, INT32_MAX);
		assert_false(foreign_fd_is_harmless(others[i]));
	}
	assert_true(foreign_fd_is_eventfd(event));
	assert_false(foreign_fd_is_memory(event));
	assert_true(foreign_fd_is_harmless(event));
	assert_false(foreign_fd_is_harmless(-1));

	foreign_fd_close(&port_a, memory, sizeof(memory) / sizeof(memory[0]));
	foreign_fd_close(&port_a, &event, 1);
	assert_false(foreign_fd_pending(&port_a)); /* at once */
	foreign_fd_close(&port_a, others, sizeof(others) / sizeof(others[0]));
	wait_for(&port_a);
}

static void
test_none(void **state)
{
	const int fds[2] = {-1, -1};

	(void)state;
	role_assert(&role_main);
	foreign_fd_close(&port_a, fds, 2);
	foreign_fd_close(&port_a, NULL, 0);
	assert_false(foreign_fd_pending(&port_a));
}

/* Held open by one front end: its port waits, we and another port do not. */
static void
test_held_open(void **state)
{
	const unsigned int before = test_open_fds();
	struct test_linger linger;
	const int memory = test_memfd(4096, 0);
	int ends[2];

	(void)state;
	role_assert(&role_main);
	test_linger_make(&linger);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	const int fds[] = {memory, linger.fd, -1, ends[0]};
	foreign_fd_close(&port_a, fds, 4);
	assert_int_equal(fcntl(memory, F_GETFD), -1);
	foreign_fd_close(&port_b, &ends[1], 1);
	wait_for(&port_b);
	(void)usleep(50000);
	assert_true(foreign_fd_pending(&port_a));
	test_linger_end(&linger);
	wait_for(&port_a);
	assert_int_equal(test_open_fds(), before);
}

/* More than there are threads for: the rest waits, and is closed in the end. */
static void
test_many(void **state)
{
	enum { N = FOREIGN_THREADS_MAX + 4 };
	const unsigned int before = test_open_fds();
	struct test_linger lingers[N];
	int ends[2];

	(void)state;
	role_assert(&role_main);
	for (unsigned int i = 0; i < N; i++) {
		test_linger_make(&lingers[i]);
		foreign_fd_close(&lingers[i], &lingers[i].fd, 1);
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	foreign_fd_close(&port_a, ends, 2);
	(void)usleep(50000);
	assert_true(foreign_fd_pending(&port_a));
	assert_int_not_equal(fcntl(ends[0], F_GETFD), -1); /* without a thread */
	for (unsigned int i = 0; i < N; i++) {
		assert_true(foreign_fd_pending(&lingers[i]));
		test_linger_end(&lingers[i]);
	}
	for (unsigned int i = 0; i < N; i++) {
		wait_for(&lingers[i]);
	}
	wait_for(&port_a);
	assert_int_equal(test_open_fds(), before);
}

/* All of one owner: others still have a thread, and what it may leave has an end. */
static void
test_greedy(void **state)
{
	enum { N = FOREIGN_THREADS_MAX };
	const unsigned int before = test_open_fds();
	struct test_linger lingers[N];
	int copies[FOREIGN_OWNER_MAX - N];
	int ends[2];

	(void)state;
	role_assert(&role_main);
	for (unsigned int i = 0; i < N; i++) {
		test_linger_make(&lingers[i]);
		foreign_fd_close(&port_a, &lingers[i].fd, 1);
		(void)usleep(10000); /* a thread takes it, if one may */
		assert_true(foreign_fd_pending(&port_a));
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	foreign_fd_close(&port_b, ends, 2);
	wait_for(&port_b);
	assert_false(foreign_fd_is_full(&port_a));
	for (unsigned int i = 0; i < FOREIGN_OWNER_MAX - N; i++) {
		copies[i] = dup(STDERR_FILENO);
	}
	foreign_fd_close(&port_a, copies, FOREIGN_OWNER_MAX - N);
	assert_true(foreign_fd_is_full(&port_a));
	assert_false(foreign_fd_is_full(&port_b));
	for (unsigned int i = 0; i < N; i++) {
		assert_true(foreign_fd_pending(&port_a));
		test_linger_end(&lingers[i]);
	}
	wait_for(&port_a);
	assert_false(foreign_fd_is_full(&port_a));
	assert_int_equal(test_open_fds(), before);
}

/* What was sent along with a message that nobody reads: closing the socket closes it. */
static void
test_unread(void **state)
{
	const unsigned int before = test_open_fds();
	struct test_linger linger;
	int pair[2];

	(void)state;
	role_assert(&role_main);
	test_linger_make(&linger);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	test_linger_send(&linger, pair[1]);
	foreign_fd_hang_up(&port_a, pair[0]);
	(void)usleep(50000);
	assert_true(foreign_fd_pending(&port_a));
	assert_int_equal(send(pair[1], "x", 1, MSG_NOSIGNAL), -1); /* but we have hung up */
	test_linger_end(&linger);
	wait_for(&port_a);
	(void)close(pair[1]);
	assert_int_equal(test_open_fds(), before);
}

/* Nothing unread: no thread is needed. */
static void
test_hang_up(void **state)
{
	char byte;
	int pair[2];

	(void)state;
	role_assert(&role_main);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	foreign_fd_hang_up(&port_a, pair[0]);
	assert_int_equal(fcntl(pair[0], F_GETFD), -1);
	assert_false(foreign_fd_pending(&port_a));
	assert_int_equal(read(pair[1], &byte, 1), 0);
	(void)close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_held_open),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_greedy),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_hang_up),
	};
	int failed;

	(void)alarm(PATIENCE_S);
	role_enter(&role_main);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return failed;
}
