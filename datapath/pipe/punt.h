/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies of packets on their way from a worker to main: for controllers that rules punt to, and for
 * samples.
 *
 * One queue for each worker, bounded: PUNT_SLOTS copies of at most PUNT_BYTES_MAX bytes each. A
 * full queue drops the copy and counts it, never the packet's other outputs. Limits in packets a
 * second are main's matter (a meter for each bridge): the queue only keeps memory and time bounded.
 *
 * Threads: the worker puts, main takes; created and destroyed by main while nobody uses it.
 */
#ifndef VSW_DATAPATH_PIPE_PUNT_H
#define VSW_DATAPATH_PIPE_PUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/core/pkt.h"
#include "datapath/pipe/action.h"

#define PUNT_SLOTS 256U
#define PUNT_BYTES_MAX 2048U

struct punt_queue;

struct punted {
	uint32_t bridge; /* id */
	uint32_t in_port; /* id, of when it was received */
	enum punt_reason reason;
	uint16_t probability; /* PUNT_SAMPLE: of 65535; else 0 */
	uint32_t collector_set;
	uint32_t domain;
	uint32_t point;
	uint32_t frame_len; /* of the whole frame */
	uint32_t len; /* bytes kept */
	uint8_t bytes[PUNT_BYTES_MAX];
};

/* Main. NULL without memory. */
struct punt_queue *punt_queue_create(void);
void punt_queue_destroy(struct punt_queue *queue); /* NULL is legal */

/*
 * A copy of the packet as it is now, its first `max` bytes (0: all that fit). `action` is the
 * ACTION_PUNT or ACTION_SAMPLE that asks. `bridge` is below DP_BRIDGES_MAX. False: the queue is
 * full.
 */
bool punt_put(struct punt_queue *queue, struct pkt *pkt, uint32_t bridge, uint32_t in_port,
	const struct action *action) ON_WORKER;

/* The oldest, copied; false: none. */
bool punt_take(struct punt_queue *queue, struct punted *out) ON_MAIN;

/* Copies that found the queue full, of one bridge. Any thread. */
uint64_t punt_lost(const struct punt_queue *queue, uint32_t bridge);

#endif
