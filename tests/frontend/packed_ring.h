/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packed virtqueue as its driver sees it (virtio 1.2 section 2.8).
 *
 * One ring of descriptors that both sides write: the driver makes them available, the device
 * overwrites them with what it used, and two flag bits compared with a wrap counter tell which is
 * which (section 2.8.1). Buffers are one descriptor each here; ids are the driver's own and come
 * back in any order, in the order of the device's writing.
 *
 * One thread. `desc` and the event areas are shared with the device and open to tests, which set
 * any descriptor with packed_ring_flags() or whatever they prefer.
 */
#ifndef VSW_TESTS_FRONTEND_PACKED_RING_H
#define VSW_TESTS_FRONTEND_PACKED_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/frontend/ring.h"

struct memory;

/* virtio 1.2 section 2.8.13: struct pvirtq_desc, and the flags of 2.8.1 and 2.8.6. */
#define PACKED_DESC_NEXT 1u
#define PACKED_DESC_WRITE 2u
#define PACKED_DESC_INDIRECT 4u
#define PACKED_DESC_AVAIL (1u << 7)
#define PACKED_DESC_USED (1u << 15)

struct packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};
static_assert(sizeof(struct packed_desc) == 16, "virtio 1.2 section 2.8.13");

/* Section 2.8.14: Event Suppression Structure Format. */
#define PACKED_EVENT_ENABLE 0u
#define PACKED_EVENT_DISABLE 1u
struct packed_event {
	uint16_t off_wrap;
	uint16_t flags;
};

struct packed_ring {
	struct packed_desc *desc;
	struct packed_event *driver; /* written here: whether the device may interrupt */
	volatile struct packed_event *device; /* written by the device: whether it wants kicks */
	uint16_t size;
	uint16_t desc_flags; /* PACKED_DESC_WRITE on a receive queue */
	uint16_t next_avail; /* slot, below size */
	uint16_t next_used; /* slot, below size */
	uint16_t pending; /* posted and not collected */
	bool avail_wrap; /* section 2.8.1: both counters start at 1 */
	bool used_wrap;
};

/* Bytes of memory that packed_ring_init() takes at most. */
size_t packed_ring_memory(uint16_t size);

/* Take the areas from the memory; -ENOMEM. */
int packed_ring_init(
	struct packed_ring *ring, struct memory *memory, uint16_t size, bool device_writes);

/* Flags that make a descriptor available at the given wrap counter. */
static inline uint16_t
packed_ring_flags(uint16_t flags, bool wrap)
{
	return (uint16_t)(flags | (wrap ? PACKED_DESC_AVAIL : PACKED_DESC_USED));
}

/* Whether the device wants kicks, as far as it is known here without waiting for own writes. */
static inline bool
packed_ring_asks_kick(const struct packed_ring *ring)
{
	return ring->device->flags != PACKED_EVENT_DISABLE;
}

/* Section 2.8.21.3: whether the device wants to be kicked for what was just posted. */
static inline bool
packed_ring_wants_kick(const struct packed_ring *ring)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return packed_ring_asks_kick(ring);
}

/* Whether the device has used the descriptor at `slot` in the given round. */
static inline bool
packed_ring_is_used(const struct packed_ring *ring, uint16_t slot, bool wrap)
{
	const uint16_t flags = __atomic_load_n(&ring->desc[slot].flags, __ATOMIC_ACQUIRE);
	const bool avail = (flags & PACKED_DESC_AVAIL) != 0;
	const bool used = (flags & PACKED_DESC_USED) != 0;

	return avail == used && used == wrap;
}

/* Post n buffers, the first one's flags last; the caller knows that there is room. */
static inline void
packed_ring_post(struct packed_ring *ring, const struct ring_buffer *buffers, unsigned int n)
{
	struct packed_desc *descs = ring->desc;
	const uint16_t size = ring->size;
	uint16_t next = ring->next_avail;
	bool wrap = ring->avail_wrap;
	uint16_t flags = packed_ring_flags(ring->desc_flags, wrap);
	struct packed_desc *first = &descs[next];
	const uint16_t first_flags = flags;

	if (n == 0) {
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct packed_desc *desc = &descs[next];
		desc->addr = buffers[i].gpa;
		desc->len = buffers[i].len;
		desc->id = buffers[i].id;
		if (i > 0) {
			__atomic_store_n(&desc->flags, flags, __ATOMIC_RELEASE);
		}
		if (++next == size) {
			next = 0;
			wrap = !wrap;
			flags = packed_ring_flags(ring->desc_flags, wrap);
		}
	}
	ring->next_avail = next;
	ring->avail_wrap = wrap;
	ring->pending = (uint16_t)(ring->pending + n);
	assert(ring->pending <= size);
	__atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
}

/* Up to `max` buffers that came back. */
static inline unsigned int
packed_ring_collect(struct packed_ring *ring, struct ring_used *used, unsigned int max)
{
	const unsigned int most = max < ring->pending ? max : ring->pending;
	uint16_t next = ring->next_used;
	bool wrap = ring->used_wrap;
	unsigned int n = 0;

	while (n < most && packed_ring_is_used(ring, next, wrap)) {
		const struct packed_desc *desc = &ring->desc[next];
		used[n++] = (struct ring_used){.id = desc->id, .len = desc->len};
		if (++next == ring->size) {
			next = 0;
			wrap = !wrap;
		}
	}
	ring->next_used = next;
	ring->used_wrap = wrap;
	ring->pending = (uint16_t)(ring->pending - n);
	return n;
}

/* Buffers that the device has not given back; looks at the newest one only when all may be. */
static inline bool
packed_ring_all_used(const struct packed_ring *ring)
{
	const uint16_t last = ring->next_avail > 0 ? ring->next_avail - 1 : ring->size - 1;
	const bool wrap = ring->next_avail > 0 ? ring->avail_wrap : !ring->avail_wrap;

	return ring->pending == 0 || packed_ring_is_used(ring, last, wrap);
}

/* Vring base as GET/SET_VRING_BASE have it: available index and wrap, then used index and wrap. */
static inline uint32_t
packed_ring_base(const struct packed_ring *ring)
{
	return (uint32_t)ring->next_avail | (uint32_t)ring->avail_wrap << 15 |
		(uint32_t)ring->next_used << 16 | (uint32_t)ring->used_wrap << 31;
}

#endif
