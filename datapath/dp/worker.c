/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/worker.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* Loops between two readings of the clock while packets flow: the FDB's seconds need no more. */
#define CLOCK_EVERY 64

int
worker_create(const struct burst_conf *conf, int cpu, bool poll, bool eal, struct grace *grace,
	const struct snapshot *const *snapshot, struct worker **out)
{
	struct worker *worker = calloc_lines(1, sizeof(*worker));
	int rc;

	if (worker == NULL) {
		return -ENOMEM;
	}
	worker->index = conf->worker;
	worker->cpu = cpu;
	worker->poll = poll;
	worker->eal = eal;
	worker->grace = grace;
	worker->snapshot = snapshot;
	worker->place = WORKER_NOWHERE;
	rc = burst_create(conf, &worker->burst);
	if (rc != 0) {
		free(worker);
		return rc;
	}
	grace_join(grace, worker->index);
	*out = worker;
	return 0;
}

void
worker_destroy(struct worker *worker)
{
	if (worker != NULL) {
		grace_leave(worker->grace, worker->index);
		burst_destroy(worker->burst);
		free(worker);
	}
}

uint32_t
worker_step(struct worker *worker, uint64_t now)
{
	const struct snapshot *snap = __atomic_load_n(worker->snapshot, __ATOMIC_ACQUIRE);
	const struct worker_view *view = &snap->workers[worker->index];
	const struct burst_time time = {
		.seconds = (uint16_t)(now / CLOCK_S),
		.ms = (uint32_t)(now / CLOCK_MS),
		.ns = now,
	};
	uint32_t busy = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < view->n_rxq; i++) {
		const struct rxq_view *rxq = &view->rxq[i];
		uint16_t got;

		__atomic_store_n(
			&worker->place, rxq->port->id << 16 | rxq->queue, __ATOMIC_RELAXED);
		got = burst_run(worker->burst, snap, rxq, &time);
		busy += got > 0;
		n += got;
	}
	__atomic_store_n(&worker->place, WORKER_NOWHERE, __ATOMIC_RELAXED);
	worker->burst->flows.busy_queues = busy;
	burst_upkeep(worker->burst, snap, &time);
	grace_quiescent(worker->grace, worker->index);
	return n;
}

static void
worker_account(struct worker *worker, uint32_t n, uint64_t cycles)
{
	port_count(&worker->iterations, 1);
	if (n > 0) {
		port_count(&worker->packets, n);
		port_count(&worker->busy_cycles, cycles);
	} else {
		port_count(&worker->idle_cycles, cycles);
	}
}

static void
worker_sleep(struct worker *worker, uint64_t ns)
{
	struct timespec ts = {.tv_nsec = (long)ns};

	grace_offline(worker->grace, worker->index);
	(void)nanosleep(&ts, NULL);
	grace_online(worker->grace, worker->index);
}

static void
worker_loop(struct worker *worker) ON_WORKER
{
	uint64_t now = clock_now();
	uint64_t busy_at = now;
	uint64_t sleep = WORKER_SLEEP_MIN;
	uint64_t tsc = rte_rdtsc();
	unsigned int since_clock = 0;

	while (!__atomic_load_n(&worker->stop, __ATOMIC_ACQUIRE)) {
		uint32_t n = worker_step(worker, now);
		uint64_t tsc_now;

		if (n == 0 || ++since_clock >= CLOCK_EVERY) {
			now = clock_now();
			since_clock = 0;
		}
		if (n > 0) {
			__atomic_store_n(&worker->asleep, false, __ATOMIC_RELAXED);
			busy_at = now;
			sleep = WORKER_SLEEP_MIN;
		} else if (!worker->poll && now - busy_at > WORKER_SPIN) {
			__atomic_store_n(&worker->asleep, true, __ATOMIC_RELAXED);
			worker_sleep(worker, sleep);
			sleep = RTE_MIN(sleep * 2, WORKER_SLEEP_MAX);
			now = clock_now();
		} else {
			rte_pause();
		}
		tsc_now = rte_rdtsc();
		worker_account(worker, n, tsc_now - tsc);
		tsc = tsc_now;
	}
}

static void *
worker_main(void *arg)
{
	struct worker *worker = arg;
	char name[16];

	role_enter(&role_worker);
	__atomic_store_n(&worker->tid, gettid(), __ATOMIC_RELAXED);
	snprintf(name, sizeof(name), "worker-%u", worker->index);
	(void)pthread_setname_np(pthread_self(), name);
	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* or each sleep is 50 us longer */
	if (worker->eal) {
		(void)rte_thread_register(); /* an lcore id gives the mbuf pools a cache for us */
	}
	worker_loop(worker);
	if (worker->eal) {
		rte_thread_unregister();
	}
	role_leave(&role_worker);
	return NULL;
}

int
worker_start(struct worker *worker, struct err *err)
{
	pthread_attr_t attr;
	int rc;

	(void)pthread_attr_init(&attr);
	if (worker->cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(worker->cpu, &set);
		(void)pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	rc = pthread_create(&worker->thread, &attr, worker_main, worker);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0) {
		return err_set(err, rc == EINVAL ? ERR_INVALID : ERR_LIMIT, "--workers",
			"worker %u cannot run on CPU %d: %s", worker->index, worker->cpu,
			strerror(rc));
	}
	worker->running = true;
	return 0;
}

void
worker_stop(struct worker *worker)
{
	if (worker->running) {
		__atomic_store_n(&worker->stop, true, __ATOMIC_RELEASE);
		(void)pthread_join(worker->thread, NULL);
		worker->running = false;
	}
}
