/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/histogram.h"

static uint64_t
bucket_middle(unsigned int bucket)
{
	if (bucket < HISTOGRAM_SUB) {
		return bucket;
	}
	const unsigned int shift = bucket / HISTOGRAM_SUB - 1;
	const uint64_t low = (uint64_t)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB) << shift;
	return low + (UINT64_C(1) << shift) / 2;
}

uint64_t
histogram_percentile(const struct histogram *histogram, double share)
{
	const double wanted = share * (double)histogram->total;
	uint64_t below = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += histogram->buckets[i];
		if (below > 0 && (double)below >= wanted) {
			return bucket_middle(i);
		}
	}
	return 0;
}
