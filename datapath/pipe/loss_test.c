/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets are lost: which counters and rows have them, the last packets, who is told. */
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
	struct port_view views[5];
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
	role_assert(&role_worker);
	loss_begin(&bench->loss, CLOCK_S);
	for (uint32_t i = 1; i < RTE_DIM(bench->views); i++) {
		bench->views[i].id = i;
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
	free(bench->count);
	free(bench);
	return 0;
}

/* What the row of these three has. */
static uint64_t
row(const struct bench *bench, uint32_t in, uint32_t out, enum drop_reason reason) ON_MAIN
{
	const bool input = loss_side(reason) == LOSS_INPUT;
	struct loss_row rows[LOSS_ROWS];
	const uint32_t n =
		loss_rows_read(bench->loss.store, input ? in : out, loss_side(reason), rows);

	for (uint32_t i = 0; i < n; i++) {
		if (rows[i].key.reason == reason && rows[i].key.peer == (input ? out : in)) {
			return rows[i].packets;
		}
	}
	return 0;
}

static uint64_t
rows_sum(const struct bench *bench) ON_MAIN
{
	struct loss_row rows[LOSS_ROWS];
	uint64_t sum = 0;

	for (uint32_t port = 1; port < RTE_DIM(bench->views); port++) {
		for (uint32_t i = loss_rows_read(bench->loss.store, port, LOSS_OUTPUT, rows); i > 0;
			i--) {
			sum += rows[i - 1].packets;
		}
	}
	return sum;
}

/* Packets of this reason that the port has; *last is one of them. */
static uint32_t
kept(const struct bench *bench, uint32_t port, enum drop_reason reason,
	struct loss_packet *last) ON_MAIN
{
	struct loss_packet packets[LOSS_KEPT];
	const uint32_t all = loss_packets_read(bench->loss.store, port, loss_side(reason), packets);
	uint32_t n = 0;

	for (uint32_t i = 0; i < all; i++) {
		if (packets[i].reason == reason) {
			*last = packets[i];
			n++;
		}
	}
	return n;
}

static void
test_rows_by_input_output_reason(void **state)
{
	struct bench *bench = *state;

	roles();
	loss_tx(&bench->loss, &bench->views[3], bench->items, 5, DROP_TX_BUSY);
	loss_tx(&bench->loss, &bench->views[4], bench->items, 1, DROP_TX_BUSY);
	loss_tx_pkt(&bench->loss, &bench->views[3], &bench->pkts[1], DROP_LINK_DOWN);
	assert_int_equal(row(bench, 1, 3, DROP_TX_BUSY), 3);
	assert_int_equal(row(bench, 2, 3, DROP_TX_BUSY), 2);
	assert_int_equal(row(bench, 1, 4, DROP_TX_BUSY), 1);
	assert_int_equal(row(bench, 2, 3, DROP_LINK_DOWN), 1);
	assert_int_equal(rows_sum(bench), 7);
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

	roles();
	bench->pkts[4].in_port = 2;
	port_lose(count, &bench->items[2], 2, DROP_TX_FULL);
	port_lose(count, &bench->items[4], 1, DROP_GUEST_BUFFERS);
	port_lose(count, &bench->items[9], 1, DROP_TX_FULL);
	loss_tx_marked(&bench->loss, &bench->views[3], bench->items, 10);
	assert_int_equal(row(bench, 1, 3, DROP_TX_FULL), 1);
	assert_int_equal(row(bench, 2, 3, DROP_TX_FULL), 2);
	assert_int_equal(row(bench, 2, 3, DROP_GUEST_BUFFERS), 1);
	assert_int_equal(rows_sum(bench), 4);
	assert_int_equal(count->drops[DROP_TX_FULL], 3);
	assert_int_equal(count->drops[DROP_GUEST_BUFFERS], 1);
}

/* Inputs have rows where it is known where the frame would have gone. */
static void
test_received_packets(void **state)
{
	struct bench *bench = *state;
	struct loss_packet packet;

	roles();
	loss_rx_run(&bench->loss, &bench->views[1], bench->pkts, 3, DROP_NO_BRIDGE);
	loss_rx(&bench->loss, &bench->views[1], &bench->pkts[4], DROP_RUNT);
	assert_int_equal(bench->count[1].drops[DROP_NO_BRIDGE], 3);
	assert_int_equal(bench->count[1].drops[DROP_RUNT], 1);
	assert_int_equal(kept(bench, 1, DROP_NO_BRIDGE, &packet), 1);
	assert_int_equal(kept(bench, 1, DROP_RUNT, &packet), 1);
	assert_int_equal(packet.in, 1);
	assert_int_equal(packet.out, 0);
	for (unsigned int i = 0; i < 5; i++) {
		loss_rx_to(&bench->loss, &bench->views[1], &bench->pkts[0], DROP_PROTECTED, 2);
		loss_rx_to(&bench->loss, &bench->views[1], &bench->pkts[0], DROP_PROTECTED, 3);
	}
	assert_int_equal(bench->count[1].drops[DROP_PROTECTED], 10);
	assert_int_equal(row(bench, 1, 2, DROP_PROTECTED), 5);
	assert_int_equal(row(bench, 1, 3, DROP_PROTECTED), 5);
	assert_int_equal(kept(bench, 1, DROP_PROTECTED, &packet), 2);
	assert_int_equal(packet.in, 1);
	assert_in_range(packet.out, 2, 3);
	assert_int_equal(rows_sum(bench), 0); /* none at the outputs */
	/* Two ports at the same time, for the same reason. */
	loss_begin(&bench->loss, bench->loss.now);
	loss_rx(&bench->loss, &bench->views[2], &bench->pkts[1], DROP_RUNT);
	assert_int_equal(kept(bench, 2, DROP_RUNT, &packet), 1);
}

static void
test_last_packets(void **state)
{
	struct bench *bench = *state;
	struct loss_packet packet;
	struct loss_packet packets[LOSS_KEPT];

	roles();
	assert_int_equal(kept(bench, 3, DROP_TX_BUSY, &packet), 0);
	loss_tx(&bench->loss, &bench->views[3], bench->items, 1, DROP_TX_BUSY);
	loss_begin(&bench->loss, CLOCK_S + LOSS_EVERY - 1);
	loss_tx(&bench->loss, &bench->views[3], bench->items, 1, DROP_TX_BUSY);
	assert_int_equal(kept(bench, 3, DROP_TX_BUSY, &packet), 1);
	assert_int_equal(packet.at, CLOCK_S);
	assert_int_equal(packet.in, 1);
	assert_int_equal(packet.out, 3);
	assert_int_equal(packet.len, LEN);
	assert_int_equal(packet.kept, LOSS_BYTES);
	assert_memory_equal(packet.bytes, bench->bytes[0], LOSS_BYTES);
	/* Of many the last stay. */
	for (uint32_t i = 0; i < 20; i++) {
		loss_begin(&bench->loss, 2 * CLOCK_S + i * LOSS_EVERY);
		loss_tx(&bench->loss, &bench->views[3], &bench->items[i & ~1U], 1, DROP_TX_BUSY);
	}
	assert_int_equal(loss_packets_read(bench->loss.store, 3, LOSS_OUTPUT, packets), LOSS_KEPT);
	for (uint32_t i = 0; i < LOSS_KEPT; i++) {
		assert_in_range(packets[i].at, 2 * CLOCK_S + (20 - LOSS_KEPT) * LOSS_EVERY,
			2 * CLOCK_S + 19 * LOSS_EVERY);
		assert_int_equal(
			packets[i].bytes[0], (packets[i].at - 2 * CLOCK_S) / LOSS_EVERY & ~1U);
	}
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
	assert_int_equal(kept(bench, 1, DROP_RUNT, &packet), 1);
	assert_int_equal(packet.kept, 5);
	assert_int_equal(packet.len, 5);
	bench->pkts[3].head_len = 40;
	bench->pkts[3].segs = segs;
	bench->pkts[3].n_segs = 2;
	loss_rx(&bench->loss, &bench->views[1], &bench->pkts[3], DROP_HAIRPIN);
	memset(expected, 3, 40);
	memset(expected + 40, 1, 10);
	memset(expected + 50, 2, LOSS_BYTES - 50);
	assert_int_equal(kept(bench, 1, DROP_HAIRPIN, &packet), 1);
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
	assert_int_equal(last.peer, 2);
	assert_int_equal(last.reason, DROP_TX_BUSY);
	loss_tx(&bench->loss, &bench->views[2], bench->items, 20, DROP_TX_BUSY);
	assert_int_equal(captured(list, &last), 0);
	/* Those have theirs in a batch. */
	port_lose(&bench->count[3], &bench->items[7], 2, DROP_TX_FULL);
	loss_tx_marked(&bench->loss, &bench->views[3], bench->items, PKT_BURST);
	assert_int_equal(captured(list, &last), 0);
	loss_rx_run(&bench->loss, &bench->views[1], bench->pkts, 3, DROP_NO_BRIDGE);
	assert_int_equal(captured(list, &last), 3);
	assert_int_equal(last.port, 1);
	assert_int_equal(last.peer, 0);
	loss_rx_to(&bench->loss, &bench->views[1], &bench->pkts[0], DROP_HAIRPIN, 1);
	assert_int_equal(captured(list, &last), 1);
	assert_int_equal(last.peer, 1);
	capture_destroy(list->captures[0]);
	free(list);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_rows_by_input_output_reason),
		CASE(test_marked_items),
		CASE(test_received_packets),
		CASE(test_last_packets),
		CASE(test_bytes_of_short_and_split_frames),
		CASE(test_captures_are_told_of_all),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("loss", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
