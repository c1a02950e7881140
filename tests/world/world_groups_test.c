/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow rules with the meters and groups of a configuration, and beside access lists. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_text.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/pipe/act.h"
#include "tests/world/packet.h"
#include "tests/world/switch.h"
#include "vswitchd/program.h"

/* One rule for br0. */
static void
program(struct sw *sw, const char *text) ON_MAIN
{
	struct programmer programmer;
	const struct program_backend *backend = &programmer.backend;
	struct err err = ERR_INIT;
	struct flow_rule rule;
	uint64_t n;
	int rc;

	programmer_init(&programmer, &sw->world);
	if (flow_text_parse_op(text, strlen(text), &rule, &err) != 0 ||
		backend->begin(backend->ctx, "br0", &err) != 0) {
		fail_msg("%s: %s", text, err.text);
	}
	rc = backend->op(backend->ctx, &rule, &n, &err);
	if (rc != 0) {
		fail_msg("%s: %s", text, err.text);
	}
	backend->commit(backend->ctx);
}

/* A flow by its number. */
static void
flow_frame(struct frame *frame, uint16_t flow)
{
	const struct packet packet = {
		.dst = 9,
		.src = 1,
		.ip_src = "10.0.0.1",
		.ip_dst = "192.0.2.1",
		.proto = IPPROTO_UDP,
		.src_port = flow,
		.dst_port = 53,
	};

	packet_make(frame, &packet);
}

/* Which of the ports p2 to p5 the frame comes out of; 0: none. */
static int
output_of(struct sw *sw, const struct frame *frame) ON_BOTH
{
	int port = 0;

	switch_send(sw, "p1", frame);
	assert_in_range(sw->n_got, 0, 1);
	if (sw->n_got == 1) {
		port = sw->got[0].port[1] - '0';
		switch_expect(sw, sw->got[0].port, frame);
	}
	switch_expect_nothing(sw);
	return port;
}

#define BUCKETS                                               \
	"{'id':1, 'actions':'output:p2', 'watch-port':'p2'}," \
	"{'id':2, 'actions':'output:p3', 'watch-port':'p3'}," \
	"{'id':3, 'actions':'output:p4', 'watch-port':'p4'}"

static struct sw *
with_group(void **state, const char *group) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct sw *sw = switch_of(state);

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(sw, 5, "");
	switch_do(sw, "create", "bridge[name='br0']/group[id='1']", group);
	program(sw, "add in_port=p1,actions=group:1");
	return sw;
}

static void
test_all(void **state)
{
	struct sw *sw = with_group(state, "{'type':'all', 'bucket':[" BUCKETS "]}");
	struct frame frame;

	flow_frame(&frame, 1);
	switch_through(sw, "p1", &frame, "p2 p3 p4");
	switch_do(sw, "merge", "port[name='p3']/enabled", "false");
	switch_through(sw, "p1", &frame, "p2 p4");
	switch_do(sw, "delete", "bridge[name='br0']/group[id='1']", NULL);
	switch_through(sw, "p1", &frame, "");
	assert_int_equal(switch_drops(sw, "p1", DROP_NO_BUCKET), 1);
}

static void
test_failover(void **state)
{
	struct sw *sw = with_group(state, "{'type':'failover', 'bucket':[" BUCKETS "]}");
	struct frame frame;

	flow_frame(&frame, 1);
	assert_int_equal(output_of(sw, &frame), 2);
	switch_do(sw, "merge", "port[name='p2']/enabled", "false");
	assert_int_equal(output_of(sw, &frame), 3);
	switch_do(sw, "merge", "port[name='p3']/enabled", "false");
	assert_int_equal(output_of(sw, &frame), 4);
	switch_do(sw, "merge", "port[name='p2']/enabled", "true");
	assert_int_equal(output_of(sw, &frame), 2);
	switch_do(sw, "merge", "bridge[name='br0']/group[id='1']/bucket[id='0']",
		"{'actions':'output:p5'}");
	assert_int_equal(output_of(sw, &frame), 5);
}

/* A flow stays with its bucket; when that dies, only its flows move. */
static void
test_select(void **state)
{
	struct sw *sw = with_group(state, "{'type':'select', 'bucket':[" BUCKETS "]}");
	int before[100];
	unsigned int n[6] = {0};
	struct frame frame;

	for (uint16_t flow = 0; flow < 100; flow++) {
		flow_frame(&frame, flow);
		before[flow] = output_of(sw, &frame);
		n[before[flow]]++;
		assert_int_equal(output_of(sw, &frame), before[flow]);
	}
	for (int port = 2; port <= 4; port++) {
		assert_in_range(n[port], 15, 55);
	}
	switch_do(sw, "merge", "port[name='p3']/enabled", "false");
	for (uint16_t flow = 0; flow < 100; flow++) {
		int now;

		flow_frame(&frame, flow);
		now = output_of(sw, &frame);
		if (before[flow] == 3) {
			assert_true(now == 2 || now == 4);
		} else {
			assert_int_equal(now, before[flow]);
		}
	}
	switch_do(sw, "merge", "port[name='p3']/enabled", "true");
	for (uint16_t flow = 0; flow < 100; flow++) {
		flow_frame(&frame, flow);
		assert_int_equal(output_of(sw, &frame), before[flow]);
	}
	switch_do(sw, "merge", "bridge[name='br0']/group[id='1']/bucket[id='2']/weight", "0");
	for (uint16_t flow = 0; flow < 100; flow++) {
		flow_frame(&frame, flow);
		assert_int_not_equal(output_of(sw, &frame), 3);
	}
}

static void
test_meter(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;
	size_t sent;

	switch_ports(sw, 2, "");
	switch_do(
		sw, "create", "bridge[name='br0']/meter[id='7']", "{'packet-rate':10, 'burst':3}");
	program(sw, "add in_port=p1,udp,actions=meter:7,normal");
	flow_frame(&frame, 1);
	for (int i = 0; i < 10; i++) {
		switch_inject(sw, "p1", &frame);
	}
	switch_settle(sw);
	sent = sw->n_got;
	assert_in_range(sent, 3, 4);
	assert_int_equal(switch_drops(sw, "p1", DROP_METERED), 10 - sent);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "meter/passed-packets"), sent);
	assert_int_equal(
		switch_number(sw, "bridge[name='br0']", "meter/dropped-packets"), 10 - sent);
	while (sent-- > 0) {
		switch_expect(sw, "p2", &frame);
	}
	switch_expect_nothing(sw);
	/* One of the same name is another one. */
	switch_do(sw, "delete", "bridge[name='br0']/meter[id='7']", NULL);
	switch_do(
		sw, "create", "bridge[name='br0']/meter[id='7']", "{'packet-rate':10, 'burst':1}");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "meter/passed-packets"), 0);
	switch_through(sw, "p1", &frame, "p2");
	/* What does not concern it does not fill it up. */
	switch_do(sw, "merge", "bridge[name='br0']/description", "'words'");
	switch_through(sw, "p1", &frame, "");
	switch_sleep(sw, CLOCK_S / 5);
	switch_through(sw, "p1", &frame, "p2");
}

/*
 * Rules make the switch look at headers that the access list does not ask for; that they go deeper
 * than it can see is no matter of the list, and must not stick to others.
 */
static void
test_deep_headers_and_a_list_of_addresses(void **state)
{
	struct sw *sw = switch_of(state);
	struct packet packet = {
		.dst = 9,
		.src = 1,
		.ip_src = "2001:db8::1",
		.ip_dst = "2001:db8::2",
		.proto = IPPROTO_TCP,
		.src_port = 40000,
		.dst_port = 80,
	};
	struct frame plain;
	struct frame deep;

	switch_ports(sw, 2, "");
	program(sw, "add ipv6,ipv6_src=2001:db8:7::/48,actions=drop");
	switch_do(sw, "create", "acl[name='a']",
		"{'default-action':'accept', 'ace':[{'name':'mac', 'matches':"
		"{'source-mac-address':'02:00:00:00:00:01'}, 'forwarding':'drop'}]}");
	switch_do(sw, "merge", "port[name='p1']/acl-in", "'a'");
	packet_make(&plain, &packet);
	packet.extensions = 9;
	packet_make(&deep, &packet);
	switch_through(sw, "p1", &deep, "");
	switch_through(sw, "p1", &plain, "");
	assert_int_equal(switch_drops(sw, "p1", DROP_ACL_DENIED), 2);
	plain.bytes[11] = deep.bytes[11] = 3; /* another station */
	switch_through(sw, "p1", &deep, "p2");
	switch_through(sw, "p1", &plain, "p2");
}

#define MANY 64 /* buckets of a group */

/* Rules may not make one frame of a guest keep a worker from all others. */
static void
test_work_for_one_frame_is_bounded(void **state)
{
	struct sw *sw = switch_of(state);
	static char group[MANY * 64];
	static char rule[2000];
	struct frame frame;
	uint64_t copies;
	size_t len;

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(sw, 2, "");
	len = (size_t)snprintf(group, sizeof(group), "{'type':'all', 'bucket':[");
	for (int i = 0; i < MANY; i++) {
		len += (size_t)snprintf(group + len, sizeof(group) - len,
			"%s{'id':%d, 'actions':'output:p2,dec_ttl,output:p2'}", i == 0 ? "" : ",",
			i);
	}
	(void)snprintf(group + len, sizeof(group) - len, "]}");
	switch_do(sw, "create", "bridge[name='br0']/group[id='1']", group);
	len = (size_t)snprintf(rule, sizeof(rule), "add in_port=p1,actions=group:1");
	for (int i = 0; i < 100; i++) {
		len += (size_t)snprintf(rule + len, sizeof(rule) - len, ",group:1");
	}
	program(sw, rule);
	switch_do(sw, "merge", "port[name='p2']/enabled", "false");
	flow_frame(&frame, 1);
	switch_through(sw, "p1", &frame, "");
	assert_int_equal(switch_drops(sw, "p1", DROP_TOO_MANY_ACTIONS), 1);
	copies = switch_drops(sw, "p2", DROP_LINK_DOWN);
	assert_in_range(copies, MANY, ACT_WORK_MAX);
	/* One came in; of all that it became each was lost by name. */
	assert_int_equal(1 + dp_extra_copies(sw->world.dp), copies + 1);
}

/* There is no time for what p1's guest sends that is new. */
static void
empty_purse(struct sw *sw) ON_MAIN
{
	struct dp *dp = sw->world.dp;

	for (unsigned int w = 0; w < dp_n_workers(dp); w++) {
		struct flows *flows = &dp->workers[w]->burst->flows;

		flows->budget = true;
		flows->busy_queues = 2;
		for (uint32_t id = 1; id < 8; id++) {
			flows->by_port[id].budget = (struct miss_budget){
				.purse = -MISS_BUDGET_MAX, .filled_at = rte_rdtsc()};
		}
	}
}

/* One flow at the way in can be any number to a list at the way out: they are paid for, too. */
static void
test_new_flows_at_a_list_at_the_way_out(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;
	uint64_t lost;

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(sw, 2, "");
	program(sw, "add in_port=p1,actions=output:p2");
	switch_do(sw, "create", "acl[name='a']",
		"{'default-action':'accept', 'ace':[{'name':'port', 'matches':{"
		"'protocol':'udp', 'source-port':'65535'}, 'forwarding':'drop'}]}");
	switch_do(sw, "merge", "port[name='p2']/acl-out", "'a'");
	flow_frame(&frame, 1);
	switch_through(sw, "p1", &frame, "p2");
	for (uint16_t flow = 2; flow < 100; flow++) {
		flow_frame(&frame, flow);
		empty_purse(sw);
		switch_send(sw, "p1", &frame);
		sw->n_got = 0;
	}
	/* Not all, if the test had to wait for the processor. */
	lost = switch_drops(sw, "p1", DROP_MISS_BUDGET);
	assert_in_range(lost, 1, 98);
	/* What is known goes on. */
	flow_frame(&frame, 1);
	empty_purse(sw);
	switch_through(sw, "p1", &frame, "p2");
	assert_int_equal(switch_drops(sw, "p1", DROP_MISS_BUDGET), lost);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_all),
		SWITCH_CASE(test_failover),
		SWITCH_CASE(test_select),
		SWITCH_CASE(test_meter),
		SWITCH_CASE(test_work_for_one_frame_is_bounded),
		SWITCH_CASE(test_new_flows_at_a_list_at_the_way_out),
		SWITCH_CASE(test_deep_headers_and_a_list_of_addresses),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-groups", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
