/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often a port has run into limits: what somebody who watches for them asks once a second.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_LIMITS_H
#define VSW_DATAPATH_DP_DP_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"

struct dp;

enum dp_port_limit {
	DP_LIMIT_MACS, /* addresses forgotten because of its mac-limit */
	DP_LIMIT_BUFFERS, /* frames lost because no packet buffer was free */
	DP_LIMIT_FLOWS, /* frames lost because it sends more new flows than its share */
	DP_LIMIT_STORM, /* frames lost to its storm limits */
	DP_PORT_LIMITS,
};

/* Counts of the port with this id. Those of frames never go down, and go on when the id is another
 * port's; that of addresses begins anew with another table, and when the port's addresses are
 * flushed. False: there is no such port. */
bool dp_port_limits(const struct dp *dp, uint32_t id, uint64_t counts[DP_PORT_LIMITS]) ON_MAIN;

#endif
