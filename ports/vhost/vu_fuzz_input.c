/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vu_fuzz_input.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/vhost/test_device.h"

uint8_t
fuzz_byte(struct fuzz_input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static uint64_t
raw(struct fuzz_input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++) {
		value = value << 8 | fuzz_byte(input);
	}
	return value;
}

uint64_t
fuzz_number(struct fuzz_input *input)
{
	static const uint64_t some[] = {0, 1, 2, 3, 4, 16, 63, 64, 68, 256, 1500, 4095, 4096, 4097,
		32767, 32768, 32769, 0x8001, 0x80008000, 65535, 65536, UINT32_MAX,
		UINT64_C(1) << 32, TEST_MEMORY, UINT64_C(1) << 46, UINT64_MAX - 4095, UINT64_MAX};
	const uint8_t pick = fuzz_byte(input);

	return pick < ARRAY_LEN(some) ? some[pick] : raw(input, 1U << (pick & 3));
}

static uint32_t
ring_number(struct fuzz_input *input)
{
	const uint8_t pick = fuzz_byte(input);

	return pick < 240 ? pick % FUZZ_RINGS : (uint32_t)fuzz_number(input);
}

/* Mostly in the region that test_device_share() has. */
static uint64_t
user_address(struct fuzz_input *input)
{
	const uint8_t pick = fuzz_byte(input);

	if (pick >= 250) {
		return fuzz_number(input);
	}
	if (pick >= 230) { /* where it just fits, or just not */
		return TEST_USER + TEST_MEMORY - fuzz_byte(input) * UINT64_C(2);
	}
	return TEST_USER + (pick % 128) * FUZZ_PAGE * 2 + (pick >= 220 ? fuzz_byte(input) : 0);
}

/* --- descriptors ----------------------------------------------------------------------------- */

void
fuzz_close(int *fd)
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

int
fuzz_memory_file(struct fuzz_input *input, uint64_t size)
{
	const int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	if (input->seal) {
		assert(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	}
	fuzz_close(&input->file);
	input->file = dup(fd);
	return fd;
}

/* `right` is of the kind that the request wants; else whatever the input says. */
int
fuzz_descriptor(struct fuzz_input *input, bool memory)
{
	static const uint64_t sizes[] = {0, 1, 4096, 8192, TEST_MEMORY, UINT64_C(1) << 26};
	const uint8_t pick = fuzz_byte(input);

	if (pick < 192) {
		return memory ? fuzz_memory_file(input, TEST_MEMORY + (pick % 4) * FUZZ_PAGE)
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
		return input->area >= 0 ? dup(input->area) : broken_pipe();
	default:
		return fuzz_memory_file(input, sizes[fuzz_byte(input) % ARRAY_LEN(sizes)]);
	}
}

/* --- messages -------------------------------------------------------------------------------- */

static struct vu_region
region(struct fuzz_input *input, uint32_t i)
{
	const uint8_t pick = fuzz_byte(input);
	struct vu_region region = {
		.gpa = TEST_GPA + i * TEST_MEMORY,
		.user = TEST_USER + i * TEST_MEMORY,
		.size = TEST_MEMORY,
	};

	region.gpa = (pick & 1) != 0 ? fuzz_number(input) : region.gpa;
	region.user = (pick & 2) != 0 ? user_address(input) : region.user;
	region.size = (pick & 4) != 0 ? fuzz_number(input) : region.size;
	region.offset = (pick & 8) != 0 ? fuzz_number(input) : 0;
	return region;
}

static void
fill_ring(struct fuzz_input *input, struct vu_msg *msg)
{
	struct vu_vring_addr *addr = &msg->payload.addr;
	const uint8_t pick = fuzz_byte(input);

	switch (msg->request) {
	case VU_SET_VRING_ADDR:
		*addr = test_device_addr(ring_number(input) % FUZZ_RINGS, 1U << (pick % 8));
		if (pick >= 128) {
			*addr = (struct vu_vring_addr){
				.index = ring_number(input),
				.flags = (pick & 4) != 0 ? VU_VRING_F_LOG : pick & 3,
				.desc = user_address(input),
				.avail = user_address(input),
				.used = user_address(input),
				.log = fuzz_number(input),
			};
		}
		break;
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		msg->payload.u64 = pick < 250 ? ring_number(input) : fuzz_number(input);
		msg->n_fds = 1;
		if (pick % 4 == 0) {
			msg->payload.u64 |= VU_VRING_NO_FD;
			msg->n_fds = 0;
		}
		break;
	case VU_SET_VRING_NUM:
		msg->payload.state.index = ring_number(input);
		msg->payload.state.num =
			pick < 192 ? 1U << (pick % 8) : (uint32_t)fuzz_number(input);
		break;
	case VU_SET_VRING_ENABLE:
		msg->payload.state.index = ring_number(input);
		msg->payload.state.num = pick < 192 ? 1 : (uint32_t)fuzz_number(input);
		break;
	default:
		msg->payload.state.index = ring_number(input);
		msg->payload.state.num = (uint32_t)fuzz_number(input);
		break;
	}
}

static void
fill_memory(struct fuzz_input *input, struct vu_msg *msg)
{
	const uint8_t pick = fuzz_byte(input);

	switch (msg->request) {
	case VU_SET_MEM_TABLE:
		msg->payload.table.n = pick < 200 ? 1 + pick % 3 : pick % 10;
		for (uint32_t i = 0; i < VU_TABLE_REGIONS && i < msg->payload.table.n; i++) {
			msg->payload.table.regions[i] = region(input, i);
		}
		msg->n_fds = msg->payload.table.n <= VU_FDS_MAX ? msg->payload.table.n : VU_FDS_MAX;
		msg->size = 8 + msg->n_fds * 32;
		break;
	case VU_ADD_MEM_REG:
	case VU_REM_MEM_REG:
		msg->payload.slot.region = region(input, pick % 8);
		msg->n_fds = msg->request == VU_ADD_MEM_REG ? 1 : pick >> 7;
		break;
	case VU_SET_LOG_BASE:
		msg->payload.log.size = pick < 128 ? FUZZ_PAGE : fuzz_number(input);
		msg->payload.log.offset = pick % 2 == 0 ? 0 : fuzz_number(input);
		msg->n_fds = 1;
		break;
	default:
		msg->payload = input->area_msg.payload;
		if (pick < 128 || msg->request == VU_GET_INFLIGHT_FD) {
			msg->payload.inflight.num_queues =
				pick % 2 == 0 ? FUZZ_RINGS : fuzz_byte(input);
			msg->payload.inflight.queue_size = (uint16_t)(1U << (pick % 16));
		}
		if (pick >= 230) {
			msg->payload.inflight.mmap_size = fuzz_number(input);
			msg->payload.inflight.mmap_offset = fuzz_number(input);
			msg->payload.inflight.queue_size = (uint16_t)fuzz_number(input);
		}
		msg->size = pick % 3 == 0 ? 24 : 20;
		msg->n_fds = msg->request == VU_SET_INFLIGHT_FD ? 1 : 0;
		break;
	}
}

static void
fill_device(struct fuzz_input *input, struct vu_msg *msg)
{
	const uint8_t pick = fuzz_byte(input);

	msg->payload.u64 = fuzz_number(input);
	if (msg->request == VU_SET_FEATURES && pick < 240) {
		msg->payload.u64 = TEST_OFFERS & (raw(input, 1) << 26 | raw(input, 1) << 9 | 3);
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

void
fuzz_make_message(struct fuzz_input *input, struct vu_msg *msg)
{
	const uint8_t odd = fuzz_byte(input);
	bool memory = false;

	*msg = (struct vu_msg){.request = fuzz_byte(input)};
	msg->request =
		msg->request < 250 ? msg->request % VU_REQUESTS_N : (uint32_t)fuzz_number(input);
	msg->flags = (odd & 1) != 0 ? VU_NEED_REPLY : 0;
	msg->size = right_size(msg->request);
	if ((msg->request >= VU_SET_VRING_NUM && msg->request <= VU_SET_VRING_ERR) ||
		msg->request == VU_SET_VRING_ENABLE) {
		fill_ring(input, msg);
	} else if (msg->request == VU_SET_MEM_TABLE || msg->request == VU_SET_LOG_BASE ||
		msg->request == VU_ADD_MEM_REG || msg->request == VU_REM_MEM_REG ||
		msg->request == VU_GET_INFLIGHT_FD || msg->request == VU_SET_INFLIGHT_FD) {
		fill_memory(input, msg);
		memory = true;
	} else {
		fill_device(input, msg);
	}
	if (odd >= 250) {
		msg->size = (uint32_t)(fuzz_number(input) % (VU_PAYLOAD_MAX + 1));
	}
	if (odd >= 240) {
		msg->n_fds = fuzz_byte(input) % (VU_FDS_MAX + 1);
	}
	for (uint32_t i = 0; i < msg->n_fds; i++) {
		msg->fds[i] = fuzz_descriptor(input, memory);
		if (msg->request == VU_SET_INFLIGHT_FD && input->area >= 0 && odd < 200) {
			(void)close(msg->fds[i]);
			msg->fds[i] = dup(input->area);
		}
	}
}
