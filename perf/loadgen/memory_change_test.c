/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of memory, told over a socket whose other end is here, by a clock that is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "perf/loadgen/memory_change.h"
#include "tests/frontend/vhost_user.h"

#define HZ 1e6 /* a cycle is a microsecond */
#define INTERVAL 10000u /* 10 ms */
#define ACKS VHOST_USER_PROTOCOL_F_REPLY_ACK
#define SLOTS (ACKS | VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)

struct world {
	struct frontend fe;
	struct memory_change change;
	int peer;
};

static int
create(struct world *world, enum memory_change_kind kind, uint64_t protocol)
{
	const struct options options = {.memory_change = kind, .memory_change_ms = 10};
	int sockets[2];

	*world = (struct world){.fe = {.protocol_features = protocol}};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	world->fe.socket = sockets[0];
	world->peer = sockets[1];
	assert_int_equal(memory_init(&world->fe.memory, 65536, MEMORY_SMALL, NULL), 0);
	const int rc = memory_change_init(&world->change, &world->fe, &options, HZ, NULL);
	memory_change_begin(&world->change, 0);
	return rc;
}

static void
destroy(struct world *world)
{
	memory_change_fini(&world->change);
	memory_fini(&world->fe.memory);
	(void)close(world->fe.socket);
	(void)close(world->peer);
}

/* What the switch was told; how many descriptors came along, or -1: nothing. */
static int
told(struct world *world, struct vhost_user_msg *msg)
{
	int fds[VHOST_USER_MAX_FDS];
	unsigned int n = VHOST_USER_MAX_FDS;

	if (vhost_user_recv(world->peer, msg, fds, &n, 0) != 0) {
		return -1;
	}
	for (unsigned int i = 0; i < n; i++) {
		(void)close(fds[i]);
	}
	return (int)n;
}

static void
answer(struct world *world, uint32_t request, uint64_t value)
{
	struct vhost_user_msg msg = {
		.request = request,
		.flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
		.size = 8,
		.payload.u64 = value,
	};

	assert_int_equal(vhost_user_send(world->peer, &msg, NULL, 0), 0);
}

static int
turn(struct world *world, uint64_t now, unsigned int frames)
{
	return memory_change_turn(&world->change, now, frames, NULL);
}

/* Two regions, then one; the next change waits until this one is acknowledged. */
static void
test_table(void **state)
{
	struct world world;
	struct vhost_user_msg msg;

	(void)state;
	assert_int_equal(create(&world, MEMORY_CHANGE_TABLE, ACKS), 0);
	assert_int_equal(turn(&world, INTERVAL - 1, 1), 0);
	assert_int_equal(told(&world, &msg), -1);
	assert_int_equal(turn(&world, INTERVAL, 1), 0);
	assert_int_equal(told(&world, &msg), 2);
	assert_int_equal(msg.request, VHOST_USER_SET_MEM_TABLE);
	assert_int_equal(msg.flags, VHOST_USER_VERSION | VHOST_USER_NEED_REPLY);
	assert_int_equal(msg.payload.memory.n_regions, 2);
	assert_int_equal(msg.payload.memory.regions[0].gpa, MEMORY_GPA);
	assert_true(msg.payload.memory.regions[1].gpa >= MEMORY_GPA + 65536);

	assert_int_equal(turn(&world, 3 * INTERVAL, 1), 0);
	assert_int_equal(told(&world, &msg), -1);
	answer(&world, VHOST_USER_SET_MEM_TABLE, 0);
	assert_int_equal(turn(&world, 3 * INTERVAL + 5, 1), 0);
	assert_int_equal(world.change.answers.max, 2 * INTERVAL + 5);
	assert_int_equal(turn(&world, 3 * INTERVAL + 6, 1), 0);
	assert_int_equal(told(&world, &msg), 1);
	assert_int_equal(msg.payload.memory.n_regions, 1);
	answer(&world, VHOST_USER_SET_MEM_TABLE, 0);
	assert_int_equal(memory_change_end(&world.change, NULL), 0);
	assert_int_equal(world.change.begun, 2);
	assert_int_equal(world.change.answers.total, 2);
	assert_int_equal(world.change.gaps.total, 2);
	destroy(&world);
}

static void
test_slots(void **state)
{
	struct world world;
	struct vhost_user_msg msg;

	(void)state;
	assert_int_equal(create(&world, MEMORY_CHANGE_SLOTS, SLOTS), 0);
	assert_int_equal(turn(&world, INTERVAL, 1), 0);
	assert_int_equal(told(&world, &msg), 1);
	assert_int_equal(msg.request, VHOST_USER_ADD_MEM_REG);
	const uint64_t gpa = msg.payload.slot.region.gpa;
	answer(&world, VHOST_USER_ADD_MEM_REG, 0);
	assert_int_equal(turn(&world, INTERVAL + 10, 1), 0);
	assert_int_equal(turn(&world, 2 * INTERVAL, 1), 0);
	assert_int_equal(told(&world, &msg), 0);
	assert_int_equal(msg.request, VHOST_USER_REM_MEM_REG);
	assert_int_equal(msg.payload.slot.region.gpa, gpa);
	destroy(&world);
}

/* The longest time without a frame, and without a turn, of each change. */
static void
test_times(void **state)
{
	struct world world;

	(void)state;
	assert_int_equal(create(&world, MEMORY_CHANGE_WATCH, ACKS), 0);
	const struct {
		uint64_t now;
		unsigned int frames;
	} turns[] = {{INTERVAL, 1}, {INTERVAL + 100, 1}, {INTERVAL + 150, 0}, {INTERVAL + 400, 1},
		{INTERVAL + 500, 1}, {2 * INTERVAL, 1}, {2 * INTERVAL + 7, 1}};
	for (unsigned int i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		assert_int_equal(turn(&world, turns[i].now, turns[i].frames), 0);
	}
	assert_int_equal(memory_change_end(&world.change, NULL), 0);
	assert_int_equal(world.change.begun, 2);
	assert_int_equal(world.change.gaps.total, 2);
	assert_int_equal(world.change.gaps.max, INTERVAL - 500);
	assert_int_equal(world.change.absences.max, INTERVAL - 500);
	assert_int_equal(world.change.answers.total, 0);
	assert_int_equal(histogram_percentile(&world.change.gaps, 0.4), 7);
	destroy(&world);
}

static void
test_refused(void **state)
{
	struct world world;
	struct vhost_user_msg msg;

	(void)state;
	assert_true(create(&world, MEMORY_CHANGE_SLOTS, ACKS) < 0);
	destroy(&world);
	assert_int_equal(create(&world, MEMORY_CHANGE_TABLE, ACKS), 0);
	assert_int_equal(turn(&world, INTERVAL, 1), 0);
	(void)told(&world, &msg);
	answer(&world, VHOST_USER_SET_MEM_TABLE, 1);
	assert_true(turn(&world, INTERVAL + 10, 1) < 0);
	destroy(&world);

	/* Nobody answers: in the end that is an error. */
	assert_int_equal(create(&world, MEMORY_CHANGE_TABLE, ACKS), 0);
	assert_int_equal(turn(&world, INTERVAL, 1), 0);
	assert_int_equal(turn(&world, 100 * INTERVAL, 1), 0);
	assert_true(turn(&world, 1000 * INTERVAL, 1) < 0);
	destroy(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("memory_change", tests, NULL, NULL);
}
