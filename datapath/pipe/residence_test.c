/* SPDX-License-Identifier: BSD-3-Clause */
/* How long packets stay: which bursts are samples, which range a time falls in, what half stay
 * below. */
#include "datapath/pipe/residence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_ranges(void **state)
{
	(void)state;
	assert_int_equal(residence_bucket(0), 0);
	assert_int_equal(residence_bucket(127), 0);
	assert_int_equal(residence_bucket(128), 1);
	assert_int_equal(residence_bucket(255), 1);
	assert_int_equal(residence_bucket(256), 2);
	assert_int_equal(residence_bucket(UINT64_MAX), RESIDENCE_BUCKETS - 1);
	for (unsigned int i = 1; i + 1 < RESIDENCE_BUCKETS; i++) {
		const uint64_t end = UINT64_C(1) << (i + RESIDENCE_FIRST);

		assert_int_equal(residence_bucket(end - 1), i);
		assert_int_equal(residence_bucket(end), i + 1);
		assert_int_equal(residence_bucket(end / 2), i);
	}
}

static void
test_samples(void **state)
{
	struct residence residence;
	unsigned int n = 0;

	(void)state;
	assert_int_equal(residence_init(&residence), 0);
	for (unsigned int i = 0; i < 10 * RESIDENCE_EVERY; i++) {
		n += residence_begin(&residence, 5) != 0;
	}
	assert_int_equal(n, 10);
	for (uint32_t ms = 6; ms < 106; ms++) {
		n += residence_begin(&residence, ms) != 0;
		n += residence_begin(&residence, ms) != 0;
	}
	assert_int_equal(n, 110);
	residence_fini(&residence);
}

static void
test_counts(void **state)
{
	struct residence_times sum = {.max = 0};
	struct residence residence;
	uint64_t packets = 0;

	(void)state;
	assert_int_equal(residence_init(&residence), 0);
	residence_end(&residence, 9, clock_now(), 7);
	residence_end(&residence, 9, UINT64_MAX, 1); /* a clock that goes back */
	residence_end(&residence, 8, 1, 5);
	residence_add(&residence, 9, &sum);
	for (unsigned int i = 0; i < RESIDENCE_BUCKETS; i++) {
		packets += sum.packets[i];
	}
	assert_int_equal(packets, 8);
	assert_true(sum.packets[0] >= 1);
	residence_clear_max(&residence, 8);
	sum = (struct residence_times){.max = 0};
	residence_add(&residence, 8, &sum);
	assert_int_equal(sum.max, 0);
	assert_int_equal(sum.packets[residence_bucket(clock_now())], 5);
	residence_fini(&residence);
}

static void
test_quantiles(void **state)
{
	struct residence_times times = {.max = 3000};

	(void)state;
	assert_int_equal(residence_quantile(&times, 500), 0);
	times.packets[2] = 99; /* below 512 */
	times.packets[5] = 1; /* below 4096 */
	assert_int_equal(residence_quantile(&times, 500), 512);
	assert_int_equal(residence_quantile(&times, 990), 512);
	assert_int_equal(residence_quantile(&times, 991), 3000);
	times.packets[RESIDENCE_BUCKETS - 1] = 1000;
	times.max = 60 * CLOCK_S;
	assert_int_equal(residence_quantile(&times, 500), 60 * CLOCK_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_quantiles),
	};

	return cmocka_run_group_tests_name("residence", tests, NULL, NULL);
}
