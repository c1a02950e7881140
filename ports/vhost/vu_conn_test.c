/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages in pieces, too many, too long, with descriptors: over a socket pair. */
#include "ports/vhost/vu_conn.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd_passing.h"
#include "base/foreign_fd.h"
#include "base/test_fds.h"
#include "base/test_linger.h"
#include "ports/vhost/test_reactor.h"

#define SOON_MS 10000 /* for what a thread does at once */
#define PATIENCE_S 120 /* then main has waited, and the alarm ends the test */

enum act { ACT_NONE, ACT_PAUSE, ACT_ECHO, ACT_TAKE, ACT_FAIL, ACT_FREE };

/* The owner of a connection, and the other end. */
struct end {
	struct test_reactor loop;
	struct vu_conn *conn;
	int peer; /* the front end's socket */
	enum act act;
	bool free_at_once; /* in `closed` */
	unsigned int n;
	struct vu_msg last;
	int taken[VU_FDS_MAX]; /* by ACT_TAKE; closed at the end */
	unsigned int n_taken;
	unsigned int n_closed;
	char why[256];
	unsigned int fds_before;
};

static void
on_message(void *arg, struct vu_msg *msg)
{
	struct end *end = arg;

	role_assert(&role_main);
	end->n++;
	end->last = *msg;
	switch (end->act) {
	case ACT_NONE:
		break;
	case ACT_PAUSE:
		vu_conn_pause(end->conn);
		break;
	case ACT_ECHO:
		msg->flags |= VU_REPLY;
		vu_conn_send(end->conn, msg, msg->n_fds > 0 ? dup(msg->fds[0]) : -1);
		break;
	case ACT_TAKE:
		for (uint32_t i = 0; i < msg->n_fds; i++) {
			assert_in_range(end->n_taken, 0, VU_FDS_MAX - 1);
			end->taken[end->n_taken++] = msg->fds[i];
			msg->fds[i] = -1;
		}
		break;
	case ACT_FAIL:
		vu_conn_fail(end->conn, "message %u is not liked", end->n);
		break;
	case ACT_FREE:
		vu_conn_free(end->conn);
		end->conn = NULL;
		break;
	}
}

static void
on_closed(void *arg, const char *why)
{
	struct end *end = arg;

	role_assert(&role_main);
	end->n_closed++;
	(void)snprintf(end->why, sizeof(end->why), "%s", why);
	if (end->free_at_once) {
		vu_conn_free(end->conn);
		end->conn = NULL;
	}
}

static const struct vu_conn_ops ops = {.message = on_message, .closed = on_closed};

static int
setup(void **state)
{
	struct end *end = calloc(1, sizeof(*end));
	int pair[2];

	role_enter(&role_main);
	end->fds_before = test_open_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	test_reactor_init(&end->loop);
	end->peer = pair[1];
	end->conn = vu_conn_create(&end->loop.reactor, pair[0], &ops, end);
	assert_non_null(end->conn);
	*state = end;
	role_leave(&role_main);
	return 0;
}

static int
teardown(void **state)
{
	struct end *end = *state;

	role_enter(&role_main);
	vu_conn_free(end->conn);
	if (end->peer >= 0) {
		(void)close(end->peer);
	}
	while (end->n_taken > 0) {
		(void)close(end->taken[--end->n_taken]);
	}
	test_reactor_fini(&end->loop);
	for (unsigned int i = 0; foreign_fd_pending(end); i++) {
		assert_in_range(i, 0, SOON_MS);
		(void)usleep(1000);
	}
	assert_int_equal(test_open_fds(), end->fds_before);
	free(end);
	role_leave(&role_main);
	return 0;
}

/* Bytes with descriptors, which stay the caller's. */
static void
say(const struct end *end, const void *bytes, size_t size, const int *fds, unsigned int n_fds)
{
	assert_int_equal(fd_passing_send(end->peer, bytes, size, fds, n_fds, MSG_DONTWAIT), size);
}

/* A message as it is on the wire; its length. */
static size_t
wire(uint8_t *bytes, uint32_t request, uint32_t flags, uint32_t size, uint8_t fill)
{
	const struct vu_header header = {.request = request, .flags = flags, .size = size};

	memcpy(bytes, &header, sizeof(header));
	memset(bytes + sizeof(header), fill, size);
	return sizeof(header) + size;
}

static void
say_message(const struct end *end, uint32_t request, uint32_t size)
{
	uint8_t bytes[sizeof(struct vu_header) + VU_PAYLOAD_MAX];

	say(end, bytes, wire(bytes, request, VU_VERSION, size, 7), NULL, 0);
}

static void
test_one_message(void **state)
{
	struct end *end = *state;
	struct vu_peer peer;
	uint8_t bytes[64];

	role_enter(&role_main);
	vu_conn_peer(end->conn, &peer);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, getuid());
	assert_int_equal(peer.gid, getgid());
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 0);
	say(end, bytes, wire(bytes, VU_SET_FEATURES, VU_VERSION | VU_NEED_REPLY, 8, 0x5a), NULL, 0);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 1);
	assert_int_equal(end->last.request, VU_SET_FEATURES);
	assert_int_equal(end->last.flags, VU_VERSION | VU_NEED_REPLY);
	assert_int_equal(end->last.size, 8);
	assert_int_equal(end->last.n_fds, 0);
	assert_true(end->last.payload.u64 == UINT64_C(0x5a5a5a5a5a5a5a5a));
	say_message(end, VU_GET_FEATURES, 0);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 2);
	assert_int_equal(end->last.size, 0);
	assert_true(end->last.payload.u64 == 0); /* nothing of the message before */
	say_message(end, VU_SET_MEM_TABLE, VU_PAYLOAD_MAX);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 3);
	assert_int_equal(end->last.payload.bytes[VU_PAYLOAD_MAX - 1], 7);
	assert_int_equal(vu_conn_messages(end->conn), 3);
	assert_int_equal(end->n_closed, 0);
	role_leave(&role_main);
}

static void
test_byte_by_byte(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];
	const size_t size = wire(bytes, VU_SET_VRING_ADDR, VU_VERSION, 40, 9);
	const int fd = eventfd(0, EFD_CLOEXEC);

	role_enter(&role_main);
	for (size_t i = 0; i < size; i++) {
		assert_int_equal(end->n, 0);
		say(end, bytes + i, 1, &fd, i == 0 ? 1 : 0);
		test_reactor_run(&end->loop);
		/* Time runs from its first byte, whatever comes. */
		test_reactor_advance(&end->loop, VU_HALF_MAX / 64);
	}
	assert_int_equal(end->n, 1);
	assert_int_equal(end->last.n_fds, 1);
	assert_int_equal(end->last.payload.bytes[39], 9);
	test_reactor_advance(&end->loop, 10 * VU_HALF_MAX);
	assert_int_equal(end->n_closed, 0);
	assert_int_equal(test_reactor_timers(&end->loop), 0);
	(void)close(fd);
	role_leave(&role_main);
}

static void
test_half_a_message(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];

	role_enter(&role_main);
	say(end, bytes, wire(bytes, VU_SET_FEATURES, VU_VERSION, 8, 0) - 3, NULL, 0);
	test_reactor_run(&end->loop);
	test_reactor_advance(&end->loop, VU_HALF_MAX - 1);
	assert_int_equal(end->n_closed, 0);
	test_reactor_advance(&end->loop, 1);
	assert_int_equal(end->n_closed, 1);
	assert_string_equal(
		end->why, "SET_FEATURES has not ended within 2 seconds, 17 bytes have come");
	role_leave(&role_main);
}

static void
test_peer_goes(void **state)
{
	struct end *end = *state;

	role_enter(&role_main);
	say_message(end, VU_SET_OWNER, 0);
	say_message(end, VU_SET_OWNER, 0);
	(void)close(end->peer);
	end->peer = -1;
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 2); /* what it said before still counts */
	assert_int_equal(end->n_closed, 1);
	assert_string_equal(end->why, "");
	assert_int_equal(test_reactor_watches(&end->loop), 0);
	vu_conn_fail(end->conn, "it is closed: nobody hears this");
	vu_conn_pause(end->conn);
	vu_conn_resume(end->conn);
	assert_int_equal(end->n_closed, 1);
	role_leave(&role_main);
}

static void
test_peer_goes_within(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];
	const int fd = eventfd(0, EFD_CLOEXEC);

	role_enter(&role_main);
	end->free_at_once = true;
	say(end, bytes, wire(bytes, VU_SET_VRING_CALL, VU_VERSION, 8, 0) - 1, &fd, 1);
	(void)close(end->peer);
	end->peer = -1;
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 0);
	assert_string_equal(end->why, "the front end went away within a message");
	assert_null(end->conn);
	(void)close(fd);
	role_leave(&role_main);
}

static void
refuse(struct end *end, const uint8_t *bytes, size_t size, const char *why)
{
	role_enter(&role_main);
	say(end, bytes, size, NULL, 0);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 0);
	assert_int_equal(end->n_closed, 1);
	assert_string_equal(end->why, why);
	role_leave(&role_main);
}

static void
test_no_message(void **state)
{
	uint8_t bytes[64];

	refuse(*state, bytes, wire(bytes, VU_SET_OWNER, 2, 0, 0),
		"SET_OWNER is of version 2 of the protocol, which knows only 1");
}

static void
test_a_reply(void **state)
{
	uint8_t bytes[64];

	refuse(*state, bytes, wire(bytes, VU_GET_FEATURES, VU_VERSION | VU_REPLY, 8, 0),
		"GET_FEATURES is marked as a reply, but nothing was asked");
}

static void
test_too_long(void **state)
{
	const struct vu_header header = {.request = 99, .flags = VU_VERSION, .size = UINT32_MAX};

	refuse(*state, (const uint8_t *)&header, sizeof(header),
		"message 99 announces 4294967295 bytes; the longest message has 264");
}

static void
test_descriptors(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];
	const size_t size = wire(bytes, VU_SET_MEM_TABLE, VU_VERSION, 8, 0);
	int fds[VU_FDS_MAX];
	unsigned int before;

	role_enter(&role_main);
	for (unsigned int i = 0; i < VU_FDS_MAX; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
	}
	before = test_open_fds();
	say(end, bytes, size, fds, VU_FDS_MAX);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 1);
	assert_int_equal(end->last.n_fds, VU_FDS_MAX);
	assert_int_equal(test_open_fds(), before); /* not taken: closed */
	end->act = ACT_TAKE;
	say(end, bytes, size, fds, 3);
	say(end, bytes, size, NULL, 0);
	test_reactor_step(&end->loop, 0);
	assert_int_equal(end->n, 3);
	assert_int_equal(end->last.n_fds, 0);
	assert_int_equal(test_open_fds(), before + 3);
	for (unsigned int i = 0; i < VU_FDS_MAX; i++) {
		(void)close(fds[i]);
	}
	role_leave(&role_main);
}

static void
test_taken_is_ours(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];
	const int fd = eventfd(0, EFD_CLOEXEC);
	int taken;

	role_enter(&role_main);
	end->act = ACT_TAKE;
	say(end, bytes, wire(bytes, VU_SET_VRING_KICK, VU_VERSION, 8, 0), &fd, 1);
	test_reactor_run(&end->loop);
	taken = end->last.fds[0];
	assert_int_not_equal(taken, fd);
	assert_true((fcntl(taken, F_GETFD) & FD_CLOEXEC) != 0);
	vu_conn_free(end->conn);
	end->conn = NULL;
	assert_true(fcntl(taken, F_GETFD) >= 0);
	(void)close(fd);
	role_leave(&role_main);
}

static void
test_too_many_descriptors(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];
	const int fd = eventfd(0, EFD_CLOEXEC);
	int fds[VU_FDS_MAX + 1];

	role_enter(&role_main);
	for (unsigned int i = 0; i <= VU_FDS_MAX; i++) {
		fds[i] = fd;
	}
	say(end, bytes, wire(bytes, VU_SET_MEM_TABLE, VU_VERSION, 8, 0), fds, VU_FDS_MAX + 1);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 0);
	assert_string_equal(end->why,
		"a message came with more than 8 descriptors, or with more than the daemon may "
		"open");
	(void)close(fd);
	role_leave(&role_main);
}

/* What could make us wait when it is closed ends the connection, and does not. */
static void
test_foreign_descriptors(void **state)
{
	struct end *end = *state;
	struct test_linger linger;
	uint8_t bytes[64];
	const size_t size = wire(bytes, VU_SET_VRING_CALL, VU_VERSION, 8, 0);
	const int event = eventfd(0, EFD_CLOEXEC);

	role_enter(&role_main);
	test_linger_make(&linger);
	say(end, bytes, size, (const int[]){event, linger.fd}, 2);
	(void)close(event);
	test_linger_end_ours(&linger);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 0);
	assert_string_equal(end->why,
		"SET_VRING_CALL came with a descriptor that is neither memory (memfd, /dev/shm, "
		"hugepages) nor an eventfd");
	(void)usleep(50000);
	assert_true(foreign_fd_pending(end));
	test_linger_end(&linger);
	role_leave(&role_main);
}

/* 253 of them, the most that one message can have. */
static void
test_foreign_flood(void **state)
{
	struct end *end = *state;
	struct test_linger linger;
	uint8_t bytes[64];
	int fds[FD_PASSING_MAX];

	role_enter(&role_main);
	test_linger_make(&linger);
	for (unsigned int i = 0; i < FD_PASSING_MAX; i++) {
		fds[i] = linger.fd;
	}
	say(end, bytes, wire(bytes, VU_SET_OWNER, VU_VERSION, 0, 0), fds, FD_PASSING_MAX);
	test_linger_end_ours(&linger);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n_closed, 1);
	(void)usleep(50000);
	assert_true(foreign_fd_pending(end));
	test_linger_end(&linger);
	role_leave(&role_main);
}

/* The connection ends, and nobody has read what came along. */
static void
test_foreign_unread(void **state)
{
	struct end *end = *state;
	struct test_linger linger;

	role_enter(&role_main);
	test_linger_make(&linger);
	test_linger_send(&linger, end->peer);
	vu_conn_free(end->conn);
	end->conn = NULL;
	(void)usleep(50000);
	assert_true(foreign_fd_pending(end));
	test_linger_end(&linger);
	role_leave(&role_main);
}

static void
test_late_descriptors(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];
	const size_t size = wire(bytes, VU_SET_VRING_CALL, VU_VERSION, 8, 0);
	const int fds[2] = {eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};

	role_enter(&role_main);
	say(end, bytes, 12, fds, 2);
	say(end, bytes + 12, size - 12, fds, 1);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 0);
	assert_string_equal(end->why, "descriptors came in the middle of a message");
	(void)close(fds[0]);
	(void)close(fds[1]);
	role_leave(&role_main);
}

static void
test_pause(void **state)
{
	struct end *end = *state;
	uint8_t bytes[64];

	role_enter(&role_main);
	end->act = ACT_PAUSE;
	for (unsigned int i = 0; i < 5; i++) {
		say_message(end, VU_SET_OWNER, 0);
	}
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 1);
	assert_int_equal(test_reactor_watches(&end->loop), 0);
	end->act = ACT_NONE;
	vu_conn_resume(end->conn);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 5);
	/* A message that is half there is not late while nobody reads it. */
	say(end, bytes, wire(bytes, VU_SET_FEATURES, VU_VERSION, 8, 0) - 1, NULL, 0);
	test_reactor_run(&end->loop);
	vu_conn_pause(end->conn);
	test_reactor_advance(&end->loop, 5 * VU_HALF_MAX);
	vu_conn_resume(end->conn);
	test_reactor_advance(&end->loop, VU_HALF_MAX - 1);
	assert_int_equal(end->n_closed, 0);
	say(end, bytes, 1, NULL, 0);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 6);
	role_leave(&role_main);
}

static void
test_others_get_a_turn(void **state)
{
	struct end *end = *state;

	role_enter(&role_main);
	for (unsigned int i = 0; i < 50; i++) {
		say_message(end, VU_SET_OWNER, 0);
	}
	(void)test_reactor_step(&end->loop, 0);
	assert_int_equal(end->n, 16);
	(void)test_reactor_step(&end->loop, 0);
	assert_int_equal(end->n, 32);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 50);
	role_leave(&role_main);
}

static void
test_rate(void **state)
{
	struct end *end = *state;

	role_enter(&role_main);
	for (unsigned int i = 0; i < VU_RATE + 7; i++) {
		say_message(end, VU_SET_OWNER, 0);
		if (i % 100 == 99) {
			test_reactor_run(&end->loop);
		}
	}
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, VU_RATE);
	test_reactor_advance(&end->loop, CLOCK_S - 1);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, VU_RATE);
	test_reactor_advance(&end->loop, 1);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, VU_RATE + 7);
	role_leave(&role_main);
}

/* Replies that nobody reads: first wait, then end the connection. */
static void
test_answers_wait(void **state)
{
	struct end *end = *state;
	struct vu_msg reply = {
		.request = VU_GET_FEATURES, .flags = VU_VERSION | VU_REPLY, .size = 8};
	const int small = 1;
	uint8_t bytes[20];
	unsigned int sent = 0;
	unsigned int got = 0;

	role_enter(&role_main);
	(void)setsockopt(end->peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (test_reactor_watches(&end->loop) == 1 && sent < 100000 && end->n_closed == 0) {
		reply.payload.u64 = sent++;
		vu_conn_send(end->conn, &reply, -1);
		if (test_reactor_step(&end->loop, 0) == 0 && sent > 100) {
			/* Nothing is readable, and it waits for room. */
			say_message(end, VU_SET_OWNER, 0);
			(void)test_reactor_step(&end->loop, 0);
			if (end->n == 0) {
				break;
			}
			end->n = 0;
		}
	}
	assert_int_equal(end->n_closed, 0);
	assert_int_equal(end->n, 0); /* not read while an answer waits */
	while (got < sent) {
		uint64_t value;

		(void)test_reactor_step(&end->loop, 0);
		assert_int_equal(recv(end->peer, bytes, sizeof(bytes), MSG_WAITALL), 20);
		memcpy(&value, bytes + 12, sizeof(value));
		assert_int_equal(value, got++);
	}
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 1);
	for (sent = 0; end->n_closed == 0; sent++) {
		vu_conn_send(end->conn, &reply, eventfd(0, EFD_CLOEXEC));
		assert_in_range(sent, 0, 1000000);
	}
	assert_string_equal(end->why, "the front end does not read its answers");
	role_leave(&role_main);
}

static void
test_answer_with_descriptor(void **state)
{
	struct end *end = *state;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t bytes[64];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	const uint64_t one = 1;
	const int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t read_back = 0;
	int got;

	role_enter(&role_main);
	end->act = ACT_ECHO;
	say(end, bytes, wire(bytes, VU_GET_INFLIGHT_FD, VU_VERSION, 24, 3), &fd, 1);
	test_reactor_run(&end->loop);
	assert_int_equal(recvmsg(end->peer, &header, 0), 36);
	assert_int_equal(((struct vu_header *)bytes)->flags, VU_VERSION | VU_REPLY);
	assert_non_null(CMSG_FIRSTHDR(&header));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(got));
	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(read(got, &read_back, sizeof(read_back)), sizeof(read_back));
	assert_int_equal(read_back, 1);
	(void)close(got);
	(void)close(fd);
	role_leave(&role_main);
}

static void
test_answer_to_nobody(void **state)
{
	struct end *end = *state;

	role_enter(&role_main);
	end->act = ACT_ECHO;
	end->free_at_once = true;
	say_message(end, VU_SET_FEATURES, 8);
	say_message(end, VU_SET_FEATURES, 8);
	(void)close(end->peer);
	end->peer = -1;
	test_reactor_run(&end->loop); /* the first answer finds out */
	assert_int_equal(end->n, 1);
	assert_int_equal(end->n_closed, 1);
	assert_string_equal(end->why, "");
	role_leave(&role_main);
}

static void
test_fail_within(void **state)
{
	struct end *end = *state;

	role_enter(&role_main);
	end->act = ACT_FAIL;
	end->free_at_once = true;
	say_message(end, VU_SET_OWNER, 0);
	say_message(end, VU_SET_OWNER, 0);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 1);
	assert_string_equal(end->why, "message 1 is not liked");
	role_leave(&role_main);
}

static void
test_free_within(void **state)
{
	struct end *end = *state;

	role_enter(&role_main);
	end->act = ACT_FREE;
	say_message(end, VU_SET_OWNER, 0);
	say_message(end, VU_SET_OWNER, 0);
	test_reactor_run(&end->loop);
	assert_int_equal(end->n, 1);
	assert_int_equal(end->n_closed, 0);
	role_leave(&role_main);
}

#define TEST(x) cmocka_unit_test_setup_teardown(test_##x, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_message),
		TEST(byte_by_byte),
		TEST(half_a_message),
		TEST(peer_goes),
		TEST(peer_goes_within),
		TEST(no_message),
		TEST(a_reply),
		TEST(too_long),
		TEST(descriptors),
		TEST(taken_is_ours),
		TEST(too_many_descriptors),
		TEST(foreign_descriptors),
		TEST(foreign_flood),
		TEST(foreign_unread),
		TEST(late_descriptors),
		TEST(pause),
		TEST(others_get_a_turn),
		TEST(rate),
		TEST(answers_wait),
		TEST(answer_with_descriptor),
		TEST(answer_to_nobody),
		TEST(fail_within),
		TEST(free_within),
	};

	(void)alarm(PATIENCE_S);
	return cmocka_run_group_tests_name("vu_conn", tests, NULL, NULL);
}
