/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of the bridges' MAC tables, on their way through main.
 *
 * Each table queues its changes while somebody wants them (datapath/table/fdb_news.h); dp_step
 * takes them out, DP_MACS_A_STEP at most, from all bridges in turn, and hands them to
 * dp_options.mac.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_MACS_H
#define VSW_DATAPATH_DP_DP_MACS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/table/fdb_news.h"

#define DP_MACS_A_STEP 256U

struct dp;
struct dp_bridge;

/* Tell of changes from now on, or no more. */
void dp_tell_macs(struct dp *dp, bool tell) ON_MAIN;

/* Changes that found the queue of the bridge's table full, since the table was made. */
uint64_t dp_bridge_macs_lost(const struct dp_bridge *bridge) ON_MAIN;

/* dp_step's share of it: true if there was any. */
bool dp_macs_step(struct dp *dp) ON_MAIN;

#endif
