/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups (policy.h): which buckets there are for a packet. Pure functions of a snapshot; a worker
 * in a burst, or main.
 */
#ifndef VSW_DATAPATH_PIPE_GROUP_H
#define VSW_DATAPATH_PIPE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/pipe/bridge.h"

/* NULL: the bridge has none of this id. */
const struct group_view *group_find(const struct bridge_view *bridge, uint32_t id);

bool group_bucket_lives(const struct arrival *at, const struct bucket_view *bucket);

/*
 * GROUP_SELECT, by the packet's hash (flow_hash.h): among those that live, as often as their
 * weights say. A bucket that comes or goes, or dies, only takes or gives flows of its own. NULL:
 * none lives.
 */
const struct bucket_view *
group_select(const struct arrival *at, const struct group_view *group, uint32_t hash);

#endif
