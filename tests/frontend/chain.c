/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/chain.h"

void
split_chain(
	struct split_ring *ring, uint16_t first, const struct chain_piece *pieces, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		ring->desc[first + i] = (struct split_desc){
			.addr = pieces[i].gpa,
			.len = pieces[i].len,
			.flags = (uint16_t)(pieces[i].flags | (i < n - 1 ? SPLIT_DESC_NEXT : 0)),
			.next = i < n - 1 ? (uint16_t)(first + i + 1) : 0,
		};
	}
	split_ring_put_head(ring, first);
}

void
split_chain_indirect(struct split_ring *ring, uint16_t head, struct split_desc *table,
	uint64_t table_gpa, const struct chain_piece *pieces, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		table[i] = (struct split_desc){
			.addr = pieces[i].gpa,
			.len = pieces[i].len,
			.flags = (uint16_t)(pieces[i].flags | (i < n - 1 ? SPLIT_DESC_NEXT : 0)),
			.next = i < n - 1 ? (uint16_t)(i + 1) : 0,
		};
	}
	const struct chain_piece whole = {
		.gpa = table_gpa,
		.len = n * (uint32_t)sizeof(table[0]),
		.flags = SPLIT_DESC_INDIRECT,
	};
	split_chain(ring, head, &whole, 1);
}

void
packed_chain(
	struct packed_ring *ring, uint16_t id, const struct chain_piece *pieces, unsigned int n)
{
	struct packed_desc *first = &ring->desc[ring->next_avail];
	uint16_t first_flags = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct packed_desc *desc = &ring->desc[ring->next_avail];
		const uint16_t flags = packed_ring_flags(
			(uint16_t)(pieces[i].flags | (i < n - 1 ? PACKED_DESC_NEXT : 0)),
			ring->avail_wrap);
		desc->addr = pieces[i].gpa;
		desc->len = pieces[i].len;
		desc->id = id;
		if (i == 0) {
			first_flags = flags;
		} else {
			desc->flags = flags;
		}
		if (++ring->next_avail == ring->size) {
			ring->next_avail = 0;
			ring->avail_wrap = !ring->avail_wrap;
		}
	}
	ring->pending = (uint16_t)(ring->pending + n);
	__atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
}

void
packed_chain_indirect(struct packed_ring *ring, uint16_t id, struct packed_desc *table,
	uint64_t table_gpa, const struct chain_piece *pieces, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		table[i] = (struct packed_desc){
			.addr = pieces[i].gpa,
			.len = pieces[i].len,
			.flags = pieces[i].flags,
		};
	}
	const struct chain_piece whole = {
		.gpa = table_gpa,
		.len = n * (uint32_t)sizeof(table[0]),
		.flags = PACKED_DESC_INDIRECT,
	};
	packed_chain(ring, id, &whole, 1);
}
