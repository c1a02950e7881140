/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that share memory: what is mapped, replaced, and let go. */
#include "ports/vhost/vu_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/test_memfd.h"
#include "ports/vhost/test_device_check.h"

#define RINGS 4

static int
setup(void **state)
{
	return test_device_setup(state, RINGS);
}

static struct vu_msg
slot(uint32_t request, uint64_t gpa, uint64_t user, uint64_t size, int fd)
{
	return (struct vu_msg){
		.request = request,
		.flags = VU_NEED_REPLY,
		.size = 40,
		.payload = {.slot = {.region = {.gpa = gpa, .user = user, .size = size}}},
		.n_fds = fd < 0 ? 0 : 1,
		.fds = {fd},
	};
}

static void
test_memory_slots(void **state)
{
	struct test_device *test = *state;
	struct vu_msg msg;

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 256);
	test->device.vqs[0].next_avail = 5;
	for (uint64_t i = 1; i < GMEM_REGIONS_MAX; i++) {
		msg = slot(VU_ADD_MEM_REG, i << 36, i << 36, 4096, test_memfd(4096, 0));
		assert_int_equal(test_device_tell(test, &msg), VU_DONE);
		answered(test, 0);
	}
	assert_int_equal(test->device.memory->n, GMEM_REGIONS_MAX);
	msg = slot(VU_ADD_MEM_REG, UINT64_C(1) << 45, UINT64_C(1) << 45, 4096, test_memfd(4096, 0));
	assert_int_equal(test_device_tell(test, &msg), VU_REFUSED);
	answered(test, 1);
	assert_true(runs(test, 0));
	/* What the ring lies in goes: the ring stops, and goes on when it comes back. */
	msg = slot(VU_REM_MEM_REG, TEST_GPA, TEST_USER, TEST_MEMORY, eventfd(0, EFD_CLOEXEC));
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	answered(test, 0);
	assert_false(runs(test, 0));
	assert_string_equal(
		vu_device_ring_why(&test->device, 0), "its descriptors are not in shared memory");
	assert_int_equal(
		test_device_tell(test, &(struct vu_msg){.request = VU_REM_MEM_REG, .size = 40}),
		VU_VIOLATION);
	msg = slot(VU_ADD_MEM_REG, TEST_GPA, TEST_USER, TEST_MEMORY, test_memfd(TEST_MEMORY, 0));
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	assert_true(runs(test, 0));
	assert_int_equal(test->device.vqs[0].next_avail, 5);
	role_leave(&role_main);
}

/* QEMU 7.2 with two queue pairs: each tells of all regions, and takes each away. */
static void
test_memory_slots_told_twice(void **state)
{
	struct test_device *test = *state;
	const uint64_t gpa = UINT64_C(1) << 36;
	struct vu_msg msg;

	role_enter(&role_main);
	for (unsigned int several = 0; several < 2; several++) {
		test_device_negotiate(test, VU_RING_VERSION_1 | (several ? VU_NET_MQ : 0));
		for (unsigned int i = 0; i < 2; i++) {
			msg = slot(VU_ADD_MEM_REG, gpa, gpa, 4096, test_memfd(4096, 0));
			assert_int_equal(test_device_tell(test, &msg),
				i == 0 || several ? VU_DONE : VU_REFUSED);
			answered(test, i == 0 || several ? 0 : 1);
			assert_int_equal(test->device.memory->n, 2);
		}
		/* Not quite the same is refused in any case. */
		msg = slot(VU_ADD_MEM_REG, gpa, gpa, 8192, test_memfd(8192, 0));
		assert_int_equal(test_device_tell(test, &msg), VU_REFUSED);
		for (unsigned int i = 0; i < 2; i++) {
			msg = slot(VU_REM_MEM_REG, gpa, gpa, 4096, -1);
			assert_int_equal(test_device_tell(test, &msg),
				i == 0 || several ? VU_DONE : VU_REFUSED);
			assert_int_equal(test->device.memory->n, 1);
		}
	}
	role_leave(&role_main);
}

static void
test_memory_table(void **state)
{
	struct test_device *test = *state;
	const struct gmem *memory;
	struct vu_msg msg = {.request = VU_SET_MEM_TABLE, .size = 72, .n_fds = 1};

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 256);
	memory = test->device.memory;
	msg.payload.table.n = 2;
	msg.fds[0] = test_memfd(4096, 0);
	violates(test, test_device_tell(test, &msg),
		"SET_MEM_TABLE: 1 file descriptors came along, for 2 regions");
	/* The file is too small; the old table stays. */
	msg = (struct vu_msg){.request = VU_SET_MEM_TABLE, .size = 40, .flags = VU_NEED_REPLY};
	msg.payload.table.n = 1;
	msg.payload.table.regions[0] = (struct vu_region){.size = 8192};
	msg.n_fds = 1;
	msg.fds[0] = test_memfd(4096, 0);
	assert_int_equal(test_device_tell(test, &msg), VU_REFUSED);
	answered(test, 1);
	assert_ptr_equal(test->device.memory, memory);
	assert_true(runs(test, 0));
	msg.flags = 0;
	msg.fds[0] = test_memfd(4096, 0);
	assert_int_equal(test_device_tell(test, &msg), VU_VIOLATION);
	/* No memory at all. */
	msg = (struct vu_msg){.request = VU_SET_MEM_TABLE, .size = 8};
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	assert_string_equal(vu_device_ring_why(&test->device, 0), "no memory is shared");
	assert_int_equal(test_device_share(test), VU_DONE);
	assert_true(runs(test, 0));
	test->device.require_seals = true;
	assert_int_equal(test_device_share(test), VU_VIOLATION);
	role_leave(&role_main);
}

static void
test_migration_log(void **state)
{
	struct test_device *test = *state;
	struct vu_vring_addr addr = test_device_addr(0, 256);
	const uint64_t features = VU_F_PROTOCOL_FEATURES | VU_RING_VERSION_1;
	struct vu_msg msg = {
		.request = VU_SET_LOG_BASE,
		.size = 16,
		.payload = {.log = {.size = 4096, .offset = 4096}},
		.n_fds = 1,
	};
	const struct vq_view *view;

	role_enter(&role_main);
	test_device_negotiate(test, features);
	test_device_ring(test, 0, 256);
	for (unsigned int i = 0; i < 2; i++) {
		msg.fds[0] = test_memfd(8192, 0);
		assert_int_equal(test_device_tell(test, &msg), VU_DONE);
		answered(test, 0); /* whether it was asked for or not */
	}
	assert_null(vu_device_ring_view(&test->device, 0)->log);
	assert_int_equal(test_device_u64(test, VU_SET_FEATURES, features | VU_F_LOG_ALL), VU_DONE);
	view = vu_device_ring_view(&test->device, 0);
	assert_ptr_equal(view->log, test->device.log);
	assert_true(view->log_used == UINT64_MAX);
	addr.flags = VU_VRING_F_LOG;
	addr.log = 0x1234;
	assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
	assert_true(vu_device_ring_view(&test->device, 0)->log_used == 0x1234);
	/* Replaced while a worker logs. */
	grace_join(&test->grace, TEST_READER);
	msg.fds[0] = test_memfd(8192, 0);
	view = vu_device_ring_view(&test->device, 0);
	assert_int_equal(test_device_tell(test, &msg), VU_LATER);
	dirty_log_wrote(view->log, 0, 1);
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_DONE);
	answered(test, 0);
	grace_leave(&test->grace, TEST_READER);
	assert_int_equal(test_device_u64(test, VU_SET_FEATURES, features), VU_DONE);
	assert_null(vu_device_ring_view(&test->device, 0)->log);
	/* Sums that overflow, files that are too small. */
	msg.payload.log.offset = UINT64_MAX - 4095;
	msg.fds[0] = test_memfd(8192, 0);
	assert_int_equal(test_device_tell(test, &msg), VU_VIOLATION);
	assert_int_equal(test_device_tell(test,
				 &(struct vu_msg){.request = VU_SET_LOG_FD,
					 .n_fds = 1,
					 .fds = {eventfd(0, EFD_CLOEXEC)}}),
		VU_DONE);
	role_leave(&role_main);
}

/* Packed rings log where their descriptors are. */
static void
test_packed_log(void **state)
{
	struct test_device *test = *state;
	struct vu_vring_addr addr = test_device_addr(2, 256);

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1 | VU_RING_PACKED);
	test_device_ring(test, 2, 256);
	addr.flags = VU_VRING_F_LOG;
	addr.log = 0x1234;
	assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
	assert_true(vu_device_ring_view(&test->device, 2)->log_used == TEST_GPA + 2 * TEST_RING);
	role_leave(&role_main);
}

static void
test_inflight(void **state)
{
	struct test_device *test = *state;
	struct vu_msg msg = {.request = VU_GET_INFLIGHT_FD, .size = 24};
	int fd;

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1 | VU_RING_PACKED);
	msg.payload.inflight.num_queues = RINGS;
	msg.payload.inflight.queue_size = 256;
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	assert_int_equal(test->reply.msg.size, 24);
	assert_int_equal(test->reply.msg.payload.inflight.num_queues, RINGS);
	assert_true(test->reply.msg.payload.inflight.mmap_size >= RINGS * 256 * 32);
	fd = test->reply.fd;
	assert_true(fd >= 0);
	test_device_ring(test, 0, 256);
	assert_non_null(vu_device_ring_view(&test->device, 0)->inflight);
	assert_int_equal(test_device_tell(test, &msg), VU_VIOLATION);
	/* Given back while it runs, then with another size than the ring's. */
	msg.request = VU_SET_INFLIGHT_FD;
	msg.payload.inflight.num_queues = RINGS;
	msg.payload.inflight.queue_size = 256;
	msg.payload.inflight.mmap_size = (uint64_t)lseek(fd, 0, SEEK_END);
	msg.size = 20;
	msg.n_fds = 1;
	msg.fds[0] = fd;
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	assert_non_null(vu_device_ring_view(&test->device, 0)->inflight);
	msg.payload.inflight.queue_size = 32768;
	msg.fds[0] = test_memfd(4096, 0);
	assert_int_equal(test_device_tell(test, &msg), VU_VIOLATION);
	(void)test_device_state(test, VU_GET_VRING_BASE, 0, 0);
	assert_int_equal(test_device_empty(test, VU_RESET_DEVICE), VU_DONE);
	assert_null(test->device.inflight);
	role_leave(&role_main);
}

/* DPDK's front end tells where the available half of a packed ring is, and 0 for the other one. */
static void
test_half_a_base(void **state)
{
	struct test_device *test = *state;
	struct vu_msg msg = {.request = VU_GET_INFLIGHT_FD, .size = 24};

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1 | VU_RING_PACKED);
	msg.payload.inflight.num_queues = RINGS;
	msg.payload.inflight.queue_size = 256;
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	(void)close(test->reply.fd);
	test_device_ring(test, 0, 256); /* its base is 0x8000 */
	for (unsigned int i = 0; i < 2; i++) {
		(void)test_device_event(test, VU_SET_VRING_KICK, 0, -1);
		assert_non_null(vu_device_ring_view(&test->device, 0));
		(void)test_device_state(test, VU_GET_VRING_BASE, 0, 0);
		assert_int_equal(test->reply.msg.payload.state.num, 0x80008000);
	}
	role_leave(&role_main);
}

#define TEST(x) cmocka_unit_test_setup_teardown(test_##x, setup, test_device_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_slots),
		TEST(memory_slots_told_twice),
		TEST(memory_table),
		TEST(migration_log),
		TEST(packed_log),
		TEST(inflight),
		TEST(half_a_base),
	};

	return cmocka_run_group_tests_name("vu_request_memory", tests, NULL, NULL);
}
