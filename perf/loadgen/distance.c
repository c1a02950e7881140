/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far two CPUs are from each other: cycles in which a cache line goes there and back.
 *
 *	distance CPU CPU
 *
 * prints the median, in TSC cycles, of groups of round trips. On a virtual machine it changes from
 * one second to the next when the host moves the virtual CPUs, and with it the cost of each packet
 * that passes between them. Ends within a second whatever happens.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perf/loadgen/cycles.h"

#define GROUPS 200
#define TRIPS 64 /* of a group: about 10 us */
#define LIMIT_NS INT64_C(800000000)

struct line {
	uint32_t ball; /* even: ours, odd: theirs */
	bool over;
} __attribute__((aligned(128)));

static struct line line;

static int
stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	return pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *
answer(void *arg)
{
	if (stay_on(*(const int *)arg) != 0) {
		return arg;
	}
	while (!__atomic_load_n(&line.over, __ATOMIC_RELAXED)) {
		const uint32_t ball = __atomic_load_n(&line.ball, __ATOMIC_ACQUIRE);

		if (ball % 2 == 1) {
			__atomic_store_n(&line.ball, ball + 1, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

static int64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* False: the other one did not answer in time. */
static bool
trip(int64_t end)
{
	const uint32_t ball = line.ball + 1;

	__atomic_store_n(&line.ball, ball, __ATOMIC_RELEASE);
	for (unsigned int spins = 0; __atomic_load_n(&line.ball, __ATOMIC_ACQUIRE) == ball;) {
		if (++spins % 4096 == 0 && now_ns() > end) {
			return false;
		}
	}
	return true;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a;
	const uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The median, or 0. */
static uint64_t
measure(void)
{
	const int64_t end = now_ns() + LIMIT_NS;
	uint64_t groups[GROUPS];
	unsigned int n = 0;

	while (n < GROUPS) {
		const uint64_t start = cycles_now();

		for (unsigned int i = 0; i < TRIPS; i++) {
			if (!trip(end)) {
				return 0;
			}
		}
		groups[n++] = (cycles_now() - start) / TRIPS;
	}
	qsort(groups, n, sizeof(groups[0]), compare);
	return groups[n / 2];
}

static int
parse_cpu(const char *text)
{
	char *end;
	const long cpu = strtol(text, &end, 10);

	return *text != '\0' && *end == '\0' && cpu >= 0 && cpu < CPU_SETSIZE ? (int)cpu : -1;
}

int
main(int argc, char **argv)
{
	pthread_t other;
	void *failed = NULL;
	uint64_t cycles;
	int cpus[2];
	int rc;

	if (argc != 3 || (cpus[0] = parse_cpu(argv[1])) < 0 || (cpus[1] = parse_cpu(argv[2])) < 0 ||
		cpus[0] == cpus[1]) {
		(void)fprintf(stderr, "usage: distance CPU CPU (two different ones)\n");
		return 2;
	}
	rc = stay_on(cpus[0]);
	if (rc == 0) {
		rc = pthread_create(&other, NULL, answer, &cpus[1]);
	}
	if (rc != 0) {
		(void)fprintf(stderr, "distance: CPU %d: %s\n", cpus[0], strerror(rc));
		return 1;
	}
	cycles = measure();
	__atomic_store_n(&line.over, true, __ATOMIC_RELAXED);
	(void)pthread_join(other, &failed);
	if (failed != NULL || cycles == 0) {
		(void)fprintf(stderr, "distance: CPU %d does not answer\n", cpus[1]);
		return 1;
	}
	(void)printf("%" PRIu64 "\n", cycles);
	return 0;
}
