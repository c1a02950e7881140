/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies are whole and in order, whatever lies where; a batch settles when its losses are known. */
#include "datapath/pipe/capture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ports/port.h"

#define BYTES 70000U
#define PORT 7
#define PEER 9

static uint8_t bytes[BYTES];

static void
roles(void) ROLE_ATTR(assert_capability(role_main, role_worker))
{
	role_assert(&role_main);
	role_assert(&role_worker);
}

static struct capture *
make(unsigned int ways, uint32_t keep)
{
	const struct capture_conf conf = {.ways = ways, .keep = keep, .n_workers = 2};
	struct capture *capture = capture_create(&conf);

	assert_non_null(capture);
	for (uint32_t i = 0; i < BYTES; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	}
	return capture;
}

static struct capture_list *
list_of(struct capture *a, struct capture *b)
{
	struct capture_list *list = must_calloc(1, sizeof(*list) + 2 * sizeof(list->captures[0]));

	list->n = b == NULL ? 1 : 2;
	list->captures[0] = a;
	list->captures[1] = b;
	return list;
}

/* The first len bytes of `bytes`, of which head_len are in the head and the rest is lent. */
static struct pkt
frame(uint32_t len, uint16_t head_len, struct pkt_seg *rest)
{
	*rest = (struct pkt_seg){.addr = bytes + head_len, .len = len - head_len};
	return (struct pkt){.head = bytes,
		.len = len,
		.head_len = head_len,
		.segs = rest,
		.n_segs = len > head_len,
		.in_port = PEER};
}

/* The oldest copy, taken. */
static void
expect(struct capture *capture, enum capture_way way, uint32_t frame_len, uint32_t len)
{
	const struct captured *got;

	roles();
	got = capture_peek(capture, 0);
	assert_non_null(got);
	assert_int_equal(got->way, way);
	assert_int_equal(got->port, PORT);
	assert_int_equal(got->frame_len, frame_len);
	assert_int_equal(got->len, len);
	assert_true(got->time > UINT64_C(1500000000) * 1000000000);
	assert_memory_equal(got->bytes, bytes, len);
	capture_next(capture, 0);
}

static void
expect_nothing(struct capture *capture)
{
	roles();
	assert_null(capture_peek(capture, 0));
	assert_null(capture_peek(capture, 1));
}

static void
test_received_frames(void **state)
{
	struct capture *capture = make(CAPTURE_RX, 128);
	struct capture_list *list = list_of(capture, NULL);
	struct pkt_seg rest[4];
	const struct pkt pkts[] = {frame(60, 60, &rest[0]), frame(65562, 192, &rest[1]),
		frame(200, 64, &rest[2]), frame(10, 10, &rest[3])};

	(void)state;
	roles();
	expect_nothing(capture);
	capture_received(list, 0, PORT, pkts, 4);
	expect(capture, CAPTURE_RX, 60, 60);
	expect(capture, CAPTURE_RX, 65562, 128);
	expect(capture, CAPTURE_RX, 200, 128);
	expect(capture, CAPTURE_RX, 10, 10);
	expect_nothing(capture);
	/* Another worker's are its own. */
	capture_received(list, 1, PORT, pkts, 1);
	assert_null(capture_peek(capture, 0));
	assert_non_null(capture_peek(capture, 1));
	assert_int_equal(capture_lost(capture), 0);
	free(list);
	capture_destroy(capture);
}

static void
test_other_ways_are_left_out(void **state)
{
	struct capture *rx = make(CAPTURE_RX, CAPTURE_KEEP_MAX);
	struct capture *drop = make(CAPTURE_DROP, CAPTURE_KEEP_MAX);
	struct capture_list *list = list_of(rx, drop);
	struct pkt_seg rest;
	struct pkt pkt = frame(100, 100, &rest);
	struct capture_batch batch;
	struct tx_item item;

	(void)state;
	roles();
	capture_received(list, 0, PORT, &pkt, 1);
	pkt_item(&pkt, &item);
	capture_begin(list, 0, PORT, 0, &item, 1, &batch);
	capture_end(list, 0, &batch);
	expect(rx, CAPTURE_RX, 100, 100);
	expect_nothing(rx);
	expect_nothing(drop);
	capture_dropped(list, 0, PORT, PEER, &item, DROP_MTU_EXCEEDED);
	expect_nothing(rx);
	assert_int_equal(capture_peek(drop, 0)->reason, DROP_MTU_EXCEEDED);
	assert_int_equal(capture_peek(drop, 0)->peer, PEER);
	expect(drop, CAPTURE_DROP, 100, 100);
	free(list);
	capture_destroy(rx);
	capture_destroy(drop);
}

static void
test_batch_settles(void **state)
{
	struct capture *tx = make(CAPTURE_TX, CAPTURE_KEEP_MAX);
	struct capture *both = make(CAPTURE_TX | CAPTURE_DROP, 64);
	struct capture_list *list = list_of(tx, both);
	struct capture_batch batch;
	struct pkt_seg rest[3];
	struct tx_item items[3];
	struct pkt pkts[3];

	(void)state;
	roles();
	for (uint32_t i = 0; i < 3; i++) {
		pkts[i] = frame(100 + i, 100, &rest[i]);
		pkt_item(&pkts[i], &items[i]);
	}
	capture_begin(list, 0, PORT, 0, items, 3, &batch);
	expect_nothing(tx); /* not before it is known */
	items[1].lost = 1 + DROP_TX_FULL;
	capture_end(list, 0, &batch);
	expect(tx, CAPTURE_TX, 100, 100);
	expect(tx, CAPTURE_TX, 102, 102);
	expect_nothing(tx);
	expect(both, CAPTURE_TX, 100, 64);
	assert_int_equal(capture_peek(both, 0)->reason, DROP_TX_FULL);
	assert_int_equal(capture_peek(both, 0)->peer, PEER);
	expect(both, CAPTURE_DROP, 101, 64);
	expect(both, CAPTURE_TX, 102, 64);
	expect_nothing(both);
	free(list);
	capture_destroy(tx);
	capture_destroy(both);
}

/* Who waits for losses only has nothing copied of what is sent, as long as it can be had later. */
static void
test_sent_frames_are_not_copied(void **state)
{
	struct capture *drop = make(CAPTURE_DROP, CAPTURE_KEEP_MAX);
	struct capture_list *list = list_of(drop, NULL);
	struct capture_batch batch;
	struct rte_mbuf mbuf = {.pkt_len = 0};
	struct pkt_seg rest[2];
	struct pkt pkts[] = {frame(60000, 192, &rest[0]), frame(700, 192, &rest[1])};
	struct tx_item items[2];

	(void)state;
	roles();
	for (int i = 0; i < 1000; i++) {
		pkt_item(&pkts[0], &items[0]);
		pkt_item(&pkts[1], &items[1]);
		capture_begin(list, 0, PORT, 0, items, 2, &batch);
		assert_int_equal(batch.tried[0], 0);
		capture_end(list, 0, &batch);
	}
	assert_int_equal(capture_lost(drop), 0);
	/* Lent memory stays, whatever happens to the copy that is sent. */
	items[0].ol.flags = PKT_OL_TCP4;
	capture_begin(list, 0, PORT, 0, items, 2, &batch);
	assert_int_equal(batch.tried[0], 0);
	items[1].lost = 1 + DROP_TX_BUSY;
	capture_end(list, 0, &batch);
	assert_int_equal(capture_peek(drop, 0)->peer, PEER);
	expect(drop, CAPTURE_DROP, 700, 700);
	expect_nothing(drop);
	/* An mbuf that is cut does not, and is copied before; that the other goes is told, too. */
	pkts[1] = frame(700, 700, &rest[1]);
	pkts[1].mbuf = &mbuf;
	pkt_item(&pkts[1], &items[1]);
	items[1].ol.flags = PKT_OL_TCP4;
	for (unsigned int lost = 0; lost < 4; lost++) {
		items[0].lost = lost & 1 ? 1 + DROP_MTU_EXCEEDED : 0;
		items[1].lost = 0;
		items[1].head = bytes;
		capture_begin(list, 0, PORT, 0, items, 2, &batch);
		assert_int_equal(batch.taken[0], 2);
		items[1].lost = lost & 2 ? 1 + DROP_TX_FULL : 0;
		items[1].head = NULL;
		capture_end(list, 0, &batch);
		if ((lost & 2) != 0) {
			assert_int_equal(capture_peek(drop, 0)->reason, DROP_TX_FULL);
			expect(drop, CAPTURE_DROP, 700, 700);
		}
		if ((lost & 1) != 0) {
			assert_int_equal(capture_peek(drop, 0)->reason, DROP_MTU_EXCEEDED);
			expect(drop, CAPTURE_DROP, 60000, 60000);
		}
		expect_nothing(drop);
	}
	/* An output that cuts it leaves it as it is. */
	capture_begin(list, 0, PORT, PORT_CAP_CSUM | PORT_CAP_TSO4, items, 2, &batch);
	assert_int_equal(batch.tried[0], 0);
	capture_cancel(list, 0, &batch);
	free(list);
	capture_destroy(drop);
}

/* A copy that is shown does not keep the room of those behind it that are not. */
static void
test_unwanted_copies_give_room_back(void **state)
{
	struct capture *drop = make(CAPTURE_DROP, CAPTURE_KEEP_MAX);
	struct capture_list *list = list_of(drop, NULL);
	struct capture_batch batch;
	struct rte_mbuf mbuf = {.pkt_len = 0};
	struct pkt_seg rest[2];
	struct pkt pkts[] = {frame(100, 100, &rest[0]), frame(60000, 192, &rest[1])};
	struct tx_item items[2];

	(void)state;
	roles();
	for (uint32_t round = 0; round < 2 * CAPTURE_RING / 60000; round++) {
		for (unsigned int i = 0; i < 2; i++) {
			pkts[i].mbuf = &mbuf;
			pkt_item(&pkts[i], &items[i]);
			items[i].ol.flags = PKT_OL_CSUM;
		}
		capture_begin(list, 0, PORT, 0, items, 2, &batch);
		assert_int_equal(batch.taken[0], 3);
		items[0].lost = 1 + DROP_TX_FULL;
		capture_end(list, 0, &batch);
	}
	assert_int_equal(capture_lost(drop), 0);
	for (uint32_t round = 0; round < 2 * CAPTURE_RING / 60000; round++) {
		expect(drop, CAPTURE_DROP, 100, 100);
	}
	expect_nothing(drop);
	free(list);
	capture_destroy(drop);
}

/* Of a frame that was cut for the output, when all, some and none of its pieces are lost. */
static void
test_pieces(void **state)
{
	struct capture *tx = make(CAPTURE_TX, CAPTURE_KEEP_MAX);
	struct capture *both = make(CAPTURE_TX | CAPTURE_DROP, 64);
	struct capture_list *list = list_of(tx, both);
	struct capture_batch batch;
	struct pkt_seg rest;
	struct pkt pkt = frame(3000, 192, &rest);
	struct tx_item item;

	(void)state;
	roles();
	for (uint8_t lost = 0; lost <= 3; lost++) {
		pkt_item(&pkt, &item);
		capture_begin(list, 0, PORT, 0, &item, 1, &batch);
		item.pieces = 3;
		item.pieces_lost = lost;
		item.lost = lost == 0 ? 0 : 1 + DROP_TX_FULL;
		capture_end(list, 0, &batch);
		if (lost < 3) {
			assert_int_equal(capture_peek(tx, 0)->pieces, 3);
			assert_int_equal(capture_peek(tx, 0)->pieces_lost, lost);
			expect(tx, CAPTURE_TX, 3000, 3000);
		}
		expect_nothing(tx);
		assert_int_equal(capture_peek(both, 0)->pieces_lost, lost);
		assert_int_equal(capture_peek(both, 0)->reason, lost == 0 ? 0 : DROP_TX_FULL);
		expect(both, lost == 0 ? CAPTURE_TX : CAPTURE_DROP, 3000, 64);
		expect_nothing(both);
	}
	free(list);
	capture_destroy(tx);
	capture_destroy(both);
}

/* Another worker held the queue: as if nothing had been looked at. */
static void
test_cancelled_batch(void **state)
{
	struct capture *capture = make(CAPTURE_TX | CAPTURE_DROP, CAPTURE_KEEP_MAX);
	struct capture_list *list = list_of(capture, NULL);
	struct capture_batch batch;
	struct pkt_seg rest;
	struct pkt pkt = frame(60000, 192, &rest);
	struct tx_item item;

	(void)state;
	roles();
	pkt_item(&pkt, &item);
	for (int i = 0; i < 1000; i++) {
		capture_begin(list, 0, PORT, 0, &item, 1, &batch);
		capture_cancel(list, 0, &batch);
	}
	assert_int_equal(capture_lost(capture), 0);
	capture_begin(list, 0, PORT, 0, &item, 1, &batch);
	capture_end(list, 0, &batch);
	expect(capture, CAPTURE_TX, 60000, 60000);
	expect_nothing(capture);
	free(list);
	capture_destroy(capture);
}

/* What there was no room for is lost only if it would have been shown. */
static void
test_lost_of_a_batch(void **state)
{
	struct capture *tx = make(CAPTURE_TX, CAPTURE_KEEP_MAX);
	struct capture_list *list = list_of(tx, NULL);
	struct capture_batch batch;
	struct pkt_seg rest;
	struct pkt pkt = frame(65000, 192, &rest);
	struct tx_item items[2];
	uint64_t lost;

	(void)state;
	roles();
	while (capture_lost(tx) == 0) {
		pkt_item(&pkt, &items[0]);
		capture_begin(list, 0, PORT, 0, items, 1, &batch);
		capture_end(list, 0, &batch);
	}
	lost = capture_lost(tx);
	for (int i = 0; i < 10; i++) {
		capture_begin(list, 0, PORT, 0, items, 1, &batch);
		capture_cancel(list, 0, &batch);
	}
	assert_int_equal(capture_lost(tx), lost);
	pkt_item(&pkt, &items[1]);
	capture_begin(list, 0, PORT, 0, items, 2, &batch);
	items[0].lost = 1 + DROP_TX_FULL;
	capture_end(list, 0, &batch);
	assert_int_equal(capture_lost(tx), lost + 1);
	free(list);
	capture_destroy(tx);
}

/* Sizes of all kinds, many times around the ring, in batches that end in its middle. */
static void
test_around_the_ring(void **state)
{
	struct capture *capture = make(CAPTURE_RX | CAPTURE_TX, CAPTURE_KEEP_MAX);
	struct capture_list *list = list_of(capture, NULL);
	struct capture_batch batch;
	uint64_t total = 0;

	(void)state;
	roles();
	for (uint32_t i = 0; total < 5ULL * CAPTURE_RING; i++) {
		const uint32_t len = 60 + i * 7919 % 65000;
		struct pkt_seg rest;
		struct pkt pkt = frame(len, 60, &rest);
		struct tx_item item;

		pkt_item(&pkt, &item);
		capture_begin(list, 0, PORT, 0, &item, 1, &batch);
		capture_end(list, 0, &batch);
		capture_received(list, 0, PORT, &pkt, 1);
		expect(capture, CAPTURE_TX, len, len);
		expect(capture, CAPTURE_RX, len, len);
		expect_nothing(capture);
		total += 2 * len;
	}
	assert_int_equal(capture_lost(capture), 0);
	free(list);
	capture_destroy(capture);
}

static void
test_full_ring_counts(void **state)
{
	struct capture *capture = make(CAPTURE_RX, CAPTURE_KEEP_MAX);
	struct capture_list *list = list_of(capture, NULL);
	struct pkt_seg rest;
	const struct pkt pkt = frame(1000, 192, &rest);
	const uint32_t fit = CAPTURE_RING / (sizeof(struct captured) + 1000);

	(void)state;
	roles();
	for (uint32_t i = 0; i < fit + 100; i++) {
		capture_received(list, 0, PORT, &pkt, 1);
	}
	assert_true(capture_lost(capture) >= 99 && capture_lost(capture) <= 101);
	for (uint32_t i = 0; i < fit + 100 - capture_lost(capture); i++) {
		expect(capture, CAPTURE_RX, 1000, 1000);
	}
	expect_nothing(capture);
	capture_received(list, 0, PORT, &pkt, 1);
	expect(capture, CAPTURE_RX, 1000, 1000);
	free(list);
	capture_destroy(capture);
}

static void
test_filter(void **state)
{
	/* Byte 12 is 0x54, byte 1000 is what ours has there: "ether[n] = k". */
	struct bpf_insn program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 65535),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const uint32_t places[] = {12, 1000, 3000};
	struct capture *capture;
	struct capture_list *list;
	struct pkt_seg rest[2];
	const struct pkt pkts[] = {frame(1400, 192, &rest[0]), frame(900, 900, &rest[1])};

	(void)state;
	roles();
	capture_destroy(make(CAPTURE_RX, 64));
	for (size_t i = 0; i < 3; i++) {
		struct capture_conf conf = {.ways = CAPTURE_RX | CAPTURE_DROP,
			.keep = 16,
			.filter = program,
			.n_filter = 4,
			.n_workers = 1};
		struct tx_item item;

		program[0].k = places[i];
		program[1].k = bytes[places[i]];
		capture = capture_create(&conf);
		list = list_of(capture, NULL);
		capture_received(list, 0, PORT, pkts, 2);
		pkt_item((struct pkt *)(uintptr_t)&pkts[0], &item);
		capture_dropped(list, 0, PORT, 0, &item, DROP_RUNT);
		if (places[i] < 1400) {
			expect(capture, CAPTURE_RX, 1400, 16); /* all of it is looked at */
		}
		if (places[i] < 900) {
			expect(capture, CAPTURE_RX, 900, 16);
		}
		if (places[i] < 1400) {
			expect(capture, CAPTURE_DROP, 1400, 16);
		}
		assert_null(capture_peek(capture, 0));
		assert_int_equal(capture_lost(capture), 0);
		free(list);
		capture_destroy(capture);
	}
}

/* --- a guest that changes its frame while it is looked at ------------------------------------- */

#define PAGE 4096U

/*
 * Two pages, of which the frame has some of each, and of which never more than one can be read: who
 * goes on to the other has the first one changed behind him.
 */
static struct {
	uint8_t *pages[2];
	unsigned int looks[2];
	uint8_t contents[2]; /* of the first page, by how often it was looked at */
} trap;

static void
trap_sprung(int number, siginfo_t *info, void *context)
{
	const unsigned int page = (uint8_t *)info->si_addr - trap.pages[0] >= (ptrdiff_t)PAGE;

	(void)number;
	(void)context;
	(void)mprotect(trap.pages[1 - page], PAGE, PROT_NONE);
	(void)mprotect(trap.pages[page], PAGE, PROT_READ | PROT_WRITE);
	memset(trap.pages[page], page == 0 ? trap.contents[trap.looks[0] != 0] : 'z', PAGE);
	trap.looks[page]++;
}

static void
trap_set(uint8_t first, uint8_t then)
{
	trap.contents[0] = first;
	trap.contents[1] = then;
	trap.looks[0] = 0;
	trap.looks[1] = 0;
	assert_int_equal(mprotect(trap.pages[0], 2UL * PAGE, PROT_NONE), 0);
}

/* The filter and the record see the same bytes, for they are read once. */
static void
test_bytes_are_read_once(void **state)
{
	struct bpf_insn program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 300),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'a', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 65535),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct capture_conf conf = {.ways = CAPTURE_RX,
		.keep = CAPTURE_KEEP_MAX,
		.filter = program,
		.n_filter = 4,
		.n_workers = 1};
	struct sigaction act = {.sa_sigaction = trap_sprung, .sa_flags = SA_SIGINFO};
	struct capture *capture = capture_create(&conf);
	struct capture_list *list = list_of(capture, NULL);
	const struct captured *got;
	struct sigaction old;

	(void)state;
	roles();
	trap.pages[0] = mmap(NULL, 2UL * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(trap.pages[0], MAP_FAILED);
	trap.pages[1] = trap.pages[0] + PAGE;
	assert_int_equal(sigaction(SIGSEGV, &act, &old), 0);
	{
		const struct pkt_seg segs[] = {{trap.pages[0], 500}, {trap.pages[1], 3000}};
		const struct pkt pkt = {.head = bytes,
			.len = 192 + 500 + 3000,
			.head_len = 192,
			.segs = segs,
			.n_segs = 2};

		trap_set('a', 'b');
		capture_received(list, 0, PORT, &pkt, 1);
		got = capture_peek(capture, 0);
		assert_non_null(got);
		assert_int_equal(got->bytes[300], 'a');
		assert_int_equal(got->bytes[192 + 500 + 2999], 'z');
		capture_next(capture, 0);
		assert_int_equal(trap.looks[0], 1);
		trap_set('b', 'a');
		capture_received(list, 0, PORT, &pkt, 1);
		assert_null(capture_peek(capture, 0));
		assert_int_equal(trap.looks[0], 1);
	}
	assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
	assert_int_equal(munmap(trap.pages[0], 2UL * PAGE), 0);
	free(list);
	capture_destroy(capture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received_frames),
		cmocka_unit_test(test_other_ways_are_left_out),
		cmocka_unit_test(test_batch_settles),
		cmocka_unit_test(test_sent_frames_are_not_copied),
		cmocka_unit_test(test_unwanted_copies_give_room_back),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_cancelled_batch),
		cmocka_unit_test(test_lost_of_a_batch),
		cmocka_unit_test(test_around_the_ring),
		cmocka_unit_test(test_full_ring_counts),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_bytes_are_read_once),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("capture", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
