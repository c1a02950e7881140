/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of a guest's memory while it sends and receives, as when memory is plugged: one region
 * more, then without it, again and again, and how long frames stay away each time.
 *
 * A change is a message with an acknowledgement. Of each three times are kept: until the
 * acknowledgement is there; the longest time without a frame from the message until the next
 * change; and the longest time that this thread itself did not run, which is a part of that: with
 * no processor to spare the switch's main thread takes it from whoever polls.
 *
 * One thread, that of the run. Times are cycles.
 */
#ifndef VSW_PERF_LOADGEN_MEMORY_CHANGE_H
#define VSW_PERF_LOADGEN_MEMORY_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "perf/loadgen/histogram.h"
#include "perf/loadgen/options.h"
#include "tests/frontend/frontend.h"

struct memory_change {
	struct frontend *fe;
	enum memory_change_kind kind;
	struct memory extra; /* the region that comes and goes */
	bool there; /* it does as of the last message */
	bool waiting; /* for the acknowledgement */
	uint64_t begun; /* changes, the last of which may not be over */
	uint64_t interval;
	uint64_t due; /* of the next change */
	uint64_t patience; /* for an acknowledgement */
	uint64_t look; /* at the socket, not before */
	uint64_t look_interval;
	uint64_t asked; /* when the last message was sent */
	uint64_t turn; /* the last turn began */
	uint64_t frame; /* the last frame came */
	uint64_t longest; /* without a frame, since the last message */
	uint64_t away; /* between two turns, since the last message */
	struct histogram answers;
	struct histogram gaps;
	struct histogram absences;
};

/* The front end is started. Needs acknowledgements, and for slots the feature of that name. */
int memory_change_init(struct memory_change *change, struct frontend *fe,
	const struct options *options, double hz, struct err *err);
void memory_change_fini(struct memory_change *change);

/* From now on. */
void memory_change_begin(struct memory_change *change, uint64_t now);

/* Each turn, after `frames` were received. */
int memory_change_turn(
	struct memory_change *change, uint64_t now, unsigned int frames, struct err *err);

/* No more changes; waits for an acknowledgement that is still to come. */
int memory_change_end(struct memory_change *change, struct err *err);

#endif
