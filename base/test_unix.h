/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: the plain end of a UNIX socket. */
#ifndef VSW_BASE_TEST_UNIX_H
#define VSW_BASE_TEST_UNIX_H

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

/* A stream to whoever listens at `path`; -1: not to be had, errno says why. */
static inline int
test_unix_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && str_copy(address.sun_path, path, sizeof(address.sun_path)) &&
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		return fd;
	}
	(void)close(fd);
	return -1;
}

#endif
