/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest has made available: up to a burst of buffers, looked at in one go.
 *
 * A buffer of one descriptor that lies in one region is ready for use: its address is translated
 * and its first lines are on their way. Any other comes with `at` NULL and is walked (vq_chain.h).
 * Looking consumes nothing.
 *
 * Included by the files that are built once for each kind of CPU.
 */
#ifndef VSW_PORTS_VHOST_VQ_FETCH_H
#define VSW_PORTS_VHOST_VQ_FETCH_H

#include <rte_branch_prediction.h>

#include "ports/vhost/vq.h"
#include "ports/vhost/vq_copy.h"
#include "ports/vhost/vq_format.h"

struct vq_bufs {
	uint16_t n;
	uint8_t *at[PKT_BURST]; /* NULL: to be walked */
	uint64_t gpa[PKT_BURST];
	uint32_t len[PKT_BURST];
	uint16_t start[PKT_BURST]; /* split: head; packed: slot */
	uint16_t id[PKT_BURST]; /* if not to be walked */
};

/* Stop the ring. A worker. */
static inline void
vq_fail(struct vq *vq, enum vq_fault fault)
{
	atomic_store_explicit(&vq->fault, (int)fault, memory_order_relaxed);
}

/* May the ring be used? Finds out that its memory has gone. */
static inline bool
vq_sound(struct vq *vq, const struct vq_view *view)
{
	if (unlikely(atomic_load_explicit(&vq->fault, memory_order_relaxed) != VQ_FAULT_NONE)) {
		return false;
	}
	if (unlikely(
		    view->gone != NULL && atomic_load_explicit(view->gone, memory_order_relaxed))) {
		vq_fail(vq, VQ_FAULT_MEMORY);
		return false;
	}
	return true;
}

/* One loaded descriptor; `wanted` is its flags if the device may use it as it is. */
static inline void
fetch_desc(struct vq *vq, const struct vq_view *view, struct vq_bufs *bufs, uint16_t i,
	const struct desc *desc, uint16_t wanted)
{
	uint8_t *at = NULL;

	if (likely((desc->flags & DESC_KINDS) == wanted && desc->len > 0)) {
		at = gmem_at(view->memory, desc->gpa, desc->len, &vq->region);
	}
	bufs->at[i] = at;
	bufs->gpa[i] = desc->gpa;
	bufs->len[i] = desc->len;
}

static inline void
fetch_prefetch(const struct vq_bufs *bufs, uint16_t i, uint16_t wanted)
{
	if (likely(bufs->at[i] != NULL)) {
		if (wanted == DESC_WRITE) {
			prefetch_write(bufs->at[i], bufs->len[i]);
		} else {
			prefetch_read(bufs->at[i], bufs->len[i]);
		}
	}
}

static inline uint16_t
split_fetch(struct vq *vq, const struct vq_view *view, struct vq_bufs *bufs, uint16_t max,
	uint16_t wanted)
{
	const uint16_t mask = (uint16_t)(view->size - 1);
	const uint16_t ready = (uint16_t)(split_avail_idx(view->avail) - vq->next_avail);
	const uint16_t n = ready < max ? ready : max;

	bufs->n = 0;
	__atomic_store_n(&vq->stats.waiting, ready, __ATOMIC_RELAXED);
	if (unlikely(ready > view->size)) {
		vq_fail(vq, VQ_FAULT_AVAIL);
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		const uint16_t place = (uint16_t)((vq->next_avail + i) & mask);
		const uint16_t head = guest_load16(split_avail_ring(view->avail, place));

		if (unlikely(head >= view->size)) {
			/* What came before it is good. */
			if (i == 0) {
				vq_fail(vq, VQ_FAULT_HEAD);
			}
			break;
		}
		bufs->start[i] = head;
		bufs->id[i] = head;
		__builtin_prefetch(view->desc + (size_t)head * DESC_SIZE);
		bufs->n++;
	}
	for (uint16_t i = 0; i < bufs->n; i++) {
		const struct desc desc =
			desc_load_split(view->desc + (size_t)bufs->start[i] * DESC_SIZE);

		fetch_desc(vq, view, bufs, i, &desc, wanted);
		fetch_prefetch(bufs, i, wanted);
	}
	return bufs->n;
}

static inline uint16_t
packed_fetch(struct vq *vq, const struct vq_view *view, struct vq_bufs *bufs, uint16_t max,
	uint16_t wanted)
{
	uint16_t slot = vq->next_avail;
	bool wrap = vq->avail_wrap;
	uint16_t i = 0;

	while (i < max) {
		const struct desc desc = desc_load_packed(view->desc + (size_t)slot * DESC_SIZE);

		if (!packed_is_avail(desc.flags, wrap)) {
			break;
		}
		bufs->start[i] = slot;
		bufs->id[i] = desc.next;
		fetch_desc(vq, view, bufs, i, &desc, wanted);
		fetch_prefetch(bufs, i, wanted);
		i++;
		if (unlikely((desc.flags & DESC_NEXT) != 0)) {
			break; /* where the next buffer begins is known after a walk */
		}
		if (++slot == view->size) {
			slot = 0;
			wrap = !wrap;
		}
	}
	bufs->n = i;
	__atomic_store_n(&vq->stats.waiting, i, __ATOMIC_RELAXED);
	return i;
}

static inline uint16_t
vq_fetch(struct vq *vq, const struct vq_view *view, struct vq_bufs *bufs, uint16_t max,
	uint16_t wanted)
{
	return (view->flags & VQ_PACKED) != 0 ? packed_fetch(vq, view, bufs, max, wanted)
					      : split_fetch(vq, view, bufs, max, wanted);
}

/* The next buffer, of so many slots, is the device's from now on. */
static inline void
vq_consume(struct vq *vq, const struct vq_view *view, uint16_t slots)
{
	if ((view->flags & VQ_PACKED) == 0) {
		vq->next_avail++;
		return;
	}
	vq->next_avail = (uint16_t)(vq->next_avail + slots);
	if (vq->next_avail >= view->size) {
		vq->next_avail = (uint16_t)(vq->next_avail - view->size);
		vq->avail_wrap = !vq->avail_wrap;
	}
}

#endif
