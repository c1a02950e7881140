/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow tables of a bridge, as main programs them.
 *
 * A batch (begin, changes, commit or abort) is seen by every packet as a whole or not at all; it is
 * published before dp_rules_commit returns. A packet that no rule of table 0 matches goes to
 * `normal`; one that no rule of a later table matches is dropped (no-rule).
 *
 * in_port in matches, and ports in actions, are port numbers (struct dp_port_fwd.number).
 *
 * Counters of a rule lag by at most a second: workers add them up from their flows. Those of a rule
 * that has gone are final when each worker has been through its flows once more.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_RULES_H
#define VSW_DATAPATH_DP_DP_RULES_H

#include "datapath/core/match.h"
#include "datapath/dp/dp.h"
#include "datapath/pipe/action.h"
#include "datapath/table/rules.h"

struct dp_rule_spec {
	uint64_t cookie;
	struct match match;
	struct action_list *actions; /* taken by dp_rules_add, also when it fails */
	uint16_t priority;
	uint16_t idle_s; /* seconds without a packet, 0: none; kept to about a second */
	uint16_t hard_s;
	uint8_t table; /* 0..254 */
	bool check_overlap;
};

struct dp_rule_counters {
	uint64_t packets;
	uint64_t bytes;
	uint64_t misses; /* of the packets, those that no flow was remembered for */
	uint64_t age_ns; /* since it was added */
	uint64_t idle_ns; /* since it was last used, or added */
};

struct dp_rules_stats {
	uint32_t rules; /* of all tables */
	uint32_t tables; /* that have rules */
	uint64_t packets; /* of rules that are there, and of all that ever were: */
	uint64_t removed_packets; /* rules that have gone, as far as workers have told */
	uint64_t memory; /* bytes */
};

void dp_rules_begin(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;

/* After an error only dp_rules_abort may follow. Errors name what is wrong, not where. */
int dp_rules_add(struct dp *dp, struct dp_bridge *bridge, struct dp_rule_spec *spec,
	struct err *err) ON_MAIN;

/* New actions (taken) for the rules of a filter; counters and times go on. */
int dp_rules_modify(struct dp *dp, struct dp_bridge *bridge, const struct rules_filter *filter,
	struct action_list *actions, size_t *n, struct err *err) ON_MAIN;
int dp_rules_delete(struct dp *dp, struct dp_bridge *bridge, const struct rules_filter *filter,
	size_t *n, struct err *err) ON_MAIN;

void dp_rules_commit(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;
void dp_rules_abort(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;

/*
 * The rules of a filter, in no order, until `each` returns false. `actions` of a rule is a
 * const struct action_list *. Not between begin and commit. -EINVAL (filter) or 0.
 */
int dp_rules_walk(const struct dp_bridge *bridge, const struct rules_filter *filter,
	bool (*each)(void *arg, const struct rule *rule), void *arg) ON_MAIN;

void dp_rule_get_counters(
	const struct dp *dp, const struct rule *rule, struct dp_rule_counters *counters) ON_MAIN;

void dp_rules_get_stats(
	const struct dp *dp, const struct dp_bridge *bridge, struct dp_rules_stats *stats) ON_MAIN;

/* Of one table: false if it never had a rule. */
bool dp_rules_get_table(
	const struct dp_bridge *bridge, uint8_t table, struct rules_stats *stats) ON_MAIN;

/* Is a port number used by a match or action of the bridge's rules? Then it must not be given to
 * another port. */
bool dp_rules_use_port(const struct dp_bridge *bridge, uint16_t number) ON_MAIN;

#endif
