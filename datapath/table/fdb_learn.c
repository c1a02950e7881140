/* SPDX-License-Identifier: BSD-3-Clause */
/* What writers do with one entry: learn, move, evict, set, delete; the lock is held. */
#include "datapath/table/fdb.h"

#include "datapath/table/fdb_priv.h"

#define SECOND_CHANCES 8 /* entries that an eviction passes over at most */
#define EVICT_MAX 2 /* by one learn: its own place, and one more after a limit was lowered */

/* --- slots ----------------------------------------------------------------------------------- */

static inline uint32_t
slot_number(const struct fdb *fdb, const struct fdb_bucket *bucket, uint32_t i)
{
	return (uint32_t)(bucket - fdb->buckets) * FDB_BUCKET_SLOTS + i;
}

/* Slot of the live entry, FDB_NO_SLOT if there is none. */
static uint32_t
slot_find(const struct fdb *fdb, fdb_key_t key)
{
	struct fdb_bucket *buckets[2];

	fdb_buckets_of(fdb, key, &buckets[0], &buckets[1]);
	for (unsigned int b = 0; b < RTE_DIM(buckets); b++) {
		for (uint32_t i = 0; i < FDB_BUCKET_SLOTS; i++) {
			if (buckets[b]->keys[i] == (key | FDB_USED)) {
				return slot_number(fdb, buckets[b], i);
			}
		}
	}
	return FDB_NO_SLOT;
}

/* May another key be written here: nobody can hold a match of the one before. */
static bool
slot_is_free(const struct fdb *fdb, const struct fdb_bucket *bucket, unsigned int i)
{
	uint64_t value = __atomic_load_n(&bucket->values[i], __ATOMIC_RELAXED);

	if (bucket->keys[i] != 0) {
		assert(fdb_value_is_live(value));
		return false;
	}
	assert(value == 0 || (value & FDB_DEAD) != 0);
	return value == 0 || grace_passed(fdb->grace, value & ~FDB_DEAD);
}

/* A free slot in the emptier of the key's two buckets, FDB_NO_SLOT if both are full. */
static uint32_t
slot_find_free(const struct fdb *fdb, fdb_key_t key)
{
	struct fdb_bucket *buckets[2];
	uint32_t best = FDB_NO_SLOT;
	unsigned int best_n = 0;

	fdb_buckets_of(fdb, key, &buckets[0], &buckets[1]);
	for (unsigned int b = 0; b < RTE_DIM(buckets); b++) {
		uint32_t slot = FDB_NO_SLOT;
		unsigned int n = 0;

		for (uint32_t i = 0; i < FDB_BUCKET_SLOTS; i++) {
			if (slot_is_free(fdb, buckets[b], i)) {
				slot = slot_number(fdb, buckets[b], i);
				n++;
			}
		}
		if (n > best_n) {
			best = slot;
			best_n = n;
		}
	}
	return best;
}

static void
slot_write(struct fdb *fdb, uint32_t slot, fdb_key_t key, uint64_t value)
{
	assert(*fdb_key_at(fdb, slot) == 0 && fdb_value_is_live(value));
	fdb_value_store(fdb, slot, value);
	__atomic_store_n(fdb_key_at(fdb, slot), key | FDB_USED, __ATOMIC_RELEASE);
}

static void
n_dynamic_add(struct fdb *fdb, int n)
{
	__atomic_store_n(&fdb->n_dynamic, fdb->n_dynamic + n, __ATOMIC_RELAXED);
}

static void
n_static_add(struct fdb *fdb, int n)
{
	__atomic_store_n(&fdb->n_static, fdb->n_static + n, __ATOMIC_RELAXED);
}

/* Out of the books of its port, dynamic or static; the slot itself stays as it is. */
static void
slot_unlist(struct fdb *fdb, uint32_t slot, uint64_t value)
{
	if ((value & FDB_STATIC) != 0) {
		fdb_ports_del_static(&fdb->ports, fdb_value_port(value), slot);
		n_static_add(fdb, -1);
	} else {
		fdb_ports_del(&fdb->ports, fdb_value_port(value), slot);
		n_dynamic_add(fdb, -1);
	}
}

void
fdb_kill(struct fdb *fdb, uint32_t slot)
{
	uint64_t value = fdb_value_load(fdb, slot);
	fdb_key_t key = *fdb_key_at(fdb, slot) & ~FDB_USED;
	uint64_t token;

	assert(fdb_is_locked(fdb) && fdb_value_is_live(value));
	slot_unlist(fdb, slot, value);
	__atomic_store_n(fdb_key_at(fdb, slot), 0, __ATOMIC_RELAXED);
	token = grace_start(fdb->grace); /* releases the store above */
	assert((token & FDB_DEAD) == 0);
	fdb_value_store(fdb, slot, FDB_DEAD | token);
	fdb_changed(fdb, key);
}

/* --- limits ---------------------------------------------------------------------------------- */

void
fdb_evict(struct fdb *fdb, uint32_t port, uint16_t now_s)
{
	uint32_t chances = RTE_MIN(fdb_ports_count(&fdb->ports, port), (uint32_t)SECOND_CHANCES);
	uint32_t slot = fdb_ports_oldest(&fdb->ports, port);

	/* All young: as many turns as there are entries end where they began, at the oldest. */
	for (; chances > 0; chances--) {
		uint64_t value = fdb_value_load(fdb, slot);

		if (fdb_elapsed(now_s, fdb_value_seen(value)) > FDB_YOUNG_S) {
			break;
		}
		fdb_ports_touch(&fdb->ports, port, slot);
		slot = fdb_ports_oldest(&fdb->ports, port);
	}
	fdb_news_tell(fdb, FDB_CHANGE_EVICTED, *fdb_key_at(fdb, slot), port, FDB_NO_PORT);
	fdb_kill(fdb, slot);
	fdb_stat_inc(&fdb->stats.evicted);
}

/* Room on a port that is at its own limit: its own entries go. */
static void
port_make_room(struct fdb *fdb, uint32_t port, uint32_t port_limit, uint16_t now_s)
{
	for (unsigned int i = 0; i < EVICT_MAX && port_limit > 0; i++) {
		if (fdb_ports_count(&fdb->ports, port) < port_limit) {
			break;
		}
		fdb_evict(fdb, port, now_s);
		fdb_ports_limited(&fdb->ports, port);
		fdb_stat_inc(&fdb->stats.port_limited);
	}
}

/* Room on the bridge: who holds most loses, and the one who asks if nobody holds more. */
static void
bridge_make_room(struct fdb *fdb, uint32_t port, uint16_t now_s)
{
	for (unsigned int i = 0; i < EVICT_MAX && fdb->n_dynamic >= fdb->conf.limit; i++) {
		uint32_t loser = fdb_ports_busiest(&fdb->ports);

		assert(loser != FDB_NO_PORT);
		if (fdb_ports_count(&fdb->ports, port) == fdb_ports_count(&fdb->ports, loser)) {
			loser = port;
		}
		fdb_evict(fdb, loser, now_s);
	}
}

void
fdb_moves_refill(struct fdb *fdb, uint16_t now_s)
{
	if (!fdb->moves_s_known || fdb_elapsed(now_s, fdb->moves_s) > 0) {
		fdb->moves_s_known = true;
		fdb->moves_s = now_s;
		fdb->moves_left = fdb->conf.move_limit;
	}
}

static bool
move_allowed(struct fdb *fdb, uint16_t now_s)
{
	if (fdb->conf.move_limit == 0) {
		return true;
	}
	fdb_moves_refill(fdb, now_s);
	if (fdb->moves_left == 0) {
		return false;
	}
	fdb->moves_left--;
	return true;
}

/* --- public ---------------------------------------------------------------------------------- */

static enum fdb_result
learn_known(struct fdb *fdb, fdb_key_t key, uint32_t slot, uint32_t port, uint32_t port_limit,
	uint16_t now_s)
{
	uint64_t value = fdb_value_load(fdb, slot);
	uint32_t old_port = fdb_value_port(value);

	if ((value & FDB_STATIC) != 0) {
		return port == old_port ? FDB_REFRESHED : FDB_IS_STATIC;
	}
	if (port == old_port) {
		if (fdb_elapsed(now_s, fdb_value_seen(value)) > 0) {
			fdb_value_store(fdb, slot, fdb_value(port, now_s));
		}
		fdb_ports_touch(&fdb->ports, port, slot);
		return FDB_REFRESHED;
	}
	if (!move_allowed(fdb, now_s)) {
		fdb_stat_inc(&fdb->stats.move_limited);
		return FDB_MOVE_LIMITED;
	}
	port_make_room(fdb, port, port_limit, now_s);
	fdb_ports_del(&fdb->ports, old_port, slot);
	fdb_ports_add(&fdb->ports, port, slot);
	fdb_value_store(fdb, slot, fdb_value(port, now_s));
	fdb_changed(fdb, key);
	fdb_stat_inc(&fdb->stats.moved);
	fdb_news_tell(fdb, FDB_CHANGE_MOVED, key, port, old_port);
	return FDB_MOVED;
}

enum fdb_result
fdb_learn(struct fdb *fdb, fdb_key_t key, uint32_t port, uint32_t port_limit, uint16_t now_s)
{
	uint32_t slot = slot_find(fdb, key);

	assert(fdb_is_locked(fdb));
	assert(port != FDB_NO_PORT && port < FDB_PORTS_MAX && key >> FDB_KEY_BITS == 0);
	if (slot != FDB_NO_SLOT) {
		return learn_known(fdb, key, slot, port, port_limit, now_s);
	}
	slot = slot_find_free(fdb, key);
	if (slot == FDB_NO_SLOT) {
		fdb_stat_inc(&fdb->stats.refused);
		return FDB_REFUSED;
	}
	port_make_room(fdb, port, port_limit, now_s);
	bridge_make_room(fdb, port, now_s);
	fdb_ports_add(&fdb->ports, port, slot);
	n_dynamic_add(fdb, 1);
	slot_write(fdb, slot, key, fdb_value(port, now_s));
	fdb_changed(fdb, key);
	fdb_stat_inc(&fdb->stats.learned);
	fdb_news_tell(fdb, FDB_CHANGE_LEARNED, key, port, FDB_NO_PORT);
	return FDB_LEARNED;
}

enum fdb_result
fdb_set_static(struct fdb *fdb, fdb_key_t key, uint32_t port)
{
	uint32_t slot = slot_find(fdb, key);
	uint64_t value = FDB_STATIC | port;

	assert(fdb_is_locked(fdb));
	assert(port != FDB_NO_PORT && port < FDB_PORTS_MAX && key >> FDB_KEY_BITS == 0);
	if (slot != FDB_NO_SLOT) {
		slot_unlist(fdb, slot, fdb_value_load(fdb, slot));
		fdb_value_store(fdb, slot, value);
	} else {
		slot = slot_find_free(fdb, key);
		if (slot == FDB_NO_SLOT) {
			fdb_stat_inc(&fdb->stats.refused);
			return FDB_REFUSED;
		}
		slot_write(fdb, slot, key, value);
	}
	fdb_changed(fdb, key);
	fdb_ports_add_static(&fdb->ports, port, slot);
	n_static_add(fdb, 1);
	return FDB_LEARNED;
}

bool
fdb_del(struct fdb *fdb, fdb_key_t key)
{
	uint32_t slot = slot_find(fdb, key);

	assert(fdb_is_locked(fdb));
	if (slot == FDB_NO_SLOT) {
		return false;
	}
	fdb_kill(fdb, slot);
	return true;
}
