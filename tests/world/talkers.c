/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/talkers.h"

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
