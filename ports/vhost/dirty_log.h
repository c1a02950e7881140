/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration log: which pages of the guest the switch has written.
 *
 * vhost-user, "Migration": one bit for each 4 KiB page of guest-physical memory, in a file of the
 * front end's. While VHOST_F_LOG_ALL is acknowledged, every write to guest memory is followed by
 * setting its pages' bits, before the guest is told of the write (a bit that is set first may be
 * read and cleared before the bytes are there).
 *
 * Pages beyond the log are not logged: the front end has sized it.
 */
#ifndef VSW_PORTS_VHOST_DIRTY_LOG_H
#define VSW_PORTS_VHOST_DIRTY_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "ports/vhost/peer_map.h"

#define DIRTY_LOG_PAGE 4096 /* vhost-user, "Migration": VHOST_LOG_PAGE */
#define DIRTY_LOG_MAX (UINT64_C(1) << 34) /* bytes of log: 512 TiB of guest */

struct dirty_log {
	uint8_t *bits; /* mapped at the offset that was asked for */
	uint64_t size; /* bytes of bits */
	struct peer_map map;
};

/* Map `size` bytes of the file from `offset`. Takes the descriptor in any case. */
int dirty_log_create(int fd, uint64_t size, uint64_t offset, atomic_bool *gone,
	struct dirty_log **out, struct err *err) ON_MAIN;
void dirty_log_free(struct dirty_log *log) ON_MAIN; /* NULL is legal; after a grace period */

/* Bytes [gpa, gpa + len) were written, len > 0. A worker. */
static inline void
dirty_log_wrote(const struct dirty_log *log, uint64_t gpa, uint64_t len)
{
	const uint64_t last = (gpa + len - 1) / DIRTY_LOG_PAGE;

	for (uint64_t page = gpa / DIRTY_LOG_PAGE; page <= last; page++) {
		uint8_t *byte = log->bits + page / 8;
		const uint8_t bit = (uint8_t)(1U << (page % 8));

		if (page / 8 >= log->size) {
			return;
		}
		if ((__atomic_load_n(byte, __ATOMIC_RELAXED) & bit) == 0) {
			(void)__atomic_fetch_or(byte, bit, __ATOMIC_RELAXED);
		}
	}
}

#endif
