/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that rules punt and sample, on their way through main.
 *
 * Workers put copies into their queues (datapath/pipe/punt.h); dp_step takes them out and hands
 * those to dp_options.punt that the bridge's rate lets through. A bridge has one limit for all its
 * punts, so that a flood of one does not keep main from the others, nor from its work. As many as a
 * second brings may pass at once after a silence.
 *
 * While nobody asks for punts nothing tells the workers: copies are made, taken and counted.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_PUNT_H
#define VSW_DATAPATH_DP_DP_PUNT_H

#include <stdint.h>

#include "base/clock.h"
#include "base/role.h"
#include "datapath/pipe/punt.h"

#define DP_PUNT_RATE_DEFAULT 1000U /* packets a second */
#define DP_PUNT_RATE_MAX 1000000U

/* Call dp_step this often while somebody waits for punts; they come no faster else than
 * DP_STEP_IDLE when there have been none for a while. */
#define DP_STEP_PUNT (10 * CLOCK_MS)

struct dp;
struct dp_bridge;

struct dp_punt_stats {
	uint64_t punted; /* passed, whether anybody listened or not */
	uint64_t lost; /* found a worker's queue full */
	uint64_t limited; /* were more than the bridge's rate allows */
};

/* Since the bridge was made or its statistics were cleared (dp_bridge_clear_stats). */
void dp_bridge_get_punts(
	const struct dp *dp, const struct dp_bridge *bridge, struct dp_punt_stats *stats) ON_MAIN;

#endif
