/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/fd_passing.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	int ours;
	int theirs;
};

static struct pair
pair_make(void)
{
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	return (struct pair){.ours = sockets[0], .theirs = sockets[1]};
}

static void
pair_close(struct pair *pair)
{
	(void)close(pair->ours);
	(void)close(pair->theirs);
}

/* The next bytes and the descriptors that come with them, of which there is room for `room`. */
static uint32_t
hear(const struct pair *pair, char *text, size_t size, int fds[FD_PASSING_MAX], uint32_t room)
{
	union {
		struct cmsghdr align;
		char room[FD_PASSING_ROOM(FD_PASSING_MAX)];
	} control;
	struct iovec iov = {.iov_base = text, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = room == 0 ? 0 : FD_PASSING_ROOM(room)};

	assert_int_equal(recvmsg(pair->theirs, &message, MSG_DONTWAIT), size);
	return fd_passing_take(&message, fds);
}

static void
test_as_many_as_there_are(void **state)
{
	static const uint32_t counts[] = {0, 1, 2, FD_PASSING_MAX};
	struct pair pair = pair_make();
	int sent[FD_PASSING_MAX];
	int fds[FD_PASSING_MAX];
	char text[3];

	(void)state;
	for (int i = 0; i < FD_PASSING_MAX; i++) {
		sent[i] = i % 2 == 0 ? pair.ours : pair.theirs;
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		assert_int_equal(fd_passing_send(pair.ours, "abc", 3, sent, counts[i], 0), 3);
		assert_int_equal(hear(&pair, text, 3, fds, FD_PASSING_MAX), counts[i]);
		assert_memory_equal(text, "abc", 3);
		for (uint32_t n = 0; n < counts[i]; n++) {
			assert_int_equal(close(fds[n]), 0);
		}
	}
	pair_close(&pair);
}

/* What comes out is what went in, and in order. */
static void
test_the_same(void **state)
{
	struct pair pair = pair_make();
	struct pair other = pair_make();
	int fds[FD_PASSING_MAX];
	char text[2];

	(void)state;
	assert_int_equal(
		fd_passing_send(pair.ours, "x", 1, (int[]){other.ours, other.theirs}, 2, 0), 1);
	assert_int_equal(hear(&pair, text, 1, fds, 2), 2);
	assert_int_equal(write(fds[0], "1", 1), 1);
	assert_int_equal(read(other.theirs, text, sizeof(text)), 1);
	assert_int_equal(write(fds[1], "2", 1), 1);
	assert_int_equal(read(other.ours, text, sizeof(text)), 1);
	assert_int_equal(text[0], '2');
	(void)close(fds[0]);
	(void)close(fds[1]);
	pair_close(&other);
	pair_close(&pair);
}

static void
test_no_room(void **state)
{
	struct pair pair = pair_make();
	int fds[FD_PASSING_MAX];
	char text[1];

	(void)state;
	assert_int_equal(fd_passing_send(pair.ours, "x", 1, &pair.ours, 1, 0), 1);
	assert_int_equal(hear(&pair, text, 1, fds, 0), 0);
	pair_close(&pair);
}

static void
test_errors(void **state)
{
	static char much[1 << 16];
	struct pair pair = pair_make();

	(void)state;
	while (fd_passing_send(pair.ours, much, sizeof(much), NULL, 0, MSG_DONTWAIT) > 0) {
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd_passing_send(pair.ours, "x", 1, (int[]){-1}, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EBADF);
	(void)close(pair.theirs);
	assert_int_equal(fd_passing_send(pair.ours, "x", 1, NULL, 0, 0), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(pair.ours);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_many_as_there_are),
		cmocka_unit_test(test_the_same),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("fd_passing", tests, NULL, NULL);
}
