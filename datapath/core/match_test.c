/* SPDX-License-Identifier: BSD-3-Clause */
/* Matches of ports against the sets of ports that they mean, and what is refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datapath/core/match.h"
#include "tests/random.h"

#define N_PAIRS 400
#define PORTS 65536

static uint64_t random_state;

static uint32_t
rnd(uint32_t n)
{
	return random_below(&random_state, n);
}

/* A range, a prefix or a mask with holes on the source port, crowded into a few values. */
static struct match
random_match(void)
{
	struct match match;
	uint16_t a = (uint16_t)(rnd(4) * 16 + rnd(20));
	uint16_t b = (uint16_t)(a + rnd(64));

	match_init(&match);
	switch (rnd(4)) {
	case 0:
		match.l4_src = (struct match_range){a, b};
		break;
	case 1:
		match.mask.l4_src = htons((uint16_t)(0xffff << rnd(8)));
		match.value.l4_src = htons(a);
		break;
	case 2:
		match.mask.l4_src = htons((uint16_t)rnd(65536));
		match.value.l4_src = htons(a);
		break;
	default:
		match.l4_src.high = b;
		break;
	}
	assert_int_equal(match_canonical(&match), 0);
	return match;
}

static bool
has(const struct match *match, uint32_t port)
{
	const struct fields packet = {.l4_src = htons((uint16_t)port)};

	return match_packet(match, &packet);
}

static void
test_within_and_overlap_are_those_of_sets(void **state)
{
	unsigned int n_within = 0;
	unsigned int n_apart = 0;

	random_state = random_seed();
	print_message("# VSW_SEED=%llu\n", (unsigned long long)random_state);
	for (unsigned int i = 0; i < N_PAIRS; i++) {
		const struct match a = random_match();
		const struct match b = random_match();
		bool within = true;
		bool overlap = false;

		for (uint32_t port = 0; port < PORTS; port++) {
			within &= !has(&a, port) || has(&b, port);
			overlap |= has(&a, port) && has(&b, port);
		}
		assert_int_equal(match_overlaps(&a, &b), overlap);
		/* Never too many; a range against a mask with holes may be too few. */
		assert_true(!match_within(&a, &b) || within);
		if (match_range_is_all(a.l4_src) && match_range_is_all(b.l4_src)) {
			assert_int_equal(match_within(&a, &b), within);
		}
		assert_true(match_within(&a, &a) && match_equal(&a, &a));
		n_within += within;
		n_apart += !overlap;
	}
	assert_true(n_within > 10 && n_apart > 10);
}

static void
test_canonical_says_with_a_mask_what_it_can(void **state)
{
	struct match match;

	match_init(&match);
	match.l4_dst = (struct match_range){1024, 2047};
	match.l4_src = (struct match_range){80, 80};
	match.value.tos = 4;
	assert_int_equal(match_canonical(&match), 0);
	assert_int_equal(match.mask.l4_dst, htons(0xfc00));
	assert_int_equal(match.value.l4_dst, htons(1024));
	assert_int_equal(match.mask.l4_src, 0xffff);
	assert_int_equal(match.value.l4_src, htons(80));
	assert_int_equal(match.value.tos, 0);
	assert_true(match_range_is_all(match.l4_src) && match_range_is_all(match.l4_dst));

	match_init(&match);
	match.l4_dst = (struct match_range){1000, 3000};
	match.mask.l4_dst = htons(0xfc00);
	match.value.l4_dst = htons(1024);
	assert_int_equal(match_canonical(&match), 0);
	assert_int_equal(match.value.l4_dst, htons(1024));
	assert_true(match_range_is_all(match.l4_dst));
}

static void
test_canonical_refuses_what_has_no_form(void **state)
{
	struct match match;

	match_init(&match);
	match.l4_dst = (struct match_range){2, 1};
	assert_int_equal(match_canonical(&match), -EINVAL);
	match_init(&match);
	match.l4_src = (struct match_range){1, 2};
	match.mask.l4_src = htons(1);
	assert_int_equal(match_canonical(&match), -EINVAL);
	match.mask.l4_src = 0xffff;
	match.value.l4_src = htons(9);
	assert_int_equal(match_canonical(&match), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_within_and_overlap_are_those_of_sets),
		cmocka_unit_test(test_canonical_says_with_a_mask_what_it_can),
		cmocka_unit_test(test_canonical_refuses_what_has_no_form),
	};

	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
