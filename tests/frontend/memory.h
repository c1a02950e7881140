/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory: one memfd, mapped here and handed to the back end as one region, or as several.
 *
 * Guest-physical addresses start at MEMORY_GPA, so that a back end that mistakes them for
 * addresses of either process is found out. Memory is given out upwards and never taken back
 * before memory_fini(). One thread; the memory itself is shared with the back end.
 */
#ifndef VSW_TESTS_FRONTEND_MEMORY_H
#define VSW_TESTS_FRONTEND_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Above 4 GiB, where QEMU's q35 machine puts its upper RAM: any value would do. */
#define MEMORY_GPA (UINT64_C(1) << 32)
#define MEMORY_HUGE_SIZE (UINT64_C(2) << 20)

enum memory_pages {
	MEMORY_SMALL,
	MEMORY_HUGE_IF_FREE, /* 2 MiB pages, 4 KiB ones when too few are free */
	MEMORY_HUGE,
};

struct memory {
	int fd; /* -1 when not initialised */
	uint8_t *base;
	size_t size;
	size_t used;
	bool huge;
};

/* At least `size` bytes of zeroes. */
int memory_init(struct memory *memory, size_t size, enum memory_pages pages, struct err *err);
void memory_fini(struct memory *memory);

/* As QEMU does: a back end may insist that its memory cannot be cut off. */
void memory_seal(struct memory *memory);

/* `size` bytes aligned to a power of two; NULL when the memory is used up. */
void *memory_alloc(struct memory *memory, size_t size, size_t align);

/* Guest-physical address of a pointer into the memory. */
static inline uint64_t
memory_gpa(const struct memory *memory, const void *at)
{
	return MEMORY_GPA + (uint64_t)((const uint8_t *)at - memory->base);
}

/* And back; NULL unless `len` bytes from there are in the memory. */
void *memory_at(const struct memory *memory, uint64_t gpa, uint64_t len);

#endif
