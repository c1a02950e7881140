/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notifications: calling the guest, and asking it not to kick.
 *
 * A call. Whether one is wanted may be asked only when the guest can see what was used, which takes
 * a full fence: some hundred cycles of waiting for stores. A worker that has all rings to itself
 * (VQ_LAZY_CALL) does not wait: it looks at once and, at its next bursts, again, at most VQ_LOOKS
 * times, the last time behind a fence.
 *
 * Included by the files that are built once for each kind of CPU.
 */
#ifndef VSW_PORTS_VHOST_VQ_NOTIFY_H
#define VSW_PORTS_VHOST_VQ_NOTIFY_H

#include <rte_branch_prediction.h>

#include "ports/vhost/guest_call.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_format.h"

#define VQ_LOOKS 64

/* Bytes from `off` of the used ring (packed: descriptor ring) were written. */
static inline void
used_log(const struct vq_view *view, uint64_t off, uint64_t len)
{
	if (unlikely(view->log != NULL && view->log_used != UINT64_MAX)) {
		dirty_log_wrote(view->log, view->log_used + off, len);
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
