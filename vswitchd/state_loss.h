/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What became of packets, in the schema's JSON: /system/traffic, the list /system/drop, the
 * container /port/latency, and the rpc `drops`. Main only.
 */
#ifndef VSW_VSWITCHD_STATE_LOSS_H
#define VSW_VSWITCHD_STATE_LOSS_H

#include <jansson.h>

#include "vswitchd/world.h"

/* Entries of /system/drop; those with fewest packets are told together beyond it. */
#define STATE_DROPS_MAX 10000

/* Into the entry of /system. */
void state_loss(const struct world *world, json_t *system) ON_MAIN;

/* The container `latency` of a port that has a device; a new reference. */
json_t *state_latency(const struct world *world, const struct world_port *port) ON_MAIN;

/* The rpc; ctx is the struct world. */
int action_drops(void *ctx, json_t *input, json_t **output, struct err *err);

#endif
