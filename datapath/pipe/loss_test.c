/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets were lost: rows by input, output and reason, the last packets, who is told. */
#include "datapath/pipe/loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "datapath/pipe/capture.h"

#define WORKER 3
#define LEN 200U

struct bench {
	struct port_counters *count;
	struct loss loss;
	struct port_view views[5000];
	struct snapshot *snap;
	uint8_t bytes[PKT_BURST][LEN];
	struct pkt pkts[PKT_BURST];
	struct tx_item items[PKT_BURST];
};

static void
roles(void) ROLE_ATTR(assert_capability(role_main, role_worker))
{
	role_assert(&role_main);
	role_assert(&role_worker);
}

/* Packet i comes from port 1 + i % 2, and its bytes are i. */
static int
setup(void **state)
{
	struct bench *bench = must_calloc(1, sizeof(*bench));

	bench->count = must_calloc(DP_PORTS_MAX, sizeof(*bench->count));
	assert_int_equal(loss_init(&bench->loss, WORKER, bench->count), 0);
	bench->loss.now = CLOCK_S;
	bench->snap = snapshot_create(0);
	for (uint32_t i = 1; i < RTE_DIM(bench->views); i++) {
		bench->views[i].id = i;
		bench->snap->ports[i] = &bench->views[i];
	}
	for (uint32_t i = 0; i < PKT_BURST; i++) {
		memset(bench->bytes[i], (int)i, LEN);
		bench->pkts[i] = (struct pkt){
			.head = bench->bytes[i], .len = LEN, .head_len = LEN, .in_port = 1 + i % 2};
		pkt_item(&bench->pkts[i], &bench->items[i]);
	}
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	loss_fini(&bench->loss);
	snapshot_destroy(bench->snap);
	free(bench->count);
	free(bench);
	return 0;
}

/* Of rows that there are; each must be there once. */
static uint64_t
row(const struct bench *bench, uint32_t in, uint32_t out, enum drop_reason reason) ON_MAIN
{
	uint64_t packets = 0;
	unsigned int seen = 0;

	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		struct loss_row one;

		if (loss_row_read(&bench->loss, i, &one) && one.key == loss_key(in, out, reason)) {
			packets = one.packets;
			seen++;
		}
	}
	assert_in_range(seen, 0, 1);
	return packets;
}

static uint64_t
rows_sum(const struct bench *bench, uint32_t *n) ON_MAIN
{
	uint64_t sum = 0;

	*n = 0;
	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		struct loss_row one;

		if (loss_row_read(&bench->loss, i, &one)) {
			sum += one.packets;
			(*n)++;
		}
	}
	return sum;
}

static uint32_t
kept(const struct bench *bench, enum drop_reason reason) ON_MAIN
{
	struct loss_packet packet;
	uint32_t n = 0;

	for (uint32_t i = 0; i < LOSS_KEPT; i++) {
		n += loss_packet_read(&bench->loss, reason, i, &packet);
	}
	return n;
}

static void
test_keys(void **state)
{
	const uint64_t key = loss_key(DP_PORTS_MAX - 1, 7, DROP_SEGMENT_FAILED);

	(void)state;
	assert_int_equal(loss_key_in(key), DP_PORTS_MAX - 1);
	assert_int_equal(loss_key_out(key), 7);
	assert_int_equal(loss_key_reason(key), DROP_SEGMENT_FAILED);
	assert_int_not_equal(loss_key(0, 0, DROP_RUNT), 0);
	assert_true(loss_key(9, 1, DROP_RUNT) < loss_key(1, 2, DROP_RUNT));
}

static void
test_rows_by_input_output_reason(void **state)
{
	struct bench *bench = *state;
	uint32_t n;

	roles();
	loss_tx(&bench->loss, &bench->views[3], bench->items, 5, DROP_TX_BUSY);
	loss_tx(&bench->loss, &bench->views[4], bench->items, 1, DROP_TX_BUSY);
	loss_tx_pkt(&bench->loss, &bench->views[3], &bench->pkts[1], DROP_LINK_DOWN);
	assert_int_equal(row(bench, 1, 3, DROP_TX_BUSY), 3);
	assert_int_equal(row(bench, 2, 3, DROP_TX_BUSY), 2);
	assert_int_equal(row(bench, 1, 4, DROP_TX_BUSY), 1);
	assert_int_equal(row(bench, 2, 3, DROP_LINK_DOWN), 1);
	assert_int_equal(rows_sum(bench, &n), 7);
	assert_int_equal(n, 4);
	assert_int_equal(bench->count[3].drops[DROP_TX_BUSY], 5);
	assert_int_equal(bench->count[3].drops[DROP_LINK_DOWN], 1);
	assert_int_equal(bench->count[4].drops[DROP_TX_BUSY], 1);
}

/* What a port marks it has counted. */
static void
test_marked_items(void **state)
{
	struct bench *bench = *state;
	struct port_counters *count = &bench->count[3];
	uint32_t n;

	roles();
	bench->pkts[4].in_port = 2;
	port_lose(count, &bench->items[2], 2, DROP_TX_FULL);
	port_lose(count, &bench->items[4], 1, DROP_GUEST_BUFFERS);
	port_lose(count, &bench->items[9], 1, DROP_TX_FULL);
	loss_tx_marked(&bench->loss, &bench->views[3], bench->items, 10, true);
	assert_int_equal(row(bench, 1, 3, DROP_TX_FULL), 1);
	assert_int_equal(row(bench, 2, 3, DROP_TX_FULL), 2);
	assert_int_equal(row(bench, 2, 3, DROP_GUEST_BUFFERS), 1);
	assert_int_equal(rows_sum(bench, &n), 4);
	assert_int_equal(count->drops[DROP_TX_FULL], 3);
	assert_int_equal(count->drops[DROP_GUEST_BUFFERS], 1);
}

/* Inputs have their counters, no rows. */
static void
test_received_packets(void **state)
{
	struct bench *bench = *state;
	struct loss_packet packet;
	uint32_t n;

	roles();
	loss_rx_run(&bench->loss, &bench->views[1], bench->pkts, 3, DROP_NO_BRIDGE);
	loss_rx(&bench->loss, &bench->views[1], &bench->pkts[4], DROP_RUNT);
	assert_int_equal(bench->count[1].drops[DROP_NO_BRIDGE], 3);
	assert_int_equal(bench->count[1].drops[DROP_RUNT], 1);
	assert_int_equal(rows_sum(bench, &n), 0);
	assert_int_equal(kept(bench, DROP_NO_BRIDGE), 1);
	assert_true(loss_packet_read(&bench->loss, DROP_RUNT, 0, &packet));
	assert_int_equal(packet.in, 1);
	assert_int_equal(packet.out, 0);
}

/* More pairs of ports than there is room for: counted at the ports, and never in a wrong row. */
static void
test_full_table(void **state)
{
	struct bench *bench = *state;
	const uint32_t outs = LOSS_ROWS;
	uint64_t total = 0;
	uint32_t n;

	roles();
	for (unsigned int round = 1; round <= 2; round++) {
		for (uint32_t out = 1; out <= outs; out++) {
			loss_tx(&bench->loss, &bench->views[out], bench->items, 2, DROP_TX_BUSY);
			total += 2;
		}
	}
	assert_true(rows_sum(bench, &n) <= total);
	assert_in_range(n, LOSS_ROWS * 3 / 4, LOSS_ROWS);
	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		struct loss_row one;

		if (loss_row_read(&bench->loss, i, &one)) {
			assert_int_equal(one.packets, 2);
		}
	}
	assert_int_equal(bench->count[outs].drops[DROP_TX_BUSY], 4);
}

static void
test_last_packets(void **state)
{
	struct bench *bench = *state;
	struct loss_packet packet;
	uint64_t newest = 0;
	uint64_t oldest = UINT64_MAX;

	roles();
	assert_int_equal(kept(bench, DROP_TX_BUSY), 0);
	loss_tx(&bench->loss, &bench->views[3], bench->items, 20, DROP_TX_BUSY);
	bench->loss.now += LOSS_EVERY - 1;
	loss_tx(&bench->loss, &bench->views[3], bench->items, 20, DROP_TX_BUSY);
	assert_int_equal(kept(bench, DROP_TX_BUSY), 1);
	assert_true(loss_packet_read(&bench->loss, DROP_TX_BUSY, 0, &packet));
	assert_int_equal(packet.at, CLOCK_S);
	assert_int_equal(packet.in, 1);
	assert_int_equal(packet.out, 3);
	assert_int_equal(packet.len, LEN);
	assert_int_equal(packet.kept, LOSS_BYTES);
	assert_memory_equal(packet.bytes, bench->bytes[0], LOSS_BYTES);
	/* Of many the last stay. */
	for (uint32_t i = 0; i < 20; i++) {
		bench->loss.now = 2 * CLOCK_S + i * LOSS_EVERY;
		loss_tx(&bench->loss, &bench->views[3], &bench->items[i], 1, DROP_TX_BUSY);
	}
	assert_int_equal(kept(bench, DROP_TX_BUSY), LOSS_KEPT);
	for (uint32_t i = 0; i < LOSS_KEPT; i++) {
		assert_true(loss_packet_read(&bench->loss, DROP_TX_BUSY, i, &packet));
		newest = packet.at > newest ? packet.at : newest;
		oldest = packet.at < oldest ? packet.at : oldest;
		assert_int_equal(packet.bytes[0], (packet.at - 2 * CLOCK_S) / LOSS_EVERY);
	}
	assert_int_equal(newest, 2 * CLOCK_S + 19 * LOSS_EVERY);
	assert_int_equal(oldest, 2 * CLOCK_S + 12 * LOSS_EVERY);
}

/* A frame may be shorter than a header, and lie in pieces. */
static void
test_bytes_of_short_and_split_frames(void **state)
{
	struct bench *bench = *state;
	const struct pkt_seg segs[2] = {{bench->bytes[1], 10}, {bench->bytes[2], 150}};
	struct loss_packet packet;
	uint8_t expected[LOSS_BYTES];

	roles();
	bench->pkts[0].len = 5;
	bench->pkts[0].head_len = 5;
	loss_rx(&bench->loss, &bench->views[1], &bench->pkts[0], DROP_RUNT);
	assert_true(loss_packet_read(&bench->loss, DROP_RUNT, 0, &packet));
	assert_int_equal(packet.kept, 5);
	assert_int_equal(packet.len, 5);
	bench->pkts[3].head_len = 40;
	bench->pkts[3].segs = segs;
	bench->pkts[3].n_segs = 2;
	loss_rx(&bench->loss, &bench->views[1], &bench->pkts[3], DROP_HAIRPIN);
	memset(expected, 3, 40);
	memset(expected + 40, 1, 10);
	memset(expected + 50, 2, LOSS_BYTES - 50);
	assert_true(loss_packet_read(&bench->loss, DROP_HAIRPIN, 0, &packet));
	assert_memory_equal(packet.bytes, expected, LOSS_BYTES);
}

/* --- captures -------------------------------------------------------------------------------- */

static struct capture_list *
watch(unsigned int ways)
{
	const struct capture_conf conf = {.ways = ways, .keep = 64, .n_workers = WORKER + 1};
	struct capture_list *list = must_calloc(1, sizeof(*list) + sizeof(list->captures[0]));

	list->ways = ways;
	list->n = 1;
	list->captures[0] = capture_create(&conf);
	assert_non_null(list->captures[0]);
	return list;
}

/* What has been captured since; *last is the last one. */
static unsigned int
captured(const struct capture_list *list, struct captured *last) ON_MAIN
{
	const struct captured *one;
	unsigned int n = 0;

	while ((one = capture_peek(list->captures[0], WORKER)) != NULL) {
		assert_int_equal(one->way, CAPTURE_DROP);
		*last = *one;
		n++;
		capture_next(list->captures[0], WORKER);
	}
	return n;
}

static void
test_captures_are_told_of_all(void **state)
{
	struct bench *bench = *state;
	struct capture_list *list = watch(CAPTURE_DROP);
	struct captured last;

	roles();
	bench->views[3].captures = list;
	bench->views[1].captures = list;
	loss_tx(&bench->loss, &bench->views[3], bench->items, 20, DROP_TX_BUSY);
	assert_int_equal(captured(list, &last), 20);
	assert_int_equal(last.port, 3);
	assert_int_equal(last.in_port, 2);
	assert_int_equal(last.reason, DROP_TX_BUSY);
	loss_tx(&bench->loss, &bench->views[2], bench->items, 20, DROP_TX_BUSY);
	assert_int_equal(captured(list, &last), 0);
	port_lose(&bench->count[3], &bench->items[7], 2, DROP_TX_FULL);
	loss_tx_marked(&bench->loss, &bench->views[3], bench->items, PKT_BURST, true);
	assert_int_equal(captured(list, &last), 0);
	loss_tx_marked(&bench->loss, &bench->views[3], bench->items, PKT_BURST, false);
	assert_int_equal(captured(list, &last), 2);
	assert_int_equal(last.reason, DROP_TX_FULL);
	loss_rx_run(&bench->loss, &bench->views[1], bench->pkts, 3, DROP_NO_BRIDGE);
	assert_int_equal(captured(list, &last), 3);
	assert_int_equal(last.port, 1);
	assert_int_equal(last.in_port, 0);
	capture_destroy(list->captures[0]);
	free(list);
}

/* --- sweeps ---------------------------------------------------------------------------------- */

static void
test_ports_that_go(void **state)
{
	struct bench *bench = *state;
	unsigned int steps = 0;
	uint32_t sweep;
	uint32_t n;

	roles();
	for (uint32_t out = 3; out < 1000; out++) {
		loss_tx(&bench->loss, &bench->views[out], bench->items, 2, DROP_TX_BUSY);
	}
	loss_upkeep(&bench->loss, bench->snap);
	assert_int_equal(rows_sum(bench, &n), 2 * 997);
	bench->snap->ports[500] = NULL;
	bench->snap->ports[2] = NULL;
	sweep = loss_sweep(&bench->loss);
	assert_false(loss_swept(&bench->loss, sweep));
	while (!loss_swept(&bench->loss, sweep)) {
		loss_upkeep(&bench->loss, bench->snap);
		/* One that comes meanwhile needs a sweep from the beginning. */
		if (steps++ == 2) {
			(void)loss_sweep(&bench->loss);
		}
	}
	assert_true(steps > 4);
	assert_false(loss_swept(&bench->loss, sweep + 1));
	assert_int_equal(rows_sum(bench, &n), 996);
	assert_int_equal(row(bench, 1, 500, DROP_TX_BUSY), 0);
	assert_int_equal(row(bench, 2, 3, DROP_TX_BUSY), 0);
	assert_int_equal(row(bench, 1, 3, DROP_TX_BUSY), 1);
	for (steps = 0; !loss_swept(&bench->loss, sweep + 1); steps++) {
		loss_upkeep(&bench->loss, bench->snap);
	}
	/* Who has the id now begins at nothing. */
	bench->snap->ports[500] = &bench->views[500];
	loss_tx(&bench->loss, &bench->views[500], bench->items, 1, DROP_TX_BUSY);
	assert_int_equal(row(bench, 1, 500, DROP_TX_BUSY), 1);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		CASE(test_rows_by_input_output_reason),
		CASE(test_marked_items),
		CASE(test_received_packets),
		CASE(test_full_table),
		CASE(test_last_packets),
		CASE(test_bytes_of_short_and_split_frames),
		CASE(test_captures_are_told_of_all),
		CASE(test_ports_that_go),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("loss", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
