/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both tables of the benchmark `fdb` are asked for, so that they are asked the same.
 *
 * A table knows the stations 0 to entries - 1. Keys are looked up in an order made beforehand:
 * `hits` and `misses` are drawn with repetition, `each` names stations once. `fresh` is remade
 * before each call of a case that learns. One thread.
 */
#ifndef VSW_PERF_MICRO_TABLE_H
#define VSW_PERF_MICRO_TABLE_H

#include <stdint.h>

#include "base/err.h"
#include "perf/micro/bench.h"
#include "perf/micro/station.h"

#define TABLE_VLAN 1
#define TABLE_DRAWS_MIN (1U << 16) /* fewer are learned by heart by branch predictors */
#define TABLE_DRAWS_MAX (1U << 20)
#define TABLE_FRESH_MAX 4096
#define TABLE_BULK_MAX 64

struct table_keys {
	uint64_t entries; /* a power of two, as the numbers below */
	uint32_t n_draws;
	uint32_t n_each;
	uint32_t n_fresh;
	uint64_t next_fresh; /* station number */
	fdb_key_t *hits; /* n_draws */
	fdb_key_t *misses; /* n_draws */
	fdb_key_t *each; /* n_each */
	fdb_key_t *fresh; /* n_fresh */
};

void table_keys_init(struct table_keys *keys, uint64_t entries);
void table_keys_fini(struct table_keys *keys);

/* Stations that no table has heard of. */
void table_keys_renew(struct table_keys *keys);

/* How many keys are looked up together. */
extern const unsigned int table_bulks[];
extern const unsigned int n_table_bulks;

/* The cases of one table of so many entries. */
int table_fdb(struct bench *bench, struct table_keys *keys, struct err *err);
int table_rte_hash(struct bench *bench, struct table_keys *keys, struct err *err);

#endif
