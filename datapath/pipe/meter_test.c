/* SPDX-License-Identifier: BSD-3-Clause */
/* A meter against a bucket of exact numbers, which follows what the meter decides. */
#include "datapath/pipe/meter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "datapath/core/eal_test.h"

#define DAY_NS (UINT64_C(86400) * CLOCK_S)

__extension__ typedef __int128 i128;

static const uint64_t rates[] = {1, 3, 999, 1000, 8000, 64000, 123456789, 1000000000, 7777777777,
	40000000000, 99999999999, METER_RATE_MAX - 1, METER_RATE_MAX};

static void
test_conf(void **state)
{
	struct meter meter;
	struct meter_conf conf = {.unit = METER_PACKETS, .rate = 0};

	(void)state;
	assert_int_equal(meter_init(&meter, &conf), -EINVAL);
	conf.rate = METER_RATE_MAX + 1;
	assert_int_equal(meter_init(&meter, &conf), -EINVAL);
	conf.rate = 10;
	conf.burst = 601;
	assert_int_equal(meter_init(&meter, &conf), -EINVAL);
	conf.burst = 600;
	assert_int_equal(meter_init(&meter, &conf), 0);
	conf.unit = METER_BITS;
	conf.burst = 65536 * 8 + 1;
	assert_int_equal(meter_init(&meter, &conf), -EINVAL);
	conf.burst = 65536 * 8;
	assert_int_equal(meter_init(&meter, &conf), 0);
	assert_memory_equal(&meter.conf, &conf, sizeof(conf));
	conf.unit = (enum meter_unit)2;
	assert_int_equal(meter_init(&meter, &conf), -EINVAL);
}

static unsigned int
pass_all(struct meter *meter, uint32_t bytes, uint64_t now)
{
	unsigned int n = 0;

	while (meter_pass(meter, bytes, now)) {
		n++;
	}
	return n;
}

static void
test_burst(void **state)
{
	static const struct {
		struct meter_conf conf;
		uint32_t bytes;
		unsigned int n;
	} cases[] = {
		{{METER_PACKETS, 1, 0}, 64, 1}, {{METER_PACKETS, 25, 0}, 64, 2},
		{{METER_PACKETS, 1000, 0}, 1500, 100}, {{METER_PACKETS, 3, 7}, 9000, 7},
		{{METER_PACKETS, 333333, 1}, 0, 1}, {{METER_BITS, 8000, 0}, 65536, 1},
		{{METER_BITS, 8000, 0}, 64, 1024}, {{METER_BITS, 1000000000, 0}, 1250, 10000},
		{{METER_BITS, 7777777777, 80000}, 100, 100},
		{{METER_BITS, 7777777777, 79999}, 100, 99}, {{METER_BITS, 1, 512}, 64, 1},
		{{METER_BITS, METER_RATE_MAX, 512}, 65, 0},
		{{METER_BITS, 1, 512}, 1U << 21, 0}, /* 2^64 ticks */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct meter meter;

		assert_int_equal(meter_init(&meter, &cases[i].conf), 0);
		assert_int_equal(pass_all(&meter, cases[i].bytes, 5 * CLOCK_S), cases[i].n);
		assert_int_equal(meter_passed(&meter), cases[i].n);
		assert_int_equal(meter_dropped(&meter), 1);
	}
}

/* After the burst what the rate says, to the packet; the second packet of the bucket makes up for
 * the time between two tries. */
static void
test_rate(void **state)
{
	(void)state;
	for (uint64_t rate = 1; rate <= 10000; rate *= 7) {
		const struct meter_conf conf = {METER_PACKETS, rate, 2};
		struct meter meter;
		uint64_t n = 0;

		assert_int_equal(meter_init(&meter, &conf), 0);
		assert_int_equal(pass_all(&meter, 64, 0), 2);
		for (uint64_t i = 1; i <= 200000; i++) {
			n += meter_pass(&meter, 64, i * 50 * CLOCK_US); /* 10 s in all */
		}
		assert_in_range(n, 10 * rate - 1, 10 * rate);
	}
}

/* --- against an exact bucket ----------------------------------------------------------------- */

struct bucket {
	struct meter meter;
	uint64_t now;
	i128 size; /* in 10^-9 packets or bits */
	i128 level;
	i128 error; /* what the meter may be away by: two ticks, and 2^-60 of the time */
};

static void
bucket_init(struct bucket *b, const struct meter_conf *conf)
{
	assert_int_equal(meter_init(&b->meter, conf), 0);
	b->size = (i128)b->meter.burst * CLOCK_S;
	b->level = b->size;
	b->error = (2 * CLOCK_S >> b->meter.shift) + 2;
}

static void
bucket_wait(struct bucket *b, uint64_t ns)
{
	const i128 more = (i128)ns * b->meter.conf.rate;

	b->now += ns;
	b->level = b->level + more > b->size ? b->size : b->level + more;
	b->error += more >> 60;
}

static bool
bucket_try(struct bucket *b, uint32_t bytes, uint64_t lag)
{
	const bool bits = b->meter.conf.unit == METER_BITS;
	const i128 cost = (i128)(bits ? bytes * UINT64_C(8) : 1) * CLOCK_S;
	const bool passed = meter_pass(&b->meter, bytes, b->now - lag);

	if (passed) {
		b->level -= cost;
		assert_true(b->level >= -b->error);
	} else {
		const i128 lost = (i128)lag * b->meter.conf.rate;

		assert_true(b->level - lost < cost + b->error);
	}
	return passed;
}

static void
bucket_run(uint64_t *random, const struct meter_conf *conf)
{
	struct bucket b = {.now = (uint64_t)random_below(random, UINT32_MAX) * CLOCK_S};
	uint64_t wait;
	uint64_t n_passed = 0;
	uint64_t n = 0;

	bucket_init(&b, conf);
	for (int i = 0; i < 20000; i++) {
		switch (random_below(random, 1000)) {
		case 0:
			wait = random_below(random, 40) * DAY_NS;
			break;
		case 1:
			wait = random_below(random, UINT32_MAX);
			break;
		default:
			/* About as long as a small packet needs. */
			wait = random_below(random, 3) == 0
				? 1024 * CLOCK_S / conf->rate + random_below(random, 100)
				: random_below(random, 1000);
			break;
		}
		bucket_wait(&b, wait);
		n_passed += bucket_try(&b, 64 + random_below(random, 200), 0);
		n++;
		if (random_below(random, 4) == 0) {
			n_passed += bucket_try(&b, 64, random_below(random, 50000));
			n++;
		}
	}
	assert_int_equal(meter_passed(&b.meter), n_passed);
	assert_int_equal(meter_dropped(&b.meter), n - n_passed);
}

static void
test_exact(void **state)
{
	uint64_t random = random_seed();

	(void)state;
	print_message("# VSW_SEED=%llu\n", (unsigned long long)random);
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		for (enum meter_unit unit = METER_PACKETS; unit <= METER_BITS; unit++) {
			struct meter_conf conf = {.unit = unit, .rate = rates[i]};

			bucket_run(&random, &conf);
			conf.burst = unit == METER_PACKETS ? 1 : 264 * 8;
			bucket_run(&random, &conf);
			conf.burst = RTE_MAX(conf.rate * 60, conf.burst);
			bucket_run(&random, &conf);
		}
	}
}

/* A sender that takes all it can for 100 days, and tries to be a ns early each time. */
static void
test_long(void **state)
{
	const struct meter_conf conf = {METER_BITS, 999999937, UINT64_C(4294967295) * 8};
	struct bucket b = {.now = 0};

	(void)state;
	bucket_init(&b, &conf);
	assert_true(bucket_try(&b, UINT32_MAX, 0));
	for (unsigned int i = 0; i < 300000; i++) {
		bucket_wait(&b, (uint64_t)((b.size - b.level) / conf.rate));
		if (!bucket_try(&b, UINT32_MAX, 0)) {
			bucket_wait(&b, 2);
			assert_true(bucket_try(&b, UINT32_MAX, 0));
		}
	}
	assert_true(b.now > 100 * DAY_NS);
}

/* --- clocks ---------------------------------------------------------------------------------- */

/* A worker that lags finds the bucket as full as it was, never fuller. */
static void
test_lag(void **state)
{
	const struct meter_conf conf = {METER_PACKETS, 1000, 10};
	struct meter meter;

	(void)state;
	assert_int_equal(meter_init(&meter, &conf), 0);
	assert_int_equal(pass_all(&meter, 64, 10 * CLOCK_S), 10);
	for (uint64_t lag = 1; lag < 8 * CLOCK_S; lag *= 2) {
		assert_false(meter_pass(&meter, 64, 10 * CLOCK_S - lag));
	}
	assert_true(meter_pass(&meter, 64, 10 * CLOCK_S + CLOCK_MS));
}

/* Ticks come around after 2^24 s at this rate: the bucket is not full then, but no longer. */
static void
test_wrap(void **state)
{
	const uint64_t around = (UINT64_C(1) << 24) * CLOCK_S;
	const struct meter_conf conf = {METER_BITS, UINT64_C(1) << 39, UINT64_C(1) << 38};
	struct meter meter;

	(void)state;
	assert_int_equal(meter_init(&meter, &conf), 0);
	assert_int_equal(pass_all(&meter, 1U << 30, CLOCK_S), 32);
	assert_true(pass_all(&meter, 1U << 30, CLOCK_S + around) <= 32);
	assert_int_equal(pass_all(&meter, 1U << 30, 2 * CLOCK_S + around), 32);
	assert_int_equal(pass_all(&meter, 1U << 30, around / 2 * 3), 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
