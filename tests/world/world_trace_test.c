/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `trace` and `flow-cache` against a whole switch: what trace says happens is what then happens to
 * that very frame, and what workers remember of it is told the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/world/trace_check.h"

#define PORTS 4

/* --- tests -------------------------------------------------------------------------------------
 */

static const char *const flows[] = {
	"dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02",
	"dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:07",
	"dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=10.0.0.1",
	"dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,tcp,nw_src=10.0.0.2,tp_dst=80",
	"dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,tcp,nw_src=10.0.0.2,tp_dst=22",
	"dl_src=02:00:00:00:00:03,dl_dst=02:00:00:00:00:01,udp,nw_dst=10.0.0.1,tp_dst=53",
	"dl_src=02:00:00:00:00:03,dl_dst=02:00:00:00:00:01,udp,nw_dst=10.1.0.1,nw_ttl=1",
	"dl_src=02:00:00:00:00:03,dl_dst=02:00:00:00:00:04,dl_vlan=10,icmp,icmp_type=8",
	"dl_src=02:00:00:00:00:03,dl_dst=02:00:00:00:00:04,dl_vlan=10,inner_dl_vlan=20",
	"dl_src=02:00:00:00:00:04,dl_dst=02:00:00:00:00:03,dl_vlan=0,dl_vlan_pcp=5",
	"dl_src=02:00:00:00:00:04,dl_dst=33:33:00:00:00:01,icmp6,icmp_type=135,nd_target=fe80::1",
	"dl_src=02:00:00:00:00:04,dl_dst=02:00:00:00:00:03,tcp6,ipv6_dst=fd00::1,tp_dst=443",
	"dl_src=02:00:00:00:00:04,dl_dst=01:80:c2:00:00:00",
	"ip,ip_frag=later,nw_proto=6",
	"",
};

static const char *const rules[] = {
	"priority=100,tcp,tp_dst=22,actions=drop",
	"priority=90,tcp,tp_dst=80,cookie=0x50,actions=set_field:02:00:00:00:00:03->eth_dst,"
	"goto_table:1",
	"priority=80,udp,tp_dst=53,actions=p4,mod_vlan_vid:30,output:p2,normal",
	"priority=80,udp,nw_dst=10.1.0.0/16,actions=dec_ttl,p1",
	"priority=70,in_port=p3,dl_vlan=10,icmp,actions=pop_vlan,flood",
	"priority=60,tcp6,actions=in_port",
	"priority=50,icmp6,actions=goto_table:2",
	"table=1,priority=5,ip,actions=output:p1,normal",
	"table=3,actions=normal",
	NULL,
};

static void
check_all(struct sw *sw) ON_BOTH
{
	for (unsigned int p = 1; p <= PORTS; p++) {
		for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
			char port[8];

			(void)snprintf(port, sizeof(port), "p%u", p);
			trace_check(sw, port, flows[i]);
		}
	}
}

/* Without rules. */
static void
test_bridge(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, PORTS, "");
	switch_do(sw, "merge", "port[name='p4']", "{'vlan-mode':'access','vlan':10}");
	check_all(sw);
	check_all(sw);
}

static void
test_rules(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, PORTS, "");
	switch_do(sw, "merge", "port[name='p4']", "{'vlan-mode':'access','vlan':10}");
	trace_program(sw, rules);
	check_all(sw);
	check_all(sw);
	switch_do(sw, "merge", "port[name='p2']", "{'enabled':false}");
	check_all(sw);
}

/* Asking learns nothing, counts nothing and leaves the cache as it is. */
static void
test_quiet(void **state)
{
	struct sw *sw = switch_of(state);
	const char *flow = flows[3];
	struct dp_worker_stats before;
	struct dp_worker_stats after;
	struct fdb_entry entry;
	uint32_t cursor = 0;
	uint64_t idle;
	json_t *answer;

	switch_ports(sw, PORTS, "");
	trace_program(sw, rules);
	answer = trace_flow(sw, "p2", flow);
	assert_string_equal(trace_cache_state(answer), "not-cached");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 0);
	json_decref(answer);
	trace_check(sw, "p2", flow);
	switch_sleep(sw, 3 * CLOCK_S);
	dp_worker_get_stats(sw->dp, 0, &before);
	answer = trace_flow(sw, "p2", flow);
	idle = (uint64_t)json_integer_value(
		json_object_get(json_array_get(json_object_get(answer, "cache"), 0), "idle-ms"));
	assert_in_range(idle, 2500, 4000);
	json_decref(answer);
	switch_sleep(sw, 2 * CLOCK_S);
	answer = trace_flow(sw, "p2", flow);
	assert_true((uint64_t)json_integer_value(json_object_get(
			    json_array_get(json_object_get(answer, "cache"), 0), "idle-ms")) >=
		idle + 1500);
	json_decref(answer);
	/* What is behind p2 was last seen when its packets came. */
	assert_int_equal(fdb_dump(dp_bridge_fdb(world_find_bridge(&sw->world, "br0")->dp), &cursor,
				 &entry, 1, (uint16_t)(sw->now / CLOCK_S)),
		1);
	assert_in_range(entry.age_s, 3, 6);
	dp_worker_get_stats(sw->dp, 0, &after);
	assert_int_equal(after.flow_cache.hits, before.flow_cache.hits);
	assert_int_equal(after.flow_cache.misses, before.flow_cache.misses);
	assert_int_equal(after.flows, before.flows);
	assert_int_equal(switch_number(sw, "port[name='p2']", "statistics/rx-packets"), 2);
}

/* A flow that a change of rules concerns is stale until its next packet, others are not. */
static void
test_stale(void **state)
{
	static const char *const more[] = {"priority=200,tcp,tp_dst=22,actions=p4", NULL};
	struct sw *sw = switch_of(state);
	json_t *answer;

	switch_ports(sw, PORTS, "");
	trace_program(sw, rules);
	trace_check(sw, "p2", flows[4]);
	trace_check(sw, "p2", flows[3]);
	trace_program(sw, more);
	answer = trace_flow(sw, "p2", flows[4]);
	assert_string_equal(trace_cache_state(answer), "stale");
	assert_string_equal(trace_cache_because(answer), "rules");
	json_decref(answer);
	answer = trace_flow(sw, "p2", flows[3]);
	assert_string_equal(trace_cache_state(answer), "agrees");
	json_decref(answer);
	/* Asked twice: it was not stamped by asking. */
	answer = trace_flow(sw, "p2", flows[4]);
	assert_string_equal(trace_cache_state(answer), "stale");
	json_decref(answer);
	trace_check(sw, "p2", flows[4]);
	switch_do(sw, "merge", "port[name='p3']", "{'vlan-mode':'access','vlan':7}");
	answer = trace_flow(sw, "p2", flows[3]);
	/* Or the walk was faster, which forgets it. */
	assert_true(strcmp(trace_cache_because(answer), "configuration") == 0 ||
		strcmp(trace_cache_state(answer), "not-cached") == 0);
	json_decref(answer);
}

/* The steps are those that a reader of the rules would take. */
static void
test_steps(void **state)
{
	struct sw *sw = switch_of(state);
	json_t *answer;
	const json_t *steps;
	const json_t *step;

	switch_ports(sw, PORTS, "");
	trace_program(sw, rules);
	answer = trace_flow(sw, "p2", flows[3]);
	steps = json_object_get(answer, "step");
	assert_int_equal(json_array_size(steps), 7);
	step = json_array_get(steps, 0);
	assert_string_equal(trace_text(step, "kind"), "table");
	assert_string_equal(trace_text(step, "match"), "tcp,tp_dst=80");
	assert_string_equal(trace_text(step, "cookie"), "0x50");
	assert_int_equal(json_integer_value(json_object_get(step, "priority")), 90);
	step = json_array_get(steps, 1);
	assert_string_equal(trace_text(step, "action"), "set_field:02:00:00:00:00:03->dl_dst");
	assert_string_equal(trace_text(json_array_get(steps, 2), "action"), "goto_table:1");
	step = json_array_get(steps, 3);
	assert_int_equal(json_integer_value(json_object_get(step, "table")), 1);
	assert_non_null(strstr(trace_text(step, "fields"), "dl_dst=02:00:00:00:00:03"));
	assert_string_equal(trace_text(json_array_get(steps, 4), "action"), "output:p1");
	assert_string_equal(trace_text(json_array_get(steps, 5), "action"), "normal");
	step = json_array_get(steps, 6);
	assert_string_equal(trace_text(step, "kind"), "normal");
	assert_string_equal(trace_text(step, "result"), "flood");
	json_decref(answer);
	answer = trace_flow(sw, "p2", "icmp6,icmp_type=1");
	assert_string_equal(trace_text(answer, "drop"), "no-rule");
	steps = json_object_get(answer, "step");
	step = json_array_get(steps, json_array_size(steps) - 1);
	assert_string_equal(trace_text(step, "reason"), "no-rule");
	json_decref(answer);
}

static void
test_wrong(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 2, "");
	switch_do(sw, "create", "bridge[name='br1']", NULL);
	trace_expect_refused(sw, "trace", "{}", "bridge", "needs 'bridge'");
	trace_expect_refused(sw, "trace", "{\"bridge\":\"br0\"}", "flow", "needs 'flow'");
	trace_expect_refused(
		sw, "trace", "{\"bridge\":\"brX\",\"flow\":\"\"}", "bridge", "no bridge");
	trace_expect_refused(
		sw, "trace", "{\"bridge\":\"br0\",\"flow\":\"tcp\"}", "in-port", "in_port=");
	trace_expect_refused(
		sw, "trace", "{\"bridge\":\"br0\",\"flow\":\"in_port=p9\"}", "in-port", "no port");
	trace_expect_refused(sw, "trace", "{\"bridge\":\"br1\",\"flow\":\"in_port=p1\"}", "in-port",
		"not in bridge");
	trace_expect_refused(sw, "trace", "{\"bridge\":\"br0\",\"flow\":\"in_port=p1,tp_dst=80\"}",
		"flow", "column 12");
	trace_expect_refused(
		sw, "trace", "{\"bridge\":\"br0\",\"flow\":\"in_port=p1,reg1=1\"}", "flow", "reg1");
	trace_expect_refused(sw, "trace",
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"flow\":\"tcp,ip_frag=later,tp_dst=80\"}",
		"flow", "no frame");
	trace_expect_refused(sw, "trace",
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"frame\":\"0g\"}", "frame", "hexadecimal");
	trace_expect_refused(sw, "flow-cache", "{\"limit\":0}", "limit", "from 1");
	trace_expect_refused(sw, "flow-cache", "{\"after\":\"x\"}", "after", "no place");
	trace_expect_refused(sw, "flow-cache", "{\"port\":\"p9\"}", "port", "no port");
}

/* --- the list ----------------------------------------------------------------------------------
 */

/* All flows by pages of `limit`; a new reference. */
static json_t *
list(struct sw *sw, const char *port, int limit) ON_BOTH
{
	json_t *all = json_array();
	char after[64] = "";

	for (;;) {
		json_t *input = json_pack("{s:i}", "limit", limit);
		struct err err = ERR_INIT;
		json_t *page;

		if (port != NULL) {
			(void)json_object_set_new(input, "port", json_string(port));
		}
		if (after[0] != '\0') {
			(void)json_object_set_new(input, "after", json_string(after));
		}
		page = trace_ask(sw, "flow-cache", input, &err);
		if (page == NULL) {
			fail_msg("%s", err.text);
		}
		assert_true(json_array_size(json_object_get(page, "flow")) <= (size_t)limit);
		(void)json_array_extend(all, json_object_get(page, "flow"));
		(void)str_copy(after, trace_text(page, "next"), sizeof(after));
		json_decref(page);
		if (after[0] == '\0') {
			return all;
		}
	}
}

static void
test_list(void **state)
{
	static const int limits[] = {1, 7, 128, 10000};
	struct sw *sw = switch_of(state);
	struct dp_worker_stats stats;
	struct frame frame;

	switch_ports(sw, 2, "");
	for (uint32_t i = 0; i < 300; i++) {
		frame_plain(&frame, i, 1000 + i % 3, i);
		switch_send(sw, i % 3 == 0 ? "p1" : "p2", &frame);
	}
	trace_forget_got(sw);
	dp_worker_get_stats(sw->dp, 0, &stats);
	assert_int_equal(stats.flows, 300);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		json_t *all = list(sw, NULL, limits[i]);
		json_t *seen = json_object();
		const json_t *flow;
		size_t k;

		assert_int_equal(json_array_size(all), 300);
		json_array_foreach (all, k, flow) {
			char key[512];

			(void)snprintf(key, sizeof(key), "%s %s", trace_text(flow, "port"),
				trace_text(flow, "match"));
			assert_null(json_object_get(seen, key));
			(void)json_object_set_new(seen, key, json_true());
			assert_string_equal(trace_text(flow, "packets"), "1");
			assert_string_equal(trace_text(flow, "bytes"), "64");
		}
		assert_int_equal(json_object_size(seen), 300);
		json_decref(seen);
		json_decref(all);
		all = list(sw, "p1", limits[i]);
		assert_int_equal(json_array_size(all), 100);
		json_decref(all);
	}
}

static void
test_list_rules(void **state)
{
	struct sw *sw = switch_of(state);
	json_t *all;
	const json_t *flow;

	switch_ports(sw, PORTS, "");
	trace_program(sw, rules);
	trace_check(sw, "p2", flows[4]);
	all = list(sw, "p2", 10);
	assert_int_equal(json_array_size(all), 1);
	flow = json_array_get(all, 0);
	assert_string_equal(trace_text(flow, "port"), "p2");
	assert_non_null(strstr(trace_text(flow, "match"), "tp_dst=22"));
	assert_string_equal(json_string_value(json_array_get(json_object_get(flow, "action"), 0)),
		"drop:rule-drop");
	assert_null(json_object_get(flow, "stale"));
	json_decref(all);
}

/* A worker that does not come round is named; the trace is told all the same. */
static void
test_silent_worker(void **state)
{
	struct sw *sw = switch_of(state);
	struct trace_answer list_answer;
	struct trace_answer trace_answer;

	switch_ports(sw, 2, "");
	trace_start(sw, "flow-cache", json_object(), &list_answer);
	trace_start(sw, "trace",
		json_pack("{s:s, s:s, s:s}", "bridge", "br0", "in-port", "p1", "flow", "tcp"),
		&trace_answer);
	for (unsigned int i = 0; i < 23; i++) {
		sw->now += 100 * CLOCK_MS;
		(void)dp_step(sw->dp, sw->now);
	}
	assert_true(list_answer.done);
	assert_null(list_answer.output);
	assert_non_null(strstr(list_answer.err.text, "worker 0 has not answered"));
	/* It is not asked again while it has the first question. */
	assert_true(trace_answer.done);
	assert_string_equal(trace_text(trace_answer.output, "cache-error"), list_answer.err.text);
	assert_int_equal(json_array_size(json_object_get(trace_answer.output, "output")), 1);
	json_decref(trace_answer.output);
	/* It comes round. */
	switch_sleep(sw, 10 * CLOCK_MS);
	json_decref(list(sw, NULL, 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_bridge),
		SWITCH_CASE(test_rules),
		SWITCH_CASE(test_quiet),
		SWITCH_CASE(test_stale),
		SWITCH_CASE(test_steps),
		SWITCH_CASE(test_wrong),
		SWITCH_CASE(test_list),
		SWITCH_CASE(test_list_rules),
		SWITCH_CASE(test_silent_worker),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-trace", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
