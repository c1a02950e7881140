/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Byte strings kept once: what many flows of a worker have in common.
 *
 * A string of 8 to INTERN_SIZE_MAX bytes (a multiple of 8) becomes a number; the same string the
 * same number, as long as somebody holds a reference. Strings of like size lie in like cells
 * (64, 128, ... bytes), each size with room for `capacity` strings in address space; pages are
 * taken when they are first written, so nothing allocates while packets move.
 *
 * Strings do not move while they live. The index is a chained hash over a seeded universal hash
 * (secret.h), because guests have a say in what is kept here.
 *
 * Threads: one worker owns it and calls everything; main creates and destroys it, and reads counts
 * (relaxed, single stores).
 */
#ifndef VSW_DATAPATH_TABLE_INTERN_H
#define VSW_DATAPATH_TABLE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define INTERN_SIZE_MAX 2048U
#define INTERN_NONE 0U /* no string's number */

struct intern;

/* capacity: distinct strings in cells of each size, 1..16 M. -EINVAL, -ENOMEM or 0. */
int intern_create(uint32_t capacity, uint64_t seed, struct intern **out);
void intern_destroy(struct intern *intern); /* NULL is legal */

/*
 * A reference to this string, copied (bytes: any alignment; size: a multiple of 8, 8 to
 * INTERN_SIZE_MAX). INTERN_NONE: it is a new one, and no cell of its size is left.
 */
uint32_t intern_get(struct intern *intern, const void *bytes, uint32_t size);

/* The same string, one reference more. */
void intern_hold(struct intern *intern, uint32_t id);

/* One less; with the last one the number may become another string's. */
void intern_put(struct intern *intern, uint32_t id);

/* The bytes, 8-byte aligned; valid while somebody holds a reference. */
const void *intern_bytes(const struct intern *intern, uint32_t id);

/* Any thread: distinct strings, and bytes of memory that were touched. */
uint32_t intern_count(const struct intern *intern);
size_t intern_memory(const struct intern *intern);

#endif
