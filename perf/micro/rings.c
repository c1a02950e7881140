/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtqueues on one thread: what librte_vhost does for a frame, and what the driver in the guest
 * does. Bursts go round: the driver posts, the library takes or fills, the driver collects; the
 * clock stands while the other side works.
 */
#include <stdio.h>

#include "base/str.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/frames.h"
#include "perf/micro/guest.h"

#define BURST 32u
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
		char variant[BENCH_VARIANT_SIZE];

		rings->side = sides[i].side;
		(void)snprintf(variant, sizeof(variant), "%s%s %u: %s",
			kind->packed ? "packed" : "split", kind->mergeable ? " mrg" : "",
			kind->size, sides[i].text);
		bench_measure(bench,
			&(struct bench_case){
				.variant = variant,
				.entries = GUEST_RING,
				.bytes = (uint64_t)GUEST_RING *
					RTE_ALIGN_CEIL(kind->size + GUEST_FRAME_AT, 64u),
				.huge = rings->guest.frontend.memory.huge,
				.bulk = BURST,
				.ops = BURST,
				.run = sides[i].run,
				.arg = rings,
			});
	}
}

static int
measure(struct bench *bench, struct backend *backend, struct rte_mempool *pool,
	const struct guest_kind *kind, struct err *err)
{
	struct rings rings = {.bench = bench, .pool = pool};
	int rc = fill_mbufs(&rings, kind->size, err);

	if (rc != 0) {
		return rc;
	}
	rc = guest_open(&rings.guest, backend, bench, kind, err);
	if (rc == 0) {
		measure_sides(bench, &rings, kind);
		if (rings.n_short > 0) {
			rc = err_set(err, ERR_FAILED, NULL,
				"librte_vhost did not do %u bursts of %u frames whole",
				(unsigned int)rings.n_short, BURST);
		}
	}
	guest_close(&rings.guest);
	rte_pktmbuf_free_bulk(rings.mbufs, GUEST_RING);
	return rc;
}

int
benchmark_rings(struct bench *bench, struct err *err)
{
	static const uint16_t sizes[] = {64, 1500};
	struct rte_mempool *pool = rte_pktmbuf_pool_create("micro_rings", POOL_BUFFERS, POOL_CACHE,
		0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct backend backend;

	if (pool == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for mbufs");
	}
	int rc = backend_open(&backend, err);
	for (unsigned int i = 0; rc == 0 && i < 4 * ARRAY_LEN(sizes); i++) {
		const struct guest_kind kind = {
			.packed = (i & 1) != 0, .mergeable = (i & 2) != 0, .size = sizes[i / 4]};

		rc = measure(bench, &backend, pool, &kind, err);
	}
	backend_close(&backend);
	rte_mempool_free(pool);
	return rc;
}
