/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtqueues whose driver is on another processor, as a guest is: what a forwarded frame costs the
 * switch's side, lines that come from the other cache included. Passes that found frames count, as
 * the daemon counts them.
 *
 * The guest sends all that it can and takes what comes back; it writes eight bytes of each frame
 * and reads eight. One ring leads to the other, so there is one guest and one direction.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/guest.h"
#include "perf/micro/native.h"

#define BURST 32u
#define POOL_BUFFERS 4096u
#define POOL_CACHE 256u
#define PATIENCE_S 5.0
#define PAUSE_S \
	1e-6 /* as the load generator's: after less than a burst nobody looks again at once */

struct crossing {
	const struct bench *bench;
	struct guest guest;
	const struct guest_kind *kind;
	struct rte_mempool *pool; /* the library serves; else: */
	struct native *native;
	uint64_t pause; /* cycles */
	uint64_t patience; /* cycles, without a frame */
	bool stuck; /* it has run out */
	int cpu; /* of the guest, -1: there is no other */
	_Atomic bool ends;
};

/* --- the guest ------------------------------------------------------------------------------- */

static volatile uint64_t *
bytes_of(const struct crossing *crossing, const struct guest_lane *lane, uint16_t id)
{
	void *frame = memory_at(&crossing->guest.frontend.memory,
		lane->buffers[id & (GUEST_RING - 1)].gpa + sizeof(struct net_hdr), 8);

	return frame;
}

/* Whether to look at the ring again at once. */
static bool
take(struct crossing *crossing, struct guest_lane *lane, bool sends)
{
	struct ring_used used[2 * BURST];
	const unsigned int n = queue_collect(lane->queue, used, 2 * BURST);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++) {
		volatile uint64_t *at = bytes_of(crossing, lane, used[i].id);

		if (sends) {
			*at = used[i].id;
		} else {
			sum += *at;
		}
	}
	bench_keep_value(sum);
	lane->out -= n;
	if (n > 0) {
		guest_refill(lane);
	}
	return n >= BURST;
}

static void *
guest_thread(void *arg)
{
	struct crossing *crossing = arg;
	struct guest_lane *lanes[] = {&crossing->guest.rx, &crossing->guest.tx};
	uint64_t after[ARRAY_LEN(lanes)] = {0};
	cpu_set_t set;

	if (crossing->cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned int)crossing->cpu, &set);
		(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	}
	for (unsigned int i = 0; i < ARRAY_LEN(lanes); i++) {
		guest_refill(lanes[i]);
	}
	while (!atomic_load_explicit(&crossing->ends, memory_order_relaxed)) {
		const uint64_t now = cycles_now();

		for (unsigned int i = 0; i < ARRAY_LEN(lanes); i++) {
			if (now >= after[i] && !take(crossing, lanes[i], i == 1)) {
				after[i] = now + crossing->pause;
			}
		}
		if (crossing->cpu < 0) {
			(void)sched_yield();
		}
	}
	return NULL;
}

/* --- the switch ------------------------------------------------------------------------------ */

static uint16_t
forward_library(const struct crossing *crossing)
{
	struct rte_mbuf *mbufs[BURST];
	const uint16_t n = backend_dequeue(crossing->pool, mbufs, BURST);

	if (n > 0) {
		(void)backend_enqueue(mbufs, n);
		rte_pktmbuf_free_bulk(mbufs, n);
	}
	return n;
}

/* A round is BURST frames, however few come at once. */
static uint64_t
run_forward(void *arg, uint64_t rounds)
{
	struct crossing *crossing = arg;
	const uint64_t wanted = rounds * BURST;
	uint64_t before = cycles_now();
	uint64_t last = before;
	uint64_t cycles = 0;

	for (uint64_t done = 0; done < wanted && !crossing->stuck;) {
		const uint16_t n = crossing->native != NULL
			? native_forward(crossing->native, BURST)
			: forward_library(crossing);
		const uint64_t now = cycles_now();

		if (n > 0) {
			cycles += now - before;
			done += n;
			last = now;
		} else if (crossing->cpu < 0) {
			(void)sched_yield();
		}
		crossing->stuck = now - last > crossing->patience;
		before = now;
	}
	return cycles > 0 ? cycles : 1;
}

static int
measure(struct bench *bench, struct crossing *crossing, const char *who, struct err *err)
{
	const struct guest_kind *kind = crossing->kind;
	char variant[BENCH_VARIANT_SIZE];
	pthread_t thread;

	(void)snprintf(variant, sizeof(variant), "%s mrg %u: %s", kind->packed ? "packed" : "split",
		kind->size, who);
	atomic_store(&crossing->ends, false);
	if (pthread_create(&thread, NULL, guest_thread, crossing) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "no thread for the guest");
	}
	bench_measure(bench,
		&(struct bench_case){
			.variant = variant,
			.entries = GUEST_RING,
			.bytes = (uint64_t)GUEST_RING *
				RTE_ALIGN_CEIL(kind->size + GUEST_FRAME_AT, 64u),
			.huge = crossing->guest.frontend.memory.huge,
			.bulk = BURST,
			.ops = BURST,
			.run = run_forward,
			.arg = crossing,
		});
	atomic_store(&crossing->ends, true);
	(void)pthread_join(thread, NULL);
	return 0;
}

/* The guest with the one or the other behind it. */
static int
measure_kind(struct bench *bench, struct crossing *crossing, struct backend *backend,
	struct err *err) ON_MAIN
{
	int rc = guest_open(&crossing->guest, backend, bench, crossing->kind, err);

	if (rc == 0 && backend == NULL) {
		rc = native_open(crossing->native, &crossing->guest, crossing->kind, err);
	}
	if (rc == 0) {
		rc = measure(bench, crossing, backend != NULL ? "librte_vhost" : "native", err);
	}
	if (rc == 0 && crossing->stuck) {
		rc = err_set(err, ERR_FAILED, NULL, "no frame came for %d s", (int)PATIENCE_S);
	}
	if (backend == NULL) {
		native_close(crossing->native);
	}
	guest_close(&crossing->guest);
	return rc;
}

static int
measure_all(struct bench *bench, int cpu, struct rte_mempool *pool, struct err *err) ON_MAIN
{
	static const uint16_t sizes[] = {64, 256, 512, 1500, GUEST_SEGMENT};
	static struct native native;
	struct backend backend;
	int rc = backend_open(&backend, err);

	for (unsigned int i = 0; rc == 0 && i < 4 * ARRAY_LEN(sizes); i++) {
		const struct guest_kind kind = {
			.packed = (i & 2) != 0, .mergeable = true, .size = sizes[i / 4]};
		const bool ours = (i & 1) != 0;
		struct crossing crossing = {
			.bench = bench,
			.kind = &kind,
			.pool = pool,
			.native = ours ? &native : NULL,
			.pause = (uint64_t)(PAUSE_S * bench->machine.tsc_hz),
			.patience = (uint64_t)(PATIENCE_S * bench->machine.tsc_hz),
			.cpu = cpu,
		};

		if (bench->quick && kind.size != sizes[0] && kind.size != GUEST_SEGMENT) {
			continue;
		}
		rc = measure_kind(bench, &crossing, ours ? NULL : &backend, err);
	}
	backend_close(&backend);
	return rc;
}

/* Stay here; a processor that we are not on, or -1. */
static int
part(cpu_set_t *before)
{
	const int here = sched_getcpu();
	cpu_set_t set;
	int other = -1;

	(void)sched_getaffinity(0, sizeof(*before), before);
	for (int cpu = 0; other < 0 && here >= 0 && cpu < CPU_SETSIZE; cpu++) {
		CPU_ZERO(&set);
		CPU_SET((unsigned int)cpu, &set);
		if (cpu != here && sched_setaffinity(0, sizeof(set), &set) == 0) {
			other = cpu;
		}
	}
	if (other >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned int)here, &set);
		(void)sched_setaffinity(0, sizeof(set), &set);
	}
	return other;
}

int
benchmark_crossing(struct bench *bench, struct err *err)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("micro_crossing", POOL_BUFFERS,
		POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cpu_set_t before;

	role_assert(&role_main);
	if (pool == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for mbufs");
	}
	const int cpu = part(&before);
	const int rc = measure_all(bench, cpu, pool, err);
	(void)sched_setaffinity(0, sizeof(before), &before);
	rte_mempool_free(pool);
	return rc;
}
