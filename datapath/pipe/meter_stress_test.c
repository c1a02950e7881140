/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two threads on one meter, with a clock that each try moves on: together they pass what one would,
 * never more. Made for TSan.
 */
#include "datapath/pipe/meter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define THREADS 2
#define TRIES UINT64_C(1500000)
#define STEP_NS 7U /* between tries */
#define BYTES 125U

struct stress {
	struct meter meter;
	uint64_t clock; /* ns; atomic */
	pthread_barrier_t barrier;
};

struct stress_thread {
	struct stress *stress;
	uint64_t n_passed;
	uint64_t n_dropped;
	pthread_t thread;
};

static void *
body(void *arg)
{
	struct stress_thread *self = arg;
	struct stress *stress = self->stress;

	(void)pthread_barrier_wait(&stress->barrier);
	for (uint64_t i = 0; i < TRIES; i++) {
		const uint64_t now = __atomic_add_fetch(&stress->clock, STEP_NS, __ATOMIC_RELAXED);

		if (meter_pass(&stress->meter, BYTES, now)) {
			self->n_passed++;
		} else {
			self->n_dropped++;
		}
	}
	return NULL;
}

static void
run(const struct meter_conf *conf, uint64_t unit)
{
	struct stress stress = {.clock = 0};
	struct stress_thread threads[THREADS];
	const uint64_t ns = STEP_NS * TRIES * THREADS;
	uint64_t passed = 0;
	uint64_t dropped = 0;
	uint64_t most;

	assert_int_equal(meter_init(&stress.meter, conf), 0);
	assert_int_equal(pthread_barrier_init(&stress.barrier, NULL, THREADS), 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		threads[i] = (struct stress_thread){.stress = &stress};
		assert_int_equal(pthread_create(&threads[i].thread, NULL, body, &threads[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
		passed += threads[i].n_passed;
		dropped += threads[i].n_dropped;
	}
	(void)pthread_barrier_destroy(&stress.barrier);
	most = (stress.meter.burst + conf->rate * ns / CLOCK_S) / unit;
	assert_true(passed <= most);
	assert_true(
		passed >= most - most / 100 - 1); /* a try that waits in vain is soon another's */
	assert_int_equal(meter_passed(&stress.meter), passed);
	assert_int_equal(meter_dropped(&stress.meter), dropped);
	assert_int_equal(passed + dropped, THREADS * TRIES);
}

static void
test_sum(void **state)
{
	static const struct meter_conf packets = {METER_PACKETS, 20000000, 1000};
	static const struct meter_conf bits = {METER_BITS, 33333333333, 1000000};

	(void)state;
	run(&packets, 1);
	run(&bits, BYTES * 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
