/* SPDX-License-Identifier: BSD-3-Clause */
/* What is legal of each request, what it does, and what is answered. */
#include "ports/vhost/vu_request.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/test_fds.h"
#include "ports/vhost/test_device_check.h"
#include "ports/vhost/vu_request_name.h"

#define RINGS 4

static int
setup(void **state)
{
	return test_device_setup(state, RINGS);
}

/* Each request with payloads and descriptors that it does not have; nothing is left open. */
static void
test_contract(void **state)
{
	static const struct {
		uint32_t request;
		uint32_t size;
		uint32_t min_fds;
		uint32_t max_fds;
	} cases[] = {
		{VU_GET_FEATURES, 0, 0, 0},
		{VU_SET_FEATURES, 8, 0, 0},
		{VU_SET_OWNER, 0, 0, 0},
		{VU_RESET_OWNER, 0, 0, 0},
		{VU_SET_MEM_TABLE, 40, 1, 1},
		{VU_SET_LOG_BASE, 16, 1, 1},
		{VU_SET_LOG_FD, 0, 0, 1},
		{VU_SET_VRING_NUM, 8, 0, 0},
		{VU_SET_VRING_ADDR, 40, 0, 0},
		{VU_SET_VRING_BASE, 8, 0, 0},
		{VU_GET_VRING_BASE, 8, 0, 0},
		{VU_SET_VRING_KICK, 8, 1, 1},
		{VU_SET_VRING_CALL, 8, 1, 1},
		{VU_SET_VRING_ERR, 8, 1, 1},
		{VU_GET_PROTOCOL_FEATURES, 0, 0, 0},
		{VU_SET_PROTOCOL_FEATURES, 8, 0, 0},
		{VU_GET_QUEUE_NUM, 0, 0, 0},
		{VU_SET_VRING_ENABLE, 8, 0, 0},
		{VU_SEND_RARP, 8, 0, 0},
		{VU_NET_SET_MTU, 8, 0, 0},
		{VU_GET_INFLIGHT_FD, 20, 0, 0},
		{VU_SET_INFLIGHT_FD, 20, 1, 1},
		{VU_RESET_DEVICE, 0, 0, 0},
		{VU_GET_MAX_MEM_SLOTS, 0, 0, 0},
		{VU_ADD_MEM_REG, 40, 1, 1},
		{VU_REM_MEM_REG, 40, 0, 1},
		{VU_SET_STATUS, 8, 0, 0},
		{VU_GET_STATUS, 0, 0, 0},
	};
	struct test_device *test = *state;

	role_enter(&role_main);
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, TEST_PROTOCOL);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t size = 0; size <= VU_PAYLOAD_MAX; size++) {
			struct vu_msg msg = {.request = cases[i].request, .size = size};

			if (cases[i].request == VU_SET_MEM_TABLE) {
				msg.payload.table.n = 1;
			}
			if (size == cases[i].size || (cases[i].size == 20 && size == 24)) {
				continue;
			}
			assert_int_equal(test_device_tell(test, &msg), VU_VIOLATION);
			assert_non_null(strstr(test->err.text, "bytes does not fit"));
		}
		for (uint32_t n = 0; n <= VU_FDS_MAX; n++) {
			struct vu_msg msg = {
				.request = cases[i].request,
				.size = cases[i].size,
				.n_fds = n,
			};

			if (n >= cases[i].min_fds && n <= cases[i].max_fds) {
				continue;
			}
			for (uint32_t fd = 0; fd < n; fd++) {
				msg.fds[fd] = eventfd(0, EFD_CLOEXEC);
			}
			if (cases[i].request == VU_SET_MEM_TABLE) {
				msg.payload.table.n = 1;
			}
			assert_int_equal(test_device_tell(test, &msg), VU_VIOLATION);
			assert_non_null(strstr(test->err.text, "descriptor"));
			assert_int_equal(test_open_fds(), test->fds_before);
		}
	}
	role_leave(&role_main);
}

static void
test_unknown(void **state)
{
	static const uint32_t unknown[] = {
		0, 21, 22, 23, 24, 28, 33, 35, VU_REQUESTS_N, UINT32_MAX};
	struct test_device *test = *state;

	role_enter(&role_main);
	violates(test, test_device_empty(test, 33),
		"message 33: the switch does not know this request");
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, VU_PROTOCOL_F_REPLY_ACK);
	for (unsigned int i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		const struct vu_msg msg = {.request = unknown[i], .flags = VU_NEED_REPLY};

		assert_int_equal(test_device_empty(test, unknown[i]), VU_VIOLATION);
		assert_int_equal(test_device_tell(test, &msg), VU_REFUSED);
		answered(test, 1);
	}
	role_leave(&role_main);
}

static void
test_not_negotiated(void **state)
{
	struct test_device *test = *state;
	struct vu_msg mtu = {.request = VU_NET_SET_MTU, .size = 8, .flags = VU_NEED_REPLY};

	role_enter(&role_main);
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, VU_PROTOCOL_F_REPLY_ACK);
	violates(test, test_device_u64(test, VU_SEND_RARP, 0),
		"SEND_RARP: the protocol feature that it needs was not negotiated");
	assert_int_equal(test_device_empty(test, VU_GET_STATUS), VU_VIOLATION);
	assert_int_equal(test_device_empty(test, VU_GET_MAX_MEM_SLOTS), VU_VIOLATION);
	mtu.payload.u64 = 1500;
	assert_int_equal(test_device_tell(test, &mtu), VU_REFUSED);
	answered(test, 1);
	assert_int_equal(test->device.mtu, 0);
	/* Where the answer would be taken for another one, there is none. */
	assert_int_equal(
		test_device_tell(test,
			&(struct vu_msg){
				.request = VU_GET_INFLIGHT_FD, .size = 20, .flags = VU_NEED_REPLY}),
		VU_VIOLATION);
	role_leave(&role_main);
}

static void
test_negotiation(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	assert_int_equal(test_device_empty(test, VU_GET_FEATURES), VU_DONE);
	answered(test, TEST_OFFERS);
	assert_int_equal(test_device_empty(test, VU_GET_PROTOCOL_FEATURES), VU_DONE);
	answered(test, TEST_PROTOCOL);
	assert_int_equal(test_device_empty(test, VU_GET_QUEUE_NUM), VU_DONE);
	answered(test, RINGS / 2);
	violates(test, test_device_u64(test, VU_SET_FEATURES, UINT64_C(1) << 33),
		"SET_FEATURES: features 0x200000000 were not offered");
	assert_false(test->device.has_features);
	violates(test, test_device_u64(test, VU_SET_PROTOCOL_FEATURES, 1 << 5),
		"SET_PROTOCOL_FEATURES: protocol features 0x20 were not offered");
	assert_int_equal(test_device_u64(test, VU_SET_FEATURES, VU_RING_VERSION_1), VU_DONE);
	assert_false(test->reply.wanted);
	/* An init and a driver start with other features, none of them runs a ring. */
	assert_int_equal(test_device_u64(test, VU_SET_FEATURES, VU_RING_VERSION_1 | VU_RING_PACKED),
		VU_DONE);
	assert_true(test->device.features == (VU_RING_VERSION_1 | VU_RING_PACKED));
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, TEST_PROTOCOL);
	assert_int_equal(test_device_empty(test, VU_GET_MAX_MEM_SLOTS), VU_DONE);
	answered(test, GMEM_REGIONS_MAX);
	role_leave(&role_main);
}

static void
test_acks(void **state)
{
	struct test_device *test = *state;
	struct vu_msg msg = {.request = VU_SET_FEATURES, .size = 8, .flags = VU_NEED_REPLY};

	role_enter(&role_main);
	/* Nobody has agreed to answers yet. */
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	assert_false(test->reply.wanted);
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, TEST_PROTOCOL);
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	answered(test, 0);
	msg.request = VU_NET_SET_MTU;
	msg.payload.u64 = 67;
	assert_int_equal(test_device_tell(test, &msg), VU_REFUSED);
	answered(test, 1);
	assert_string_equal(test->err.text, "NET_SET_MTU: 67 is not from 68 to 65535");
	msg.payload.u64 = 9000;
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	answered(test, 0);
	assert_int_equal(test->device.mtu, 9000);
	/* A request that has an answer has only that. */
	msg = (struct vu_msg){.request = VU_GET_FEATURES, .flags = VU_NEED_REPLY};
	assert_int_equal(test_device_tell(test, &msg), VU_DONE);
	answered(test, TEST_OFFERS);
	role_leave(&role_main);
}

/* An acknowledged request has taken effect: after the grace period. */
static void
test_ack_waits(void **state)
{
	struct test_device *test = *state;
	struct vu_msg msg = {
		.request = VU_SET_VRING_ENABLE,
		.size = 8,
		.flags = VU_NEED_REPLY,
		.payload = {.state = {.index = 0, .num = 0}},
	};

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 256);
	grace_join(&test->grace, TEST_READER);
	assert_int_equal(test_device_tell(test, &msg), VU_LATER);
	assert_false(test->reply.wanted);
	assert_false(runs(test, 0));
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_DONE);
	answered(test, 0);
	grace_leave(&test->grace, TEST_READER);
	role_leave(&role_main);
}

static void
test_features_while_running(void **state)
{
	struct test_device *test = *state;
	const uint64_t features = VU_F_PROTOCOL_FEATURES | VU_RING_VERSION_1;

	role_enter(&role_main);
	test_device_negotiate(test, features);
	test_device_ring(test, 1, 256);
	assert_int_equal(test_device_u64(test, VU_SET_FEATURES, features), VU_DONE);
	violates(test, test_device_u64(test, VU_SET_FEATURES, features | VU_RING_PACKED),
		"SET_FEATURES: features 0x400000000 change while a ring runs");
	assert_int_equal(test_device_u64(test, VU_SET_FEATURES, features | VU_F_LOG_ALL), VU_DONE);
	assert_int_equal(test_device_u64(test, VU_SET_FEATURES, features), VU_DONE);
	assert_true(runs(test, 1));
	role_leave(&role_main);
}

/* Without VHOST_USER_F_PROTOCOL_FEATURES rings start enabled. */
static void
test_enabled_at_once(void **state)
{
	struct test_device *test = *state;
	const struct vu_vring_addr addr = test_device_addr(3, 32);

	role_enter(&role_main);
	(void)test_device_event(test, VU_SET_VRING_CALL, 3, eventfd(0, EFD_CLOEXEC));
	(void)test_device_u64(test, VU_SET_FEATURES, 0);
	(void)test_device_share(test);
	(void)test_device_state(test, VU_SET_VRING_NUM, 3, 32);
	(void)test_device_set_addr(test, &addr);
	(void)test_device_state(test, VU_SET_VRING_BASE, 3, 0);
	assert_false(runs(test, 3));
	(void)test_device_event(test, VU_SET_VRING_KICK, 3, eventfd(0, EFD_CLOEXEC));
	assert_true(runs(test, 3));
	role_leave(&role_main);
}

/* A front end restores what its guest had enabled before it says anything else. */
static void
test_enabled_before_all(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	assert_int_equal(test_device_state(test, VU_SET_VRING_ENABLE, 0, 1), VU_DONE);
	test_device_negotiate(test, VU_RING_VERSION_1);
	assert_true(test->device.rings[0].enabled);
	assert_false(test->device.rings[1].enabled);
	violates(test, test_device_state(test, VU_SET_VRING_ENABLE, 0, 2),
		"SET_VRING_ENABLE: ring 0: 2 is neither 0 nor 1");
	role_leave(&role_main);
}

static void
test_no_such_ring(void **state)
{
	static const uint32_t requests[] = {
		VU_SET_VRING_NUM,
		VU_SET_VRING_BASE,
		VU_GET_VRING_BASE,
		VU_SET_VRING_ENABLE,
	};
	static const uint32_t rings[] = {RINGS, 256, 65536, 0x10000000, UINT32_MAX};
	struct test_device *test = *state;

	role_enter(&role_main);
	for (unsigned int i = 0; i < 5; i++) {
		const struct vu_vring_addr addr = {.index = rings[i]};

		for (unsigned int k = 0; k < 4; k++) {
			assert_int_equal(
				test_device_state(test, requests[k], rings[i], 1), VU_VIOLATION);
			assert_non_null(strstr(test->err.text, "the guest may have 2 queue pairs"));
		}
		assert_int_equal(test_device_set_addr(test, &addr), VU_VIOLATION);
	}
	for (uint32_t request = VU_SET_VRING_KICK; request <= VU_SET_VRING_ERR; request++) {
		assert_int_equal(test_device_event(test, request, RINGS, eventfd(0, EFD_CLOEXEC)),
			VU_VIOLATION);
		assert_int_equal(test_device_event(test, request, 0x200, -1), VU_VIOLATION);
		assert_int_equal(test_device_u64(test, request, 0), VU_VIOLATION);
		assert_non_null(strstr(test->err.text, "no file descriptor came along"));
		assert_int_equal(test_device_tell(test,
					 &(struct vu_msg){.request = request,
						 .size = 8,
						 .payload = {.u64 = VU_VRING_NO_FD},
						 .n_fds = 1,
						 .fds = {eventfd(0, EFD_CLOEXEC)}}),
			VU_VIOLATION);
	}
	assert_int_equal(test_open_fds(), test->fds_before);
	violates(test, test_device_state(test, VU_SET_VRING_NUM, 0, 0),
		"SET_VRING_NUM: ring 0 cannot have 0 descriptors; 1 to 32768 are allowed");
	assert_int_equal(test_device_state(test, VU_SET_VRING_NUM, 0, 32769), VU_VIOLATION);
	assert_int_equal(test_device_state(test, VU_SET_VRING_NUM, 0, 65536 + 64), VU_VIOLATION);
	assert_int_equal(test_device_state(test, VU_SET_VRING_NUM, 0, 32768), VU_DONE);
	role_leave(&role_main);
}

static void
test_a_ring_that_runs(void **state)
{
	struct test_device *test = *state;
	struct vu_vring_addr addr = test_device_addr(0, 256);

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 256);
	assert_int_equal(test_device_state(test, VU_SET_VRING_NUM, 0, 256), VU_DONE);
	violates(test, test_device_state(test, VU_SET_VRING_NUM, 0, 128),
		"SET_VRING_NUM: ring 0 runs and has 256 descriptors, it cannot have 128");
	violates(test, test_device_state(test, VU_SET_VRING_BASE, 0, 0),
		"SET_VRING_BASE: ring 0 runs, it cannot begin elsewhere");
	assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
	addr.used += 4;
	violates(test, test_device_set_addr(test, &addr),
		"SET_VRING_ADDR: ring 0 runs, it cannot move");
	addr.used -= 4;
	addr.flags = 2;
	violates(test, test_device_set_addr(test, &addr),
		"SET_VRING_ADDR: flags 0x2 of ring 0 are unknown");
	/* Another kick: the ring goes on. */
	test->device.vqs[0].next_avail = 11;
	assert_int_equal(
		test_device_event(test, VU_SET_VRING_KICK, 0, eventfd(0, EFD_CLOEXEC)), VU_DONE);
	assert_int_equal(test->device.vqs[0].next_avail, 11);
	role_leave(&role_main);
}

/* Kicks and calls are events, not something that may block or kill who writes to it. */
static void
test_no_event(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	for (uint32_t request = VU_SET_VRING_KICK; request <= VU_SET_VRING_ERR; request++) {
		int ends[2];

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(test_device_event(test, request, 0, ends[1]), VU_VIOLATION);
		assert_non_null(strstr(test->err.text, ": the file descriptor is no eventfd"));
		assert_int_equal(test_device_event(test, request, 0, ends[0]), VU_VIOLATION);
		assert_int_equal(test_device_event(test, request, 0, open("/dev/null", O_RDWR)),
			VU_VIOLATION);
	}
	assert_int_equal(
		test_device_event(test, VU_SET_VRING_CALL, 0, eventfd(0, EFD_CLOEXEC)), VU_DONE);
	assert_true((fcntl(test->device.rings[0].call, F_GETFL) & O_NONBLOCK) != 0);
	role_leave(&role_main);
}

/* Where a ring is comes from the ring, not from what was told once. */
static void
test_places(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	assert_int_equal(test_device_state(test, VU_GET_VRING_BASE, 1, 0), VU_DONE);
	assert_int_equal(test->reply.msg.payload.state.index, 1);
	assert_int_equal(test->reply.msg.payload.state.num, 0);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 1, 256);
	test->device.vqs[1].next_avail = 700;
	(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 0);
	assert_false(runs(test, 1));
	(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 1);
	assert_int_equal(test->device.vqs[1].next_avail, 700); /* it goes on */
	grace_join(&test->grace, TEST_READER);
	assert_int_equal(test_device_state(test, VU_GET_VRING_BASE, 1, 0), VU_LATER);
	assert_false(runs(test, 1));
	test->device.vqs[1].next_avail = 703; /* the burst that was under way */
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_DONE);
	assert_true(test->reply.wanted);
	assert_int_equal(test->reply.msg.request, VU_GET_VRING_BASE);
	assert_int_equal(test->reply.msg.size, 8);
	assert_int_equal(test->reply.msg.payload.state.index, 1);
	assert_int_equal(test->reply.msg.payload.state.num, 703);
	grace_leave(&test->grace, TEST_READER);
	assert_int_equal(test->device.rings[1].kick, -1);
	assert_int_equal(test_device_state(test, VU_GET_VRING_BASE, 1, 0), VU_DONE);
	assert_int_equal(test->reply.msg.payload.state.num, 703);
	/* Started again without another base: a fault is forgotten. */
	atomic_store(&test->device.vqs[1].fault, VQ_FAULT_LONG);
	(void)test_device_event(test, VU_SET_VRING_KICK, 1, -1);
	assert_true(runs(test, 1));
	assert_int_equal(test->device.vqs[1].next_avail, 703);
	assert_int_equal(atomic_load(&test->device.vqs[1].fault), VQ_FAULT_NONE);
	role_leave(&role_main);
}

/* A fault stays while the ring is only disabled and enabled. */
static void
test_fault_stays(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 1, 256);
	atomic_store(&test->device.vqs[1].fault, VQ_FAULT_HEAD);
	(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 0);
	(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 1);
	assert_int_equal(atomic_load(&test->device.vqs[1].fault), VQ_FAULT_HEAD);
	role_leave(&role_main);
}

static void
test_status(void **state)
{
	struct test_device *test = *state;
	const uint32_t features_ok =
		VU_STATUS_ACKNOWLEDGE | VU_STATUS_DRIVER | VU_STATUS_FEATURES_OK;
	int call;

	role_enter(&role_main);
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, TEST_PROTOCOL);
	assert_int_equal(test_device_u64(test, VU_SET_STATUS, features_ok), VU_DONE);
	(void)test_device_empty(test, VU_GET_STATUS);
	answered(test, VU_STATUS_ACKNOWLEDGE | VU_STATUS_DRIVER); /* to which features? */
	test_device_negotiate(test, VU_NET_GUEST_CSUM);
	(void)test_device_u64(test, VU_SET_STATUS, features_ok);
	(void)test_device_empty(test, VU_GET_STATUS);
	answered(test, features_ok);
	assert_int_equal(test_device_u64(test, VU_SET_STATUS, 256), VU_VIOLATION);
	test_device_ring(test, 0, 256);
	call = test->device.rings[0].call;
	assert_int_equal(test_device_empty(test, VU_RESET_DEVICE), VU_DONE);
	assert_false(runs(test, 0));
	assert_false(test->device.has_features);
	assert_int_equal(test->device.rings[0].kick, -1);
	assert_int_equal(test->device.rings[0].call, call); /* it comes but once */
	assert_non_null(test->device.memory);
	assert_int_equal(test->caps, PORT_CAP_TX_HASH);
	(void)test_device_empty(test, VU_GET_STATUS);
	answered(test, 0);
	test_device_negotiate(test, VU_NET_GUEST_CSUM);
	test_device_ring(test, 0, 256);
	assert_int_equal(test_device_empty(test, VU_RESET_OWNER), VU_DONE);
	assert_true(runs(test, 0));
	role_leave(&role_main);
}

/* QEMU 7.2: reset first, then ask for the place. */
static void
test_status_before_place(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, TEST_PROTOCOL);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 256);
	test->device.vqs[0].next_avail = 77;
	assert_int_equal(test_device_u64(test, VU_SET_STATUS, 0), VU_DONE);
	assert_false(runs(test, 0));
	assert_int_equal(test->device.rings[0].kick, -1);
	(void)test_device_empty(test, VU_GET_STATUS);
	answered(test, 0);
	assert_int_equal(test_device_state(test, VU_GET_VRING_BASE, 0, 0), VU_DONE);
	assert_int_equal(test->reply.msg.payload.state.num, 77);
	test_device_ring(test, 0, 256);
	assert_true(runs(test, 0));
	role_leave(&role_main);
}

static void
test_announcement(void **state)
{
	struct test_device *test = *state;
	static const uint8_t mac[8] = {2, 0, 0, 1, 2, 3, 0xff, 0xff};
	uint64_t value;

	role_enter(&role_main);
	(void)test_device_u64(test, VU_SET_PROTOCOL_FEATURES, TEST_PROTOCOL);
	memcpy(&value, mac, sizeof(value));
	assert_int_equal(test_device_u64(test, VU_SEND_RARP, value), VU_DONE);
	assert_memory_equal(&test->announced, mac, 6);
	assert_true(test->announced >> 48 == 0);
	role_leave(&role_main);
}

static void
test_names(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(vu_request_name(VU_GET_STATUS, text, sizeof(text)), "GET_STATUS");
	assert_string_equal(vu_request_name(21, text, sizeof(text)), "message 21");
	assert_string_equal(vu_request_name(UINT32_MAX, text, sizeof(text)), "message 4294967295");
}

#define TEST(x) cmocka_unit_test_setup_teardown(test_##x, setup, test_device_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(contract),
		TEST(unknown),
		TEST(not_negotiated),
		TEST(negotiation),
		TEST(acks),
		TEST(ack_waits),
		TEST(features_while_running),
		TEST(enabled_at_once),
		TEST(enabled_before_all),
		TEST(no_such_ring),
		TEST(a_ring_that_runs),
		TEST(no_event),
		TEST(places),
		TEST(fault_stays),
		TEST(status),
		TEST(status_before_place),
		TEST(announcement),
		TEST(names),
	};

	return cmocka_run_group_tests_name("vu_request", tests, NULL, NULL);
}
