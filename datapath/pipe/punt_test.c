/* SPDX-License-Identifier: BSD-3-Clause */
/* A punted copy says who asked, and is the packet's first bytes, wherever they lie. */
#include "datapath/pipe/punt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/headers.h"

#define BYTES 4000

static struct rte_mempool *pool;
static uint8_t bytes[BYTES];
static struct punted got;

static int
group_setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(256, 512);
	for (unsigned int i = 0; i < BYTES; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	}
	return 0;
}

static int
setup(void **state)
{
	*state = punt_queue_create();
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	punt_queue_destroy(*state);
	punt_queue_destroy(NULL);
	return 0;
}

static void
roles(void) ROLE_ATTR(assert_capability(role_main, role_worker))
{
	role_assert(&role_main);
	role_assert(&role_worker);
}

static const struct action *
punt_action(enum punt_reason reason, uint32_t max)
{
	static struct action action;

	action = (struct action){.code = ACTION_PUNT, .arg = (uint16_t)reason, .number = max};
	return &action;
}

static const struct action *
sample_action(void)
{
	static const struct action header = {
		.code = ACTION_SAMPLE, .n_words = 1, .arg = 65535, .number = 0xfffffffe};
	static uint64_t room[2];

	memcpy(room, &header, sizeof(header));
	room[1] = UINT64_C(0x8000000180000002);
	return (const struct action *)(const void *)room;
}

/* The first len bytes of `bytes`, all in the head. */
static struct pkt
plain(uint32_t len)
{
	return (struct pkt){.head = bytes, .len = len, .head_len = (uint16_t)len};
}

static uint32_t
kept(uint32_t len, uint32_t max)
{
	max = RTE_MIN(max, PUNT_BYTES_MAX);
	return RTE_MIN(len, max);
}

/* The oldest copy is of a frame of `frame_len` bytes, `len` of which were kept. */
static void
check_taken(struct punt_queue *queue, uint32_t frame_len, uint32_t len)
{
	roles();
	memset(&got, 0xdd, sizeof(got));
	assert_true(punt_take(queue, &got));
	assert_int_equal(got.frame_len, frame_len);
	assert_int_equal(got.len, len);
	assert_memory_equal(got.bytes, bytes, len);
	if (len < PUNT_BYTES_MAX) {
		assert_int_equal(got.bytes[len], 0xdd);
	}
}

static void
test_says_who_asked(void **state)
{
	struct pkt pkt = plain(60);

	roles();
	assert_false(punt_take(*state, &got));
	assert_true(punt_put(*state, &pkt, 3, 7, sample_action()));
	assert_true(punt_put(*state, &pkt, 4, 8, punt_action(PUNT_INVALID_TTL, 0)));
	check_taken(*state, 60, 60);
	assert_int_equal(got.bridge, 3);
	assert_int_equal(got.in_port, 7);
	assert_int_equal(got.reason, PUNT_SAMPLE);
	assert_int_equal(got.probability, 65535);
	assert_int_equal(got.collector_set, 0xfffffffe);
	assert_int_equal(got.domain, 0x80000001);
	assert_int_equal(got.point, 0x80000002);
	check_taken(*state, 60, 60);
	assert_int_equal(got.bridge, 4);
	assert_int_equal(got.in_port, 8);
	assert_int_equal(got.reason, PUNT_INVALID_TTL);
	assert_int_equal(got.probability, 0);
	assert_int_equal(got.collector_set, 0);
	assert_int_equal(got.domain, 0);
	assert_int_equal(got.point, 0);
	assert_false(punt_take(*state, &got));
}

/* And a slot that held a sample gives the punt that comes next nothing of it. */
static void
test_full_queue_loses_and_counts(void **state)
{
	struct pkt pkt = plain(60);

	roles();
	for (unsigned int round = 1; round <= 3; round++) {
		for (uint32_t i = 0; i < PUNT_SLOTS; i++) {
			assert_true(punt_put(*state, &pkt, round, i,
				round == 1 ? sample_action() : punt_action(PUNT_ACTION, 0)));
		}
		for (int i = 0; i < 5; i++) {
			assert_false(punt_put(*state, &pkt, 9, 9, punt_action(PUNT_ACTION, 0)));
		}
		assert_int_equal(punt_lost(*state, 9), round * 5);
		assert_int_equal(punt_lost(*state, round), 0);
		for (uint32_t i = 0; i < PUNT_SLOTS; i++) {
			check_taken(*state, 60, 60);
			assert_int_equal(got.bridge, round);
			assert_int_equal(got.in_port, i);
			assert_int_equal(got.reason, round == 1 ? PUNT_SAMPLE : PUNT_ACTION);
			assert_int_equal(got.point, round == 1 ? 0x80000002 : 0);
		}
		assert_false(punt_take(*state, &got));
	}
	assert_true(punt_put(*state, &pkt, 1, 1, punt_action(PUNT_ACTION, 0)));
	assert_int_equal(punt_lost(*state, 9), 15);
}

static void
test_keeps_what_was_asked_for(void **state)
{
	static const struct {
		uint32_t len, max, kept;
	} cases[] = {{60, 0, 60}, {60, 60, 60}, {60, 61, 60}, {60, 59, 59}, {60, 14, 14},
		{60, 13, 13}, {60, 1, 1}, {14, 0, 14}, {2048, 0, 2048}, {2049, 0, 2048},
		{4000, 0, 2048}, {4000, 65535, 2048}, {4000, UINT32_MAX, 2048}, {4000, 128, 128}};

	roles();
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct pkt pkt = plain(cases[i].len);

		assert_true(punt_put(*state, &pkt, 1, 1, punt_action(PUNT_ACTION, cases[i].max)));
		check_taken(*state, cases[i].len, cases[i].kept);
	}
}

static void
test_copies_lent_memory(void **state)
{
	uint64_t random = random_seed();

	roles();
	for (int i = 0; i < 20000; i++) {
		uint32_t len = 100 + random_below(&random, BYTES - 100);
		uint32_t head_len = 60 + random_below(&random, len - 59);
		uint32_t half = (len - head_len) / 2;
		uint32_t max = 1 + random_below(&random, BYTES);
		struct pkt_seg segs[2] = {
			{bytes + head_len, half}, {bytes + head_len + half, len - head_len - half}};
		struct pkt pkt = {.head = bytes,
			.len = len,
			.head_len = (uint16_t)head_len,
			.n_segs = 2,
			.segs = segs};

		assert_true(punt_put(*state, &pkt, 1, 1, punt_action(PUNT_ACTION, max)));
		check_taken(*state, len, kept(len, max));
	}
}

static void
test_copies_chains(void **state)
{
	uint64_t random = random_seed();

	roles();
	for (int i = 0; i < 5000; i++) {
		uint32_t len = 60 + random_below(&random, BYTES - 60);
		uint32_t first = 1 + random_below(&random, RTE_MIN(len, 500U));
		uint32_t max = 1 + random_below(&random, BYTES);
		struct pkt pkt;

		pkt_from_mbuf(&pkt, eal_test_chain(pool, bytes, len, first, &random));
		pkt.n_out = 1;
		assert_true(punt_put(*state, &pkt, 1, 1, punt_action(PUNT_ACTION, max)));
		assert_int_equal(pkt.n_out, 1);
		assert_int_equal(pkt.len, len);
		pkt_free(&pkt);
		check_taken(*state, len, kept(len, max));
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* The packet as it is now: a tag that was pushed is in the copy, one that was popped is not. */
static void
test_copies_edited_heads(void **state)
{
	static const uint8_t tag[VLAN_TAG_LEN] = {0x81, 0x00, 0x00, 0x2a};
	uint8_t room[PKT_HEADROOM + 60];
	struct pkt pkt = {.head = room + PKT_HEADROOM,
		.len = 200,
		.head_len = 60,
		.headroom = PKT_HEADROOM,
		.n_segs = 1,
		.segs = &(struct pkt_seg){bytes + 60, 140}};

	roles();
	memcpy(pkt.head, bytes, 60);
	pkt_push_tag(&pkt, 0x8100, 42);
	assert_true(punt_put(*state, &pkt, 1, 1, punt_action(PUNT_ACTION, 0)));
	pkt_pop_tag(&pkt);
	assert_true(punt_put(*state, &pkt, 1, 1, punt_action(PUNT_ACTION, 0)));
	assert_true(punt_take(*state, &got));
	assert_int_equal(got.frame_len, 204);
	assert_int_equal(got.len, 204);
	assert_memory_equal(got.bytes, bytes, 12);
	assert_memory_equal(got.bytes + 12, tag, sizeof(tag));
	assert_memory_equal(got.bytes + 16, bytes + 12, 188);
	check_taken(*state, 200, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_says_who_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_queue_loses_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_what_was_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies_lent_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies_edited_heads, setup, teardown),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("punt", tests, group_setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
