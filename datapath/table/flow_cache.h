/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow cache: what a worker has decided for packets like this one.
 *
 * What. A key (the words of datapath/core/fields.h that some rule can look at) -> an entry with
 * the decision in short form, the generation that it was made under, and counters. Looked up for
 * every packet, changed for every new flow. Each worker has its own.
 *
 * Why this shape. A list per hash costs a miss of the processor's cache per step, and so do keys
 * that lie inline in buckets as soon as keys have different sizes. So: a bucket is one cache line
 * of 8 signatures (16 bits of the hash) and 8 numbers of entries, and what matches a signature is
 * nearly always the entry. A key goes into its first bucket, or into its second if that is full:
 * the first one counts those guests elsewhere, so that only then a lookup asks the second, and
 * nearly each one touches two lines, one in each of two passes over the burst, prefetched. There
 * are at least twice as many places as entries.
 *
 * An entry does not move while it lives. Sizes: up to 3 words in one line, up to 5 in two, up to
 * 16 in three. Each size has room for `capacity` entries in address space; pages are taken when
 * they are first written, and flow_cache_populate() lets main be there before the worker.
 *
 * The hash is keyed by 64 bits of seed (flow_cache_hash.h), because guests choose keys: who could
 * make keys collide would turn each lookup of a neighbour into a miss.
 *
 * Who must go. Nobody while there is room. After that a port that holds its share or more evicts
 * its own oldest entry. One that holds less takes from the port that holds most for its weight, but
 * there only what was not hit lately, then of its own what was not hit lately, and only then a live
 * one of the other's. So who sends nothing but new flows evicts itself. "Lately" is since the last
 * tick but one; an entry that was hit goes to the end of its port's list, at most
 * FLOW_EVICT_TRIES times for one insertion. Shares are capacity * weight / weights of the ports
 * that hold entries; the weight is 1 unless set.
 *
 * Pointers. What a lookup or an insertion returns stays until flow_cache_begin() begins the next
 * burst, or until it is removed by name, by port or by a visitor: eviction passes it over. If
 * nothing else is left to evict, an insertion is refused.
 *
 * Counters. An entry that goes is shown to `on_evict`, whatever the reason; so the sum of what was
 * folded and of what is there is all that ever was counted. `packets` is 32 bits wide: fold it
 * once in some minutes.
 *
 * Ownership and threads. One worker owns a cache and calls everything, but where it says otherwise.
 * Main creates and destroys it, populates it and reads counts (relaxed, single stores).
 */
#ifndef VSW_DATAPATH_TABLE_FLOW_CACHE_H
#define VSW_DATAPATH_TABLE_FLOW_CACHE_H

#include <assert.h>
#include <rte_common.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/table/flow_ports.h"

#define FLOW_KEY_WORDS_MAX 16U
#define FLOW_BULK_MAX 64U /* keys of one lookup */
#define FLOW_CAPACITY_MIN 1024U /* more than one burst's packets in all their passes */
#define FLOW_CAPACITY_MAX (16U << 20)
#define FLOW_PAYLOAD_SIZE 16U /* bytes of an entry that are the caller's; 8-byte aligned */
#define FLOW_TAIL_SIZE 24U /* more of them, in entries of more than 3 words */
#define FLOW_EVICT_TRIES 8U
#define FLOW_TICK_MS 500U /* see flow_cache_tick */
#define FLOW_IDLE_MAX (255U * FLOW_TICK_MS)

struct flow_cache;

/*
 * A key to look up or insert. The caller fills words and n_words (1..16); words[0] is word 0 of
 * struct fields, with in_port < FLOW_PORTS_MAX. Up to 5 words, all of it is in one cache line.
 */
struct flow_key {
	uint64_t hash; /* set by flow_cache_hash */
	uint64_t n_words;
	uint64_t words[FLOW_KEY_WORDS_MAX];
} __rte_cache_aligned;

static_assert(offsetof(struct flow_key, words[5]) <= 64, "an IPv4 key is one line");

/* What follows the words is the payload. */
struct flow_entry {
	uint64_t generation; /* the caller's; 0 when new */
	uint64_t bytes; /* the caller's, as the next */
	uint32_t packets;
	uint16_t burst; /* of the last hit, modulo 2^16 */
	uint8_t used; /* tick of the last hit; 0: never, or long ago */
	uint8_t n_words; /* 0: free */
	uint64_t words[];
};

static_assert(sizeof(struct flow_entry) == 24, "with 3 words and a payload of 16: one line");
static_assert(24 + FLOW_KEY_WORDS_MAX * 8 + FLOW_PAYLOAD_SIZE + FLOW_TAIL_SIZE <= 3 * 64,
	"the longest: three lines");

enum flow_size { FLOW_SIZE_L2, FLOW_SIZE_IPV4, FLOW_SIZE_LONG, FLOW_SIZES };

static inline enum flow_size
flow_size_of(unsigned int n_words)
{
	return n_words <= 3 ? FLOW_SIZE_L2 : n_words <= 5 ? FLOW_SIZE_IPV4 : FLOW_SIZE_LONG;
}

static inline unsigned int
flow_size_words(enum flow_size size)
{
	return size == FLOW_SIZE_L2 ? 3 : size == FLOW_SIZE_IPV4 ? 5 : FLOW_KEY_WORDS_MAX;
}

/* FLOW_PAYLOAD_SIZE bytes, 0 when new. */
static inline void *
flow_entry_payload(struct flow_entry *entry)
{
	return &entry->words[flow_size_words(flow_size_of(entry->n_words))];
}

/* FLOW_TAIL_SIZE bytes behind the payload, 0 when new; of an entry with more than 3 words. */
static inline void *
flow_entry_tail(struct flow_entry *entry)
{
	assert(entry->n_words > flow_size_words(FLOW_SIZE_L2));
	return (uint8_t *)flow_entry_payload(entry) + FLOW_PAYLOAD_SIZE;
}

static inline void
flow_entry_count(struct flow_entry *entry, uint32_t packets, uint64_t bytes)
{
	entry->packets += packets;
	entry->bytes += bytes;
}

/* The entry is as it was, and gone afterwards. Must not call the cache. */
typedef void (*flow_evict_fn)(struct flow_entry *entry, void *arg);

/* Returns whether the entry shall stay. Must not call the cache. */
typedef bool (*flow_visit_fn)(struct flow_entry *entry, void *arg);

struct flow_cache_conf {
	uint32_t capacity; /* entries, FLOW_CAPACITY_MIN..FLOW_CAPACITY_MAX */
	uint64_t seed; /* from getrandom(2), another one for each cache */
	bool small_pages; /* do not ask the kernel for huge ones */
	flow_evict_fn on_evict; /* may be NULL */
	void *arg; /* of on_evict */
};

/* Monotonic. */
struct flow_cache_stats {
	uint64_t hits;
	uint64_t misses;
	uint64_t inserted;
	uint64_t evicted; /* to make room */
	uint64_t removed; /* by name, by port, by a visitor */
	uint64_t refused; /* insertions */
};

/* --- main, nobody else uses the cache --------------------------------------------------------- */

/* -EINVAL (capacity), -ENOMEM or 0. */
int flow_cache_create(const struct flow_cache_conf *conf, struct flow_cache **out);
void flow_cache_destroy(struct flow_cache *cache); /* NULL is legal; on_evict is not called */

/* --- main, while the owner works -------------------------------------------------------------- */

/*
 * Take the pages of the next entries before the owner needs them. From a timer; without it, the
 * owner takes page faults as it grows.
 */
void flow_cache_populate(struct flow_cache *cache) ON_MAIN;

/* --- any thread ------------------------------------------------------------------------------- */

uint32_t flow_cache_count(const struct flow_cache *cache);
uint32_t flow_cache_places(const struct flow_cache *cache); /* that a walk looks at */
uint32_t flow_cache_size_count(const struct flow_cache *cache, enum flow_size size);
uint32_t flow_cache_port_count(const struct flow_cache *cache, uint32_t port);
void flow_cache_get_stats(const struct flow_cache *cache, struct flow_cache_stats *stats);

/* Bytes of memory that are taken for good; entries that were in use once count. */
size_t flow_cache_memory(const struct flow_cache *cache);

/* --- the owner, for each burst ---------------------------------------------------------------- */

/* A new burst: pointers to entries from before may become stale. */
void flow_cache_begin(struct flow_cache *cache);

/* Set the hash of n keys and prefetch their buckets; n <= FLOW_BULK_MAX. */
void flow_cache_hash(const struct flow_cache *cache, struct flow_key *keys, unsigned int n);

/*
 * entries[i] = entry of keys[i], hashed before, or NULL; returns bit i for each hit. Marks entries
 * as used, and counts nothing in them: what a stale entry counts is for the caller to decide.
 */
uint64_t flow_cache_lookup(struct flow_cache *cache, const struct flow_key *keys, unsigned int n,
	struct flow_entry **entries);

/*
 * The entry of a key, hashed before: a new one, with generation, counters and payload 0, or the one
 * that is there already, as it is (a burst may miss the same key twice). NULL: refused.
 */
struct flow_entry *
flow_cache_insert(struct flow_cache *cache, const struct flow_key *key, bool *is_new);

/* on_evict is called. */
void flow_cache_remove(struct flow_cache *cache, struct flow_entry *entry);

/* --- the owner, now and then ------------------------------------------------------------------ */

/* Each FLOW_TICK_MS: what was not hit between two ticks may be evicted. */
void flow_cache_tick(struct flow_cache *cache);

/*
 * Look at up to n places from *cursor (0 to begin), which is advanced, and visit the entries there;
 * one that the visitor does not keep is removed. Returns true at the end of a pass, *cursor is 0
 * then. An entry that is there during the whole pass is visited once.
 *
 * A pass in at most 120 ticks, or entries that were not hit for long count as hit for a while.
 */
bool flow_cache_walk(
	struct flow_cache *cache, uint64_t *cursor, unsigned int n, flow_visit_fn visit, void *arg);

/* Remove up to n entries of a port. Returns true when none is left. */
bool flow_cache_flush_port(struct flow_cache *cache, uint32_t port, unsigned int n);

/* 1 by default, at most FLOW_WEIGHT_MAX. */
void flow_cache_set_weight(struct flow_cache *cache, uint32_t port, uint32_t weight);

/* To tell of an entry: as a lookup of one hashed key, but nothing is marked or counted. */
struct flow_entry *flow_cache_peek(const struct flow_cache *cache, const struct flow_key *key);

/* Milliseconds since the entry was last hit, in steps of FLOW_TICK_MS; FLOW_IDLE_MAX: or longer, or
 * it never was since it was inserted. */
uint32_t flow_cache_idle_ms(const struct flow_cache *cache, const struct flow_entry *entry);

/* Entries that are the port's by right when the cache is full. */
uint32_t flow_cache_share(const struct flow_cache *cache, uint32_t port);

#endif
