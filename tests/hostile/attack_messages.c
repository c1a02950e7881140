/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum fate { FATE_CLOSED, FATE_REFUSED, FATE_ACCEPTED, FATE_SILENT };

void
attack_send(
	struct attack *attack, const void *bytes, size_t size, const int *fds, unsigned int n_fds)
{
	(void)vhost_user_send_raw(attack->fe.socket, bytes, size, fds, n_fds);
}

void
attack_message(
	struct attack *attack, const struct vhost_user_msg *msg, const int *fds, unsigned int n_fds)
{
	attack_send(attack, msg, VHOST_USER_HEADER_SIZE + msg->size, fds, n_fds);
}

/* Does this request have an answer of its own? */
static bool
always_answered(uint32_t request)
{
	static const uint32_t answered[] = {VHOST_USER_GET_FEATURES,
		VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_GET_QUEUE_NUM,
		VHOST_USER_GET_VRING_BASE, VHOST_USER_GET_INFLIGHT_FD, VHOST_USER_GET_MAX_MEM_SLOTS,
		VHOST_USER_GET_STATUS, VHOST_USER_SET_LOG_BASE};

	for (unsigned int i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
		if (answered[i] == request) {
			return true;
		}
	}
	return false;
}

static enum fate
fate_of(struct attack *attack, const struct vhost_user_msg *sent, int timeout_ms)
{
	struct vhost_user_msg answer;
	const int rc = vhost_user_recv(attack->fe.socket, &answer, NULL, NULL, timeout_ms);

	if (rc == -ETIMEDOUT) {
		return FATE_SILENT;
	}
	if (rc != 0) {
		return FATE_CLOSED;
	}
	if (sent->request == VHOST_USER_GET_INFLIGHT_FD) {
		return answer.payload.inflight.mmap_size == 0 ? FATE_REFUSED : FATE_ACCEPTED;
	}
	if (sent->request == VHOST_USER_GET_VRING_BASE) {
		return answer.size != sizeof(struct vhost_user_state) ? FATE_REFUSED
								      : FATE_ACCEPTED;
	}
	return answer.size == 8 && answer.payload.u64 != 0 ? FATE_REFUSED : FATE_ACCEPTED;
}

bool
attack_refused(
	struct attack *attack, const struct vhost_user_msg *msg, const int *fds, unsigned int n_fds)
{
	struct vhost_user_msg sent = *msg;

	if ((sent.flags & 3) == 0) {
		sent.flags |= VHOST_USER_VERSION;
	}
	if ((attack->fe.protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK) != 0 &&
		!always_answered(sent.request)) {
		sent.flags |= VHOST_USER_NEED_REPLY;
	}
	attack_message(attack, &sent, fds, n_fds);
	switch (fate_of(attack, &sent, 1500)) {
	case FATE_CLOSED:
	case FATE_REFUSED:
		return true;
	case FATE_ACCEPTED:
		return attack_fail(attack, "%s was accepted", vhost_user_name(sent.request));
	default:
		return attack_fail(attack, "%s: no answer, and the connection is still there",
			vhost_user_name(sent.request));
	}
}

bool
attack_closed(struct attack *attack, unsigned int ms)
{
	const uint64_t end = clock_now() + ms * CLOCK_MS;
	char bytes[4096];

	for (;;) {
		struct pollfd wait = {.fd = attack->fe.socket, .events = POLLIN};
		const uint64_t now = clock_now();
		if (now >= end) {
			return attack_fail(attack, "the connection is still there after %u ms", ms);
		}
		if (poll(&wait, 1, (int)((end - now) / CLOCK_MS) + 1) <= 0) {
			continue;
		}
		const ssize_t got = recv(attack->fe.socket, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			return true;
		}
	}
}

bool
attack_answered(struct attack *attack)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_GET_FEATURES};
	struct err err = ERR_INIT;

	return vhost_user_ask(attack->fe.socket, &msg, &err) == 0 ||
		attack_fail(attack, "%s", err.text);
}

bool
attack_others_served(struct attack *attack)
{
	const struct frontend_config config = {
		.path = attack->other,
		.n_pairs = 1,
		.ring_size = 64,
		.features = VIRTIO_F_VERSION_1,
		.buffer_memory = 4096,
	};
	struct frontend fe;
	struct err err = ERR_INIT;
	const uint64_t start = clock_now();
	const int rc = frontend_open(&fe, &config, &err);
	const uint64_t took = clock_now() - start;

	if (rc != 0) {
		return attack_fail(attack, "another port's front end: %s", err.text);
	}
	frontend_close(&fe);
	return took < CLOCK_S ||
		attack_fail(attack, "another port's front end needed %llu ms to start",
			(unsigned long long)(took / CLOCK_MS));
}

struct vhost_user_msg
message_u64(uint32_t request, uint64_t value)
{
	struct vhost_user_msg msg = {
		.request = request, .flags = VHOST_USER_VERSION, .size = sizeof(value)};

	msg.payload.u64 = value;
	return msg;
}

struct vhost_user_msg
message_state(uint32_t request, uint32_t index, uint32_t num)
{
	struct vhost_user_msg msg = {
		.request = request,
		.flags = VHOST_USER_VERSION,
		.size = sizeof(struct vhost_user_state),
	};

	msg.payload.state = (struct vhost_user_state){.index = index, .num = num};
	return msg;
}

struct vhost_user_msg
message_addr(const struct attack *attack, uint32_t index)
{
	const struct frontend_queue *queue = &attack->fe.queues[index];
	struct vhost_user_msg msg = {
		.request = VHOST_USER_SET_VRING_ADDR,
		.flags = VHOST_USER_VERSION,
		.size = sizeof(struct vhost_user_addr),
	};

	msg.payload.addr.index = index;
	if (queue->is_packed) {
		msg.payload.addr.desc = (uintptr_t)queue->ring.packed.desc;
		msg.payload.addr.avail = (uintptr_t)queue->ring.packed.driver;
		msg.payload.addr.used = (uintptr_t)queue->ring.packed.device;
	} else {
		msg.payload.addr.desc = (uintptr_t)queue->ring.split.desc;
		msg.payload.addr.avail = (uintptr_t)queue->ring.split.avail;
		msg.payload.addr.used = (uintptr_t)queue->ring.split.used;
	}
	return msg;
}
