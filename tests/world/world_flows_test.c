/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers remember, and for how long: which packets share a flow, and what makes one decide
 * again. Told by the counts that a user sees: a port's flows, hits and misses, a rule's misses.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/flow_text.h"
#include "datapath/dp/dp_flows.h"
#include "datapath/dp/dp_keys.h"
#include "tests/world/packet.h"
#include "tests/world/switch.h"
#include "vswitchd/program.h"

struct bench {
	struct sw *sw;
	struct programmer programmer;
	uint64_t misses; /* of p1, when they were last asked for */
};

/* p1 to p3, with stations 1 to 3 behind them, known to the bridge. */
static struct bench
bench_of(void **state) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct bench bench = {.sw = switch_of(state)};
	struct frame frame;

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(bench.sw, 3, "");
	for (uint32_t i = 1; i <= 3; i++) {
		char port[8];

		(void)snprintf(port, sizeof(port), "p%u", i);
		frame_plain(&frame, FRAME_BROADCAST, i, i);
		switch_send(bench.sw, port, &frame);
	}
	switch_settle(bench.sw);
	return bench;
}

/* The programmer knows where it is, so it begins in its place. */
static void
bench_begin_rules(struct bench *bench) ON_MAIN
{
	programmer_init(&bench->programmer, &bench->sw->world);
}

static void
program(struct bench *bench, const char *text) ON_MAIN
{
	const struct program_backend *backend = &bench->programmer.backend;
	struct err err = ERR_INIT;
	struct flow_rule rule;
	uint64_t n;

	assert_int_equal(flow_text_parse_op(text, strlen(text), &rule, &err), 0);
	assert_int_equal(backend->begin(backend->ctx, "br0", &err), 0);
	assert_int_equal(backend->op(backend->ctx, &rule, &n, &err), 0);
	backend->commit(backend->ctx);
}

static struct dp_port_flows
flows_of(const struct bench *bench, const char *port) ON_MAIN
{
	struct dp_port_flows flows;

	dp_port_get_flows(bench->sw->dp, world_find_port(&bench->sw->world, port)->dp, &flows);
	return flows;
}

/* A TCP segment from station `src` behind its port to station `dst`. */
static void
send_tcp(struct bench *bench, uint32_t src, uint32_t dst, uint16_t src_port,
	uint16_t dst_port) ON_BOTH
{
	const struct packet packet = {.dst = dst,
		.src = src,
		.ip_src = "10.0.0.1",
		.ip_dst = "10.0.0.2",
		.proto = 6,
		.src_port = src_port,
		.dst_port = dst_port};
	struct frame frame;
	char port[8];

	(void)snprintf(port, sizeof(port), "p%u", src);
	packet_make(&frame, &packet);
	switch_send(bench->sw, port, &frame);
}

/* New flows of p1 since this was last asked. */
static uint64_t
new_flows(struct bench *bench) ON_MAIN
{
	const uint64_t misses = flows_of(bench, "p1").misses;
	const uint64_t more = misses - bench->misses;

	bench->misses = misses;
	return more;
}

static bool
note_misses(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
	const char *place)
{
	uint64_t *misses = arg;

	(void)rule;
	(void)place;
	*misses += counts->misses;
	return true;
}

/* Decisions that met the rules of a match. */
static uint64_t
decisions(const struct bench *bench, const char *match) ON_MAIN
{
	const struct program_backend *backend = &bench->programmer.backend;
	struct err err = ERR_INIT;
	struct flow_rule filter;
	uint64_t misses = 0;

	assert_int_equal(flow_text_parse_match(match, strlen(match), &filter, &err), 0);
	assert_int_equal(
		backend->list(backend->ctx, "br0", &filter, "", note_misses, &misses, &err), 0);
	return misses;
}

static void
test_bridge_has_a_flow_for_two_stations(void **state)
{
	struct bench bench = bench_of(state);

	(void)new_flows(&bench);
	for (uint16_t i = 1; i <= 200; i++) {
		send_tcp(&bench, 1, 2, i, (uint16_t)(i * 7));
	}
	assert_int_equal(new_flows(&bench), 1);
	assert_int_equal(flows_of(&bench, "p2").misses, 1); /* what it said when it came */
}

static void
test_a_flow_for_what_rules_look_at(void **state)
{
	struct bench bench = bench_of(state);

	bench_begin_rules(&bench);
	program(&bench, "tcp,tp_dst=80,actions=drop");
	(void)new_flows(&bench);
	for (uint16_t i = 1; i <= 50; i++) {
		send_tcp(&bench, 1, 2, i, 22);
	}
	assert_int_equal(new_flows(&bench), 1); /* nobody looks at the source's port */
	for (uint16_t i = 1; i <= 50; i++) {
		send_tcp(&bench, 1, 2, 5, (uint16_t)(1000 + i));
	}
	assert_int_equal(new_flows(&bench), 50);
}

static void
test_a_port_has_the_key_of_its_rules(void **state)
{
	struct bench bench = bench_of(state);

	bench_begin_rules(&bench);
	program(&bench, "in_port=p3,tcp,tp_dst=80,actions=drop");
	(void)new_flows(&bench);
	for (uint16_t i = 1; i <= 50; i++) {
		send_tcp(&bench, 1, 2, 5, i);
	}
	assert_int_equal(new_flows(&bench), 1);
	for (uint16_t i = 101; i <= 150; i++) {
		send_tcp(&bench, 3, 2, 5, i);
	}
	assert_int_equal(flows_of(&bench, "p3").misses, 1 + 50);
}

static void
test_a_change_concerns_who_could_meet_it(void **state)
{
	struct bench bench = bench_of(state);

	bench_begin_rules(&bench);
	program(&bench, "priority=10,tcp,tp_dst=80,actions=output:p2");
	program(&bench, "priority=10,tcp,tp_dst=90,actions=output:p2");
	send_tcp(&bench, 1, 2, 5, 80);
	send_tcp(&bench, 1, 2, 5, 90);
	assert_int_equal(decisions(&bench, "tcp"), 2);
	/* of the same bits, about other packets */
	program(&bench, "priority=20,tcp,tp_dst=100,actions=drop");
	program(&bench, "delete tcp,tp_dst=100");
	send_tcp(&bench, 1, 2, 5, 80);
	send_tcp(&bench, 1, 2, 5, 90);
	assert_int_equal(decisions(&bench, "tcp"), 2);
	/* about one of them */
	program(&bench, "priority=20,tcp,tp_dst=90,actions=output:p3");
	send_tcp(&bench, 1, 2, 5, 80);
	send_tcp(&bench, 1, 2, 5, 90);
	assert_int_equal(decisions(&bench, "tcp,tp_dst=80"), 1);
	assert_int_equal(decisions(&bench, "tcp,tp_dst=90"), 2);
	program(&bench, "delete_strict priority=20,tcp,tp_dst=90");
	send_tcp(&bench, 1, 2, 5, 90);
	assert_int_equal(decisions(&bench, "tcp,tp_dst=90"), 2);
	assert_int_equal(decisions(&bench, "tcp,tp_dst=80"), 1);
}

static void
test_more_changes_than_the_log_has(void **state)
{
	struct bench bench = bench_of(state);

	bench_begin_rules(&bench);
	program(&bench, "priority=10,tcp,tp_dst=80,actions=output:p2");
	send_tcp(&bench, 1, 2, 5, 80);
	for (unsigned int i = 0; i < RULE_LOG_MAX; i++) {
		program(&bench, "priority=20,tcp,tp_dst=100,actions=drop");
	}
	/* An add that replaces its like is two changes, so the log has lost some: who lags decides
	 * again, once. */
	send_tcp(&bench, 1, 2, 5, 80);
	assert_int_equal(decisions(&bench, "tcp,tp_dst=80"), 2);
	send_tcp(&bench, 1, 2, 5, 80);
	assert_int_equal(decisions(&bench, "tcp,tp_dst=80"), 2);
}

static void
test_an_address_concerns_who_asked_for_it(void **state)
{
	struct bench bench = bench_of(state);
	struct frame frame;

	bench_begin_rules(&bench);
	program(&bench, "tcp,tp_dst=80,actions=normal");
	send_tcp(&bench, 1, 2, 5, 80);
	send_tcp(&bench, 1, 3, 5, 80);
	assert_int_equal(decisions(&bench, "tcp"), 2);
	frame_plain(&frame, FRAME_BROADCAST, 77, 9); /* a station that nobody asked for */
	switch_send(bench.sw, "p3", &frame);
	send_tcp(&bench, 1, 2, 5, 80);
	send_tcp(&bench, 1, 3, 5, 80);
	assert_int_equal(decisions(&bench, "tcp"), 2);
	frame_plain(&frame, FRAME_BROADCAST, 2, 10); /* station 2 moves */
	switch_send(bench.sw, "p3", &frame);
	send_tcp(&bench, 1, 2, 5, 80);
	send_tcp(&bench, 1, 3, 5, 80);
	assert_int_equal(decisions(&bench, "tcp"), 3);
}

static void
test_another_bridge_does_not_matter(void **state)
{
	struct bench bench = bench_of(state);

	bench_begin_rules(&bench);
	program(&bench, "tcp,tp_dst=80,actions=output:p2");
	send_tcp(&bench, 1, 2, 5, 80);
	switch_do(bench.sw, "create", "bridge[name='br1']", NULL);
	switch_do(bench.sw, "create", "port[name='q']", "{'type':'fake','bridge':'br1'}");
	send_tcp(&bench, 1, 2, 5, 80);
	assert_int_equal(decisions(&bench, "tcp"), 1);
	switch_do(bench.sw, "create", "port[name='r']", "{'type':'fake','bridge':'br0'}");
	send_tcp(&bench, 1, 2, 5, 80);
	assert_int_equal(decisions(&bench, "tcp"), 2);
}

static void
test_keys_become_narrow_again(void **state)
{
	struct bench bench = bench_of(state);

	bench_begin_rules(&bench);
	program(&bench, "tcp,tp_dst=80,actions=drop");
	program(&bench, "delete");
	(void)new_flows(&bench);
	for (uint16_t i = 1; i <= 20; i++) {
		send_tcp(&bench, 1, 2, 5, i);
	}
	assert_int_equal(new_flows(&bench), 20);
	switch_sleep(bench.sw, DP_KEYS_NARROW + CLOCK_S);
	for (uint16_t i = 101; i <= 120; i++) {
		send_tcp(&bench, 1, 2, 5, i);
	}
	assert_int_equal(new_flows(&bench), 1);
	/* and what could not be met any more is forgotten */
	switch_sleep(bench.sw, 3 * CLOCK_S);
	assert_in_range(flows_of(&bench, "p1").entries, 1, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_bridge_has_a_flow_for_two_stations),
		SWITCH_CASE(test_a_flow_for_what_rules_look_at),
		SWITCH_CASE(test_a_port_has_the_key_of_its_rules),
		SWITCH_CASE(test_a_change_concerns_who_could_meet_it),
		SWITCH_CASE(test_more_changes_than_the_log_has),
		SWITCH_CASE(test_an_address_concerns_who_asked_for_it),
		SWITCH_CASE(test_another_bridge_does_not_matter),
		SWITCH_CASE(test_keys_become_narrow_again),
	};

	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
