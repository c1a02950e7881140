/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/test_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/test_fds.h"
#include "base/test_memfd.h"
#include "ports/vhost/guard.h"

static void
demand(bool right, const char *what)
{
	if (!right) {
		(void)fprintf(stderr, "test_device: %s\n", what);
		abort();
	}
}

void
test_device_start(struct test_device *test, uint16_t n_rings)
{
	*test = (struct test_device){.caps = PORT_CAP_TX_HASH};
	test->fds_before = test_open_fds();
	demand(grace_init(&test->grace) == 0, "no grace period");
	test->device.grace = &test->grace;
	test->device.offers = TEST_OFFERS;
	test->device.offers_protocol = TEST_PROTOCOL;
	test->device.n_rings = n_rings;
	test->device.view = &test->view;
	test->device.caps = &test->caps;
	test->device.vqs = aligned_alloc(64, n_rings * sizeof(struct vq));
	demand(test->device.vqs != NULL, "no memory");
	for (uint16_t i = 0; i < n_rings; i++) {
		demand(vq_init(&test->device.vqs[i], i % 2 == 1) == 0, "no ring");
	}
	demand(vu_device_init(&test->device) == 0, "no device");
	demand(vu_device_begin(&test->device) == 0, "no connection");
	test->reply.fd = -1;
}

void
test_device_stop(struct test_device *test)
{
	vu_device_end(&test->device);
	vu_device_fini(&test->device);
	for (uint16_t i = 0; i < test->device.n_rings; i++) {
		vq_fini(&test->device.vqs[i]);
	}
	free(test->device.vqs);
	grace_fini(&test->grace);
	demand(guard_count() == 0, "a mapping is left");
	demand(test_open_fds() == test->fds_before, "a descriptor is left");
}

static void
announce(void *arg, uint64_t mac)
{
	struct test_device *test = arg;

	test->announced = mac;
}

static const struct vu_request_ops ops = {.announce = announce};

enum vu_outcome
test_device_finish(struct test_device *test)
{
	if (test->outcome == VU_LATER && vu_device_settled(&test->device)) {
		vu_request_finish(&test->device, &test->msg, &test->reply);
		test->outcome = VU_DONE;
	}
	return test->outcome;
}

enum vu_outcome
test_device_tell(struct test_device *test, const struct vu_msg *msg)
{
	test->msg = *msg;
	test->msg.flags |= VU_VERSION;
	test->err = (struct err)ERR_INIT;
	test->outcome =
		vu_request_run(&test->device, &ops, test, &test->msg, &test->reply, &test->err);
	for (uint32_t i = 0; i < test->msg.n_fds; i++) {
		if (test->msg.fds[i] >= 0) {
			(void)close(test->msg.fds[i]);
		}
	}
	return test_device_finish(test);
}

enum vu_outcome
test_device_empty(struct test_device *test, uint32_t request)
{
	return test_device_tell(test, &(struct vu_msg){.request = request});
}

enum vu_outcome
test_device_u64(struct test_device *test, uint32_t request, uint64_t value)
{
	return test_device_tell(
		test, &(struct vu_msg){.request = request, .size = 8, .payload = {.u64 = value}});
}

enum vu_outcome
test_device_state(struct test_device *test, uint32_t request, uint32_t ring, uint32_t num)
{
	return test_device_tell(test,
		&(struct vu_msg){
			.request = request,
			.size = 8,
			.payload = {.state = {.index = ring, .num = num}},
		});
}

enum vu_outcome
test_device_event(struct test_device *test, uint32_t request, uint32_t ring, int fd)
{
	return test_device_tell(test,
		&(struct vu_msg){
			.request = request,
			.size = 8,
			.payload = {.u64 = fd < 0 ? ring | VU_VRING_NO_FD : ring},
			.n_fds = fd < 0 ? 0 : 1,
			.fds = {fd},
		});
}

enum vu_outcome
test_device_share(struct test_device *test)
{
	struct vu_msg msg = {
		.request = VU_SET_MEM_TABLE,
		.size = 40,
		.payload = {.table = {.n = 1}},
		.n_fds = 1,
		.fds = {test_memfd(TEST_MEMORY, 0)},
	};

	msg.payload.table.regions[0] =
		(struct vu_region){.gpa = TEST_GPA, .size = TEST_MEMORY, .user = TEST_USER};
	return test_device_tell(test, &msg);
}

struct vu_vring_addr
test_device_addr(uint32_t ring, uint32_t size)
{
	const uint64_t start = TEST_USER + ring * TEST_RING;
	const uint64_t avail = start + size * UINT64_C(16);

	return (struct vu_vring_addr){
		.index = ring,
		.desc = start,
		.avail = avail,
		.used = (avail + 6 + size * UINT64_C(2) + 3) & ~UINT64_C(3),
	};
}

enum vu_outcome
test_device_set_addr(struct test_device *test, const struct vu_vring_addr *addr)
{
	return test_device_tell(test,
		&(struct vu_msg){
			.request = VU_SET_VRING_ADDR,
			.size = sizeof(*addr),
			.payload = {.addr = *addr},
		});
}

void
test_device_negotiate(struct test_device *test, uint64_t features)
{
	demand(test_device_empty(test, VU_SET_OWNER) == VU_DONE, "SET_OWNER");
	demand(test_device_u64(test, VU_SET_PROTOCOL_FEATURES, TEST_PROTOCOL) == VU_DONE,
		"SET_PROTOCOL_FEATURES");
	demand(test_device_u64(test, VU_SET_FEATURES, features | VU_F_PROTOCOL_FEATURES) == VU_DONE,
		"SET_FEATURES");
	demand(test_device_share(test) == VU_DONE, "SET_MEM_TABLE");
}

void
test_device_ring(struct test_device *test, uint32_t ring, uint32_t size)
{
	const struct vu_vring_addr addr = test_device_addr(ring, size);
	const uint32_t base = vu_device_packed(&test->device) ? 0x8000 : 0;

	demand(test_device_state(test, VU_SET_VRING_NUM, ring, size) == VU_DONE, "SET_VRING_NUM");
	demand(test_device_state(test, VU_SET_VRING_BASE, ring, base) == VU_DONE, "SET_VRING_BASE");
	demand(test_device_set_addr(test, &addr) == VU_DONE, "SET_VRING_ADDR");
	demand(test_device_event(test, VU_SET_VRING_KICK, ring, eventfd(0, EFD_CLOEXEC)) == VU_DONE,
		"SET_VRING_KICK");
	demand(test_device_event(test, VU_SET_VRING_CALL, ring, eventfd(0, EFD_CLOEXEC)) == VU_DONE,
		"SET_VRING_CALL");
	demand(test_device_state(test, VU_SET_VRING_ENABLE, ring, 1) == VU_DONE,
		"SET_VRING_ENABLE");
	demand(vu_device_ring_view(&test->device, (uint16_t)ring) != NULL, "the ring does not run");
}
