/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The action `flow-cache`: what workers remember, flow by flow.
 *
 *	{port?, limit?: 1..10000 (1000), after?}
 *	-> {flow: [{worker, port, match, action: [text], packets, bytes (strings), idle-ms?,
 *	    stale?: reason, egress?: port}], next?}
 *
 * `match` is the flow's key: what frames of this port agree in. `egress`: what that port's
 * egress access list says of such frames, not a flow of its own. A flow that comes or goes between
 *two pages is told or not; the others are told once. Main only.
 */
#ifndef VSW_VSWITCHD_FLOW_LIST_H
#define VSW_VSWITCHD_FLOW_LIST_H

#include "ctl/methods.h"
#include "datapath/dp/dp_flows.h"
#include "vswitchd/world.h"

#define FLOW_LIST_DEFAULT 1000
#define FLOW_LIST_MAX 10000

/* As struct rpc_action's `start`; the context is the struct world. */
void action_flow_cache(void *ctx, json_t *input, rpc_action_done done, void *arg);

/* --- also of `trace` ------------------------------------------------------------------------- */

/* What has changed since: "configuration", "rules", "addresses"; NULL: nothing. */
const char *flow_list_state(enum flow_told_state state);

/* Adds packets, bytes and idle-ms; that is left out when only the first packet has come, or the
 * last one long ago. */
void flow_list_counts(const struct flow_told *told, json_t *object);

/* A new array of text. */
json_t *flow_list_actions(const struct world *world, const struct flow_told *told) ON_MAIN;

#endif
