/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers of several descriptors, chained or in an indirect table, legal or not.
 *
 * Each piece is one descriptor as it stands: its flags are the caller's but for NEXT, which links
 * it to the following piece, and AVAIL and USED of a packed ring. One thread; the caller knows that
 * there is room, and that no other buffer uses the same descriptors.
 */
#ifndef VSW_TESTS_FRONTEND_CHAIN_H
#define VSW_TESTS_FRONTEND_CHAIN_H

#include <stdint.h>

#include "tests/frontend/packed_ring.h"
#include "tests/frontend/split_ring.h"

struct chain_piece {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags; /* of both kinds of ring: 2 is WRITE */
};

/* Descriptors first .. first + n - 1 and an entry of the available ring; not published. */
void split_chain(
	struct split_ring *ring, uint16_t first, const struct chain_piece *pieces, unsigned int n);

/* The same in the table at `table`, which descriptor `head` points to by `table_gpa`. */
void split_chain_indirect(struct split_ring *ring, uint16_t head, struct split_desc *table,
	uint64_t table_gpa, const struct chain_piece *pieces, unsigned int n);

/* n descriptors from the next slot on, the first one's flags last: the device sees all at once. */
void packed_chain(
	struct packed_ring *ring, uint16_t id, const struct chain_piece *pieces, unsigned int n);

/* One descriptor that points to a table of n. */
void packed_chain_indirect(struct packed_ring *ring, uint16_t id, struct packed_desc *table,
	uint64_t table_gpa, const struct chain_piece *pieces, unsigned int n);

#endif
