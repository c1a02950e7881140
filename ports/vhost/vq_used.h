/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Giving buffers back, and telling the guest.
 *
 * vq_used_put() writes used entries that the guest cannot see yet; vq_used_publish() shows them all
 * at once and finds out whether the guest wants to be called. Entries that are in the ring as they
 * are to be written already (a driver that posts its buffers in the same order each time round) are
 * left alone, which leaves their lines in the guest's cache.
 *
 * Included by the files that are built once for each kind of CPU.
 */
#ifndef VSW_PORTS_VHOST_VQ_USED_H
#define VSW_PORTS_VHOST_VQ_USED_H

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "ports/vhost/inflight.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_format.h"
#include "ports/vhost/vq_notify.h"

/* A batch of used entries, not published yet. */
struct vq_used_batch {
	uint32_t n; /* buffers (packed: slots) */
	uint16_t first; /* place in the ring */
	uint16_t first_flags; /* packed */
	bool first_wrap; /* packed */
};

/* The entry at `next`; the caller counts. */
static __rte_always_inline void
split_put(const struct vq_view *view, uint16_t next, uint16_t id, uint32_t len)
{
	const uint16_t place = (uint16_t)(next & (view->size - 1));
	volatile loose64 *entry = (volatile loose64 *)split_used_ring(view->used, place);
	const uint64_t value = id | (uint64_t)len << 32;

	if (*entry != value) {
		*entry = value;
		used_log(view, 4 + 8U * place, 8);
	}
}

static inline void
packed_put(struct vq *vq, const struct vq_view *view, struct vq_used_batch *batch, uint16_t id,
	uint16_t slots, uint32_t len, uint16_t flags)
{
	const uint16_t place = vq->next_used;
	uint8_t *desc = view->desc + (size_t)place * DESC_SIZE;
	const uint16_t lap = (uint16_t)(flags | packed_used_flags(vq->used_wrap));

	if (batch->n == 0) {
		batch->first = place;
		batch->first_flags = lap;
		batch->first_wrap = vq->used_wrap;
	}
	if (unlikely(view->inflight != NULL)) {
		vq_inflight_put(view->inflight,
			&(struct vq_inflight_used){.slot = place,
				.slots = slots,
				.id = id,
				.flags = flags,
				.len = len});
	} else {
		__atomic_thread_fence(__ATOMIC_RELEASE);
		if (batch->n > 0) {
			*(volatile loose64 *)(desc + 8) =
				len | (uint64_t)id << 32 | (uint64_t)lap << 48;
		} else {
			*(volatile loose32 *)(desc + 8) = len;
			guest_store16(desc + 12, id);
		}
		used_log(view, (uint64_t)place * DESC_SIZE, DESC_SIZE);
	}
	vq->next_used = (uint16_t)(place + slots);
	if (vq->next_used >= view->size) {
		vq->next_used = (uint16_t)(vq->next_used - view->size);
		vq->used_wrap = !vq->used_wrap;
	}
}

/* `len` bytes were written into the buffer; `flags`: DESC_WRITE if the device may write it. */
static __rte_always_inline void
vq_used_put(struct vq *vq, const struct vq_view *view, struct vq_used_batch *batch, uint16_t id,
	uint16_t slots, uint32_t len, uint16_t flags, bool packed)
{
	if (packed) {
		packed_put(vq, view, batch, id, slots, len, flags);
		batch->n += slots;
	} else {
		split_put(view, vq->next_used++, id, len);
		batch->n++;
	}
}

/* What a restarted switch has to know is noted first (inflight.h). */
static inline void
packed_commit(struct vq *vq, const struct vq_view *view, const struct vq_used_batch *batch)
{
	const struct vq_inflight_span span = {.size = view->size,
		.slot = batch->first,
		.wrap = batch->first_wrap,
		.n = (uint16_t)batch->n};

	vq_inflight_commit(view->inflight, view->desc, &span);
	for (uint32_t i = 0; i < batch->n; i++) {
		used_log(view, (uint64_t)((batch->first + i) % view->size) * DESC_SIZE, DESC_SIZE);
	}
}

static inline void
packed_publish(struct vq *vq, const struct vq_view *view, const struct vq_used_batch *batch)
{
	if (unlikely(view->inflight != NULL)) {
		packed_commit(vq, view, batch);
		return;
	}
	guest_store16(view->desc + (size_t)batch->first * DESC_SIZE + 14, batch->first_flags);
	used_log(view, (uint64_t)batch->first * DESC_SIZE, DESC_SIZE);
}

static inline void
vq_used_publish(struct vq *vq, const struct vq_view *view, struct vq_used_batch *batch)
{
	if (batch->n == 0) {
		return;
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if ((view->flags & VQ_PACKED) != 0) {
		packed_publish(vq, view, batch);
	} else {
		guest_store16(view->used + 2, vq->next_used);
		used_log(view, 2, 2);
	}
	vq->since += batch->n;
	if (vq->owed == 0) {
		vq->owed = (view->flags & VQ_LAZY_CALL) != 0 ? VQ_LOOKS : 1;
	}
	vq_look_again(vq, view);
	batch->n = 0;
}

#endif
