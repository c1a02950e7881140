/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of the FDB: for fdb.c, fdb_learn.c, fdb_upkeep.c and their test.
 *
 * A slot's two words, by state:
 *
 *	           key                value
 *	never used 0                  0
 *	live       FDB_USED | key     static | last seen | port
 *	dead       0                  FDB_DEAD | grace token
 *
 * To dead: key, then token, then value. A reader that had matched the key reads the old value or a
 * dead one, and no reader that starts after the token can match.
 *
 * From dead to live, once the token has passed: value, then key with release, so that whoever
 * matches the key reads no older value (which is dead: at worst a miss). Before that, somebody may
 * hold a match of the old key and would read the new value.
 *
 * From live to live (refresh, move, static): one store of the value. Readers refresh "last seen" by
 * compare-and-swap, which fails if the writer was there first; a refresh that the writer overwrites
 * is no loss.
 */
#ifndef VSW_DATAPATH_TABLE_FDB_PRIV_H
#define VSW_DATAPATH_TABLE_FDB_PRIV_H

#include <assert.h>
#include <rte_common.h>

#include "datapath/table/fdb.h"
#include "datapath/table/fdb_news.h"
#include "datapath/table/fdb_ports.h"
#include "datapath/table/secret.h"

#define FDB_USED (UINT64_C(1) << 63) /* in keys[]: makes the key 0 as good as any other */
#define FDB_DEAD (UINT64_C(1) << 63) /* in values[]: all other bits are a grace token */
#define FDB_STATIC (UINT64_C(1) << 62) /* in values[] that are not dead */
#define FDB_KEY_BITS 60 /* MAC and VLAN */
#define FDB_BUCKETS_MIN 64U /* small tables need room for slots that wait for grace */

/* Threads read their clocks at different times: a time this little in the future is "now". */
#define FDB_SKEW_S 256U

struct fdb_bucket {
	uint64_t keys[FDB_BUCKET_SLOTS];
	uint64_t values[FDB_BUCKET_SLOTS];
} __rte_cache_aligned;

static_assert(sizeof(struct fdb_bucket) == 64, "a bucket is one cache line");

/* Where the flush of a VLAN has got to; calls with the same arguments go on from there. */
struct fdb_flush_pos {
	uint32_t port;
	int vlan;
	bool with_static;
	uint32_t slot;
};

/* Counters run freely and wrap; a slot is the counter's remainder. */
struct fdb_news_ring {
	struct fdb_news *slots; /* owned, FDB_NEWS_SLOTS */
	uint32_t put; /* slots filled; by the holder of the lock, read by main */
	uint32_t taken; /* slots emptied; by main, read by writers */
	uint64_t lost;
};

struct fdb {
	/* Read by all, never changed. */
	struct fdb_bucket *buckets;
	uint64_t bucket_mask;
	uint64_t secret[4];
	struct grace *grace;
	uint32_t n_slots;

	/* Taken by writers. */
	uint32_t locked __rte_cache_aligned;

	/* Of the last change; written by the holder of the lock, read by all. */
	uint64_t generation __rte_cache_aligned;
	uint64_t *deps; /* FDB_DEPS generations of the last change of something there */

	/* Read and written by the holder of the lock; counts and stats are read by others, relaxed.
	 */
	struct fdb_conf conf __rte_cache_aligned;
	uint32_t n_dynamic;
	uint32_t n_static;
	uint32_t moves_left; /* of conf.move_limit, in the second moves_s */
	uint16_t moves_s;
	bool moves_s_known; /* false until the first time is told */
	struct fdb_stats stats;
	struct fdb_ports ports;
	bool telling; /* somebody wants news */
	struct fdb_news_ring news;

	/* Main's alone. */
	uint32_t sweep_slot;
	struct fdb_flush_pos flush;
};

static_assert(
	offsetof(struct fdb, locked) == 64, "what lookups read is one line, without the lock");
static_assert(FDB_DEPS == UINT16_MAX + 1, "16 bits of the hash name a dependency");

/* --- words ---------------------------------------------------------------------------------- */

static inline uint64_t
fdb_value(uint32_t port, uint16_t seen_s)
{
	return (uint64_t)seen_s << 32 | port;
}

static inline uint32_t
fdb_value_port(uint64_t value)
{
	return (uint32_t)value;
}

static inline uint16_t
fdb_value_seen(uint64_t value)
{
	return (uint16_t)(value >> 32);
}

static inline bool
fdb_value_is_live(uint64_t value)
{
	return value != 0 && (value & FDB_DEAD) == 0;
}

/* Seconds from `then` to `now`, modulo 2^16; a little in the future is 0. */
static inline uint16_t
fdb_elapsed(uint16_t now_s, uint16_t then_s)
{
	uint16_t elapsed = (uint16_t)(now_s - then_s);

	return elapsed >= UINT16_MAX - FDB_SKEW_S ? 0 : elapsed;
}

static inline uint64_t *
fdb_key_at(const struct fdb *fdb, uint32_t slot)
{
	assert(slot < fdb->n_slots);
	return &fdb->buckets[slot / FDB_BUCKET_SLOTS].keys[slot % FDB_BUCKET_SLOTS];
}

static inline uint64_t *
fdb_value_at(const struct fdb *fdb, uint32_t slot)
{
	assert(slot < fdb->n_slots);
	return &fdb->buckets[slot / FDB_BUCKET_SLOTS].values[slot % FDB_BUCKET_SLOTS];
}

/* Relaxed: readers may be refreshing it. */
static inline uint64_t
fdb_value_load(const struct fdb *fdb, uint32_t slot)
{
	return __atomic_load_n(fdb_value_at(fdb, slot), __ATOMIC_RELAXED);
}

static inline void
fdb_value_store(struct fdb *fdb, uint32_t slot, uint64_t value)
{
	__atomic_store_n(fdb_value_at(fdb, slot), value, __ATOMIC_RELAXED);
}

/* --- hash ----------------------------------------------------------------------------------- */

/*
 * Not CRC32, though that is one instruction: it is linear, so that two keys that collide under one
 * seed collide under all, and a guest could send MACs that all name the same two buckets. A folded
 * multiplication is not linear and its multiplier is secret; twice, because once would still map an
 * arithmetic progression of MACs to an (almost) arithmetic progression of hashes.
 */
static inline uint64_t
fdb_hash(const struct fdb *fdb, fdb_key_t key)
{
	uint64_t mixed = secret_fold(key ^ fdb->secret[0], fdb->secret[1]);

	return secret_fold(mixed ^ fdb->secret[2], fdb->secret[3]);
}

static inline void
fdb_buckets_of(
	const struct fdb *fdb, fdb_key_t key, struct fdb_bucket **first, struct fdb_bucket **second)
{
	uint64_t hash = fdb_hash(fdb, key);
	uint64_t a = hash & fdb->bucket_mask;
	uint64_t b = hash >> 32 & fdb->bucket_mask;

	*first = &fdb->buckets[a];
	*second = &fdb->buckets[b ^ (a == b)];
}

/* For assertions: somebody holds the lock. */
static inline bool
fdb_is_locked(const struct fdb *fdb)
{
	return __atomic_load_n(&fdb->locked, __ATOMIC_RELAXED) != 0;
}

/* --- writers, lock held --------------------------------------------------------------------- */

/*
 * The key's entry has just changed. Release: who reads the new generation sees the change; who read
 * an older one before it looked finds out later, whatever it saw.
 */
static inline void
fdb_changed(struct fdb *fdb, fdb_key_t key)
{
	uint64_t generation = fdb->generation + 1;

	__atomic_store_n(&fdb->deps[fdb_dep(fdb, key)], generation, __ATOMIC_RELEASE);
	__atomic_store_n(&fdb->generation, generation, __ATOMIC_RELEASE);
}

/* Dead from now on; `slot` is live. */
void fdb_kill(struct fdb *fdb, uint32_t slot);

/* Delete one dynamic entry of the port, which has some. */
void fdb_evict(struct fdb *fdb, uint32_t port, uint16_t now_s);

/* Queue it for main, or count it as lost. */
void fdb_news_put(struct fdb *fdb, const struct fdb_news *news);

/* A dynamic entry has just changed, or is about to go. */
static inline void
fdb_news_tell(struct fdb *fdb, enum fdb_change change, fdb_key_t key, uint32_t port, uint32_t from)
{
	if (unlikely(fdb->telling)) {
		fdb_news_put(fdb,
			&(struct fdb_news){.key = key & ~FDB_USED,
				.port = port,
				.from = from,
				.count = 1,
				.vlan = -1,
				.change = (uint8_t)change});
	}
}

/* A new second, a new allowance of moves. */
void fdb_moves_refill(struct fdb *fdb, uint16_t now_s);

static inline void
fdb_stat_inc(uint64_t *stat)
{
	__atomic_store_n(stat, *stat + 1, __ATOMIC_RELAXED);
}

#endif
