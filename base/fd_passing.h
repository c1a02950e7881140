/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that go along with bytes over a UNIX socket: SCM_RIGHTS of unix(7). Any thread. */
#ifndef VSW_BASE_FD_PASSING_H
#define VSW_BASE_FD_PASSING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define FD_PASSING_MAX 253 /* descriptors in one message: SCM_MAX_FD of the kernel */
#define FD_PASSING_ROOM(n) CMSG_SPACE((n) * sizeof(int)) /* bytes of msg_control to receive n */

/* One sendmsg(2) with at most FD_PASSING_MAX descriptors, which stay the caller's: what it returns,
 * and errno. No SIGPIPE; `flags` are others. */
ssize_t fd_passing_send(
	int socket, const void *bytes, size_t size, const int *fds, uint32_t n_fds, int flags);

/* The descriptors that came with a message of recvmsg(2); they are the caller's. How many. */
uint32_t fd_passing_take(struct msghdr *message, int fds[FD_PASSING_MAX]);

#endif
