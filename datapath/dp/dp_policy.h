/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meters, groups, and what a port's policy is made of (datapath/pipe/policy.h); access lists have a
 * header of their own.
 *
 * All are made first (what can fail) and then put in place (what cannot); workers see them with the
 * next dp_publish, and what they replace is freed a grace period later. Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_POLICY_H
#define VSW_DATAPATH_DP_DP_POLICY_H

#include "datapath/dp/dp.h"
#include "datapath/dp/dp_acl.h"
#include "datapath/pipe/action.h"
#include "datapath/pipe/policy.h"

/* --- ports ----------------------------------------------------------------------------------- */

/*
 * What a port's policy is, for dp_port_set (struct dp_port_fwd.policy, borrowed there and copied).
 * Storm limits keep their state when a port is set again with the same ones.
 */
struct dp_port_policy {
	struct dp_acl *acl_in; /* NULL: none */
	struct dp_acl *acl_out;
	const struct spoof_view *spoof; /* NULL: any address; copied */
	struct meter_conf storm[STORM_KINDS]; /* rate 0: no limit */
	bool protected_port; /* sends nothing to other protected ports */
};

/* --- meters and groups of a bridge ----------------------------------------------------------- */

struct dp_meter;
struct dp_group;

struct dp_bucket {
	uint16_t watch; /* port number, 0: none */
	uint16_t weight;
	struct action_list *actions; /* taken by dp_group_create */
};

/* A meter goes on as it is if it is set again with the same configuration. -EINVAL: meter.h. */
int dp_bridge_set_meter(struct dp *dp, struct dp_bridge *bridge, uint32_t id,
	const struct meter_conf *conf, struct err *err) ON_MAIN;
void dp_bridge_del_meter(struct dp *dp, struct dp_bridge *bridge, uint32_t id) ON_MAIN;

/* False: there is none. */
bool dp_bridge_get_meter(
	const struct dp_bridge *bridge, uint32_t id, uint64_t *passed, uint64_t *dropped) ON_MAIN;

/* Takes the buckets' actions. Replaces the group of this id. */
void dp_bridge_set_group(struct dp *dp, struct dp_bridge *bridge, uint32_t id, enum group_type type,
	const struct dp_bucket *buckets, uint32_t n) ON_MAIN;
void dp_bridge_del_group(struct dp *dp, struct dp_bridge *bridge, uint32_t id) ON_MAIN;

#endif
