/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/ceiling.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "perf/loadgen/cycles.h"
#include "perf/loadgen/device_queue.h"
#include "perf/loadgen/lane.h"

#define BURST LANE_BURST
#define LINE 64u
#define HEADER_SIZE ((uint32_t)sizeof(struct net_hdr))
#define ROOM 256u /* receive buffers looked at: a large segment and more */

struct path {
	struct device_queue tx;
	struct device_queue rx;
	unsigned int port;
	unsigned int queue;
	/* Frames go to one port, or to the one that their address names. */
	bool by_address;
	unsigned int target;
};

struct ceiling {
	pthread_t thread;
	bool stop; /* written by the lanes' thread, atomic */
	unsigned int n_paths;
	struct path paths[OPTIONS_PORTS * FRONTEND_MAX_PAIRS];
};

/* The receive ring of a port; its queues are fewer than a sender's perhaps. */
static struct device_queue *
find_rx(struct ceiling *ceiling, unsigned int port, unsigned int queue)
{
	struct device_queue *found = NULL;

	for (unsigned int i = 0; i < ceiling->n_paths; i++) {
		struct path *path = &ceiling->paths[i];
		if (path->port == port && (found == NULL || path->queue == queue)) {
			found = &path->rx;
		}
	}
	return found;
}

/* Whole lines: both buffers start a line with the frame and have room to the end of its last. */
static inline void
copy_frame(uint8_t *to, const uint8_t *from, uint32_t len)
{
	uint32_t at = 0;

	memcpy(to, from, HEADER_SIZE);
	to += HEADER_SIZE;
	from += HEADER_SIZE;
	do {
		memcpy(to + at, from + at, LINE);
		at += LINE;
	} while (at + HEADER_SIZE < len);
}

/* Copy one frame into as many of the buffers as it takes; 0: they are too few. */
static unsigned int
merge_frame(struct device_buffer *to, unsigned int n, const struct device_buffer *from)
{
	uint32_t done = 0;
	uint32_t room = 0;
	unsigned int used = 0;

	for (unsigned int i = 0; i < n && room < from->len; i++) {
		room += to[i].len;
	}
	if (room < from->len) {
		return 0;
	}
	for (; done < from->len; used++) {
		const uint32_t left = from->len - done;
		const uint32_t piece = left < to[used].len ? left : to[used].len;
		memcpy(to[used].at, from->at + done, piece);
		to[used].len = piece;
		done += piece;
	}
	return used;
}

static void
set_num_buffers(uint8_t *header, unsigned int n)
{
	const uint16_t number = (uint16_t)n;

	memcpy(header + HEADER_SIZE - sizeof(number), &number, sizeof(number));
}

/* Move the first of n frames for one queue; how many could be. */
static unsigned int
move_frames(struct device_queue *rx, const struct device_buffer *frames, unsigned int n)
{
	struct device_buffer room[ROOM];
	/* As many as there are frames suffice unless they are larger than a buffer. */
	unsigned int n_room = device_queue_look(rx, room, n);
	unsigned int used = 0;
	unsigned int moved = 0;

	for (unsigned int i = 0; i < n_room; i++) {
		cycles_prefetch_write(room[i].at);
		cycles_prefetch_write(room[i].at + HEADER_SIZE);
	}
	for (; moved < n; moved++) {
		const struct device_buffer *frame = &frames[moved];
		unsigned int taken = 1;
		if (used < n_room && frame->len <= room[used].len) {
			copy_frame(room[used].at, frame->at, frame->len);
			room[used].len = frame->len;
		} else {
			/* What is used is kept: the ring shows it again, with its old lengths. */
			struct device_buffer more[ROOM];
			n_room = device_queue_look(rx, more, ROOM);
			memcpy(room + used, more + used, (n_room - used) * sizeof(room[0]));
			taken = merge_frame(room + used, n_room - used, frame);
			if (taken == 0) {
				break;
			}
		}
		set_num_buffers(room[used].at, taken);
		used += taken;
	}
	device_queue_use(rx, room, used);
	return moved;
}

static unsigned int
target_of(const struct path *path, const struct device_buffer *frame)
{
	return path->by_address ? frame->at[HEADER_SIZE + 1] : path->target;
}

/* A burst of one transmit ring; frames for the same port are moved together. */
static unsigned int
move_burst(struct ceiling *ceiling, struct path *path)
{
	struct device_buffer frames[BURST];
	const unsigned int n = device_queue_look(&path->tx, frames, BURST);
	unsigned int done = 0;

	for (unsigned int i = 0; i < n; i++) {
		__builtin_prefetch(frames[i].at);
		__builtin_prefetch(frames[i].at + HEADER_SIZE);
	}
	while (done < n) {
		const unsigned int target = target_of(path, &frames[done]);
		struct device_queue *rx = find_rx(ceiling, target, path->queue);
		unsigned int run = 1;
		while (done + run < n && target_of(path, &frames[done + run]) == target) {
			run++;
		}
		const unsigned int moved = rx != NULL ? move_frames(rx, frames + done, run) : run;
		done += moved;
		if (moved < run) {
			break;
		}
	}
	device_queue_use(&path->tx, frames, done);
	return done;
}

static void *
forward(void *argument)
{
	struct ceiling *ceiling = argument;

	while (!__atomic_load_n(&ceiling->stop, __ATOMIC_RELAXED)) {
		unsigned int moved = 0;
		for (unsigned int i = 0; i < ceiling->n_paths; i++) {
			moved += move_burst(ceiling, &ceiling->paths[i]);
		}
		if (moved == 0) {
			cycles_pause();
		}
	}
	return NULL;
}

int
ceiling_start(struct ceiling **out, const struct lane *lanes, unsigned int n_lanes, int cpu,
	struct err *err)
{
	struct ceiling *ceiling = calloc(1, sizeof(*ceiling));
	pthread_attr_t attributes;
	cpu_set_t set;

	if (ceiling == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory");
	}
	ceiling->n_paths = n_lanes;
	for (unsigned int i = 0; i < n_lanes; i++) {
		const struct lane *lane = &lanes[i];
		struct path *path = &ceiling->paths[i];
		device_queue_init(&path->tx, lane->tx, &lane->fe->memory);
		device_queue_init(&path->rx, lane->rx, &lane->fe->memory);
		path->port = lane->port;
		path->queue = lane->queue;
		path->by_address = lane->n_targets > 1;
		path->target = lane->n_targets > 0 ? lane->targets[0] : options_partner(lane->port);
	}
	(void)pthread_attr_init(&attributes);
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned int)cpu, &set);
		(void)pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	}
	const int rc = pthread_create(&ceiling->thread, &attributes, forward, ceiling);
	(void)pthread_attr_destroy(&attributes);
	if (rc != 0) {
		free(ceiling);
		return err_set(err, ERR_INVALID, NULL, "--cpu2 %d: %s", cpu, strerror(rc));
	}
	*out = ceiling;
	return 0;
}

void
ceiling_stop(struct ceiling *ceiling)
{
	if (ceiling == NULL) {
		return;
	}
	__atomic_store_n(&ceiling->stop, true, __ATOMIC_RELAXED);
	(void)pthread_join(ceiling->thread, NULL);
	free(ceiling);
}
