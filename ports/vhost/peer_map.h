/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A part of a peer's file, mapped here and guarded.
 *
 * Guest memory, the migration log and the in-flight area come as a file, an offset and a size, all
 * of them of the peer's choice. They are checked together before anything is mapped: no sum wraps,
 * the file is that long, and it is memory (tmpfs, memfd, hugetlbfs). A file of another kind is
 * refused, and nothing is asked about it (foreign_fd.h), because whoever serves it (FUSE, a
 * network, a slow disk) could hold up who touches it for as long as it likes.
 *
 * The mapping is shared, not populated, not in core dumps, and stands in the SIGBUS guard. It keeps
 * the file: the descriptor may be closed.
 *
 * Sizes are bytes. Threads: main, but for what has been released.
 */
#ifndef VSW_PORTS_VHOST_PEER_MAP_H
#define VSW_PORTS_VHOST_PEER_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

struct peer_map {
	uint8_t *bytes; /* the part that was asked for */
	uint8_t *start; /* of the mapping; a multiple of `block`, as is len */
	uint64_t len;
	uint64_t block; /* what the file can be mapped in: the size of a page or hugepage */
	int guard;
};

/* What is asked for. */
struct peer_part {
	const char *what; /* subject of error texts: "region 3", "the migration log" */
	uint64_t offset;
	uint64_t size; /* > 0 */
	bool require_seals; /* refuse a file that may be shrunk */
};

/* Does not take the descriptor. `gone`: see guard_add. */
int peer_map_make(struct peer_map *map, int fd, const struct peer_part *part, atomic_bool *gone,
	struct err *err) ON_MAIN;

/* Nobody can touch it any more: out of the guard, but still mapped. */
void peer_map_release(struct peer_map *map) ON_MAIN;

/* Unmap up to `max` bytes (or a block) of a released mapping. True if more is left. Any thread. */
bool peer_map_unmap(struct peer_map *map, uint64_t max);

#endif
