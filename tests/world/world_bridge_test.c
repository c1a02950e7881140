/* SPDX-License-Identifier: BSD-3-Clause */
/* Edits of a bridge: what it knows and counts stays, and a refused one leaves no trace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/world/held_port.h"
#include "tests/world/switch.h"
#include "tests/world/talkers.h"

/* What the bridge knows, too: a larger table is a new one, but only if the edit holds. */
static void
test_refused_edit_leaves_the_table_alone(void **state)
{
	struct sw *sw = three_talkers(state);

	talkers_refused_with(sw, "merge", "bridge[name='br0']/fdb-limit", "200000");
}

static void
test_refused_edit_lets_no_reserved_frame_through(void **state)
{
	struct sw *sw = two_talkers(state);
	const uint8_t reserved[] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};
	struct frame frame;

	switch_do(sw, "create", "port[name='a']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	held_port_refuse("i9", true);
	switch_op(sw, "merge", "bridge[name='br0']/forward-reserved", "true");
	switch_op(sw, "delete", "port[name='a']", NULL);
	switch_op(sw, "create", "port[name='b']", "{'type':'tap','ifname':'i0','bridge':'br0'}");
	switch_op(sw, "create", "port[name='c']", "{'type':'tap','ifname':'i9','bridge':'br0'}");
	frame_plain(&frame, 0, 1, talk_serial());
	memcpy(frame.bytes, reserved, sizeof(reserved));
	switch_begin(sw);
	for (int i = 0; !sw->done; i++) {
		assert_in_range(i, 0, 1000);
		switch_through(sw, "p1", &frame, "");
	}
	assert_int_not_equal(sw->rc, 0);
	switch_through(sw, "p1", &frame, "");
}

/* --- bridges ---------------------------------------------------------------------------------- */

static void
test_larger_table_keeps_counting(void **state)
{
	struct sw *sw = two_talkers(state);

	switch_do(sw, "merge", "bridge[name='br0']/fdb-limit", "200000");
	assert_in_range(
		switch_number(sw, "bridge[name='br0']", "statistics/learned"), 2, UINT32_MAX);
	say(sw, "p1", 2, 1, "p2");
	say(sw, "p2", 1, 2, "p1");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 2);
}

/* Static addresses that the table holds are still there after any edit of their bridge. */
static void
test_many_static_addresses(void **state)
{
	struct sw *sw = switch_of(state);

	switch_do(sw, "create", "bridge[name='br0']", "{'fdb-limit':140}");
	switch_ports(sw, 3, "");
	for (unsigned int i = 0; i < 140; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path),
			"bridge[name='br0']/static-mac[mac='02:00:00:00:01:%02x'][vlan='0']", i);
		switch_op(sw, "create", path, "{'port':'p2'}");
	}
	assert_int_equal(switch_commit(sw), 0);
	switch_settle(sw);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 140);
	switch_do(sw, "merge", "bridge[name='br0']/description", "'words'");
	switch_settle(sw);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 140);
	for (uint32_t i = 0; i < 140; i++) {
		say(sw, "p1", 0x100 + i, 1, "p2");
	}
}

/* More than the limit do not fit for certain: the edit says so, instead of losing some. */
static void
test_too_many_static_addresses(void **state)
{
	struct sw *sw = switch_of(state);

	switch_do(sw, "create", "bridge[name='br0']", "{'fdb-limit':1}");
	switch_ports(sw, 2, "");
	switch_do(sw, "create", "bridge[name='br0']/static-mac[mac='02:00:00:00:01:01'][vlan='0']",
		"{'port':'p2'}");
	switch_op(sw, "create", "bridge[name='br0']/static-mac[mac='02:00:00:00:01:02'][vlan='0']",
		"{'port':'p2'}");
	assert_int_equal(switch_commit(sw), -ENOSPC);
	switch_settle(sw);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_refused_edit_leaves_the_table_alone),
		SWITCH_CASE(test_refused_edit_lets_no_reserved_frame_through),
		SWITCH_CASE(test_larger_table_keeps_counting),
		SWITCH_CASE(test_many_static_addresses),
		SWITCH_CASE(test_too_many_static_addresses),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-bridge", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
