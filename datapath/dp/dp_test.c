/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of ports and bridges, step by step: what is freed when, and what must wait for whom. */
#include "datapath/dp/dp.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/test_dp.h"

/* --- the bench -------------------------------------------------------------------------------- */

static struct dp_port *
add_port(struct dp *dp, struct dp_bridge *bridge) ON_MAIN
{
	struct dp_port *port = test_dp_port(dp, 1);
	struct dp_port_fwd fwd = test_dp_fwd(bridge);

	dp_port_set(dp, port, &fwd);
	return port;
}

static void
all_step(struct dp *dp) ON_MAIN ON_WORKER
{
	for (unsigned int w = 0; w < dp_n_workers(dp); w++) {
		(void)dp_worker_step(dp, w, TEST_DP_NOW);
	}
	(void)dp_step(dp, TEST_DP_NOW);
}

static struct device *
device_of(struct dp_port *port) ON_MAIN
{
	return (struct device *)dp_port_device(port);
}

static void
count_up(void *arg)
{
	(*(unsigned int *)arg)++;
}

/* --- ports ------------------------------------------------------------------------------------ */

static void
test_not_forwarded_before_it_is_published(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *a = add_port(dp, bridge);
	struct dp_port *b = test_dp_port(dp, 1);
	struct dp_port_fwd fwd = test_dp_fwd(bridge);

	(void)state;
	device_of(a)->n_frames = 1;
	device_of(b)->n_frames = 1;
	assert_int_equal(dp_worker_step(dp, 0, TEST_DP_NOW), 0);
	assert_int_equal(dp_port_rxq_worker(b, 0), -1);
	dp_publish(dp);
	assert_int_equal(dp_worker_step(dp, 0, TEST_DP_NOW), 1); /* a's */
	assert_int_equal(device_of(b)->n_sent, 0);
	dp_port_set(dp, b, &fwd);
	assert_int_equal(dp_worker_step(dp, 0, TEST_DP_NOW), 0);
	dp_publish(dp);
	assert_int_equal(dp_worker_step(dp, 0, TEST_DP_NOW), 1);
	assert_int_equal(device_of(a)->n_sent, 1);
	assert_int_equal(dp_port_rxq_worker(b, 0), 0);
	assert_int_equal(dp_port_rxq_worker(b, 1), -1);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
	assert_int_equal(lives.n_closed, 2);
	assert_int_equal(lives.why, PORT_CLOSE_SHUTDOWN);
}

static void
test_close_waits_for_every_worker(void **state)
{
	struct dp *dp = test_dp_create(3);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *port = add_port(dp, bridge);
	uint32_t id = dp_port_id(port);
	unsigned int done = 0;

	(void)state;
	dp_publish(dp);
	all_step(dp);
	dp_port_close(dp, port, PORT_CLOSE_DELETED, count_up, &done);
	/* Not published: workers may come and go, nothing happens. */
	for (int i = 0; i < 3; i++) {
		all_step(dp);
	}
	assert_int_equal(lives.n_closed, 0);
	dp_publish(dp);
	assert_int_equal(dp_step(dp, TEST_DP_NOW), DP_STEP_BUSY);
	(void)dp_worker_step(dp, 0, TEST_DP_NOW);
	(void)dp_worker_step(dp, 1, TEST_DP_NOW);
	for (int i = 0; i < 3; i++) {
		(void)dp_step(dp, TEST_DP_NOW);
	}
	assert_int_equal(lives.n_closed, 0); /* worker 2 may be inside of it */
	assert_int_equal(done, 0);
	(void)dp_worker_step(dp, 2, TEST_DP_NOW);
	assert_int_equal(dp_step(dp, TEST_DP_NOW), DP_STEP_BUSY);
	assert_int_equal(lives.n_closed, 1);
	assert_int_equal(lives.why, PORT_CLOSE_DELETED);
	assert_int_equal(done, 1);
	/* Its id is not free before another grace period. */
	assert_non_null(dp_port_by_id(dp, id));
	for (int i = 0; i < 3; i++) {
		(void)dp_step(dp, TEST_DP_NOW);
	}
	assert_non_null(dp_port_by_id(dp, id));
	(void)dp_worker_step(dp, 0, TEST_DP_NOW);
	(void)dp_worker_step(dp, 2, TEST_DP_NOW);
	(void)dp_step(dp, TEST_DP_NOW);
	assert_non_null(dp_port_by_id(dp, id));
	(void)dp_worker_step(dp, 1, TEST_DP_NOW);
	assert_int_equal(dp_step(dp, TEST_DP_NOW), DP_STEP_IDLE);
	assert_null(dp_port_by_id(dp, id));
	assert_int_equal(done, 1);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
	assert_int_equal(lives.n_closed, 1);
}

static void
test_close_what_nobody_saw(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_port *port = test_dp_port(dp, 1);
	unsigned int done = 0;

	(void)state;
	dp_port_close(dp, port, PORT_CLOSE_DELETED, count_up, &done);
	assert_int_equal(lives.n_closed, 1);
	assert_int_equal(done, 1);
	/* Set, but closed before the publication: it waits all the same. */
	port = add_port(dp, test_dp_bridge(dp));
	dp_port_close(dp, port, PORT_CLOSE_DELETED, count_up, &done);
	dp_publish(dp);
	all_step(dp);
	assert_int_equal(done, 2);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_open_fails(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct port_conf conf = {.queues = 1};
	struct dp_port *port;
	struct err err = ERR_INIT;

	(void)state;
	lives.refuse = true;
	assert_int_not_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	assert_string_equal(err.text, "it is not there");
	lives.refuse = false;
	conf.queues = PORT_QUEUES_MAX + 1;
	assert_int_not_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	assert_int_equal(lives.n_open, 0);
	conf.queues = PORT_QUEUES_MAX;
	assert_int_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* All of them; then one goes, and its id comes again with counters that begin at zero. */
static void
test_every_id(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *first = add_port(dp, NULL);
	struct port_conf conf = {.queues = 1};
	struct port_counters c;
	struct err err = ERR_INIT;
	struct dp_port *port;
	uint32_t id = dp_port_id(first);

	(void)state;
	device_of(first)->n_frames = 3;
	dp_publish(dp);
	for (int i = 0; i < 3; i++) {
		all_step(dp);
	}
	dp_port_get_counters(dp, first, &c);
	assert_int_equal(c.rx_packets, 3);
	assert_int_equal(c.rx_bytes, 3 * 64);
	assert_int_equal(c.drops[DROP_NO_BRIDGE], 3);
	for (uint32_t i = 2; i < DP_PORTS_MAX; i++) {
		port = test_dp_port(dp, 1);
		assert_int_not_equal(dp_port_id(port), id);
	}
	assert_int_not_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	assert_int_equal(err.kind, ERR_LIMIT);
	dp_port_close(dp, first, PORT_CLOSE_DELETED, NULL, NULL);
	dp_publish(dp);
	assert_int_not_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	all_step(dp); /* closed */
	assert_int_not_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	all_step(dp);
	all_step(dp);
	assert_int_not_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	all_step(dp); /* its losses are forgotten */
	assert_int_equal(dp_port_open(dp, &device_ops, &conf, &port, &err), 0);
	assert_int_equal(dp_port_id(port), id);
	dp_port_get_counters(dp, port, &c);
	assert_int_equal(c.rx_packets, 0);
	assert_int_equal(c.drops[DROP_NO_BRIDGE], 0);
	(void)bridge;
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
	assert_int_equal(lives.n_closed, lives.n_open);
}

static void
test_counters(void **state)
{
	struct dp *dp = test_dp_create(2);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *a = add_port(dp, bridge);
	struct dp_port *b = add_port(dp, bridge);
	struct port_counters c;

	(void)state;
	dp_publish(dp);
	device_of(a)->n_frames = 5;
	device_of(b)->n_frames = 2;
	for (int i = 0; i < 6; i++) {
		all_step(dp);
	}
	dp_port_get_counters(dp, a, &c);
	assert_int_equal(c.rx_packets, 5);
	assert_int_equal(c.tx_packets, 2);
	assert_int_equal(c.tx_bytes, 2 * 64);
	assert_int_equal(dp_bridge_flooded(dp, bridge), 7);
	dp_port_clear_counters(dp, a);
	dp_port_get_counters(dp, a, &c);
	assert_int_equal(c.rx_packets + c.rx_bytes + c.tx_packets + c.tx_bytes, 0);
	dp_port_get_counters(dp, b, &c);
	assert_int_equal(c.tx_packets, 5);
	device_of(a)->n_frames = 1;
	all_step(dp);
	dp_port_get_counters(dp, a, &c);
	assert_int_equal(c.rx_packets, 1);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
take_late(void *arg, const char *name, const struct port_counters *counters,
	const struct port_missed *missed)
{
	(void)name;
	(void)counters;
	port_missed_add(arg, missed);
}

/* What the device says it never had: from zero when that is asked for, and apart from the rest. */
static void
test_missed(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_port *port = add_port(dp, test_dp_bridge(dp));
	struct port_missed late = {0};
	struct port_missed missed;
	struct port_counters c;
	struct dp_traffic sums;

	(void)state;
	dp->options.late = take_late;
	dp->options.late_arg = &late;
	dp_publish(dp);
	device_of(port)->missed = 3;
	dp_port_get_missed(port, &missed);
	assert_int_equal(missed.frames[MISSED_DEVICE_FULL], 3);
	assert_int_equal(missed.frames[MISSED_SOCKET_FULL] + missed.no_buffer, 0);
	dp_port_clear_counters(dp, port);
	dp_port_get_missed(port, &missed);
	assert_int_equal(missed.frames[MISSED_DEVICE_FULL], 0);
	device_of(port)->missed = 5;
	dp_port_get_missed(port, &missed);
	assert_int_equal(missed.frames[MISSED_DEVICE_FULL], 2);
	dp_port_get_counters(dp, port, &c);
	dp_get_traffic(dp, &sums);
	assert_int_equal(c.rx_packets + sums.received + sums.dropped, 0);
	/* and what it says while workers still have it is not lost */
	dp_port_close(dp, port, PORT_CLOSE_SHUTDOWN, NULL, NULL);
	device_of(port)->missed = 9;
	dp_publish(dp);
	for (unsigned int i = 0; i < 10; i++) {
		all_step(dp);
	}
	assert_int_equal(late.frames[MISSED_DEVICE_FULL], 4);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* --- publications ----------------------------------------------------------------------------- */

static void
test_changes_come_together(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *port = add_port(dp, bridge);
	const struct snapshot *snap;
	uint64_t version;

	(void)state;
	dp_publish(dp);
	version = dp->snapshot->version;
	snap = dp->snapshot;
	dp_publish(dp);
	assert_ptr_equal(dp->snapshot, snap); /* nothing to say */
	for (uint16_t i = 0; i < 100; i++) {
		struct dp_port_fwd fwd = test_dp_fwd(i % 3 == 0 ? NULL : bridge);

		fwd.mtu = (uint16_t)(1000 + i);
		dp_port_set(dp, port, &fwd);
		assert_ptr_equal(dp->snapshot, snap);
	}
	dp_publish(dp);
	assert_int_equal(dp->snapshot->version, version + 1);
	assert_int_equal(dp->snapshot->ports[dp_port_id(port)]->mtu, 1099);
	assert_int_equal(dp->snapshot->bridges[1]->n_members, 0);
	all_step(dp);
	all_step(dp);
	assert_true(STAILQ_EMPTY(&dp->retired));
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* What a worker that is late still looks at is there: the address sanitizer watches. */
static void
test_late_worker_sees_its_snapshot(void **state)
{
	struct dp *dp = test_dp_create(2);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *a = add_port(dp, bridge);
	struct dp_port *b = add_port(dp, bridge);
	const struct snapshot *old;
	struct dp_port_fwd fwd = test_dp_fwd(bridge);
	bool replaced;
	struct dp_bridge_conf conf = {.fdb = {.limit = 100000, .aging_s = 300}};

	(void)state;
	dp_publish(dp);
	all_step(dp);
	old = dp->snapshot;
	fwd.mtu = 700;
	for (int i = 0; i < 5; i++) {
		dp_port_set(dp, a, &fwd);
		dp_publish(dp);
		(void)dp_worker_step(dp, 0, TEST_DP_NOW);
		(void)dp_step(dp, TEST_DP_NOW);
	}
	assert_int_equal(dp_bridge_set(dp, bridge, &conf, &replaced, NULL), 0);
	assert_true(replaced);
	dp_port_close(dp, b, PORT_CLOSE_DELETED, NULL, NULL);
	dp_publish(dp);
	(void)dp_worker_step(dp, 0, TEST_DP_NOW);
	(void)dp_step(dp, TEST_DP_NOW);
	/* Worker 1 has not moved since. */
	assert_int_equal(old->ports[1]->mtu, 1500);
	assert_int_equal(old->ports[2]->port->n_rxq, 1);
	assert_int_equal(fdb_count(old->bridges[1]->fdb), 0);
	assert_int_equal(old->bridges[1]->members[1]->id, 2);
	assert_int_equal(old->workers[0].n_rxq + old->workers[1].n_rxq, 2);
	assert_int_equal(lives.n_closed, 0);
	for (int i = 0; i < 3; i++) {
		all_step(dp);
	}
	assert_int_equal(lives.n_closed, 1);
	assert_true(STAILQ_EMPTY(&dp->retired));
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* --- bridges ---------------------------------------------------------------------------------- */

static void
test_bridge_goes_before_its_ports_have_left(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *a = add_port(dp, bridge);
	struct dp_port *b = add_port(dp, bridge);
	unsigned int done = 0;

	(void)state;
	dp_publish(dp);
	device_of(a)->n_frames = 1;
	all_step(dp);
	assert_int_equal(fdb_count(dp_bridge_fdb(bridge)), 1);
	dp_port_close(dp, a, PORT_CLOSE_DELETED, count_up, &done);
	dp_port_close(dp, b, PORT_CLOSE_DELETED, count_up, &done);
	dp_bridge_destroy(dp, bridge);
	dp_publish(dp);
	for (int i = 0; i < 4; i++) {
		all_step(dp);
	}
	assert_int_equal(done, 2);
	assert_true(TAILQ_EMPTY(&dp->leaving));
	assert_true(STAILQ_EMPTY(&dp->retired));
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_bridge_limits(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge_conf conf = {.fdb = {.limit = 100, .aging_s = 300}};
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct fdb *fdb = dp_bridge_fdb(bridge);
	bool replaced = true;

	(void)state;
	dp_publish(dp);
	conf.fdb.aging_s = 10;
	assert_int_equal(dp_bridge_set(dp, bridge, &conf, &replaced, NULL), 0);
	assert_false(replaced);
	assert_ptr_equal(dp_bridge_fdb(bridge), fdb);
	conf.fdb.limit = 1000;
	assert_int_equal(dp_bridge_set(dp, bridge, &conf, &replaced, NULL), 0);
	assert_true(replaced);
	assert_ptr_not_equal(dp_bridge_fdb(bridge), fdb);
	assert_ptr_equal(dp->snapshot->bridges[1]->fdb, fdb);
	dp_publish(dp);
	assert_ptr_equal(dp->snapshot->bridges[1]->fdb, dp_bridge_fdb(bridge));
	conf.fdb.limit = 10;
	assert_int_equal(dp_bridge_set(dp, bridge, &conf, &replaced, NULL), 0);
	assert_false(replaced);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* A port that leaves takes its addresses along, static ones too; others keep theirs. */
static void
test_addresses_go_with_the_port(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *a = add_port(dp, bridge);
	struct dp_port *b = add_port(dp, bridge);
	struct fdb *fdb = dp_bridge_fdb(bridge);

	(void)state;
	dp_publish(dp);
	device_of(a)->n_frames = 1;
	device_of(b)->n_frames = 1;
	all_step(dp);
	fdb_lock(fdb);
	assert_int_equal(fdb_set_static(fdb, 0x1234, dp_port_id(a)), FDB_LEARNED);
	fdb_unlock(fdb);
	assert_int_equal(fdb_count(fdb), 3);
	dp_port_close(dp, a, PORT_CLOSE_DELETED, NULL, NULL);
	dp_publish(dp);
	for (int i = 0; i < 4; i++) {
		all_step(dp);
	}
	assert_int_equal(fdb_count(fdb), 1);
	assert_int_equal(fdb_port_count(fdb, dp_port_id(b)), 1);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_ageing_by_steps(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *a = add_port(dp, bridge);
	uint64_t now = TEST_DP_NOW;

	(void)state;
	dp_publish(dp);
	device_of(a)->n_frames = 1;
	all_step(dp);
	for (; now < TEST_DP_NOW + 299 * CLOCK_S; now += DP_STEP_IDLE) {
		(void)dp_step(dp, now);
	}
	assert_int_equal(fdb_count(dp_bridge_fdb(bridge)), 1);
	for (; now < TEST_DP_NOW + 302 * CLOCK_S; now += DP_STEP_IDLE) {
		(void)dp_step(dp, now);
	}
	assert_int_equal(fdb_count(dp_bridge_fdb(bridge)), 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* --- workers ---------------------------------------------------------------------------------- */

static void
expect_spread(struct dp *dp, unsigned int n_workers, uint32_t n_queues) ON_MAIN
{
	uint32_t sum = 0;

	for (unsigned int w = 0; w < n_workers; w++) {
		struct dp_worker_stats stats;
		const char *name;
		uint16_t queue;
		uint32_t n = 0;

		dp_worker_get_stats(dp, w, &stats);
		while (dp_worker_rxq(dp, w, n, &name, &queue)) {
			n++;
		}
		assert_int_equal(n, stats.n_rxq);
		assert_in_range(n, n_queues / n_workers, (n_queues + n_workers - 1) / n_workers);
		sum += n;
	}
	assert_int_equal(sum, n_queues);
}

static void
test_queues_are_spread(void **state)
{
	static const uint16_t queues[] = {1, 4, 1, 1, 2, 7, 1, 16};

	(void)state;
	for (unsigned int n_workers = 1; n_workers <= 5; n_workers++) {
		struct dp *dp = test_dp_create(n_workers);
		struct dp_port_fwd fwd = test_dp_fwd(NULL);
		struct dp_port *ports[ARRAY_LEN(queues)];
		int workers[ARRAY_LEN(queues)][16];
		uint32_t n = 0;

		for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
			ports[i] = test_dp_port(dp, queues[i]);
			dp_port_set(dp, ports[i], &fwd);
			dp_publish(dp);
			n += queues[i];
			expect_spread(dp, n_workers, n);
			for (uint16_t q = 0; q < queues[i]; q++) {
				workers[i][q] = dp_port_rxq_worker(ports[i], q);
				assert_in_range(workers[i][q], 0, n_workers - 1);
			}
		}
		/* Each stays where it is when others go. */
		dp_port_close(dp, ports[1], PORT_CLOSE_DELETED, NULL, NULL);
		dp_publish(dp);
		all_step(dp);
		for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
			for (uint16_t q = 0; i != 1 && q < queues[i]; q++) {
				assert_int_equal(dp_port_rxq_worker(ports[i], q), workers[i][q]);
			}
		}
		dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
	}
}

static void
test_which_queues_are_locked(void **state)
{
	static const struct {
		unsigned int n_workers;
		uint16_t queues;
		bool by_hash;
		bool locked;
	} rows[] = {
		{1, 1, false, false},
		{1, 4, true, false},
		{2, 1, false, true},
		{2, 2, false, false},
		{2, 3, false, false},
		{3, 2, false, true},
		{2, 2, true, true},
		{4, 16, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dp *dp = test_dp_create(rows[i].n_workers);
		struct port_conf conf = {.queues = rows[i].queues, .client = rows[i].by_hash};
		struct dp_port_fwd fwd = test_dp_fwd(NULL);
		struct dp_port *port;

		assert_int_equal(dp_port_open(dp, &device_ops, &conf, &port, NULL), 0);
		dp_port_set(dp, port, &fwd);
		dp_publish(dp);
		assert_int_equal(dp->snapshot->ports[1]->tx_locks != NULL, rows[i].locked);
		dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
	}
}

/* --- the end ---------------------------------------------------------------------------------- */

static void
test_destroy_in_every_state(void **state)
{
	struct dp *dp = test_dp_create(2);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *ports[5];
	unsigned int done = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		ports[i] = i == 4 ? test_dp_port(dp, 1) : add_port(dp, bridge);
	}
	dp_publish(dp);
	all_step(dp);
	dp_port_close(dp, ports[0], PORT_CLOSE_DELETED, count_up, &done);
	dp_publish(dp);
	all_step(dp); /* closed, its id is not free */
	dp_port_close(dp, ports[1], PORT_CLOSE_DELETED, count_up, &done);
	dp_publish(dp); /* waits for its grace period */
	dp_port_close(dp, ports[2], PORT_CLOSE_DELETED, count_up, &done); /* not published */
	assert_int_equal(lives.n_closed, 1);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
	assert_int_equal(lives.n_closed, 5);
	assert_int_equal(done, 3);
	dp_destroy(NULL, PORT_CLOSE_SHUTDOWN);
}

static void
test_worker_on_a_cpu_that_is_not_there(void **state)
{
	const int cpus[] = {0, CPU_SETSIZE - 1};
	struct dp_options options = {.n_workers = 2, .cpus = cpus, .threads = true};
	struct err err = ERR_INIT;
	struct dp *dp = NULL;

	(void)state;
	role_assert(&role_main);
	assert_int_not_equal(dp_create(&options, &dp, &err), 0);
	assert_int_equal(err.kind, ERR_INVALID);
	assert_non_null(strstr(err.text, "1023"));
	assert_null(dp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_forwarded_before_it_is_published),
		cmocka_unit_test(test_close_waits_for_every_worker),
		cmocka_unit_test(test_close_what_nobody_saw),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_every_id),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_changes_come_together),
		cmocka_unit_test(test_late_worker_sees_its_snapshot),
		cmocka_unit_test(test_bridge_goes_before_its_ports_have_left),
		cmocka_unit_test(test_bridge_limits),
		cmocka_unit_test(test_addresses_go_with_the_port),
		cmocka_unit_test(test_ageing_by_steps),
		cmocka_unit_test(test_queues_are_spread),
		cmocka_unit_test(test_which_queues_are_locked),
		cmocka_unit_test(test_destroy_in_every_state),
		cmocka_unit_test(test_worker_on_a_cpu_that_is_not_there),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("dp", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
