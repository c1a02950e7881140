/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time is an argument: whoever drives a step reads the clock once and hands the value down.
 * All times are nanoseconds of CLOCK_MONOTONIC unless a name says otherwise; tests hand in
 * whatever they like.
 */
#ifndef VSW_BASE_CLOCK_H
#define VSW_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_US UINT64_C(1000)
#define CLOCK_MS UINT64_C(1000000)
#define CLOCK_S UINT64_C(1000000000)

/* Now. Any thread; a vDSO call, no system call. */
static inline uint64_t
clock_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec;
}

#endif
