/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random numbers of tests: a state of 64 bits that its owner keeps, and where it begins. What a
 * test did at random it does again when it begins with the same seed.
 */
#ifndef VSW_TESTS_RANDOM_H
#define VSW_TESTS_RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* Marsaglia, "Xorshift RNGs", 2003: xorshift64. `state` is never 0. */
static inline uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One of 0 to n - 1; n is not 0. */
static inline uint32_t
random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(random_next(state) >> 20) % n;
}

/* Another one each run, or VSW_SEED of the environment; tests print it. Never 0. */
static inline uint64_t
random_seed(void)
{
	const char *given = getenv("VSW_SEED");
	struct timespec ts;

	if (given != NULL) {
		return strtoull(given, NULL, 0) | 1;
	}
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ((uint64_t)ts.tv_sec << 30 ^ (uint64_t)ts.tv_nsec) | 1;
}

#endif
