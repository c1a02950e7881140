/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's cuckoo hash as a table of stations, with what a switch would need of it: readers without
 * locks, and so keys whose place is given back by hand. It is made for twice the entries, as the
 * FDB makes itself, or the last of them would find no place.
 */
#include <inttypes.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "perf/micro/table.h"

/* rte_cuckoo_hash.h, 22.11: a bucket of 8 entries is a line, a key of 8 bytes and its datum 16. */
#define BYTES_PER_SLOT (64 / 8 + 16)

struct theirs {
	const struct bench *bench;
	struct table_keys *keys;
	struct rte_hash *hash;
	const void **pointers; /* to the draws, n_draws of them */
	hash_sig_t *sigs; /* of the hits */
	unsigned int bulk;
	uint32_t at;
};

static uint64_t
run_bulk(void *arg, uint64_t rounds)
{
	struct theirs *theirs = arg;
	const uint32_t mask = theirs->keys->n_draws - 1;
	const unsigned int bulk = theirs->bulk;
	void *data[TABLE_BULK_MAX] = {NULL};
	uint64_t hits;
	uint32_t at = theirs->at;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		(void)rte_hash_lookup_bulk_data(
			theirs->hash, theirs->pointers + at, bulk, &hits, data);
		bench_keep(data);
		at = (at + bulk) & mask;
	}
	theirs->at = at;
	return bench_elapsed(theirs->bench, begin);
}

static uint64_t
run_single(void *arg, uint64_t rounds)
{
	struct theirs *theirs = arg;
	const uint32_t mask = theirs->keys->n_draws - 1;
	void *data = NULL;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		(void)rte_hash_lookup_data(theirs->hash, &theirs->keys->hits[theirs->at], &data);
		bench_keep(data);
		theirs->at = (theirs->at + 1) & mask;
	}
	return bench_elapsed(theirs->bench, begin);
}

static uint64_t
run_with_hash(void *arg, uint64_t rounds)
{
	struct theirs *theirs = arg;
	const uint32_t mask = theirs->keys->n_draws - 1;
	void *data = NULL;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		(void)rte_hash_lookup_with_hash_data(theirs->hash, &theirs->keys->hits[theirs->at],
			theirs->sigs[theirs->at], &data);
		bench_keep(data);
		theirs->at = (theirs->at + 1) & mask;
	}
	return bench_elapsed(theirs->bench, begin);
}

static void
reset_add(void *arg)
{
	struct theirs *theirs = arg;

	for (uint32_t i = 0; i < theirs->keys->n_fresh; i++) {
		const int32_t at = rte_hash_del_key(theirs->hash, &theirs->keys->fresh[i]);

		if (at >= 0) {
			(void)rte_hash_free_key_with_position(theirs->hash, at);
		}
	}
	table_keys_renew(theirs->keys);
}

static uint64_t
run_add(void *arg, uint64_t rounds)
{
	struct theirs *theirs = arg;
	uint64_t added = 0;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		added += rte_hash_add_key_data(theirs->hash, &theirs->keys->fresh[i], theirs) == 0;
	}
	bench_keep_value(added);
	return bench_elapsed(theirs->bench, begin);
}

static int
fill(struct theirs *theirs, struct err *err)
{
	const uint64_t entries = theirs->keys->entries;
	char name[RTE_HASH_NAMESIZE];

	(void)snprintf(name, sizeof(name), "micro_%" PRIu64, entries);
	const struct rte_hash_parameters params = {
		.name = name,
		.entries = (uint32_t)(2 * entries),
		.key_len = sizeof(fdb_key_t),
		.hash_func = rte_hash_crc,
		.hash_func_init_val = 0,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	theirs->hash = rte_hash_create(&params);
	if (theirs->hash == NULL) {
		return err_set(
			err, ERR_LIMIT, NULL, "no memory for an rte_hash of %" PRIu64, 2 * entries);
	}
	for (uint64_t i = 0; i < entries; i++) {
		const fdb_key_t key = station_key(i, TABLE_VLAN);

		if (rte_hash_add_key_data(theirs->hash, &key, theirs) != 0) {
			return err_set(err, ERR_FAILED, NULL,
				"rte_hash is full at %" PRIu64 " of %" PRIu64, i, entries);
		}
	}
	return 0;
}

static void
point_to(struct theirs *theirs, const fdb_key_t *draws)
{
	for (uint32_t i = 0; i < theirs->keys->n_draws; i++) {
		theirs->pointers[i] = &draws[i];
	}
	theirs->at = 0;
}

static void
measure(struct bench *bench, struct theirs *theirs)
{
	struct bench_case c = {
		.entries = theirs->keys->entries,
		.bytes = 2 * theirs->keys->entries * BYTES_PER_SLOT,
		.huge = bench->machine.heap_huge,
		.run = run_bulk,
		.arg = theirs,
	};

	for (unsigned int i = 0; i < 2 * n_table_bulks; i++) {
		theirs->bulk = table_bulks[i % n_table_bulks];
		point_to(theirs, i < n_table_bulks ? theirs->keys->hits : theirs->keys->misses);
		c.variant = i < n_table_bulks ? "rte_hash: hit" : "rte_hash: miss";
		c.bulk = theirs->bulk;
		c.ops = theirs->bulk;
		bench_measure(bench, &c);
	}
	c.bulk = 1;
	c.ops = 1;
	c.variant = "rte_hash: hit, not bulk";
	c.run = run_single;
	bench_measure(bench, &c);
	c.variant = "rte_hash: hit, hash given";
	c.run = run_with_hash;
	bench_measure(bench, &c);
	c.variant = "rte_hash: add";
	c.run = run_add;
	c.reset = reset_add;
	c.rounds_max = theirs->keys->n_fresh;
	bench_measure(bench, &c);
}

int
table_rte_hash(struct bench *bench, struct table_keys *keys, struct err *err)
{
	struct theirs theirs = {.bench = bench, .keys = keys};

	theirs.pointers = must_calloc(keys->n_draws, sizeof(*theirs.pointers));
	theirs.sigs = must_calloc(keys->n_draws, sizeof(*theirs.sigs));
	const int rc = fill(&theirs, err);
	for (uint32_t i = 0; rc == 0 && i < keys->n_draws; i++) {
		theirs.sigs[i] = rte_hash_hash(theirs.hash, &keys->hits[i]);
	}
	if (rc == 0) {
		measure(bench, &theirs);
	}
	rte_hash_free(theirs.hash);
	free(theirs.pointers);
	free(theirs.sigs);
	return rc;
}
