/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/peer_map.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/foreign_fd.h"
#include "ports/vhost/guard.h"

#define PAGE 4096
#define BLOCK_MAX (UINT64_C(16) << 30) /* the largest hugepage of any CPU that Linux runs on */

/* Is the file made of memory, so that nobody can hold up an access to it? Asked first: with others,
 * fstat(2) already may wait for whoever serves the file. */
static int
check_kind(int fd, const struct peer_part *part, struct err *err)
{
	if (!foreign_fd_is_memory(fd)) {
		return err_set(err, ERR_INVALID, NULL,
			"%s: the descriptor is no file in memory, and could make the switch wait; "
			"use memfd, /dev/shm or hugepages",
			part->what);
	}
	return 0;
}

/* Does the file have all of the part? */
static int
check_length(const struct stat *st, const struct peer_part *part, struct err *err)
{
	uint64_t end;

	if (part->size == 0) {
		return err_set(err, ERR_INVALID, NULL, "%s: its size is 0", part->what);
	}
	if (__builtin_add_overflow(part->offset, part->size, &end) || end > INT64_MAX) {
		return err_set(err, ERR_INVALID, NULL,
			"%s: offset 0x%" PRIx64 " and size 0x%" PRIx64
			" together are more than 64 bits hold",
			part->what, part->offset, part->size);
	}
	if (end > (uint64_t)st->st_size) {
		return err_set(err, ERR_INVALID, NULL,
			"%s: it ends at 0x%" PRIx64 " of the file, which has 0x%" PRIx64 " bytes",
			part->what, end, (uint64_t)st->st_size);
	}
	return 0;
}

static int
check_seals(int fd, const struct peer_part *part, struct err *err)
{
	const int seals = fcntl(fd, F_GET_SEALS);

	if (part->require_seals && (seals == -1 || (seals & F_SEAL_SHRINK) == 0)) {
		return err_set(err, ERR_DENIED, NULL,
			"%s: its file can be shrunk, and this port requires seals; have the front "
			"end seal it (F_SEAL_SHRINK), as QEMU's memory-backend-memfd does",
			part->what);
	}
	return 0;
}

/* The unit in which the file can be mapped: the size of its pages. */
static uint64_t
block_of(const struct stat *st)
{
	const uint64_t block = (uint64_t)st->st_blksize;

	return block < PAGE || block > BLOCK_MAX || (block & (block - 1)) != 0 ? PAGE : block;
}

static int
map_file(struct peer_map *map, int fd, const struct peer_part *part, struct err *err)
{
	const uint64_t mask = map->block - 1;
	const uint64_t from = part->offset & ~mask;
	const uint64_t to = (part->offset + part->size + mask) & ~mask; /* below 2^64: checked */
	void *start;

	map->len = to - from;
	start = mmap(NULL, map->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		(off_t)from);
	if (start == MAP_FAILED) {
		return err_set(err, ERR_FAILED, NULL,
			"%s: cannot map 0x%" PRIx64 " bytes from 0x%" PRIx64 " of its file: %s%s",
			part->what, map->len, from, strerror(errno),
			errno == EACCES || errno == EPERM
				? "; it must be open for reading and writing"
				: "");
	}
	(void)madvise(start, map->len, MADV_DONTDUMP);
	map->start = start;
	map->bytes = map->start + (part->offset - from);
	return 0;
}

int
peer_map_make(struct peer_map *map, int fd, const struct peer_part *part, atomic_bool *gone,
	struct err *err)
{
	struct stat st;
	int ret = check_kind(fd, part, err);

	if (ret == 0 && fstat(fd, &st) != 0) {
		ret = err_set(err, ERR_FAILED, NULL, "%s: its file cannot be looked at: %s",
			part->what, strerror(errno));
	}
	if (ret == 0) {
		ret = check_length(&st, part, err);
	}
	if (ret == 0) {
		ret = check_seals(fd, part, err);
	}
	if (ret != 0) {
		return ret;
	}
	map->block = block_of(&st);
	ret = map_file(map, fd, part, err);
	if (ret != 0) {
		return ret;
	}
	map->guard = guard_add(map->start, map->len, gone);
	if (map->guard < 0) {
		(void)munmap(map->start, map->len);
		return err_set(err, ERR_LIMIT, NULL,
			"%s: cannot guard its memory (%s); %u parts are", part->what,
			strerror(-map->guard), guard_count());
	}
	return 0;
}

void
peer_map_release(struct peer_map *map)
{
	guard_remove(map->guard);
	map->guard = -1;
}

bool
peer_map_unmap(struct peer_map *map, uint64_t max)
{
	uint64_t slice = max & ~(map->block - 1);

	if (slice < map->block) {
		slice = map->block;
	}
	if (slice > map->len) {
		slice = map->len;
	}
	(void)munmap(map->start, slice);
	map->start += slice;
	map->len -= slice;
	return map->len > 0;
}
