/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/split_ring.h"

#include <errno.h>

#include "tests/frontend/memory.h"

/* Each area starts a cache line (section 2.7 asks for 16, 2 and 4 bytes). */
#define AREA_ALIGN 64u

static size_t
desc_size(uint16_t size)
{
	return size * sizeof(struct split_desc);
}

/* With the two bytes of used_event, which exist whether or not they are negotiated. */
static size_t
avail_size(uint16_t size)
{
	return sizeof(struct split_avail) + size * sizeof(uint16_t) + sizeof(uint16_t);
}

static size_t
used_size(uint16_t size)
{
	return sizeof(struct split_used) + size * sizeof(struct split_used_elem) + sizeof(uint16_t);
}

size_t
split_ring_memory(uint16_t size)
{
	return desc_size(size) + avail_size(size) + used_size(size) + (size_t)3 * AREA_ALIGN;
}

int
split_ring_init(struct split_ring *ring, struct memory *memory, uint16_t size, bool device_writes)
{
	assert(size > 0 && (size & (size - 1)) == 0);
	*ring = (struct split_ring){
		.desc = memory_alloc(memory, desc_size(size), AREA_ALIGN),
		.avail = memory_alloc(memory, avail_size(size), AREA_ALIGN),
		.used = memory_alloc(memory, used_size(size), AREA_ALIGN),
		.size = size,
		.desc_flags = device_writes ? SPLIT_DESC_WRITE : 0,
	};
	if (ring->desc == NULL || ring->avail == NULL || ring->used == NULL) {
		return -ENOMEM;
	}
	ring->avail->flags = SPLIT_AVAIL_NO_INTERRUPT;
	return 0;
}
