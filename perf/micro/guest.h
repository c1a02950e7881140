/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of a vhost-user connection in one process: librte_vhost as the back end, the front end
 * of tests/frontend as its guest, with one pair of queues.
 *
 * The library answers on a thread of its own while guest_open() speaks to it; after that its thread
 * sleeps, and both sides of the rings are the caller's. So no cache line moves between processors,
 * which is most of what such rings cost in earnest. One guest at a time.
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
#define GUEST_STRIDE 2048u /* of its buffers */
#define GUEST_FRAME_AT 64u /* the header lies before it, the frame begins a cache line */

struct guest_kind {
	bool packed;
	bool mergeable;
	uint16_t size; /* of the frames it sends */
};

/* One direction; buffers are used in turn. */
struct guest_lane {
	struct frontend_queue *queue;
	struct ring_buffer buffers[GUEST_RING];
	uint32_t next; /* buffer to post */
	uint32_t out; /* posted and not collected */
};

struct guest {
	struct frontend frontend;
	bool connected;
	struct guest_lane rx; /* the guest receives */
	struct guest_lane tx;
};

/* Connect a guest whose frames to send are written. Close it also when this fails. */
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
