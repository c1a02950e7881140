/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/fd_passing.h"

#include <assert.h>
#include <string.h>
#include <sys/uio.h>

ssize_t
fd_passing_send(
	int socket, const void *bytes, size_t size, const int *fds, uint32_t n_fds, int flags)
{
	union {
		struct cmsghdr align;
		char room[FD_PASSING_ROOM(FD_PASSING_MAX)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	assert(n_fds <= FD_PASSING_MAX);
	if (n_fds > 0) {
		struct cmsghdr *cmsg;

		message.msg_control = control.room;
		message.msg_controllen = FD_PASSING_ROOM(n_fds);
		cmsg = CMSG_FIRSTHDR(&message);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | flags);
}

uint32_t
fd_passing_take(struct msghdr *message, int fds[FD_PASSING_MAX])
{
	uint32_t n_fds = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			const size_t size = c->cmsg_len - CMSG_LEN(0);

			assert(size <= (FD_PASSING_MAX - n_fds) * sizeof(int));
			memcpy(fds + n_fds, CMSG_DATA(c), size);
			n_fds += (uint32_t)(size / sizeof(int));
		}
	}
	return n_fds;
}
