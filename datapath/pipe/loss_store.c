/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/loss_store.h"

#include <assert.h>
#include <string.h>

#include "datapath/table/pages.h"

#define SETS (LOSS_SIDES * DP_PORTS_MAX)
#define SWEEP_SLICE 16U /* sets looked at between two bursts */
#define READ_TRIES 64 /* what is read is seldom written: a second look is rare */

#define PACKET_WORDS (sizeof(struct loss_packet) / sizeof(uint64_t))
static_assert(sizeof(struct loss_packet) % sizeof(uint64_t) == 0, "copied by words");
static_assert(SETS <= UINT16_MAX, "a set's number and one more fit");
static_assert(DP_PORTS_MAX <= 1 << 24 && DROP_N < 1 << 8, "a key holds a port and a reason");

/* A packet in words, and how often it was written: odd while it is. */
struct kept {
	uint32_t sequence;
	uint32_t key; /* its row's; the worker's */
	uint64_t words[PACKET_WORDS];
};

struct row {
	uint64_t packets; /* atomic */
	uint64_t kept_at; /* when its last packet was; 0: never. The worker's */
};

/* The place of a port, for one side. What most losses touch comes first: a line, and a row's. */
struct set {
	uint32_t sequence; /* how often keys have changed; the worker's */
	uint32_t keys[LOSS_ROWS]; /* key_word(); 0: free. Atomic */
	struct row rows[LOSS_ROWS];
	uint32_t owner; /* owner_of() */
	uint32_t next; /* number of the next free one and 1 more; 0: none */
	uint32_t born[LOSS_ROWS]; /* atomic */
	uint64_t before[LOSS_ROWS]; /* counted at this place before its row; the worker's */
	struct kept kept[LOSS_KEPT];
} __rte_cache_aligned;

struct loss_store {
	/* sweeps: main asks, the worker answers; both atomic */
	uint32_t asked;
	uint32_t swept;
	/* the worker's */
	uint32_t sweeping; /* what was asked for when it began */
	uint32_t at; /* next set to look at; 0: not begun */
	uint64_t often_since; /* in this time so many packets were kept of rows that often have one
			       */
	uint32_t often;
	uint32_t free; /* number of a free set and 1 more */
	uint32_t n_sets; /* used once */
	uint32_t n_used; /* atomic */
	uint16_t set_of[SETS]; /* by owner: its set's number and 1 more; 0: none. Atomic */
	struct set sets[SETS];
};

static uint32_t
owner_of(uint32_t port, enum loss_side side)
{
	return port * LOSS_SIDES + side;
}

static uint32_t
key_word(const struct loss_key *key)
{
	return key->peer << 8 | ((uint32_t)key->reason + 1);
}

static uint32_t
word_peer(uint32_t word)
{
	return word >> 8;
}

static enum drop_reason
word_reason(uint32_t word)
{
	return (enum drop_reason)((word & 0xff) - 1);
}

struct loss_store *
loss_store_create(void)
{
	return pages_alloc(sizeof(struct loss_store));
}

void
loss_store_destroy(struct loss_store *store)
{
	pages_free(store, sizeof(*store));
}

/* --- sets ------------------------------------------------------------------------------------ */

static struct set *
set_make(struct loss_store *store, uint32_t owner)
{
	uint32_t number = store->free;
	struct set *set;

	if (number != 0) {
		store->free = store->sets[number - 1].next;
	} else {
		number = ++store->n_sets;
		assert(number <= SETS);
	}
	set = &store->sets[number - 1];
	memset(set, 0, sizeof(*set));
	set->owner = owner;
	__atomic_store_n(&store->set_of[owner], (uint16_t)number, __ATOMIC_RELEASE);
	__atomic_store_n(&store->n_used, store->n_used + 1, __ATOMIC_RELAXED);
	return set;
}

static struct set *
set_of(struct loss_store *store, const struct loss_key *key)
{
	const uint32_t owner = owner_of(key->port, loss_side(key->reason));
	const uint16_t number = store->set_of[owner];

	return likely(number != 0) ? &store->sets[number - 1] : set_make(store, owner);
}

/* Main does not ask about its port any more. */
static void
set_free(struct loss_store *store, struct set *set)
{
	__atomic_store_n(&store->set_of[set->owner], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&store->n_used, store->n_used - 1, __ATOMIC_RELAXED);
	set->owner = 0;
	set->next = store->free;
	store->free = (uint32_t)(set - store->sets) + 1;
}

/* The set of a port, for main; NULL: none. */
static const struct set *
set_look(const struct loss_store *store, uint32_t port, enum loss_side side)
{
	const uint16_t number =
		__atomic_load_n(&store->set_of[owner_of(port, side)], __ATOMIC_ACQUIRE);

	return number == 0 ? NULL : &store->sets[number - 1];
}

/* --- rows ------------------------------------------------------------------------------------ */

/*
 * Another key, or none, at place i. All is released in turn: who reads in the order of row_read()
 * and sees any of it sees its number behind it.
 */
static void
row_replace(struct set *set, uint32_t i, uint32_t word)
{
	const uint64_t weight = set->before[i] + set->rows[i].packets;

	set->before[i] = word == 0 ? 0 : weight;
	__atomic_store_n(&set->rows[i].packets, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&set->keys[i], word, __ATOMIC_RELEASE);
	__atomic_store_n(&set->born[i], ++set->sequence, __ATOMIC_RELEASE);
}

/* Make a row of this key, where one is free or counts least. */
static uint32_t
row_make(struct set *set, uint32_t word)
{
	uint64_t least = UINT64_MAX;
	uint32_t best = 0;

	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		const uint64_t weight =
			set->keys[i] == 0 ? 0 : set->before[i] + set->rows[i].packets;

		if (weight < least) {
			least = weight;
			best = i;
		}
	}
	row_replace(set, best, word);
	return best;
}

static struct row *
row_of(struct set *set, uint32_t word)
{
	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		if (likely(set->keys[i] == word)) {
			return &set->rows[i];
		}
	}
	return &set->rows[row_make(set, word)];
}

/* A row that took another's place has its time too, so that no change of rows makes it sooner. */
static bool
may_keep(struct loss_store *store, struct row *row, uint64_t now)
{
	const uint64_t age = now - row->kept_at;

	if (row->kept_at != 0 && age < LOSS_EVERY) {
		return false;
	}
	if (row->kept_at != 0 && age < LOSS_SELDOM) {
		if (now - store->often_since >= LOSS_EVERY) {
			store->often_since = now;
			store->often = 0;
		}
		if (store->often == LOSS_OFTEN) {
			return false;
		}
		store->often++;
	}
	row->kept_at = now;
	return true;
}

bool
loss_store_add(struct loss_store *store, const struct loss_key *key, uint32_t n, uint64_t now)
{
	struct row *row = row_of(set_of(store, key), key_word(key));

	__atomic_store_n(&row->packets, row->packets + n, __ATOMIC_RELEASE);
	return may_keep(store, row, now);
}

/*
 * The row at place i; false: none. One that is replaced meanwhile has no packets between the two
 * keys, and another number once it has some again.
 */
static bool
row_read(const struct set *set, uint32_t port, uint32_t i, struct loss_row *row)
{
	for (unsigned int tries = 0; tries < READ_TRIES; tries++) {
		const uint32_t born = __atomic_load_n(&set->born[i], __ATOMIC_ACQUIRE);
		const uint32_t word = __atomic_load_n(&set->keys[i], __ATOMIC_ACQUIRE);
		const uint64_t packets = __atomic_load_n(&set->rows[i].packets, __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&set->born[i], __ATOMIC_RELAXED) == born) {
			*row = (struct loss_row){.key = {port, word_peer(word), word_reason(word)},
				.place = i,
				.born = born,
				.packets = packets};
			return word != 0 && packets != 0;
		}
	}
	return false;
}

uint32_t
loss_rows_read(const struct loss_store *store, uint32_t port, enum loss_side side,
	struct loss_row rows[LOSS_ROWS])
{
	const struct set *set = set_look(store, port, side);
	uint32_t n = 0;

	for (uint32_t i = 0; set != NULL && i < LOSS_ROWS; i++) {
		n += row_read(set, port, i, &rows[n]);
	}
	return n;
}

/* --- packets --------------------------------------------------------------------------------- */

/* All is released in turn, so that a reader who sees any of it sees the odd number before it. */
static void
packet_write(struct kept *kept, const struct loss_packet *packet)
{
	const uint32_t sequence = kept->sequence + 1;
	uint64_t words[PACKET_WORDS];

	memcpy(words, packet, sizeof(words));
	__atomic_store_n(&kept->sequence, sequence, __ATOMIC_RELAXED);
	for (size_t i = 0; i < PACKET_WORDS; i++) {
		__atomic_store_n(&kept->words[i], words[i], __ATOMIC_RELEASE);
	}
	__atomic_store_n(&kept->sequence, sequence + 1, __ATOMIC_RELEASE);
}

/* How many kept packets have the bits of `mask` of their keys in common with `word`. */
static unsigned int
count_like(const struct set *set, uint32_t word, uint32_t mask)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < LOSS_KEPT; i++) {
		n += ((set->kept[i].key ^ word) & mask) == 0;
	}
	return n;
}

/*
 * Which of those whose keys are `like` in the bits of `of` has most packets that are alike in the
 * bits of `mask`; `word` if none has more than it.
 */
static uint32_t
most_of(const struct set *set, uint32_t word, uint32_t mask, uint32_t like, uint32_t of)
{
	unsigned int most = ((word ^ like) & of) == 0 ? count_like(set, word, mask) : 0;
	uint32_t found = word;

	for (uint32_t i = 0; i < LOSS_KEPT; i++) {
		const uint32_t key = set->kept[i].key;
		const unsigned int n = ((key ^ like) & of) == 0 ? count_like(set, key, mask) : 0;

		if (n > most) {
			most = n;
			found = key;
		}
	}
	return found;
}

#define MASK_REASON UINT32_C(0xff)
#define MASK_ALL UINT32_MAX

/*
 * A free slot, or the oldest one of who has most of the reason that has most; where nobody has two,
 * the oldest of that reason, or of all.
 */
static struct kept *
slot_for(struct set *set, uint32_t word)
{
	const uint32_t reason = most_of(set, word, MASK_REASON, 0, 0);
	const uint32_t row = most_of(set, word, MASK_ALL, reason, MASK_REASON);
	const uint32_t mask = count_like(set, row, MASK_ALL) > 1 ? MASK_ALL
		: count_like(set, row, MASK_REASON) > 1          ? MASK_REASON
								 : 0;
	struct kept *oldest = NULL;

	for (uint32_t i = 0; i < LOSS_KEPT; i++) {
		struct kept *kept = &set->kept[i];

		if (kept->key == 0) {
			return kept;
		}
		if (((kept->key ^ row) & mask) == 0 &&
			(oldest == NULL || kept->words[0] < oldest->words[0])) {
			oldest = kept;
		}
	}
	return oldest;
}
static_assert(offsetof(struct loss_packet, at) == 0, "the first word is its time");

void
loss_store_keep(
	struct loss_store *store, const struct loss_key *key, const struct loss_packet *packet)
{
	struct kept *kept = slot_for(set_of(store, key), key_word(key));

	kept->key = key_word(key);
	packet_write(kept, packet);
}

static bool
packet_read(const struct kept *kept, struct loss_packet *out)
{
	uint64_t words[PACKET_WORDS];

	for (unsigned int tries = 0; tries < READ_TRIES; tries++) {
		const uint32_t sequence = __atomic_load_n(&kept->sequence, __ATOMIC_ACQUIRE);

		if (sequence == 0) {
			return false;
		}
		for (size_t w = 0; w < PACKET_WORDS; w++) {
			words[w] = __atomic_load_n(&kept->words[w], __ATOMIC_ACQUIRE);
		}
		if (sequence % 2 == 0 &&
			__atomic_load_n(&kept->sequence, __ATOMIC_RELAXED) == sequence) {
			memcpy(out, words, sizeof(*out));
			return true;
		}
	}
	return false;
}

uint32_t
loss_packets_read(const struct loss_store *store, uint32_t port, enum loss_side side,
	struct loss_packet packets[LOSS_KEPT])
{
	const struct set *set = set_look(store, port, side);
	uint32_t n = 0;

	for (uint32_t i = 0; set != NULL && i < LOSS_KEPT; i++) {
		n += packet_read(&set->kept[i], &packets[n]);
	}
	return n;
}

/* --- sweeps ---------------------------------------------------------------------------------- */

uint32_t
loss_sweep(struct loss_store *store)
{
	const uint32_t sweep = store->asked + 1 == 0 ? 1 : store->asked + 1; /* never 0 */

	__atomic_store_n(&store->asked, sweep, __ATOMIC_RELEASE);
	return sweep;
}

bool
loss_swept(const struct loss_store *store, uint32_t sweep)
{
	/* Numbers wrap; a sweep that was asked for is at most a few behind. */
	return (int32_t)(__atomic_load_n(&store->swept, __ATOMIC_ACQUIRE) - sweep) >= 0;
}

bool
loss_store_used(const struct loss_store *store)
{
	return __atomic_load_n(&store->n_used, __ATOMIC_RELAXED) != 0;
}

bool
loss_sweep_asked(const struct loss_store *store)
{
	return __atomic_load_n(&store->asked, __ATOMIC_ACQUIRE) != store->swept;
}

static bool
is_gone(const struct snapshot *snap, uint32_t word)
{
	return word_peer(word) != 0 && snap->ports[word_peer(word)] == NULL;
}

/* Rows with a port that is gone go, packets only lose its id. */
static void
set_sweep(struct set *set, const struct snapshot *snap)
{
	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		if (is_gone(snap, set->keys[i])) {
			row_replace(set, i, 0);
			set->rows[i].kept_at = 0;
		}
	}
	for (uint32_t i = 0; i < LOSS_KEPT; i++) {
		struct kept *kept = &set->kept[i];
		struct loss_packet packet;

		if (kept->key != 0 && is_gone(snap, kept->key)) {
			memcpy(&packet, kept->words, sizeof(packet));
			if (set->owner % LOSS_SIDES == LOSS_OUTPUT) {
				packet.in = 0;
			} else {
				packet.out = 0;
			}
			kept->key &= MASK_REASON;
			packet_write(kept, &packet);
		}
	}
}

void
loss_sweep_step(struct loss_store *store, const struct snapshot *snap)
{
	uint32_t end;

	if (store->at == 0) {
		store->sweeping = __atomic_load_n(&store->asked, __ATOMIC_ACQUIRE);
	}
	end = RTE_MIN(store->at + SWEEP_SLICE, store->n_sets);
	for (uint32_t i = store->at; i < end; i++) {
		struct set *set = &store->sets[i];

		if (set->owner == 0) {
			continue;
		}
		if (snap->ports[set->owner / LOSS_SIDES] == NULL) {
			set_free(store, set);
		} else {
			set_sweep(set, snap);
		}
	}
	store->at = end == store->n_sets ? 0 : end;
	if (store->at == 0) {
		__atomic_store_n(&store->swept, store->sweeping, __ATOMIC_RELEASE);
	}
}
