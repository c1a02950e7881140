/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures and mirrors: which ports workers see them at, and that nothing else changes for that. */
#include "datapath/dp/dp_capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/dp/dp_mirror.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/test_dp.h"

#define N_PORTS 3

/* A bridge with ports d0 and d1, and d2 of none. */
struct bench {
	struct dp *dp;
	struct dp_bridge *bridge;
	struct dp_port *ports[N_PORTS];
};

static struct dp_port *
add_port(struct bench *bench, const char *name, struct dp_bridge *bridge) ON_MAIN
{
	struct dp_port_fwd fwd = test_dp_fwd(bridge);
	struct dp_port *port = test_dp_port_named(bench->dp, name, 1);

	dp_port_set(bench->dp, port, &fwd);
	dp_publish(bench->dp);
	return port;
}

static struct bench
make(void) ROLE_ATTR(assert_capability(role_main)) ROLE_ATTR(assert_capability(role_worker))
{
	struct bench bench = {.dp = test_dp_create(1)};

	bench.bridge = test_dp_bridge(bench.dp);
	bench.ports[0] = add_port(&bench, "d0", bench.bridge);
	bench.ports[1] = add_port(&bench, "d1", bench.bridge);
	bench.ports[2] = add_port(&bench, "d2", NULL);
	return bench;
}

static void
both_step(struct bench *bench) ON_MAIN ON_WORKER
{
	(void)dp_worker_step(bench->dp, 0, TEST_DP_NOW);
	(void)dp_step(bench->dp, TEST_DP_NOW);
}

/* The view of port i that workers see, by itself and as a member of its bridge. */
static const struct port_view *
view_of(const struct bench *bench, unsigned int i) ON_MAIN
{
	const struct snapshot *snap = bench->dp->snapshot;
	const struct port_view *view = snap->ports[bench->ports[i]->id];
	const struct bridge_view *bridge = snap->bridges[bench->bridge->id];

	for (uint32_t m = 0; m < bridge->n_members; m++) {
		if (bridge->members[m]->id == view->id) {
			assert_ptr_equal(bridge->members[m], view);
		}
	}
	return view;
}

static struct dp_capture *
start(struct bench *bench, const char *port, struct dp_bridge *bridge) ON_MAIN
{
	const struct dp_capture_conf conf = {
		.port = port, .bridge = bridge, .ways = CAPTURE_RX, .keep = CAPTURE_KEEP_MAX};
	struct dp_capture *capture;

	assert_int_equal(dp_capture_start(bench->dp, &conf, &capture, NULL), 0);
	return capture;
}

/* How many captures look at each port. */
static void
expect(const struct bench *bench, uint32_t n0, uint32_t n1, uint32_t n2) ON_MAIN
{
	const uint32_t wanted[N_PORTS] = {n0, n1, n2};

	for (unsigned int i = 0; i < N_PORTS; i++) {
		const struct capture_list *list = view_of(bench, i)->captures;

		assert_int_equal(list == NULL ? 0 : list->n, wanted[i]);
	}
}

static void
test_who_is_captured(void **state)
{
	struct bench bench = make();
	const uint64_t version = bench.dp->snapshot->bridges[bench.bridge->id]->version;
	struct dp_capture *a;
	struct dp_capture *b;

	(void)state;
	expect(&bench, 0, 0, 0);
	a = start(&bench, "d0", NULL);
	expect(&bench, 1, 0, 0);
	b = start(&bench, NULL, bench.bridge);
	expect(&bench, 2, 1, 0);
	/* No flow is decided again for that. */
	assert_int_equal(bench.dp->snapshot->bridges[bench.bridge->id]->version, version);
	dp_capture_stop(bench.dp, a);
	expect(&bench, 1, 1, 0);
	a = start(&bench, "d2", NULL);
	expect(&bench, 1, 1, 1);
	/* A port that leaves the bridge is left alone, one that comes is not. */
	dp_port_set(bench.dp, bench.ports[0], &(struct dp_port_fwd){.enabled = true, .mtu = 1500});
	dp_port_set(bench.dp, bench.ports[2],
		&(struct dp_port_fwd){.bridge = bench.bridge, .enabled = true, .mtu = 1500});
	dp_publish(bench.dp);
	expect(&bench, 0, 1, 2);
	dp_capture_stop(bench.dp, b);
	expect(&bench, 0, 0, 1);
	both_step(&bench);
	both_step(&bench);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN); /* with one that runs */
}

static void
test_frames_come(void **state)
{
	struct bench bench = make();
	struct dp_capture *capture = start(&bench, "d0", NULL);
	const struct captured *got;

	(void)state;
	assert_null(dp_capture_peek(bench.dp, capture));
	((struct device *)dp_port_device(bench.ports[0]))->n_frames = 1;
	((struct device *)dp_port_device(bench.ports[1]))->n_frames = 1;
	both_step(&bench);
	got = dp_capture_peek(bench.dp, capture);
	assert_non_null(got);
	assert_int_equal(got->port, bench.ports[0]->id);
	dp_capture_next(capture);
	assert_null(dp_capture_peek(bench.dp, capture));
	assert_int_equal(dp_capture_lost(capture), 0);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_limit(void **state)
{
	const struct dp_capture_conf conf = {
		.port = "d0", .ways = CAPTURE_TX, .keep = CAPTURE_KEEP_MIN};
	struct bench bench = make();
	struct dp_capture *captures[CAPTURES_MAX];
	struct dp_capture *more;
	struct err err = ERR_INIT;

	(void)state;
	for (unsigned int i = 0; i < CAPTURES_MAX; i++) {
		captures[i] = start(&bench, "d0", NULL);
	}
	assert_int_equal(dp_capture_start(bench.dp, &conf, &more, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "16 captures run already"));
	dp_capture_stop(bench.dp, captures[3]);
	assert_int_equal(dp_capture_start(bench.dp, &conf, &captures[3], NULL), 0);
	expect(&bench, CAPTURES_MAX, 0, 0);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

/* --- mirrors -----------------------------------------------------------------------------------
 */

static struct dp_mirror *
mirror(struct bench *bench, const char *from, struct dp_bridge *bridge, const char *to,
	unsigned int ways) ON_MAIN
{
	const struct dp_mirror_conf conf = {
		.ports = &from, .n_ports = from != NULL, .to = to, .ways = ways};
	struct dp_mirror *made;

	assert_int_equal(dp_mirror_create(bench->dp, &conf, &made, NULL), 0);
	dp_mirror_start(bench->dp, made, bridge == NULL ? 0 : dp_bridge_id(bridge), NULL);
	dp_publish(bench->dp);
	return made;
}

static void
expect_copies(const struct bench *bench, const struct dp_mirror *made, uint64_t packets,
	uint64_t drops) ON_MAIN
{
	struct dp_mirror_stats stats;

	dp_mirror_get_stats(bench->dp, made, &stats);
	assert_int_equal(stats.packets, packets);
	assert_int_equal(stats.drops, drops);
	assert_int_equal(stats.bytes, packets * 64);
}

static void
test_mirrors(void **state)
{
	struct bench bench = make();
	const uint64_t version = bench.dp->snapshot->bridges[bench.bridge->id]->version;
	struct device *d0 = (struct device *)dp_port_device(bench.ports[0]);
	struct device *d2 = (struct device *)dp_port_device(bench.ports[2]);
	struct dp_mirror *made = mirror(&bench, "d0", NULL, "d2", MIRROR_RX);
	const uint64_t extra = dp_extra_copies(bench.dp);

	(void)state;
	assert_non_null(view_of(&bench, 0)->mirrors);
	assert_null(view_of(&bench, 1)->mirrors);
	assert_int_equal(bench.dp->snapshot->bridges[bench.bridge->id]->version, version);
	d0->n_frames = 2;
	both_step(&bench);
	both_step(&bench);
	assert_int_equal(d2->n_sent, 2);
	expect_copies(&bench, made, 2, 0);
	assert_int_equal(dp_extra_copies(bench.dp), extra + 2);
	/* Its output goes: no more copies, and nothing else is lost. */
	dp_port_close(bench.dp, bench.ports[2], PORT_CLOSE_DELETED, NULL, NULL);
	dp_publish(bench.dp);
	d0->n_frames = 1;
	both_step(&bench);
	expect_copies(&bench, made, 2, 0);
	/* It comes again by name. */
	both_step(&bench);
	bench.ports[2] = add_port(&bench, "d2", NULL);
	d2 = (struct device *)dp_port_device(bench.ports[2]);
	d0->n_frames = 1;
	both_step(&bench);
	assert_int_equal(d2->n_sent, 1);
	dp_mirror_stop(bench.dp, made);
	dp_publish(bench.dp);
	assert_null(view_of(&bench, 0)->mirrors);
	both_step(&bench);
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

/* Two that point at each other: a copy is not copied. */
static void
test_no_loops(void **state)
{
	struct bench bench = make();
	struct dp_mirror *there =
		mirror(&bench, "d0", NULL, "d1", (unsigned int)MIRROR_RX | MIRROR_TX);
	struct dp_mirror *back =
		mirror(&bench, NULL, bench.bridge, "d0", (unsigned int)MIRROR_RX | MIRROR_TX);

	(void)state;
	assert_int_equal(view_of(&bench, 0)->mirrors->n, 1); /* never its own output */
	((struct device *)dp_port_device(bench.ports[0]))->n_frames = 1;
	both_step(&bench);
	expect_copies(&bench, there, 1, 0); /* received from d0 */
	expect_copies(&bench, back, 1, 0); /* sent to d1 as a bridge does */
	dp_destroy(bench.dp, PORT_CLOSE_SHUTDOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_captured),
		cmocka_unit_test(test_frames_come),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_mirrors),
		cmocka_unit_test(test_no_loops),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("dp-capture", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
