/* SPDX-License-Identifier: BSD-3-Clause */
/* Single messages that no front end may send: descriptors, sizes, numbers, order. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define REQUESTS 48u /* all that the specification numbers, and some more */
#define FD_FLOOD 250u

/* Payload sizes as the specification has them; others have none. */
static uint32_t
right_size(uint32_t request)
{
	switch (request) {
	case VHOST_USER_SET_VRING_ADDR:
		return sizeof(struct vhost_user_addr);
	case VHOST_USER_SET_MEM_TABLE:
	case VHOST_USER_ADD_MEM_REG:
	case VHOST_USER_REM_MEM_REG:
		return 40;
	case VHOST_USER_SET_LOG_BASE:
		return sizeof(struct vhost_user_log);
	case VHOST_USER_GET_INFLIGHT_FD:
	case VHOST_USER_SET_INFLIGHT_FD:
		return sizeof(struct vhost_user_inflight);
	case VHOST_USER_GET_FEATURES:
	case VHOST_USER_SET_OWNER:
	case VHOST_USER_RESET_OWNER:
	case VHOST_USER_GET_PROTOCOL_FEATURES:
	case VHOST_USER_GET_QUEUE_NUM:
	case VHOST_USER_RESET_DEVICE:
	case VHOST_USER_GET_MAX_MEM_SLOTS:
	case VHOST_USER_GET_STATUS:
	case VHOST_USER_SET_LOG_FD:
		return 0;
	default:
		return 8;
	}
}

static bool
wants_fd(uint32_t request)
{
	return request == VHOST_USER_SET_MEM_TABLE || request == VHOST_USER_ADD_MEM_REG ||
		request == VHOST_USER_REM_MEM_REG || request == VHOST_USER_SET_LOG_BASE ||
		request == VHOST_USER_SET_INFLIGHT_FD || request == VHOST_USER_SET_VRING_KICK ||
		request == VHOST_USER_SET_VRING_CALL || request == VHOST_USER_SET_VRING_ERR ||
		request == VHOST_USER_SET_LOG_FD || request == VHOST_USER_SET_BACKEND_REQ_FD;
}

/* Eight descriptors with every message, at every stage of a connection. */
static bool
extra_fds(struct attack *attack, unsigned int flags)
{
	int fds[VHOST_USER_MAX_FDS];

	for (unsigned int i = 0; i < VHOST_USER_MAX_FDS; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
	}
	bool good = true;
	for (unsigned int stage = 0; good && stage < 3; stage++) {
		for (uint32_t request = 0; good && request < REQUESTS; request++) {
			struct vhost_user_msg msg = message_u64(request, 0);
			msg.size = right_size(request);
			good = attack_connect(attack, flags) &&
				(stage < 1 || attack_negotiate(attack)) &&
				(stage < 2 || attack_start(attack));
			if (good) {
				attack_message(attack, &msg, fds, VHOST_USER_MAX_FDS);
			}
		}
	}
	if (good && attack_connect(attack, flags) && attack_negotiate(attack)) {
		const struct vhost_user_msg msg = message_state(VHOST_USER_SET_VRING_NUM, 0, 256);
		good = attack_refused(attack, &msg, fds, 1);
	}
	for (unsigned int i = 0; i < VHOST_USER_MAX_FDS; i++) {
		(void)close(fds[i]);
	}
	return good;
}

/* More descriptors than any receiver has room for: the kernel truncates the control message. */
static bool
fd_flood(struct attack *attack, unsigned int flags)
{
	static const uint32_t requests[] = {VHOST_USER_GET_FEATURES, VHOST_USER_SET_MEM_TABLE,
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_INFLIGHT_FD, 250};
	int fds[FD_FLOOD];
	bool good = true;

	for (unsigned int i = 0; i < FD_FLOOD; i++) {
		fds[i] = i == 0 ? eventfd(0, EFD_CLOEXEC) : fds[0];
	}
	for (unsigned int i = 0; good && i < 40; i++) {
		struct vhost_user_msg msg = message_u64(requests[i % 5], 0);
		msg.size = right_size(msg.request);
		good = attack_connect(attack, flags) && (i % 2 == 0 || attack_negotiate(attack));
		if (good) {
			attack_message(attack, &msg, fds, FD_FLOOD);
			good = attack_closed(attack, 1000);
		}
	}
	(void)close(fds[0]);
	return good;
}

/* Descriptors with bytes in the middle of a message. */
static bool
late_fds(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_msg msg = message_u64(VHOST_USER_SET_VRING_CALL, 0);
	const int fd = eventfd(0, EFD_CLOEXEC);
	bool good = true;

	for (unsigned int i = 0; good && i < 20; i++) {
		good = attack_connect(attack, flags) && attack_negotiate(attack);
		for (unsigned int at = 0; good && at < VHOST_USER_HEADER_SIZE + 8; at++) {
			attack_send(attack, (const char *)&msg + at, 1, &fd, 1);
		}
	}
	(void)close(fd);
	return good;
}

static bool
fds_missing(struct attack *attack, unsigned int flags)
{
	for (uint32_t request = 0; request < REQUESTS; request++) {
		/* SET_LOG_FD without one takes the log's back. */
		if (!wants_fd(request) || request == VHOST_USER_REM_MEM_REG ||
			request == VHOST_USER_SET_LOG_FD) {
			continue;
		}
		struct vhost_user_msg msg = message_u64(request, request == 5 ? 1 : 0);
		msg.size = right_size(request);
		if (!attack_connect(attack, flags) || !attack_negotiate(attack) ||
			!attack_refused(attack, &msg, NULL, 0)) {
			return false;
		}
	}
	return true;
}

static bool
wrong_sizes(struct attack *attack, unsigned int flags)
{
	static const int32_t by[] = {-1, 1, -8, 8, 100};

	for (uint32_t request = 1; request <= VHOST_USER_GET_STATUS; request++) {
		const char *name = vhost_user_name(request);
		for (unsigned int i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
			struct vhost_user_msg msg = message_u64(request, 0);
			const int32_t size = (int32_t)right_size(request) + by[i];
			if (size < 0 || strncmp(name, "message", 7) == 0) {
				continue;
			}
			msg.size = (uint32_t)size;
			if (!attack_connect(attack, flags) || !attack_negotiate(attack) ||
				!attack_refused(attack, &msg, NULL, 0)) {
				return attack_fail(attack, "%s of %d bytes", name, size);
			}
		}
	}
	return true;
}

/* Headers that announce what cannot be. */
static bool
bad_headers(struct attack *attack, unsigned int flags)
{
	static const uint32_t headers[][3] = {{0, 1, 0}, {1, 0, 0}, {1, 2, 0}, {1, 3, 0},
		{1, 1, UINT32_MAX}, {1, 1, 0x80000000u}, {5, 1, 4096}, {1, 5, 0},
		{UINT32_MAX, 1, 0}, {21, 1, 0}, {22, 1, 8}, {26, 1, 8}, {41, 1, 8}, {255, 9, 8}};

	for (unsigned int i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
			return false;
		}
		char bytes[VHOST_USER_HEADER_SIZE + 8] = {0};
		memcpy(bytes, headers[i], VHOST_USER_HEADER_SIZE);
		const size_t payload = headers[i][2] <= 8 ? headers[i][2] : 8;
		attack_send(attack, bytes, VHOST_USER_HEADER_SIZE + payload, NULL, 0);
		struct vhost_user_msg answer;
		const int rc = vhost_user_recv(attack->fe.socket, &answer, NULL, NULL, 1000);
		if (rc == 0 && answer.payload.u64 == 0) {
			return attack_fail(attack, "header {%u, %u, %u} was accepted",
				headers[i][0], headers[i][1], headers[i][2]);
		}
		if (rc == -ETIMEDOUT) {
			return attack_fail(attack, "header {%u, %u, %u} is waited for",
				headers[i][0], headers[i][1], headers[i][2]);
		}
	}
	return true;
}

/* Numbers that are a ring's only when cut to 16 or 8 bits. */
static bool
ring_index(struct attack *attack, unsigned int flags)
{
	static const uint32_t requests[] = {VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
		VHOST_USER_GET_VRING_BASE, VHOST_USER_SET_VRING_ENABLE};
	static const uint32_t indices[] = {
		2, 254, 256, 0xffff, 0x10000, 0x10001, 0x1000000, 0x80000000u, UINT32_MAX};

	for (unsigned int r = 0; r < 4; r++) {
		for (unsigned int i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
			const struct vhost_user_msg msg =
				message_state(requests[r], indices[i], 64);
			if (!attack_open(attack, flags) || !attack_refused(attack, &msg, NULL, 0)) {
				return attack_fail(attack, "%s for ring %u",
					vhost_user_name(requests[r]), indices[i]);
			}
		}
	}
	for (unsigned int i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		if (!attack_open(attack, flags)) {
			return false;
		}
		struct vhost_user_msg msg = message_addr(attack, 0);
		msg.payload.addr.index = indices[i];
		if (!attack_refused(attack, &msg, NULL, 0)) {
			return attack_fail(attack, "SET_VRING_ADDR for ring %u", indices[i]);
		}
	}
	return true;
}

static bool
kick_index(struct attack *attack, unsigned int flags)
{
	static const uint64_t values[] = {2, 255, 0x200, 0x10000, UINT64_C(1) << 32, UINT64_MAX};
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL, VHOST_USER_SET_VRING_ERR};

	for (unsigned int r = 0; r < 3; r++) {
		for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			const struct vhost_user_msg msg = message_u64(requests[r], values[i]);
			if (!attack_open(attack, flags)) {
				return false;
			}
			/* A number above bit 8 means nothing: only that nothing breaks counts. */
			if (values[i] >= 256) {
				attack_message(attack, &msg, &attack->fe.queues[0].kick, 1);
			} else if (!attack_refused(attack, &msg, &attack->fe.queues[0].kick, 1)) {
				return attack_fail(attack, "ring %u", (unsigned int)values[i]);
			}
		}
	}
	return true;
}

static bool
ring_size(struct attack *attack, unsigned int flags)
{
	static const uint32_t sizes[] = {0, 32769, 65536, 65537, 0x10100, UINT32_MAX};

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct vhost_user_msg msg =
			message_state(VHOST_USER_SET_VRING_NUM, 0, sizes[i]);
		if (!attack_connect(attack, flags) || !attack_negotiate(attack) ||
			!attack_refused(attack, &msg, NULL, 0)) {
			return attack_fail(attack, "size %u", sizes[i]);
		}
	}
	return true;
}

/* A split ring of 96: told while it stands, so the switch may only say so when it is to run. */
static bool
odd_size(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	struct vhost_user_msg msg = message_state(VHOST_USER_GET_VRING_BASE, 1, 0);
	struct err err = ERR_INIT;
	if (vhost_user_ask(attack->fe.socket, &msg, &err) != 0) {
		return attack_fail(attack, "%s", err.text);
	}
	msg = message_state(VHOST_USER_SET_VRING_NUM, 1, 96);
	attack_message(attack, &msg, NULL, 0);
	msg = message_u64(VHOST_USER_SET_VRING_KICK, 1);
	attack_message(attack, &msg, &attack->fe.queues[1].kick, 1);
	return true;
}

static bool
feature_bits(struct attack *attack, unsigned int flags)
{
	static const uint64_t values[] = {UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 5,
		(UINT64_C(1) << 33) | VIRTIO_F_VERSION_1, UINT64_C(1) << 28 << 32};

	for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const struct vhost_user_msg msg = message_u64(VHOST_USER_SET_FEATURES, values[i]);
		if (!attack_connect(attack, flags) || !attack_negotiate(attack) ||
			!attack_refused(attack, &msg, NULL, 0)) {
			return attack_fail(attack, "features %#llx", (unsigned long long)values[i]);
		}
	}
	return true;
}

static bool
protocol_bits(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_msg msg = message_u64(VHOST_USER_SET_PROTOCOL_FEATURES, UINT64_MAX);

	return attack_connect(attack, flags) && attack_negotiate(attack) &&
		attack_refused(attack, &msg, NULL, 0);
}

/* Each message as the first of a connection. */
static bool
first_message(struct attack *attack, unsigned int flags)
{
	for (uint32_t request = 0; request < REQUESTS; request++) {
		struct vhost_user_msg msg = message_u64(request, 0);
		msg.size = right_size(request);
		if (!attack_connect(attack, flags)) {
			return false;
		}
		attack_message(attack, &msg, &attack->fe.memory.fd, wants_fd(request) ? 1 : 0);
	}
	return attack_connect(attack, flags) && attack_answered(attack);
}

/* What a running ring needs is changed behind its back. */
static bool
unseen_ring(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_msg msg = message_state(VHOST_USER_GET_VRING_BASE, 1, 0);

	if (!attack_connect(attack, flags)) {
		return false;
	}
	attack_message(attack, &msg, NULL, 0);
	if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
		return false;
	}
	attack_message(attack, &msg, NULL, 0);
	return true;
}

/* Twice owned, twice negotiated, started twice: legal or not, nothing may be left over. */
static bool
all_twice(struct attack *attack, unsigned int flags)
{
	for (unsigned int i = 0; i < 20; i++) {
		if (!attack_open(attack, flags)) {
			return false;
		}
		for (unsigned int q = 0; q < 2; q++) {
			(void)frontend_send_memory(&attack->fe, NULL);
			(void)frontend_start_queue(&attack->fe, q, NULL);
			(void)frontend_enable_queue(&attack->fe, q, true, NULL);
		}
	}
	return true;
}

static bool
bad_rarp_and_mtu(struct attack *attack, unsigned int flags)
{
	static const uint64_t mtus[] = {0, 1, 67, 65536, UINT64_MAX};

	if (!attack_open(attack, flags)) {
		return false;
	}
	for (unsigned int i = 0; i < 5; i++) {
		const struct vhost_user_msg msg = message_u64(VHOST_USER_NET_SET_MTU, mtus[i]);
		attack_message(attack, &msg, NULL, 0);
	}
	/* Its own address, nobody's, everybody's, and one of the pair's: the pair moves on. */
	static const uint64_t macs[] = {0, UINT64_MAX, UINT64_C(0xffffffffffff), 1};
	for (unsigned int i = 0; i < 200; i++) {
		const struct vhost_user_msg msg = message_u64(VHOST_USER_SEND_RARP, macs[i % 4]);
		attack_message(attack, &msg, NULL, 0);
	}
	return true;
}

const struct hostile_case message_cases[] = {
	{"extra-descriptors", "eight descriptors with every message, at every stage", extra_fds, 0,
		"descriptor"},
	{"descriptor-flood", "250 descriptors with one message (MSG_CTRUNC)", fd_flood, 0,
		"descriptor"},
	{"late-descriptors", "a descriptor with each byte of a message", late_fds, 0, NULL},
	{"missing-descriptors", "messages without the descriptors that they need", fds_missing, 0,
		"descriptor"},
	{"wrong-sizes", "payloads that are too short or too long", wrong_sizes, 0, "bytes"},
	{"bad-headers", "unknown requests, versions, flags and sizes of gigabytes", bad_headers, 0,
		"message 255"},
	{"ring-index", "ring numbers beyond the rings, also when cut to 16 bits", ring_index, 0,
		"SET_VRING_ADDR"},
	{"kick-index", "the same for kick, call and error descriptors", kick_index, 0, NULL},
	{"ring-size", "ring sizes of 0, 32769, 65536 and more", ring_size, 0, "SET_VRING_NUM"},
	{"odd-ring-size", "a split ring whose size is no power of two", odd_size, 0,
		"power of two"},
	{"unknown-features", "features that were not offered", feature_bits, 0, "SET_FEATURES"},
	{"unknown-protocol-features", "protocol features that were not offered", protocol_bits, 0,
		"SET_PROTOCOL_FEATURES"},
	{"first-message", "each message as the first of a connection", first_message, 0, NULL},
	{"unseen-ring", "GET_VRING_BASE for a ring that was never told of", unseen_ring, 0, NULL},
	{"all-twice", "memory, rings and descriptors told again and again", all_twice, 0, NULL},
	{"rarp-and-mtu", "announcements and MTUs that cannot be", bad_rarp_and_mtu, 0, NULL},
	{0},
};
