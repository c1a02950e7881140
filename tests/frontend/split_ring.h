/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A split virtqueue as its driver sees it (virtio 1.2 section 2.7).
 *
 * Buffers are one descriptor each and descriptor number = buffer id: posting rewrites the
 * descriptor, as the drivers of Linux and DPDK do, so a back end pays for fetching it. The device
 * may return buffers in any order. Notifications: the device is told not to interrupt; whether it
 * wants a kick is asked after each post.
 *
 * One thread. The three areas are shared with the device and open to tests: whoever wants chains,
 * indirect tables or nonsense writes `desc` and `avail` itself and moves `next_avail` with
 * split_ring_publish().
 */
#ifndef VSW_TESTS_FRONTEND_SPLIT_RING_H
#define VSW_TESTS_FRONTEND_SPLIT_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/frontend/ring.h"

struct memory;

/* virtio 1.2 section 2.7.5: The Virtqueue Descriptor Table. */
#define SPLIT_DESC_NEXT 1u
#define SPLIT_DESC_WRITE 2u
#define SPLIT_DESC_INDIRECT 4u

struct split_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};
static_assert(sizeof(struct split_desc) == 16, "virtio 1.2 section 2.7.5");

/* Section 2.7.6: The Virtqueue Available Ring. */
#define SPLIT_AVAIL_NO_INTERRUPT 1u
struct split_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];
};

/* Section 2.7.8: The Virtqueue Used Ring. */
#define SPLIT_USED_NO_NOTIFY 1u
struct split_used_elem {
	uint32_t id;
	uint32_t len;
};
struct split_used {
	uint16_t flags;
	uint16_t idx;
	struct split_used_elem ring[];
};

struct split_ring {
	struct split_desc *desc;
	struct split_avail *avail;
	volatile struct split_used *used;
	uint16_t size; /* a power of two */
	uint16_t desc_flags; /* SPLIT_DESC_WRITE on a receive queue */
	uint16_t next_avail; /* of the next buffer to post; wraps at 65536 */
	uint16_t next_used;
};

/* Bytes of memory that split_ring_init() takes at most. */
size_t split_ring_memory(uint16_t size);

/* Take the areas from the memory, aligned as section 2.7 asks; -ENOMEM. */
int
split_ring_init(struct split_ring *ring, struct memory *memory, uint16_t size, bool device_writes);

/* Put a descriptor chain's head in the ring without publishing it. */
static inline void
split_ring_put_head(struct split_ring *ring, uint16_t head)
{
	ring->avail->ring[ring->next_avail++ & (ring->size - 1)] = head;
}

/* Section 2.7.13.3: the index comes after all that it announces. */
static inline void
split_ring_publish(struct split_ring *ring)
{
	__atomic_store_n(&ring->avail->idx, ring->next_avail, __ATOMIC_RELEASE);
}

/* Post n buffers and publish them; the caller knows that there is room. */
static inline void
split_ring_post(struct split_ring *ring, const struct ring_buffer *buffers, unsigned int n)
{
	const uint16_t mask = (uint16_t)(ring->size - 1);
	const uint16_t flags = ring->desc_flags;
	struct split_desc *descs = ring->desc;
	struct split_avail *avail = ring->avail;
	uint16_t next = ring->next_avail;

	for (unsigned int i = 0; i < n; i++) {
		const struct ring_buffer *buffer = &buffers[i];
		descs[buffer->id] = (struct split_desc){
			.addr = buffer->gpa,
			.len = buffer->len,
			.flags = flags,
		};
		/* An equal entry is not written: its line stays shared with the device. */
		if (avail->ring[next & mask] != buffer->id) {
			avail->ring[next & mask] = buffer->id;
		}
		next++;
	}
	ring->next_avail = next;
	split_ring_publish(ring);
}

/* Up to `max` buffers that came back. An id beyond the ring is reported as it is. */
static inline unsigned int
split_ring_collect(struct split_ring *ring, struct ring_used *used, unsigned int max)
{
	const uint16_t mask = (uint16_t)(ring->size - 1);
	const volatile struct split_used *from = ring->used;
	const uint16_t first = ring->next_used;
	const uint16_t ready = (uint16_t)(__atomic_load_n(&from->idx, __ATOMIC_ACQUIRE) - first);
	const unsigned int n = ready < max ? ready : max;

	for (unsigned int i = 0; i < n; i++) {
		const volatile struct split_used_elem *elem = &from->ring[(first + i) & mask];
		const uint32_t id = elem->id;
		used[i] = (struct ring_used){
			.id = id <= UINT16_MAX ? (uint16_t)id : UINT16_MAX,
			.len = elem->len,
		};
	}
	ring->next_used = (uint16_t)(first + n);
	return n;
}

/* Buffers that the device has not given back, as far as it has told: also those not collected. */
static inline uint16_t
split_ring_pending(const struct split_ring *ring)
{
	return (uint16_t)(ring->next_avail - __atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE));
}

/* Whether the device wants kicks, as far as it is known here without waiting for own writes. */
static inline bool
split_ring_asks_kick(const struct split_ring *ring)
{
	return (ring->used->flags & SPLIT_USED_NO_NOTIFY) == 0;
}

/* Section 2.7.13.4.1: whether the device wants to be kicked for what was just published. */
static inline bool
split_ring_wants_kick(const struct split_ring *ring)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return split_ring_asks_kick(ring);
}

#endif
