/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses that a port may use, in a whole switch. */
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "tests/world/packet.h"
#include "tests/world/switch.h"

#define PASSES DROP_N

/* What a frame from p1 meets: it comes out of p2, or is dropped for this reason. */
static void
meets(struct sw *sw, const char *what, const struct frame *frame, enum drop_reason reason) ON_BOTH
{
	const uint64_t before = reason == PASSES ? 0 : switch_drops(sw, "p1", reason);

	switch_send(sw, "p1", frame);
	if (sw->n_got != (reason == PASSES)) {
		fail_msg("%s: %zu frames came out", what, sw->n_got);
	}
	if (reason == PASSES) {
		switch_expect(sw, "p2", frame);
	} else if (switch_drops(sw, "p1", reason) != before + 1) {
		fail_msg("%s was not dropped as %s", what, drop_name(reason));
	}
	switch_expect_nothing(sw);
}

static void
ip(struct sw *sw, uint32_t src, const char *ip_src, enum drop_reason reason) ON_BOTH
{
	const struct packet packet = {
		.dst = 9,
		.src = src,
		.ip_src = ip_src,
		.ip_dst = strchr(ip_src, ':') != NULL ? "2001:db8::99" : "192.0.2.99",
		.proto = IPPROTO_UDP,
		.src_port = 68,
		.dst_port = 67,
	};
	struct frame frame;

	packet_make(&frame, &packet);
	meets(sw, ip_src, &frame, reason);
	/* The flow is known now. */
	meets(sw, ip_src, &frame, reason);
}

static void
arp(struct sw *sw, uint16_t operation, uint32_t sender, const char *sender_ip,
	enum drop_reason reason) ON_BOTH
{
	struct frame frame;

	packet_arp(&frame, FRAME_BROADCAST, 1, operation, sender, sender_ip, "192.0.2.99");
	meets(sw, sender_ip, &frame, reason);
}

static void
nd(struct sw *sw, const char *ip_src, int solicit, const char *target, uint32_t link,
	enum drop_reason reason) ON_BOTH
{
	struct frame frame;

	packet_nd(&frame, 1, ip_src, solicit, target, link);
	meets(sw, target, &frame, reason);
}

static struct sw *
guarded(void **state, const char *leaves) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct sw *sw = switch_of(state);

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(sw, 2, "");
	switch_do(sw, "merge", "port[name='p1']", leaves);
	return sw;
}

static void
test_mac(void **state)
{
	struct sw *sw = guarded(state, "{'allowed-mac':['02:00:00:00:00:01']}");
	struct frame frame;

	ip(sw, 1, "192.0.2.1", PASSES);
	ip(sw, 2, "192.0.2.1", DROP_SPOOFED_MAC);
	ip(sw, 1, "2001:db8::1", PASSES);
	ip(sw, 2, "2001:db8::1", DROP_SPOOFED_MAC);
	frame_plain(&frame, 9, 2, 1);
	meets(sw, "plain", &frame, DROP_SPOOFED_MAC);
	arp(sw, 1, 1, "192.0.2.1", PASSES);
	arp(sw, 1, 2, "192.0.2.1", DROP_SPOOFED_NEIGHBOR);
	arp(sw, 2, 2, "192.0.2.1", DROP_SPOOFED_NEIGHBOR);
	nd(sw, "fe80::1", 0, "fe80::1", 1, PASSES);
	nd(sw, "fe80::1", 0, "fe80::1", 2, DROP_SPOOFED_NEIGHBOR);
	nd(sw, "fe80::1", 1, "fe80::9", 2, DROP_SPOOFED_NEIGHBOR);
	/* What comes to the port is not asked. */
	frame_plain(&frame, 1, 7, 1);
	switch_through(sw, "p2", &frame, "p1");
	/* With one more address that one may speak, too. */
	switch_do(sw, "merge", "port[name='p1']/allowed-mac", "['02:00:00:00:00:02']");
	ip(sw, 2, "192.0.2.1", PASSES);
	switch_do(sw, "delete", "port[name='p1']/allowed-mac", NULL);
	ip(sw, 3, "192.0.2.1", PASSES);
}

static void
test_ip4(void **state)
{
	struct sw *sw = guarded(state, "{'allowed-address':['192.0.2.1', '10.1.0.0/20']}");

	ip(sw, 1, "192.0.2.1", PASSES);
	ip(sw, 1, "192.0.2.2", DROP_SPOOFED_ADDRESS);
	ip(sw, 1, "10.1.15.255", PASSES);
	ip(sw, 1, "10.1.16.0", DROP_SPOOFED_ADDRESS);
	ip(sw, 1, "0.0.0.0", PASSES); /* DHCP */
	arp(sw, 1, 1, "192.0.2.1", PASSES);
	arp(sw, 1, 1, "192.0.2.2", DROP_SPOOFED_NEIGHBOR);
	arp(sw, 2, 1, "192.0.2.2", DROP_SPOOFED_NEIGHBOR);
	arp(sw, 1, 1, "0.0.0.0", PASSES); /* RFC 5227, probe */
	/* Of IPv6 the list says nothing. */
	ip(sw, 1, "2001:db8::1", PASSES);
	nd(sw, "fe80::1", 0, "fe80::1", 1, PASSES);
}

static void
test_ip6(void **state)
{
	struct sw *sw = guarded(state, "{'allowed-address':['2001:db8::/64', 'fe80::1']}");
	struct packet hidden = {
		.dst = 9,
		.src = 1,
		.ip_src = "2001:db8::1",
		.ip_dst = "2001:db8::2",
		.proto = IPPROTO_UDP,
		.extensions = 9,
	};
	struct frame frame;

	ip(sw, 1, "2001:db8::1", PASSES);
	ip(sw, 1, "2001:db8:0:1::1", DROP_SPOOFED_ADDRESS);
	ip(sw, 1, "fe80::2", DROP_SPOOFED_ADDRESS);
	nd(sw, "fe80::1", 0, "fe80::1", 1, PASSES);
	nd(sw, "fe80::1", 0, "2001:db8::7", 1, PASSES);
	nd(sw, "fe80::1", 0, "fe80::9", 1, DROP_SPOOFED_NEIGHBOR);
	nd(sw, "fe80::1", 1, "fe80::9", 1, PASSES); /* asks for somebody else's */
	nd(sw, "::", 1, "2001:db8::7", 0, PASSES); /* duplicate address detection */
	nd(sw, "::", 1, "2001:db9::7", 0, DROP_SPOOFED_NEIGHBOR);
	/* A neighbor message could hide behind so many headers. */
	packet_make(&frame, &hidden);
	meets(sw, "deep", &frame, DROP_SPOOFED_NEIGHBOR);
	/* Of IPv4 the list says nothing. */
	ip(sw, 1, "192.0.2.1", PASSES);
	arp(sw, 1, 1, "192.0.2.1", PASSES);
}

/* Fragments that are not first have a source, too. */
static void
test_fragments(void **state)
{
	struct sw *sw = guarded(state, "{'allowed-address':['192.0.2.1', '2001:db8::1']}");
	static const struct {
		const char *src;
		enum drop_reason reason;
	} rows[] = {
		{"192.0.2.1", PASSES},
		{"192.0.2.2", DROP_SPOOFED_ADDRESS},
		{"2001:db8::1", PASSES},
		{"2001:db8::2", DROP_SPOOFED_ADDRESS},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packet packet = {
			.dst = 9,
			.src = 1,
			.ip_src = rows[i].src,
			.ip_dst = strchr(rows[i].src, ':') ? "2001:db8::9" : "192.0.2.9",
			.proto = IPPROTO_UDP,
			.fragment = PACKET_LATER,
		};
		struct frame frame;

		packet_make(&frame, &packet);
		meets(sw, rows[i].src, &frame, rows[i].reason);
		packet.tag = CTAG(5);
		packet_make(&frame, &packet);
		meets(sw, rows[i].src, &frame, rows[i].reason);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_mac),
		SWITCH_CASE(test_ip4),
		SWITCH_CASE(test_ip6),
		SWITCH_CASE(test_fragments),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-spoof", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
