/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept of losses: rows that count, room for each port, packets that are shared out. */
#include "datapath/pipe/loss_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

#define PORTS 5000U
#define NOW CLOCK_S

struct bench {
	struct loss_store *store;
	struct port_view views[PORTS];
	struct snapshot *snap; /* ids 1..PORTS-1 */
};

static void
roles(void) ROLE_ATTR(assert_capability(role_main, role_worker))
{
	role_assert(&role_main);
	role_assert(&role_worker);
}

static int
setup(void **state)
{
	struct bench *bench = must_calloc(1, sizeof(*bench));

	bench->store = loss_store_create();
	assert_non_null(bench->store);
	bench->snap = snapshot_create(0);
	for (uint32_t i = 1; i < PORTS; i++) {
		bench->views[i].id = i;
		bench->snap->ports[i] = &bench->views[i];
	}
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	loss_store_destroy(bench->store);
	snapshot_destroy(bench->snap);
	free(bench);
	return 0;
}

/* n are lost; a packet is kept if one is to be. Returns whether it was. */
static bool
lose(const struct bench *bench, uint32_t port, uint32_t peer, enum drop_reason reason, uint32_t n,
	uint64_t now) ON_WORKER
{
	const struct loss_key key = {.port = port, .peer = peer, .reason = reason};
	const bool input = loss_side(reason) == LOSS_INPUT;
	const struct loss_packet packet = {
		.at = now, .in = input ? port : peer, .out = input ? peer : port, .reason = reason};

	if (!loss_store_add(bench->store, &key, n, now)) {
		return false;
	}
	loss_store_keep(bench->store, &key, &packet);
	return true;
}

/* Of a row that there is; each must be there once. */
static uint64_t
row(const struct bench *bench, uint32_t port, uint32_t peer, enum drop_reason reason) ON_MAIN
{
	struct loss_row rows[LOSS_ROWS];
	const uint32_t n = loss_rows_read(bench->store, port, loss_side(reason), rows);
	uint64_t packets = 0;

	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].key.port, port);
		if (rows[i].key.peer == peer && rows[i].key.reason == reason) {
			assert_int_equal(packets, 0);
			packets = rows[i].packets;
		}
	}
	return packets;
}

static uint64_t
rows_sum(const struct bench *bench, uint32_t port, uint32_t *n) ON_MAIN
{
	struct loss_row rows[LOSS_ROWS];
	uint64_t sum = 0;

	*n = loss_rows_read(bench->store, port, LOSS_OUTPUT, rows);
	for (uint32_t i = 0; i < *n; i++) {
		sum += rows[i].packets;
	}
	return sum;
}

/* How many packets are kept of these; peer 0: of any. */
static uint32_t
kept(const struct bench *bench, uint32_t port, uint32_t peer, enum drop_reason reason) ON_MAIN
{
	struct loss_packet packets[LOSS_KEPT];
	const uint32_t all = loss_packets_read(bench->store, port, loss_side(reason), packets);
	uint32_t n = 0;

	for (uint32_t i = 0; i < all; i++) {
		const uint32_t from =
			loss_side(reason) == LOSS_INPUT ? packets[i].out : packets[i].in;

		n += packets[i].reason == reason && (peer == 0 || from == peer);
	}
	return n;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void
test_rows_by_both_ports_and_reason(void **state)
{
	struct bench *bench = *state;
	uint32_t n;

	roles();
	lose(bench, 3, 1, DROP_TX_BUSY, 3, NOW);
	lose(bench, 3, 2, DROP_TX_BUSY, 2, NOW);
	lose(bench, 3, 2, DROP_LINK_DOWN, 1, NOW);
	lose(bench, 4, 1, DROP_TX_BUSY, 1, NOW);
	lose(bench, 3, 1, DROP_TX_BUSY, 4, NOW);
	lose(bench, 3, 3, DROP_HAIRPIN, 5, NOW);
	assert_int_equal(row(bench, 3, 1, DROP_TX_BUSY), 7);
	assert_int_equal(row(bench, 3, 2, DROP_TX_BUSY), 2);
	assert_int_equal(row(bench, 3, 2, DROP_LINK_DOWN), 1);
	assert_int_equal(row(bench, 4, 1, DROP_TX_BUSY), 1);
	assert_int_equal(row(bench, 3, 3, DROP_HAIRPIN), 5);
	assert_int_equal(rows_sum(bench, 3, &n), 10);
	assert_int_equal(n, 3);
	assert_int_equal(rows_sum(bench, 5, &n), 0);
}

/* Broadcasts from everywhere to everybody who is absent: nobody else's rows are touched. */
static void
test_each_port_has_room(void **state)
{
	struct bench *bench = *state;
	uint32_t n;

	roles();
	for (unsigned int round = 0; round < 2; round++) {
		for (uint32_t out = 1; out < PORTS; out++) {
			for (uint32_t in = 1; in <= 2 * LOSS_ROWS; in++) {
				lose(bench, out, in, DROP_NO_GUEST, 1, NOW);
			}
		}
		lose(bench, 7, 8, DROP_TX_FULL, 1000, NOW);
	}
	assert_int_equal(row(bench, 7, 8, DROP_TX_FULL), 2000);
	for (uint32_t out = 1; out < PORTS; out++) {
		assert_true(rows_sum(bench, out, &n) <= 4 * LOSS_ROWS + 2000);
		assert_int_equal(n, LOSS_ROWS);
	}
	/* All places of all ports there can be. */
	for (uint32_t port = 1; port < DP_PORTS_MAX; port++) {
		lose(bench, port, 1, DROP_TX_BUSY, 1, NOW);
		lose(bench, port, 1, DROP_HAIRPIN, 1, NOW);
		assert_int_equal(row(bench, port, 1, DROP_HAIRPIN), 1);
	}
}

/*
 * Rows that were important once do not keep out who is now: with more than one of LOSS_ROWS
 * losses a port has its row, in the midst of a thousand others, and it counts from then on.
 */
static void
test_who_counts_has_a_row(void **state)
{
	struct bench *bench = *state;
	uint64_t begun;

	roles();
	for (uint32_t in = 1; in <= LOSS_ROWS; in++) {
		lose(bench, 3, in, DROP_NO_GUEST, 100000, NOW);
	}
	for (uint32_t i = 0; i < 2000000; i++) {
		lose(bench, 3, 100 + i % 1000, DROP_NO_GUEST, 1, NOW);
		if (i % 8 == 0) {
			lose(bench, 3, 99, DROP_TX_FULL, 1, NOW);
		}
	}
	begun = row(bench, 3, 99, DROP_TX_FULL);
	assert_true(begun > 100);
	for (uint32_t i = 0; i < 10000; i++) {
		lose(bench, 3, 100 + i % 1000, DROP_NO_GUEST, 1, NOW);
		lose(bench, 3, 99, DROP_TX_FULL, 1, NOW);
	}
	assert_int_equal(row(bench, 3, 99, DROP_TX_FULL), begun + 10000);
}

/* What a port sends badly takes no room of what is lost on the way to it. */
static void
test_inputs_and_outputs_are_apart(void **state)
{
	struct bench *bench = *state;

	roles();
	lose(bench, 3, 1, DROP_TX_FULL, 1, NOW);
	for (uint32_t out = 10; out < 1000; out++) {
		lose(bench, 3, out, DROP_PROTECTED, 100, NOW + out * LOSS_SELDOM);
	}
	assert_int_equal(row(bench, 3, 1, DROP_TX_FULL), 1);
	assert_int_equal(kept(bench, 3, 1, DROP_TX_FULL), 1);
}

/* Who takes a place is told from who had it. */
static void
test_rows_are_born(void **state)
{
	struct bench *bench = *state;
	struct loss_row before[LOSS_ROWS];
	struct loss_row after[LOSS_ROWS];

	roles();
	for (uint32_t in = 1; in <= LOSS_ROWS; in++) {
		lose(bench, 3, in, DROP_TX_FULL, in + 1, NOW);
	}
	assert_int_equal(loss_rows_read(bench->store, 3, LOSS_OUTPUT, before), LOSS_ROWS);
	lose(bench, 3, 99, DROP_TX_FULL, 1, NOW);
	lose(bench, 3, 9, DROP_TX_FULL, 1, NOW);
	assert_int_equal(loss_rows_read(bench->store, 3, LOSS_OUTPUT, after), LOSS_ROWS);
	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		assert_int_equal(after[i].place, before[i].place);
		if (after[i].key.peer == 99) {
			assert_int_equal(before[i].key.peer, 1); /* it had fewest */
			assert_int_not_equal(after[i].born, before[i].born);
			assert_int_equal(after[i].packets, 1);
		} else {
			assert_int_equal(after[i].born, before[i].born);
		}
	}
}

/* --- packets --------------------------------------------------------------------------------- */

static void
test_one_in_a_while(void **state)
{
	struct bench *bench = *state;

	roles();
	assert_true(lose(bench, 3, 1, DROP_TX_FULL, 1, NOW));
	assert_false(lose(bench, 3, 1, DROP_TX_FULL, 1, NOW));
	assert_true(lose(bench, 3, 2, DROP_TX_FULL, 1, NOW));
	assert_false(lose(bench, 3, 1, DROP_TX_FULL, 1, NOW + LOSS_EVERY - 1));
	assert_true(lose(bench, 3, 1, DROP_TX_FULL, 1, NOW + LOSS_EVERY));
	assert_int_equal(kept(bench, 3, 1, DROP_TX_FULL), 2);
	assert_int_equal(kept(bench, 3, 2, DROP_TX_FULL), 1);
}

/* A storm among many gets no more than its share of the time, and who loses seldom is seen. */
static void
test_floods_are_bounded(void **state)
{
	struct bench *bench = *state;
	uint32_t n_kept = 0;

	roles();
	for (uint32_t ms = 0; ms < 100; ms++) {
		for (uint32_t out = 1; out <= 1000; out++) {
			n_kept += lose(bench, out, 4000, DROP_NO_GUEST, 1, NOW + ms * LOSS_EVERY);
		}
		if (ms == 50) {
			assert_true(
				lose(bench, 2000, 4000, DROP_NO_GUEST, 1, NOW + ms * LOSS_EVERY));
		}
	}
	assert_in_range(n_kept, 1000, 1000 + 100 * LOSS_OFTEN);
	/* New rows in the place of others do not make it more. */
	n_kept = 0;
	for (uint32_t i = 0; i < 100000; i++) {
		n_kept += lose(bench, 3000, 1 + i % 1000, DROP_NO_GUEST, 1, NOW);
	}
	assert_in_range(n_kept, 1, LOSS_ROWS);
}

/* A noisy port, or a noisy reason, does not push out all others. */
static void
test_packets_are_shared_out(void **state)
{
	struct bench *bench = *state;
	uint64_t now = NOW;

	roles();
	assert_true(lose(bench, 3, 1, DROP_TX_FULL, 1, now));
	assert_true(lose(bench, 3, 2, DROP_MTU_EXCEEDED, 1, now + 1));
	assert_true(lose(bench, 4, 9, DROP_NO_GUEST, 1, now));
	for (uint32_t i = 0; i < 1000; i++) {
		now += LOSS_EVERY;
		lose(bench, 3, 9, DROP_NO_GUEST, 1, now);
		lose(bench, 3, 9, DROP_TX_FULL, 1, now);
	}
	assert_int_equal(kept(bench, 3, 1, DROP_TX_FULL), 1);
	assert_int_equal(kept(bench, 3, 2, DROP_MTU_EXCEEDED), 1);
	assert_true(kept(bench, 3, 9, DROP_NO_GUEST) >= 2);
	assert_true(kept(bench, 3, 9, DROP_TX_FULL) >= 2);
	assert_int_equal(kept(bench, 4, 9, DROP_NO_GUEST), 1);
	/* Of each the last ones stay. */
	{
		struct loss_packet packets[LOSS_KEPT];
		const uint32_t n = loss_packets_read(bench->store, 3, LOSS_OUTPUT, packets);

		assert_int_equal(n, LOSS_KEPT);
		for (uint32_t i = 0; i < n; i++) {
			assert_true(
				packets[i].in != 9 || packets[i].at > now - LOSS_KEPT * LOSS_EVERY);
		}
	}
	/* Many senders of one reason leave the other reasons theirs. */
	for (uint32_t i = 0; i < 1000; i++) {
		now += LOSS_SELDOM;
		lose(bench, 3, 100 + i, DROP_NO_GUEST, 1, now);
	}
	assert_int_equal(kept(bench, 3, 2, DROP_MTU_EXCEEDED), 1);
	assert_true(kept(bench, 3, 0, DROP_TX_FULL) >= 2);
	assert_true(kept(bench, 3, 0, DROP_NO_GUEST) >= 2);
}

/* --- sweeps ---------------------------------------------------------------------------------- */

static unsigned int
sweep(const struct bench *bench, uint32_t number) ON_MAIN ON_WORKER
{
	unsigned int steps = 0;

	while (!loss_swept(bench->store, number)) {
		assert_true(loss_sweep_asked(bench->store));
		loss_sweep_step(bench->store, bench->snap);
		steps++;
	}
	return steps;
}

static void
test_ports_that_go(void **state)
{
	struct bench *bench = *state;
	struct loss_packet packets[LOSS_KEPT];
	uint32_t number;
	uint32_t n;

	roles();
	assert_false(loss_store_used(bench->store));
	assert_false(loss_sweep_asked(bench->store));
	assert_int_equal(sweep(bench, loss_sweep(bench->store)), 1);
	for (uint32_t out = 3; out < 1000; out++) {
		lose(bench, out, 1, DROP_TX_BUSY, 1, NOW);
		lose(bench, out, 2, DROP_TX_BUSY, 1, NOW);
	}
	lose(bench, 3, 500, DROP_PROTECTED, 1, NOW);
	assert_true(loss_store_used(bench->store));
	bench->snap->ports[500] = NULL;
	bench->snap->ports[2] = NULL;
	number = loss_sweep(bench->store);
	assert_false(loss_swept(bench->store, number));
	loss_sweep_step(bench->store, bench->snap);
	assert_false(loss_swept(bench->store, number)); /* in slices */
	/* One that comes meanwhile needs a sweep from the beginning. */
	(void)loss_sweep(bench->store);
	assert_true(sweep(bench, number) > 4);
	assert_false(loss_swept(bench->store, number + 1));
	assert_int_equal(sweep(bench, number + 1), (997 + 1 + 15) / 16);
	assert_int_equal(rows_sum(bench, 500, &n), 0);
	assert_int_equal(rows_sum(bench, 3, &n), 1);
	assert_int_equal(row(bench, 3, 2, DROP_TX_BUSY), 0);
	assert_int_equal(row(bench, 3, 500, DROP_PROTECTED), 0);
	/* Packets stay, and say no id that may be another's. */
	assert_int_equal(loss_packets_read(bench->store, 3, LOSS_OUTPUT, packets), 2);
	assert_int_equal(packets[0].in + packets[1].in, 1);
	assert_int_equal(packets[0].out, 3);
	assert_int_equal(loss_packets_read(bench->store, 3, LOSS_INPUT, packets), 1);
	assert_int_equal(packets[0].out, 0);
	assert_int_equal(loss_packets_read(bench->store, 500, LOSS_OUTPUT, packets), 0);
	/* Who has the id now begins at nothing. */
	bench->snap->ports[500] = &bench->views[500];
	lose(bench, 500, 1, DROP_TX_BUSY, 1, NOW);
	assert_int_equal(row(bench, 500, 1, DROP_TX_BUSY), 1);
	assert_int_equal(loss_packets_read(bench->store, 500, LOSS_OUTPUT, packets), 1);
	/* All go. */
	memset(bench->snap->ports, 0, PORTS * sizeof(bench->snap->ports[0]));
	sweep(bench, loss_sweep(bench->store));
	assert_false(loss_store_used(bench->store));
}

/* Ports that come and go for ever take no more room than there is. */
static void
test_places_are_used_again(void **state)
{
	struct bench *bench = *state;

	roles();
	for (unsigned int round = 0; round < 100; round++) {
		for (uint32_t port = 1; port < 1000; port++) {
			lose(bench, 1 + (round * 1000 + port) % (DP_PORTS_MAX - 1), 1, DROP_TX_BUSY,
				1, NOW);
		}
		memset(bench->snap->ports, 0, PORTS * sizeof(bench->snap->ports[0]));
		assert_true(sweep(bench, loss_sweep(bench->store)) <= 1000 / 16 + 1);
		assert_false(loss_store_used(bench->store));
	}
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_rows_by_both_ports_and_reason),
		CASE(test_each_port_has_room),
		CASE(test_who_counts_has_a_row),
		CASE(test_inputs_and_outputs_are_apart),
		CASE(test_rows_are_born),
		CASE(test_one_in_a_while),
		CASE(test_floods_are_bounded),
		CASE(test_packets_are_shared_out),
		CASE(test_ports_that_go),
		CASE(test_places_are_used_again),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("loss_store", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
