/* SPDX-License-Identifier: BSD-3-Clause */
/* Mirrors that copy by access list, in a whole switch: which frames, by which list, until when. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "tests/world/packet.h"
#include "tests/world/switch.h"

#define V4 "10.0.0.1", "192.0.2.1"
#define V6 "2001:db8::1", "2001:db8::2"

/* p1 to p3, a port of no bridge, the access list a, and a mirror to that port with these leaves. */
static struct sw *
lab(void **state, const char *acl, const char *mirror) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	switch_do(sw, "create", "port[name='probe']", "{'type':'fake'}");
	switch_do(sw, "create", "acl[name='a']", acl);
	switch_do(sw, "create", "mirror[name='m']", mirror);
	return sw;
}

#define RECEIVED "{'source-port':['p1'], 'source-acl':'a', 'output-port':'probe'}"
#define SENT                                                                       \
	"{'source-port':['p3'], 'direction':'tx', 'source-acl':'a', 'output-port'" \
	":'probe'}"

/* A packet from p1 goes to p2 and p3 whatever mirrors do, and is copied or not. */
static void
copied(struct sw *sw, struct packet packet, bool is) ON_BOTH
{
	struct frame frame;

	packet_make(&frame, &packet);
	switch_through(sw, "p1", &frame, is ? "p2 p3 probe" : "p2 p3");
}

static struct packet
tcp(const char *src, const char *dst, uint16_t port, enum packet_fragment fragment,
	unsigned int extensions)
{
	struct packet packet = packet_tcp(src, dst, port);

	packet.fragment = fragment;
	packet.extensions = extensions;
	return packet;
}

static void
expect_state(struct sw *sw, uint64_t seen, uint64_t packets) ON_BOTH
{
	assert_int_equal(switch_number(sw, "mirror[name='m']", "seen-packets"), seen);
	assert_int_equal(switch_number(sw, "mirror[name='m']", "packets"), packets);
	assert_int_equal(switch_number(sw, "mirror[name='m']", "drops"), 0);
}

/* --- which frames ------------------------------------------------------------------------------
 */

/* What the lists of ports say of such frames they say of them here (world_policy_test). */
static void
which_frames(struct sw *sw) ON_BOTH
{
	struct packet tagged = packet_tcp(V4, 80);

	copied(sw, packet_tcp(V4, 80), true);
	copied(sw, packet_tcp(V4, 22), false);
	copied(sw, packet_tcp(V6, 90), true);
	copied(sw, packet_tcp(V6, 91), false);
	copied(sw, packet_tcp("10.9.0.1", "192.0.2.1", 80), false); /* drop: not copied */
	copied(sw, tcp(V4, 80, PACKET_FIRST, 0), true);
	copied(sw, tcp(V4, 80, PACKET_LATER, 0), false); /* has no port */
	copied(sw, tcp(V6, 80, PACKET_FIRST, 0), true);
	copied(sw, tcp(V6, 80, PACKET_LATER, 0), false);
	copied(sw, tcp(V6, 80, PACKET_WHOLE, 8), true);
	copied(sw, tcp(V6, 80, PACKET_WHOLE, 9), false); /* too deep: the rest */
	tagged.tag = CTAG(10);
	copied(sw, tagged, true);
	expect_state(sw, 12, 6);
	switch_do(sw, "merge", "acl[name='a']/default-action", "'accept'");
	copied(sw, packet_tcp(V4, 22), true);
	copied(sw, tcp(V6, 22, PACKET_WHOLE, 9), true);
	copied(sw, packet_tcp("10.9.0.1", "192.0.2.1", 22), false);
	expect_state(sw, 15, 8); /* counters go on when the list changes */
}

static void
test_received(void **state)
{
	which_frames(lab(state, "{'ace':[" ACE_NET "," ACE_WEB "]}", RECEIVED));
}

static void
test_sent(void **state)
{
	which_frames(lab(state, "{'ace':[" ACE_NET "," ACE_WEB "]}", SENT));
}

/* The packet without a tag, and as it is when a port has put one of VLAN 10 into it. */
static void
make_both(const struct packet *packet, struct frame *untagged, struct frame *tagged)
{
	static const uint8_t tag[] = {0x81, 0, 0, 10};

	packet_make(untagged, packet);
	tagged->len = untagged->len + sizeof(tag);
	memcpy(tagged->bytes, untagged->bytes, 12);
	memcpy(tagged->bytes + 12, tag, sizeof(tag));
	memcpy(tagged->bytes + 16, untagged->bytes + 12, untagged->len - 12);
}

/* A frame has the tag that it has on the wire: received ones as they come, sent ones as they go. */
static void
test_tags(void **state)
{
	struct sw *sw = lab(state,
		"{'ace':[{'name':'ten', 'matches':{'vlan-id':10}, 'forwarding':'accept'}]}", SENT);
	struct packet packet = packet_tcp(V4, 80);
	struct frame untagged;
	struct frame tagged;

	switch_do(sw, "merge", "port[name='p1']/vlan", "10");
	make_both(&packet, &untagged, &tagged);
	/* From the access port p1 to trunks. */
	switch_send(sw, "p1", &untagged);
	switch_expect(sw, "p2", &tagged);
	switch_expect(sw, "p3", &tagged);
	switch_expect(sw, "probe", &tagged);
	switch_expect_nothing(sw);
	switch_do(sw, "merge", "mirror[name='m']/direction", "'both'");
	switch_do(sw, "replace", "mirror[name='m']/source-port", "['p1']");
	/* As it came, without a tag, and so back to p1: not of VLAN 10 to this list. */
	switch_send(sw, "p1", &untagged);
	switch_expect(sw, "p2", &tagged);
	switch_expect(sw, "p3", &tagged);
	switch_expect_nothing(sw);
	packet.src = 2;
	make_both(&packet, &untagged, &tagged);
	switch_send(sw, "p2", &tagged);
	switch_expect(sw, "p1", &untagged);
	switch_expect(sw, "p3", &tagged);
	switch_expect_nothing(sw);
	switch_do(sw, "merge", "acl[name='a']/ace[name='ten']/matches/vlan-id", "0");
	switch_send(sw, "p2", &tagged);
	switch_expect(sw, "p1", &untagged);
	switch_expect(sw, "p3", &tagged);
	switch_expect(sw, "probe", &untagged);
	switch_expect_nothing(sw);
	/* Both VLANs and a list: both have to agree. */
	switch_do(sw, "replace", "acl[name='a']", "{'default-action':'accept'}");
	switch_do(sw, "merge", "mirror[name='m']/source-vlan", "['11']");
	packet.src = 1;
	make_both(&packet, &untagged, &tagged);
	switch_send(sw, "p1", &untagged);
	switch_expect(sw, "p2", &tagged);
	switch_expect(sw, "p3", &tagged);
	switch_expect_nothing(sw);
}

/* Frames that a port's own list denies are copied as well: they are looked at as they came. */
static void
test_beside_lists_of_ports(void **state)
{
	struct sw *sw = lab(state, "{'ace':[" ACE_WEB "]}", RECEIVED);
	struct packet web = packet_tcp(V4, 80);
	struct frame frame;

	switch_do(sw, "create", "acl[name='none']", "{}");
	switch_do(sw, "merge", "port[name='p1']/acl-in", "'none'");
	packet_make(&frame, &web);
	switch_through(sw, "p1", &frame, "probe");
	/* The same list in both places: it counts what it decides at the port. */
	switch_do(sw, "merge", "port[name='p1']/acl-in", "'a'");
	copied(sw, web, true);
	web.dst_port = 22;
	packet_make(&frame, &web);
	switch_through(sw, "p1", &frame, "");
	switch_sleep(sw, 3 * CLOCK_S);
	assert_int_equal(switch_number(sw, "acl[name='a']", "default-packets"), 1);
	assert_int_equal(switch_number(sw, "acl[name='a']", "ace/matched-packets"), 1);
	switch_do(sw, "delete", "port[name='p1']/acl-in", NULL);
	copied(sw, web, false);
	switch_sleep(sw, 3 * CLOCK_S);
	assert_int_equal(switch_number(sw, "acl[name='a']", "default-packets"), 1);
	switch_do(sw, "delete", "acl[name='none']", NULL);
}

/* --- by which list -----------------------------------------------------------------------------
 */

/* Changes hold for the next packet, with whatever else is in the edit; no flow is decided again. */
static void
test_changes(void **state)
{
	struct sw *sw = lab(state, "{'ace':[" ACE_WEB "]}", RECEIVED);
	const struct packet web = packet_tcp(V4, 80);
	const struct packet ssh = packet_tcp(V4, 22);
	uint64_t misses;

	copied(sw, web, true);
	copied(sw, ssh, false);
	misses = switch_number(sw, "port[name='p1']", "flows/misses");
	switch_do(sw, "merge", "acl[name='a']/ace[name='web']/matches/destination-port", "'22'");
	copied(sw, web, false);
	copied(sw, ssh, true);
	switch_do(sw, "create", "acl[name='a']/ace[name='all']", "{'forwarding':'accept'}");
	copied(sw, web, true);
	switch_do(sw, "delete", "acl[name='a']/ace[name='all']", NULL);
	copied(sw, web, false);
	/* Another list, and the old one goes. */
	switch_op(sw, "create", "acl[name='b']", "{'ace':[" ACE_WEB "]}");
	switch_op(sw, "merge", "mirror[name='m']/source-acl", "'b'");
	switch_op(sw, "delete", "acl[name='a']", NULL);
	assert_int_equal(switch_commit(sw), 0);
	copied(sw, web, true);
	copied(sw, ssh, false);
	expect_state(sw, 2, 1); /* the mirror itself was changed */
	/* No list: all. And one again. */
	switch_do(sw, "delete", "mirror[name='m']/source-acl", NULL);
	copied(sw, ssh, true);
	switch_do(sw, "merge", "mirror[name='m']/source-acl", "'b'");
	copied(sw, ssh, false);
	assert_int_equal(switch_number(sw, "port[name='p1']", "flows/misses"), misses);
	switch_op(sw, "delete", "mirror[name='m']", NULL);
	switch_op(sw, "delete", "acl[name='b']", NULL);
	assert_int_equal(switch_commit(sw), 0);
	copied(sw, web, false);
	switch_sleep(sw, CLOCK_S);
}

/* Views are made anew for many reasons: the list is the one that the mirror names. */
static void
test_other_changes(void **state)
{
	struct sw *sw = lab(state, "{'ace':[" ACE_WEB "]}", RECEIVED);
	const struct packet web = packet_tcp(V4, 80);
	const struct packet ssh = packet_tcp(V4, 22);

	/* An edit that fails when the list has been made already. */
	switch_op(sw, "merge", "acl[name='a']/default-action", "'accept'");
	switch_op(sw, "create", "port[name='x']", "{'type':'tap', 'ifname':'i0'}");
	switch_op(sw, "create", "port[name='y']", "{'type':'tap', 'ifname':'i0'}");
	assert_int_not_equal(switch_commit(sw), 0);
	copied(sw, ssh, false);
	/* The mirror stops and goes on, while its list changes. */
	switch_do(sw, "merge", "mirror[name='m']/enabled", "false");
	copied(sw, web, false);
	switch_do(sw, "merge", "acl[name='a']/default-action", "'accept'");
	copied(sw, web, false);
	switch_do(sw, "merge", "mirror[name='m']/enabled", "true");
	copied(sw, ssh, true);
	switch_do(sw, "merge", "acl[name='a']/default-action", "'drop'");
	copied(sw, ssh, false);
	/* The port's device is another one, in the same edit as the list. */
	switch_op(sw, "merge", "port[name='p1']/queues", "2");
	switch_op(sw, "merge", "port[name='p1']/acl-in", "'b'");
	switch_op(sw, "create", "acl[name='b']", "{'default-action':'accept'}");
	switch_op(sw, "merge", "acl[name='a']/ace[name='web']/matches/destination-port", "'22'");
	switch_op(sw, "create", "mirror[name='n']",
		"{'source-bridge':'br0', 'source-acl':'b', 'output-port':'p3', 'direction':'rx'}");
	assert_int_equal(switch_commit(sw), 0);
	switch_do(sw, "delete", "mirror[name='n']", NULL);
	copied(sw, web, false);
	copied(sw, ssh, true);
	switch_do(sw, "merge", "acl[name='a']/description", "'words'");
	copied(sw, ssh, true);
}

static void
test_refusals(void **state)
{
	struct sw *sw = lab(state, "{'ace':[" ACE_WEB "]}", RECEIVED);

	switch_refuses(sw, "merge", "mirror[name='m']/source-acl", "'x'",
		"mirror[name='m']/source-acl", "there is no acl 'x'");
	switch_refuses(sw, "create", "mirror[name='n']",
		"{'source-port':['p1'], 'output-port':'probe', 'source-acl':'b'}",
		"mirror[name='n']/source-acl", "there is no acl 'b'");
	switch_refuses(sw, "create", "mirror[name='n']",
		"{'source-acl':'a', 'output-port':'probe'}", "mirror[name='n']/source-port",
		"a mirror needs ports to copy from");
	switch_refuses(sw, "merge", "mirror[name='m']/source-acl", "['a']",
		"mirror[name='m']/source-acl", "");
	switch_refuses(sw, "delete", "acl[name='a']", NULL, "acl[name='a']",
		"access list 'a' is named by mirror m; change or delete it first");
	switch_do(sw, "merge", "port[name='p1']/acl-in", "'a'");
	switch_refuses(sw, "delete", "acl[name='a']", NULL, "acl[name='a']", "used by 1 port: p1");
	switch_do(sw, "delete", "port[name='p1']/acl-in", NULL);
	switch_do(sw, "merge", "mirror[name='m']/enabled", "false");
	switch_refuses(
		sw, "delete", "acl[name='a']", NULL, "acl[name='a']", "is named by mirror m");
	copied(sw, packet_tcp(V4, 80), false);
	switch_do(sw, "merge", "mirror[name='m']/enabled", "true");
	copied(sw, packet_tcp(V4, 80), true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_received),
		SWITCH_CASE(test_sent),
		SWITCH_CASE(test_tags),
		SWITCH_CASE(test_beside_lists_of_ports),
		SWITCH_CASE(test_changes),
		SWITCH_CASE(test_other_changes),
		SWITCH_CASE(test_refusals),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("world_mirror", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
