/* SPDX-License-Identifier: BSD-3-Clause */
/* The parser on a million frames that are right in most ways, and on bytes that are not. */
#include "datapath/core/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/parse_test_check.h"
#include "datapath/core/parse_test_frames.h"

#define RANDOM_FRAMES 1000000
#define TRUNCATED_FRAMES 2000 /* of them, cut at every byte */

static void
test_random_frames(void **state)
{
	uint64_t random = parse_check_seed;
	uint64_t all = 0;
	unsigned int words = 0;
	struct frame frame;

	(void)state;
	for (int i = 0; i < RANDOM_FRAMES; i++) {
		uint32_t frame_len;
		uint32_t head_len;
		struct parsed got;

		frame_random(&frame, &random);
		frame_len = frame.len;
		if (random_below(&random, 8) == 0) {
			frame_len = random_below(&random, frame.len + 1);
		}
		head_len = frame_len;
		if (random_below(&random, 8) == 0) {
			head_len = random_below(&random, frame_len + 1);
		}
		got = parse_check(frame.bytes, head_len, frame_len);
		all |= got.fields.valid | (uint64_t)got.fields.frag << 8;
		for (unsigned int w = 0; w < FIELDS_WORDS; w++) {
			words |= (fields_word(&got.fields, w) != 0 ? 1U : 0U) << w;
		}
	}
	/* whatever there is came by */
	assert_int_equal(all, 0x3bf);
	assert_int_equal(words, 0x103fff);
	assert_true(parse_check_usual() > RANDOM_FRAMES / 100);
}

static void
test_random_truncations(void **state)
{
	uint64_t random = parse_check_seed + 2;
	struct frame frame;

	(void)state;
	for (int i = 0; i < TRUNCATED_FRAMES; i++) {
		frame_random(&frame, &random);
		(void)parse_check_all(&frame);
	}
}

static void
test_random_bytes(void **state)
{
	uint64_t random = parse_check_seed + 4;
	uint8_t bytes[128];

	(void)state;
	for (int i = 0; i < RANDOM_FRAMES / 10; i++) {
		uint32_t len = random_below(&random, sizeof(bytes) + 1);

		for (uint32_t at = 0; at < len; at++) {
			bytes[at] = (uint8_t)random_below(&random, 256);
		}
		(void)parse_check(bytes, len, len + random_below(&random, 3));
		(void)parse_check(bytes, len, len / 2); /* the head is not longer than its frame */
	}
}

/* Behind a mask nothing is seen of what its depth leaves out. */
static void
test_depth_of_masks(void **state)
{
	uint64_t random = parse_check_seed + 6;
	unsigned int seen = 0;
	struct frame frame;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct fields mask = {.mask_id = 0};
		uint8_t *byte = (uint8_t *)&mask + random_below(&random, sizeof(mask));
		enum parse_depth depth;
		struct parsed all;
		struct parsed some;

		*byte = (uint8_t)(1U << random_below(&random, 8));
		mask.valid &= (uint8_t)~FIELDS_DEEP;
		depth = parse_depth_of(&mask);
		seen |= 1U << depth;
		frame_random(&frame, &random);
		parse(frame.bytes, frame.len, frame.len, PARSE_ALL, &all);
		parse(frame.bytes, frame.len, frame.len, depth, &some);
		for (unsigned int w = 0; w < FIELDS_WORDS; w++) {
			if (((fields_word(&all.fields, w) ^ fields_word(&some.fields, w)) &
				    fields_word(&mask, w)) != 0) {
				parse_differ(frame.bytes, frame.len, frame.len, (int)depth, "mask");
			}
		}
	}
	assert_int_equal(seen, 0xf);
	assert_int_equal(parse_depth_of(&(struct fields){.valid = FIELDS_DEEP}), PARSE_L2);
	assert_int_equal(parse_depth_of(&(struct fields){.inner_tpid = 1}), PARSE_L2);
	assert_int_equal(parse_depth_of(&(struct fields){.ip6_label = 1}), PARSE_L3);
	assert_int_equal(parse_depth_of(&(struct fields){.frag = 1}), PARSE_L3);
	assert_int_equal(parse_depth_of(&(struct fields){.tunnel_id = 1}), PARSE_L2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_frames),
		cmocka_unit_test(test_random_truncations),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_depth_of_masks),
	};

	return cmocka_run_group_tests_name("parse_random", tests, parse_check_start, NULL);
}
