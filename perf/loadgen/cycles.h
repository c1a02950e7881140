/* SPDX-License-Identifier: BSD-3-Clause */
/* A counter that costs less than a packet; its rate is measured against the clock (run.c). */
#ifndef VSW_PERF_LOADGEN_CYCLES_H
#define VSW_PERF_LOADGEN_CYCLES_H

#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include "base/clock.h"
#endif

static inline uint64_t
cycles_now(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return clock_now();
#endif
}

static inline void
cycles_pause(void)
{
#if defined(__x86_64__)
	_mm_pause();
#endif
}

/* A line that is about to be written: fetched once, not first to read and then to own. */
static inline void
cycles_prefetch_write(const void *at)
{
#if defined(__x86_64__)
	/* A no-op where the processor lacks it; __builtin_prefetch needs -mprfchw to use it. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
#else
	__builtin_prefetch(at, 1);
#endif
}

#endif
