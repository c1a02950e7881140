/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a frame to what it is looked up by: the two keys of the bridge, the FDB's hash beside
 * DPDK's, and the flow's hash. Frames and keys lie in the first-level cache; results are stored, so
 * that it is the rate that is measured and not the latency.
 */
#include <rte_hash_crc.h>
#include <rte_jhash.h>

#include "base/str.h"
#include "datapath/core/headers.h"
#include "datapath/pipe/flow_hash.h"
#include "datapath/table/fdb_priv.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/frames.h"
#include "perf/micro/station.h"

#define N_KEYS 128u /* a power of two; frames take two lines each at most */
#define BULK PKT_BURST

struct key {
	const struct bench *bench;
	struct frames frames;
	struct fdb fdb; /* its secret is all that hashing reads */
	fdb_key_t keys[N_KEYS];
	struct pkt pkts[N_KEYS];
	uint64_t out[2 * BULK];
};

static inline void
one_pair(struct key *key, uint32_t item, uint32_t i)
{
	const uint8_t *frame = key->frames.order[item];
	const uint16_t vlan =
		load_be16(frame + 2 * RTE_ETHER_ADDR_LEN + 2) & (uint16_t)VLAN_ID_MASK;

	key->out[2 * i] = fdb_key((const struct rte_ether_addr *)frame, vlan);
	key->out[2 * i + 1] =
		fdb_key((const struct rte_ether_addr *)(frame + RTE_ETHER_ADDR_LEN), vlan);
}

static inline void
one_fdb(struct key *key, uint32_t item, uint32_t i)
{
	key->out[i] = fdb_hash(&key->fdb, key->keys[item]);
}

static inline void
one_crc(struct key *key, uint32_t item, uint32_t i)
{
	key->out[i] = rte_hash_crc(&key->keys[item], sizeof(fdb_key_t), 0);
}

static inline void
one_jhash(struct key *key, uint32_t item, uint32_t i)
{
	key->out[i] = rte_jhash(&key->keys[item], sizeof(fdb_key_t), 0);
}

static inline void
one_flow(struct key *key, uint32_t item, uint32_t i)
{
	key->pkts[item].hash = 0;
	key->out[i] = flow_hash(&key->pkts[item]);
}

/* `one` for each of a round's items; inlined, so that it is not called through a pointer. */
static inline __attribute__((always_inline)) uint64_t
run_each(void *arg, uint64_t rounds, void (*one)(struct key *key, uint32_t item, uint32_t i))
{
	struct key *key = arg;
	uint32_t at = 0;

	const uint64_t begin = bench_begin();
	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < BULK; i++) {
			one(key, at + i, i);
		}
		bench_keep(key->out);
		at = (at + BULK) & (N_KEYS - 1);
	}
	return bench_elapsed(key->bench, begin);
}

static uint64_t
run_pair(void *arg, uint64_t rounds)
{
	return run_each(arg, rounds, one_pair);
}

static uint64_t
run_fdb(void *arg, uint64_t rounds)
{
	return run_each(arg, rounds, one_fdb);
}

static uint64_t
run_crc(void *arg, uint64_t rounds)
{
	return run_each(arg, rounds, one_crc);
}

static uint64_t
run_jhash(void *arg, uint64_t rounds)
{
	return run_each(arg, rounds, one_jhash);
}

static uint64_t
run_flow(void *arg, uint64_t rounds)
{
	return run_each(arg, rounds, one_flow);
}

int
benchmark_key(struct bench *bench, struct err *err)
{
	static const struct {
		const char *variant;
		uint64_t (*run)(void *arg, uint64_t rounds);
	} cases[] = {
		{"two keys of a tagged frame", run_pair},
		{"hash of a key: FDB's", run_fdb},
		{"hash of a key: rte_hash_crc", run_crc},
		{"hash of a key: rte_jhash", run_jhash},
		{"flow_hash, VLAN, UDP over IPv4", run_flow},
	};
	static struct key key;

	(void)err;
	key.bench = bench;
	frames_init(&key.frames, FRAME_UDP_VLAN, N_KEYS);
	for (unsigned int i = 0; i < RTE_DIM(key.fdb.secret); i++) {
		key.fdb.secret[i] = UINT64_C(0x9e3779b97f4a7c15) * (2 * i + 1);
	}
	for (uint32_t i = 0; i < N_KEYS; i++) {
		key.keys[i] = station_key(i, 1);
		key.pkts[i] = (struct pkt){.head = key.frames.order[i],
			.len = key.frames.len,
			.head_len = (uint16_t)key.frames.len};
	}
	for (unsigned int i = 0; i < ARRAY_LEN(cases); i++) {
		bench_measure(bench,
			&(struct bench_case){
				.variant = cases[i].variant,
				.bulk = BULK,
				.ops = BULK,
				.run = cases[i].run,
				.arg = &key,
			});
	}
	frames_fini(&key.frames);
	return 0;
}
