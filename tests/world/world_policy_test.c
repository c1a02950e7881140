/* SPDX-License-Identifier: BSD-3-Clause */
/* Security policy in a whole switch: access lists, storm limits, protected ports. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/world/packet.h"
#include "tests/world/switch.h"

/* --- helpers -----------------------------------------------------------------------------------
 */

/* A counter of the access list a: of the entry, or (NULL) of the rest. */
static uint64_t
counted(struct sw *sw, const char *entry) ON_BOTH
{
	struct ds_get_options options = {.path = "/vswitch:vswitch/acl[name='a']"};
	const char *text = NULL;
	uint64_t value = 0;
	json_t *tree;
	json_t *acl;
	json_t *ace;
	size_t i;

	switch_sleep(sw, 3 * CLOCK_S);
	assert_int_equal(ds_get(sw->ds, &options, &tree, NULL), 0);
	acl = json_array_get(json_object_get(json_object_get(tree, "vswitch:vswitch"), "acl"), 0);
	json_array_foreach (json_object_get(acl, "ace"), i, ace) {
		if (entry != NULL &&
			strcmp(json_string_value(json_object_get(ace, "name")), entry) == 0) {
			text = json_string_value(json_object_get(ace, "matched-packets"));
		}
	}
	if (entry == NULL) {
		text = json_string_value(json_object_get(acl, "default-packets"));
	}
	assert_non_null(text);
	assert_int_equal(str_to_u64(text, 0, UINT64_MAX, &value), 0);
	json_decref(tree);
	return value;
}

/* A packet from p1's station 1; it comes out of p2 and p3, or of nothing for this reason. */
static void
passes(struct sw *sw, const struct packet *packet) ON_BOTH
{
	struct frame frame;

	packet_make(&frame, packet);
	switch_through(sw, "p1", &frame, "p2 p3");
}

static void
dropped(struct sw *sw, const struct packet *packet, enum drop_reason reason) ON_BOTH
{
	const uint64_t before = switch_drops(sw, "p1", reason);
	struct frame frame;

	packet_make(&frame, packet);
	switch_through(sw, "p1", &frame, "");
	assert_int_equal(switch_drops(sw, "p1", reason), before + 1);
}

static struct packet
with(struct packet packet, enum packet_fragment fragment, unsigned int extensions)
{
	packet.fragment = fragment;
	packet.extensions = extensions;
	return packet;
}

/* p1 to p3, and the access list a at p1's ingress or egress. */
static struct sw *
three_ports(void **state, const char *acl, const char *leaf) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct sw *sw = switch_of(state);
	char path[64] = "port[name='p1']/";

	switch_ports(sw, 3, "");
	switch_do(sw, "create", "acl[name='a']", acl);
	(void)str_append(path, leaf, sizeof(path));
	switch_do(sw, "merge", path, "'a'");
	return sw;
}

/* --- access lists ------------------------------------------------------------------------------
 */

static void
test_in(void **state)
{
	struct sw *sw = three_ports(state, "{'ace':[" ACE_NET "," ACE_WEB "]}", "acl-in");
	struct packet web = packet_tcp("10.0.0.1", "192.0.2.1", 80);
	struct packet ssh = packet_tcp("10.0.0.1", "192.0.2.1", 22);
	struct packet bad = packet_tcp("10.9.0.1", "192.0.2.1", 80);
	struct packet web6 = packet_tcp("2001:db8::1", "2001:db8::2", 90);
	struct packet ssh6 = packet_tcp("2001:db8::1", "2001:db8::2", 91);
	struct frame back;

	for (int i = 0; i < 3; i++) {
		passes(sw, &web);
		passes(sw, &web6);
		dropped(sw, &ssh, DROP_ACL_DENIED);
		dropped(sw, &ssh6, DROP_ACL_DENIED);
		dropped(sw, &bad, DROP_ACL_DENIED);
	}
	/* Of what comes to the port it says nothing. */
	packet_make(&back, &ssh);
	back.bytes[5] = 1;
	back.bytes[11] = 7;
	switch_through(sw, "p2", &back, "p1");
	assert_int_equal(counted(sw, "web"), 6);
	assert_int_equal(counted(sw, "net"), 3);
	assert_int_equal(counted(sw, NULL), 6);
}

static void
test_fragments_and_deep_headers(void **state)
{
	struct sw *sw = three_ports(state, "{'ace':[" ACE_WEB "]}", "acl-in");
	struct packet web = packet_tcp("10.0.0.1", "192.0.2.1", 80);
	struct packet web6 = packet_tcp("2001:db8::1", "2001:db8::2", 80);
	struct packet other;

	other = with(web, PACKET_FIRST, 0);
	passes(sw, &other);
	other = with(web, PACKET_LATER, 0);
	dropped(sw, &other, DROP_ACL_DENIED);
	other = with(web6, PACKET_FIRST, 0);
	passes(sw, &other);
	other = with(web6, PACKET_LATER, 0);
	dropped(sw, &other, DROP_ACL_DENIED);
	other = with(web6, PACKET_WHOLE, 8);
	passes(sw, &other);
	/* More headers than are looked at: the default. */
	other = with(web6, PACKET_WHOLE, 9);
	dropped(sw, &other, DROP_ACL_DENIED);
	switch_do(sw, "merge", "acl[name='a']/default-action", "'accept'");
	passes(sw, &other);
	switch_do(sw, "merge", "acl[name='a']/ace[name='web']/forwarding", "'drop'");
	passes(sw, &other);
	dropped(sw, &web6, DROP_ACL_DENIED);
	/* A list that looks at addresses only does not mind. */
	switch_do(sw, "replace", "acl[name='a']",
		"{'ace':[{'name':'mac', 'matches':{'source-mac-address':'02:00:00:00:00:01'},"
		" 'forwarding':'accept'}]}");
	passes(sw, &other);
	other.src = 2;
	dropped(sw, &other, DROP_ACL_DENIED);
}

static void
test_out(void **state)
{
	struct sw *sw = three_ports(state, "{'ace':[" ACE_WEB "]}", "acl-in");
	struct packet ssh = packet_tcp("10.0.0.1", "192.0.2.1", 22);
	struct packet web = packet_tcp("10.0.0.1", "192.0.2.1", 80);
	struct frame frame;

	switch_do(sw, "delete", "port[name='p1']/acl-in", NULL);
	switch_do(sw, "merge", "port[name='p3']/acl-out", "'a'");
	for (int i = 0; i < 3; i++) {
		passes(sw, &web);
		packet_make(&frame, &ssh);
		switch_through(sw, "p1", &frame, "p2");
		assert_int_equal(switch_drops(sw, "p3", DROP_ACL_EGRESS), i + 1);
	}
	assert_int_equal(counted(sw, "web"), 3);
	assert_int_equal(counted(sw, NULL), 3);
	switch_do(sw, "delete", "port[name='p3']/acl-out", NULL);
	passes(sw, &ssh);
}

/* Every change of a list holds for the next packet, flows that were decided before included. */
static void
test_changes(void **state)
{
	struct sw *sw = three_ports(state, "{'ace':[" ACE_NET "," ACE_WEB "]}", "acl-in");
	struct packet web = packet_tcp("10.0.0.1", "192.0.2.1", 80);
	struct packet ssh = packet_tcp("10.0.0.1", "192.0.2.1", 22);

	passes(sw, &web);
	dropped(sw, &ssh, DROP_ACL_DENIED);
	switch_do(sw, "merge", "acl[name='a']/ace[name='web']/matches/destination-port", "'22'");
	dropped(sw, &web, DROP_ACL_DENIED);
	passes(sw, &ssh);
	switch_do(sw, "create", "acl[name='a']/ace[name='all']", "{'forwarding':'accept'}");
	passes(sw, &web);
	switch_do(sw, "delete", "acl[name='a']/ace[name='all']", NULL);
	dropped(sw, &web, DROP_ACL_DENIED);
	switch_op(sw, "create", "acl[name='b']", "{'default-action':'accept'}");
	switch_op(sw, "merge", "port[name='p1']/acl-in", "'b'");
	switch_op(sw, "delete", "acl[name='a']", NULL);
	assert_int_equal(switch_commit(sw), 0);
	passes(sw, &web);
	switch_refuses(
		sw, "delete", "acl[name='b']", NULL, "acl[name='b']", "is used by 1 port: p1");
	switch_do(sw, "delete", "port[name='p1']/acl-in", NULL);
	switch_do(sw, "delete", "acl[name='b']", NULL);
	passes(sw, &web);
}

/* Entries that stay go on counting; a counter begins anew with what it counts. */
static void
test_counters_go_on(void **state)
{
	struct sw *sw = three_ports(state, "{'ace':[" ACE_NET "," ACE_WEB "]}", "acl-in");
	struct packet web = packet_tcp("10.0.0.1", "192.0.2.1", 80);
	struct packet bad = packet_tcp("10.9.0.1", "192.0.2.1", 80);
	struct packet ssh = packet_tcp("10.0.0.1", "192.0.2.1", 22);

	passes(sw, &web);
	dropped(sw, &bad, DROP_ACL_DENIED);
	dropped(sw, &ssh, DROP_ACL_DENIED);
	assert_int_equal(counted(sw, "web"), 1);
	switch_do(sw, "replace", "acl[name='a']",
		"{'ace':[" ACE_WEB ", {'name':'net', 'matches':{'source-network':'10.8.0.0/16'}, "
		"'forwarding':'drop'}]}");
	passes(sw, &web);
	assert_int_equal(counted(sw, "web"), 2);
	assert_int_equal(counted(sw, "net"), 0);
	assert_int_equal(counted(sw, NULL), 1);
	switch_do(sw, "merge", "acl[name='a']/description", "'words'");
	assert_int_equal(counted(sw, "web"), 2);
	(void)switch_action(sw, "clear-counters", "{}", NULL);
	assert_int_equal(counted(sw, "web"), 0);
	passes(sw, &web);
	assert_int_equal(counted(sw, "web"), 1);
}

/* An edit that is refused changes nothing, whatever was good in it. */
static void
test_all_or_nothing(void **state)
{
	struct sw *sw = three_ports(state, "{'ace':[" ACE_WEB "]}", "acl-in");
	struct packet web = packet_tcp("10.0.0.1", "192.0.2.1", 80);

	switch_op(sw, "replace", "acl[name='a']", "{}");
	switch_refuses(sw, "create", "acl[name='c']",
		"{'ace':[{'name':'x', 'matches':{'source-port':'80'}, 'forwarding':'drop'}]}",
		"acl[name='c']/ace[name='x']/matches/source-port", "needs the leaf protocol");
	passes(sw, &web);
	/* What only the datapath can refuse. */
	switch_op(sw, "replace", "acl[name='a']", "{}");
	switch_op(sw, "create", "port[name='x']", "{'type':'tap', 'ifname':'i0'}");
	switch_op(sw, "create", "port[name='y']", "{'type':'tap', 'ifname':'i0'}");
	assert_int_not_equal(switch_commit(sw), 0);
	passes(sw, &web);
	switch_do(sw, "replace", "acl[name='a']", "{}");
	dropped(sw, &web, DROP_ACL_DENIED);
}

/* --- what is wrong -----------------------------------------------------------------------------
 */

static void
test_errors(void **state)
{
	struct sw *sw = switch_of(state);
	char list[2048] = "[";

	switch_ports(sw, 2, "");
	switch_refuses(sw, "merge", "port[name='p1']/acl-in", "'x'", "port[name='p1']/acl-in",
		"there is no acl 'x'");
	switch_refuses(sw, "merge", "port[name='p1']/allowed-address", "['10.0.0.1/8']",
		"port[name='p1']/allowed-address", "write 10.0.0.0/8");
	switch_refuses(sw, "merge", "port[name='p1']/allowed-address", "['fe80']",
		"port[name='p1']/allowed-address", "is no address");
	for (int i = 0; i < SPOOF_MAX + 1; i++) {
		(void)str_appendf(
			list, sizeof(list), "%s'02:00:00:00:00:%02x'", i == 0 ? "" : ",", i);
	}
	(void)str_append(list, "]", sizeof(list));
	switch_refuses(sw, "merge", "port[name='p1']/allowed-mac", list,
		"port[name='p1']/allowed-mac", "at most 64 MAC addresses");
	switch_refuses(sw, "create", "bridge[name='br0']/meter[id='1']", "{}",
		"bridge[name='br0']/meter[id='1']/packet-rate", "either packet-rate or bit-rate");
	switch_refuses(sw, "create", "bridge[name='br0']/meter[id='1']",
		"{'packet-rate':1, 'bit-rate':1}", "bridge[name='br0']/meter[id='1']/bit-rate",
		"either packet-rate or bit-rate");
	switch_refuses(sw, "create", "bridge[name='br0']/meter[id='1']",
		"{'packet-rate':1, 'burst':61}", "bridge[name='br0']/meter[id='1']/burst",
		"more than a minute's worth");
	switch_refuses(sw, "create", "bridge[name='br0']/group[id='1']",
		"{'type':'all', 'bucket':[{'id':4, 'actions':'output:p9'}]}",
		"bridge[name='br0']/group[id='1']/bucket[id='4']/actions", "no port 'p9'");
	switch_refuses(sw, "create", "bridge[name='br0']/group[id='1']",
		"{'type':'all', 'bucket':[{'id':4, 'actions':'normal'}]}",
		"bridge[name='br0']/group[id='1']/bucket[id='4']/actions", "cannot have normal");
}

/* --- meters and groups -------------------------------------------------------------------------
 */

static void
test_meters_and_groups(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 2, "");
	switch_op(sw, "create", "bridge[name='br0']/meter[id='7']", "{'packet-rate':10}");
	switch_op(sw, "create", "bridge[name='br0']/meter[id='8']", "{'bit-rate':8, 'burst':480}");
	switch_op(sw, "create", "port[name='p3']", "{'type':'fake', 'bridge':'br0'}");
	switch_op(sw, "create", "bridge[name='br0']/group[id='1']",
		"{'type':'failover', 'bucket':[{'id':1, 'actions':'output:p3', 'watch-port':'p3'},"
		"{'id':2, 'actions':'output:p2'}]}");
	assert_int_equal(switch_commit(sw), 0);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "meter/id"), 7);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "meter/passed-packets"), 0);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "meter/dropped-packets"), 0);
	switch_do(sw, "delete", "bridge[name='br0']/meter[id='8']", NULL);
	switch_do(sw, "merge", "bridge[name='br0']/group[id='1']/bucket[id='2']/actions",
		"'output:p1'");
	switch_refuses(sw, "delete", "port[name='p3']", NULL, "port[name='p3']",
		"a bucket of bridge 'br0' watches port 'p3'");
	switch_do(sw, "delete", "bridge[name='br0']/group[id='1']/bucket[id='1']", NULL);
	switch_do(sw, "delete", "port[name='p3']", NULL);
	switch_do(sw, "delete", "bridge[name='br0']/group[id='1']", NULL);
	switch_op(sw, "delete", "port[name='p1']", NULL);
	switch_op(sw, "delete", "port[name='p2']", NULL);
	switch_op(sw, "delete", "bridge[name='br0']", NULL);
	assert_int_equal(switch_commit(sw), 0);
}

/* --- storms and protected ports ----------------------------------------------------------------
 */

static void
test_storms(void **state)
{
	struct sw *sw = switch_of(state);
	static const struct {
		const char *leaf;
		enum drop_reason reason;
		uint8_t first; /* byte of the destination; station 9 behind it */
	} kinds[] = {
		{"storm-broadcast", DROP_STORM_BROADCAST, 0xff},
		{"storm-multicast", DROP_STORM_MULTICAST, 0x33},
		{"storm-unknown-unicast", DROP_STORM_UNKNOWN, 0x02},
	};
	struct frame frame;

	switch_ports(sw, 2, "");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char path[64] = "port[name='p1']/";

		(void)str_append(path, kinds[i].leaf, sizeof(path));
		switch_do(sw, "merge", path, "20");
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		uint64_t sent = 0;

		frame_plain(&frame, kinds[i].first == 0xff ? FRAME_BROADCAST : 9, 1, 1);
		frame.bytes[0] = kinds[i].first;
		for (int n = 0; n < 10; n++) {
			switch_inject(sw, "p1", &frame);
		}
		switch_settle(sw);
		sent = sw->n_got;
		assert_in_range(sent, 1, 4); /* a tenth of a second's worth, and a little */
		assert_int_equal(switch_drops(sw, "p1", kinds[i].reason), 10 - sent);
		while (sent-- > 0) {
			switch_expect(sw, "p2", &frame);
		}
		switch_expect_nothing(sw);
		switch_sleep(sw, CLOCK_S);
		switch_through(sw, "p1", &frame, "p2");
		/* p2 has no limit. */
		frame.bytes[11] = 2;
		for (int n = 0; n < 10; n++) {
			switch_through(sw, "p2", &frame, "p1");
		}
	}
}

static void
test_protected(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;

	switch_ports(sw, 3, "");
	switch_do(sw, "merge", "port[name='p1']/protected", "true");
	switch_do(sw, "merge", "port[name='p2']/protected", "true");
	frame_plain(&frame, FRAME_BROADCAST, 1, 1);
	switch_through(sw, "p1", &frame, "p3");
	frame_plain(&frame, FRAME_BROADCAST, 2, 2);
	switch_through(sw, "p2", &frame, "p3");
	frame_plain(&frame, FRAME_BROADCAST, 3, 3);
	switch_through(sw, "p3", &frame, "p1 p2");
	frame_plain(&frame, 2, 1, 4);
	switch_through(sw, "p1", &frame, "");
	assert_int_equal(switch_drops(sw, "p1", DROP_PROTECTED), 1);
	frame_plain(&frame, 3, 1, 5);
	switch_through(sw, "p1", &frame, "p3");
	frame_plain(&frame, 1, 3, 6);
	switch_through(sw, "p3", &frame, "p1");
	switch_do(sw, "merge", "port[name='p1']/protected", "false");
	frame_plain(&frame, 2, 1, 7);
	switch_through(sw, "p1", &frame, "p2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_in),
		SWITCH_CASE(test_fragments_and_deep_headers),
		SWITCH_CASE(test_out),
		SWITCH_CASE(test_changes),
		SWITCH_CASE(test_counters_go_on),
		SWITCH_CASE(test_all_or_nothing),
		SWITCH_CASE(test_errors),
		SWITCH_CASE(test_meters_and_groups),
		SWITCH_CASE(test_storms),
		SWITCH_CASE(test_protected),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-policy", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
