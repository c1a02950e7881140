/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A polling thread: reads the snapshot, runs bursts, reports quiescence, sleeps when idle.
 *
 * The body is worker_step() in a loop; a test calls worker_step() itself. A worker that found
 * nothing for WORKER_SPIN sleeps in steps that double up to WORKER_SLEEP_MAX, offline for grace
 * periods; the first packet ends that. It never sleeps while packets come.
 *
 * Statistics: one writer, read by main with relaxed loads.
 */
#ifndef VSW_DATAPATH_DP_WORKER_H
#define VSW_DATAPATH_DP_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/role.h"
#include "datapath/pipe/burst.h"

#define WORKER_SPIN (50 * CLOCK_US) /* idle polling before the first sleep */
#define WORKER_SLEEP_MIN (1 * CLOCK_US) /* first step; the kernel adds about 4 us */
#define WORKER_NOWHERE UINT32_MAX /* `place`: between queues */
#define WORKER_SLEEP_MAX (1 * CLOCK_MS) /* bounds the latency that sleeping adds */

struct worker {
	/* the worker's own, hot */
	const struct snapshot *const *snapshot; /* where main publishes */
	struct grace *grace;
	struct burst *burst;
	unsigned int index;
	bool stop; /* main: release-stores, worker: acquire-loads once per loop */
	bool poll;
	bool eal;
	int cpu; /* -1: not pinned */
	/* statistics */
	uint64_t iterations;
	uint64_t packets;
	uint64_t busy_cycles;
	uint64_t idle_cycles;
	bool asleep; /* its last loop ended in a sleep */
	uint32_t place; /* port id << 16 | queue that it has in hand, or WORKER_NOWHERE */
	int tid; /* gettid(2); 0 until the thread runs */
	/* main's */
	uint64_t
		seen_iterations; /* when dp_step last looked, and since when it has been the same */
	uint64_t seen_at;
	bool stalled;
	uint32_t stalled_place; /* `place`, then */
	pthread_t thread;
	bool running;
};

/* Allocate, and join the grace periods as reader conf->worker. Main. */
int worker_create(const struct burst_conf *conf, int cpu, bool poll, bool eal, struct grace *grace,
	const struct snapshot *const *snapshot, struct worker **out) ON_MAIN;
void worker_destroy(struct worker *worker) ON_MAIN; /* stopped; NULL is legal */

/* The thread. ERR_INVALID for a CPU that this process may not use. Main. */
int worker_start(struct worker *worker, struct err *err) ON_MAIN;
void worker_stop(struct worker *worker) ON_MAIN; /* returns when the thread has ended */

/* One loop over all RX queues: packets received. `now` in nanoseconds. */
uint32_t worker_step(struct worker *worker, uint64_t now) ON_WORKER;

#endif
