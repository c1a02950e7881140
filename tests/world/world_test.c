/* SPDX-License-Identifier: BSD-3-Clause */
/* A learning bridge, seen from its ports: learning, ageing, eviction, moves, limits, drops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/world/switch.h"
#include "tests/world/talkers.h"

/* From the port behind which `src` is, to `dst`. */
static void
test_learn_and_flood(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	say(sw, "p1", 2, 1, "p2 p3");
	say(sw, "p2", 1, 2, "p1");
	say(sw, "p1", 2, 1, "p2");
	say(sw, "p3", 1, 3, "p1");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/flooded-packets"), 2);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/learned"), 3);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 3);
	assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/rx-packets"), 3);
	assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/rx-bytes"), 3 * 64);
	assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/tx-packets"), 2);
	assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/tx-bytes"), 2 * 64);
}

static void
test_all_sizes(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;

	switch_ports(sw, 3, "'mtu':9702");
	for (uint32_t len = 20; len <= 9702 + 14; len += len < 300 ? 1 : 97) {
		frame_make(&frame, FRAME_BROADCAST, 1, NULL, len, len);
		switch_through(sw, "p1", &frame, "p2 p3");
	}
}

static void
test_bridges_are_apart(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 2, "");
	switch_op(sw, "create", "bridge[name='br1']", NULL);
	switch_op(sw, "create", "port[name='q1']", "{'type':'fake', 'bridge':'br1'}");
	switch_do(sw, "create", "port[name='q2']", "{'type':'fake', 'bridge':'br1'}");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2");
	say(sw, "q1", 1, 9, "q2");
	say(sw, "q2", FRAME_BROADCAST, 1, "q1"); /* the same address is another station there */
	say(sw, "p2", 1, 2, "p1");
	say(sw, "q1", 1, 9, "q2");
}

static void
test_hairpin(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	say(sw, "p1", FRAME_BROADCAST, 2, "p2 p3");
	say(sw, "p1", 2, 1, "");
	say(sw, "p1", 1, 1, "");
	assert_int_equal(switch_drops(sw, "p1", DROP_HAIRPIN), 2);
}

static void
test_reserved_addresses(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;

	switch_ports(sw, 2, "");
	for (int last = 0; last <= 0x20; last++) {
		const uint8_t mac[] = {0x01, 0x80, 0xc2, 0, 0, (uint8_t)last};

		frame_plain(&frame, 0, 100 + (uint32_t)last, talk_serial());
		memcpy(frame.bytes, mac, sizeof(mac));
		switch_through(sw, "p1", &frame, last <= 0x0f ? "" : "p2");
	}
	assert_int_equal(switch_drops(sw, "p1", DROP_RESERVED_MAC), 16);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/learned"), 17);
	/* Its neighbours in the address space are no reserved ones. */
	for (int byte = 0; byte < 5; byte++) {
		const uint8_t mac[] = {0x01, 0x80, 0xc2, 0, 0, 0x00};

		frame_plain(&frame, 0, 1, talk_serial());
		memcpy(frame.bytes, mac, sizeof(mac));
		frame.bytes[byte] ^= 0x10;
		switch_through(sw, "p1", &frame, "p2");
	}
	switch_do(sw, "merge", "bridge[name='br0']/forward-reserved", "true");
	for (int last = 0; last <= 0x0f; last++) {
		const uint8_t mac[] = {0x01, 0x80, 0xc2, 0, 0, (uint8_t)last};

		frame_plain(&frame, 0, 1, talk_serial());
		memcpy(frame.bytes, mac, sizeof(mac));
		switch_through(sw, "p1", &frame, "p2");
	}
	assert_int_equal(switch_drops(sw, "p1", DROP_RESERVED_MAC), 16);
}

static void
test_sources_that_are_no_station(void **state)
{
	struct sw *sw = switch_of(state);
	static const uint8_t sources[][6] = {
		{0x01, 0, 0x5e, 0, 0, 1},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0, 0, 0, 0, 0, 0},
		{0x33, 0x33, 0, 0, 0, 1},
	};
	struct frame frame;

	switch_ports(sw, 3, "");
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		frame_plain(&frame, 7, 0, talk_serial());
		memcpy(frame.bytes + 6, sources[i], 6);
		switch_through(sw, "p1", &frame, "p2 p3");
		frame_plain(&frame, 0, 2, talk_serial());
		memcpy(frame.bytes, sources[i], 6);
		switch_through(sw, "p2", &frame, "p1 p3");
	}
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 1);
}

static void
test_ageing(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	say(sw, "p2", FRAME_BROADCAST, 2, "p1 p3");
	switch_sleep(sw, 200 * CLOCK_S);
	say(sw, "p2", 1, 2, "p1"); /* 2 is heard of, 1 only spoken to */
	switch_sleep(sw, 98 * CLOCK_S);
	say(sw, "p3", 1, 3, "p1");
	switch_sleep(sw, 4 * CLOCK_S);
	say(sw, "p3", 1, 3, "p1 p2");
	say(sw, "p3", 2, 3, "p2");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/aged"), 1);
	switch_sleep(sw, 600 * CLOCK_S);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 0);
	/* A shorter time holds for what is there already; 0 is for ever. */
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	switch_do(sw, "merge", "bridge[name='br0']/aging-time", "10");
	switch_sleep(sw, 9 * CLOCK_S);
	say(sw, "p3", 1, 3, "p1");
	switch_sleep(sw, 3 * CLOCK_S);
	say(sw, "p3", 1, 3, "p1 p2");
	switch_do(sw, "merge", "bridge[name='br0']/aging-time", "0");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	switch_sleep(sw, 2000 * CLOCK_S);
	say(sw, "p3", 1, 3, "p1");
}

static void
test_static_addresses(void **state)
{
	struct sw *sw = switch_of(state);
	static const char *const path = "bridge[name='br0']/static-mac[mac='02:00:00:00:00:09']"
					"[vlan='0']";

	switch_ports(sw, 3, "");
	switch_do(sw, "create", path, "{'port':'p2'}");
	say(sw, "p1", 9, 1, "p2");
	say(sw, "p3", FRAME_BROADCAST, 9, "p1 p2"); /* it does not move */
	say(sw, "p1", 9, 1, "p2");
	say(sw, "p2", 9, 2, ""); /* hairpin */
	switch_sleep(sw, 400 * CLOCK_S);
	say(sw, "p1", 9, 1, "p2");
	assert_int_equal(switch_action(sw, "fdb-flush", "{'bridge':'br0'}", "flushed"), 1);
	say(sw, "p1", 9, 1, "p2");
	/* The port gets another device, and with it another id. */
	switch_do(sw, "merge", "port[name='p2']/queues", "2");
	switch_settle(sw);
	say(sw, "p1", 9, 1, "p2");
	/* Its table is replaced by a larger one. */
	switch_do(sw, "merge", "bridge[name='br0']/fdb-limit", "200000");
	say(sw, "p1", 9, 1, "p2");
	switch_op(sw, "delete", "port[name='p2']", NULL);
	assert_int_not_equal(switch_commit(sw), 0); /* somebody names it */
	switch_do(sw, "merge", path, "{'port':'p3'}");
	say(sw, "p1", 9, 1, "p3");
	switch_do(sw, "delete", path, NULL);
	say(sw, "p1", 9, 1, "p2 p3");
}

static void
test_static_holds_in_its_vlan(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;

	switch_ports(sw, 3, "");
	switch_do(sw, "create", "bridge[name='br0']/static-mac[mac='02:00:00:00:00:09'][vlan='20']",
		"{'port':'p2'}");
	say(sw, "p1", 9, 1, "p2 p3");
	frame_tagged(&frame, 9, 1, CTAG(20), talk_serial());
	switch_through(sw, "p1", &frame, "p2");
	frame_tagged(&frame, 9, 1, CTAG(21), talk_serial());
	switch_through(sw, "p1", &frame, "p2 p3");
	/* The same address in two VLANs is two stations. */
	frame_tagged(&frame, FRAME_BROADCAST, 5, CTAG(20), talk_serial());
	switch_through(sw, "p1", &frame, "p2 p3");
	frame_tagged(&frame, FRAME_BROADCAST, 5, CTAG(21), talk_serial());
	switch_through(sw, "p2", &frame, "p1 p3");
	frame_tagged(&frame, 5, 6, CTAG(20), talk_serial());
	switch_through(sw, "p3", &frame, "p1");
	frame_tagged(&frame, 5, 6, CTAG(21), talk_serial());
	switch_through(sw, "p3", &frame, "p2");
}

/* A port that floods addresses takes none of its neighbours'. */
static void
test_flooding_guest_evicts_itself(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	switch_do(sw, "merge", "bridge[name='br0']/fdb-limit", "50");
	for (uint32_t i = 0; i < 5; i++) {
		say(sw, "p2", FRAME_BROADCAST, 200 + i, "p1 p3");
	}
	switch_sleep(sw, 5 * CLOCK_S);
	for (uint32_t i = 0; i < 300; i++) {
		say(sw, "p1", FRAME_BROADCAST, 1000 + i, "p2 p3");
	}
	for (uint32_t i = 0; i < 5; i++) {
		say(sw, "p3", 200 + i, 3, "p2");
	}
	say(sw, "p3", 1299, 3, "p1");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 50);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/evicted"), 256);
}

static void
test_mac_limit(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	switch_do(sw, "merge", "port[name='p1']/mac-limit", "3");
	for (uint32_t i = 0; i < 10; i++) {
		say(sw, "p1", FRAME_BROADCAST, 100 + i, "p2 p3");
	}
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "fdb-entries"), 3);
	say(sw, "p2", FRAME_BROADCAST, 2, "p1 p3");
	say(sw, "p2", 109, 2, "p1");
	say(sw, "p2", 100, 2, "p1 p3");
	switch_do(sw, "merge", "port[name='p1']/mac-limit", "0");
	for (uint32_t i = 0; i < 10; i++) {
		say(sw, "p1", FRAME_BROADCAST, 100 + i, "p2 p3");
	}
	for (uint32_t i = 0; i < 10; i++) {
		say(sw, "p2", 100 + i, 2, "p1");
	}
}

static void
test_moves(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 3, "");
	switch_do(sw, "merge", "bridge[name='br0']/mac-move-limit", "2");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	say(sw, "p2", FRAME_BROADCAST, 1, "p1 p3");
	say(sw, "p3", 1, 3, "p2");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
	say(sw, "p3", 1, 3, "p1");
	say(sw, "p2", FRAME_BROADCAST, 1, "p1 p3"); /* the third in this second */
	say(sw, "p3", 1, 3, "p1");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/moved"), 2);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/move-limited"), 1);
	switch_sleep(sw, CLOCK_S);
	say(sw, "p2", FRAME_BROADCAST, 1, "p1 p3");
	say(sw, "p3", 1, 3, "p2");
	switch_do(sw, "merge", "bridge[name='br0']/mac-move-limit", "0");
	for (int i = 0; i < 20; i++) {
		say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
		say(sw, "p3", 1, 3, "p1");
		say(sw, "p2", FRAME_BROADCAST, 1, "p1 p3");
		say(sw, "p3", 1, 3, "p2");
	}
}

static void
test_flush(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;

	switch_ports(sw, 3, "");
	for (uint32_t i = 0; i < 3; i++) {
		say(sw, "p1", FRAME_BROADCAST, 10 + i, "p2 p3");
		say(sw, "p2", FRAME_BROADCAST, 20 + i, "p1 p3");
		frame_tagged(&frame, FRAME_BROADCAST, 10 + i, CTAG(30), talk_serial());
		switch_through(sw, "p1", &frame, "p2 p3");
	}
	assert_int_equal(
		switch_action(sw, "fdb-flush", "{'bridge':'br0', 'vlan':30}", "flushed"), 3);
	say(sw, "p3", 10, 3, "p1");
	frame_tagged(&frame, 10, 3, CTAG(30), talk_serial());
	switch_through(sw, "p3", &frame, "p1 p2");
	assert_int_equal(
		switch_action(sw, "fdb-flush", "{'bridge':'br0', 'port':'p2'}", "flushed"), 3);
	say(sw, "p3", 20, 3, "p1 p2");
	say(sw, "p3", 10, 3, "p1");
	assert_int_equal(switch_action(sw, "fdb-flush", "{'bridge':'br0'}", "flushed"), 5);
	say(sw, "p3", 10, 3, "p1 p2");
}

static void
test_vlans_through_json(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame plain;
	struct frame ten;
	struct frame twenty;

	switch_op(sw, "create", "bridge[name='br0']", NULL);
	switch_op(sw, "create", "port[name='a10']", "{'type':'fake','bridge':'br0','vlan':10}");
	switch_op(sw, "create", "port[name='a20']", "{'type':'fake','bridge':'br0','vlan':20}");
	switch_op(sw, "create", "port[name='t']", "{'type':'fake','bridge':'br0'}");
	switch_op(sw, "create", "port[name='t10']",
		"{'type':'fake','bridge':'br0','trunk':['5-15']}");
	switch_op(sw, "create", "port[name='n10']",
		"{'type':'fake','bridge':'br0','vlan':10,'trunk':['20']}");
	switch_do(sw, "create", "port[name='nt20']",
		"{'type':'fake','bridge':'br0','vlan':20,'vlan-mode':'native-tagged',"
		"'trunk':['10']}");
	frame_plain(&plain, FRAME_BROADCAST, 1, 1);
	frame_tagged(&ten, FRAME_BROADCAST, 1, CTAG(10), 1);
	frame_tagged(&twenty, FRAME_BROADCAST, 1, CTAG(20), 1);
	/* The fillings differ with the length of the tags in front: compare by hand-made frames. */
	frame_make(&plain, FRAME_BROADCAST, 1, NULL, 1, 0);
	ten.len = plain.len + 4;
	twenty.len = plain.len + 4;
	switch_send(sw, "a10", &plain);
	switch_expect(sw, "t", &ten);
	switch_expect(sw, "t10", &ten);
	switch_expect(sw, "n10", &plain);
	switch_expect(sw, "nt20", &ten);
	switch_expect_nothing(sw);
	switch_send(sw, "t", &twenty);
	switch_expect(sw, "a20", &plain);
	switch_expect(sw, "n10", &twenty);
	switch_expect(sw, "nt20", &twenty);
	switch_expect_nothing(sw);
	switch_send(sw, "nt20", &plain);
	switch_expect(sw, "a20", &plain);
	switch_expect(sw, "t", &twenty);
	switch_expect(sw, "n10", &twenty);
	switch_expect_nothing(sw);
	switch_through(sw, "t", &plain, "");
	assert_int_equal(switch_drops(sw, "t", DROP_NO_OUTPUT), 1);
	switch_through(sw, "a10", &ten, "");
	assert_int_equal(switch_drops(sw, "a10", DROP_VLAN_NOT_ALLOWED), 1);
	switch_through(sw, "t10", &twenty, "");
	assert_int_equal(switch_drops(sw, "t10", DROP_VLAN_NOT_ALLOWED), 1);
}

static void
test_drop_names(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;

	switch_ports(sw, 3, "");
	switch_do(sw, "create", "port[name='lone']", "{'type':'fake'}");
	say(sw, "lone", FRAME_BROADCAST, 1, "");
	assert_int_equal(switch_drops(sw, "lone", DROP_NO_BRIDGE), 1);

	frame_plain(&frame, FRAME_BROADCAST, 1, talk_serial());
	for (frame.len = 0; frame.len < 14; frame.len++) {
		switch_through(sw, "p1", &frame, "");
	}
	assert_int_equal(switch_drops(sw, "p1", DROP_RUNT), 14);
	switch_through(sw, "p1", &frame, "p2 p3");
	frame_tagged(&frame, FRAME_BROADCAST, 1, CTAG(5), talk_serial());
	frame.len = 17; /* the tag is cut off */
	switch_through(sw, "p1", &frame, "");
	assert_int_equal(switch_drops(sw, "p1", DROP_VLAN_NOT_ALLOWED), 1);

	switch_do(sw, "merge", "port[name='p2']/mtu", "1000");
	frame_make(&frame, FRAME_BROADCAST, 1, NULL, talk_serial(), 1014);
	switch_through(sw, "p1", &frame, "p2 p3");
	frame_make(&frame, FRAME_BROADCAST, 1, NULL, talk_serial(), 1015);
	switch_through(sw, "p1", &frame, "p3");
	assert_int_equal(switch_drops(sw, "p2", DROP_MTU_EXCEEDED), 1);
	frame_make(
		&frame, FRAME_BROADCAST, 1, (uint32_t[]){CTAG(5), CTAG(6), 0}, talk_serial(), 1022);
	switch_through(sw, "p1", &frame, "p2 p3");

	switch_do(sw, "merge", "port[name='p3']/enabled", "false");
	say(sw, "p3", FRAME_BROADCAST, 3, "");
	assert_int_equal(switch_drops(sw, "p3", DROP_PORT_DISABLED), 1);
	say(sw, "p1", FRAME_BROADCAST, 1, "p2");
	assert_int_equal(switch_drops(sw, "p3", DROP_LINK_DOWN), 1);
	switch_do(sw, "merge", "port[name='p3']/enabled", "true");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2 p3");
}

static void
test_full_output(void **state)
{
	struct sw *sw = switch_of(state);
	struct frame frame;
	size_t n = 0;

	switch_ports(sw, 2, "");
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++) {
			frame_plain(&frame, FRAME_BROADCAST, 1, talk_serial());
			switch_inject(sw, "p1", &frame);
		}
		while (switch_step(sw) > 0) {
		}
	}
	switch_settle(sw);
	n = sw->n_got;
	assert_int_equal(switch_drops(sw, "p2", DROP_TX_FULL), 300 - n);
	assert_in_range(n, 100, 299);
}

static void
test_disabled_port_state(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 1, "");
	assert_string_equal(switch_text(sw, "port[name='p1']", "oper-status"), "up");
	switch_do(sw, "merge", "port[name='p1']/enabled", "false");
	/* The schema's words: down is "the link is down, or the port is not enabled". */
	assert_string_equal(switch_text(sw, "port[name='p1']", "oper-status"), "stopped");
	assert_string_not_equal(switch_text(sw, "port[name='p1']", "reason"), "");
}

static void
test_clear_counters(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 2, "");
	say(sw, "p1", 1, 1, "");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2");
	(void)switch_action(sw, "clear-counters", "{'port':'p1'}", NULL);
	assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/rx-packets"), 0);
	assert_int_equal(switch_drops(sw, "p1", DROP_HAIRPIN), 0);
	assert_int_equal(switch_number(sw, "port[name='p2']", "statistics/tx-packets"), 1);
	assert_true(switch_number(sw, "bridge[name='br0']", "statistics/learned") > 0);
	(void)switch_action(sw, "clear-counters", "{}", NULL);
	assert_int_equal(switch_number(sw, "port[name='p2']", "statistics/tx-packets"), 0);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/learned"), 0);
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/flooded-packets"), 0);
	say(sw, "p1", FRAME_BROADCAST, 1, "p2");
}

static void
test_two_worlds(void **state)
{
	struct sw *a = switch_of(state);
	struct sw *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	switch_create(b, 2, NULL);
	switch_ports(a, 2, "");
	switch_ports(b, 3, "");
	say(a, "p1", FRAME_BROADCAST, 1, "p2");
	say(b, "p3", FRAME_BROADCAST, 1, "p1 p2");
	say(a, "p2", 1, 2, "p1");
	say(b, "p2", 1, 2, "p3");
	switch_do(a, "delete", "port[name='p1']", NULL);
	say(b, "p1", 1, 9, "p3");
	switch_destroy(b);
	free(b);
	say(a, "p2", 1, 2, "");
	assert_int_equal(switch_drops(a, "p2", DROP_NO_OUTPUT), 1);
}

/* Each worker has a TX queue of its own or takes its turn; order holds within an input queue. */
static void
many_queues(struct sw *sw, unsigned int n_queues) ON_BOTH
{
	uint32_t last[4] = {0};
	char leaves[32];
	struct frame frame;
	size_t n = 0;

	(void)snprintf(leaves, sizeof(leaves), "'queues':%u", n_queues);
	switch_ports(sw, 3, leaves);
	for (int round = 0; round < 50; round++) {
		for (uint16_t q = 0; q < n_queues; q++) {
			for (int i = 0; i < 8; i++) {
				frame_plain(&frame, 100, 10 + q, talk_serial());
				switch_inject_queue(sw, "p1", q, &frame);
				n++;
			}
		}
		switch_settle(sw);
	}
	for (size_t i = 0; i < sw->n_got; i++) {
		const struct got *got = &sw->got[i];
		uint32_t q = got->bytes[11] - 10U;
		uint32_t number = frame_serial(got->bytes, got->len);

		if (strcmp(got->port, "p2") == 0) {
			assert_in_range(q, 0, n_queues - 1);
			assert_true(number > last[q]);
			last[q] = number;
		}
	}
	assert_int_equal(sw->n_got, 2 * n);
	switch_do(sw, "delete", "port[name='p1']", NULL);
	switch_do(sw, "delete", "port[name='p2']", NULL);
	switch_do(sw, "delete", "port[name='p3']", NULL);
}

static void
test_workers_and_queues(void **state)
{
	struct sw *sw = calloc(1, sizeof(*sw));

	(void)switch_of(state);
	assert_non_null(sw);
	for (unsigned int n_queues = 1; n_queues <= 4; n_queues++) {
		switch_create(sw, 3, NULL);
		many_queues(sw, n_queues);
		switch_destroy(sw);
	}
	free(sw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_learn_and_flood),
		SWITCH_CASE(test_all_sizes),
		SWITCH_CASE(test_bridges_are_apart),
		SWITCH_CASE(test_hairpin),
		SWITCH_CASE(test_reserved_addresses),
		SWITCH_CASE(test_sources_that_are_no_station),
		SWITCH_CASE(test_ageing),
		SWITCH_CASE(test_static_addresses),
		SWITCH_CASE(test_static_holds_in_its_vlan),
		SWITCH_CASE(test_flooding_guest_evicts_itself),
		SWITCH_CASE(test_mac_limit),
		SWITCH_CASE(test_moves),
		SWITCH_CASE(test_flush),
		SWITCH_CASE(test_vlans_through_json),
		SWITCH_CASE(test_drop_names),
		SWITCH_CASE(test_full_output),
		SWITCH_CASE(test_disabled_port_state),
		SWITCH_CASE(test_clear_counters),
		SWITCH_CASE(test_two_worlds),
		SWITCH_CASE(test_workers_and_queues),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
