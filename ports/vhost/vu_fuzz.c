/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Front ends of all kinds. The input is a list of steps: messages that are legal, odd or wrong,
 * with descriptors that are what they should be or not, workers that hold on to a view, files that
 * are truncated, front ends that go and come; or, with the first bit set, bytes on a socket.
 *
 * After each step the view that workers have must be consistent; at the end nothing may be left.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_passing.h"
#include "base/foreign_fd.h"
#include "ports/vhost/test_device.h"
#include "ports/vhost/test_reactor.h"
#include "ports/vhost/vu_conn.h"
#include "ports/vhost/vu_fuzz_input.h"

#define RINGS FUZZ_RINGS
#define STEPS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct fuzz_input input;
	struct test_device test;
	const struct vhost_view *held; /* that a worker has loaded; NULL: none */

	struct test_reactor loop;
	struct vu_conn *conn;
	int peer;
};

/* --- what must hold -------------------------------------------------------------------------- */

static bool
in_one_region(const struct gmem *memory, const uint8_t *at, uint64_t len)
{
	for (uint32_t i = 0; i < memory->n; i++) {
		const uint64_t off = (uintptr_t)at - (uintptr_t)memory->regions[i].host;

		if (off < memory->regions[i].size && len <= memory->regions[i].size - off) {
			return true;
		}
	}
	return false;
}

static void
check_ring(const struct vq_view *ring, const struct vq *vq)
{
	const bool packed = (ring->flags & VQ_PACKED) != 0;
	const uint64_t n = ring->size;

	assert(n > 0 && n <= VQ_SIZE_MAX && (packed || (n & (n - 1)) == 0));
	assert(in_one_region(ring->memory, ring->desc, 16 * n));
	assert(in_one_region(ring->memory, ring->avail, packed ? 4 : 6 + 2 * n));
	assert(in_one_region(ring->memory, ring->used, packed ? 4 : 6 + 8 * n));
	assert((uintptr_t)ring->desc % 16 == 0 && (uintptr_t)ring->used % 4 == 0);
	assert((uintptr_t)ring->avail % (packed ? 4 : 2) == 0);
	assert(ring->hdr_len == 10 || ring->hdr_len == 12);
	assert((ring->flags & VQ_MERGEABLE) == 0 || ring->hdr_len == 12);
	assert(ring->gone != NULL);
	assert(ring->call < 0 || fcntl(ring->call, F_GETFD) >= 0);
	assert(!packed || (vq->next_avail < n && vq->next_used < n));
}

/* What workers have is of one piece; what it has is not yet freed, or the sanitizer says so. */
static void
check_view(const struct fuzz *fuzz) ON_MAIN
{
	const struct vu_device *device = &fuzz->test.device;
	const struct vhost_view *view = fuzz->test.view;
	uint16_t n_tx = 0;

	assert(view->n_rings == RINGS);
	for (uint16_t i = 0; i < RINGS; i++) {
		const struct vq_view *ring = &view->rings[i];
		const char *why = vu_device_ring_why(device, i);

		if ((ring->flags & VQ_RUNS) == 0) {
			assert(why != NULL && why[0] != '\0');
			continue;
		}
		assert(why == NULL);
		assert(ring->memory == device->memory && ring->gone == device->gone);
		assert((device->features & VU_F_LOG_ALL) != 0 ? ring->log == device->log
							      : ring->log == NULL);
		assert(ring->inflight == NULL || device->inflight != NULL);
		check_ring(ring, &device->vqs[i]);
		if (i % 2 == 0) {
			assert(view->tx_map[n_tx] == i / 2);
			n_tx++;
		}
	}
	assert(view->n_tx == n_tx);
}

/* --- messages that are handed over whole ----------------------------------------------------- */

static void
touch(const void *at, uint64_t last)
{
	(void)*(const volatile uint8_t *)at;
	(void)*((const volatile uint8_t *)at + last);
}

/* As a worker does: all that a view leads to is there as long as it holds the view. */
static void
use_view(const struct vhost_view *view)
{
	for (uint16_t i = 0; i < view->n_rings; i++) {
		const struct vq_view *ring = &view->rings[i];

		if ((ring->flags & VQ_RUNS) == 0) {
			continue;
		}
		touch(ring->desc, 16 * (uint64_t)ring->size - 1);
		touch(ring->avail, 3);
		touch(ring->used, 3);
		touch(ring->gone, 0);
		assert(ring->memory->n > 0);
		assert(ring->call < 0 || fcntl(ring->call, F_GETFD) >= 0);
		if (ring->log != NULL) {
			touch(ring->log->bits, ring->log->size - 1);
		}
		if (ring->inflight != NULL) {
			touch(ring->inflight, 15);
		}
	}
}

static void
let_go(struct fuzz *fuzz) ON_MAIN
{
	if (fuzz->held != NULL) {
		use_view(fuzz->held);
		fuzz->held = NULL;
		grace_leave(&fuzz->test.grace, TEST_READER);
	}
	(void)test_device_finish(&fuzz->test);
}

static void
reconnect(struct fuzz *fuzz) ON_MAIN
{
	vu_device_end(&fuzz->test.device);
	fuzz->test.outcome = VU_DONE;
	check_view(fuzz);
	assert(vu_device_begin(&fuzz->test.device) == 0);
}

static void
keep_reply(struct fuzz *fuzz)
{
	const struct vu_reply *reply = &fuzz->test.reply;

	if (reply->wanted) {
		assert(reply->msg.size <= VU_PAYLOAD_MAX);
		assert(reply->msg.flags == (VU_VERSION | VU_REPLY));
	}
	if (reply->fd >= 0) {
		assert(reply->wanted);
		fuzz_close(&fuzz->input.area);
		fuzz->input.area = reply->fd;
		fuzz->input.area_msg = reply->msg;
		fuzz->test.reply.fd = -1;
	}
}

/* Whatever a guest and its front end may do to what they share. */
static void
meddle(struct fuzz *fuzz)
{
	const struct gmem *memory = fuzz->test.device.memory;
	const uint8_t pick = fuzz_byte(&fuzz->input);

	if ((pick & 1) != 0 && fuzz->input.file >= 0) {
		(void)ftruncate(fuzz->input.file, (off_t)((pick >> 1) * FUZZ_PAGE));
	} else if ((pick & 2) != 0 && fuzz->input.area >= 0) {
		const uint64_t word = fuzz_number(&fuzz->input);

		(void)pwrite(fuzz->input.area, &word, sizeof(word), fuzz_byte(&fuzz->input));
	} else if (memory != NULL && memory->n > 0 && memory->regions[0].size >= TEST_MEMORY) {
		const uint64_t word = fuzz_number(&fuzz->input);

		memcpy(memory->regions[0].host + (size_t)fuzz_byte(&fuzz->input) * 8, &word,
			sizeof(word));
	}
}

/* --- what well-behaved front ends do, in one step -------------------------------------------- */

static void
tell(struct fuzz *fuzz, struct vu_msg msg) ON_MAIN
{
	if (fuzz->test.outcome == VU_LATER) {
		let_go(fuzz); /* the port reads nothing before */
	}
	(void)test_device_tell(&fuzz->test, &msg);
	keep_reply(fuzz);
}

static void
good_ring(struct fuzz *fuzz) ON_MAIN
{
	const uint8_t pick = fuzz_byte(&fuzz->input);
	const uint32_t ring = pick % RINGS;
	const uint32_t size = 1U << (pick / 32);
	struct vu_msg msg = {.request = VU_SET_VRING_ADDR, .size = 40};

	msg.payload.addr = test_device_addr(ring, size);
	msg.payload.addr.flags = (pick & 8) != 0 ? VU_VRING_F_LOG : 0;
	tell(fuzz, msg);
	msg.size = 8;
	msg.payload.state = (struct vu_vring_state){.index = ring, .num = size};
	msg.request = VU_SET_VRING_NUM;
	tell(fuzz, msg);
	msg.payload.state.num = pick % 2 == 0 ? 0x8000 : 0;
	msg.request = VU_SET_VRING_BASE;
	tell(fuzz, msg);
	msg.payload.state.num = 1;
	msg.request = VU_SET_VRING_ENABLE;
	tell(fuzz, msg);
	msg.request = VU_SET_VRING_KICK;
	msg.payload.u64 = ring | VU_VRING_NO_FD;
	tell(fuzz, msg);
}

static void
good_memory(struct fuzz *fuzz) ON_MAIN
{
	struct vu_msg msg = {.request = VU_SET_MEM_TABLE, .size = 40, .n_fds = 1};

	msg.payload.table.n = 1;
	msg.payload.table.regions[0] =
		(struct vu_region){.gpa = TEST_GPA, .size = TEST_MEMORY, .user = TEST_USER};
	msg.fds[0] = fuzz_memory_file(&fuzz->input, TEST_MEMORY);
	tell(fuzz, msg);
}

static void
good_log(struct fuzz *fuzz) ON_MAIN
{
	const uint64_t features = fuzz->test.device.features;

	tell(fuzz,
		(struct vu_msg){
			.request = VU_SET_LOG_BASE,
			.size = 16,
			.payload = {.log = {.size = FUZZ_PAGE}},
			.n_fds = 1,
			.fds = {fuzz_memory_file(&fuzz->input, FUZZ_PAGE)},
		});
	tell(fuzz,
		(struct vu_msg){
			.request = VU_SET_FEATURES,
			.size = 8,
			.payload = {.u64 = features ^ VU_F_LOG_ALL},
		});
}

/* An area is asked for, and given back as if by the front end of a switch that has crashed. */
static void
good_area(struct fuzz *fuzz) ON_MAIN
{
	struct vu_msg msg = {.request = VU_GET_INFLIGHT_FD, .size = 24};

	msg.payload.inflight.num_queues = RINGS;
	msg.payload.inflight.queue_size = (uint16_t)(1U << fuzz_byte(&fuzz->input) / 32);
	tell(fuzz, msg);
	if (fuzz->input.area >= 0) {
		msg = fuzz->input.area_msg;
		msg.request = VU_SET_INFLIGHT_FD;
		msg.n_fds = 1;
		msg.fds[0] = dup(fuzz->input.area);
		tell(fuzz, msg);
	}
}

static void
one_step(struct fuzz *fuzz) ON_MAIN
{
	const uint8_t step = fuzz_byte(&fuzz->input);
	struct vu_msg msg;

	if (step < 8) {
		meddle(fuzz);
	} else if (step < 12) {
		reconnect(fuzz);
	} else if (step < 20 && fuzz->held == NULL) {
		grace_join(&fuzz->test.grace, TEST_READER);
		fuzz->held = fuzz->test.view;
	} else if (step < 28) {
		good_ring(fuzz);
	} else if (step < 31) {
		good_area(fuzz);
	} else if (step < 33) {
		good_log(fuzz);
	} else if (step < 35) {
		good_memory(fuzz);
	} else {
		if (fuzz->test.outcome == VU_LATER) {
			let_go(fuzz);
		}
		fuzz_make_message(&fuzz->input, &msg);
		if (test_device_tell(&fuzz->test, &msg) == VU_VIOLATION && step < 128) {
			reconnect(fuzz); /* a port always does; to go on without finds more */
		}
		keep_reply(fuzz);
	}
	if (step % 8 == 0) {
		let_go(fuzz);
	}
	keep_reply(fuzz);
	check_view(fuzz);
}

/* --- bytes on a socket ----------------------------------------------------------------------- */

static void
on_message(void *arg, struct vu_msg *msg)
{
	struct fuzz *fuzz = arg;
	struct vu_msg own = *msg;

	role_assert(&role_main);
	msg->n_fds = 0;
	if (test_device_tell(&fuzz->test, &own) == VU_VIOLATION) {
		vu_conn_fail(fuzz->conn, "%s", fuzz->test.err.text);
		return;
	}
	if (fuzz->test.reply.wanted) {
		const int fd = fuzz->test.reply.fd;

		fuzz->test.reply.fd = -1;
		vu_conn_send(fuzz->conn, &fuzz->test.reply.msg, fd);
	}
}

static void
on_closed(void *arg, const char *why)
{
	struct fuzz *fuzz = arg;

	role_assert(&role_main);
	assert(strlen(why) < 256);
	vu_conn_free(fuzz->conn);
	fuzz->conn = NULL;
	reconnect(fuzz);
}

static const struct vu_conn_ops conn_ops = {.message = on_message, .closed = on_closed};

static void
send_chunk(struct fuzz *fuzz, const void *bytes, size_t size, unsigned int n_fds)
{
	int fds[32];

	for (unsigned int i = 0; i < n_fds; i++) {
		fds[i] = fuzz_descriptor(&fuzz->input, true);
	}
	(void)fd_passing_send(fuzz->peer, bytes, size, fds, n_fds, MSG_DONTWAIT);
	for (unsigned int i = 0; i < n_fds; i++) {
		(void)close(fds[i]);
	}
}

/* A whole message in one piece or two, or bytes as they are. */
static void
say_something(struct fuzz *fuzz)
{
	const uint8_t how = fuzz_byte(&fuzz->input);
	uint8_t bytes[sizeof(struct vu_header) + VU_PAYLOAD_MAX];
	struct vu_msg msg;
	size_t size = 1 + how % 64;
	size_t cut;

	if (how < 160) {
		fuzz_make_message(&fuzz->input, &msg);
		const struct vu_header header = {
			.request = msg.request,
			.flags = msg.flags | (how < 150 ? VU_VERSION : how & 7),
			.size = msg.size,
		};
		for (uint32_t i = 0; i < msg.n_fds; i++) {
			(void)close(msg.fds[i]);
		}
		memcpy(bytes, &header, sizeof(header));
		memcpy(bytes + sizeof(header), msg.payload.bytes, msg.size);
		size = sizeof(header) + msg.size;
		cut = how % 4 == 0 ? fuzz_byte(&fuzz->input) % size : 0;
		if (cut > 0) {
			send_chunk(fuzz, bytes, cut, msg.n_fds);
			msg.n_fds = how % 32 == 0 ? 1 : 0;
		}
		send_chunk(fuzz, bytes + cut, size - cut, msg.n_fds);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		bytes[i] = fuzz_byte(&fuzz->input);
	}
	send_chunk(fuzz, bytes, size, how >= 224 ? fuzz_byte(&fuzz->input) % 32 : 0);
}

/* What the last connection left behind is closed, by a thread that may take its time. */
static void
wait_for_closed(struct fuzz *fuzz) ON_MAIN
{
	while (foreign_fd_pending(fuzz)) {
		(void)usleep(20);
	}
}

static void
connect_socket(struct fuzz *fuzz) ON_MAIN
{
	int pair[2];

	wait_for_closed(fuzz);
	fuzz_close(&fuzz->peer);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	fuzz->peer = pair[1];
	fuzz->conn = vu_conn_create(&fuzz->loop.reactor, pair[0], &conn_ops, fuzz);
	assert(fuzz->conn != NULL);
}

static void
one_socket_step(struct fuzz *fuzz) ON_MAIN
{
	const uint8_t step = fuzz_byte(&fuzz->input);
	uint8_t answers[512];

	if (fuzz->conn == NULL) {
		connect_socket(fuzz);
	}
	if (step < 8) {
		(void)shutdown(fuzz->peer, SHUT_WR);
	} else if (step < 16) {
		test_reactor_advance(&fuzz->loop, (step % 4) * CLOCK_S);
	} else if (step < 24) {
		meddle(fuzz);
	} else {
		say_something(fuzz);
	}
	if (step % 2 == 0) {
		test_reactor_run(&fuzz->loop);
	}
	if (step % 16 != 0) {
		(void)recv(fuzz->peer, answers, sizeof(answers), MSG_DONTWAIT);
	}
	check_view(fuzz);
}

static void
run(struct fuzz *fuzz) ON_MAIN
{
	const uint8_t kind = fuzz_byte(&fuzz->input);

	test_reactor_init(&fuzz->loop);
	test_device_start(&fuzz->test, RINGS);
	if ((kind & 4) != 0) {
		const uint64_t features = (kind & 8) != 0 ? VU_RING_PACKED : 0;

		test_device_negotiate(&fuzz->test, features | VU_RING_VERSION_1);
		if ((kind & 16) != 0) {
			good_area(fuzz);
		}
		test_device_ring(&fuzz->test, 0, 64);
		test_device_ring(&fuzz->test, 1, 64);
	}
	fuzz->test.device.require_seals = (kind & 2) != 0;
	fuzz->input.seal = (kind & 2) != 0;
	for (unsigned int i = 0; i < STEPS_MAX && fuzz->input.at < fuzz->input.end; i++) {
		if ((kind & 1) != 0) {
			one_socket_step(fuzz);
		} else {
			one_step(fuzz);
		}
	}
	vu_conn_free(fuzz->conn);
	wait_for_closed(fuzz);
	let_go(fuzz);
	keep_reply(fuzz);
	fuzz_close(&fuzz->peer);
	fuzz_close(&fuzz->input.file);
	fuzz_close(&fuzz->input.area);
	test_device_stop(&fuzz->test);
	test_reactor_fini(&fuzz->loop);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));

	assert(fuzz != NULL);
	fuzz->input.at = data;
	fuzz->input.end = data + size;
	fuzz->input.file = -1;
	fuzz->input.area = -1;
	fuzz->peer = -1;
	role_enter(&role_main);
	run(fuzz);
	role_leave(&role_main);
	free(fuzz);
	return 0;
}
