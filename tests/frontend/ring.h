/* SPDX-License-Identifier: BSD-3-Clause */
/* What both kinds of virtqueue speak of: buffers that are posted, and buffers that came back. */
#ifndef VSW_TESTS_FRONTEND_RING_H
#define VSW_TESTS_FRONTEND_RING_H

#include <stdint.h>

/* A whole buffer in one descriptor; `id` is the driver's name for it, below the ring's size. */
struct ring_buffer {
	uint64_t gpa;
	uint32_t len;
	uint16_t id;
};

struct ring_used {
	uint16_t id;
	uint32_t len; /* bytes that the device wrote */
};

#endif
