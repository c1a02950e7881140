/* SPDX-License-Identifier: BSD-3-Clause */
/* What decides when a frame may be sent: the window of a closed loop, the pace of a rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "perf/loadgen/pace.h"
#include "perf/loadgen/window.h"

#define LIMIT 10u
#define PATIENCE 1000u

/* Look at a window as often as a polling lane does in so many cycles, until it opens. */
static uint32_t
look(struct window *window, uint32_t sent, uint32_t done, uint64_t from, uint64_t to)
{
	uint32_t room = 0;

	for (uint64_t now = from; now < to && room == 0; now++) {
		room = window_room(window, LIMIT, sent, done, now, PATIENCE);
	}
	return room;
}

static void
test_window(void **state)
{
	struct window window = {0};

	(void)state;
	assert_int_equal(window_room(&window, LIMIT, 0, 0, 0, PATIENCE), 10);
	assert_int_equal(window_room(&window, LIMIT, 7, 0, 0, PATIENCE), 3);
	assert_int_equal(window_room(&window, LIMIT, 10, 0, 0, PATIENCE), 0);
	assert_int_equal(window_room(&window, LIMIT, 10, 4, 0, PATIENCE), 4);
	/* A copy of a frame does not widen it. */
	assert_int_equal(window_room(&window, LIMIT, 14, 20, 0, PATIENCE), 10);
}

static void
test_window_wraps(void **state)
{
	struct window window = {0};
	uint32_t sent = 0;
	uint32_t done = 0;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		sent += UINT32_C(1) << 30;
		done = sent - 3;
		assert_int_equal(window_room(&window, LIMIT, sent, done, 0, PATIENCE), 7);
	}
}

/* Nothing comes back: the frames are given up, once per patience, and what comes late is done. */
static void
test_window_gives_up(void **state)
{
	struct window window = {0};

	(void)state;
	assert_int_equal(look(&window, 10, 0, 0, PATIENCE - 1), 0);
	assert_int_equal(look(&window, 10, 1, PATIENCE - 1, PATIENCE), 1);
	assert_int_equal(look(&window, 11, 1, 5000, 5000 + PATIENCE), 0);
	assert_int_equal(look(&window, 11, 1, 5000 + PATIENCE, 5000 + 2 * PATIENCE), 10);
	assert_int_equal(window.expired, 1);
	assert_int_equal(window.lost, 10);
	assert_int_equal(window_room(&window, LIMIT, 15, 1, 9000, PATIENCE), 6);
	assert_int_equal(window_room(&window, LIMIT, 15, 11, 9000, PATIENCE), 6);
	assert_int_equal(window_room(&window, LIMIT, 15, 13, 9000, PATIENCE), 8);
}

/* After a pause in which nobody looked, time alone gives nothing up. */
static void
test_window_looks_first(void **state)
{
	struct window window = {0};

	(void)state;
	assert_int_equal(window_room(&window, LIMIT, 10, 0, 0, PATIENCE), 0);
	assert_int_equal(window_room(&window, LIMIT, 10, 0, 100 * PATIENCE, PATIENCE), 0);
	assert_int_equal(window_room(&window, LIMIT, 10, 10, 100 * PATIENCE, PATIENCE), 10);
	assert_int_equal(window.expired, 0);
}

static void
test_window_counted(void **state)
{
	struct window window = {0};
	uint32_t room = 0;

	(void)state;
	assert_int_equal(window_room_counted(&window, LIMIT, 10, 8, 0, PATIENCE), 8);
	/* One of each window is lost: each costs a place until all are. */
	for (uint64_t now = 0; now < 2 * PATIENCE && room == 0; now++) {
		room = window_room_counted(&window, LIMIT, 18, 8, now, PATIENCE);
	}
	assert_int_equal(room, 10);
	assert_int_equal(window.lost, 10);
	assert_int_equal(window_room_counted(&window, LIMIT, 20, 8, 0, PATIENCE), 8);
	assert_int_equal(window_room_counted(&window, LIMIT, 20, 10, 0, PATIENCE), 10);
	/* They were only late. */
	assert_int_equal(window_room_counted(&window, LIMIT, 20, 20, 0, PATIENCE), 10);
	assert_int_equal(window.lost, 0);
	assert_int_equal(window_room_counted(&window, LIMIT, 30, 20, 0, PATIENCE), 0);
}

/* A frame every 1000 cycles, looked at every 300: on average exact, never two at once. */
static void
test_pace(void **state)
{
	struct pace pace = {.per_cycle = 1e-3};
	uint64_t now = 1;

	(void)state;
	for (; now <= 1000001; now += 300) {
		const unsigned int n = pace_due(&pace, now, 32);
		assert_true(n <= 1);
		if (n > 0) {
			pace_sent(&pace, now, n);
		}
	}
	assert_in_range(pace.sent, 999, 1000);
}

/* A sender that stood still catches up at twice the rate. */
static void
test_pace_catches_up(void **state)
{
	struct pace pace = {.per_cycle = 1e-3};
	uint64_t now = 1;

	(void)state;
	assert_int_equal(pace_due(&pace, now, 32), 0);
	now += 100000;
	pace_sent(&pace, now, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		now += 100;
		const unsigned int n = pace_due(&pace, now, 32);
		assert_true(n <= 1);
		if (n > 0) {
			pace_sent(&pace, now, n);
		}
	}
	assert_in_range(pace.sent, 199, 200);
}

static void
test_pace_max(void **state)
{
	struct pace pace = {0};

	(void)state;
	assert_int_equal(pace_due(&pace, 1, 32), 32);
	assert_int_equal(pace_due(&pace, 1, 7), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_wraps),
		cmocka_unit_test(test_window_gives_up),
		cmocka_unit_test(test_window_looks_first),
		cmocka_unit_test(test_window_counted),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_pace_catches_up),
		cmocka_unit_test(test_pace_max),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
