/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers at random, the same ones in every run. Made before the clock starts, so that what they
 * cost is not measured. A sequence belongs to its user.
 */
#ifndef VSW_PERF_MICRO_SEQUENCE_H
#define VSW_PERF_MICRO_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

#include "datapath/table/secret.h"

struct sequence {
	uint64_t state;
};

static inline uint64_t
sequence_next(struct sequence *sequence)
{
	return secret_next(&sequence->state);
}

/* Below n, n > 0. Not exactly uniform, which no benchmark can see. */
static inline uint64_t
sequence_below(struct sequence *sequence, uint64_t n)
{
	return sequence_next(sequence) % n;
}

/* Fisher and Yates. */
static inline void
sequence_shuffle(struct sequence *sequence, uint64_t *items, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		const size_t j = (size_t)sequence_below(sequence, i);
		const uint64_t item = items[i - 1];

		items[i - 1] = items[j];
		items[j] = item;
	}
}

#endif
