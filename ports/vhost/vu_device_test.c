/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers see of a device: when a ring runs, with what, and what is freed when. */
#include "ports/vhost/vu_device.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "ports/vhost/test_device_check.h"

#define RINGS 8

static int
setup(void **state)
{
	return test_device_setup(state, RINGS);
}

static const char *
why(struct test_device *test, uint16_t ring) ON_MAIN
{
	const char *text = vu_device_ring_why(&test->device, ring);

	assert_int_equal(text == NULL, vu_device_ring_view(&test->device, ring) != NULL);
	return text == NULL ? "" : text;
}

/* One thing after the other is told; each time the phrase names the next. */
static void
test_why_not(void **state)
{
	struct test_device *test = *state;
	const struct vu_vring_addr addr = test_device_addr(0, 64);

	role_enter(&role_main);
	assert_string_equal(why(test, 0), "no features are negotiated");
	(void)test_device_u64(test, VU_SET_FEATURES, VU_F_PROTOCOL_FEATURES | VU_RING_VERSION_1);
	assert_string_equal(why(test, 0), "no memory is shared");
	(void)test_device_share(test);
	assert_string_equal(why(test, 0), "its size is not told");
	(void)test_device_state(test, VU_SET_VRING_NUM, 0, 64);
	assert_string_equal(why(test, 0), "its addresses are not told");
	(void)test_device_set_addr(test, &addr);
	assert_string_equal(why(test, 0), "where it begins is not told");
	(void)test_device_state(test, VU_SET_VRING_BASE, 0, 5);
	assert_string_equal(why(test, 0), "it is not started");
	(void)test_device_event(test, VU_SET_VRING_KICK, 0, -1);
	assert_string_equal(why(test, 0), "it is disabled");
	(void)test_device_state(test, VU_SET_VRING_ENABLE, 0, 1);
	assert_string_equal(why(test, 0), "");
	assert_string_equal(why(test, 1), "its size is not told");
	assert_string_equal(why(test, RINGS), "there is no such ring");
	role_leave(&role_main);
}

/* Sizes of the parts: the last byte of each must be there (virtio 1.2, 2.7 and 2.8.10). */
static void
test_areas(void **state)
{
	struct test_device *test = *state;
	const uint64_t end = TEST_USER + TEST_MEMORY;
	const struct {
		uint64_t features;
		uint32_t size;
		uint64_t len[3]; /* descriptors, available, used */
	} cases[] = {
		{0, 1, {16, 8, 16}},
		{0, 256, {4096, 518, 2056}},
		{VU_RING_EVENT_IDX, 1024, {16384, 2056, 8200}},
		{VU_RING_PACKED, 1, {16, 4, 4}},
		{VU_RING_PACKED, 1000, {16000, 4, 4}},
	};
	static const char *const texts[] = {"its descriptors are not in shared memory",
		"its available ring is not in shared memory",
		"its used ring is not in shared memory"};

	role_enter(&role_main);
	for (unsigned int i = 0; i < 5; i++) {
		test_device_negotiate(test, cases[i].features | VU_RING_VERSION_1);
		test_device_ring(test, 1, cases[i].size);
		for (unsigned int part = 0; part < 3; part++) {
			struct vu_vring_addr addr = test_device_addr(1, cases[i].size);
			uint64_t *at = part == 0 ? &addr.desc
				: part == 1      ? &addr.avail
						 : &addr.used;
			const uint64_t align = part == 0 ? 16 : 4;
			/* As late as it can be: 2 bytes more would be too much. */
			const uint64_t last = (end - cases[i].len[part]) & ~(align - 1);

			(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 0);
			*at = last;
			assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
			(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 1);
			assert_string_equal(why(test, 1), "");
			(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 0);
			*at = last + align;
			assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
			(void)test_device_state(test, VU_SET_VRING_ENABLE, 1, 1);
			assert_string_equal(why(test, 1), texts[part]);
			*at = UINT64_MAX - 3;
			assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
			assert_string_equal(why(test, 1), texts[part]);
			*at = TEST_USER + 1;
			assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
			assert_non_null(strstr(why(test, 1), "aligned"));
			addr = test_device_addr(1, cases[i].size);
			assert_int_equal(test_device_set_addr(test, &addr), VU_DONE);
			assert_string_equal(why(test, 1), "");
		}
		(void)test_device_state(test, VU_GET_VRING_BASE, 1, 0);
	}
	role_leave(&role_main);
}

static void
test_shape(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 64);
	(void)test_device_state(test, VU_GET_VRING_BASE, 0, 0);
	(void)test_device_state(test, VU_SET_VRING_NUM, 0, 65);
	(void)test_device_event(test, VU_SET_VRING_KICK, 0, -1);
	assert_string_equal(why(test, 0), "its size is no power of two");
	(void)test_device_state(test, VU_SET_VRING_BASE, 0, 0x8000 | 65);
	(void)test_device_u64(
		test, VU_SET_FEATURES, VU_F_PROTOCOL_FEATURES | VU_RING_VERSION_1 | VU_RING_PACKED);
	assert_string_equal(why(test, 0), "it begins beyond its end");
	(void)test_device_state(test, VU_SET_VRING_BASE, 0, 0x8000 | 64);
	assert_string_equal(why(test, 0), "");
	(void)test_device_state(test, VU_GET_VRING_BASE, 0, 0);
	assert_int_equal(test->reply.msg.payload.state.num, 0x80408040);
	(void)test_device_u64(test, VU_SET_FEATURES, VU_F_PROTOCOL_FEATURES | VU_RING_VERSION_1);
	(void)test_device_state(test, VU_SET_VRING_NUM, 0, 64);
	(void)test_device_event(test, VU_SET_VRING_KICK, 0, -1);
	assert_string_equal(why(test, 0), "it begins beyond any index");
	role_leave(&role_main);
}

static void
test_view(void **state)
{
	struct test_device *test = *state;
	const struct vq_view *view;

	role_enter(&role_main);
	test_device_negotiate(test, VU_NET_MRG_RXBUF);
	test_device_ring(test, 2, 64);
	view = vu_device_ring_view(&test->device, 2);
	assert_ptr_equal(view->desc, gmem_user(test->device.memory, TEST_USER + 2 * TEST_RING, 1));
	assert_ptr_equal(view->avail, view->desc + 1024);
	assert_ptr_equal(view->used, view->avail + 136);
	assert_int_equal(view->flags, VQ_RUNS | VQ_MERGEABLE);
	assert_int_equal(view->hdr_len, 12);
	assert_int_equal(view->size, 64);
	assert_int_equal(view->takes, 0);
	assert_int_equal(view->call, test->device.rings[2].call);
	assert_ptr_equal(view->gone, test->device.gone);
	assert_null(view->log);
	assert_true(view->log_used == UINT64_MAX);
	assert_null(view->inflight);
	(void)test_device_state(test, VU_GET_VRING_BASE, 2, 0);
	test->device.one_worker = true;
	(void)test_device_u64(test, VU_SET_FEATURES,
		VU_F_PROTOCOL_FEATURES | VU_RING_PACKED | VU_RING_EVENT_IDX | VU_RING_INDIRECT |
			VU_NET_HOST_USO);
	(void)test_device_event(test, VU_SET_VRING_KICK, 2, -1);
	(void)test_device_state(test, VU_SET_VRING_BASE, 2, 0x8000);
	view = vu_device_ring_view(&test->device, 2);
	assert_non_null(view);
	assert_int_equal(view->flags,
		VQ_RUNS | VQ_PACKED | VQ_EVENT_IDX | VQ_INDIRECT | VQ_READ_HDR | VQ_LAZY_CALL);
	assert_int_equal(view->hdr_len, 10);
	role_leave(&role_main);
}

static void
test_takes(void **state)
{
	struct test_device *test = *state;
	const uint64_t tso = VU_NET_GUEST_TSO4 | VU_NET_GUEST_TSO6;
	const struct {
		uint64_t features;
		uint32_t caps;
	} cases[] = {
		{0, 0},
		{VU_NET_GUEST_CSUM, PORT_CAP_CSUM},
		{tso | VU_NET_GUEST_ECN, 0}, /* none without checksums */
		{VU_NET_GUEST_CSUM | VU_NET_GUEST_ECN, PORT_CAP_CSUM},
		{VU_NET_GUEST_CSUM | VU_NET_GUEST_TSO4, PORT_CAP_CSUM | PORT_CAP_TSO4},
		{VU_NET_GUEST_CSUM | VU_NET_GUEST_TSO6 | VU_NET_GUEST_ECN,
			PORT_CAP_CSUM | PORT_CAP_TSO6 | PORT_CAP_ECN},
		{VU_NET_GUEST_CSUM | VU_NET_GUEST_USO4, PORT_CAP_CSUM},
		{VU_NET_GUEST_CSUM | VU_NET_GUEST_USO4 | VU_NET_GUEST_USO6,
			PORT_CAP_CSUM | PORT_CAP_USO},
	};

	role_enter(&role_main);
	for (unsigned int i = 0; i < 8; i++) {
		test_device_negotiate(test, cases[i].features);
		assert_int_equal(test->caps, cases[i].caps | PORT_CAP_TX_HASH);
		test_device_ring(test, 0, 64);
		assert_int_equal(vu_device_ring_view(&test->device, 0)->takes, cases[i].caps);
		(void)test_device_state(test, VU_GET_VRING_BASE, 0, 0);
	}
	role_leave(&role_main);
}

static void
test_queues(void **state)
{
	struct test_device *test = *state;
	const struct vhost_view *view = test->view;

	role_enter(&role_main);
	assert_int_equal(view->n_rings, RINGS);
	assert_int_equal(view->n_tx, 0);
	test_device_negotiate(test, VU_RING_VERSION_1);
	for (uint32_t i = 0; i < RINGS; i++) {
		test_device_ring(test, i, 64);
	}
	assert_int_equal(test->view->n_tx, 4);
	(void)test_device_state(test, VU_SET_VRING_ENABLE, 2, 0);
	(void)test_device_state(test, VU_SET_VRING_ENABLE, 3, 0);
	assert_int_equal(test->view->n_tx, 3);
	assert_int_equal(test->view->tx_map[0], 0);
	assert_int_equal(test->view->tx_map[1], 2);
	assert_int_equal(test->view->tx_map[2], 3);
	assert_int_equal(test->view->rings[3].flags, 0);
	assert_int_equal(test->view->rings[5].flags & VQ_RUNS, VQ_RUNS);
	role_leave(&role_main);
}

/* A worker that sits in a burst holds up what it may still see, nothing else. */
static void
test_grace(void **state)
{
	struct test_device *test = *state;
	const struct gmem *memory;
	int call;

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 64);
	memory = test->device.memory;
	call = test->device.rings[0].call;
	grace_join(&test->grace, TEST_READER);
	assert_int_equal(test_device_event(test, VU_SET_VRING_CALL, 0, -1), VU_LATER);
	assert_int_equal(vu_device_ring_view(&test->device, 0)->call, -1);
	assert_true(fcntl(call, F_GETFD) >= 0);
	assert_int_equal(test_device_finish(test), VU_LATER);
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_DONE);
	assert_true(fcntl(call, F_GETFD) < 0);
	assert_int_equal(test_device_share(test), VU_LATER);
	assert_ptr_not_equal(vu_device_ring_view(&test->device, 0)->memory, memory);
	*(volatile uint8_t *)memory->regions[0].host = 1; /* still mapped */
	assert_int_equal(memory->n, 1);
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_DONE);
	/* Nothing changes: nothing to wait for. */
	assert_int_equal(test_device_state(test, VU_SET_VRING_ENABLE, 0, 1), VU_DONE);
	assert_int_equal(test_device_state(test, VU_SET_VRING_ENABLE, 2, 1), VU_DONE);
	grace_leave(&test->grace, TEST_READER);
	role_leave(&role_main);
}

/* The next front end comes before workers have let go of the one before. */
static void
test_next_front_end(void **state)
{
	struct test_device *test = *state;

	role_enter(&role_main);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 64);
	test_device_ring(test, 1, 64);
	test->device.vqs[0].next_avail = 77;
	test->device.rings[0].kicks = 5;
	grace_join(&test->grace, TEST_READER);
	vu_device_end(&test->device);
	assert_int_equal(test->view->n_tx, 0);
	assert_int_equal(test->caps, PORT_CAP_TX_HASH);
	assert_int_equal(vu_device_begin(&test->device), 0);
	assert_int_equal(test->device.rings[0].kicks, 5);
	(void)test_device_u64(test, VU_SET_FEATURES, VU_RING_VERSION_1);
	(void)test_device_share(test);
	(void)test_device_state(test, VU_SET_VRING_NUM, 0, 64);
	(void)test_device_state(test, VU_SET_VRING_BASE, 0, 9);
	(void)test_device_set_addr(test,
		&(struct vu_vring_addr){
			.desc = TEST_USER, .avail = TEST_USER + 4096, .used = TEST_USER + 8192});
	assert_int_equal(test_device_event(test, VU_SET_VRING_KICK, 0, -1), VU_LATER);
	assert_string_equal(why(test, 0), "workers are still busy with what it was before");
	assert_int_equal(test->device.vqs[0].next_avail, 77);
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_LATER); /* it begins, and must be seen */
	assert_string_equal(why(test, 0), "");
	assert_int_equal(test->device.vqs[0].next_avail, 9);
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_DONE);
	grace_leave(&test->grace, TEST_READER);
	role_leave(&role_main);
}

/* A call that the worker has put off, to look again, comes when the ring stops under it. */
static void
test_call_that_is_owed(void **state)
{
	struct test_device *test = *state;
	const int call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const int ours = dup(call);
	struct vq *vq = &test->device.vqs[0];
	eventfd_t n;

	role_enter(&role_main);
	assert_true(call >= 0 && ours >= 0);
	test_device_negotiate(test, VU_RING_VERSION_1);
	test_device_ring(test, 0, 64);
	assert_int_equal(test_device_event(test, VU_SET_VRING_CALL, 0, call), VU_DONE);
	grace_join(&test->grace, TEST_READER);
	vq->owed = 3;
	vq->since = 7;
	assert_int_equal(test_device_state(test, VU_SET_VRING_ENABLE, 0, 0), VU_LATER);
	assert_int_equal(eventfd_read(ours, &n), -1); /* the worker may still do it */
	grace_quiescent(&test->grace, TEST_READER);
	assert_int_equal(test_device_finish(test), VU_DONE);
	assert_int_equal(eventfd_read(ours, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(vq->owed, 0);
	assert_int_equal(vq->stats.calls, 1);
	grace_leave(&test->grace, TEST_READER);
	(void)close(ours);
	role_leave(&role_main);
}

#define TEST(x) cmocka_unit_test_setup_teardown(test_##x, setup, test_device_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(why_not),
		TEST(areas),
		TEST(shape),
		TEST(view),
		TEST(takes),
		TEST(queues),
		TEST(grace),
		TEST(next_front_end),
		TEST(call_that_is_owed),
	};

	return cmocka_run_group_tests_name("vu_device", tests, NULL, NULL);
}
