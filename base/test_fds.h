/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: how many descriptors this process has open, so that none is left. */
#ifndef VSW_BASE_TEST_FDS_H
#define VSW_BASE_TEST_FDS_H

#include <dirent.h>
#include <stddef.h>
#include <stdlib.h>

/* A number to compare with that of another call. */
static inline unsigned int
test_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (dir == NULL) {
		abort();
	}
	while (readdir(dir) != NULL) {
		n++;
	}
	(void)closedir(dir);
	return n;
}

#endif
