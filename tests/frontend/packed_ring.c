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
