/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses that are learned, move, age out and are flushed, from a frame to an event. */
#include <stdlib.h>
#include <string.h>

#include "tests/world/switch.h"
#include "vswitchd/mac_events.h"

static struct sw *
switch_telling(void **state) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct sw *sw = switch_of(state);

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(sw, 3, "");
	dp_tell_macs(sw->dp, true);
	return sw;
}

static void
send_from(struct sw *sw, const char *port, uint32_t source) ON_BOTH
{
	struct frame frame;

	frame_plain(&frame, FRAME_BROADCAST, source, 0);
	switch_send(sw, port, &frame);
	(void)switch_step(sw); /* main takes what the worker has put */
}

static void
expect(struct sw *sw, const char *expected)
{
	json_t *event = json_incref(json_array_get(sw->macs, 0));
	char *text = json_dumps(event, JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
	(void)json_array_remove(sw->macs, 0);
	free(text);
	json_decref(event);
}

static void
test_life_of_an_address(void **state)
{
	struct sw *sw = switch_telling(state);

	send_from(sw, "p1", 1);
	expect(sw,
		"{\"event\":\"learned\",\"mac\":\"02:00:00:00:00:01\",\"vlan\":0,"
		"\"port\":\"p1\"}");
	send_from(sw, "p1", 1);
	send_from(sw, "p2", 1);
	expect(sw,
		"{\"event\":\"moved\",\"mac\":\"02:00:00:00:00:01\",\"vlan\":0,\"port\":"
		"\"p2\",\"from-port\":\"p1\"}");
	switch_sleep(sw, 310 * CLOCK_S);
	expect(sw,
		"{\"event\":\"aged\",\"mac\":\"02:00:00:00:00:01\",\"vlan\":0,\"port\":"
		"\"p2\"}");
	assert_int_equal(json_array_size(sw->macs), 0);
	dp_tell_macs(sw->dp, false);
	send_from(sw, "p1", 1);
	assert_int_equal(json_array_size(sw->macs), 0);
}

static void
test_flush(void **state)
{
	struct sw *sw = switch_telling(state);

	send_from(sw, "p1", 1);
	send_from(sw, "p1", 2);
	send_from(sw, "p2", 3);
	(void)json_array_clear(sw->macs);
	assert_int_equal(
		switch_action(sw, "fdb-flush", "{'bridge':'br0','port':'p1'}", "flushed"), 2);
	(void)switch_step(sw);
	expect(sw, "{\"event\":\"flushed\",\"port\":\"p1\",\"count\":2}");
	assert_int_equal(switch_action(sw, "fdb-flush", "{'bridge':'br0','vlan':0}", "flushed"), 1);
	(void)switch_step(sw);
	expect(sw, "{\"event\":\"flushed\",\"vlan\":0,\"count\":1}");
	/* A port that goes takes its addresses with it. */
	send_from(sw, "p3", 4);
	(void)json_array_clear(sw->macs);
	switch_do(sw, "delete", "port[name='p3']", NULL);
	switch_sleep(sw, CLOCK_S);
	expect(sw, "{\"event\":\"flushed\",\"count\":1}");
	assert_int_equal(json_array_size(sw->macs), 0);
}

/* Another table, another bridge: they tell as well. */
static void
test_new_tables_tell(void **state)
{
	struct sw *sw = switch_telling(state);

	switch_do(sw, "merge", "bridge[name='br0']/fdb-limit", "100000");
	send_from(sw, "p1", 1);
	expect(sw,
		"{\"event\":\"learned\",\"mac\":\"02:00:00:00:00:01\",\"vlan\":0,"
		"\"port\":\"p1\"}");
	switch_do(sw, "create", "bridge[name='br1']", NULL);
	switch_do(sw, "merge", "port[name='p3']/bridge", "'br1'");
	send_from(sw, "p3", 1);
	expect(sw,
		"{\"event\":\"learned\",\"mac\":\"02:00:00:00:00:01\",\"vlan\":0,"
		"\"port\":\"p3\"}");
}

/* Main takes no more than a share in each step, from all bridges in turn, and loses nothing. */
static void
test_floods_go_by_shares(void **state)
{
	struct sw *sw = switch_telling(state);
	struct fdb *fdb = dp_bridge_fdb(world_find_bridge(&sw->world, "br0")->dp);
	const uint32_t port = dp_port_id(world_find_port(&sw->world, "p1")->dp);
	size_t before;

	for (uint64_t i = 0; i < 1000; i++) {
		assert_true(fdb_trylock(fdb));
		(void)fdb_learn(fdb, (i << 8) + 2, port, 0, (uint16_t)(sw->now / CLOCK_S));
		fdb_unlock(fdb);
	}
	for (size_t n = 0; n < 1000; n += before) {
		before = json_array_size(sw->macs);
		(void)dp_step(sw->dp, sw->now);
		before = json_array_size(sw->macs) - before;
		assert_in_range(before, 1, DP_MACS_A_STEP);
	}
	assert_int_equal(json_array_size(sw->macs), 1000);
}

/* A second has so many events; the rest is counted, and told. */
static void
test_rate(void **state)
{
	struct sw *sw = switch_telling(state);
	struct world_bridge *bridge = world_find_bridge(&sw->world, "br0");
	struct mac_events macs = {.world = &sw->world, .telling = true};
	const struct fdb_news news = {.key = 1, .count = 1, .change = FDB_CHANGE_LEARNED};

	switch_sleep(sw, CLOCK_S);
	for (unsigned int i = 0; i < MAC_EVENTS_A_SECOND + 500; i++) {
		mac_events_take(&macs, bridge->dp, &news);
	}
	assert_int_equal(bridge->macs.lost, 500);
	assert_true(mac_events_step(&macs, sw->now));
	assert_int_equal(bridge->macs.lost, 0);
	mac_events_take(&macs, bridge->dp, &news);
	assert_true(mac_events_step(&macs, sw->now));
	/* Told once in a second. */
	assert_int_equal(bridge->macs.lost, 1);
	switch_sleep(sw, CLOCK_S);
	mac_events_take(&macs, bridge->dp, &news);
	assert_int_equal(bridge->macs.lost, 1);
	assert_true(mac_events_step(&macs, sw->now));
	assert_int_equal(bridge->macs.lost, 0);
}

/* Slices of one flush are one event. */
static void
test_flush_is_one(void **state)
{
	struct sw *sw = switch_telling(state);
	struct world_bridge *bridge = world_find_bridge(&sw->world, "br0");
	struct mac_events macs = {.world = &sw->world, .telling = true};
	struct fdb_news news = {.count = 1000, .vlan = -1, .change = FDB_CHANGE_FLUSHED};

	for (int i = 0; i < 5; i++) {
		mac_events_take(&macs, bridge->dp, &news);
	}
	assert_int_equal(macs.flush.count, 5000);
	news.vlan = 7;
	mac_events_take(&macs, bridge->dp, &news);
	assert_int_equal(macs.flush.count, 1000);
	assert_true(mac_events_step(&macs, sw->now));
	assert_int_equal(macs.flush.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_life_of_an_address),
		SWITCH_CASE(test_flush),
		SWITCH_CASE(test_new_tables_tell),
		SWITCH_CASE(test_floods_go_by_shares),
		SWITCH_CASE(test_rate),
		SWITCH_CASE(test_flush_is_one),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("world_macs", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
