/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that the caller cannot go on without, in amounts that are small beside what is running:
 * its lack ends the process. Any thread that may allocate. What a user's request sizes is allocated
 * with calloc() or calloc_lines() and refused instead.
 */
#ifndef VSW_BASE_MEMORY_H
#define VSW_BASE_MEMORY_H

#include <stdlib.h>
#include <string.h>

#define MEMORY_LINE 64 /* bytes of a cache line */

/* Zeroed, never NULL; n may be 0. free() it. */
static inline void *
must_calloc(size_t n, size_t size)
{
	void *memory = calloc(n == 0 ? 1 : n, size);

	if (memory == NULL) {
		abort();
	}
	return memory;
}

/* The same for memory that grows; what is new is undefined. */
static inline void *
must_realloc(void *memory, size_t size)
{
	memory = realloc(memory, size == 0 ? 1 : size);
	if (memory == NULL) {
		abort();
	}
	return memory;
}

/* Zeroed, on cache lines of its own; NULL without memory. free() it. */
static inline void *
calloc_lines(size_t n, size_t size)
{
	void *memory = NULL;

	if (posix_memalign(&memory, MEMORY_LINE, n * size) != 0) {
		return NULL;
	}
	return memset(memory, 0, n * size);
}

#endif
