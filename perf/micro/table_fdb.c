/* SPDX-License-Identifier: BSD-3-Clause */
/* datapath/table: lookups by the burst, and what a worker does for the source of each frame. */
#include <stdio.h>

#include "datapath/table/fdb_priv.h"
#include "perf/micro/table.h"

#define PORT 1
#define SEED UINT64_C(0x5eed)
#define LATER_S (4 * FDB_YOUNG_S) /* between calls that evict: nobody is young any more */

struct own {
	const struct bench *bench;
	struct table_keys *keys;
	struct grace grace;
	struct fdb *fdb;
	const fdb_key_t *draws; /* of the lookups */
	unsigned int bulk;
	uint32_t at;
	uint16_t now_s;
	bool full; /* learning evicts */
};

static uint64_t
run_lookup(void *arg, uint64_t rounds)
{
	struct own *own = arg;
	const uint32_t mask = own->keys->n_draws - 1;
	const unsigned int bulk = own->bulk;
	uint32_t ports[TABLE_BULK_MAX];
	uint32_t at = own->at;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		fdb_lookup_bulk(own->fdb, own->draws + at, bulk, ports);
		bench_keep(ports);
		at = (at + bulk) & mask;
	}
	own->at = at;
	return bench_elapsed(own->bench, begin);
}

/* Each station once a pass, and a second later each time if `second` is 1. */
static uint64_t
run_known(struct own *own, uint64_t rounds, uint16_t second)
{
	const struct table_keys *keys = own->keys;
	uint64_t known = 0;

	own->at = own->at < keys->n_each ? own->at : 0;
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		if (own->at == keys->n_each) {
			own->at = 0;
			own->now_s = (uint16_t)(own->now_s + second);
		}
		known += fdb_source_known(own->fdb, keys->each[own->at++], PORT, own->now_s);
	}
	bench_keep_value(known);
	return bench_elapsed(own->bench, begin);
}

static uint64_t
run_same_second(void *arg, uint64_t rounds)
{
	return run_known(arg, rounds, 0);
}

static uint64_t
run_refresh(void *arg, uint64_t rounds)
{
	return run_known(arg, rounds, 1);
}

/* Forget those learned last, unless eviction makes the room; then think of new ones. */
static void
reset_learn(void *arg)
{
	struct own *own = arg;

	own->now_s = (uint16_t)(own->now_s + LATER_S);
	if (!own->full && fdb_trylock(own->fdb)) {
		for (uint32_t i = 0; i < own->keys->n_fresh; i++) {
			(void)fdb_del(own->fdb, own->keys->fresh[i]);
		}
		fdb_unlock(own->fdb);
	}
	table_keys_renew(own->keys);
}

/* As bridge.c does it for a source that fdb_source_known() does not know. */
static uint64_t
run_learn(void *arg, uint64_t rounds)
{
	struct own *own = arg;
	uint64_t learned = 0;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		const fdb_key_t key = own->keys->fresh[i];

		if (!fdb_source_known(own->fdb, key, PORT, own->now_s) && fdb_trylock(own->fdb)) {
			learned += fdb_learn(own->fdb, key, PORT, 0, own->now_s) == FDB_LEARNED;
			fdb_unlock(own->fdb);
		}
	}
	bench_keep_value(learned);
	return bench_elapsed(own->bench, begin);
}

/* A table with room for all stations that knows the first n. */
static int
fill(struct own *own, uint64_t n, struct err *err)
{
	const struct fdb_conf conf = {.limit = (uint32_t)own->keys->entries};

	if (fdb_create(&conf, &own->grace, SEED, &own->fdb) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for a table of %u",
			(unsigned int)own->keys->entries);
	}
	const struct machine *machine = &own->bench->machine;
	machine_advise(machine, own->fdb->buckets,
		(own->fdb->bucket_mask + 1) * sizeof(struct fdb_bucket));
	machine_advise(
		machine, own->fdb->ports.links, own->fdb->n_slots * sizeof(*own->fdb->ports.links));
	uint64_t learned = 0;
	for (uint64_t i = 0; i < n && fdb_trylock(own->fdb); i++) {
		learned += fdb_learn(own->fdb, station_key(i, TABLE_VLAN), PORT, 0, own->now_s) ==
			FDB_LEARNED;
		fdb_unlock(own->fdb);
	}
	/* Two full buckets are rare, and more than a few of them a mistake of ours. */
	if (learned + n / 1000 < n) {
		return err_set(err, ERR_FAILED, NULL, "the FDB learned %u of %u stations",
			(unsigned int)learned, (unsigned int)n);
	}
	return 0;
}

static void
measure_lookups(struct bench *bench, struct own *own, struct bench_case *c)
{
	c->run = run_lookup;
	for (unsigned int i = 0; i < 2 * n_table_bulks; i++) {
		own->bulk = table_bulks[i % n_table_bulks];
		own->draws = i < n_table_bulks ? own->keys->hits : own->keys->misses;
		own->at = 0;
		c->variant = i < n_table_bulks ? "own: hit" : "own: miss";
		c->bulk = own->bulk;
		c->ops = own->bulk;
		bench_measure(bench, c);
	}
	c->bulk = 1;
	c->ops = 1;
	own->at = 0;
	c->variant = "own: known this second";
	c->run = run_same_second;
	bench_measure(bench, c);
	c->variant = "own: refresh";
	c->run = run_refresh;
	bench_measure(bench, c);
}

static void
measure_learning(struct bench *bench, struct own *own, struct bench_case *c, const char *variant)
{
	c->variant = variant;
	c->run = run_learn;
	c->reset = reset_learn;
	c->rounds_max = own->keys->n_fresh;
	bench_measure(bench, c);
}

int
table_fdb(struct bench *bench, struct table_keys *keys, struct err *err)
{
	struct own own = {.bench = bench, .keys = keys};

	if (grace_init(&own.grace) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for grace periods");
	}
	int rc = fill(&own, keys->entries, err);
	struct bench_case c = {.entries = keys->entries, .arg = &own};
	if (rc == 0) {
		c.bytes = (own.fdb->bucket_mask + 1) * sizeof(struct fdb_bucket);
		c.huge = bench->machine.table_huge;
		measure_lookups(bench, &own, &c);
		own.full = true;
		measure_learning(bench, &own, &c, "own: learn, evict");
		fdb_destroy(own.fdb);
		own.fdb = NULL;
		own.full = false;
		rc = fill(&own, keys->entries - keys->n_fresh, err);
	}
	if (rc == 0) {
		measure_learning(bench, &own, &c, "own: learn");
	}
	fdb_destroy(own.fdb);
	grace_fini(&own.grace);
	return rc;
}
