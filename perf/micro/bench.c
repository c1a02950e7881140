/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/bench.h"

#include <assert.h>
#include <stdlib.h>

#include "base/str.h"

#define CLOCK_TRIES 1001

static int
compare_u64(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a;
	const uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int
compare_double(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

void
bench_init(struct bench *bench)
{
	uint64_t tries[CLOCK_TRIES];

	bench->clock_cost = 0;
	for (unsigned int i = 0; i < CLOCK_TRIES; i++) {
		const uint64_t begin = bench_begin();
		tries[i] = bench_elapsed(bench, begin);
	}
	qsort(tries, CLOCK_TRIES, sizeof(tries[0]), compare_u64);
	bench->clock_cost = tries[CLOCK_TRIES / 2];
}

void
bench_fini(struct bench *bench)
{
	free(bench->results);
	bench->results = NULL;
	bench->n_results = 0;
}

/* One call: the cycles that it tells of, and all that pass meanwhile. */
static uint64_t
call(const struct bench_case *c, uint64_t rounds, uint64_t *passed)
{
	const uint64_t begin = cycles_now();

	if (c->reset != NULL) {
		c->reset(c->arg);
	}
	const uint64_t cycles = c->run(c->arg, rounds);
	*passed = cycles_now() - begin;
	return cycles;
}

/* As many rounds as fit a repetition. */
static uint64_t
calibrate(const struct bench_case *c, uint64_t target)
{
	uint64_t rounds = 1;
	unsigned int long_calls = 0;

	for (;;) {
		uint64_t passed;

		(void)call(c, rounds, &passed);
		/* Twice, or it was long because somebody else had the processor. */
		long_calls = passed >= target ? long_calls + 1 : 0;
		if (long_calls == 2 || rounds == c->rounds_max) {
			return rounds;
		}
		if (long_calls == 0) {
			rounds *= 2;
		}
		if (c->rounds_max != 0 && rounds > c->rounds_max) {
			rounds = c->rounds_max;
		}
	}
}

/* Cycles of one operation. */
static double
repeat(const struct bench_case *c, uint64_t rounds, uint64_t target)
{
	uint64_t all_passed = 0;
	uint64_t cycles = 0;
	uint64_t calls = 0;

	do {
		uint64_t passed;

		cycles += call(c, rounds, &passed);
		all_passed += passed;
		calls++;
	} while (all_passed < target);
	return (double)cycles / ((double)calls * (double)rounds * c->ops);
}

void
bench_measure(struct bench *bench, const struct bench_case *c)
{
	const uint64_t target =
		(uint64_t)(bench->machine.tsc_hz * bench->seconds / BENCH_REPETITIONS);
	double cycles[BENCH_REPETITIONS];

	assert(c->ops > 0);
	const uint64_t rounds = calibrate(c, target);
	for (unsigned int i = 0; i < BENCH_REPETITIONS; i++) {
		/* One call, if it lasts about as long as in calibration. */
		cycles[i] = repeat(c, rounds, target / 2);
	}
	qsort(cycles, BENCH_REPETITIONS, sizeof(cycles[0]), compare_double);

	struct bench_result *results =
		realloc(bench->results, (bench->n_results + 1) * sizeof(*results));
	if (results == NULL) {
		abort();
	}
	bench->results = results;
	struct bench_result *result = &results[bench->n_results++];
	*result = (struct bench_result){
		.name = bench->name,
		.entries = c->entries,
		.bytes = c->bytes,
		.bulk = c->bulk,
		.huge = c->huge,
		.median = cycles[BENCH_REPETITIONS / 2],
		.min = cycles[0],
		.max = cycles[BENCH_REPETITIONS - 1],
	};
	(void)str_copy(result->variant, c->variant, sizeof(result->variant));
	if (bench->each != NULL) {
		bench->each(&bench->machine, result);
	}
}
