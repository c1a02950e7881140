/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device without a port, and a front end that calls it: for tests of requests.
 *
 * The front end's memory is one file: guest addresses from TEST_GPA, its own from TEST_USER. Rings
 * lie in it one behind the other, TEST_RING bytes each.
 *
 * Threads: one, with main's role.
 */
#ifndef VSW_PORTS_VHOST_TEST_DEVICE_H
#define VSW_PORTS_VHOST_TEST_DEVICE_H

#include "base/role.h"
#include "ports/vhost/vu_request.h"

#define TEST_GPA UINT64_C(0x40000000)
#define TEST_USER UINT64_C(0x7f1200000000)
#define TEST_MEMORY (UINT64_C(1) << 20)
#define TEST_RING UINT64_C(0x8000)
#define TEST_READER 3 /* of the grace period */

/* What a front end may take: all that is known. */
#define TEST_OFFERS                                                                                \
	(VU_F_LOG_ALL | VU_F_PROTOCOL_FEATURES | VU_NET_CSUM | VU_NET_GUEST_CSUM |                 \
		VU_NET_GUEST_TSO4 | VU_NET_GUEST_TSO6 | VU_NET_GUEST_ECN | VU_NET_HOST_TSO4 |      \
		VU_NET_HOST_TSO6 | VU_NET_HOST_USO | VU_NET_GUEST_USO4 | VU_NET_GUEST_USO6 |       \
		VU_NET_MRG_RXBUF | VU_NET_MQ | VU_NET_MTU | VU_RING_INDIRECT | VU_RING_EVENT_IDX | \
		VU_RING_VERSION_1 | VU_RING_PACKED | VU_RING_IN_ORDER)
#define TEST_PROTOCOL                                                                            \
	(VU_PROTOCOL_F_MQ | VU_PROTOCOL_F_LOG_SHMFD | VU_PROTOCOL_F_RARP |                       \
		VU_PROTOCOL_F_REPLY_ACK | VU_PROTOCOL_F_NET_MTU | VU_PROTOCOL_F_INFLIGHT_SHMFD | \
		VU_PROTOCOL_F_RESET_DEVICE | VU_PROTOCOL_F_CONFIGURE_MEM_SLOTS |                 \
		VU_PROTOCOL_F_STATUS)

struct test_device {
	struct vu_device device;
	struct grace grace;
	_Atomic(struct vhost_view *) view;
	uint32_t caps;
	uint64_t announced; /* SEND_RARP */

	/* of the last message */
	enum vu_outcome outcome;
	struct vu_msg msg;
	struct vu_reply reply; /* its descriptor is the test's */
	struct err err;

	unsigned int fds_before;
};

/* A device of `n_rings`, to which a front end has connected. */
void test_device_start(struct test_device *test, uint16_t n_rings) ON_MAIN;

/* It goes. Aborts if a descriptor or a guarded mapping is left. */
void test_device_stop(struct test_device *test) ON_MAIN;

/*
 * One message, whose descriptors go to the device or are closed. Carried to its end if no reader
 * holds the device up; else the outcome is VU_LATER, and test_device_finish() goes on.
 */
enum vu_outcome test_device_tell(struct test_device *test, const struct vu_msg *msg) ON_MAIN;
enum vu_outcome test_device_finish(struct test_device *test) ON_MAIN;

enum vu_outcome test_device_empty(struct test_device *test, uint32_t request) ON_MAIN;
enum vu_outcome test_device_u64(struct test_device *test, uint32_t request, uint64_t value) ON_MAIN;
enum vu_outcome
test_device_state(struct test_device *test, uint32_t request, uint32_t ring, uint32_t num) ON_MAIN;

/* SET_VRING_KICK, CALL, ERR; fd -1: with the flag that says so. */
enum vu_outcome
test_device_event(struct test_device *test, uint32_t request, uint32_t ring, int fd) ON_MAIN;

/* The test's memory as the only region; a new file. */
enum vu_outcome test_device_share(struct test_device *test) ON_MAIN;

/* Addresses of ring `ring` of `size` descriptors, for either format. */
struct vu_vring_addr test_device_addr(uint32_t ring, uint32_t size);
enum vu_outcome
test_device_set_addr(struct test_device *test, const struct vu_vring_addr *addr) ON_MAIN;

/* Features (with VU_F_PROTOCOL_FEATURES), memory; then rings. Aborts unless all is done. */
void test_device_negotiate(struct test_device *test, uint64_t features) ON_MAIN;
void test_device_ring(struct test_device *test, uint32_t ring, uint32_t size) ON_MAIN;

#endif
