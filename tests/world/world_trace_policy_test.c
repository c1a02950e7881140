/* SPDX-License-Identifier: BSD-3-Clause */
/* `trace` of frames that access lists, address checks, groups and meters have a say in. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "tests/world/trace_check.h"

#define PORTS 4
#define STATION "dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,"

static const char *const flows[] = {
	STATION "tcp,nw_src=10.0.0.1,tp_dst=80",
	STATION "tcp,nw_src=10.0.0.1,tp_dst=22",
	STATION "tcp,nw_src=10.9.0.1,tp_src=5,tp_dst=80",
	STATION "udp,nw_src=10.0.0.2,tp_dst=80",
	STATION "arp,arp_op=1,arp_spa=10.0.0.1,arp_sha=02:00:00:00:00:01",
	STATION "arp,arp_op=2,arp_spa=10.0.0.7,arp_sha=02:00:00:00:00:01",
	STATION "dl_vlan=10,tcp6,ipv6_src=fd00::1,tp_dst=80",
	"dl_src=02:00:00:00:00:07,tcp,nw_src=10.0.0.1,tp_dst=80",
	"dl_dst=ff:ff:ff:ff:ff:ff",
	"",
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

#define LIST                                                                                       \
	"{'ace':[{'name':'net', 'matches':{'source-network':'10.9.0.0/16'}, 'forwarding':'drop'}," \
	"{'name':'web', 'matches':{'protocol':'tcp', 'destination-port':'80-90'},"                 \
	" 'forwarding':'accept'}], 'default-action':'drop'}"

/* The step of this kind, borrowed; NULL: there is none. */
static const json_t *
step_of(const json_t *answer, const char *kind)
{
	const json_t *step;
	size_t i;

	json_array_foreach (json_object_get(answer, "step"), i, step) {
		if (strcmp(trace_text(step, "kind"), kind) == 0) {
			return step;
		}
	}
	return NULL;
}

static void
test_ingress_list(void **state)
{
	struct sw *sw = switch_of(state);
	const json_t *step;
	json_t *answer;

	switch_ports(sw, PORTS, "");
	switch_do(sw, "create", "acl[name='a']", LIST);
	switch_do(sw, "merge", "port[name='p1']/acl-in", "'a'");
	answer = trace_flow(sw, "p1", flows[0]);
	step = step_of(answer, "access-list");
	assert_int_equal(json_integer_value(json_object_get(step, "entry")), 2);
	assert_string_equal(trace_text(step, "result"), "accept");
	json_decref(answer);
	answer = trace_flow(sw, "p1", flows[2]);
	step = step_of(answer, "access-list");
	assert_int_equal(json_integer_value(json_object_get(step, "entry")), 1);
	assert_string_equal(trace_text(step, "match"), "ip,nw_src=10.9.0.0/16");
	assert_string_equal(trace_text(step, "result"), "drop");
	assert_string_equal(trace_text(answer, "drop"), "acl-denied");
	json_decref(answer);
	answer = trace_flow(sw, "p1", flows[1]);
	step = step_of(answer, "access-list");
	assert_null(json_object_get(step, "entry"));
	assert_string_equal(trace_text(step, "result"), "drop");
	assert_int_equal(json_array_size(json_object_get(answer, "step")), 1);
	json_decref(answer);
	/* Its place is that of the configuration: one that holds for both versions has one place.
	 */
	answer = trace_flow(sw, "p1", "tcp6,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,tp_dst=80");
	assert_int_equal(
		json_integer_value(json_object_get(step_of(answer, "access-list"), "entry")), 2);
	json_decref(answer);
	switch_do(sw, "delete", "acl[name='a']/ace[name='net']", NULL);
	answer = trace_flow(sw, "p1", flows[0]);
	assert_int_equal(
		json_integer_value(json_object_get(step_of(answer, "access-list"), "entry")), 1);
	json_decref(answer);
	check_all(sw);
}

static void
test_egress_list(void **state)
{
	struct sw *sw = switch_of(state);
	struct err err = ERR_INIT;
	const json_t *flow;
	json_t *all;
	size_t n = 0;
	size_t i;

	switch_ports(sw, PORTS, "");
	switch_do(sw, "create", "acl[name='a']", LIST);
	switch_do(sw, "merge", "port[name='p3']/acl-out", "'a'");
	trace_check(sw, "p1", flows[1]);
	all = trace_ask(sw, "flow-cache", json_object(), &err);
	json_array_foreach (json_object_get(all, "flow"), i, flow) {
		if (json_object_get(flow, "egress") != NULL) {
			assert_string_equal(trace_text(flow, "port"), "p1");
			assert_string_equal(trace_text(flow, "egress"), "p3");
			assert_string_equal(json_string_value(json_array_get(
						    json_object_get(flow, "action"), 0)),
				"drop:acl-egress-denied");
			n++;
		}
	}
	assert_int_equal(n, 1);
	json_decref(all);
	check_all(sw);
}

static void
test_addresses(void **state)
{
	struct sw *sw = switch_of(state);
	json_t *answer;

	switch_ports(sw, PORTS, "");
	switch_do(sw, "merge", "port[name='p1']",
		"{'allowed-mac':['02:00:00:00:00:01'], 'allowed-address':['10.0.0.1']}");
	answer = trace_flow(sw, "p1", flows[5]);
	assert_string_equal(
		trace_text(step_of(answer, "address-check"), "reason"), "spoofed-neighbor");
	assert_string_equal(trace_text(answer, "drop"), "spoofed-neighbor");
	json_decref(answer);
	check_all(sw);
}

#define BUCKETS                                                               \
	"{'id':1, 'actions':'output:p2', 'watch-port':'p2'},"                 \
	"{'id':2, 'actions':'mod_vlan_vid:30,output:p3', 'watch-port':'p3'}," \
	"{'id':3, 'actions':'output:p4', 'watch-port':'p4'}"

static void
test_groups(void **state)
{
	static const char *const types[] = {"all", "select", "failover"};
	static const char *const rules[] = {"tcp,actions=group:1", "udp,actions=group:7",
		"arp,actions=normal,mod_dl_dst:02:00:00:00:00:09,normal", NULL};
	struct sw *sw = switch_of(state);

	switch_ports(sw, PORTS, "");
	trace_program(sw, rules);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		char group[512];

		(void)snprintf(
			group, sizeof(group), "{'type':'%s', 'bucket':[" BUCKETS "]}", types[i]);
		switch_do(sw, "create", "bridge[name='br0']/group[id='1']", group);
		check_all(sw);
		switch_do(sw, "merge", "port[name='p2']/enabled", "false");
		check_all(sw);
		switch_do(sw, "merge", "port[name='p2']/enabled", "true");
		switch_do(sw, "delete", "bridge[name='br0']/group[id='1']", NULL);
	}
}

/* What depends on other frames is told as such. */
static void
test_limits(void **state)
{
	static const char *const rules[] = {"tcp,actions=meter:1,normal", NULL};
	struct sw *sw = switch_of(state);
	json_t *answer;

	switch_ports(sw, PORTS, "");
	switch_do(sw, "create", "bridge[name='br0']/meter[id='1']", "{'bit-rate':10000}");
	switch_do(sw, "merge", "port[name='p2']", "{'storm-broadcast':1000}");
	trace_program(sw, rules);
	answer = trace_flow(sw, "p1", flows[0]);
	assert_true(json_is_true(json_object_get(answer, "limited")));
	json_decref(answer);
	answer = trace_flow(sw, "p1", flows[3]);
	assert_null(json_object_get(answer, "limited"));
	json_decref(answer);
	answer = trace_flow(sw, "p2", flows[8]);
	assert_true(json_is_true(json_object_get(answer, "limited")));
	json_decref(answer);
	check_all(sw);
}

/* Between protected ports nothing passes. */
static void
test_protected(void **state)
{
	static const char *const rules[] = {"tcp,actions=p2,p3", NULL};
	struct sw *sw = switch_of(state);

	switch_ports(sw, PORTS, "");
	switch_do(sw, "merge", "port[name='p1']/protected", "true");
	switch_do(sw, "merge", "port[name='p2']/protected", "true");
	trace_program(sw, rules);
	check_all(sw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_ingress_list),
		SWITCH_CASE(test_egress_list),
		SWITCH_CASE(test_addresses),
		SWITCH_CASE(test_groups),
		SWITCH_CASE(test_limits),
		SWITCH_CASE(test_protected),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-trace-policy", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
