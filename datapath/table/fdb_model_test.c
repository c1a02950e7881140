/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random operations on a full and crowded FDB and on a naive twin: an array in which all is found
 * by looking at everything. VSW_SEED repeats a run.
 *
 * The twin knows all but two things, which it takes from the table: whether the two buckets of a
 * key are full, and which one of several ports with equally many entries was made to lose one.
 */
#include "datapath/table/fdb_test_world.h"
#include "tests/random.h"

#define N_KEYS 400
#define N_PORTS 40 /* ids 1..39, the low ones more often */
#define N_OPS 1000000
#define STATIC_MAX 40
#define LIMITED_PORT 3
#define LIMITED_TO 6U
#define YOUNG_TRIES 8U
#define EVICT_TRIES 2

struct twin_entry {
	fdb_key_t key;
	uint32_t port; /* FDB_NO_PORT: not there */
	bool is_static;
	int64_t seen_s;
	uint64_t order; /* when it joined the end of its port's list */
};

struct twin {
	struct fdb *fdb;
	struct twin_entry entries[N_KEYS];
	uint32_t n_on_port[N_PORTS];
	uint32_t n_dynamic;
	uint32_t n_static;
	uint64_t order;
	struct fdb_conf conf;
	uint32_t moves_left;
	int64_t moves_s;
	int64_t now_s;
	int64_t swept_s;
	struct fdb_stats stats;
	uint64_t random;
};

static uint32_t
rnd(struct twin *twin, uint32_t n)
{
	return random_below(&twin->random, n);
}

/* A few ports hold much and many hold one or none: the heap gets all its shapes. */
static uint32_t
rnd_port(struct twin *twin)
{
	return 1 + rnd(twin, 1 + rnd(twin, N_PORTS - 1));
}

/* --- the twin ------------------------------------------------------------------------------- */

static void
twin_remove(struct twin *twin, struct twin_entry *entry)
{
	if (entry->is_static) {
		twin->n_static--;
	} else {
		twin->n_on_port[entry->port]--;
		twin->n_dynamic--;
	}
	entry->port = FDB_NO_PORT;
}

static void
twin_put(struct twin *twin, struct twin_entry *entry, uint32_t port, int64_t now_s)
{
	entry->port = port;
	entry->is_static = false;
	entry->seen_s = now_s;
	entry->order = ++twin->order;
	twin->n_on_port[port]++;
	twin->n_dynamic++;
}

static struct twin_entry *
twin_oldest(struct twin *twin, uint32_t port)
{
	struct twin_entry *oldest = NULL;

	for (unsigned int i = 0; i < N_KEYS; i++) {
		struct twin_entry *entry = &twin->entries[i];

		if (entry->port == port && !entry->is_static &&
			(oldest == NULL || entry->order < oldest->order)) {
			oldest = entry;
		}
	}
	assert_non_null(oldest);
	return oldest;
}

static void
twin_evict(struct twin *twin, uint32_t port, int64_t now_s)
{
	uint32_t tries = RTE_MIN(twin->n_on_port[port], YOUNG_TRIES);
	struct twin_entry *entry = twin_oldest(twin, port);

	for (; tries > 0 && now_s - entry->seen_s <= FDB_YOUNG_S; tries--) {
		entry->order = ++twin->order;
		entry = twin_oldest(twin, port);
	}
	twin_remove(twin, entry);
	twin->stats.evicted++;
}

/* A port of those that hold most; among equals one of which the table has already taken. */
static uint32_t
twin_busiest(const struct twin *twin)
{
	uint32_t busiest = 1;

	for (uint32_t port = 2; port < N_PORTS; port++) {
		bool taken = fdb_port_count(twin->fdb, port) < twin->n_on_port[port];

		if (twin->n_on_port[port] > twin->n_on_port[busiest] ||
			(twin->n_on_port[port] == twin->n_on_port[busiest] && taken)) {
			busiest = port;
		}
	}
	return busiest;
}

static void
twin_make_room(struct twin *twin, uint32_t port, uint32_t port_limit, int64_t now_s)
{
	for (int i = 0; i < EVICT_TRIES; i++) {
		if (port_limit != 0 && twin->n_on_port[port] >= port_limit) {
			twin_evict(twin, port, now_s);
			twin->stats.port_limited++;
		}
	}
}

static void
twin_refill_moves(struct twin *twin, int64_t now_s)
{
	if (now_s > twin->moves_s) {
		twin->moves_s = now_s;
		twin->moves_left = twin->conf.move_limit;
	}
}

static enum fdb_result
twin_move(struct twin *twin, struct twin_entry *entry, uint32_t port, uint32_t port_limit,
	int64_t now_s)
{
	if (twin->conf.move_limit != 0) {
		twin_refill_moves(twin, now_s);
		if (twin->moves_left == 0) {
			twin->stats.move_limited++;
			return FDB_MOVE_LIMITED;
		}
		twin->moves_left--;
	}
	twin_make_room(twin, port, port_limit, now_s);
	twin_remove(twin, entry);
	twin_put(twin, entry, port, now_s);
	twin->stats.moved++;
	return FDB_MOVED;
}

/* After the table has done the same. */
static enum fdb_result
twin_learn(struct twin *twin, struct twin_entry *entry, uint32_t port, uint32_t port_limit,
	int64_t now_s, bool full)
{
	if (entry->port != FDB_NO_PORT && entry->is_static) {
		return entry->port == port ? FDB_REFRESHED : FDB_IS_STATIC;
	}
	if (entry->port == port) {
		entry->seen_s = RTE_MAX(entry->seen_s, now_s);
		entry->order = ++twin->order;
		return FDB_REFRESHED;
	}
	if (entry->port != FDB_NO_PORT) {
		return twin_move(twin, entry, port, port_limit, now_s);
	}
	if (full) {
		twin->stats.refused++;
		return FDB_REFUSED;
	}
	twin_make_room(twin, port, port_limit, now_s);
	for (int i = 0; i < EVICT_TRIES && twin->n_dynamic >= twin->conf.limit; i++) {
		uint32_t loser = twin_busiest(twin);

		if (twin->n_on_port[port] == twin->n_on_port[loser]) {
			loser = port;
		}
		twin_evict(twin, loser, now_s);
	}
	twin_put(twin, entry, port, now_s);
	twin->stats.learned++;
	return FDB_LEARNED;
}

/* --- comparison ----------------------------------------------------------------------------- */

static bool
buckets_full(const struct fdb *fdb, fdb_key_t key)
{
	struct fdb_bucket *buckets[2];

	fdb_buckets_of(fdb, key, &buckets[0], &buckets[1]);
	for (unsigned int i = 0; i < 2 * FDB_BUCKET_SLOTS; i++) {
		if (buckets[i / FDB_BUCKET_SLOTS]->keys[i % FDB_BUCKET_SLOTS] == 0) {
			return false; /* nobody reads: dead slots are free at once */
		}
	}
	return true;
}

static uint32_t
check_list(const struct fdb *fdb, const struct fdb_list *list, uint32_t port, uint64_t static_bit)
{
	const struct fdb_link *links = fdb->ports.links;
	uint32_t prev = 0;
	uint32_t n = 0;

	for (uint32_t i = list->head; i != 0; prev = i, i = links[i - 1].next) {
		uint64_t value = *fdb_value_at(fdb, i - 1);

		assert_true(fdb_value_is_live(value));
		assert_int_equal(fdb_value_port(value), port);
		assert_int_equal(value & FDB_STATIC, static_bit);
		assert_int_equal(links[i - 1].prev, prev);
		n++;
	}
	assert_int_equal(list->tail, prev);
	return n;
}

static void
check_books(const struct fdb *fdb)
{
	const struct fdb_ports *fp = &fdb->ports;
	uint32_t n_dynamic = 0;
	uint32_t n_static = 0;
	uint32_t n_heap = 0;

	for (uint32_t port = 1; port < N_PORTS; port++) {
		const struct fdb_port *p = &fp->ports[port];

		assert_int_equal(check_list(fdb, &p->dynamic, port, 0), p->n_dynamic);
		n_static += check_list(fdb, &p->fixed, port, FDB_STATIC);
		n_dynamic += p->n_dynamic;
		n_heap += p->n_dynamic > 0;
		assert_int_equal(p->heap_pos > 0, p->n_dynamic > 0);
	}
	assert_int_equal(fdb->n_dynamic, n_dynamic);
	assert_int_equal(fdb->n_static, n_static);
	assert_int_equal(fp->n_heap, n_heap);
	for (uint32_t pos = 1; pos <= n_heap; pos++) {
		const struct fdb_port *p = &fp->ports[fp->heap[pos]];

		assert_int_equal(p->heap_pos, pos);
		assert_true(pos == 1 || fp->ports[fp->heap[pos / 2]].n_dynamic >= p->n_dynamic);
	}
}

static void
check_all(struct twin *twin) ON_MAIN
{
	struct fdb_entry found[N_KEYS + 1];
	uint32_t cursor = 0;
	unsigned int n = fdb_dump(twin->fdb, &cursor, found, RTE_DIM(found), (uint16_t)twin->now_s);
	struct fdb_stats stats;

	assert_int_equal(n, twin->n_dynamic + twin->n_static);
	for (unsigned int i = 0; i < n; i++) {
		struct twin_entry *entry =
			&twin->entries[found[i].key & UINT16_MAX]; /* see twin_init */

		assert_int_equal(found[i].key, entry->key);
		assert_int_equal(found[i].port, entry->port);
		assert_int_equal(found[i].is_static, entry->is_static);
		if (!entry->is_static && twin->now_s - entry->seen_s < FDB_AGING_MAX_S) {
			assert_int_equal(found[i].age_s, RTE_MAX(twin->now_s - entry->seen_s, 0));
		}
	}
	for (unsigned int i = 0; i < N_KEYS; i++) {
		assert_int_equal(lookup(twin->fdb, twin->entries[i].key), twin->entries[i].port);
	}
	stats = stats_of(twin->fdb);
	assert_memory_equal(&stats, &twin->stats, sizeof(stats));
	check_books(twin->fdb);
}

/* --- operations ----------------------------------------------------------------------------- */

static void
op_learn(struct twin *twin, struct twin_entry *entry)
{
	uint32_t port = rnd_port(twin);
	uint32_t port_limit;
	int64_t now_s = twin->now_s - rnd(twin, 2); /* some workers are late */
	bool full = buckets_full(twin->fdb, entry->key);
	enum fdb_result result;

	/* Most sources stay where they are. */
	if (entry->port != FDB_NO_PORT && rnd(twin, 4) != 0) {
		port = entry->port;
	}
	port_limit = port == LIMITED_PORT ? LIMITED_TO : 0;
	assert_true(fdb_trylock(twin->fdb));
	result = fdb_learn(twin->fdb, entry->key, port, port_limit, (uint16_t)now_s);
	fdb_unlock(twin->fdb);
	assert_int_equal(result, twin_learn(twin, entry, port, port_limit, now_s, full));
}

static void
op_source_known(struct twin *twin, struct twin_entry *entry)
{
	uint32_t port = entry->port;

	if (port == FDB_NO_PORT || rnd(twin, 8) == 0) {
		port = rnd_port(twin);
	}
	assert_int_equal(fdb_source_known(twin->fdb, entry->key, port, (uint16_t)twin->now_s),
		entry->port == port);
	if (entry->port == port) {
		entry->seen_s = RTE_MAX(entry->seen_s, twin->now_s);
	}
}

static void
op_del(struct twin *twin, struct twin_entry *entry)
{
	assert_true(fdb_trylock(twin->fdb));
	assert_int_equal(fdb_del(twin->fdb, entry->key), entry->port != FDB_NO_PORT);
	fdb_unlock(twin->fdb);
	if (entry->port != FDB_NO_PORT) {
		twin_remove(twin, entry);
	}
}

static void
op_set_static(struct twin *twin, struct twin_entry *entry)
{
	uint32_t port = rnd_port(twin);
	bool full = entry->port == FDB_NO_PORT && buckets_full(twin->fdb, entry->key);

	if (twin->n_static == STATIC_MAX) {
		return;
	}
	assert_int_equal(set_static(twin->fdb, entry->key, port), full ? FDB_REFUSED : FDB_LEARNED);
	if (full) {
		twin->stats.refused++;
		return;
	}
	if (entry->port != FDB_NO_PORT) {
		twin_remove(twin, entry);
	}
	entry->port = port;
	entry->is_static = true;
	twin->n_static++;
}

static void
op_set_conf(struct twin *twin, const struct fdb_conf *conf) ON_MAIN
{
	twin->conf = *conf;
	twin->moves_left = conf->move_limit;
	assert_int_equal(fdb_set_conf(twin->fdb, conf), 0);
}

/* A sweep that only evicts: twin_busiest() could not tell eviction from ageing. */
static void
sweep_excess(struct twin *twin) ON_MAIN
{
	struct fdb_conf conf = twin->conf;
	struct fdb_conf without_aging = conf;

	without_aging.aging_s = 0;
	op_set_conf(twin, &without_aging);
	assert_int_equal(sweep_all(twin->fdb, (uint16_t)twin->now_s), 1);
	twin_refill_moves(twin, twin->now_s);
	while (twin->n_dynamic > conf.limit) {
		twin_evict(twin, twin_busiest(twin), twin->now_s);
	}
	op_set_conf(twin, &conf);
}

static void
op_sweep(struct twin *twin) ON_MAIN
{
	if (twin->n_dynamic > twin->conf.limit) {
		sweep_excess(twin);
	}
	assert_int_equal(sweep_all(twin->fdb, (uint16_t)twin->now_s), 1);
	twin_refill_moves(twin, twin->now_s);
	for (unsigned int i = 0; i < N_KEYS && twin->conf.aging_s != 0; i++) {
		struct twin_entry *entry = &twin->entries[i];

		if (entry->port != FDB_NO_PORT && !entry->is_static &&
			twin->now_s - entry->seen_s > twin->conf.aging_s) {
			twin_remove(twin, entry);
			twin->stats.aged++;
		}
	}
	twin->swept_s = twin->now_s;
}

static void
op_flush(struct twin *twin) ON_MAIN
{
	uint32_t port = rnd(twin, 4) == 0 ? FDB_NO_PORT : rnd_port(twin);
	int vlan = (int)rnd(twin, 4) - 1;
	bool with_static = rnd(twin, 2) == 0;

	assert_true(fdb_flush(twin->fdb, port, vlan, with_static));
	for (unsigned int i = 0; i < N_KEYS; i++) {
		struct twin_entry *entry = &twin->entries[i];

		if (entry->port != FDB_NO_PORT && (port == FDB_NO_PORT || entry->port == port) &&
			(vlan < 0 || entry->key >> 48 == (unsigned int)vlan) &&
			(with_static || !entry->is_static)) {
			twin_remove(twin, entry);
		}
	}
}

/* The excess after a lower limit is left to the next sweep, or to learning before it. */
static void
op_set_any_conf(struct twin *twin) ON_MAIN
{
	struct fdb_conf conf = {
		.limit = 20 + rnd(twin, 109),
		.aging_s = rnd(twin, 4) * 100,
		.move_limit = rnd(twin, 5),
	};

	op_set_conf(twin, &conf);
}

static void
op_wait(struct twin *twin) ON_MAIN
{
	/* Without a sweep for long, times would wrap: then op_sweep is not left to chance. */
	twin->now_s += rnd(twin, 50) == 0 ? rnd(twin, 3000) : rnd(twin, 4);
	if (twin->now_s - twin->swept_s > 300) {
		op_sweep(twin);
	}
}

static void
op_any(struct twin *twin) ON_MAIN
{
	struct twin_entry *entry = &twin->entries[rnd(twin, N_KEYS)];
	uint32_t dice = rnd(twin, 1000);

	if (dice < 600) {
		op_learn(twin, entry);
	} else if (dice < 800) {
		op_source_known(twin, entry);
	} else if (dice < 870) {
		op_del(twin, entry);
	} else if (dice < 890) {
		op_set_static(twin, entry);
	} else if (dice < 980) {
		op_wait(twin);
	} else if (dice < 990) {
		op_sweep(twin);
	} else if (dice < 995) {
		op_set_any_conf(twin);
	} else {
		op_flush(twin);
	}
}

static void
twin_init(struct twin *twin, struct fdb *fdb, uint64_t seed)
{
	twin->fdb = fdb;
	twin->conf = fdb->conf;
	twin->moves_left = twin->conf.move_limit;
	twin->moves_s = -1;
	twin->random = seed | 1;
	for (unsigned int i = 0; i < N_KEYS; i++) {
		/* The key's number is its low 16 bits; VLANs 0 to 2; number 0 is key 0. */
		twin->entries[i].key = i | (uint64_t)(i % 3) << 48;
	}
}

static void
test_like_naive_twin(void **state)
{
	struct fdb *fdb = table(state, 128, 300, 3);
	uint64_t seed = random_seed();
	struct twin *twin = calloc(1, sizeof(*twin));

	assert_non_null(twin);
	print_message("# VSW_SEED=%#llx\n", (unsigned long long)seed);
	twin_init(twin, fdb, seed);
	assert_int_equal(fdb->n_slots, SMALL_SLOTS);
	for (unsigned int i = 0; i < N_OPS; i++) {
		op_any(twin);
		assert_int_equal(fdb_count(fdb), twin->n_dynamic + twin->n_static);
		if (i % 20 == 0) {
			check_books(fdb);
		}
		if (i % 1000 == 0) {
			check_all(twin);
		}
	}
	check_all(twin);
	/* The run went where it should have. */
	assert_true(twin->stats.evicted > 1000 && twin->stats.move_limited > 300 &&
		twin->stats.aged > 1000 && twin->stats.moved > 1000);
	free(twin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_like_naive_twin),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("fdb_model", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
