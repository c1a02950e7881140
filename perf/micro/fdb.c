/* SPDX-License-Identifier: BSD-3-Clause */
/* The FDB and rte_hash at the same sizes, from the first-level cache to main memory. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/sequence.h"
#include "perf/micro/table.h"

const unsigned int table_bulks[] = {1, 4, 8, 16, 32, 64};
const unsigned int n_table_bulks = ARRAY_LEN(table_bulks);

void
table_keys_init(struct table_keys *keys, uint64_t entries)
{
	struct sequence sequence = {.state = entries};
	uint64_t draws = entries;

	if (draws < TABLE_DRAWS_MIN) {
		draws = TABLE_DRAWS_MIN;
	}
	if (draws > TABLE_DRAWS_MAX) {
		draws = TABLE_DRAWS_MAX;
	}
	*keys = (struct table_keys){
		.entries = entries,
		.n_draws = (uint32_t)draws,
		.n_each = (uint32_t)(entries < draws ? entries : draws),
		.n_fresh =
			(uint32_t)(entries / 2 < TABLE_FRESH_MAX ? entries / 2 : TABLE_FRESH_MAX),
	};
	keys->hits = must_calloc(keys->n_draws, sizeof(fdb_key_t));
	keys->misses = must_calloc(keys->n_draws, sizeof(fdb_key_t));
	keys->each = must_calloc(keys->n_each, sizeof(fdb_key_t));
	keys->fresh = must_calloc(keys->n_fresh, sizeof(fdb_key_t));
	for (uint32_t i = 0; i < keys->n_draws; i++) {
		const uint64_t number = sequence_below(&sequence, entries);

		keys->hits[i] = station_key(number, TABLE_VLAN);
		keys->misses[i] = station_key(entries + number, TABLE_VLAN);
	}
	for (uint32_t i = 0; i < keys->n_each; i++) {
		keys->each[i] = station_key(entries / keys->n_each * i, TABLE_VLAN);
	}
	sequence_shuffle(&sequence, keys->each, keys->n_each);
	keys->next_fresh = 2 * entries;
}

void
table_keys_fini(struct table_keys *keys)
{
	free(keys->hits);
	free(keys->misses);
	free(keys->each);
	free(keys->fresh);
}

void
table_keys_renew(struct table_keys *keys)
{
	for (uint32_t i = 0; i < keys->n_fresh; i++) {
		keys->fresh[i] = station_key(keys->next_fresh++, TABLE_VLAN);
	}
}

int
benchmark_fdb(struct bench *bench, struct err *err)
{
	static const uint64_t sizes[] = {16, 256, 4096, 65536, 1U << 20, 4U << 20};
	const unsigned int n_sizes = bench->quick ? 2 : ARRAY_LEN(sizes);
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < n_sizes; i++) {
		struct table_keys keys;

		table_keys_init(&keys, sizes[i]);
		rc = table_fdb(bench, &keys, err);
		if (rc == 0) {
			rc = table_rte_hash(bench, &keys, err);
		}
		table_keys_fini(&keys);
	}
	return rc;
}
