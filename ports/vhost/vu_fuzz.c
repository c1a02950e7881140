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

#include "base/str.h"
#include "ports/vhost/test_device.h"
#include "ports/vhost/test_reactor.h"
#include "ports/vhost/vu_conn.h"

#define RINGS 6
#define PAGE UINT64_C(4096)
#define STEPS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *at;
	const uint8_t *end;
	struct test_device test;
	bool held; /* a worker has loaded a view */
	int file; /* the last one that was shared, to truncate; -1: none */
	int area; /* in-flight area, as a front end keeps it */
	struct vu_msg area_msg;

	struct test_reactor loop;
	struct vu_conn *conn;
	int peer;
};

/* --- the input ------------------------------------------------------------------------------- */

static uint8_t
byte(struct fuzz *fuzz)
{
	return fuzz->at < fuzz->end ? *fuzz->at++ : 0;
}

static uint64_t
raw(struct fuzz *fuzz, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++) {
		value = value << 8 | byte(fuzz);
	}
	return value;
}

static uint64_t
number(struct fuzz *fuzz)
{
	static const uint64_t some[] = {0, 1, 2, 3, 4, 16, 63, 64, 68, 256, 1500, 4095, 4096, 4097,
		32767, 32768, 32769, 0x8001, 0x80008000, 65535, 65536, UINT32_MAX,
		UINT64_C(1) << 32, TEST_MEMORY, UINT64_C(1) << 46, UINT64_MAX - 4095, UINT64_MAX};
	const uint8_t pick = byte(fuzz);

	return pick < ARRAY_LEN(some) ? some[pick] : raw(fuzz, 1U << (pick & 3));
}

static uint32_t
ring_number(struct fuzz *fuzz)
{
	const uint8_t pick = byte(fuzz);

	return pick < 240 ? pick % RINGS : (uint32_t)number(fuzz);
}

/* Mostly in the region that test_device_share() has. */
static uint64_t
user_address(struct fuzz *fuzz)
{
	const uint8_t pick = byte(fuzz);

	if (pick >= 250) {
		return number(fuzz);
	}
	return TEST_USER + (pick % 128) * PAGE * 2 + (pick >= 240 ? byte(fuzz) : 0);
}

/* --- descriptors ----------------------------------------------------------------------------- */

static void
close_one(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
	*fd = -1;
}

/* The writing end of a pipe that nobody reads. */
static int
broken_pipe(void)
{
	int ends[2];

	assert(pipe2(ends, O_CLOEXEC) == 0);
	(void)close(ends[0]);
	return ends[1];
}

static int
memory_file(struct fuzz *fuzz, uint64_t size)
{
	const int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	if (fuzz->test.device.require_seals) {
		assert(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	}
	close_one(&fuzz->file);
	fuzz->file = dup(fd);
	return fd;
}

/* `right` is of the kind that the request wants; else whatever the input says. */
static int
descriptor(struct fuzz *fuzz, bool memory)
{
	static const uint64_t sizes[] = {0, 1, 4096, 8192, TEST_MEMORY, UINT64_C(1) << 26};
	const uint8_t pick = byte(fuzz);

	if (pick < 192) {
		return memory ? memory_file(fuzz, TEST_MEMORY + (pick % 4) * PAGE)
			      : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	switch (pick % 7) {
	case 0:
		return eventfd(0, EFD_CLOEXEC);
	case 1:
		return broken_pipe();
	case 2:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case 3:
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	case 4:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 5:
		return fuzz->area >= 0 ? dup(fuzz->area) : broken_pipe();
	default:
		return memory_file(fuzz, sizes[byte(fuzz) % ARRAY_LEN(sizes)]);
	}
}

/* --- messages -------------------------------------------------------------------------------- */

static struct vu_region
region(struct fuzz *fuzz, uint32_t i)
{
	const uint8_t pick = byte(fuzz);
	struct vu_region region = {
		.gpa = TEST_GPA + i * TEST_MEMORY,
		.user = TEST_USER + i * TEST_MEMORY,
		.size = TEST_MEMORY,
	};

	region.gpa = (pick & 1) != 0 ? number(fuzz) : region.gpa;
	region.user = (pick & 2) != 0 ? user_address(fuzz) : region.user;
	region.size = (pick & 4) != 0 ? number(fuzz) : region.size;
	region.offset = (pick & 8) != 0 ? number(fuzz) : 0;
	return region;
}

static void
fill_ring(struct fuzz *fuzz, struct vu_msg *msg)
{
	struct vu_vring_addr *addr = &msg->payload.addr;
	const uint8_t pick = byte(fuzz);

	switch (msg->request) {
	case VU_SET_VRING_ADDR:
		*addr = test_device_addr(ring_number(fuzz) % RINGS, 1U << (pick % 8));
		if (pick >= 128) {
			*addr = (struct vu_vring_addr){
				.index = ring_number(fuzz),
				.flags = (pick & 4) != 0 ? VU_VRING_F_LOG : pick & 3,
				.desc = user_address(fuzz),
				.avail = user_address(fuzz),
				.used = user_address(fuzz),
				.log = number(fuzz),
			};
		}
		break;
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		msg->payload.u64 = pick < 250 ? ring_number(fuzz) : number(fuzz);
		msg->n_fds = 1;
		if (pick % 4 == 0) {
			msg->payload.u64 |= VU_VRING_NO_FD;
			msg->n_fds = 0;
		}
		break;
	case VU_SET_VRING_NUM:
		msg->payload.state.index = ring_number(fuzz);
		msg->payload.state.num = pick < 192 ? 1U << (pick % 8) : (uint32_t)number(fuzz);
		break;
	case VU_SET_VRING_ENABLE:
		msg->payload.state.index = ring_number(fuzz);
		msg->payload.state.num = pick < 192 ? 1 : (uint32_t)number(fuzz);
		break;
	default:
		msg->payload.state.index = ring_number(fuzz);
		msg->payload.state.num = (uint32_t)number(fuzz);
		break;
	}
}

static void
fill_memory(struct fuzz *fuzz, struct vu_msg *msg)
{
	const uint8_t pick = byte(fuzz);

	switch (msg->request) {
	case VU_SET_MEM_TABLE:
		msg->payload.table.n = pick < 200 ? 1 + pick % 3 : pick % 10;
		for (uint32_t i = 0; i < VU_TABLE_REGIONS && i < msg->payload.table.n; i++) {
			msg->payload.table.regions[i] = region(fuzz, i);
		}
		msg->n_fds = msg->payload.table.n <= VU_FDS_MAX ? msg->payload.table.n : VU_FDS_MAX;
		msg->size = 8 + msg->n_fds * 32;
		break;
	case VU_ADD_MEM_REG:
	case VU_REM_MEM_REG:
		msg->payload.slot.region = region(fuzz, pick % 8);
		msg->n_fds = msg->request == VU_ADD_MEM_REG ? 1 : pick >> 7;
		break;
	case VU_SET_LOG_BASE:
		msg->payload.log.size = pick < 128 ? PAGE : number(fuzz);
		msg->payload.log.offset = pick % 2 == 0 ? 0 : number(fuzz);
		msg->n_fds = 1;
		break;
	default:
		msg->payload = fuzz->area_msg.payload;
		if (pick < 128 || msg->request == VU_GET_INFLIGHT_FD) {
			msg->payload.inflight.num_queues = pick % 2 == 0 ? RINGS : byte(fuzz);
			msg->payload.inflight.queue_size = (uint16_t)(1U << (pick % 16));
		}
		if (pick >= 230) {
			msg->payload.inflight.mmap_size = number(fuzz);
			msg->payload.inflight.mmap_offset = number(fuzz);
			msg->payload.inflight.queue_size = (uint16_t)number(fuzz);
		}
		msg->size = pick % 3 == 0 ? 24 : 20;
		msg->n_fds = msg->request == VU_SET_INFLIGHT_FD ? 1 : 0;
		break;
	}
}

static void
fill_device(struct fuzz *fuzz, struct vu_msg *msg)
{
	const uint8_t pick = byte(fuzz);

	msg->payload.u64 = number(fuzz);
	if (msg->request == VU_SET_FEATURES && pick < 240) {
		msg->payload.u64 = TEST_OFFERS & (raw(fuzz, 1) << 26 | raw(fuzz, 1) << 9 | 3);
		msg->payload.u64 |= (pick & 1) != 0 ? VU_RING_PACKED : 0;
		msg->payload.u64 |= (pick & 2) != 0 ? VU_F_LOG_ALL : 0;
		msg->payload.u64 |= (pick & 4) != 0 ? VU_F_PROTOCOL_FEATURES : 0;
	} else if (msg->request == VU_SET_PROTOCOL_FEATURES && pick < 240) {
		msg->payload.u64 = TEST_PROTOCOL;
	} else if (msg->request == VU_SET_STATUS && pick < 240) {
		msg->payload.u64 = pick;
	}
	msg->n_fds = msg->request == VU_SET_LOG_FD ? 1 : 0;
}

/* Exact sizes, so that not all of the input goes into guessing them. */
static uint32_t
right_size(uint32_t request)
{
	switch (request) {
	case VU_GET_FEATURES:
	case VU_SET_OWNER:
	case VU_RESET_OWNER:
	case VU_SET_LOG_FD:
	case VU_GET_PROTOCOL_FEATURES:
	case VU_GET_QUEUE_NUM:
	case VU_RESET_DEVICE:
	case VU_GET_MAX_MEM_SLOTS:
	case VU_GET_STATUS:
		return 0;
	case VU_SET_LOG_BASE:
		return 16;
	case VU_SET_VRING_ADDR:
	case VU_ADD_MEM_REG:
	case VU_REM_MEM_REG:
		return 40;
	default:
		return 8;
	}
}

static void
make_message(struct fuzz *fuzz, struct vu_msg *msg)
{
	const uint8_t odd = byte(fuzz);
	bool memory = false;

	*msg = (struct vu_msg){.request = byte(fuzz)};
	msg->request = msg->request < 250 ? msg->request % VU_REQUESTS_N : (uint32_t)number(fuzz);
	msg->flags = (odd & 1) != 0 ? VU_NEED_REPLY : 0;
	msg->size = right_size(msg->request);
	if ((msg->request >= VU_SET_VRING_NUM && msg->request <= VU_SET_VRING_ERR) ||
		msg->request == VU_SET_VRING_ENABLE) {
		fill_ring(fuzz, msg);
	} else if (msg->request == VU_SET_MEM_TABLE || msg->request == VU_SET_LOG_BASE ||
		msg->request == VU_ADD_MEM_REG || msg->request == VU_REM_MEM_REG ||
		msg->request == VU_GET_INFLIGHT_FD || msg->request == VU_SET_INFLIGHT_FD) {
		fill_memory(fuzz, msg);
		memory = true;
	} else {
		fill_device(fuzz, msg);
	}
	if (odd >= 250) {
		msg->size = (uint32_t)(number(fuzz) % (VU_PAYLOAD_MAX + 1));
	}
	if (odd >= 240) {
		msg->n_fds = byte(fuzz) % (VU_FDS_MAX + 1);
	}
	for (uint32_t i = 0; i < msg->n_fds; i++) {
		msg->fds[i] = descriptor(fuzz, memory);
		if (msg->request == VU_SET_INFLIGHT_FD && fuzz->area >= 0 && odd < 200) {
			(void)close(msg->fds[i]);
			msg->fds[i] = dup(fuzz->area);
		}
	}
}

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
let_go(struct fuzz *fuzz) ON_MAIN
{
	if (fuzz->held) {
		grace_leave(&fuzz->test.grace, TEST_READER);
		fuzz->held = false;
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
		close_one(&fuzz->area);
		fuzz->area = reply->fd;
		fuzz->area_msg = reply->msg;
		fuzz->test.reply.fd = -1;
	}
}

/* Whatever a guest and its front end may do to what they share. */
static void
meddle(struct fuzz *fuzz)
{
	const struct gmem *memory = fuzz->test.device.memory;
	const uint8_t pick = byte(fuzz);

	if ((pick & 1) != 0 && fuzz->file >= 0) {
		(void)ftruncate(fuzz->file, (off_t)((pick >> 1) * PAGE));
	} else if ((pick & 2) != 0 && fuzz->area >= 0) {
		const uint64_t word = number(fuzz);

		(void)pwrite(fuzz->area, &word, sizeof(word), byte(fuzz));
	} else if (memory != NULL && memory->n > 0 && memory->regions[0].size >= TEST_MEMORY) {
		const uint64_t word = number(fuzz);

		memcpy(memory->regions[0].host + (size_t)byte(fuzz) * 8, &word, sizeof(word));
	}
}

/* --- what well-behaved front ends do, in one step -------------------------------------------- */

static void
tell(struct fuzz *fuzz, struct vu_msg msg) ON_MAIN
{
	let_go(fuzz);
	(void)test_device_tell(&fuzz->test, &msg);
	keep_reply(fuzz);
}

static void
good_ring(struct fuzz *fuzz) ON_MAIN
{
	const uint8_t pick = byte(fuzz);
	const uint32_t ring = pick % RINGS;
	const uint32_t size = 1U << (pick / 32);
	struct vu_msg msg = {.size = 8};

	tell(fuzz,
		(struct vu_msg){
			.request = VU_SET_VRING_ADDR,
			.size = 40,
			.payload = {.addr = test_device_addr(ring, size)},
		});
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
good_log(struct fuzz *fuzz) ON_MAIN
{
	const uint64_t features = fuzz->test.device.features;

	tell(fuzz,
		(struct vu_msg){
			.request = VU_SET_LOG_BASE,
			.size = 16,
			.payload = {.log = {.size = PAGE}},
			.n_fds = 1,
			.fds = {memory_file(fuzz, PAGE)},
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
	msg.payload.inflight.queue_size = (uint16_t)(1U << byte(fuzz) / 32);
	tell(fuzz, msg);
	if (fuzz->area >= 0) {
		msg = fuzz->area_msg;
		msg.request = VU_SET_INFLIGHT_FD;
		msg.n_fds = 1;
		msg.fds[0] = dup(fuzz->area);
		tell(fuzz, msg);
	}
}

static void
one_step(struct fuzz *fuzz) ON_MAIN
{
	const uint8_t step = byte(fuzz);
	struct vu_msg msg;

	if (step < 8) {
		meddle(fuzz);
	} else if (step < 12) {
		reconnect(fuzz);
	} else if (step < 20 && !fuzz->held) {
		grace_join(&fuzz->test.grace, TEST_READER);
		fuzz->held = true;
	} else if (step < 28) {
		good_ring(fuzz);
	} else if (step < 31) {
		good_area(fuzz);
	} else if (step < 33) {
		good_log(fuzz);
	} else {
		if (fuzz->test.outcome == VU_LATER) {
			let_go(fuzz); /* the port reads nothing before */
		}
		make_message(fuzz, &msg);
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
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(32 * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[32];

	for (unsigned int i = 0; i < n_fds; i++) {
		fds[i] = descriptor(fuzz, true);
	}
	if (n_fds > 0) {
		header.msg_control = control.space;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	(void)sendmsg(fuzz->peer, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	for (unsigned int i = 0; i < n_fds; i++) {
		(void)close(fds[i]);
	}
}

/* A whole message in one piece or two, or bytes as they are. */
static void
say_something(struct fuzz *fuzz)
{
	const uint8_t how = byte(fuzz);
	uint8_t bytes[sizeof(struct vu_header) + VU_PAYLOAD_MAX];
	struct vu_msg msg;
	size_t size = 1 + how % 64;
	size_t cut;

	if (how < 160) {
		make_message(fuzz, &msg);
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
		cut = how % 4 == 0 ? byte(fuzz) % size : 0;
		if (cut > 0) {
			send_chunk(fuzz, bytes, cut, msg.n_fds);
			msg.n_fds = how % 32 == 0 ? 1 : 0;
		}
		send_chunk(fuzz, bytes + cut, size - cut, msg.n_fds);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		bytes[i] = byte(fuzz);
	}
	send_chunk(fuzz, bytes, size, how >= 224 ? byte(fuzz) % 32 : 0);
}

static void
connect_socket(struct fuzz *fuzz) ON_MAIN
{
	int pair[2];

	close_one(&fuzz->peer);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	fuzz->peer = pair[1];
	fuzz->conn = vu_conn_create(&fuzz->loop.reactor, pair[0], &conn_ops, fuzz);
	assert(fuzz->conn != NULL);
}

static void
one_socket_step(struct fuzz *fuzz) ON_MAIN
{
	const uint8_t step = byte(fuzz);
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
	const uint8_t kind = byte(fuzz);

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
	for (unsigned int i = 0; i < STEPS_MAX && fuzz->at < fuzz->end; i++) {
		if ((kind & 1) != 0) {
			one_socket_step(fuzz);
		} else {
			one_step(fuzz);
		}
	}
	vu_conn_free(fuzz->conn);
	let_go(fuzz);
	keep_reply(fuzz);
	close_one(&fuzz->peer);
	close_one(&fuzz->file);
	close_one(&fuzz->area);
	test_device_stop(&fuzz->test);
	test_reactor_fini(&fuzz->loop);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));

	assert(fuzz != NULL);
	fuzz->at = data;
	fuzz->end = data + size;
	fuzz->file = -1;
	fuzz->area = -1;
	fuzz->peer = -1;
	role_enter(&role_main);
	run(fuzz);
	role_leave(&role_main);
	free(fuzz);
	return 0;
}
