/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's side of a virtqueue in the same process, in bursts: look at what is available
 * without taking it, then take a part and give it back.
 *
 * Each chain is one descriptor, as the front end posts them. One thread per queue; the driver's
 * side is another thread's.
 */
#ifndef VSW_PERF_LOADGEN_DEVICE_QUEUE_H
#define VSW_PERF_LOADGEN_DEVICE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/frontend/frontend.h"

struct device_queue {
	struct frontend_queue *queue;
	uint8_t *base; /* add a guest address: where it is here */
	uint16_t size;
	uint16_t next; /* split: index; packed: slot */
	bool wrap; /* packed */
};

struct device_buffer {
	uint8_t *at;
	uint32_t len;
	uint16_t id;
};

/* Tells the driver never to kick. */
void device_queue_init(
	struct device_queue *device, struct frontend_queue *queue, const struct memory *memory);

/* Up to `max` available buffers, from the next one on. */
unsigned int device_queue_look(
	const struct device_queue *device, struct device_buffer *buffers, unsigned int max);

/* The first n of them are used, with the lengths that they have now. */
void
device_queue_use(struct device_queue *device, const struct device_buffer *buffers, unsigned int n);

#endif
