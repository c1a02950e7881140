/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of shared memory for tests, made as a front end makes them. */
#ifndef VSW_BASE_TEST_MEMFD_H
#define VSW_BASE_TEST_MEMFD_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file of `size` zeroes, with these seals (0: none, but it can be sealed). */
static inline int
test_memfd(uint64_t size, unsigned int seals)
{
	const int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, seals) != 0) {
		abort();
	}
	return fd;
}

#endif
