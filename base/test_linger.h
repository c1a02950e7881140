/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A descriptor whose close(2) waits until its maker likes: a TCP connection that lingers and whose
 * peer does not read. Anybody can make one.
 */
#ifndef VSW_BASE_TEST_LINGER_H
#define VSW_BASE_TEST_LINGER_H

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_passing.h"

#define TEST_LINGER_S 3600

struct test_linger {
	int fd; /* to be passed */
	int peer;
};

static inline void
test_linger_make(struct test_linger *linger)
{
	const struct linger option = {.l_onoff = 1, .l_linger = TEST_LINGER_S};
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char bytes[1 << 16];

	linger->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
		getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
		connect(linger->fd, (struct sockaddr *)&address, size) != 0) {
		abort();
	}
	linger->peer = accept(listener, NULL, NULL);
	if (linger->peer < 0 ||
		setsockopt(linger->fd, SOL_SOCKET, SO_LINGER, &option, sizeof(option)) != 0) {
		abort();
	}
	(void)close(listener);
	/* Until neither side has room for more. */
	while (send(linger->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
	}
}

/* Have it no more, once it is passed: this is not its last descriptor, and does not wait. */
static inline void
test_linger_end_ours(struct test_linger *linger)
{
	(void)close(linger->fd);
	linger->fd = -1;
}

/* Pass it, and have it no more. */
static inline void
test_linger_send(struct test_linger *linger, int socket)
{
	if (fd_passing_send(socket, "", 1, &linger->fd, 1, 0) != 1) {
		abort();
	}
	test_linger_end_ours(linger);
}

/* Let whoever closes it go on. */
static inline void
test_linger_end(struct test_linger *linger)
{
	(void)close(linger->peer); /* with unread bytes: a reset */
}

#endif
