/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of a vhost-user connection in one process: librte_vhost as the back end, or our own
 * rings (native.h), and the front end of tests/frontend as its guest, with one pair of queues.
 *
 * The library answers on a thread of its own while guest_open() speaks to it; after that its thread
 * sleeps, and both sides of the rings are the caller's. While the same thread has both, no cache
 * line moves between processors, which is most of what such rings cost in earnest (crossing.c gives
 * the driver's side to another thread). One guest at a time.
 */
#ifndef VSW_PERF_MICRO_GUEST_H
#define VSW_PERF_MICRO_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "perf/micro/backend.h"
#include "perf/micro/bench.h"
#include "tests/frontend/frontend.h"

#define GUEST_RING 256 /* descriptors of a ring, and buffers of the guest for it */
#define GUEST_STRIDE 2048u /* of its buffers at least */
#define GUEST_STRIDE_LONG \
	4096u /* of those that several take one frame: a page, as Linux has them */
#define GUEST_SEGMENT 65226u /* a large frame: perf/loadgen's TCP segment */
#define GUEST_FRAME_AT 64u /* the header lies before it, the frame begins a cache line */

struct guest_kind {
	bool packed;
	bool mergeable;
	uint16_t size; /* of the frames it sends */
};

/* Buffers that one of them takes to receive; all need to be mergeable if it is more than one. */
static inline unsigned int
guest_pieces(uint16_t size)
{
	const uint32_t room = GUEST_STRIDE_LONG - GUEST_FRAME_AT + sizeof(struct net_hdr);

	return size <= GUEST_STRIDE - GUEST_FRAME_AT
		? 1
		: (size + (uint32_t)sizeof(struct net_hdr) + room - 1) / room;
}

/* One direction; buffers are used in turn. */
struct guest_lane {
	struct frontend_queue *queue;
	struct ring_buffer buffers[GUEST_RING];
	uint32_t next; /* buffer to post */
	uint32_t out; /* posted and not collected */
};

struct guest {
	struct frontend frontend;
	bool open;
	bool connected;
	struct guest_lane rx; /* the guest receives */
	struct guest_lane tx;
};

/*
 * Connect a guest whose frames to send are written; without a back end it is there for native.h.
 * Close it also when this fails.
 */
int guest_open(struct guest *guest, struct backend *backend, const struct bench *bench,
	const struct guest_kind *kind, struct err *err);
void guest_close(struct guest *guest);

/* The driver's side. Post the next n buffers; take back what has been used, n at most. */
static inline void
guest_post(struct guest_lane *lane, unsigned int n)
{
	assert(lane->out + n <= GUEST_RING && GUEST_RING % n == 0);
	queue_post(lane->queue, &lane->buffers[lane->next & (GUEST_RING - 1)], n);
	lane->next += n;
	lane->out += n;
}

/* Post all that is not out. */
static inline void
guest_refill(struct guest_lane *lane)
{
	while (lane->out < GUEST_RING) {
		const uint32_t at = lane->next & (GUEST_RING - 1);
		const uint32_t left = GUEST_RING - lane->out;
		const uint32_t n = left < GUEST_RING - at ? left : GUEST_RING - at;

		queue_post(lane->queue, &lane->buffers[at], n);
		lane->next += n;
		lane->out += n;
	}
}

static inline unsigned int
guest_collect(struct guest_lane *lane, unsigned int n)
{
	struct ring_used used[GUEST_RING];

	n = queue_collect(lane->queue, used, n);
	bench_keep(used);
	lane->out -= n;
	return n;
}

#endif
