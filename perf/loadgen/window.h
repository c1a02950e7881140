/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A closed loop: how many frames may be sent so that no more than `limit` are under way.
 *
 * `sent` and `done` are running numbers modulo 2^32: of the next frame to be sent, and of the first
 * one that is still awaited. A frame that never comes would hold its place for ever. Where frames
 * are numbered, a later one that arrives moves `done` past it; the last ones, and all where frames
 * are only counted, are given up when the window was full for `patience` and nothing came.
 *
 * Patience is measured in looks too: a generator that was not run for a while must first look for
 * what has arrived meanwhile.
 *
 * One thread; `now` and `patience` are cycles.
 */
#ifndef VSW_PERF_LOADGEN_WINDOW_H
#define VSW_PERF_LOADGEN_WINDOW_H

#include <stdint.h>

#define WINDOW_PATIENCE_S 0.05
#define WINDOW_LOOKS 1000u

struct window {
	uint32_t given_up; /* numbers before this one are not awaited */
	uint32_t seen; /* `done` when it last moved */
	uint64_t since; /* cycles, then */
	uint32_t looks; /* at a full window since then */
	uint32_t expired; /* how often frames were given up */
	uint64_t lost; /* frames given up */
};

static inline uint32_t
window_full(struct window *window, uint32_t sent, uint32_t done, uint64_t now, uint64_t patience)
{
	if (done != window->seen || window->looks == 0) {
		window->seen = done;
		window->since = now;
		window->looks = 1;
		return 0;
	}
	if (++window->looks < WINDOW_LOOKS || now - window->since < patience) {
		return 0;
	}
	window->lost += sent - window->given_up;
	window->given_up = sent;
	window->expired++;
	window->looks = 0;
	return 1;
}

/* Frames that may be sent now; `limit` > 0. */
static inline uint32_t
window_room(struct window *window, uint32_t limit, uint32_t sent, uint32_t done, uint64_t now,
	uint64_t patience)
{
	/* More came than was sent: copies. */
	done = (int32_t)(sent - done) < 0 ? sent : done;
	if ((int32_t)(done - window->given_up) > 0) {
		window->given_up = done;
	}
	const uint32_t under_way = sent - window->given_up;
	if (under_way < limit) {
		window->looks = 0;
		return limit - under_way;
	}
	return window_full(window, sent, done, now, patience) > 0 ? limit : 0;
}

/*
 * The same where frames are only counted: what was given up counts as done, until more arrive than
 * can be if it was lost.
 */
static inline uint32_t
window_room_counted(struct window *window, uint32_t limit, uint64_t sent, uint64_t received,
	uint64_t now, uint64_t patience)
{
	if (received + window->lost > sent) {
		window->lost = sent - (received < sent ? received : sent);
	}
	return window_room(
		window, limit, (uint32_t)sent, (uint32_t)(received + window->lost), now, patience);
}

#endif
