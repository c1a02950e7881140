/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/fdb.h"

#include <errno.h>
#include <rte_pause.h>
#include <rte_prefetch.h>
#include <sched.h>
#include <stdlib.h>

#include "datapath/table/fdb_priv.h"
#include "datapath/table/pages.h"

#define LOOKUP_MAX 64 /* keys of one bulk lookup: a burst */
#define LOCK_SPINS 1000 /* a trylock's holder needs less than that many pauses, if it runs */

static_assert(FDB_PORTS_MAX <= UINT32_MAX, "a port id fills the low half of a value");
static_assert(FDB_AGING_MAX_S + FDB_SKEW_S < UINT16_MAX, "a pinned entry is never in the future");

/* --- create, destroy, configure ------------------------------------------------------------- */

static bool
conf_valid(const struct fdb_conf *conf)
{
	return conf->limit >= 1 && conf->limit <= FDB_ENTRIES_MAX &&
		conf->aging_s <= FDB_AGING_MAX_S;
}

static size_t
buckets_size(const struct fdb *fdb)
{
	return (fdb->bucket_mask + 1) * sizeof(struct fdb_bucket);
}

int
fdb_create(const struct fdb_conf *conf, struct grace *grace, uint64_t seed, struct fdb **out)
{
	struct fdb *fdb;
	uint32_t n_buckets;

	if (!conf_valid(conf)) {
		return -EINVAL;
	}
	fdb = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*fdb));
	if (fdb == NULL) {
		return -ENOMEM;
	}
	n_buckets = rte_align32pow2(RTE_MAX(conf->limit * 2 / FDB_BUCKET_SLOTS, FDB_BUCKETS_MIN));
	*fdb = (struct fdb){
		.bucket_mask = n_buckets - 1,
		.n_slots = n_buckets * FDB_BUCKET_SLOTS,
		.grace = grace,
		.conf = *conf,
		.moves_left = conf->move_limit,
	};
	for (unsigned int i = 0; i < RTE_DIM(fdb->secret); i++) {
		fdb->secret[i] = secret_next(&seed) | 1; /* no multiplier is 0 */
	}
	fdb->buckets = pages_alloc(buckets_size(fdb));
	if (fdb->buckets == NULL) {
		goto fail_buckets;
	}
	fdb->deps = pages_alloc(FDB_DEPS * sizeof(*fdb->deps));
	if (fdb->deps == NULL) {
		goto fail_deps;
	}
	fdb->news.slots = pages_alloc(FDB_NEWS_SLOTS * sizeof(*fdb->news.slots));
	if (fdb->news.slots == NULL) {
		goto fail_news;
	}
	if (fdb_ports_init(&fdb->ports, fdb->n_slots) != 0) {
		goto fail_ports;
	}
	*out = fdb;
	return 0;

fail_ports:
	pages_free(fdb->news.slots, FDB_NEWS_SLOTS * sizeof(*fdb->news.slots));
fail_news:
	pages_free(fdb->deps, FDB_DEPS * sizeof(*fdb->deps));
fail_deps:
	pages_free(fdb->buckets, buckets_size(fdb));
fail_buckets:
	free(fdb);
	return -ENOMEM;
}

void
fdb_destroy(struct fdb *fdb)
{
	if (fdb == NULL) {
		return;
	}
	assert(!fdb_is_locked(fdb));
	fdb_ports_fini(&fdb->ports);
	pages_free(fdb->news.slots, FDB_NEWS_SLOTS * sizeof(*fdb->news.slots));
	pages_free(fdb->deps, FDB_DEPS * sizeof(*fdb->deps));
	pages_free(fdb->buckets, buckets_size(fdb));
	free(fdb);
}

uint32_t
fdb_room(const struct fdb *fdb)
{
	return fdb->n_slots / 2;
}

int
fdb_set_conf(struct fdb *fdb, const struct fdb_conf *conf)
{
	if (!conf_valid(conf)) {
		return -EINVAL;
	}
	if (conf->limit > fdb_room(fdb)) {
		return -E2BIG;
	}
	fdb_lock(fdb);
	fdb->conf = *conf;
	fdb->moves_left = conf->move_limit;
	fdb_unlock(fdb);
	return 0;
}

/* --- lock ----------------------------------------------------------------------------------- */

bool
fdb_trylock(struct fdb *fdb)
{
	/* Look before writing: losers leave the line shared. */
	return __atomic_load_n(&fdb->locked, __ATOMIC_RELAXED) == 0 &&
		__atomic_exchange_n(&fdb->locked, 1, __ATOMIC_ACQUIRE) == 0;
}

void
fdb_lock(struct fdb *fdb)
{
	unsigned int spins = 0;

	while (!fdb_trylock(fdb)) {
		/* A worker holds it for one entry, unless it lost its CPU: perhaps to us. */
		if (++spins % LOCK_SPINS == 0) {
			(void)sched_yield();
		}
		rte_pause();
	}
}

void
fdb_unlock(struct fdb *fdb)
{
	assert(fdb_is_locked(fdb));
	__atomic_store_n(&fdb->locked, 0, __ATOMIC_RELEASE);
}

/* --- readers -------------------------------------------------------------------------------- */

/*
 * Value of the slot of `bucket` that has `word`, and where it is; 0 if none. Dead counts as none:
 * an entry that was deleted and learned again between two loads may so be missed once, which
 * floods.
 */
static inline uint64_t
bucket_get(struct fdb_bucket *bucket, uint64_t word, uint64_t **where)
{
	for (unsigned int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		if (__atomic_load_n(&bucket->keys[i], __ATOMIC_ACQUIRE) == word) {
			uint64_t value = __atomic_load_n(&bucket->values[i], __ATOMIC_RELAXED);

			if (fdb_value_is_live(value)) {
				*where = &bucket->values[i];
				return value;
			}
		}
	}
	return 0;
}

void
fdb_lookup_bulk(const struct fdb *fdb, const fdb_key_t *keys, unsigned int n, uint32_t *ports)
{
	struct fdb_bucket *first[LOOKUP_MAX];
	struct fdb_bucket *second[LOOKUP_MAX];

	assert(n <= LOOKUP_MAX);
	for (unsigned int i = 0; i < n; i++) {
		fdb_buckets_of(fdb, keys[i], &first[i], &second[i]);
		rte_prefetch0(first[i]);
		rte_prefetch0(second[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		uint64_t *where;
		uint64_t value = bucket_get(first[i], keys[i] | FDB_USED, &where);

		if (value == 0) {
			value = bucket_get(second[i], keys[i] | FDB_USED, &where);
		}
		ports[i] = fdb_value_port(value);
	}
}

bool
fdb_source_known(struct fdb *fdb, fdb_key_t key, uint32_t port, uint16_t now_s)
{
	struct fdb_bucket *first;
	struct fdb_bucket *second;
	uint64_t *where = NULL;
	uint64_t value;

	assert(port != FDB_NO_PORT);
	fdb_buckets_of(fdb, key, &first, &second);
	value = bucket_get(first, key | FDB_USED, &where);
	if (value == 0) {
		value = bucket_get(second, key | FDB_USED, &where);
	}
	if (value == 0 || fdb_value_port(value) != port) {
		return false;
	}
	/* Forward only, or two workers whose seconds differ would write at every packet. */
	if ((value & FDB_STATIC) == 0 && fdb_elapsed(now_s, fdb_value_seen(value)) > 0) {
		/* Lost: another worker refreshed it, or the writer changed it and knows better. */
		(void)__atomic_compare_exchange_n(where, &value, fdb_value(port, now_s), false,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return true;
}

uint64_t
fdb_generation(const struct fdb *fdb)
{
	return __atomic_load_n(&fdb->generation, __ATOMIC_ACQUIRE);
}

uint16_t
fdb_dep(const struct fdb *fdb, fdb_key_t key)
{
	return (uint16_t)(fdb_hash(fdb, key) >> 24);
}

bool
fdb_dep_holds(const struct fdb *fdb, uint16_t dep, uint64_t generation)
{
	return __atomic_load_n(&fdb->deps[dep], __ATOMIC_RELAXED) <= generation;
}

/* --- counts --------------------------------------------------------------------------------- */

uint32_t
fdb_count(const struct fdb *fdb)
{
	return __atomic_load_n(&fdb->n_dynamic, __ATOMIC_RELAXED) +
		__atomic_load_n(&fdb->n_static, __ATOMIC_RELAXED);
}

uint32_t
fdb_port_count(const struct fdb *fdb, uint32_t port)
{
	return fdb_ports_count(&fdb->ports, port);
}

uint32_t
fdb_port_limited(const struct fdb *fdb, uint32_t port)
{
	assert(port < FDB_PORTS_MAX);
	return __atomic_load_n(&fdb->ports.ports[port].n_limited, __ATOMIC_RELAXED);
}

void
fdb_get_stats(const struct fdb *fdb, struct fdb_stats *stats)
{
	const struct fdb_stats *from = &fdb->stats;

	stats->learned = __atomic_load_n(&from->learned, __ATOMIC_RELAXED);
	stats->moved = __atomic_load_n(&from->moved, __ATOMIC_RELAXED);
	stats->move_limited = __atomic_load_n(&from->move_limited, __ATOMIC_RELAXED);
	stats->evicted = __atomic_load_n(&from->evicted, __ATOMIC_RELAXED);
	stats->port_limited = __atomic_load_n(&from->port_limited, __ATOMIC_RELAXED);
	stats->aged = __atomic_load_n(&from->aged, __ATOMIC_RELAXED);
	stats->refused = __atomic_load_n(&from->refused, __ATOMIC_RELAXED);
}
