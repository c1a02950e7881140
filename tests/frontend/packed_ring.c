/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/packed_ring.h"

#include <errno.h>

#include "tests/frontend/memory.h"

#define AREA_ALIGN 64u

size_t
packed_ring_memory(uint16_t size)
{
	return size * sizeof(struct packed_desc) + (size_t)5 * AREA_ALIGN;
}

int
packed_ring_init(struct packed_ring *ring, struct memory *memory, uint16_t size, bool device_writes)
{
	/* Section 2.8.10.1: at most 2^15; need not be a power of two. */
	assert(size > 0 && size <= 32768);
	*ring = (struct packed_ring){
		.desc = memory_alloc(memory, size * sizeof(struct packed_desc), AREA_ALIGN),
		.driver = memory_alloc(memory, AREA_ALIGN, AREA_ALIGN),
		.device = memory_alloc(memory, AREA_ALIGN, AREA_ALIGN),
		.size = size,
		.desc_flags = device_writes ? PACKED_DESC_WRITE : 0,
		.avail_wrap = true,
		.used_wrap = true,
	};
	if (ring->desc == NULL || ring->driver == NULL || ring->device == NULL) {
		return -ENOMEM;
	}
	ring->driver->flags = PACKED_EVENT_DISABLE;
	return 0;
}

void
packed_ring_post(struct packed_ring *ring, const struct ring_buffer *buffers, unsigned int n)
{
	struct packed_desc *first = NULL;
	uint16_t first_flags = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct packed_desc *desc = &ring->desc[ring->next_avail];
		const uint16_t flags = packed_ring_flags(ring->desc_flags, ring->avail_wrap);
		desc->addr = buffers[i].gpa;
		desc->len = buffers[i].len;
		desc->id = buffers[i].id;
		if (first == NULL) {
			first = desc;
			first_flags = flags;
		} else {
			__atomic_store_n(&desc->flags, flags, __ATOMIC_RELEASE);
		}
		if (++ring->next_avail == ring->size) {
			ring->next_avail = 0;
			ring->avail_wrap = !ring->avail_wrap;
		}
	}
	ring->pending = (uint16_t)(ring->pending + n);
	assert(ring->pending <= ring->size);
	if (first != NULL) {
		__atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
	}
}

unsigned int
packed_ring_collect(struct packed_ring *ring, struct ring_used *used, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && ring->pending > 0 &&
		packed_ring_is_used(ring, ring->next_used, ring->used_wrap)) {
		const struct packed_desc *desc = &ring->desc[ring->next_used];
		used[n++] = (struct ring_used){.id = desc->id, .len = desc->len};
		ring->pending--;
		if (++ring->next_used == ring->size) {
			ring->next_used = 0;
			ring->used_wrap = !ring->used_wrap;
		}
	}
	return n;
}
