/* SPDX-License-Identifier: BSD-3-Clause */
/* Punted packets reach who asked for them, as fast as their bridge may, and are counted else. */
#include "datapath/dp/dp_punt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/dp/dp_priv.h"

#define NOW (100 * CLOCK_S)
#define RATE 100U

/* What the callback has seen. */
static struct {
	unsigned int n;
	struct punted last;
} seen;

static void
on_punt(void *arg, const struct punted *punted)
{
	assert_ptr_equal(arg, &seen);
	seen.n++;
	seen.last = *punted;
}

static struct dp *
dp_make(unsigned int n_workers, bool listen) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct dp_options options = {.n_workers = n_workers,
		.seed = 1,
		.punt = listen ? on_punt : NULL,
		.punt_arg = &seen};
	struct err err = ERR_INIT;
	struct dp *dp;

	role_assert(&role_main);
	role_assert(&role_worker);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(dp_create(&options, &dp, &err), 0);
	(void)dp_step(dp, NOW);
	return dp;
}

static struct dp_bridge *
make_bridge(struct dp *dp, uint32_t punt_rate) ON_MAIN
{
	struct dp_bridge_conf conf = {
		.fdb = {.limit = 100, .aging_s = 300}, .punt_rate = punt_rate};
	struct err err = ERR_INIT;
	struct dp_bridge *bridge;

	assert_int_equal(dp_bridge_create(dp, &conf, &bridge, &err), 0);
	return bridge;
}

/* `n` times a packet that a rule of the bridge punts on a worker; how many found room. */
static unsigned int
put(struct dp *dp, unsigned int worker, const struct dp_bridge *bridge, unsigned int n) ON_WORKER
{
	static uint8_t bytes[60] = {0x52, 0x54};
	static const struct action action = {.code = ACTION_PUNT, .arg = PUNT_NO_MATCH};
	unsigned int n_put = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct pkt pkt = {.head = bytes, .len = 60, .head_len = 60};

		n_put += punt_put(dp->workers[worker]->burst->punts, &pkt, bridge->id, 7, &action);
	}
	return n_put;
}

static void
check_stats(const struct dp *dp, const struct dp_bridge *bridge, uint64_t punted, uint64_t limited,
	uint64_t lost) ON_MAIN
{
	struct dp_punt_stats stats;

	dp_bridge_get_punts(dp, bridge, &stats);
	assert_int_equal(stats.punted, punted);
	assert_int_equal(stats.limited, limited);
	assert_int_equal(stats.lost, lost);
}

static void
test_hands_on_what_workers_put(void **state)
{
	struct dp *dp = dp_make(2, true);
	struct dp_bridge *bridge = make_bridge(dp, 0);

	(void)state;
	assert_int_equal(dp_step(dp, NOW), DP_STEP_IDLE);
	assert_int_equal(put(dp, 0, bridge, 2), 2);
	assert_int_equal(put(dp, 1, bridge, 3), 3);
	/* Where some are, more are to be expected. */
	assert_int_equal(dp_step(dp, NOW), DP_STEP_BUSY);
	assert_int_equal(seen.n, 5);
	assert_int_equal(seen.last.bridge, bridge->id);
	assert_int_equal(seen.last.in_port, 7);
	assert_int_equal(seen.last.reason, PUNT_NO_MATCH);
	assert_int_equal(seen.last.len, 60);
	assert_int_equal(seen.last.bytes[1], 0x54);
	check_stats(dp, bridge, 5, 0, 0);
	assert_int_equal(dp_step(dp, NOW), DP_STEP_IDLE);
	assert_int_equal(seen.n, 5);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_counts_when_nobody_listens(void **state)
{
	struct dp *dp = dp_make(1, false);
	struct dp_bridge *bridge = make_bridge(dp, RATE);

	(void)state;
	assert_int_equal(put(dp, 0, bridge, RATE + 7), RATE + 7);
	(void)dp_step(dp, NOW);
	check_stats(dp, bridge, RATE, 7, 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_limits_each_bridge(void **state)
{
	struct dp *dp = dp_make(1, true);
	struct dp_bridge *noisy = make_bridge(dp, RATE);
	struct dp_bridge *quiet = make_bridge(dp, RATE);

	(void)state;
	assert_int_equal(put(dp, 0, noisy, 2 * RATE), 2 * RATE);
	assert_int_equal(put(dp, 0, quiet, 3), 3);
	(void)dp_step(dp, NOW);
	check_stats(dp, noisy, RATE, RATE, 0);
	check_stats(dp, quiet, 3, 0, 0);
	assert_int_equal(seen.n, RATE + 3);
	/* Half a second gives room for half as many. */
	assert_int_equal(put(dp, 0, noisy, RATE), RATE);
	(void)dp_step(dp, NOW + CLOCK_S / 2);
	check_stats(dp, noisy, RATE + RATE / 2, RATE + RATE / 2, 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_full_queue_is_told_by_bridge(void **state)
{
	struct dp *dp = dp_make(2, true);
	struct dp_bridge *a = make_bridge(dp, 0);
	struct dp_bridge *b = make_bridge(dp, 0);

	(void)state;
	assert_int_equal(put(dp, 0, a, PUNT_SLOTS + 5), PUNT_SLOTS);
	assert_int_equal(put(dp, 0, b, 2), 0);
	assert_int_equal(put(dp, 1, a, PUNT_SLOTS + 1), PUNT_SLOTS);
	check_stats(dp, a, 0, 0, 6);
	check_stats(dp, b, 0, 0, 2);
	(void)dp_step(dp, NOW);
	check_stats(dp, a, 2 * PUNT_SLOTS, 0, 6);
	dp_bridge_clear_stats(dp, a);
	check_stats(dp, a, 0, 0, 0);
	check_stats(dp, b, 0, 0, 2);
	assert_int_equal(put(dp, 0, a, 1), 1);
	(void)dp_step(dp, NOW);
	check_stats(dp, a, 1, 0, 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
set_rate(struct dp *dp, struct dp_bridge *bridge, uint32_t rate) ON_MAIN
{
	struct dp_bridge_conf conf = bridge->conf;
	struct err err = ERR_INIT;
	bool replaced;

	conf.punt_rate = rate;
	assert_int_equal(dp_bridge_set(dp, bridge, &conf, &replaced, &err), 0);
	assert_false(replaced);
}

static void
test_rate_can_change(void **state)
{
	struct dp *dp = dp_make(1, true);
	struct dp_bridge *bridge = make_bridge(dp, RATE);

	(void)state;
	(void)put(dp, 0, bridge, 2 * RATE);
	(void)dp_step(dp, NOW);
	check_stats(dp, bridge, RATE, RATE, 0);
	/* The same rate again gives no second burst, another one starts afresh. */
	set_rate(dp, bridge, RATE);
	(void)put(dp, 0, bridge, RATE);
	(void)dp_step(dp, NOW);
	check_stats(dp, bridge, RATE, 2 * RATE, 0);
	set_rate(dp, bridge, 10);
	(void)put(dp, 0, bridge, RATE);
	(void)dp_step(dp, NOW);
	check_stats(dp, bridge, RATE + 10, 3 * RATE - 10, 0);
	set_rate(dp, bridge, DP_PUNT_RATE_MAX);
	(void)put(dp, 0, bridge, RATE);
	(void)dp_step(dp, NOW);
	check_stats(dp, bridge, 2 * RATE + 10, 3 * RATE - 10, 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_deleted_bridge_punts_nothing(void **state)
{
	struct dp *dp = dp_make(1, true);
	struct dp_bridge *bridge = make_bridge(dp, 0);

	(void)state;
	assert_int_equal(put(dp, 0, bridge, 3), 3);
	dp_bridge_destroy(dp, bridge);
	dp_publish(dp);
	(void)dp_step(dp, NOW);
	assert_int_equal(seen.n, 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hands_on_what_workers_put),
		cmocka_unit_test(test_counts_when_nobody_listens),
		cmocka_unit_test(test_limits_each_bridge),
		cmocka_unit_test(test_full_queue_is_told_by_bridge),
		cmocka_unit_test(test_rate_can_change),
		cmocka_unit_test(test_deleted_bridge_punts_nothing),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("dp_punt", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
