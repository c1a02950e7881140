/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/pages.h"

#include <sys/mman.h>

/* mmap and not calloc: calloc clears, and so touches, memory that was freed before. */
void *
pages_alloc(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

void
pages_free(void *pages, size_t size)
{
	if (pages != NULL) {
		(void)munmap(pages, size);
	}
}
