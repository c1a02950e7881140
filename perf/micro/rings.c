/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtqueues on one thread: what librte_vhost does for a frame, what our own rings do, and what the
 * driver in the guest does. Bursts go round: the driver posts, the switch's side takes or fills,
 * the driver collects; the clock stands while the other side works. So this is what the
 * instructions cost; crossing.c has the lines that move between processors as well.
 *
 * "forward" is from the guest's one ring to its other: two copies by the library, one by ours.
 */
#include <stdio.h>

#include "base/str.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/frames.h"
#include "perf/micro/guest.h"
#include "perf/micro/native.h"

#define BURST 32u
#define BURST_LONG 8u /* frames of many buffers */
#define POOL_BUFFERS 1024u
#define POOL_CACHE 256u

/* Who is measured. */
enum side { SIDE_LIBRARY, SIDE_DRIVER };

struct rings {
	const struct bench *bench;
	struct guest guest;
	enum side side;
	struct rte_mempool *pool;
	struct rte_mbuf *mbufs[GUEST_RING]; /* that are sent to the guest */
	uint32_t next;
	uint16_t bulk;
	struct native *native;
	uint64_t n_short; /* bursts that were not done whole */
};

/* From the guest. */
static uint64_t
run_dequeue(void *arg, uint64_t rounds)
{
	struct rings *rings = arg;
	struct guest_lane *lane = &rings->guest.tx;
	struct rte_mbuf *mbufs[BURST];
	uint64_t cycles[2] = {0, 0};

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t begin = bench_begin();
		guest_post(lane, BURST);
		cycles[SIDE_DRIVER] += bench_elapsed(rings->bench, begin);

		begin = bench_begin();
		const uint16_t n = backend_dequeue(rings->pool, mbufs, BURST);
		rte_pktmbuf_free_bulk(mbufs, n);
		cycles[SIDE_LIBRARY] += bench_elapsed(rings->bench, begin);
		rings->n_short += n != BURST;

		begin = bench_begin();
		(void)guest_collect(lane, BURST);
		cycles[SIDE_DRIVER] += bench_elapsed(rings->bench, begin);
	}
	return cycles[rings->side];
}

/* To the guest. */
static uint64_t
run_enqueue(void *arg, uint64_t rounds)
{
	struct rings *rings = arg;
	struct guest_lane *lane = &rings->guest.rx;
	uint64_t cycles[2] = {0, 0};

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t begin = bench_begin();
		guest_post(lane, BURST);
		cycles[SIDE_DRIVER] += bench_elapsed(rings->bench, begin);

		begin = bench_begin();
		const uint16_t n = backend_enqueue(&rings->mbufs[rings->next], BURST);
		cycles[SIDE_LIBRARY] += bench_elapsed(rings->bench, begin);
		rings->next = (rings->next + BURST) % GUEST_RING;
		rings->n_short += n != BURST;

		begin = bench_begin();
		(void)guest_collect(lane, BURST);
		cycles[SIDE_DRIVER] += bench_elapsed(rings->bench, begin);
	}
	return cycles[rings->side];
}

/* What the guest has sent comes back to it. */
static void
driver_before(struct rings *rings)
{
	guest_refill(&rings->guest.rx);
	guest_post(&rings->guest.tx, rings->bulk);
}

static void
driver_after(struct rings *rings, uint16_t n)
{
	rings->n_short += n != rings->bulk;
	(void)guest_collect(&rings->guest.tx, GUEST_RING);
	(void)guest_collect(&rings->guest.rx, GUEST_RING);
}

static uint64_t
run_forward(void *arg, uint64_t rounds)
{
	struct rings *rings = arg;
	struct rte_mbuf *mbufs[BURST];
	uint64_t cycles = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		driver_before(rings);
		const uint64_t begin = bench_begin();
		const uint16_t n = backend_dequeue(rings->pool, mbufs, rings->bulk);
		const uint16_t sent = backend_enqueue(mbufs, n);
		rte_pktmbuf_free_bulk(mbufs, n);
		cycles += bench_elapsed(rings->bench, begin);
		driver_after(rings, sent);
	}
	return cycles;
}

static uint64_t
run_native_receive(void *arg, uint64_t rounds)
{
	struct rings *rings = arg;
	uint64_t cycles = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		guest_post(&rings->guest.tx, rings->bulk);
		const uint64_t begin = bench_begin();
		const uint16_t n = native_receive(rings->native, rings->bulk);
		cycles += bench_elapsed(rings->bench, begin);
		rings->n_short += n != rings->bulk;
		(void)guest_collect(&rings->guest.tx, GUEST_RING);
	}
	return cycles;
}

static uint64_t
run_native_forward(void *arg, uint64_t rounds)
{
	struct rings *rings = arg;
	uint64_t cycles = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		driver_before(rings);
		const uint64_t begin = bench_begin();
		const uint16_t n = native_forward(rings->native, rings->bulk);
		cycles += bench_elapsed(rings->bench, begin);
		driver_after(rings, n);
	}
	return cycles;
}

static int
fill_mbufs(struct rings *rings, uint16_t size, struct err *err)
{
	if (rte_pktmbuf_alloc_bulk(rings->pool, rings->mbufs, GUEST_RING) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "no mbufs");
	}
	for (uint32_t i = 0; i < GUEST_RING; i++) {
		uint8_t *bytes = (uint8_t *)rte_pktmbuf_append(rings->mbufs[i], size);

		memset(bytes, 0, size);
		(void)frame_write(FRAME_UDP, i, bytes);
	}
	return 0;
}

static void
measure_one(struct bench *bench, struct rings *rings, const struct guest_kind *kind,
	const char *text, uint64_t (*run)(void *arg, uint64_t rounds))
{
	char variant[BENCH_VARIANT_SIZE];

	(void)snprintf(variant, sizeof(variant), "%s%s %u: %s", kind->packed ? "packed" : "split",
		kind->mergeable ? " mrg" : "", kind->size, text);
	bench_measure(bench,
		&(struct bench_case){
			.variant = variant,
			.entries = GUEST_RING,
			.bytes = (uint64_t)GUEST_RING *
				RTE_ALIGN_CEIL(kind->size + GUEST_FRAME_AT, 64u),
			.huge = rings->guest.frontend.memory.huge,
			.bulk = rings->bulk,
			.ops = rings->bulk,
			.run = run,
			.arg = rings,
		});
}

static void
measure_sides(struct bench *bench, struct rings *rings, const struct guest_kind *kind)
{
	static const struct {
		const char *text;
		enum side side;
		uint64_t (*run)(void *arg, uint64_t rounds);
	} sides[] = {
		{"librte_vhost dequeue, free", SIDE_LIBRARY, run_dequeue},
		{"driver sends", SIDE_DRIVER, run_dequeue},
		{"librte_vhost enqueue", SIDE_LIBRARY, run_enqueue},
		{"driver receives", SIDE_DRIVER, run_enqueue},
	};

	for (unsigned int i = 0; i < ARRAY_LEN(sides); i++) {
		rings->side = sides[i].side;
		measure_one(bench, rings, kind, sides[i].text, sides[i].run);
	}
}

static int
check_whole(const struct rings *rings, struct err *err)
{
	return rings->n_short == 0
		? 0
		: err_set(err, ERR_FAILED, NULL, "%u bursts of %u frames were not done whole",
			  (unsigned int)rings->n_short, rings->bulk);
}

static int
measure_library(struct bench *bench, struct backend *backend, struct rte_mempool *pool,
	const struct guest_kind *kind, struct err *err)
{
	const bool whole = guest_pieces(kind->size) == 1;
	struct rings rings = {.bench = bench, .pool = pool, .bulk = whole ? BURST : BURST_LONG};
	int rc = whole ? fill_mbufs(&rings, kind->size, err) : 0;

	if (rc != 0) {
		return rc;
	}
	rc = guest_open(&rings.guest, backend, bench, kind, err);
	if (rc == 0) {
		if (whole) {
			measure_sides(bench, &rings, kind);
		}
		measure_one(bench, &rings, kind, "librte_vhost forward", run_forward);
		rc = check_whole(&rings, err);
	}
	guest_close(&rings.guest);
	if (whole) {
		rte_pktmbuf_free_bulk(rings.mbufs, GUEST_RING);
	}
	return rc;
}

/* By each variant that this processor can run. */
static int
measure_native(struct bench *bench, const struct guest_kind *kind, struct err *err) ON_MAIN
{
	static const char *const names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
	static struct native native;
	struct rings rings = {.bench = bench,
		.bulk = guest_pieces(kind->size) == 1 ? BURST : BURST_LONG,
		.native = &native};
	int rc = guest_open(&rings.guest, NULL, bench, kind, err);

	if (rc == 0) {
		rc = native_open(&native, &rings.guest, kind, err);
		for (unsigned int i = 0; rc == 0 && i < ARRAY_LEN(names); i++) {
			char text[BENCH_VARIANT_SIZE / 2];

			native.ops = vq_ops_find(names[i]);
			if (native.ops == NULL) {
				continue;
			}
			(void)snprintf(text, sizeof(text), "native receive, %s", names[i]);
			measure_one(bench, &rings, kind, text, run_native_receive);
			(void)snprintf(text, sizeof(text), "native forward, %s", names[i]);
			measure_one(bench, &rings, kind, text, run_native_forward);
			rc = check_whole(&rings, err);
		}
		native_close(&native);
	}
	guest_close(&rings.guest);
	return rc;
}

int
benchmark_rings(struct bench *bench, struct err *err)
{
	static const uint16_t sizes[] = {64, 256, 512, 1500, GUEST_SEGMENT};
	struct rte_mempool *pool = rte_pktmbuf_pool_create("micro_rings", POOL_BUFFERS, POOL_CACHE,
		0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct backend backend;

	role_assert(&role_main);
	if (pool == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for mbufs");
	}
	int rc = backend_open(&backend, err);
	for (unsigned int i = 0; rc == 0 && i < 4 * ARRAY_LEN(sizes); i++) {
		const struct guest_kind kind = {
			.packed = (i & 1) != 0, .mergeable = (i & 2) != 0, .size = sizes[i / 4]};

		if (bench->quick && kind.size != sizes[0] && kind.size != GUEST_SEGMENT) {
			continue;
		}
		if (guest_pieces(kind.size) > 1 && !kind.mergeable) {
			continue;
		}
		rc = measure_library(bench, &backend, pool, &kind, err);
		if (rc == 0) {
			rc = measure_native(bench, &kind, err);
		}
	}
	backend_close(&backend);
	rte_mempool_free(pool);
	return rc;
}
