/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/device_queue.h"

void
device_queue_init(
	struct device_queue *device, struct frontend_queue *queue, const struct memory *memory)
{
	*device = (struct device_queue){
		.queue = queue,
		.base = memory->base,
		.size = queue->is_packed ? queue->ring.packed.size : queue->ring.split.size,
		.wrap = true,
	};
	if (queue->is_packed) {
		queue->ring.packed.device->flags = PACKED_EVENT_DISABLE;
	} else {
		queue->ring.split.used->flags = SPLIT_USED_NO_NOTIFY;
	}
}

static unsigned int
look_split(const struct device_queue *device, struct device_buffer *buffers, unsigned int max)
{
	const struct split_ring *ring = &device->queue->ring.split;
	const uint16_t mask = (uint16_t)(device->size - 1);
	const uint16_t ready =
		(uint16_t)(__atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE) - device->next);
	const unsigned int n = ready < max ? ready : max;

	for (unsigned int i = 0; i < n; i++) {
		const uint16_t id = ring->avail->ring[(device->next + i) & mask];
		const struct split_desc *desc = &ring->desc[id];
		buffers[i] = (struct device_buffer){
			.at = device->base + (desc->addr - MEMORY_GPA),
			.len = desc->len,
			.id = id,
		};
	}
	return n;
}

static unsigned int
look_packed(const struct device_queue *device, struct device_buffer *buffers, unsigned int max)
{
	const struct packed_desc *descs = device->queue->ring.packed.desc;
	uint16_t slot = device->next;
	bool wrap = device->wrap;
	unsigned int n = 0;

	for (; n < max; n++) {
		const struct packed_desc *desc = &descs[slot];
		const uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);
		const bool avail = (flags & PACKED_DESC_AVAIL) != 0;
		const bool used = (flags & PACKED_DESC_USED) != 0;
		if (avail != wrap || used == wrap) {
			break;
		}
		buffers[n] = (struct device_buffer){
			.at = device->base + (desc->addr - MEMORY_GPA),
			.len = desc->len,
			.id = desc->id,
		};
		if (++slot == device->size) {
			slot = 0;
			wrap = !wrap;
		}
	}
	return n;
}

unsigned int
device_queue_look(
	const struct device_queue *device, struct device_buffer *buffers, unsigned int max)
{
	return device->queue->is_packed ? look_packed(device, buffers, max)
					: look_split(device, buffers, max);
}

static void
use_split(struct device_queue *device, const struct device_buffer *buffers, unsigned int n)
{
	volatile struct split_used *used = device->queue->ring.split.used;
	const uint16_t mask = (uint16_t)(device->size - 1);

	for (unsigned int i = 0; i < n; i++) {
		volatile struct split_used_elem *elem = &used->ring[(device->next + i) & mask];
		elem->id = buffers[i].id;
		elem->len = buffers[i].len;
	}
	device->next = (uint16_t)(device->next + n);
	__atomic_store_n(&used->idx, device->next, __ATOMIC_RELEASE);
}

/* All buffers are single descriptors: they are used where they were available. First flags last. */
static void
use_packed(struct device_queue *device, const struct device_buffer *buffers, unsigned int n)
{
	struct packed_desc *descs = device->queue->ring.packed.desc;
	struct packed_desc *first = &descs[device->next];
	const uint16_t first_flags = device->wrap ? PACKED_DESC_AVAIL | PACKED_DESC_USED : 0;

	for (unsigned int i = 0; i < n; i++) {
		struct packed_desc *desc = &descs[device->next];
		desc->id = buffers[i].id;
		desc->len = buffers[i].len;
		if (i > 0) {
			const uint16_t flags =
				device->wrap ? PACKED_DESC_AVAIL | PACKED_DESC_USED : 0;
			__atomic_store_n(&desc->flags, flags, __ATOMIC_RELEASE);
		}
		if (++device->next == device->size) {
			device->next = 0;
			device->wrap = !device->wrap;
		}
	}
	__atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
}

void
device_queue_use(struct device_queue *device, const struct device_buffer *buffers, unsigned int n)
{
	if (n == 0) {
		return;
	}
	if (device->queue->is_packed) {
		use_packed(device, buffers, n);
	} else {
		use_split(device, buffers, n);
	}
}
