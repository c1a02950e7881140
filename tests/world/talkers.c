/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/talkers.h"

#include "tests/world/held_port.h"

uint32_t
talk_serial(void)
{
	static uint32_t serial;

	return ++serial;
}

void
say(struct sw *sw, const char *port, uint32_t dst, uint32_t src, const char *out_of)
{
	struct frame frame;

	frame_plain(&frame, dst, src, talk_serial());
	switch_through(sw, port, &frame, out_of);
}

struct sw *
two_talkers(void **state)
{
	struct sw *sw = switch_of(state);

	switch_ports(sw, 2, "");
	say(sw, "p1", FRAME_BROADCAST, 1, "p2");
	say(sw, "p2", 1, 2, "p1");
	return sw;
}

struct sw *
three_talkers(void **state)
{
	struct sw *sw = two_talkers(state);

	switch_do(sw, "create", "port[name='p3']", "{'type':'fake','bridge':'br0'}");
	say(sw, "p3", 1, 3, "p1");
	held_port_refuse("i9", true);
	return sw;
}

void
commit_under_traffic(struct sw *sw)
{
	uint64_t rx = switch_number(sw, "port[name='p1']", "statistics/rx-packets");

	switch_begin(sw);
	for (int i = 0; i < 8 || !sw->done; i++) {
		struct frame there;
		struct frame back;

		assert_in_range(i, 0, 1000);
		frame_plain(&there, 2, 1, talk_serial());
		frame_plain(&back, 1, 2, talk_serial());
		switch_inject(sw, "p1", &there);
		switch_inject(sw, "p2", &back);
		switch_settle(sw);
		switch_expect(sw, "p2", &there);
		switch_expect(sw, "p1", &back);
		rx++;
	}
	assert_int_equal(switch_number(sw, "port[name='p1']", "statistics/rx-packets"), rx);
	switch_expect_nothing(sw);
}

void
talkers_refused_with(struct sw *sw, const char *op, const char *path, const char *value)
{
	const uint64_t revision = ds_revision(sw->ds);

	switch_op(sw, op, path, value);
	switch_op(sw, "create", "port[name='c']", "{'type':'tap','ifname':'i9','bridge':'br0'}");
	commit_under_traffic(sw);
	assert_int_not_equal(sw->rc, 0);
	assert_int_equal(ds_revision(sw->ds), revision);
	say(sw, "p3", 1, 3, "p1");
	say(sw, "p1", 2, 1, "p2");
	say(sw, "p2", FRAME_BROADCAST, 2, "p1 p3");
	assert_int_equal(switch_number(sw, "bridge[name='br0']", "statistics/learned"), 3);
}
