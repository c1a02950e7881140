/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts of values in buckets that are 1/32 of a power of two wide: any percentile to 3 %, one
 * increment per value. One thread.
 */
#ifndef VSW_PERF_LOADGEN_HISTOGRAM_H
#define VSW_PERF_LOADGEN_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS 5
#define HISTOGRAM_SUB (1u << HISTOGRAM_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
	uint64_t total;
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned int
histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_SUB) {
		return (unsigned int)value;
	}
	const unsigned int shift = 63u - (unsigned int)__builtin_clzll(value) - HISTOGRAM_BITS;
	return (shift + 1) * HISTOGRAM_SUB + (unsigned int)((value >> shift) & (HISTOGRAM_SUB - 1));
}

static inline void
histogram_add(struct histogram *histogram, uint64_t value, uint64_t times)
{
	histogram->total += times;
	histogram->max = value > histogram->max ? value : histogram->max;
	histogram->buckets[histogram_bucket(value)] += times;
}

/* The value below which `share` (0..1) of all lie, as its bucket's middle; 0 without values. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);

#endif
