/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/vhost_user.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"

#define NAME(x) [VHOST_USER_##x] = #x
static const char *const names[] = {
	NAME(GET_FEATURES),
	NAME(SET_FEATURES),
	NAME(SET_OWNER),
	NAME(RESET_OWNER),
	NAME(SET_MEM_TABLE),
	NAME(SET_LOG_BASE),
	NAME(SET_LOG_FD),
	NAME(SET_VRING_NUM),
	NAME(SET_VRING_ADDR),
	NAME(SET_VRING_BASE),
	NAME(GET_VRING_BASE),
	NAME(SET_VRING_KICK),
	NAME(SET_VRING_CALL),
	NAME(SET_VRING_ERR),
	NAME(GET_PROTOCOL_FEATURES),
	NAME(SET_PROTOCOL_FEATURES),
	NAME(GET_QUEUE_NUM),
	NAME(SET_VRING_ENABLE),
	NAME(SEND_RARP),
	NAME(NET_SET_MTU),
	NAME(GET_INFLIGHT_FD),
	NAME(SET_INFLIGHT_FD),
	NAME(RESET_DEVICE),
	NAME(GET_MAX_MEM_SLOTS),
	NAME(ADD_MEM_REG),
	NAME(REM_MEM_REG),
	NAME(SET_STATUS),
	NAME(GET_STATUS),
};
#undef NAME

static int read_whole(int socket, struct msghdr *first, void *bytes, size_t size, uint64_t end);
static void take_fds(struct msghdr *header, int *fds, unsigned int *n_fds);

int
vhost_user_send_raw(int socket, const void *bytes, size_t size, const int *fds, unsigned int n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(VHOST_USER_RAW_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	assert(n_fds <= VHOST_USER_RAW_FDS);
	if (n_fds > 0) {
		header.msg_control = control.space;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	ssize_t sent;
	do {
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		return -errno;
	}
	return (size_t)sent == size ? 0 : -EIO;
}

int
vhost_user_send(int socket, const struct vhost_user_msg *msg, const int *fds, unsigned int n_fds)
{
	assert(msg->size <= sizeof(msg->payload));
	return vhost_user_send_raw(socket, msg, VHOST_USER_HEADER_SIZE + msg->size, fds, n_fds);
}

int
vhost_user_recv(
	int socket, struct vhost_user_msg *msg, int *fds, unsigned int *n_fds, int timeout_ms)
{
	const uint64_t end = clock_now() + (uint64_t)timeout_ms * CLOCK_MS;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(VHOST_USER_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};

	*msg = (struct vhost_user_msg){0};
	int rc = read_whole(socket, &header, msg, VHOST_USER_HEADER_SIZE, end);
	take_fds(&header, rc == 0 ? fds : NULL, n_fds);
	if (rc != 0) {
		return rc;
	}
	if (msg->size > sizeof(msg->payload)) {
		return -EMSGSIZE;
	}
	return read_whole(socket, NULL, &msg->payload, msg->size, end);
}

int
vhost_user_ask(int socket, struct vhost_user_msg *msg, struct err *err)
{
	const uint32_t request = msg->request;

	msg->flags |= VHOST_USER_VERSION;
	int rc = vhost_user_send(socket, msg, NULL, 0);
	if (rc == 0) {
		rc = vhost_user_recv(socket, msg, NULL, NULL, VHOST_USER_TIMEOUT_MS);
	}
	if (rc != 0) {
		(void)err_set(
			err, ERR_FAILED, NULL, "%s: %s", vhost_user_name(request), strerror(-rc));
		return rc;
	}
	if (msg->request != request || (msg->flags & VHOST_USER_REPLY) == 0) {
		return err_set(err, ERR_MALFORMED, NULL, "%s: the answer is %s, flags %#x",
			vhost_user_name(request), vhost_user_name(msg->request), msg->flags);
	}
	return 0;
}

int
vhost_user_tell(int socket, struct vhost_user_msg *msg, const int *fds, unsigned int n_fds,
	bool ack, struct err *err)
{
	const uint32_t request = msg->request;

	msg->flags |= VHOST_USER_VERSION | (ack ? VHOST_USER_NEED_REPLY : 0);
	int rc = vhost_user_send(socket, msg, fds, n_fds);
	if (rc == 0 && ack) {
		rc = vhost_user_recv(socket, msg, NULL, NULL, VHOST_USER_TIMEOUT_MS);
	}
	if (rc != 0) {
		(void)err_set(
			err, ERR_FAILED, NULL, "%s: %s", vhost_user_name(request), strerror(-rc));
		return rc;
	}
	if (ack && (msg->request != request || msg->size != 8 || msg->payload.u64 != 0)) {
		return err_set(err, ERR_FAILED, NULL, "%s: the back end refused",
			vhost_user_name(request));
	}
	return 0;
}

const char *
vhost_user_name(uint32_t request)
{
	static _Thread_local char text[32];

	if (request < sizeof(names) / sizeof(names[0]) && names[request] != NULL) {
		return names[request];
	}
	(void)snprintf(text, sizeof(text), "message %u", request);
	return text;
}

/* Exactly `size` bytes before `end`; descriptors come with the first of them. */
static int
read_whole(int socket, struct msghdr *first, void *bytes, size_t size, uint64_t end)
{
	size_t done = 0;
	bool with_fds = first != NULL;

	while (done < size) {
		const uint64_t now = clock_now();
		struct pollfd wait = {.fd = socket, .events = POLLIN};
		const int left = now >= end ? 0 : (int)((end - now) / CLOCK_MS) + 1;
		const int ready = poll(&wait, 1, left);
		if (ready < 0 && errno != EINTR) {
			return -errno;
		}
		if (ready == 0) {
			return -ETIMEDOUT;
		}
		struct iovec iov = {.iov_base = (char *)bytes + done, .iov_len = size - done};
		struct msghdr plain = {.msg_iov = &iov, .msg_iovlen = 1};
		struct msghdr *header = &plain;
		if (with_fds) {
			header = first;
			*first->msg_iov = iov;
		}
		const ssize_t got = recvmsg(socket, header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
			continue;
		}
		if (got <= 0) {
			return got == 0 ? -ECONNRESET : -errno;
		}
		with_fds = false;
		done += (size_t)got;
	}
	return 0;
}

static void
take_fds(struct msghdr *header, int *fds, unsigned int *n_fds)
{
	const unsigned int room = fds != NULL ? *n_fds : 0;
	unsigned int count = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
		cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		const size_t len = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < len; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (count < room) {
				fds[count++] = fd;
			} else {
				(void)close(fd);
			}
		}
	}
	if (n_fds != NULL) {
		*n_fds = count;
	}
}
