/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FDB: which port is a MAC address behind, per bridge.
 *
 * What. (VLAN, MAC) -> destination port, learned by workers, set by main (static), aged out by
 * main. Lookups come from every worker for every packet; changes are rare and have one writer at a
 * time.
 *
 * Why this shape. A list per hash would be walked; open addressing grows clusters; cuckoo moves
 * entries, and a moving entry can be missed by a reader. So: an entry may sit in one of the two
 * buckets that its seeded hash names, a bucket is one cache line of FDB_BUCKET_SLOTS slots, and an
 * entry never moves while it lives. The table has twice as many slots as entries are allowed, which
 * makes two full buckets so rare (some ten in a million, at the limit) that refusing to learn then
 * is no loss; the seed makes it nothing that an attacker can aim for.
 *
 * A slot is two words: the key (MAC, VLAN, used) and the value (destination, last-seen second,
 * static, dead). Each is read and written as one atomic 64-bit word, so that a move to another port
 * is one store.
 *
 * Freeing. A reader that has matched a key may still be about to read the value, so a deleted
 * entry's slot is not reused at once: its value becomes "dead" with a grace token, and only when
 * the token has passed may another key be written there. A dead slot whose key returns before that
 * stays dead and a free slot is taken instead.
 *
 * Who holds too much loses. At the bridge's limit an insert evicts from the port that holds most
 * dynamic entries (its oldest, with a second chance for entries seen in the last FDB_YOUNG_S
 * seconds); a port that holds as many as any evicts its own, so a flooding port does. Per-port
 * counts and lists make that O(log ports). At its own limit (mac-limit) a port evicts its own
 * oldest, never another's.
 *
 * Ownership and threads. lookup functions: any worker, inside a burst; main is no reader that grace
 * periods wait for, and calls them with the lock held. Writers hold the lock: main with fdb_lock,
 * for at most FDB_SLICE entries at a time; workers by fdb_trylock, for one entry. Destroy after a
 * grace period.
 *
 * Limits. FDB_ENTRIES_MAX entries, FDB_PORTS_MAX port ids. Times are whole seconds of the caller's
 * clock, modulo 2^16; callers' clocks may differ by some seconds. The sweep must go on even if
 * entries do not age, and visit each at least once in an hour: it holds older entries at
 * FDB_AGING_MAX_S, so that none becomes young again.
 */
#ifndef VSW_DATAPATH_TABLE_FDB_H
#define VSW_DATAPATH_TABLE_FDB_H

#include <rte_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/core/grace.h"

#define FDB_ENTRIES_MAX (4U << 20)
#define FDB_PORTS_MAX 16384U /* ids 1..FDB_PORTS_MAX-1; DP_PORTS_MAX is the same */
#define FDB_BUCKET_SLOTS 4
#define FDB_SLICE 1000 /* entries that main touches with the lock held */
#define FDB_YOUNG_S 2 /* an entry seen this recently is passed over by eviction, a few times */
#define FDB_NO_PORT 0U /* lookup: unknown */
#define FDB_AGING_MAX_S 60000U
#define FDB_DEPS (1U << 16) /* things that a decision can depend on; more than one key each */

struct fdb;

/* MAC in the low 48 bits (first byte lowest), the 12 bits of the VLAN above. */
typedef uint64_t fdb_key_t;

static inline fdb_key_t
fdb_key(const struct rte_ether_addr *mac, uint16_t vlan)
{
	uint32_t low;
	uint16_t high;

	/* Not six bytes into a zeroed word: the load behind that waits for the stores. */
	__builtin_memcpy(&low, mac->addr_bytes, sizeof(low));
	__builtin_memcpy(&high, mac->addr_bytes + sizeof(low), sizeof(high));
	return low | (uint64_t)high << 32 | (uint64_t)vlan << 48;
}

enum fdb_result {
	FDB_LEARNED, /* new entry */
	FDB_REFRESHED, /* known there; last-seen updated */
	FDB_MOVED, /* was on another port */
	FDB_MOVE_LIMITED, /* would be a move, but the bridge's rate is used up; nothing changed */
	FDB_IS_STATIC, /* a static entry with this key names another port; nothing changed */
	FDB_REFUSED, /* no slot: two full buckets, or nothing to evict */
};

struct fdb_conf {
	uint32_t limit; /* dynamic entries, 1..FDB_ENTRIES_MAX */
	uint32_t aging_s; /* 0: entries do not age; at most FDB_AGING_MAX_S */
	uint32_t move_limit; /* moves a second; 0: no limit */
};

/* Monotonic; written under the lock, read relaxed. */
struct fdb_stats {
	uint64_t learned;
	uint64_t moved;
	uint64_t move_limited;
	uint64_t evicted;
	uint64_t port_limited; /* of those: because a port was at its own limit */
	uint64_t aged;
	uint64_t refused;
};

struct fdb_entry {
	fdb_key_t key;
	uint32_t port;
	uint16_t age_s; /* since it was last seen */
	bool is_static;
};

/* --- main, nobody else uses the table ------------------------------------------------------- */

/* -EINVAL (a limit out of range), -ENOMEM or 0. `seed` comes from getrandom(2). `grace` outlives
 * the table. */
int fdb_create(const struct fdb_conf *conf, struct grace *grace, uint64_t seed, struct fdb **out);
void fdb_destroy(struct fdb *fdb); /* NULL is legal */

/* --- any worker, inside a burst; main with the lock held ------------------------------------ */

/* ports[i] = destination of keys[i], or FDB_NO_PORT. n <= 64. Prefetches all before it compares. */
void fdb_lookup_bulk(const struct fdb *fdb, const fdb_key_t *keys, unsigned int n, uint32_t *ports);

/*
 * Is the source where the table says, seen this second? What a worker asks for each packet before
 * it thinks of the lock. True: nothing to do (last-seen is refreshed here, without the lock).
 */
bool fdb_source_known(struct fdb *fdb, fdb_key_t key, uint32_t port, uint16_t now_s);

/*
 * Who remembers a decision that came from here (the flow cache) asks later whether it still holds.
 * A decision depends on a key, whether that is there or not; keys share FDB_DEPS places by hash.
 * Each change of an entry (learned, moved, deleted; not refreshed) gives its place a new
 *generation.
 *
 *	generation = fdb_generation(fdb)          before looking anything up
 *	... look up, decide; keep generation, fdb_dep(key) of each key
 *	later: fdb_generation(fdb) == generation  nothing has changed at all
 *	or fdb_dep_holds(fdb, dep, generation)    nothing that this key depends on
 */
uint64_t fdb_generation(const struct fdb *fdb);
uint16_t fdb_dep(const struct fdb *fdb, fdb_key_t key);
bool fdb_dep_holds(const struct fdb *fdb, uint16_t dep, uint64_t generation);

/* --- writers: hold the lock ------------------------------------------------------------------ */

void fdb_lock(struct fdb *fdb) ON_MAIN;
bool fdb_trylock(struct fdb *fdb);
void fdb_unlock(struct fdb *fdb);

/* Learn or refresh. port_limit: dynamic entries of this port, 0 for no limit of its own. */
enum fdb_result
fdb_learn(struct fdb *fdb, fdb_key_t key, uint32_t port, uint32_t port_limit, uint16_t now_s);

/* Static entry: replaces a dynamic one; not counted against limits. FDB_REFUSED or FDB_LEARNED. */
enum fdb_result fdb_set_static(struct fdb *fdb, fdb_key_t key, uint32_t port);
bool fdb_del(struct fdb *fdb, fdb_key_t key); /* static or dynamic; false: was not there */

/* --- main, takes the lock itself; a few calls make one pass ---------------------------------- */

/*
 * Change limits: -EINVAL (out of range), 0; an fdb-limit above the table's room needs a new table:
 * -E2BIG. Entries over a smaller limit go by eviction, FDB_SLICE per call of fdb_sweep.
 */
int fdb_set_conf(struct fdb *fdb, const struct fdb_conf *conf) ON_MAIN;

/*
 * One slice of ageing: look at FDB_SLICE slots on from where the last call ended, delete what is
 * over-age. Call so often that all slots are visited within a second or two. Returns true at the
 * end of a pass.
 */
bool fdb_sweep(struct fdb *fdb, uint16_t now_s) ON_MAIN;

/*
 * Delete up to FDB_SLICE dynamic entries (and static ones, with_static) of a port (FDB_NO_PORT: of
 * any) and of a VLAN (-1: any). Returns true when none is left; call again otherwise. Flushes of
 * single ports may take turns; one of any port or of a VLAN goes through the table from a place
 * that it remembers, and a call with other arguments makes it begin anew: one of those at a time.
 * What is learned meanwhile may stay.
 */
bool fdb_flush(struct fdb *fdb, uint32_t port, int vlan, bool with_static) ON_MAIN;

/*
 * Copy up to n entries, in slot order from *cursor (0 to begin), which is advanced; returns how
 * many. Fewer than n: the end. Takes no lock; an entry that changes meanwhile may be missed.
 */
unsigned int fdb_dump(const struct fdb *fdb, uint32_t *cursor, struct fdb_entry *entries,
	unsigned int n, uint16_t now_s) ON_MAIN;

/* The greatest limit that fdb_set_conf accepts. */
uint32_t fdb_room(const struct fdb *fdb);

/* Dynamic plus static entries of the table; dynamic ones of a port. Any thread. */
uint32_t fdb_count(const struct fdb *fdb);
uint32_t fdb_port_count(const struct fdb *fdb, uint32_t port);

/* How often the port had to forget an address of its own because of its limit, since its entries
 * were flushed last. Any thread. */
uint32_t fdb_port_limited(const struct fdb *fdb, uint32_t port);
void fdb_get_stats(const struct fdb *fdb, struct fdb_stats *stats);

#endif
