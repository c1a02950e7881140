/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest has made available: up to a burst of buffers, looked at in one go.
 *
 * A buffer of one descriptor that lies in the region of the one before is ready for use: its
 * address is translated and its first lines are on their way. Any other comes with `at` NULL and is
 * looked at again by whoever walks it (vq_chain.h), from scratch. Looking consumes nothing.
 *
 * Included by the files that are built once for each kind of CPU. Everything here runs once for
 * each packet: what does not change is in locals, since no compiler can know that guest memory is
 * not the view.
 */
#ifndef VSW_PORTS_VHOST_VQ_FETCH_H
#define VSW_PORTS_VHOST_VQ_FETCH_H

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "ports/vhost/vq.h"
#include "ports/vhost/vq_copy.h"
#include "ports/vhost/vq_format.h"

struct vq_bufs {
	uint8_t *at[PKT_BURST]; /* NULL: to be walked */
	uint32_t len[PKT_BURST];
	uint16_t id[PKT_BURST]; /* split: head; packed: buffer id, if not to be walked */
};

/* Stop the ring. A worker. */
static inline void
vq_fail(struct vq *vq, enum vq_fault fault)
{
	atomic_store_explicit(&vq->fault, (int)fault, memory_order_relaxed);
}

static inline bool
vq_stopped(const struct vq *vq)
{
	return atomic_load_explicit(&vq->fault, memory_order_relaxed) != VQ_FAULT_NONE;
}

/* May the ring be used? Finds out that its memory has gone. */
static inline bool
vq_sound(struct vq *vq, const struct vq_view *view)
{
	if (unlikely(vq_stopped(vq))) {
		return false;
	}
	if (unlikely(
		    view->gone != NULL && atomic_load_explicit(view->gone, memory_order_relaxed))) {
		vq_fail(vq, VQ_FAULT_MEMORY);
		return false;
	}
	return true;
}

/* The region that the last buffer of the ring was in, copied. A walk finds another one's. */
static inline struct gmem_region
fetch_region(const struct vq *vq, const struct vq_view *view)
{
	return likely(vq->region < view->memory->n) ? view->memory->regions[vq->region]
						    : (struct gmem_region){.size = 0};
}

/*
 * Note one loaded descriptor; `wanted` is its flags if the device may use it as it is. Is it ready
 * for use?
 */
static __rte_always_inline bool
fetch_note(struct vq_bufs *bufs, uint16_t i, const struct gmem_region *region,
	const struct desc *desc, uint16_t wanted)
{
	const uint64_t off = desc->gpa - region->gpa;
	/* Of no use unless the checks pass; an integer's sum may wrap, a pointer's may not. */
	uint8_t *at = (uint8_t *)((uintptr_t)region->host + off);

	bufs->len[i] = desc->len;
	if (unlikely((desc->flags & DESC_KINDS) != wanted || off >= region->size ||
		    desc->len > region->size - off)) {
		bufs->at[i] = NULL;
		return false;
	}
	bufs->at[i] = at;
	if (wanted == DESC_WRITE) {
		prefetch_write(at);
		prefetch_write(at + 64);
	} else {
		__builtin_prefetch(at);
		__builtin_prefetch(at + 64);
		if (desc->len > 128) {
			__builtin_prefetch(at + 128);
			__builtin_prefetch(at + 192);
		}
	}
	return true;
}

static __rte_always_inline uint16_t
split_fetch(struct vq *vq, const struct vq_view *view, struct vq_bufs *bufs, uint16_t max,
	uint16_t wanted)
{
	const struct gmem_region region = fetch_region(vq, view);
	const uint16_t size = view->size;
	const uint16_t mask = (uint16_t)(size - 1);
	const uint16_t next = vq->next_avail;
	const uint16_t ready = (uint16_t)(split_avail_idx(view->avail) - next);
	uint8_t *avail = view->avail;
	const uint8_t *descs = view->desc;
	const uint16_t n = ready < max ? ready : max;

	__atomic_store_n(&vq->stats.waiting, ready, __ATOMIC_RELAXED);
	if (unlikely(ready > size)) {
		vq_fail(vq, VQ_FAULT_AVAIL);
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		const uint16_t head =
			guest_load16(split_avail_ring(avail, (uint16_t)((next + i) & mask)));

		bufs->id[i] = head;
		__builtin_prefetch(descs + (size_t)(head & mask) * DESC_SIZE);
	}
	for (uint16_t i = 0; i < n; i++) {
		const uint16_t head = bufs->id[i];
		struct desc desc;

		if (unlikely(head >= size)) {
			/* What came before it is good. */
			if (i == 0) {
				vq_fail(vq, VQ_FAULT_HEAD);
			}
			return i;
		}
		desc = desc_load_split(descs + (size_t)head * DESC_SIZE);
		(void)fetch_note(bufs, i, &region, &desc, wanted);
	}
	return n;
}

static __rte_always_inline uint16_t
packed_fetch(struct vq *vq, const struct vq_view *view, struct vq_bufs *bufs, uint16_t max,
	uint16_t wanted)
{
	const struct gmem_region region = fetch_region(vq, view);
	const uint8_t *descs = view->desc;
	const uint16_t size = view->size;
	uint32_t slot = vq->next_avail;
	bool wrap = vq->avail_wrap;
	uint16_t i = 0;

	/* A guest may make a slot available again while we look: never more than a lap. */
	max = max < size ? max : size;
	while (i < max) {
		const struct desc desc = desc_load_packed(descs + (size_t)slot * DESC_SIZE);

		if (!packed_is_avail(desc.flags, wrap)) {
			break;
		}
		bufs->id[i] = desc.next;
		if (unlikely(!fetch_note(bufs, i++, &region, &desc, wanted))) {
			break; /* where the next buffer begins is known after a walk */
		}
		if (++slot == size) {
			slot = 0;
			wrap = !wrap;
		}
	}
	__atomic_store_n(&vq->stats.waiting, i, __ATOMIC_RELAXED);
	return i;
}

/* Up to `max` (<= PKT_BURST); 0 with a fault, too. In a packed ring only the last is to be walked.
 */
static __rte_always_inline uint16_t
vq_fetch(struct vq *vq, const struct vq_view *view, struct vq_bufs *bufs, uint16_t max,
	uint16_t wanted, bool packed)
{
	return packed ? packed_fetch(vq, view, bufs, max, wanted)
		      : split_fetch(vq, view, bufs, max, wanted);
}

/* The next buffers, of so many (packed) slots (<= size), are the device's from now on. */
static inline void
vq_consume(struct vq *vq, const struct vq_view *view, uint16_t n, bool packed)
{
	uint32_t next = (uint32_t)vq->next_avail + n;

	if (packed && next >= view->size) {
		next -= view->size;
		vq->avail_wrap = !vq->avail_wrap;
	}
	vq->next_avail = (uint16_t)next;
}

static inline bool
vq_packed(const struct vq_view *view)
{
	return (view->flags & VQ_PACKED) != 0;
}

#endif
