/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/flows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Long enough that the rarest flows of a few thousand appear, short enough for the L2 cache. */
#define N_DRAWN (UINT32_C(1) << 17)

/* xorshift64* (Marsaglia 2003, Vigna 2016): the same flows in every run. */
static double
random_unit(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (double)((*state * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

static uint32_t
draw(const double *sums, uint32_t n, double at)
{
	uint32_t low = 0;
	uint32_t high = n - 1;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (sums[middle] < at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

int
flows_init(struct flows *flows, enum flow_fields fields, uint32_t n, double zipf)
{
	*flows = (struct flows){.fields = fields, .n = n};
	if (zipf <= 0) {
		return 0;
	}
	double *sums = calloc(n, sizeof(*sums));
	flows->drawn = calloc(N_DRAWN, sizeof(*flows->drawn));
	if (sums == NULL || flows->drawn == NULL) {
		free(sums);
		flows_fini(flows);
		return -ENOMEM;
	}
	double sum = 0;
	for (uint32_t i = 0; i < n; i++) {
		sum += pow((double)i + 1, -zipf);
		sums[i] = sum;
	}
	uint64_t state = 1;
	for (uint32_t i = 0; i < N_DRAWN; i++) {
		flows->drawn[i] = draw(sums, n, random_unit(&state) * sum);
	}
	flows->n_drawn = N_DRAWN;
	free(sums);
	return 0;
}

void
flows_fini(struct flows *flows)
{
	free(flows->drawn);
	*flows = (struct flows){0};
}
