/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Giving buffers back, and telling the guest.
 *
 * vq_used_put() writes used entries that the guest cannot see yet; vq_used_publish() shows them all
 * at once and finds out whether the guest wants to be called. Entries that are in the ring as they
 * are to be written already (a driver that posts its buffers in the same order each time round) are
 * left alone, which leaves their lines in the guest's cache.
 *
 * A call. Whether one is wanted may be asked only when the guest can see what was used, which takes
 * a full fence: some hundred cycles of waiting for stores. A worker that has all rings to itself
 * (VQ_LAZY_CALL) does not wait: it looks at once and, at its next bursts, again, at most VQ_LOOKS
 * times, the last time behind a fence.
 *
 * Included by the files that are built once for each kind of CPU.
 */
#ifndef VSW_PORTS_VHOST_VQ_USED_H
#define VSW_PORTS_VHOST_VQ_USED_H

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "ports/vhost/guest_call.h"
#include "ports/vhost/inflight.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_format.h"

#define VQ_LOOKS 64

/* A batch of used entries, not published yet. */
struct vq_used_batch {
	uint32_t n; /* buffers (packed: slots) */
	uint16_t first; /* place in the ring */
	uint16_t first_flags; /* packed */
	bool first_wrap; /* packed */
};

static inline void
used_log(const struct vq_view *view, uint64_t off, uint64_t len)
{
	if (unlikely(view->log != NULL && view->log_used != UINT64_MAX)) {
		dirty_log_wrote(view->log, view->log_used + off, len);
	}
}

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

/* Slots of a packed ring in the order of two rounds, so that distances can be taken. */
static inline uint32_t
packed_distance(const struct vq_view *view, uint16_t event, const struct vq *vq)
{
	const uint32_t round = 2U * view->size;
	const uint32_t at = (event & 0x7fffU) + ((event & PACKED_EVENT_WRAP) != 0 ? 0 : view->size);
	const uint32_t now = vq->next_used + (vq->used_wrap ? 0U : view->size);

	return (now + 2 * round - at % round - 1) % round;
}

/* Does the guest want a call for what was used since the last one, as far as can be seen now? */
static inline bool
vq_wants_call(const struct vq *vq, const struct vq_view *view)
{
	if ((view->flags & VQ_PACKED) != 0) {
		const uint16_t flags = guest_load16(view->avail + 2) & 3U;

		if (flags != PACKED_EVENT_DESC || (view->flags & VQ_EVENT_IDX) == 0) {
			return flags != PACKED_EVENT_DISABLE;
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		return packed_distance(view, guest_load16(view->avail), vq) < vq->since;
	}
	if ((view->flags & VQ_EVENT_IDX) != 0) {
		const uint16_t event = guest_load16(split_used_event(view->avail, view->size));

		return (uint16_t)(vq->next_used - event - 1) < vq->since;
	}
	return (guest_load16(view->avail) & SPLIT_NO_INTERRUPT) == 0;
}

/* A guest that cannot be called yet is called when it can: SET_VRING_CALL may come late. */
static inline void
vq_called(struct vq *vq, const struct vq_view *view, bool wanted)
{
	if (unlikely(wanted && view->call < 0)) {
		vq->owed = 1;
		return;
	}
	vq->since = 0;
	vq->owed = 0;
	if (!wanted) {
		port_count(&vq->stats.suppressed, 1);
	} else {
		guest_call(view->call);
		port_count(&vq->stats.calls, 1);
	}
}

/* Once more, later: is a call wanted for what was shown before? */
static inline void
vq_look_again(struct vq *vq, const struct vq_view *view)
{
	if (vq->owed == 0) {
		return;
	}
	if (--vq->owed == 0) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		vq_called(vq, view, vq_wants_call(vq, view));
	} else if (vq_wants_call(vq, view)) {
		vq_called(vq, view, true);
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

/* We poll: ask the guest not to kick, and with an event index again before it comes round. */
static inline void
vq_be_quiet(struct vq *vq, const struct vq_view *view)
{
	if ((view->flags & VQ_PACKED) != 0) {
		guest_store16(view->used + 2, PACKED_EVENT_DISABLE);
	} else if ((view->flags & VQ_EVENT_IDX) != 0) {
		guest_store16(
			split_avail_event(view->used, view->size), (uint16_t)(vq->next_avail - 1));
		used_log(view, 4 + 8U * view->size, 2);
	} else {
		guest_store16(view->used, SPLIT_NO_NOTIFY);
		used_log(view, 0, 2);
	}
	vq->quiet = true;
}

/* After taking buffers; `before` is next_avail as it was. */
static inline void
vq_stay_quiet(struct vq *vq, const struct vq_view *view, uint16_t before)
{
	if (unlikely(!vq->quiet ||
		    ((view->flags & (VQ_EVENT_IDX | VQ_PACKED)) == VQ_EVENT_IDX &&
			    ((before ^ vq->next_avail) & 0x4000) != 0))) {
		vq_be_quiet(vq, view);
	}
}

#endif
