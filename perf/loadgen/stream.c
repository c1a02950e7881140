/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/stream.h"

#include <stdbool.h>
#include <string.h>

static void
drop_gap(struct stream *stream, unsigned int index)
{
	stream->n_gaps--;
	memmove(&stream->gaps[index], &stream->gaps[index + 1],
		(stream->n_gaps - index) * sizeof(stream->gaps[0]));
}

/* At `index`; the oldest one is forgotten when there is no room. */
static void
insert_gap(struct stream *stream, unsigned int index, struct stream_gap gap)
{
	if (stream->n_gaps == STREAM_GAPS) {
		stream->horizon = stream->gaps[0].to;
		drop_gap(stream, 0);
		index = index > 0 ? index - 1 : 0;
	}
	memmove(&stream->gaps[index + 1], &stream->gaps[index],
		(stream->n_gaps - index) * sizeof(stream->gaps[0]));
	stream->gaps[index] = gap;
	stream->n_gaps++;
}

/* Take the number out of the gap that has it, if one has. */
static bool
fill_gap(struct stream *stream, uint32_t number)
{
	for (unsigned int i = stream->n_gaps; i-- > 0;) {
		struct stream_gap *gap = &stream->gaps[i];
		if (number - gap->from >= gap->to - gap->from) {
			continue;
		}
		if (number == gap->from) {
			gap->from++;
		} else if (number + 1 == gap->to) {
			gap->to = number;
		} else {
			const struct stream_gap rest = {.from = number + 1, .to = gap->to};
			gap->to = number;
			insert_gap(stream, i + 1, rest);
			return true;
		}
		if (gap->from == gap->to) {
			drop_gap(stream, i);
		}
		return true;
	}
	return false;
}

void
stream_out_of_order(struct stream *stream, uint32_t number)
{
	if ((int32_t)(number - stream->next_expected) > 0) {
		insert_gap(stream, stream->n_gaps,
			(struct stream_gap){.from = stream->next_expected, .to = number});
		stream->next_expected = number + 1;
		stream->received++;
	} else if (fill_gap(stream, number) || (int32_t)(number - stream->horizon) < 0) {
		stream->reordered++;
		stream->received++;
	} else {
		stream->duplicated++;
	}
}
