/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts as a driver sees them: asking for them, and counting those that came.
 *
 * One thread, the queue's. Nobody sleeps here: an interrupt is an eventfd that is read at the end.
 */
#ifndef VSW_PERF_LOADGEN_NOTIFY_H
#define VSW_PERF_LOADGEN_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "tests/frontend/frontend.h"

/* Whether the device may interrupt (virtio 1.2 sections 2.7.7.1, 2.8.14); at first it may not. */
static inline void
notify_ask(struct frontend_queue *queue, bool wanted)
{
	if (queue->is_packed) {
		__atomic_store_n(&queue->ring.packed.driver->flags,
			wanted ? 0 : PACKED_EVENT_DISABLE, __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(&queue->ring.split.avail->flags,
			wanted ? 0 : SPLIT_AVAIL_NO_INTERRUPT, __ATOMIC_RELEASE);
	}
}

/* Interrupts since the last look. */
static inline uint64_t
notify_calls(const struct frontend_queue *queue)
{
	eventfd_t calls = 0;

	return eventfd_read(queue->call, &calls) == 0 ? calls : 0;
}

#endif
