/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that rules punt and sample, from a port to an event. */
#include <stdlib.h>
#include <string.h>

#include "ctl/flow_text.h"
#include "tests/world/switch.h"
#include "vswitchd/program.h"

/* A switch with ports p1 to p3 in br0, and one rule. */
static struct sw *
switch_with(void **state, const char *text) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct sw *sw = switch_of(state);
	struct programmer programmer;
	const struct program_backend *backend = &programmer.backend;
	struct err err = ERR_INIT;
	struct flow_rule rule;
	uint64_t n = 0;

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(sw, 3, "");
	programmer_init(&programmer, &sw->world);
	if (flow_text_parse_op(text, strlen(text), &rule, &err) != 0 ||
		backend->begin(backend->ctx, "br0", &err) != 0 ||
		backend->op(backend->ctx, &rule, &n, &err) != 0) {
		fail_msg("%s: %s", text, err.text);
	}
	backend->commit(backend->ctx);
	return sw;
}

/* The members of the next event but its frame; the frame is the first `len` bytes of `frame`. */
static void
expect_event(struct sw *sw, const char *expected, const struct frame *frame, uint32_t len)
{
	json_t *event = json_incref(json_array_get(sw->punts, 0));
	const char *hex = json_string_value(json_object_get(event, "frame"));
	char *text;

	assert_non_null(event);
	(void)json_array_remove(sw->punts, 0);
	assert_int_equal(strlen(hex), 2 * (size_t)len);
	for (uint32_t i = 0; i < len; i++) {
		char byte[3];

		(void)snprintf(byte, sizeof(byte), "%02x", frame->bytes[i]);
		assert_memory_equal(hex + 2 * (size_t)i, byte, 2);
	}
	(void)json_object_del(event, "frame");
	text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, expected);
	free(text);
	json_decref(event);
}

static void
expect_counts(struct sw *sw, uint64_t punted, uint64_t limited, uint64_t lost) ON_MAIN
{
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/punted"), punted);
	assert_int_equal(
		switch_number(sw, "bridge[name='br0']", "statistics/punt-limited"), limited);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/punt-lost"), lost);
}

static void
test_controller_only(void **state)
{
	struct sw *sw = switch_with(state, "in_port=p1,actions=controller");
	struct frame frame;

	frame_plain(&frame, 2, 1, 0);
	switch_send(sw, "p1", &frame);
	switch_expect_nothing(sw);
	expect_event(sw,
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"length\":64,\"reason\":\"action\"}",
		&frame, 64);
	assert_int_equal(switch_drops(sw, "p1", DROP_PUNTED), 1);
	/* No other port has such a rule. */
	switch_through(sw, "p2", &frame, "p1 p3");
	expect_counts(sw, 1, 0, 0);
	assert_int_equal(json_array_size(sw->punts), 0);
}

static void
test_controller_and_more(void **state)
{
	struct sw *sw =
		switch_with(state, "in_port=p1,actions=controller:20,output:p2,controller:65535");
	struct frame frame;

	frame_make(&frame, 2, 1, (uint32_t[]){0}, 7, 3000);
	switch_do(sw, "merge", "port[name='p1']/mtu", "9000");
	switch_do(sw, "merge", "port[name='p2']/mtu", "9000");
	switch_through(sw, "p1", &frame, "p2");
	expect_event(sw,
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"length\":3000,\"reason\":\"action\"}",
		&frame, 20);
	expect_event(sw,
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"length\":3000,\"reason\":\"action\"}",
		&frame, PUNT_BYTES_MAX);
	assert_int_equal(switch_drops(sw, "p1", DROP_PUNTED), 0);
}

/* As the frame is at that place of the list. */
static void
test_between_edits(void **state)
{
	struct sw *sw = switch_with(state,
		"in_port=p1,actions=controller(reason=no_match),push_vlan:0x8100,set_field:10->"
		"vlan_vid,controller(reason=invalid_ttl,max_len=18),output:p3");
	struct frame frame;
	struct frame tagged;

	frame_plain(&frame, 2, 1, 3);
	memcpy(tagged.bytes, frame.bytes, 12);
	memcpy(tagged.bytes + 12, (const uint8_t[]){0x81, 0x00, 0x00, 0x0a}, 4);
	memcpy(tagged.bytes + 16, frame.bytes + 12, 52);
	tagged.len = 68;
	switch_send(sw, "p1", &frame);
	switch_expect(sw, "p3", &tagged);
	switch_expect_nothing(sw);
	expect_event(sw,
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"length\":64,\"reason\":\"no-match\"}",
		&frame, 64);
	expect_event(sw,
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"length\":68,\"reason\":\"invalid-ttl\"}",
		&tagged, 18);
}

static void
test_sample(void **state)
{
	struct sw *sw = switch_with(state,
		"in_port=p1,actions=sample(probability=65535,collector_set_id=4294967295,"
		"obs_domain_id=2147483649,obs_point_id=5),normal");
	struct frame frame;

	frame_plain(&frame, FRAME_BROADCAST, 1, 0);
	switch_through(sw, "p1", &frame, "p2 p3");
	expect_event(sw,
		"{\"bridge\":\"br0\",\"collector-set-id\":4294967295,\"in-port\":\"p1\",\"length\":"
		"64,\"observation-domain-id\":2147483649,\"observation-point-id\":5,"
		"\"probability\":65535,\"reason\":\"sample\"}",
		&frame, 64);
	assert_int_equal(switch_drops(sw, "p1", DROP_PUNTED), 0);
}

#define SAMPLED 1000

static void
test_sample_of_some(void **state)
{
	struct sw *sw =
		switch_with(state, "in_port=p1,actions=sample(probability=16384),output:p2");
	struct frame frame;
	size_t n;

	frame_plain(&frame, 2, 1, 0);
	for (int i = 0; i < SAMPLED; i++) {
		switch_through(sw, "p1", &frame, "p2");
	}
	/* A quarter; seven standard deviations (of 13.7) are 96. */
	n = json_array_size(sw->punts);
	assert_in_range(n, SAMPLED / 4 - 96, SAMPLED / 4 + 96);
	expect_counts(sw, n, 0, 0);
}

static void
test_rate(void **state)
{
	struct sw *sw = switch_with(state, "in_port=p1,actions=controller,output:p2");
	struct frame frame;

	switch_do(sw, "merge", "bridge[name='br0']/punt-rate", "10");
	frame_plain(&frame, 2, 1, 0);
	for (int i = 0; i < 25; i++) {
		switch_through(sw, "p1", &frame, "p2");
	}
	assert_int_equal(json_array_size(sw->punts), 10);
	expect_counts(sw, 10, 15, 0);
	switch_sleep(sw, CLOCK_S);
	for (int i = 0; i < 25; i++) {
		switch_through(sw, "p1", &frame, "p2");
	}
	expect_counts(sw, 20, 30, 0);
	(void)switch_action(sw, "clear-counters", "{}", NULL);
	expect_counts(sw, 0, 0, 0);
	switch_op(sw, "merge", "bridge[name='br0']/punt-rate", "0");
	assert_true(switch_commit(sw) < 0);
}

/* Main is late: what finds the queue full is lost as a copy only. */
static void
test_full_queue(void **state)
{
	struct sw *sw = switch_with(state, "in_port=p1,actions=controller,output:p2");
	const unsigned int n = PUNT_SLOTS + 50;
	struct frame frame;

	frame_plain(&frame, 2, 1, 0);
	for (unsigned int i = 0; i < n; i++) {
		switch_inject(sw, "p1", &frame);
		(void)dp_worker_step(sw->dp, 0, sw->now);
		if (i % 50 == 0) {
			(void)switch_action(sw, "fake-collect", "{'port':'p2','max':1024}", NULL);
		}
	}
	assert_int_equal(json_array_size(sw->punts), 0);
	expect_counts(sw, 0, 0, n - PUNT_SLOTS);
	(void)dp_step(sw->dp, sw->now);
	assert_int_equal(json_array_size(sw->punts), PUNT_SLOTS);
	expect_counts(sw, PUNT_SLOTS, 0, n - PUNT_SLOTS);
	assert_int_equal(switch_number(sw, "port[name='p2']", "statistics/tx-packets"), n);
}

/* Main takes copies before it closes ports: what they sent last is told by name. */
static void
test_port_that_goes(void **state)
{
	struct sw *sw = switch_with(state, "in_port=p1,actions=controller");
	struct frame frame;

	frame_plain(&frame, 2, 1, 0);
	switch_inject(sw, "p1", &frame);
	(void)dp_worker_step(sw->dp, 0, sw->now);
	switch_do(sw, "delete", "port[name='p1']", NULL);
	expect_event(sw,
		"{\"bridge\":\"br0\",\"in-port\":\"p1\",\"length\":64,\"reason\":\"action\"}",
		&frame, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_controller_only),
		SWITCH_CASE(test_controller_and_more),
		SWITCH_CASE(test_between_edits),
		SWITCH_CASE(test_sample),
		SWITCH_CASE(test_sample_of_some),
		SWITCH_CASE(test_rate),
		SWITCH_CASE(test_full_queue),
		SWITCH_CASE(test_port_that_goes),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("world_punt", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
