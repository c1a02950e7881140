/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory: the regions that a front end has shared, mapped here.
 *
 * What. A struct gmem is one memory table, sorted by guest-physical address, immutable once made. A
 * change of the table makes another one (gmem_create, gmem_with, gmem_without), which takes over
 * the mappings that stay; the old one is freed when no worker can hold it any more (grace period).
 * So nothing is ever moved under a worker.
 *
 * Who may touch what. Workers translate guest-physical addresses (gmem_at, gmem_piece). Main
 * translates addresses of the front end's own space, which only ring addresses are given in. Bytes
 * behind both belong to the guest, which rewrites them at any time: each is read once into private
 * memory, checked there and used from there.
 *
 * The peer may truncate the file behind a mapping. Each one stands in the SIGBUS guard (guard.h),
 * so the daemon reads zeroes instead of dying, and `gone` is set for good.
 *
 * Sizes are bytes. All regions together are at most GMEM_REGION_MAX, and none overlaps another,
 * neither in guest-physical addresses nor in the front end's.
 */
#ifndef VSW_PORTS_VHOST_GMEM_H
#define VSW_PORTS_VHOST_GMEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

#define GMEM_REGIONS_MAX \
	256 /* QEMU: VHOST_USER_MAX_RAM_SLOTS is 512, its own limit 8 without slots */
#define GMEM_REGION_MAX (UINT64_C(1) << 44) /* so that no guest takes all address space */

struct gmem_map; /* one mapping, counted by the tables that have it; main only */

/* Mappings that nothing has any more, waiting for gmem_reap; zeroed at first. Main. */
struct gmem_reaper {
	struct gmem_map *first;
	uint32_t n;
	uint64_t slice; /* bytes that are unmapped at once, by how long that took; 0: not known yet
			 */
};

/* vhost-user, "Memory region description": what the front end says of a region. */
struct gmem_desc {
	uint64_t gpa;
	uint64_t size; /* bytes, > 0 */
	uint64_t user; /* where the front end has it */
	uint64_t offset; /* in the file */
};

struct gmem_region {
	uint64_t gpa;
	uint64_t size;
	uint8_t *host; /* of gpa */
	uint64_t user;
	struct gmem_map *map;
};

struct gmem {
	uint32_t n;
	struct gmem_region regions[]; /* by gpa, ascending */
};

/* --- main ------------------------------------------------------------------------------------ */

/*
 * A new table of `n` regions, one descriptor each. Takes all descriptors in any case. Errors say in
 * a sentence what is wrong with which region; `require_seals`: refuse a file that may be shrunk.
 * `gone` outlives the table; it is set, from a signal handler, when a file turns out too short.
 */
int gmem_create(const struct gmem_desc *descs, const int *fds, uint32_t n, bool require_seals,
	atomic_bool *gone, struct gmem **out, struct err *err) ON_MAIN;

/* `old` (NULL: an empty one) and one region more. Takes the descriptor in any case; `old` stays. */
int gmem_with(const struct gmem *old, const struct gmem_desc *desc, int fd, bool require_seals,
	atomic_bool *gone, struct gmem **out, struct err *err) ON_MAIN;

/* `old` without the region that has this gpa, user address and size. */
int gmem_without(const struct gmem *old, const struct gmem_desc *desc, struct gmem **out,
	struct err *err) ON_MAIN;

/* Is there a region of this gpa, user address and size? */
bool gmem_has(const struct gmem *gmem, const struct gmem_desc *desc) ON_MAIN;

/*
 * Free a table that no worker holds, and the mappings that no other table has. Unmapping gigabytes
 * takes milliseconds: they are queued at the port's reaper, and gmem_reap() does a slice. `gone`
 * is not used after gmem_free().
 */
void gmem_free(struct gmem *gmem, struct gmem_reaper *reaper) ON_MAIN; /* gmem: NULL is legal */

/* Unmap what is queued, for about a millisecond. True if more is left. */
bool gmem_reap(struct gmem_reaper *reaper) ON_MAIN;

/* Unmap all that is queued: what takes longer than that on a thread, one for all ports, later. */
void gmem_reap_aside(struct gmem_reaper *reaper) ON_MAIN;

/* `len` bytes at an address of the front end, or NULL unless one region has all of them. */
uint8_t *gmem_user(const struct gmem *gmem, uint64_t user, uint64_t len) ON_MAIN;

/* The guest-physical address of the same; false unless one region has all of the bytes. */
bool gmem_user_gpa(const struct gmem *gmem, uint64_t user, uint64_t len, uint64_t *gpa) ON_MAIN;

/* --- any thread that may hold the table ------------------------------------------------------ */

/* The last region that begins at gpa or before: the only one that may have it. n > 0. */
static inline uint32_t
gmem_find(const struct gmem *gmem, uint64_t gpa)
{
	uint32_t first = 0;

	for (uint32_t n = gmem->n; n > 1;) {
		const uint32_t half = n / 2;

		first += gmem->regions[first + half].gpa <= gpa ? half : 0;
		n -= half;
	}
	return first;
}

/*
 * Host address of guest bytes [gpa, gpa + len) if one region has all of them, else NULL. `last` is
 * the caller's memory of the region that served the last call, below n or anything at first.
 */
static inline uint8_t *
gmem_at(const struct gmem *gmem, uint64_t gpa, uint32_t len, uint32_t *last)
{
	uint32_t hint = *last;

	if (__builtin_expect(hint < gmem->n, 1)) {
		const struct gmem_region *region = &gmem->regions[hint];
		const uint64_t off = gpa - region->gpa;

		if (__builtin_expect(off < region->size && len <= region->size - off, 1)) {
			return region->host + off;
		}
	}
	if (gmem->n > 0) {
		const uint32_t i = gmem_find(gmem, gpa);
		const struct gmem_region *region = &gmem->regions[i];
		const uint64_t off = gpa - region->gpa;

		if (off < region->size && len <= region->size - off) {
			*last = i;
			return region->host + off;
		}
	}
	return NULL;
}

/*
 * As many of the bytes at gpa as one region has: *len is how many are wanted and comes back as how
 * many there are. NULL if there is none. A buffer may go on in the next region.
 */
static inline uint8_t *
gmem_piece(const struct gmem *gmem, uint64_t gpa, uint32_t *len)
{
	if (gmem->n > 0) {
		const struct gmem_region *region = &gmem->regions[gmem_find(gmem, gpa)];
		const uint64_t off = gpa - region->gpa;

		if (off < region->size) {
			const uint64_t left = region->size - off;

			*len = left < *len ? (uint32_t)left : *len;
			return region->host + off;
		}
	}
	return NULL;
}

#endif
