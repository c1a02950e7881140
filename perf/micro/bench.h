/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The harness: how long does an operation take, and how sure is that?
 *
 * A benchmark hands in cases, one for each line of the report. A case is a function that does so
 * many rounds of `ops` operations and says how many cycles they took by its own clock, so that it
 * can leave out what is not to be measured (bench_begin, bench_elapsed). Its loop is its own, for
 * no call through a pointer to stand in it.
 *
 * First the number of rounds is doubled until one call fills a repetition, which warms caches and
 * predictors; then BENCH_REPETITIONS are measured. The median is the figure, the least and the
 * greatest say how quiet the machine was. What a case uses up is put back by `reset`, between calls
 * and not measured; such a case names the most rounds that one call can do, and a repetition is
 * several calls. What is left out counts as time all the same, so that a run ends when it should.
 *
 * Not taken out: the loop around the operation, one or two cycles. Taken out: the reading of the
 * counter. One thread, which may hold any role.
 */
#ifndef VSW_PERF_MICRO_BENCH_H
#define VSW_PERF_MICRO_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/loadgen/cycles.h"
#include "perf/micro/machine.h"

#define BENCH_REPETITIONS 11 /* odd: the median is one of them */
#define BENCH_VARIANT_SIZE 64

struct bench_case {
	const char *variant; /* printed beside the benchmark's name; copied */
	uint64_t entries; /* of the table; 0: there is none */
	uint64_t bytes; /* of the table, or of what else the operations walk over; 0: little */
	unsigned int bulk; /* operations done together */
	bool huge; /* pages of those bytes */
	unsigned int ops; /* of one round */
	uint64_t rounds_max; /* of one call; 0: any number */
	uint64_t (*run)(void *arg, uint64_t rounds); /* the cycles they took */
	void (*reset)(void *arg); /* before each call; may be NULL */
	void *arg;
};

struct bench_result {
	const char *name;
	char variant[BENCH_VARIANT_SIZE];
	uint64_t entries;
	uint64_t bytes;
	unsigned int bulk;
	bool huge;
	double median; /* cycles of one operation */
	double min;
	double max;
};

struct bench {
	struct machine machine;
	bool quick; /* the smallest sizes: does it work at all? */
	double seconds; /* to measure each case for */
	const char *name; /* of the benchmark that runs */
	/* Called with each result; may be NULL. */
	void (*each)(const struct machine *machine, const struct bench_result *result);
	uint64_t clock_cost; /* cycles between bench_begin() and bench_elapsed() */
	struct bench_result *results; /* owned */
	size_t n_results;
};

void bench_init(struct bench *bench);
void bench_fini(struct bench *bench);

/* Run a case, and keep the result. */
void bench_measure(struct bench *bench, const struct bench_case *c);

/* The counter, neither before what came earlier has been done nor after what comes later began. */
static inline uint64_t
bench_begin(void)
{
#if defined(__x86_64__)
	_mm_lfence();
#endif
	const uint64_t now = cycles_now();
#if defined(__x86_64__)
	_mm_lfence();
#endif
	return now;
}

/* Cycles since then without those of the clock itself, and at least one. */
static inline uint64_t
bench_elapsed(const struct bench *bench, uint64_t begin)
{
	const uint64_t cycles = bench_begin() - begin;

	return cycles > bench->clock_cost ? cycles - bench->clock_cost : 1;
}

/* The compiler must believe that somebody reads what this points to. */
static inline void
bench_keep(const void *at)
{
	__asm__ volatile("" : : "r"(at) : "memory");
}

static inline void
bench_keep_value(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}

#endif
