/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's side of a virtqueue, as short as it can be, for tests of the driver's side.
 *
 * It is written from the specification alone and shares no code with the rings it tests. One
 * thread: what the driver has published is there at once.
 */
#ifndef VSW_TESTS_FRONTEND_DEVICE_MODEL_H
#define VSW_TESTS_FRONTEND_DEVICE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/frontend/packed_ring.h"
#include "tests/frontend/split_ring.h"

/* A buffer that the device has taken. */
struct device_buffer {
	uint64_t gpa;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

struct device_model {
	struct split_ring *split; /* or */
	struct packed_ring *packed;
	uint16_t next_avail;
	uint16_t next_used;
	bool avail_wrap;
	bool used_wrap;
};

void
device_model_init(struct device_model *model, struct split_ring *split, struct packed_ring *packed);

/* Up to `max` available buffers. */
unsigned int
device_model_take(struct device_model *model, struct device_buffer *buffers, unsigned int max);

/* Give one back with `len` bytes written. */
void device_model_give(struct device_model *model, uint16_t id, uint32_t len);

#endif
