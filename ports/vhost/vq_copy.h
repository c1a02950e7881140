/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying between memories that may change, overlap or be the same.
 *
 * Blocks are loaded whole before they are stored, with the widest registers that the file is built
 * for. Never a byte beyond the n given is read or written.
 */
#ifndef VSW_PORTS_VHOST_VQ_COPY_H
#define VSW_PORTS_VHOST_VQ_COPY_H

#include <stdint.h>
#include <string.h>

#define VQ_COPY_LONG 1024 /* from here on the C library's copy is as good */

struct block64 {
	uint8_t bytes[64];
};
struct block32 {
	uint8_t bytes[32];
};
struct block16 {
	uint8_t bytes[16];
};

#define VQ_COPY_BLOCK(size)                                             \
	static inline void copy##size(uint8_t *to, const uint8_t *from) \
	{                                                               \
		struct block##size block;                               \
                                                                        \
		__builtin_memcpy(&block, from, sizeof(block));          \
		__builtin_memcpy(to, &block, sizeof(block));            \
	}
VQ_COPY_BLOCK(64)
VQ_COPY_BLOCK(32)
VQ_COPY_BLOCK(16)
#undef VQ_COPY_BLOCK

/* Fewer than 16 bytes. */
static inline void
copy_few(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint64_t a = 0;
	uint64_t b = 0;

	if (n >= 8) {
		__builtin_memcpy(&a, from, 8);
		__builtin_memcpy(&b, from + n - 8, 8);
		__builtin_memcpy(to, &a, 8);
		__builtin_memcpy(to + n - 8, &b, 8);
	} else if (n >= 4) {
		__builtin_memcpy(&a, from, 4);
		__builtin_memcpy(&b, from + n - 4, 4);
		__builtin_memcpy(to, &a, 4);
		__builtin_memcpy(to + n - 4, &b, 4);
	} else {
		for (uint32_t i = 0; i < n; i++) {
			to[i] = from[i];
		}
	}
}

/* A line that will be written soon: taken from the other core at once. */
static inline void
prefetch_write(const uint8_t *at)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*at));
#else
	__builtin_prefetch(at, 1);
#endif
}

/* Any number of bytes; what does not fill a block overlaps with the one before. */
static inline void
vq_copy(uint8_t *to, const uint8_t *from, uint32_t n)
{
	if (n >= 64) {
		uint32_t i = 0;

		if (n >= VQ_COPY_LONG) {
			memmove(to, from, n);
			return;
		}
		for (; i + 64 <= n; i += 64) {
			copy64(to + i, from + i);
		}
		if (i < n) {
			copy64(to + n - 64, from + n - 64);
		}
	} else if (n >= 32) {
		copy32(to, from);
		copy32(to + n - 32, from + n - 32);
	} else if (n >= 16) {
		copy16(to, from);
		copy16(to + n - 16, from + n - 16);
	} else {
		copy_few(to, from, n);
	}
}

/* What is copied after this: its lines can come while there is something to do. */
struct vq_copy_next {
	const uint8_t *from;
	uint8_t *to;
	uint32_t n; /* 0: nothing */
};

/* Bytes that are fetched at once, at most: a core waits for so many lines. */
#define VQ_FETCH_MAX 512U

/* Bytes `i` to the end, and the last one: its line is one more where lines are not met. */
static inline void
vq_copy_fetch(const struct vq_copy_next *next, uint32_t i)
{
	const uint32_t end = i + VQ_FETCH_MAX < next->n ? i + VQ_FETCH_MAX : next->n;

	for (; i < end; i += 64) {
		__builtin_prefetch(next->from + i);
		prefetch_write(next->to + i);
	}
	__builtin_prefetch(next->from + next->n - 1);
	prefetch_write(next->to + next->n - 1);
}

/* vq_copy, and before each block one line of what is next is fetched. */
static inline void
vq_copy_ahead(uint8_t *to, const uint8_t *from, uint32_t n, const struct vq_copy_next *next)
{
	uint32_t i = 0;

	for (; i + 64 <= n; i += 64) {
		if (i < next->n) {
			__builtin_prefetch(next->from + i);
			prefetch_write(next->to + i);
		}
		copy64(to + i, from + i);
	}
	if (next->n > 0) {
		vq_copy_fetch(next, i);
	}
	vq_copy(to + i, from + i, n - i);
}

#endif
