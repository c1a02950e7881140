/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A numbered sequence of frames from one queue of one port to another port, seen from both ends.
 *
 * A switch keeps the order of what it got from one queue, so a number that is not the next one
 * means loss (numbers are missing), reordering (a missing one comes late) or duplication (one
 * that was here already). The common case costs one comparison: what is missing is remembered
 * as a short list of gaps, and only frames out of order look at it. A late frame from before the
 * oldest gap remembered counts as reordered. Loss is sent minus received, known at the end.
 *
 * One thread. Numbers wrap at 2^32.
 */
#ifndef VSW_PERF_LOADGEN_STREAM_H
#define VSW_PERF_LOADGEN_STREAM_H

#include <stdint.h>

#include "perf/loadgen/window.h"

#define STREAM_GAPS 128

struct stream_gap {
	uint32_t from; /* the first number that is missing */
	uint32_t to; /* behind the last one */
};

struct stream {
	uint32_t next_sent;
	uint32_t next_expected;
	uint64_t sent;
	uint64_t received; /* without duplicates */
	uint64_t reordered;
	uint64_t duplicated;
	uint32_t horizon; /* nothing is known about numbers before it */
	struct window window;
	unsigned int n_gaps;
	struct stream_gap gaps[STREAM_GAPS]; /* oldest first */
};

void stream_out_of_order(struct stream *stream, uint32_t number);

static inline void
stream_take(struct stream *stream, uint32_t number)
{
	if (__builtin_expect(number == stream->next_expected, 1)) {
		stream->next_expected++;
		stream->received++;
	} else {
		stream_out_of_order(stream, number);
	}
}

#endif
