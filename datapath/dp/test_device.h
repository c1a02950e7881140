/* SPDX-License-Identifier: BSD-3-Clause */
/* A device for tests of the datapath: receives what it is told to, and knows how often it lived. */
#ifndef VSW_DATAPATH_DP_TEST_DEVICE_H
#define VSW_DATAPATH_DP_TEST_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "ports/port.h"

/* A device that receives one frame per call as long as it has some, and knows its life. */
struct device {
	struct port port;
	unsigned int n_frames;
	uint8_t head[PKT_HEADROOM + 64];
	uint8_t src;
	unsigned int n_sent;
	uint64_t missed; /* frames that it says it never had */
	bool down; /* status says that no guest is there */
};

/* Of all devices so far. */
struct device_lives {
	unsigned int n_open;
	unsigned int n_closed;
	enum port_close why;
	bool refuse; /* open fails */
};

extern struct device_lives lives;

/* conf->client: a port that chooses its TX queue by hash. */
extern const struct port_ops device_ops;

#endif
