/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest's memory, for tests of the rings.
 *
 * A struct model_memory is made by hand: a contiguous range of guest-physical addresses over
 * regions that are not neighbours in ours, each between unmapped pages. Beside it lies what every
 * byte of it must be: the driver's own writes go to both, and what the device has written is
 * accepted once the rules say that it may. model_check() compares all of it, so a byte that the
 * device writes anywhere else is found.
 *
 * A broken rule ends the program with a sentence on stderr, after the case's own (`what`).
 *
 * Threads: one, which is driver and device in turns.
 */
#ifndef VSW_PORTS_VHOST_VQ_TEST_MEMORY_H
#define VSW_PORTS_VHOST_VQ_TEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/vhost/gmem.h"

struct model_memory {
	struct gmem *gmem; /* regions' maps are sizes of the whole mapping, for fini only */
	uint8_t *shadow; /* [0, size): what the bytes from gpa on must be */
	uint64_t gpa;
	uint64_t size;
	uint64_t at; /* where the allocator goes on */
	uint64_t random; /* xorshift state */
	char what[160]; /* the case, for messages */
};

struct model_piece {
	uint64_t gpa;
	uint32_t len;
};

void model_fail(const struct model_memory *memory, const char *file, int line, const char *rule)
	__attribute__((noreturn, cold));

/* `rule` as a sentence: what must hold. */
#define model_must(memory, cond, rule)                                  \
	do {                                                            \
		if (!(cond)) {                                          \
			model_fail((memory), __FILE__, __LINE__, rule); \
		}                                                       \
	} while (0)

/* Zeroed, and never NULL. */
void *model_calloc(size_t n, size_t size);

/* `n` regions of these sizes (multiples of 4096) from `gpa` on, full of noise. */
void model_memory_init(struct model_memory *memory, uint64_t gpa, const uint64_t *sizes,
	unsigned int n, uint64_t seed);
void model_memory_fini(struct model_memory *memory);

/* What this run is about, printf-like. */
void model_case(struct model_memory *memory, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

uint32_t model_random(struct model_memory *memory, uint32_t below);

/*
 * Address of `len` bytes that nobody has, a random gap behind the last. May straddle regions;
 * `whole`: does not.
 */
uint64_t model_alloc(struct model_memory *memory, uint64_t len, uint64_t align, bool whole);

/* The allocator goes on `before` bytes in front of the border behind region `i`. */
void model_seek_border(struct model_memory *memory, unsigned int i, uint64_t before);

/* Where the device has these bytes; they lie in one region. */
uint8_t *model_host(const struct model_memory *memory, uint64_t gpa, uint32_t len);

/* Are these bytes, where the device has them, in one region? */
bool model_has_host(const struct model_memory *memory, const uint8_t *addr, uint32_t len);

/* The driver writes and reads. */
void model_put(struct model_memory *memory, uint64_t gpa, const void *bytes, uint32_t len);
void model_put16(struct model_memory *memory, uint64_t gpa, uint16_t value);
void model_get(const struct model_memory *memory, uint64_t gpa, void *bytes, uint32_t len);
uint16_t model_get16(const struct model_memory *memory, uint64_t gpa);
uint32_t model_get32(const struct model_memory *memory, uint64_t gpa);

/* The device was allowed to write these. */
void model_accept(struct model_memory *memory, uint64_t gpa, uint32_t len);

/* Nothing was written but what was accepted. */
void model_check(const struct model_memory *memory);

/* The first `len` of the bytes of these pieces. */
void model_scatter(struct model_memory *memory, const struct model_piece *pieces, uint16_t n,
	const uint8_t *bytes, uint32_t len);

#endif
