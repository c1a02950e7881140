/* SPDX-License-Identifier: BSD-3-Clause */
/* Losses of several workers come together; ports that go take theirs with them. */
#include "datapath/dp/dp_loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/dp/dp.h"
#include "datapath/dp/test_dp.h"

#define STEPS 40 /* until all that was sent has come and what has gone is forgotten */

/* Two workers and a bridge; frames to `dead`, which is disabled, are lost there. */
struct bench {
	struct dp *dp;
	struct dp_bridge *bridge;
	struct dp_port *dead;
	uint64_t now;
};

static struct dp_port *
add_port(struct bench *bench, bool enabled) ON_MAIN
{
	struct dp_port_fwd fwd = test_dp_fwd(bench->bridge);
	struct dp_port *port = test_dp_port(bench->dp, 1);

	fwd.enabled = enabled;
	dp_port_set(bench->dp, port, &fwd);
	dp_publish(bench->dp);
	return port;
}

static void
steps(struct bench *bench) ON_MAIN ON_WORKER
{
	for (unsigned int i = 0; i < STEPS; i++) {
		bench->now += CLOCK_MS;
		for (unsigned int w = 0; w < dp_n_workers(bench->dp); w++) {
			(void)dp_worker_step(bench->dp, w, bench->now);
		}
		(void)dp_step(bench->dp, bench->now);
	}
}

/* Broadcasts from this port. */
static void
transmit(struct bench *bench, struct dp_port *port, unsigned int n) ON_MAIN ON_WORKER
{
	((struct device *)dp_port_device(port))->n_frames = n;
	steps(bench);
}

static struct bench
bench_make(void) ROLE_ATTR(assert_capability(role_main, role_worker))
{
	struct bench bench = {.dp = test_dp_create(2), .now = TEST_DP_NOW};

	bench.bridge = test_dp_bridge(bench.dp);
	bench.dead = add_port(&bench, false);
	return bench;
}

/* What the counters of `port` have of this other one. */
static uint64_t
row_of(const struct bench *bench, const struct dp_port *port, const struct dp_port *peer,
	enum drop_reason reason) ON_MAIN
{
	uint32_t n;
	struct dp_loss_row *rows = dp_port_loss_rows(bench->dp, port, &n);
	uint64_t packets = 0;

	for (uint32_t i = 0; i < n; i++) {
		assert_true(i == 0 || rows[i - 1].reason < rows[i].reason ||
			(rows[i - 1].reason == rows[i].reason && rows[i - 1].peer < rows[i].peer));
		if (rows[i].peer == dp_port_id(peer) && rows[i].reason == reason) {
			packets = rows[i].packets;
		}
	}
	free(rows);
	return packets;
}

static uint64_t
row(const struct bench *bench, const struct dp_port *in, const struct dp_port *out) ON_MAIN
{
	return row_of(bench, out, in, DROP_LINK_DOWN);
}

static void
expect_law(const struct bench *bench, uint64_t received) ON_MAIN
{
	struct dp_traffic traffic;

	dp_get_traffic(bench->dp, &traffic);
	assert_int_equal(traffic.received, received);
	assert_int_equal(traffic.received + traffic.copies, traffic.sent + traffic.dropped);
}

static void
test_rows_of_all_workers(void **state)
{
	struct bench bench = bench_make();
	struct dp_port *a = add_port(&bench, true);
	struct dp_port *b = add_port(&bench, true);
	struct dp_port *c = add_port(&bench, true);
	struct port_counters counters;

	(void)state;
	assert_int_not_equal(dp_port_rxq_worker(a, 0), dp_port_rxq_worker(b, 0));
	transmit(&bench, a, 5);
	transmit(&bench, b, 4);
	transmit(&bench, c, 3);
	assert_int_equal(row(&bench, a, bench.dead), 5);
	assert_int_equal(row(&bench, b, bench.dead), 4);
	assert_int_equal(row(&bench, c, bench.dead), 3);
	dp_port_get_counters(bench.dp, bench.dead, &counters);
	assert_int_equal(counters.drops[DROP_LINK_DOWN], 12);
	expect_law(&bench, 12);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_clear(void **state)
{
	struct bench bench = bench_make();
	struct dp_port *a = add_port(&bench, true);
	struct dp_port *b = add_port(&bench, true);
	struct dp_port *other = add_port(&bench, false);

	(void)state;
	transmit(&bench, a, 5);
	transmit(&bench, b, 4);
	dp_port_clear_counters(bench.dp, bench.dead);
	assert_int_equal(row(&bench, a, bench.dead), 0);
	assert_int_equal(row(&bench, a, other), 5);
	transmit(&bench, a, 2);
	dp_port_clear_counters(bench.dp, a); /* where it came from does not matter */
	assert_int_equal(row(&bench, a, bench.dead), 2);
	assert_int_equal(row(&bench, b, bench.dead), 0);
	dp_port_clear_counters(bench.dp, bench.dead);
	dp_port_clear_counters(bench.dp, other);
	transmit(&bench, b, 1);
	assert_int_equal(row(&bench, a, bench.dead), 0);
	assert_int_equal(row(&bench, b, bench.dead), 1);
	assert_int_equal(row(&bench, b, other), 1);
	expect_law(&bench, 12);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

/* Ids are given out in turn: go once around, so that one comes again. */
static void
test_who_has_the_id_next_begins_at_nothing(void **state)
{
	struct bench bench = bench_make();
	struct dp_port *a = add_port(&bench, true);
	struct dp_port *b = add_port(&bench, true);
	const uint32_t id = dp_port_id(b);
	struct port_counters counters;
	uint64_t received = 7;

	(void)state;
	transmit(&bench, a, 3);
	transmit(&bench, b, 4);
	dp_port_clear_counters(bench.dp, bench.dead);
	assert_non_null(dp_port_by_id(bench.dp, id));
	dp_port_close(bench.dp, b, PORT_CLOSE_DELETED, NULL, NULL);
	dp_publish(bench.dp);
	steps(&bench);
	assert_null(dp_port_by_id(bench.dp, id));
	expect_law(&bench, received);
	for (b = NULL; b == NULL || dp_port_id(b) != id;) {
		if (b != NULL) {
			dp_port_close(bench.dp, b, PORT_CLOSE_DELETED, NULL, NULL);
		}
		b = add_port(&bench, true);
		if (lives.n_open % 1000 == 0) {
			steps(&bench);
		}
	}
	steps(&bench);
	assert_int_equal(row(&bench, b, bench.dead), 0);
	transmit(&bench, b, 2);
	received += 2;
	assert_int_equal(row(&bench, b, bench.dead), 2);
	dp_port_get_counters(bench.dp, bench.dead, &counters);
	assert_int_equal(counters.drops[DROP_LINK_DOWN], 2);
	expect_law(&bench, received);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

/* Which packets are kept, asked for in all ways. */
static uint32_t
packets_of(const struct bench *bench, const struct dp_port *port, enum drop_reason reason,
	uint32_t max, struct loss_packet **packets) ON_MAIN
{
	const struct dp_lost_query query = {
		.port = port == NULL ? 0 : dp_port_id(port), .reason = reason, .max = max};
	uint32_t n;

	*packets = dp_lost_packets(bench->dp, &query, &n);
	for (uint32_t i = 1; i < n; i++) {
		assert_true((*packets)[i].at <= (*packets)[i - 1].at);
	}
	return n;
}

static uint32_t
n_packets_of(const struct bench *bench, const struct dp_port *port, enum drop_reason reason,
	uint32_t max) ON_MAIN
{
	struct loss_packet *packets;
	const uint32_t n = packets_of(bench, port, reason, max, &packets);

	free(packets);
	return n;
}

static void
test_last_packets_of_all_workers(void **state)
{
	struct bench bench = bench_make();
	struct dp_port *a = add_port(&bench, true);
	struct dp_port *b = add_port(&bench, true);
	struct loss_packet *packets;
	uint32_t n;

	(void)state;
	transmit(&bench, a, 6);
	transmit(&bench, b, LOSS_KEPT + 4);
	n = packets_of(&bench, NULL, DROP_LINK_DOWN, 100, &packets);
	assert_int_equal(n, 6 + LOSS_KEPT);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(packets[i].reason, DROP_LINK_DOWN);
		assert_int_equal(packets[i].in, dp_port_id(i < LOSS_KEPT ? b : a));
		assert_int_equal(packets[i].out, dp_port_id(bench.dead));
		assert_int_equal(packets[i].len, 64);
		assert_int_equal(packets[i].bytes[6], 2);
	}
	free(packets);
	assert_int_equal(n_packets_of(&bench, NULL, DROP_N, 100), 6 + LOSS_KEPT);
	assert_int_equal(n_packets_of(&bench, NULL, DROP_RUNT, 100), 0);
	assert_int_equal(n_packets_of(&bench, a, DROP_N, 100), 6);
	assert_int_equal(n_packets_of(&bench, b, DROP_LINK_DOWN, 100), LOSS_KEPT);
	assert_int_equal(n_packets_of(&bench, bench.dead, DROP_N, 100), 6 + LOSS_KEPT);
	/* Of few the newest. */
	n = packets_of(&bench, NULL, DROP_N, 3, &packets);
	assert_int_equal(n, 3);
	assert_int_equal(packets[2].in, dp_port_id(b));
	free(packets);
	n = packets_of(&bench, a, DROP_N, 1, &packets);
	assert_int_equal(n, 1);
	assert_int_equal(packets[0].in, dp_port_id(a));
	free(packets);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

/*
 * One port broadcasts to many that are absent, and others lose a packet now and then: their rows
 * and their packets are there.
 */
static void
test_a_storm_hides_nothing(void **state)
{
	struct bench bench = bench_make();
	struct dp_port *noisy = add_port(&bench, true);
	struct dp_port *quiet = add_port(&bench, true);
	struct dp_port *lone = add_port(&bench, true);
	struct dp_port *absent[600];
	struct dp_port_fwd nowhere = test_dp_fwd(NULL);
	struct port_counters counters;
	struct loss_packet *packets;
	uint64_t lost = 0;
	uint32_t n;

	(void)state;
	dp_port_set(bench.dp, lone, &nowhere);
	dp_publish(bench.dp);
	transmit(&bench, lone, 1);
	for (unsigned int i = 0; i < 600; i++) {
		absent[i] = add_port(&bench, false);
	}
	transmit(&bench, quiet, 2);
	for (unsigned int i = 0; i < 20; i++) {
		transmit(&bench, noisy, STEPS);
	}
	for (unsigned int i = 0; i < 600; i++) {
		assert_int_equal(row(&bench, quiet, absent[i]), 2);
		assert_int_equal(row(&bench, noisy, absent[i]), 20 * STEPS);
		dp_port_get_counters(bench.dp, absent[i], &counters);
		lost += counters.drops[DROP_LINK_DOWN];
		dp_port_clear_counters(bench.dp, absent[i]);
		assert_int_equal(row(&bench, quiet, absent[i]), 0);
	}
	assert_int_equal(lost, 600 * (2 + 20 * STEPS));
	/* The first one for each output, and some of the second, that came soon. */
	assert_int_equal(n_packets_of(&bench, quiet, DROP_N, 2000), 601 + LOSS_OFTEN);
	expect_law(&bench, 3 + 20 * STEPS);
	/* An answer has room for so many, and for those of the other reason. */
	n = packets_of(&bench, NULL, DROP_N, 100, &packets);
	assert_int_equal(n, 100);
	assert_int_equal(packets[n - 1].reason, DROP_NO_BRIDGE);
	assert_int_equal(packets[n - 1].in, dp_port_id(lone));
	free(packets);
	assert_int_equal(n_packets_of(&bench, NULL, DROP_NO_BRIDGE, 100), 1);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

static uint64_t
samples(const struct bench *bench, const struct dp_port *port, uint64_t *max) ON_MAIN
{
	struct residence_times times;
	uint64_t packets = 0;

	dp_port_get_latency(bench->dp, port, &times);
	for (unsigned int i = 0; i < RESIDENCE_BUCKETS; i++) {
		packets += times.packets[i];
	}
	*max = times.max;
	return packets;
}

static void
test_latency(void **state)
{
	struct bench bench = bench_make();
	struct dp_port *a = add_port(&bench, true);
	uint64_t max;

	(void)state;
	assert_int_equal(samples(&bench, a, &max), 0);
	assert_int_equal(max, 0);
	transmit(&bench, a, 10); /* one a millisecond: each is a sample */
	assert_int_equal(samples(&bench, a, &max), 10);
	assert_int_equal(samples(&bench, bench.dead, &max), 0);
	dp_port_clear_counters(bench.dp, a);
	assert_int_equal(samples(&bench, a, &max), 0);
	assert_int_equal(max, 0);
	transmit(&bench, a, 1);
	assert_int_equal(samples(&bench, a, &max), 1);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_of_all_workers),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_who_has_the_id_next_begins_at_nothing),
		cmocka_unit_test(test_last_packets_of_all_workers),
		cmocka_unit_test(test_a_storm_hides_nothing),
		cmocka_unit_test(test_latency),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("dp_loss", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
