/* SPDX-License-Identifier: BSD-3-Clause */
/* The courier between a driver, which the test plays, and back ends of several kinds. */
#include "ports/ethdev/courier.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd_passing.h"
#include "base/str.h"

/* vhost-user.rst */
#define GET_FEATURES 1
#define SET_OWNER 3
#define GET_VRING_BASE 11
#define SET_VRING_KICK 12
#define GET_PROTOCOL_FEATURES 15
#define SET_VRING_ENABLE 18
#define VERSION 1
#define REPLY 5
#define NEED_REPLY 8

#define FEATURES ((UINT64_C(1) << 30) | 0x123)
#define PROTOCOL UINT64_C(0x1ffff)

static char folder[] = "/tmp/courier_test.XXXXXX";

struct wire {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	uint32_t payload[64];
};

/* What a back end does with the features that it is asked for. */
enum manner { RIGHT, MUTE, OTHER_REQUEST, TOO_LONG, HALF, NO_REPLY_FLAG, HANGS_UP };

struct back_end {
	struct sockaddr_un sun;
	int listener;
};

static void
back_end_open(struct back_end *back_end, unsigned int number)
{
	back_end->sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	str_appendf(back_end->sun.sun_path, sizeof(back_end->sun.sun_path), "%s/peer%u", folder,
		number);
	back_end->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(back_end->listener, (struct sockaddr *)&back_end->sun, sizeof(back_end->sun)),
		0);
	assert_int_equal(listen(back_end->listener, 4), 0);
}

static void
back_end_close(struct back_end *back_end)
{
	assert_int_equal(close(back_end->listener), 0);
	assert_int_equal(unlink(back_end->sun.sun_path), 0);
}

static bool
wire_read(int fd, struct wire *wire)
{
	return recv(fd, wire, 12, MSG_WAITALL) == 12 && wire->size <= sizeof(wire->payload) &&
		(wire->size == 0 ||
			recv(fd, wire->payload, wire->size, MSG_WAITALL) == (ssize_t)wire->size);
}

static void
wire_write(int fd, const struct wire *wire)
{
	assert_int_equal(send(fd, wire, 12 + wire->size, MSG_NOSIGNAL), 12 + wire->size);
}

static void
write_number(int fd, uint32_t request, uint64_t number)
{
	struct wire wire = {.request = request, .flags = REPLY, .size = sizeof(number)};

	memcpy(wire.payload, &number, sizeof(number));
	wire_write(fd, &wire);
}

static void
answer_features(int fd, enum manner manner)
{
	struct wire wire = {.request = GET_FEATURES, .flags = REPLY, .size = 8};

	switch (manner) {
	case RIGHT:
		write_number(fd, GET_FEATURES, FEATURES);
		break;
	case MUTE:
		break;
	case OTHER_REQUEST:
		write_number(fd, GET_VRING_BASE, FEATURES);
		break;
	case TOO_LONG:
		wire.size = UINT32_MAX;
		assert_int_equal(send(fd, &wire, sizeof(wire), MSG_NOSIGNAL), sizeof(wire));
		break;
	case HALF:
		assert_int_equal(send(fd, &wire, 15, MSG_NOSIGNAL), 15);
		break;
	case NO_REPLY_FLAG:
		wire.flags = VERSION;
		wire_write(fd, &wire);
		break;
	case HANGS_UP:
		assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
		break;
	}
}

static void
wait_state(const struct courier *courier, enum courier_state state) ON_MAIN
{
	while (courier_state(courier) != state) {
		(void)usleep(1000);
	}
}

static struct courier *
make_courier(const struct back_end *back_end) ON_MAIN
{
	struct courier *courier = NULL;
	struct err err = ERR_INIT;

	if (courier_create(back_end->sun.sun_path, folder, &courier, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return courier;
}

/* A back end that has answered, and a driver that has come. */
static struct courier *
meet(const struct back_end *back_end, int *peer, int *driver) ON_MAIN
{
	struct courier *courier = make_courier(back_end);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;
	struct wire wire;

	*peer = accept4(back_end->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(wire_read(*peer, &wire));
	assert_int_equal(wire.request, GET_FEATURES);
	assert_int_equal(wire.flags, VERSION);
	answer_features(*peer, RIGHT);
	assert_true(wire_read(*peer, &wire));
	assert_int_equal(wire.request, GET_PROTOCOL_FEATURES);
	write_number(*peer, GET_PROTOCOL_FEATURES, PROTOCOL);
	wait_state(courier, COURIER_READY);
	str_copy(sun.sun_path, courier_path(courier), sizeof(sun.sun_path));
	assert_int_equal(stat(sun.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	*driver = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*driver, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return courier;
}

static uint64_t
ask_number(int driver, uint32_t request)
{
	const struct wire question = {.request = request, .flags = VERSION};
	struct wire answer;
	uint64_t number;

	wire_write(driver, &question);
	assert_true(wire_read(driver, &answer));
	assert_int_equal(answer.request, request);
	assert_int_equal(answer.flags, REPLY);
	assert_int_equal(answer.size, sizeof(number));
	memcpy(&number, answer.payload, sizeof(number));
	return number;
}

static void
end(struct courier *courier, struct back_end *back_end, int peer, int driver) ON_MAIN
{
	if (driver >= 0) {
		assert_int_equal(close(driver), 0);
	}
	courier_destroy(courier);
	assert_int_equal(close(peer), 0);
	back_end_close(back_end);
}

static void
test_carries(void **state)
{
	const struct wire owner = {.request = SET_OWNER, .flags = VERSION | NEED_REPLY};
	const struct wire kick = {
		.request = SET_VRING_KICK, .flags = VERSION, .size = 8, .payload = {1}};
	union {
		struct cmsghdr align;
		char room[FD_PASSING_ROOM(4)];
	} control;
	struct wire wire = {0};
	struct iovec iov = {.iov_base = &wire, .iov_len = 20};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	int fds[FD_PASSING_MAX];
	struct back_end back_end;
	struct courier *courier;
	int pipes[2];
	char byte = 0;
	int driver;
	int peer;

	(void)state;
	role_assert(&role_main);
	back_end_open(&back_end, 0);
	courier = meet(&back_end, &peer, &driver);
	/* questions that were asked before are answered here, and none is possible later */
	assert_true(ask_number(driver, GET_FEATURES) == FEATURES);
	assert_true(ask_number(driver, GET_PROTOCOL_FEATURES) == 1);
	courier_go(courier);
	wire_write(driver, &owner);
	assert_true(wire_read(peer, &wire));
	assert_int_equal(wire.request, SET_OWNER);
	assert_int_equal(wire.flags, VERSION);
	/* a descriptor goes along */
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fd_passing_send(driver, &kick, 20, &pipes[1], 1, 0), 20);
	assert_int_equal(recvmsg(peer, &msg, MSG_WAITALL), 20);
	assert_memory_equal(&wire, &kick, 20);
	assert_int_equal(fd_passing_take(&msg, fds), 1);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	/* ours and the courier's are closed, so that the pipe ends with the back end's */
	assert_int_equal(close(pipes[1]), 0);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	assert_int_equal(close(pipes[0]), 0);
	end(courier, &back_end, peer, driver);
}

static void
end_ring(int driver, uint32_t ring, uint32_t number)
{
	const struct wire question = {
		.request = GET_VRING_BASE, .flags = VERSION, .size = 8, .payload = {ring, 0}};
	struct wire answer;

	wire_write(driver, &question);
	assert_true(wire_read(driver, &answer));
	assert_int_equal(answer.request, GET_VRING_BASE);
	assert_int_equal(answer.flags, REPLY);
	assert_int_equal(answer.size, 8);
	assert_int_equal(answer.payload[0], ring);
	assert_int_equal(answer.payload[1], number);
}

static void *
answer_one_ring(void *arg)
{
	const int peer = *(const int *)arg;
	struct wire wire;

	if (wire_read(peer, &wire) && wire.request == GET_VRING_BASE) {
		wire.flags = REPLY;
		wire.payload[1] = 77;
		(void)send(peer, &wire, 12 + wire.size, MSG_NOSIGNAL);
	}
	return NULL;
}

/* The end of a ring is the back end's to tell; one that does not has no say any more. */
static void
test_rings_end(void **state)
{
	const struct wire enable = {
		.request = SET_VRING_ENABLE, .flags = VERSION, .size = 8, .payload = {0, 0}};
	struct back_end back_end;
	struct courier *courier;
	struct wire wire;
	pthread_t thread;
	int driver;
	int peer;

	(void)state;
	role_assert(&role_main);
	back_end_open(&back_end, 0);
	courier = meet(&back_end, &peer, &driver);
	courier_go(courier);
	for (unsigned int round = 0; round < 2; round++) {
		wire_write(driver, &enable);
		assert_true(wire_read(peer, &wire));
		assert_int_equal(wire.request, SET_VRING_ENABLE);
		assert_int_equal(pthread_create(&thread, NULL, answer_one_ring, &peer), 0);
		end_ring(driver, 0, 77);
		assert_int_equal(pthread_join(thread, NULL), 0);
		(void)usleep(2 * COURIER_STOP_MS * 1000); /* the next stop has its own time */
	}
	wire_write(driver, &enable);
	assert_true(wire_read(peer, &wire));
	end_ring(driver, 1, 0); /* silence */
	end_ring(driver, 2, 0);
	end_ring(driver, 3, 0);
	assert_true(wire_read(peer, &wire)); /* what it was asked */
	assert_int_equal(wire.request, GET_VRING_BASE);
	assert_false(wire_read(peer, &wire)); /* and that was all */
	/* rings do not begin with nobody behind them */
	wire_write(driver, &enable);
	wait_state(courier, COURIER_GONE);
	end(courier, &back_end, peer, driver);
}

/* Rings that end before they may begin are nobody else's business. */
static void
test_rings_wait(void **state)
{
	const struct wire owner = {.request = SET_OWNER, .flags = VERSION};
	struct wire kick = {.request = SET_VRING_KICK, .flags = VERSION, .size = 8};
	struct back_end back_end;
	struct courier *courier;
	struct wire wire;
	int pipes[2];
	int driver;
	char byte;
	int peer;

	(void)state;
	role_assert(&role_main);
	back_end_open(&back_end, 0);
	courier = meet(&back_end, &peer, &driver);
	assert_int_equal(pipe(pipes), 0);
	wire_write(driver, &owner);
	assert_int_equal(fd_passing_send(driver, &kick, 20, &pipes[1], 1, 0), 20);
	assert_int_equal(close(pipes[1]), 0);
	end_ring(driver, 0, 0);
	assert_int_equal(read(pipes[0], &byte, 1), 0); /* its descriptor is closed */
	assert_int_equal(close(pipes[0]), 0);
	kick.payload[0] = 5;
	wire_write(driver, &kick);
	wire_write(driver, &owner);
	assert_true(ask_number(driver, GET_FEATURES) == FEATURES); /* all is read */
	assert_true(wire_read(peer, &wire));
	assert_int_equal(wire.request, SET_OWNER);
	assert_int_equal(recv(peer, &wire, sizeof(wire), MSG_DONTWAIT), -1);
	courier_go(courier);
	assert_true(wire_read(peer, &wire));
	assert_memory_equal(&wire, &kick, 20);
	assert_true(wire_read(peer, &wire));
	assert_int_equal(wire.request, SET_OWNER);
	end(courier, &back_end, peer, driver);
}

/* Whatever else it says instead of its features is no answer, and it is asked anew. */
static void
test_no_answer(void **state)
{
	struct back_end back_ends[HANGS_UP + 1];
	struct courier *couriers[HANGS_UP + 1];
	int peers[HANGS_UP + 1];
	struct wire wire;

	(void)state;
	role_assert(&role_main);
	for (unsigned int i = MUTE; i <= HANGS_UP; i++) {
		back_end_open(&back_ends[i], i);
		couriers[i] = make_courier(&back_ends[i]);
		peers[i] = accept4(back_ends[i].listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(wire_read(peers[i], &wire));
		answer_features(peers[i], (enum manner)i);
	}
	for (unsigned int i = MUTE; i <= HANGS_UP; i++) {
		int again = accept4(back_ends[i].listener, NULL, NULL, SOCK_CLOEXEC);

		assert_int_not_equal(courier_state(couriers[i]), COURIER_READY);
		assert_true(wire_read(again, &wire));
		assert_int_equal(wire.request, GET_FEATURES);
		assert_int_equal(close(again), 0);
		end(couriers[i], &back_ends[i], peers[i], -1);
	}
}

/* Either side may go, and the back end may not speak unasked. */
static void
test_goes(void **state)
{
	(void)state;
	role_assert(&role_main);
	for (unsigned int way = 0; way < 3; way++) {
		struct back_end back_end;
		struct courier *courier;
		struct wire wire;
		int driver;
		int peer;

		back_end_open(&back_end, 0);
		courier = meet(&back_end, &peer, &driver);
		assert_true(ask_number(driver, GET_FEATURES) == FEATURES);
		if (way == 0) {
			assert_int_equal(shutdown(peer, SHUT_RDWR), 0);
		} else if (way == 1) {
			write_number(peer, GET_FEATURES, FEATURES);
		} else {
			assert_int_equal(shutdown(driver, SHUT_RDWR), 0);
		}
		wait_state(courier, COURIER_GONE);
		assert_false(wire_read(driver, &wire));
		assert_false(wire_read(peer, &wire));
		end(courier, &back_end, peer, driver);
	}
}

/* It ends at once whatever it is doing, and leaves no file. */
static void
test_ends(void **state)
{
	struct back_end back_end;
	struct courier *courier = NULL;
	struct err err = ERR_INIT;
	char path[128] = "";
	int peer;

	(void)state;
	role_assert(&role_main);
	back_end_open(&back_end, 0);
	courier_destroy(make_courier(&back_end)); /* while it asks */
	peer = accept4(back_end.listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(close(peer), 0);
	courier_destroy(NULL);
	back_end_close(&back_end);
	str_appendf(path, sizeof(path), "%s/nobody", folder);
	assert_int_not_equal(courier_create(path, folder, &courier, &err), 0);
	assert_string_equal(err.path, "path");
	assert_non_null(strstr(err.text, path));
	back_end_open(&back_end, 0);
	assert_int_not_equal(courier_create(back_end.sun.sun_path, "/nowhere", &courier, &err), 0);
	back_end_close(&back_end);
}

static int
start(void **state) ROLE_ATTR(no_thread_safety_analysis)
{
	(void)state;
	role_enter(&role_main);
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
stop(void **state) ROLE_ATTR(no_thread_safety_analysis)
{
	(void)state;
	role_leave(&role_main);
	return rmdir(folder); /* empty */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carries),
		cmocka_unit_test(test_rings_end),
		cmocka_unit_test(test_rings_wait),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_goes),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests_name("courier", tests, start, stop);
}
