/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers forward while main changes everything around two ports for three seconds; made for TSan.
 *
 * The two innocents speak to each other and number their frames. Meanwhile other ports come, change
 * and go, bridges too, tables are replaced and flushed, rules, access lists, limits, meters, groups
 * and mirrors of the innocents themselves remade, counters read, frames traced and workers asked
 * for their flows. No frame of the innocents may be lost, and each in order; what the others lose
 * has a name.
 */
#include "datapath/dp/dp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "datapath/dp/dp_acl.h"
#include "datapath/dp/dp_flows.h"
#include "datapath/dp/dp_mirror.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/dp_rules.h"
#include "datapath/dp/dp_trace.h"
#include "datapath/dp/test_dp.h"
#include "ports/fake/fake.h"
#include "tests/random.h"
#include "tests/world/innocents.h"

#define RUN (3 * CLOCK_S)
#define OTHERS 6

struct other {
	struct dp_port *port; /* NULL: not there */
	struct dp_bridge *bridge;
	struct port_counters last;
};

struct stress {
	struct dp *dp;
	struct dp_bridge *bridge;
	struct dp_bridge *spare; /* comes and goes */
	struct dp_acl *acl; /* of the innocents and the mirror; NULL: none */
	struct dp_mirror *mirror; /* of what the bridge's ports receive and send */
	struct dp_port *probe; /* where its copies go */
	uint64_t n_copies; /* of mirrors that were */
	struct innocents innocents;
	struct other others[OTHERS];
	unsigned int n_closed;
	unsigned int n_changes;
	unsigned int n_asking; /* questions to workers that wait */
	unsigned int n_told; /* flows */
};

static uint32_t
rnd(struct stress *stress, uint32_t n)
{
	return random_below(&stress->innocents.random, n);
}

static void
on_closed(void *arg)
{
	(*(unsigned int *)arg)++;
}

static void
other_come_or_go(struct stress *stress, struct other *other) ON_MAIN
{
	char name[16];

	if (other->port != NULL) {
		dp_port_close(
			stress->dp, other->port, PORT_CLOSE_DELETED, on_closed, &stress->n_closed);
		other->port = NULL;
		return;
	}
	(void)snprintf(name, sizeof(name), "o%u", stress->n_changes);
	other->port = stress_port(stress->dp, name, (uint16_t)(1 + rnd(stress, 3)));
	memset(&other->last, 0, sizeof(other->last));
}

static void
other_change(struct stress *stress, struct other *other) ON_MAIN
{
	struct dp_port_fwd fwd;

	if (other->port == NULL) {
		return;
	}
	other->bridge = rnd(stress, 3) == 0 ? stress->spare
		: rnd(stress, 4) == 0       ? NULL
					    : stress->bridge;
	fwd = test_dp_fwd(other->bridge);
	fwd.enabled = rnd(stress, 5) != 0;
	fwd.mtu = (uint16_t)(68 + rnd(stress, 2000));
	if (rnd(stress, 3) == 0) {
		fwd.vlan.mode = VLAN_ACCESS;
		fwd.vlan.vlan = (uint16_t)(1 + rnd(stress, 3));
	}
	fwd.mac_limit = rnd(stress, 3);
	dp_port_set(stress->dp, other->port, &fwd);
}

static void
other_counters(struct stress *stress, struct other *other) ON_MAIN
{
	struct port_counters c;

	if (other->port == NULL) {
		return;
	}
	dp_port_get_counters(stress->dp, other->port, &c);
	assert_true(c.rx_packets >= other->last.rx_packets);
	assert_true(c.tx_packets >= other->last.tx_packets);
	for (int r = 0; r < DROP_N; r++) {
		assert_true(c.drops[r] >= other->last.drops[r]);
	}
	other->last = c;
}

static void
spare_come_or_go(struct stress *stress) ON_MAIN
{
	struct dp_bridge_conf conf = {.fdb = {.limit = 100, .aging_s = 10}};

	if (stress->spare == NULL) {
		assert_int_equal(dp_bridge_create(stress->dp, &conf, &stress->spare, NULL), 0);
		return;
	}
	for (int i = 0; i < OTHERS; i++) {
		struct other *other = &stress->others[i];

		if (other->port != NULL && other->bridge == stress->spare) {
			other_come_or_go(stress, other);
		}
		other->bridge = NULL;
	}
	dp_bridge_destroy(stress->dp, stress->spare);
	stress->spare = NULL;
}

/* The innocents' bridge itself: limits, a new table, flushes. */
static void
bridge_change(struct stress *stress) ON_MAIN
{
	struct dp_bridge_conf conf = {.fdb = {.limit = 200 + rnd(stress, 1000), .aging_s = 300}};
	bool replaced;

	switch (rnd(stress, 4)) {
	case 0:
		conf.forward_reserved = rnd(stress, 2) == 0;
		assert_int_equal(
			dp_bridge_set(stress->dp, stress->bridge, &conf, &replaced, NULL), 0);
		break;
	case 1:
		while (!fdb_flush(dp_bridge_fdb(stress->bridge), FDB_NO_PORT, -1, false)) {
		}
		break;
	default:
		(void)dp_bridge_flooded(stress->dp, stress->bridge);
	}
}

static void
set_mac(uint8_t *mac, uint8_t station)
{
	memset(mac, 0, 6);
	mac[0] = 2;
	mac[5] = station;
}

/* Lets the innocents through, each by an entry of its own, and nobody else. */
static struct dp_acl *
make_acl(struct stress *stress) ON_MAIN
{
	struct dp_acl_entry entries[8];
	struct dp_acl *acl;
	size_t n = 0;

	for (uint32_t more = rnd(stress, 6); n < more; n++) {
		match_init(&entries[n].match);
		set_mac(entries[n].match.value.eth_src, (uint8_t)(200 + rnd(stress, 50)));
		memset(entries[n].match.mask.eth_src, 0xff, 6);
		entries[n].accept = false;
	}
	for (int i = 0; i < 2; i++, n++) {
		match_init(&entries[n].match);
		set_mac(entries[n].match.value.eth_src, stress->innocents.one[i].station);
		memset(entries[n].match.mask.eth_src, 0xff, 6);
		entries[n].accept = true;
	}
	assert_int_equal(dp_acl_create(stress->dp, entries, n, false, &acl, NULL), 0);
	return acl;
}

static void
mirror_start(struct stress *stress) ON_MAIN
{
	const struct dp_mirror_conf conf = {
		.to = "probe", .ways = (unsigned int)MIRROR_RX | MIRROR_TX};

	assert_int_equal(dp_mirror_create(stress->dp, &conf, &stress->mirror, NULL), 0);
	dp_mirror_start(stress->dp, stress->mirror, dp_bridge_id(stress->bridge), stress->acl);
}

/* And make room for the copies of the next one. */
static void
mirror_stop(struct stress *stress) ON_MAIN
{
	struct dp_mirror_stats stats;
	uint8_t frame[FAKE_FRAME_MAX];

	while (fake_collect(dp_port_device(stress->probe), 0, frame, NULL) > 0) {
	}
	dp_mirror_get_stats(stress->dp, stress->mirror, &stats);
	stress->n_copies += stats.packets;
	dp_mirror_stop(stress->dp, stress->mirror);
}

/* What the innocents may do is said in other words, or not at all. */
static void
policy_change(struct stress *stress) ON_MAIN
{
	struct spoof_view spoof = {.n_mac = 1};
	struct dp_port_policy policy = {.protected_port = false};
	struct dp_acl *old = stress->acl;

	stress->acl = rnd(stress, 4) == 0 ? NULL : make_acl(stress);
	for (int i = 0; i < 2; i++) {
		struct dp_port_fwd fwd = test_dp_fwd(stress->bridge);

		set_mac(spoof.mac[0], stress->innocents.one[i].station);
		spoof.n_ip4 = (uint16_t)rnd(stress, 2);
		policy.acl_in = rnd(stress, 3) == 0 ? NULL : stress->acl;
		policy.acl_out = rnd(stress, 3) == 0 ? NULL : stress->acl;
		policy.spoof = rnd(stress, 2) == 0 ? NULL : &spoof;
		policy.storm[STORM_BROADCAST].rate = rnd(stress, 3) * 1000;
		fwd.policy = &policy;
		dp_port_set(stress->dp, stress->innocents.one[i].port, &fwd);
	}
	mirror_stop(stress);
	mirror_start(stress);
	dp_acl_destroy(stress->dp, old);
}

/* One entry more, about strangers, in the list that is in use. */
static void
acl_change(struct stress *stress) ON_MAIN
{
	struct dp_acl_entry entry = {.accept = false};
	struct dp_acl_splice splice = {.n_in = 1, .in = &entry};

	if (stress->acl == NULL) {
		return;
	}
	match_init(&entry.match);
	set_mac(entry.match.value.eth_src, (uint8_t)(STRANGER + rnd(stress, 50)));
	memset(entry.match.mask.eth_src, 0xff, 6);
	assert_int_equal(dp_acl_change(stress->dp, stress->acl, &splice, 1, false, NULL), 0);
	if (rnd(stress, 4) == 0) {
		dp_acl_abort(stress->dp, stress->acl);
	} else {
		dp_acl_commit(stress->dp, stress->acl);
	}
}

static void
group_change(struct stress *stress) ON_MAIN
{
	const struct meter_conf conf = {.rate = 1 + rnd(stress, 1000)};
	const uint32_t id = 1 + rnd(stress, 4);
	struct dp_bucket bucket = {.weight = 1};

	switch (rnd(stress, 4)) {
	case 0:
		assert_int_equal(
			dp_bridge_set_meter(stress->dp, stress->bridge, id, &conf, NULL), 0);
		break;
	case 1:
		dp_bridge_del_meter(stress->dp, stress->bridge, id);
		break;
	case 2:
		bucket.actions = must_calloc(1, sizeof(*bucket.actions));
		dp_bridge_set_group(stress->dp, stress->bridge, id, GROUP_ALL, &bucket, 1);
		break;
	default:
		dp_bridge_del_group(stress->dp, stress->bridge, id);
	}
}

/* Rules for others of any kind; for innocents, what they do without. */
static struct dp_rule_spec
make_rule(struct stress *stress, bool innocent)
{
	struct dp_rule_spec rule = {.priority = (uint16_t)rnd(stress, 10)};
	struct action_builder builder = {.size = 0};
	const uint8_t station = (uint8_t)(innocent ? stress->innocents.one[rnd(stress, 2)].station
						   : STRANGER + rnd(stress, 50));

	match_init(&rule.match);
	set_mac(rule.match.value.eth_src, station);
	memset(rule.match.mask.eth_src, 0xff, 6);
	if (rnd(stress, 2) == 0) {
		rule.match.value.eth_type = RTE_BE16(0x88b5);
		rule.match.mask.eth_type = UINT16_MAX;
	}
	if (!innocent && rnd(stress, 2) == 0) {
		action_add(&builder, ACTION_METER, 0, 1 + rnd(stress, 4), NULL, 0);
	}
	if (innocent || rnd(stress, 2) == 0) {
		action_add(&builder, ACTION_NORMAL, 0, 0, NULL, 0);
	} else if (rnd(stress, 2) == 0) {
		action_add(&builder, ACTION_GROUP, 0, 1 + rnd(stress, 4), NULL, 0);
	}
	rule.actions = action_list_new(&builder);
	return rule;
}

static void
rules_change(struct stress *stress) ON_MAIN
{
	struct rules_filter all = {.table = 0};
	size_t n;

	match_init(&all.match);
	dp_rules_begin(stress->dp, stress->bridge);
	if (rnd(stress, 8) == 0) {
		assert_int_equal(dp_rules_delete(stress->dp, stress->bridge, &all, &n, NULL), 0);
	}
	for (uint32_t i = rnd(stress, 4); i > 0; i--) {
		struct dp_rule_spec rule = make_rule(stress, rnd(stress, 2) == 0);

		assert_int_equal(dp_rules_add(stress->dp, stress->bridge, &rule, NULL), 0);
	}
	if (rnd(stress, 4) == 0) {
		dp_rules_abort(stress->dp, stress->bridge);
	} else {
		dp_rules_commit(stress->dp, stress->bridge);
	}
}

static void
on_told(void *arg, unsigned int worker, const struct flow_told *told)
{
	struct stress *stress = arg;

	assert_in_range(worker, 0, 1);
	if (told != NULL) {
		assert_in_range(told->port, 1, DP_PORTS_MAX - 1);
		assert_true(told->packets > 0 || told->state != FLOW_TOLD_CURRENT);
		stress->n_told++;
	}
}

static void
on_told_all(void *arg, const struct dp_flows_place *next, const struct err *err)
{
	struct stress *stress = arg;

	(void)next;
	assert_null(err);
	stress->n_asking--;
}

static void
on_step(void *arg, const struct dp_trace_step *step)
{
	(void)arg;
	assert_int_not_equal(step->event->step, PIPELINE_SPOOFED);
}

static void
on_output(void *arg, const struct dp_trace_output *output)
{
	(void)arg;
	assert_in_range(output->port, 1, DP_PORTS_MAX - 1);
}

/* Between the innocents: a trace, what is remembered of it, or of all. */
static void
ask(struct stress *stress) ON_MAIN
{
	const struct dp_flows_listener listener = {
		.tell = on_told, .done = on_told_all, .arg = stress};
	const struct dp_trace_listener trace = {.step = on_step, .output = on_output};
	const struct dp_flows_place begin = {.worker = 0};
	struct dp_port *port = stress->innocents.one[0].port;
	struct dp_traced traced;
	uint8_t frame[64];

	if (stress->n_asking == 4) {
		return;
	}
	stress_frame(frame, stress->innocents.one[1].station, stress->innocents.one[0].station, 0);
	switch (rnd(stress, 3)) {
	case 0:
		dp_trace(stress->dp, port, frame, sizeof(frame), &trace, &traced);
		return;
	case 1:
		assert_int_equal(
			dp_flows_ask_frame(stress->dp, port, frame, sizeof(frame), &listener, NULL),
			0);
		break;
	default:
		assert_int_equal(dp_flows_ask_all(stress->dp, NULL, &begin, 1 + rnd(stress, 300),
					 &listener, NULL),
			0);
	}
	stress->n_asking++;
}

static void
change(struct stress *stress) ON_MAIN
{
	struct other *other = &stress->others[rnd(stress, OTHERS)];

	switch (rnd(stress, 13)) {
	case 0:
		other_come_or_go(stress, other);
		break;
	case 1:
	case 2:
		other_change(stress, other);
		break;
	case 3:
		other_counters(stress, other);
		break;
	case 4:
		if (rnd(stress, 4) == 0) {
			spare_come_or_go(stress);
		}
		break;
	case 5:
		bridge_change(stress);
		break;
	case 6:
		policy_change(stress);
		break;
	case 7:
		group_change(stress);
		break;
	case 8:
		rules_change(stress);
		break;
	case 9:
		ask(stress);
		break;
	case 10:
		acl_change(stress);
		break;
	default:
		if (other->port != NULL) {
			stranger_talk(&stress->innocents, other->port);
		}
	}
	stress->n_changes++;
}

static void
stress_start(struct stress *stress) ON_MAIN
{
	struct dp_options options = {.n_workers = 2, .threads = true, .poll = false, .seed = 1};
	struct dp_bridge_conf conf = {.fdb = {.limit = 1000, .aging_s = 300}};
	struct dp_port_fwd fwd;
	struct err err = ERR_INIT;

	if (dp_create(&options, &stress->dp, &err) != 0) {
		fail_msg("%s", err.text);
	}
	assert_int_equal(dp_bridge_create(stress->dp, &conf, &stress->bridge, NULL), 0);
	fwd = test_dp_fwd(stress->bridge);
	innocents_start(&stress->innocents, stress->dp, 1);
	for (int i = 0; i < 2; i++) {
		dp_port_set(stress->dp, stress->innocents.one[i].port, &fwd);
	}
	fwd.bridge = NULL;
	stress->probe = stress_port(stress->dp, "probe", 1);
	dp_port_set(stress->dp, stress->probe, &fwd);
	mirror_start(stress);
	dp_publish(stress->dp);
}

static void
test_innocents_lose_nothing(void **state)
{
	struct stress *stress = calloc(1, sizeof(*stress));
	struct innocent *a = &stress->innocents.one[0];
	struct innocent *b = &stress->innocents.one[1];
	struct port_counters c;
	uint64_t start;

	(void)state;
	role_assert(&role_main);
	stress_start(stress);
	start = clock_now();
	while (innocents_step(&stress->innocents, stress->dp) - start < RUN) {
		innocents_talk(&stress->innocents);
		for (unsigned int i = rnd(stress, 6); i > 0; i--) {
			change(stress);
		}
	}
	innocents_hear_the_rest(&stress->innocents, stress->dp);
	while (stress->n_asking > 0) {
		(void)dp_step(stress->dp, clock_now());
	}
	dp_port_get_counters(stress->dp, a->port, &c);
	assert_int_equal(c.rx_packets, a->next_out);
	dp_destroy(stress->dp, PORT_CLOSE_SHUTDOWN);
	printf("# %u frames, %u changes, %u ports closed\n", a->next_out + b->next_out,
		stress->n_changes, stress->n_closed);
	assert_in_range(stress->n_closed, 5, UINT32_MAX);
	assert_in_range(stress->n_copies, 100, UINT64_MAX);
	assert_true(stress->n_told > 100);
	free(stress);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_innocents_lose_nothing),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("dp_stress", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
