/* SPDX-License-Identifier: BSD-3-Clause */
/* What the action `capture` asks for. Main only. */
#ifndef VSW_VSWITCHD_CAPTURE_REQUEST_H
#define VSW_VSWITCHD_CAPTURE_REQUEST_H

#include <jansson.h>
#include <stdint.h>

#include "vswitchd/world.h"

struct capture_request {
	const struct world_port *port; /* one of the two, the other NULL */
	const struct world_bridge *bridge;
	const char *filter; /* "": none; borrowed from the input */
	const char *direction; /* constant */
	unsigned int ways; /* set of enum capture_way */
	uint32_t snaplen;
	uint64_t count; /* 0: any number */
};

/* -errno with *err filled, its path the member's name. */
int capture_request_read(const struct world *world, const json_t *input,
	struct capture_request *request, struct err *err) ON_MAIN;

#endif
