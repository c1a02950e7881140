/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which bits of a packet each port's pipeline looks at, from rules and policy (pipe/key.h).
 *
 * Ports of a bridge whose rules and policy ask for nothing special share the bridge's keys. A mask
 * is made wider in the snapshot that brings the rule that needs it; when rules go it is made
 * narrower DP_KEYS_NARROW later, because each change makes the port's flows decide again.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_KEYS_H
#define VSW_DATAPATH_DP_DP_KEYS_H

#include "datapath/dp/dp_priv.h"

#define DP_KEYS_NARROW (10 * CLOCK_S)

/* What the next snapshot has for the ports: makes what is stale. From dp_publish. */
void dp_keys_refresh(struct dp *dp) ON_MAIN;

/* The keys of a published port; NULL: a bridge's own do. */
const struct port_keys *dp_keys_of(const struct dp_port *port);

/* From dp_step: makes a bridge's masks narrower when it is time, and publishes that. */
void dp_keys_step(struct dp *dp, uint64_t now) ON_MAIN;

/* The port, or bridge, goes with the next publication. */
void dp_keys_drop_port(struct dp *dp, struct dp_port *port) ON_MAIN;
void dp_keys_drop_bridge(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;

void dp_keys_fini(struct dp *dp);

#endif
