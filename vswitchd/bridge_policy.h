/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meters and groups of a bridge, from configuration to datapath.
 *
 * Buckets name ports; a group holds the numbers of those that it names (port_numbers.h), so that
 * they stay these ports' while they are deleted and come back. What a transaction does not change
 * goes on as it is. Main only.
 */
#ifndef VSW_VSWITCHD_BRIDGE_POLICY_H
#define VSW_VSWITCHD_BRIDGE_POLICY_H

#include <jansson.h>

#include "schema/datastore.h"
#include "vswitchd/world.h"

/* Groups of a bridge that a transaction makes. */
struct bridge_policy;

/* Checks meters and groups; what buckets name must be there when the transaction has ended. */
int bridge_policy_check(const struct world *world, const struct ds_txn *txn, const json_t *bridge,
	struct err *err) ON_MAIN;

/* Make what can fail. `before` is NULL for a new bridge. *out is ended by commit or abort. */
int bridge_policy_prepare(struct world *world, const json_t *before, const json_t *after,
	struct bridge_policy **out, struct err *err) ON_MAIN;

/* The bridge gets its meters and groups, and loses those that are gone. */
void bridge_policy_commit(struct world *world, struct world_bridge *bridge, const json_t *before,
	const json_t *after, struct bridge_policy *policy) ON_MAIN;

void bridge_policy_abort(struct world *world, struct bridge_policy *policy) ON_MAIN;

/* The bridge goes: give back what its groups hold. */
void bridge_policy_drop(struct world *world, struct world_bridge *bridge) ON_MAIN;

/* State leaves of its meters, into the lists of the entry. */
void bridge_policy_state(const struct world_bridge *bridge, json_t *entry) ON_MAIN;

#endif
