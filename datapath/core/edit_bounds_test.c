/* SPDX-License-Identifier: BSD-3-Clause */
/* Layouts and bytes that make no sense: an edit stays within the head, and says what it did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/edit.h"
#include "datapath/core/edit_model.h"

#define CASES 60000
#define PAGE 4096U

/* A page between two that nobody may touch. */
static uint8_t *page;

static int
setup(void **state)
{
	uint8_t *map = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	page = map + PAGE;
	assert_int_equal(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
	return 0;
}

static uint16_t
offset_random(uint64_t *random, uint32_t head_len)
{
	switch (random_below(random, 8)) {
	case 0:
		return (uint16_t)(UINT16_MAX - random_below(random, 70));
	case 1:
		return (uint16_t)random_below(random, 65536);
	case 2:
		return (uint16_t)(head_len + 20 - random_below(random, RTE_MIN(head_len, 40U) + 1));
	default:
		return (uint16_t)random_below(random, 70);
	}
}

static struct edit_layout
layout_random(uint64_t *random, uint32_t head_len)
{
	static const uint8_t protos[] = {MODEL_TCP, MODEL_UDP, MODEL_SCTP, MODEL_UDPLITE,
		MODEL_DCCP, MODEL_ICMP, MODEL_ICMP6, MODEL_OTHER};
	static const uint8_t frags[] = {
		FIELDS_FRAG_NONE, FIELDS_FRAG_NONE, FIELDS_FRAG_FIRST, FIELDS_FRAG_LATER};
	bool sane = random_below(random, 3) != 0;

	return (struct edit_layout){
		.l3 = sane ? 14 : offset_random(random, head_len),
		.l4 = sane ? (uint16_t)(34 + random_below(random, 40))
			   : offset_random(random, head_len),
		.end = sane ? UINT16_MAX : offset_random(random, head_len),
		.l3_kind = (uint8_t)random_below(random, 4),
		.proto = protos[random_below(random, sizeof(protos))],
		.frag = frags[random_below(random, sizeof(frags))],
		.flags = (uint8_t)random_below(random, 4),
	};
}

/* Tags, or neighbour discovery with options of any length, to get further. */
static void
bytes_random(uint64_t *random, uint8_t *bytes, uint32_t len, const struct edit_layout *at)
{
	model_fill(random, bytes, len);
	if (len >= 18 && random_below(random, 2) == 0) {
		for (uint32_t off = 12; off + 2 <= len && random_below(random, 4) != 0; off += 4) {
			bytes[off] = 0x81;
			bytes[off + 1] = 0;
		}
	}
	if (at->l4 != 0 && at->l4 + 2U <= len && random_below(random, 2) == 0) {
		bytes[at->l4] = (uint8_t)(135 + random_below(random, 2));
		bytes[at->l4 + 1] = 0;
		for (uint32_t off = at->l4 + 24U; off + 2 <= len; off += 8) {
			bytes[off] = (uint8_t)random_below(random, 4);
			bytes[off + 1] = (uint8_t)random_below(random, 4);
		}
	}
}

static void
bounds_check(uint64_t *random)
{
	static uint8_t before[PAGE];
	uint32_t head_len = random_below(random, 130);
	uint32_t headroom = random_below(random, 20);
	bool flush = random_below(random, 2) == 0;
	uint8_t *head = flush ? page + PAGE - head_len : page + headroom;
	struct edit_layout at = layout_random(random, head_len);
	struct pkt pkt = {.head = head,
		.len = head_len,
		.head_len = (uint16_t)head_len,
		.headroom = (uint16_t)headroom,
		.ol.flags = random_below(random, 2) == 0 ? PKT_OL_CSUM : 0,
		.ol.csum_start =
			random_below(random, 2) == 0 ? at.l4 : offset_random(random, head_len),
		.ol.csum_offset = (uint16_t)(2 * random_below(random, 10))};
	struct edit edit;

	if (random_below(random, 3) == 0) {
		at = (struct edit_layout){.l3 = 14,
			.l4 = 54,
			.end = UINT16_MAX,
			.l3_kind = EDIT_L3_IPV6,
			.proto = MODEL_ICMP6};
	}
	memset(page, 0xcc, PAGE);
	bytes_random(random, head, head_len, &at);
	edit_pkt(&edit, &pkt, &at);
	for (int i = 0; i < 6; i++) {
		enum model_op op = random_below(random, OP_N);
		struct model m = {.nd = true};
		struct model_value value = model_value_random(random, &m, op);
		uint8_t *first = pkt.head - pkt.headroom;
		uint8_t *last = pkt.head + pkt.head_len;
		enum edit_result result;

		if (random_below(random, 3) == 0) {
			op = OP_POP;
		}
		memcpy(before, page, PAGE);
		result = model_apply(&edit, op, &value);
		assert_ptr_equal(pkt.head - pkt.headroom, first);
		assert_ptr_equal(pkt.head + pkt.head_len, last);
		assert_memory_equal(before, page, (size_t)(first - page));
		assert_memory_equal(before + (last - page), last, (size_t)(page + PAGE - last));
		if (result != EDIT_DONE) {
			assert_memory_equal(before, page, PAGE);
		}
	}
}

static void
test_bounds(void **state)
{
	uint64_t seed = random_seed();
	uint64_t random = seed;

	(void)state;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < CASES; i++) {
		bounds_check(&random);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
