/* SPDX-License-Identifier: BSD-3-Clause */
/* The front end's messages, seen by a peer at the other end of a socketpair. */
#include "tests/frontend/frontend.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/frontend/shared_area.h"
#include "tests/frontend/vhost_user.h"

#define MAX_MESSAGES 128

/* A back end that answers what has an answer and keeps all it was told. */
struct peer {
	pthread_t thread;
	int socket;
	uint64_t features;
	uint64_t protocol_features;
	uint64_t n_pairs;
	bool refuse; /* a request that wants an acknowledgement */
	unsigned int n_messages;
	struct vhost_user_msg messages[MAX_MESSAGES];
	unsigned int n_fds[MAX_MESSAGES];
	uint8_t first_byte; /* of the memory that came */
};

static struct peer peer;

static void
read_memory(const struct vhost_user_msg *msg, int fd)
{
	const uint64_t size = msg->payload.memory.regions[0].size;
	uint8_t *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (at != MAP_FAILED) {
		peer.first_byte = at[0];
		(void)munmap(at, size);
	}
}

static bool
answer(struct vhost_user_msg *msg)
{
	switch (msg->request) {
	case VHOST_USER_GET_FEATURES:
		msg->payload.u64 = peer.features;
		break;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		msg->payload.u64 = peer.protocol_features;
		break;
	case VHOST_USER_GET_QUEUE_NUM:
		msg->payload.u64 = peer.n_pairs;
		break;
	case VHOST_USER_SET_LOG_BASE:
		break;
	case VHOST_USER_GET_STATUS:
		msg->payload.u64 = 7;
		break;
	case VHOST_USER_GET_VRING_BASE:
		msg->payload.state.num = 1000 + msg->payload.state.index;
		break;
	default:
		msg->payload.u64 = peer.refuse;
		return (msg->flags & VHOST_USER_NEED_REPLY) != 0;
	}
	return true;
}

static void *
peer_main(void *arg)
{
	struct vhost_user_msg msg;
	int fds[VHOST_USER_MAX_FDS];

	(void)arg;
	for (;;) {
		unsigned int n_fds = VHOST_USER_MAX_FDS;
		if (vhost_user_recv(peer.socket, &msg, fds, &n_fds, 5000) != 0 ||
			peer.n_messages == MAX_MESSAGES) {
			break;
		}
		peer.n_fds[peer.n_messages] = n_fds;
		peer.messages[peer.n_messages++] = msg;
		if (msg.request == VHOST_USER_SET_MEM_TABLE && n_fds == 1) {
			read_memory(&msg, fds[0]);
		}
		for (unsigned int i = 0; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		if (answer(&msg)) {
			msg.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
			msg.size = 8;
			(void)vhost_user_send(peer.socket, &msg, NULL, 0);
		}
	}
	(void)close(peer.socket);
	return NULL;
}

/* A front end that is connected to the peer, which offers these. */
static void
start(struct frontend *fe, unsigned int n_pairs, uint64_t wanted, uint64_t offered)
{
	int sockets[2];

	memset(&peer, 0, sizeof(peer));
	peer.features = offered;
	peer.protocol_features =
		VHOST_USER_PROTOCOL_F_MQ | VHOST_USER_PROTOCOL_F_REPLY_ACK | 1u << 9;
	peer.n_pairs = 2;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	*fe = (struct frontend){.socket = sockets[0], .memory = {.fd = -1}};
	fe->config.n_pairs = n_pairs;
	fe->config.ring_size = 64;
	fe->config.features = wanted;
	fe->config.optional = NET_F_CSUM;
	assert_int_equal(memory_init(&fe->memory, 1 << 16, MEMORY_SMALL, NULL), 0);
	fe->memory.base[0] = 0x5a;
	peer.socket = sockets[1];
}

static void
serve(void)
{
	assert_int_equal(pthread_create(&peer.thread, NULL, peer_main, NULL), 0);
}

static void
finish(struct frontend *fe)
{
	frontend_close(fe);
	(void)pthread_join(peer.thread, NULL);
}

static unsigned int
count(uint32_t request)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < peer.n_messages; i++) {
		n += peer.messages[i].request == request;
	}
	return n;
}

static const struct vhost_user_msg *
last(uint32_t request, unsigned int *n_fds)
{
	for (unsigned int i = peer.n_messages; i-- > 0;) {
		if (peer.messages[i].request == request) {
			*n_fds = peer.n_fds[i];
			return &peer.messages[i];
		}
	}
	fail_msg("no %s", vhost_user_name(request));
	return NULL;
}

#define OFFERED                                                                                \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | NET_F_MRG_RXBUF | NET_F_MQ | NET_F_CSUM | \
		VHOST_USER_F_PROTOCOL_FEATURES)

static void
check_life(bool packed)
{
	struct frontend fe;
	unsigned int n_fds;

	start(&fe, 2, VIRTIO_F_VERSION_1 | (packed ? VIRTIO_F_RING_PACKED : 0), OFFERED);
	serve();
	assert_int_equal(frontend_negotiate(&fe, NULL), 0);
	assert_int_equal(frontend_start(&fe, NULL), 0);
	const uint64_t used_address = packed ? (uintptr_t)fe.queues[3].ring.packed.device
					     : (uintptr_t)fe.queues[3].ring.split.used;
	assert_true(frontend_alive(&fe));
	assert_int_equal(frontend_stop(&fe, NULL), 0);
	assert_int_equal(fe.queues[3].stopped_base, 1003);
	finish(&fe);
	assert_int_equal(last(VHOST_USER_SET_FEATURES, &n_fds)->payload.u64,
		OFFERED & ~NET_F_MRG_RXBUF & ~(packed ? 0 : VIRTIO_F_RING_PACKED));
	assert_int_equal(last(VHOST_USER_SET_PROTOCOL_FEATURES, &n_fds)->payload.u64,
		VHOST_USER_PROTOCOL_F_MQ | VHOST_USER_PROTOCOL_F_REPLY_ACK);
	const struct vhost_user_msg *msg = last(VHOST_USER_SET_MEM_TABLE, &n_fds);
	assert_int_equal(n_fds, 1);
	assert_int_equal(msg->payload.memory.n_regions, 1);
	assert_int_equal(msg->payload.memory.regions[0].gpa, MEMORY_GPA);
	assert_int_equal(peer.first_byte, 0x5a);
	assert_int_equal(last(VHOST_USER_SET_VRING_BASE, &n_fds)->payload.state.num,
		packed ? 0x80008000u : 0);
	assert_int_equal(last(VHOST_USER_SET_VRING_ADDR, &n_fds)->payload.addr.used, used_address);
	assert_int_equal(last(VHOST_USER_SET_VRING_KICK, &n_fds)->payload.u64, 3);
	assert_int_equal(n_fds, 1);
	assert_int_equal(count(VHOST_USER_SET_VRING_ENABLE), 8);
	assert_int_equal(count(VHOST_USER_GET_VRING_BASE), 4);
}

static void
test_life(void **state)
{
	(void)state;
	check_life(false);
	check_life(true);
}

/* A back end from before protocol features: one pair, rings enabled by themselves. */
static void
test_plain(void **state)
{
	struct frontend fe;

	(void)state;
	start(&fe, 1, VIRTIO_F_VERSION_1, VIRTIO_F_VERSION_1);
	serve();
	assert_int_equal(frontend_negotiate(&fe, NULL), 0);
	assert_int_equal(frontend_start(&fe, NULL), 0);
	assert_int_equal(frontend_stop(&fe, NULL), 0);
	finish(&fe);
	assert_int_equal(count(VHOST_USER_GET_PROTOCOL_FEATURES), 0);
	assert_int_equal(count(VHOST_USER_SET_VRING_ENABLE), 0);
	assert_int_equal(fe.features, VIRTIO_F_VERSION_1);
}

static void
test_refused(void **state)
{
	struct frontend fe;
	struct err err = ERR_INIT;

	(void)state;
	start(&fe, 1, VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED, VIRTIO_F_VERSION_1);
	serve();
	assert_int_equal(frontend_negotiate(&fe, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "lacks 0x400000000"));
	finish(&fe);

	start(&fe, 3, VIRTIO_F_VERSION_1, OFFERED);
	serve();
	assert_int_equal(frontend_negotiate(&fe, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "has 2"));
	finish(&fe);

	start(&fe, 1, VIRTIO_F_VERSION_1, OFFERED);
	peer.refuse = true;
	serve();
	assert_int_equal(frontend_negotiate(&fe, &err), 0);
	assert_int_equal(frontend_start(&fe, &err), -EIO);
	assert_string_equal(err.text, "SET_MEM_TABLE: the back end refused");
	finish(&fe);
}

/* Several regions, in one table or one by one: neighbours, and all of the memory. */
static void
test_regions(void **state)
{
	struct frontend fe;
	unsigned int n_fds;

	(void)state;
	for (unsigned int slots = 0; slots <= 1; slots++) {
		start(&fe, 1, VIRTIO_F_VERSION_1, OFFERED);
		fe.config.n_regions = 3;
		fe.config.slots = slots != 0;
		serve();
		assert_int_equal(frontend_negotiate(&fe, NULL), 0);
		assert_int_equal(frontend_start(&fe, NULL), 0);
		finish(&fe);
		assert_int_equal(count(VHOST_USER_SET_MEM_TABLE), slots ? 0 : 1);
		assert_int_equal(count(VHOST_USER_ADD_MEM_REG), slots ? 3 : 0);
		const struct vhost_user_msg *msg =
			last(slots ? VHOST_USER_ADD_MEM_REG : VHOST_USER_SET_MEM_TABLE, &n_fds);
		const struct vhost_user_region *region =
			slots ? &msg->payload.slot.region : &msg->payload.memory.regions[2];
		assert_int_equal(n_fds, slots ? 1 : 3);
		assert_int_equal(region->mmap_offset, 40960);
		assert_int_equal(region->gpa, MEMORY_GPA + 40960);
		assert_int_equal(region->size, 65536 - 40960);
	}
}

static void
test_areas(void **state)
{
	struct frontend fe;
	struct shared_area area;
	unsigned int n_fds;
	uint8_t status = 0;

	(void)state;
	start(&fe, 1, VIRTIO_F_VERSION_1, OFFERED);
	serve();
	assert_int_equal(frontend_negotiate(&fe, NULL), 0);
	assert_int_equal(shared_area_init(&area, 8192), 0);
	assert_int_equal(frontend_set_log(&fe, &area, 4096, 4096, NULL), 0);
	assert_int_equal(frontend_set_features(&fe, fe.features | VHOST_F_LOG_ALL, NULL), 0);
	area.inflight = (struct vhost_user_inflight){.mmap_size = 8192, .n_queues = 2};
	assert_int_equal(frontend_set_inflight(&fe, &area, NULL), 0);
	assert_int_equal(frontend_set_status(&fe, 15, NULL), 0);
	assert_int_equal(frontend_get_status(&fe, &status, NULL), 0);
	assert_int_equal(status, 7);
	shared_area_fini(&area);
	finish(&fe);
	assert_int_equal(last(VHOST_USER_SET_LOG_BASE, &n_fds)->payload.log.offset, 4096);
	assert_int_equal(n_fds, 1);
	assert_int_equal(last(VHOST_USER_SET_INFLIGHT_FD, &n_fds)->size, 20);
	assert_int_equal(n_fds, 1);
	assert_int_equal(last(VHOST_USER_SET_STATUS, &n_fds)->payload.u64, 15);
}

static void
test_gone(void **state)
{
	struct frontend fe;
	struct err err = ERR_INIT;

	(void)state;
	start(&fe, 1, VIRTIO_F_VERSION_1, OFFERED);
	(void)close(peer.socket);
	assert_false(frontend_alive(&fe));
	assert_true(frontend_negotiate(&fe, &err) < 0);
	frontend_close(&fe);
}

/* Any bytes go out as they are, and an answer that announces too much is not read. */
static void
test_raw(void **state)
{
	int sockets[2];
	struct vhost_user_msg msg = {.request = 1, .flags = 5, .size = 265};
	unsigned int n_fds = 1;
	int fd = -1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(vhost_user_send_raw(sockets[0], &msg, 12, NULL, 0), 0);
	assert_int_equal(vhost_user_recv(sockets[1], &msg, NULL, NULL, 100), -EMSGSIZE);
	assert_int_equal(vhost_user_send_raw(sockets[0], "abc", 3, &sockets[0], 1), 0);
	assert_int_equal(vhost_user_recv(sockets[1], &msg, &fd, &n_fds, 50), -ETIMEDOUT);
	assert_int_equal(n_fds, 0);
	(void)close(sockets[0]);
	assert_int_equal(vhost_user_recv(sockets[1], &msg, NULL, NULL, 50), -ECONNRESET);
	(void)close(sockets[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_areas),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests_name("frontend", tests, NULL, NULL);
}
