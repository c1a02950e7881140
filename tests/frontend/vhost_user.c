/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/vhost_user.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_passing.h"
#include "ports/vhost/vu_request_name.h"

static int read_whole(int socket, struct msghdr *first, void *bytes, size_t size, uint64_t end);
static void take_fds(struct msghdr *header, int *fds, unsigned int *n_fds);

int
vhost_user_send_raw(int socket, const void *bytes, size_t size, const int *fds, unsigned int n_fds)
{
	ssize_t sent;

	do {
		sent = fd_passing_send(socket, bytes, size, fds, n_fds, 0);
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
		char space[FD_PASSING_ROOM(VHOST_USER_MAX_FDS)];
	} control = {0};
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

	return vu_request_name(request, text, sizeof(text));
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
	int came[FD_PASSING_MAX];
	const uint32_t n_came = fd_passing_take(header, came);
	unsigned int count = 0;

	for (uint32_t i = 0; i < n_came; i++) {
		if (count < room) {
			fds[count++] = came[i];
		} else {
			(void)close(came[i]);
		}
	}
	if (n_fds != NULL) {
		*n_fds = count;
	}
}
