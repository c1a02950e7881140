/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A datapath and its model side by side: each change is made to both, each frame goes through both,
 * and what comes out must be the same.
 *
 * The datapath runs on the test's own thread with fake ports and the test's clock. Some frames are
 * sent one by one, some in bursts. A frame that teaches the bridge something goes alone, so that
 * who hears of it first does not matter.
 */
#ifndef VSW_TESTS_WORLD_RULES_WORLD_H
#define VSW_TESTS_WORLD_RULES_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/dp/dp.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/dp_rules.h"
#include "tests/world/pipeline_model.h"
#include "tests/world/rules_random.h"

#define RULES_SLEEP_S 20 /* ageing times and timeouts lie between multiples of it */
#define RULES_BURST 40 /* frames between two comparisons; more than the datapath's burst */
#define RULES_COPIES \
	60 /* for a port between two comparisons: FAKE_RING holds them and one's more */
#define ON_BOTH ON_MAIN ON_WORKER

struct rules_world {
	struct dp *dp;
	struct dp_bridge *bridges[PIPELINE_BRIDGES];
	struct dp_port *ports[PIPELINE_PORTS];
	struct dp_acl *acls[PIPELINE_ACLS];
	struct port_counters last[PIPELINE_PORTS];
	struct pipeline model;
	struct rules_random random;
	uint64_t now; /* ns */
	uint64_t seed;
	unsigned int round;
	uint64_t next_id; /* of a rule */
	unsigned int most_rules; /* of a bridge */
	/* what waits to be compared */
	unsigned int n_waiting;
	const struct random_frame *frames[RULES_BURST];
	int in[RULES_BURST];
	unsigned int n_out[PIPELINE_PORTS]; /* copies for each port */
	struct pipeline_result results[RULES_BURST];
	/* for the summary */
	uint64_t n_frames;
	uint64_t n_copies;
	uint64_t n_lost;
	uint64_t n_hits; /* of the flow cache */
	uint64_t n_misses;
};

void rules_world_create(struct rules_world *world, uint64_t seed, unsigned int n_workers) ON_MAIN;
void rules_world_destroy(struct rules_world *world) ON_BOTH;

/* Workers and main, until nothing moves. */
void rules_world_settle(struct rules_world *world) ON_BOTH;
void rules_world_sleep(struct rules_world *world, uint64_t seconds) ON_BOTH;

/* What the model has, in the datapath. */
void rules_world_open_port(struct rules_world *world, int p) ON_MAIN;
void rules_world_set_port(struct rules_world *world, int p) ON_MAIN;
void rules_world_set_bridge(struct rules_world *world, int b) ON_MAIN;

void rules_world_random_vlan(struct rules_world *world, struct vlan_model_port *vlan);

/* --- changes, at random; rules_change.c
 * ------------------------------------------------------------------------
 */

void rules_world_change_rules(struct rules_world *world) ON_BOTH;
void rules_world_change_port(struct rules_world *world) ON_BOTH;
void rules_world_change_acl(struct rules_world *world) ON_BOTH;
void rules_world_change_group(struct rules_world *world) ON_BOTH;
void rules_world_change_bridge(struct rules_world *world) ON_BOTH;

/* Between dp_rules_begin and dp_rules_commit; the list is taken. */
void rules_world_add_rule(struct rules_world *world, int b, const struct pipeline_rule *rule,
	struct action_list *list) ON_MAIN;
void rules_world_delete_rule(struct rules_world *world, int b, struct pipeline_rule *rule) ON_MAIN;

/* Some rules at once, to begin with. */
void rules_world_fill(struct rules_world *world) ON_BOTH;

/* --- frames and books, rules_compare.c -----------------------------------------------------------
 */

void
rules_world_send(struct rules_world *world, const struct random_frame *frame, int port) ON_BOTH;

/* What waits goes through the datapath. */
void rules_world_flush(struct rules_world *world) ON_BOTH;

/* What each rule and access list has counted, and all that have gone. */
void rules_world_audit(struct rules_world *world) ON_BOTH;

/* --- to stderr, rules_tell.c --------------------------------------------------------------------
 */

/* What happened at this port, and what of it the model does not find again. */
void rules_tell(struct rules_world *world, const char *what, int port) ON_MAIN;
void rules_tell_bytes(const char *what, const uint8_t *bytes, uint32_t len);
void rules_tell_rule(const struct pipeline_rule *rule);

#endif
