/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions while frames flow: who is not part of an edit does not feel it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/world/held_port.h"
#include "tests/world/switch.h"
#include "tests/world/talkers.h"

static void
refused(struct sw *sw) ON_BOTH
{
	if (switch_commit(sw) == 0) {
		fail_msg("the edit was accepted");
	}
}

static void
test_others_do_not_feel_edits(void **state)
{
	struct sw *sw = two_talkers(state);
	static const struct {
		const char *op;
		const char *path;
		const char *value;
	} edits[] = {
		{"create", "port[name='x']", "{'type':'fake','bridge':'br0'}"},
		{"merge", "port[name='x']", "{'mtu':9000,'vlan':7}"},
		{"merge", "port[name='x']/queues", "3"},
		{"create", "bridge[name='br1']", NULL},
		{"merge", "port[name='x']/bridge", "'br1'"},
		{"merge", "port[name='x']/enabled", "false"},
		{"remove", "port[name='x']/bridge", NULL},
		{"delete", "bridge[name='br1']", NULL},
		{"create", "bridge[name='br0']/static-mac[mac='02:00:00:00:00:77'][vlan='0']",
			"{'port':'p1'}"},
		{"merge", "bridge[name='br0']/aging-time", "60"},
		{"merge", "bridge[name='br0']/description", "'words'"},
		{"merge", "bridge[name='br0']/forward-reserved", "true"},
		{"merge", "port[name='x']/type", "'tap'"},
		{"delete", "port[name='x']", NULL},
		/* Of the talkers themselves, what does not concern their frames. */
		{"merge", "port[name='p1']/mtu", "4000"},
		{"merge", "port[name='p1']/description", "'words'"},
		{"merge", "port[name='p1']/mac-limit", "17"},
	};

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
			switch_op(sw,
				round == 0       ? edits[i].op
					: i == 0 ? "create"
						 : edits[i].op,
				edits[i].path, edits[i].value);
			commit_under_traffic(sw);
			if (sw->rc != 0) {
				fail_msg("%s: %s", edits[i].path, sw->err.text);
			}
		}
		switch_do(sw, "delete",
			"bridge[name='br0']/static-mac[mac='02:00:00:00:00:77'][vlan='0']", NULL);
	}
}

static void
test_delete_and_come_again(void **state)
{
	struct sw *sw = two_talkers(state);

	for (int i = 0; i < 5; i++) {
		say(sw, "p2", 1, 2, "p1");
		switch_do(sw, "delete", "port[name='p1']", NULL);
		say(sw, "p2", 1, 2, "");
		switch_do(sw, "create", "port[name='p1']", "{'type':'fake','bridge':'br0'}");
		assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/rx-packets"), 0);
		/* Its addresses went with it. */
		switch_do(sw, "create", "port[name='p3']", "{'type':'fake','bridge':'br0'}");
		say(sw, "p2", 1, 2, "p1 p3");
		say(sw, "p1", 2, 1, "p2");
		switch_do(sw, "delete", "port[name='p3']", NULL);
		switch_settle(sw);
	}
}

static void
test_flush_of_what_a_change_makes_wrong(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	switch_do(sw, "merge", "port[name='p1']", "{'mtu':2000,'description':'x','mac-limit':9}");
	say(sw, "p2", 1, 2, "p1");
	switch_do(sw, "merge", "port[name='p1']/vlan", "8");
	say(sw, "p2", 1, 2, "p3");
	switch_do(sw, "remove", "port[name='p1']/vlan", NULL);
	say(sw, "p2", 1, 2, "p1 p3");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	say(sw, "p2", 1, 2, "p1");
	switch_do(sw, "merge", "port[name='p1']/enabled", "false");
	say(sw, "p2", 1, 2, "p3");
	assert_int_equal(switch_drops(sw, "p1", DROP_LINK_DOWN), 1);
	switch_op(sw, "create", "bridge[name='br1']", NULL);
	switch_do(sw, "merge", "port[name='p1']", "{'enabled':true,'bridge':'br1'}");
	say(sw, "p1", FRAME_BROADCAST, 1, "");
	say(sw, "p2", 1, 2, "p3");
	switch_do(sw, "merge", "port[name='p2']/bridge", "'br1'");
	say(sw, "p2", 1, 2, "p1");
}

static void
test_bridge_with_ports_stays(void **state)
{
	struct sw *sw = two_talkers(state);

	switch_op(sw, "delete", "bridge[name='br0']", NULL);
	refused(sw);
	assert_int_equal(sw->err.kind, ERR_IN_USE);
	say(sw, "p1", 2, 1, "p2");
	switch_op(sw, "delete", "bridge[name='br0']", NULL);
	switch_op(sw, "delete", "port[name='p1']", NULL);
	refused(sw);
	say(sw, "p1", 2, 1, "p2");
	/* All at once, and the bridge first: the end counts. */
	switch_op(sw, "delete", "bridge[name='br0']", NULL);
	switch_op(sw, "delete", "port[name='p1']", NULL);
	switch_op(sw, "remove", "port[name='p2']/bridge", NULL);
	assert_int_equal(switch_commit(sw), 0);
	say(sw, "p2", 1, 2, "");
	assert_int_equal(switch_drops(sw, "p2", DROP_NO_BRIDGE), 1);
	switch_op(sw, "delete", "port[name='p2']", NULL);
	switch_op(sw, "create", "bridge[name='br0']", NULL);
	assert_int_equal(switch_commit(sw), 0);
}

static void
test_counters_outlive_devices(void **state)
{
	struct sw *sw = two_talkers(state);

	for (unsigned int i = 2; i < 6; i++) {
		char queues[8];

		(void)snprintf(queues, sizeof(queues), "%u", i);
		say(sw, "p1", 2, 1, "p2");
		say(sw, "p1", 1, 1, "");
		switch_do(sw, "merge", "port[name='p1']/queues", queues);
		switch_settle(sw); /* checks that none went down */
		say(sw, "p1", FRAME_BROADCAST, 1, "p2");
	}
	assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/rx-packets"), 13);
	assert_int_equal(switch_drops(sw, "p1", DROP_HAIRPIN), 4);
}

/* --- what only one port can have -------------------------------------------------------------- */

static void
test_resource_moves(void **state)
{
	struct sw *sw = two_talkers(state);

	held_port_reset();
	switch_do(sw, "create", "port[name='a']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	say(sw, "a", FRAME_BROADCAST, 10, "p1 p2");
	/* Taken. */
	switch_op(sw, "create", "port[name='b']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	refused(sw);
	assert_int_equal(sw->err.kind, ERR_IN_USE);
	/* From a deleted port to a new one. */
	switch_op(sw, "delete", "port[name='a']", NULL);
	switch_op(sw, "create", "port[name='b']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	commit_under_traffic(sw);
	assert_int_equal(sw->rc, 0);
	say(sw, "b", FRAME_BROADCAST, 11, "p1 p2");
	/* From a changed port to a new one. */
	switch_op(sw, "merge", "port[name='b']/ifname", "'i1'");
	switch_op(sw, "create", "port[name='c']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	commit_under_traffic(sw);
	assert_int_equal(sw->rc, 0);
	say(sw, "b", FRAME_BROADCAST, 11, "p1 p2 c");
	/* Two change places. */
	switch_op(sw, "merge", "port[name='b']/ifname", "'i0'");
	switch_op(sw, "merge", "port[name='c']/ifname", "'i1'");
	commit_under_traffic(sw);
	assert_int_equal(sw->rc, 0);
	say(sw, "c", FRAME_BROADCAST, 12, "p1 p2 b");
	assert_int_equal(held_port_count("i0"), 1);
	assert_int_equal(held_port_count("i1"), 1);
}

/* Who has a resource after such an edit is known: a third that wants it is told by name. */
static void
third_is_refused(struct sw *sw, const char *ifname, const char *holder) ON_BOTH
{
	char value[128];
	char words[64];

	(void)snprintf(value, sizeof(value), "{'type':'tap','ifname':'%s'}", ifname);
	(void)snprintf(words, sizeof(words), "'%s'", holder);
	switch_op(sw, "create", "port[name='third']", value);
	refused(sw);
	assert_int_equal(sw->err.kind, ERR_IN_USE);
	if (strstr(sw->err.text, words) == NULL) {
		fail_msg("'%s' does not name port %s", sw->err.text, holder);
	}
}

static void
test_resource_is_known_after_a_move(void **state)
{
	struct sw *sw = switch_of(state);

	switch_do(sw, "create", "port[name='a']", "{'type':'tap','ifname':'i0'}");
	switch_op(sw, "merge", "port[name='a']/ifname", "'i1'");
	switch_op(sw, "create", "port[name='b']", "{'type':'tap','ifname':'i0'}");
	assert_int_equal(switch_commit(sw), 0);
	third_is_refused(sw, "i0", "b");
	third_is_refused(sw, "i1", "a");
	switch_op(sw, "merge", "port[name='a']/ifname", "'i0'");
	switch_op(sw, "merge", "port[name='b']/ifname", "'i1'");
	assert_int_equal(switch_commit(sw), 0);
	third_is_refused(sw, "i0", "a");
	third_is_refused(sw, "i1", "b");
	switch_op(sw, "delete", "port[name='a']", NULL);
	switch_op(sw, "merge", "port[name='b']/ifname", "'i0'");
	assert_int_equal(switch_commit(sw), 0);
	third_is_refused(sw, "i0", "b");
	switch_do(sw, "create", "port[name='third']", "{'type':'tap','ifname':'i1'}");
}

static void
test_refused_move_is_undone(void **state)
{
	struct sw *sw = two_talkers(state);

	switch_do(sw, "create", "port[name='a']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	say(sw, "a", FRAME_BROADCAST, 10, "p1 p2");
	held_port_refuse("i9", true);
	switch_op(sw, "delete", "port[name='a']", NULL);
	switch_op(sw, "create", "port[name='b']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	switch_op(sw, "create", "port[name='c']", "{'type':'tap','ifname':'i9','bridge':'br0'}");
	commit_under_traffic(sw);
	assert_int_not_equal(sw->rc, 0);
	assert_string_equal(sw->err.path, "/vswitch:vswitch/port[name='c']/ifname");
	assert_string_equal(switch_text(sw, "port[name='a']", "oper-status"), "up");
	say(sw, "a", FRAME_BROADCAST, 10, "p1 p2");
	say(sw, "p1", 10, 1, "a");
	assert_int_equal(held_port_count("i0"), 1);
	/* The same with a port that would have changed. */
	switch_op(sw, "merge", "port[name='a']", "{'ifname':'i1','mtu':3000,'vlan':5}");
	switch_op(sw, "create", "port[name='b']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	switch_op(sw, "create", "port[name='c']", "{'type':'tap','ifname':'i9','bridge':'br0'}");
	commit_under_traffic(sw);
	assert_int_not_equal(sw->rc, 0);
	say(sw, "a", FRAME_BROADCAST, 10, "p1 p2");
	assert_int_equal(held_port_count("i0"), 1);
	assert_int_equal(held_port_count("i1"), 0);
	third_is_refused(sw, "i0", "a");
	switch_do(sw, "create", "port[name='third']", "{'type':'tap','ifname':'i1'}");
}

/* --- refused edits ---------------------------------------------------------------------------- */

static void
test_refused_edit_leaves_forwarding_alone(void **state)
{
	struct sw *sw = three_talkers(state);

	talkers_refused_with(sw, "merge", "port[name='p1']/vlan", "7");
	talkers_refused_with(sw, "merge", "port[name='p1']/enabled", "false");
	talkers_refused_with(sw, "merge", "port[name='p1']/mtu", "100");
	talkers_refused_with(sw, "merge", "port[name='p1']/queues", "2");
	talkers_refused_with(sw, "remove", "port[name='p1']/bridge", NULL);
	talkers_refused_with(sw, "create", "bridge[name='br7']", NULL);
	talkers_refused_with(sw, "merge", "bridge[name='br0']/aging-time", "10");
	talkers_refused_with(sw, "create",
		"bridge[name='br0']/static-mac[mac='02:00:00:00:00:02'][vlan='0']",
		"{'port':'p1'}");
	switch_op(sw, "merge", "port[name='p1']/vlan", "4095");
	refused(sw);
	switch_op(sw, "merge", "port[name='p1']/bridge", "'nowhere'");
	refused(sw);
	say(sw, "p3", 1, 3, "p1");
}

/* --- devices that are not there --------------------------------------------------------------- */

static void
test_device_vanishes_and_comes_back(void **state)
{
	struct sw *sw = two_talkers(state);

	switch_do(sw, "create", "port[name='a']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	switch_do(sw, "create", "bridge[name='br0']/static-mac[mac='02:00:00:00:00:0a'][vlan='0']",
		"{'port':'a'}");
	say(sw, "p1", 10, 1, "a");
	say(sw, "a", FRAME_BROADCAST, 11, "p1 p2");
	held_port_vanish("i0", true);
	held_port_refuse("i0", true);
	switch_sleep(sw, 3 * CLOCK_S);
	assert_string_equal(switch_text(sw, "port[name='a']", "oper-status"), "failed");
	assert_string_not_equal(switch_text(sw, "port[name='a']", "reason"), "");
	assert_int_equal(held_port_count("i0"), 0);
	say(sw, "p1", 2, 1, "p2");
	say(sw, "p1", 10, 1, "p2"); /* nobody is there: it is flooded */
	/* Still a port that can be edited. */
	switch_do(sw, "merge", "port[name='a']/description", "'words'");
	held_port_vanish("i0", false);
	held_port_refuse("i0", false);
	switch_sleep(sw, 2 * CLOCK_S);
	assert_string_equal(switch_text(sw, "port[name='a']", "oper-status"), "up");
	assert_string_equal(switch_text(sw, "port[name='a']", "reason"), "");
	say(sw, "p1", 10, 1, "a");
	assert_int_equal(switch_number(sw, "port[name='a']", "statistics/rx-packets"), 1);
}

static void
test_load_with_a_missing_device(void **state)
{
	static const char config[] =
		"{\"vswitch:vswitch\": {\"bridge\": [{\"name\": \"br0\"}], \"port\": ["
		"{\"name\": \"p1\", \"type\": \"fake\", \"bridge\": \"br0\"},"
		"{\"name\": \"a\", \"type\": \"tap\", \"ifname\": \"i0\", \"bridge\": \"br0\"}]}}";
	char folder[] = "/tmp/world_edit_test.XXXXXX";
	struct sw *sw = calloc(1, sizeof(*sw));
	char file[64];
	char other[80];
	FILE *f;

	(void)switch_of(state);
	assert_non_null(sw);
	assert_non_null(mkdtemp(folder));
	(void)snprintf(file, sizeof(file), "%s/config.json", folder);
	f = fopen(file, "w");
	assert_non_null(f);
	assert_int_equal(fputs(config, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
	held_port_refuse("i0", true);
	switch_create(sw, 1, file);
	assert_int_equal(sw->rc, 0);
	assert_string_equal(switch_text(sw, "port[name='a']", "oper-status"), "failed");
	say(sw, "p1", FRAME_BROADCAST, 1, "");
	held_port_refuse("i0", false);
	switch_sleep(sw, 2 * CLOCK_S);
	say(sw, "p1", FRAME_BROADCAST, 1, "a");
	switch_destroy(sw);
	free(sw);
	(void)unlink(file);
	(void)snprintf(other, sizeof(other), "%s.lock", file);
	(void)unlink(other);
	(void)rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_others_do_not_feel_edits),
		SWITCH_CASE(test_delete_and_come_again),
		SWITCH_CASE(test_flush_of_what_a_change_makes_wrong),
		SWITCH_CASE(test_bridge_with_ports_stays),
		SWITCH_CASE(test_counters_outlive_devices),
		SWITCH_CASE(test_resource_moves),
		SWITCH_CASE(test_resource_is_known_after_a_move),
		SWITCH_CASE(test_refused_move_is_undone),
		SWITCH_CASE(test_refused_edit_leaves_forwarding_alone),
		SWITCH_CASE(test_device_vanishes_and_comes_back),
		SWITCH_CASE(test_load_with_a_missing_device),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-edit", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
