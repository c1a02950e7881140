/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/loss.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "datapath/core/edit.h"
#include "datapath/pipe/capture.h"
#include "datapath/table/pages.h"

#define WAYS 8 /* rows of a bucket: two cache lines */
#define BUCKETS (LOSS_ROWS / WAYS)
#define SWEEP_SLICE 256 /* rows looked at between two bursts */
#define READ_TRIES 64 /* a kept packet is written once in LOSS_EVERY: a second look is rare */

static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a hash is cut to a bucket by a mask");
static_assert(DP_PORTS_MAX < 1 << 24 && DROP_N < 1 << 16, "a key holds two ids and a reason");

#define PACKET_WORDS (sizeof(struct loss_packet) / sizeof(uint64_t))
static_assert(sizeof(struct loss_packet) % sizeof(uint64_t) == 0, "copied by words");

/* A packet in words, and how often it was written: odd while it is. */
struct kept {
	uint32_t sequence;
	uint64_t words[PACKET_WORDS];
};

struct loss_store {
	struct loss_row rows[LOSS_ROWS];
	uint32_t n_kept[DROP_N]; /* so far */
	struct kept kept[DROP_N][LOSS_KEPT];
};

int
loss_init(struct loss *loss, unsigned int worker, struct port_counters *count)
{
	*loss = (struct loss){.count = count, .worker = worker};
	loss->store = pages_alloc(sizeof(*loss->store));
	return loss->store == NULL ? -ENOMEM : 0;
}

void
loss_fini(struct loss *loss)
{
	pages_free(loss->store, sizeof(*loss->store));
	loss->store = NULL;
}

/* --- rows ------------------------------------------------------------------------------------ */

static struct loss_row *
bucket_of(struct loss_store *store, uint64_t key)
{
	const uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	return &store->rows[(hash >> 40 & (BUCKETS - 1)) * WAYS];
}

/* Without room the copies are in no row. */
static void
row_add(struct loss *loss, uint64_t key, uint64_t n)
{
	struct loss_row *bucket = bucket_of(loss->store, key);
	struct loss_row *row = NULL;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (bucket[i].key == key) {
			port_count(&bucket[i].packets, n);
			return;
		}
		if (bucket[i].key == 0 && row == NULL) {
			row = &bucket[i];
		}
	}
	if (row != NULL) {
		/* Released in turn: who sees the number of another key sees that key gone. */
		__atomic_store_n(&row->packets, n, __ATOMIC_RELEASE);
		__atomic_store_n(&row->key, key, __ATOMIC_RELEASE);
		__atomic_store_n(&loss->n_rows, loss->n_rows + 1, __ATOMIC_RELAXED);
	}
}

bool
loss_row_read(const struct loss *loss, uint32_t i, struct loss_row *row)
{
	const struct loss_row *from = &loss->store->rows[i];

	row->key = __atomic_load_n(&from->key, __ATOMIC_ACQUIRE);
	row->packets = __atomic_load_n(&from->packets, __ATOMIC_ACQUIRE);
	return row->key != 0 && __atomic_load_n(&from->key, __ATOMIC_RELAXED) == row->key;
}

/* --- sweeps ---------------------------------------------------------------------------------- */

uint32_t
loss_sweep(struct loss *loss)
{
	const uint32_t sweep = loss->asked + 1 == 0 ? 1 : loss->asked + 1; /* never 0 */

	__atomic_store_n(&loss->asked, sweep, __ATOMIC_RELEASE);
	return sweep;
}

bool
loss_swept(const struct loss *loss, uint32_t sweep)
{
	/* Numbers wrap; a sweep that was asked for is at most a few behind. */
	return (int32_t)(__atomic_load_n(&loss->swept, __ATOMIC_ACQUIRE) - sweep) >= 0;
}

bool
loss_has_rows(const struct loss *loss)
{
	return __atomic_load_n(&loss->n_rows, __ATOMIC_RELAXED) != 0;
}

void
loss_sweep_step(struct loss *loss, const struct snapshot *snap)
{
	uint32_t end;

	if (loss->at_row == 0) {
		loss->sweeping = __atomic_load_n(&loss->asked, __ATOMIC_ACQUIRE);
	}
	end = loss->at_row + SWEEP_SLICE;
	for (uint32_t i = loss->at_row; i < end; i++) {
		struct loss_row *row = &loss->store->rows[i];

		if (row->key != 0 &&
			(snap->ports[loss_key_in(row->key)] == NULL ||
				snap->ports[loss_key_out(row->key)] == NULL)) {
			__atomic_store_n(&row->key, 0, __ATOMIC_RELEASE);
			__atomic_store_n(&loss->n_rows, loss->n_rows - 1, __ATOMIC_RELAXED);
		}
	}
	loss->at_row = end % LOSS_ROWS;
	if (loss->at_row == 0) {
		__atomic_store_n(&loss->swept, loss->sweeping, __ATOMIC_RELEASE);
	}
}
static_assert(LOSS_ROWS % SWEEP_SLICE == 0, "slices end with the table");

/* --- packets --------------------------------------------------------------------------------- */

/*
 * The first bytes, as they are. A frame of less than an Ethernet header is never cut; lent memory
 * may change under us, and nothing is decided by it.
 */
static void
packet_fill(struct loss_packet *packet, const struct tx_item *lost)
{
	struct tx_item item = *lost;

	packet->in = item.pkt->in_port;
	packet->len = item.len;
	edit_truncate(&item, LOSS_BYTES);
	pkt_gather(&item, packet->bytes);
	packet->kept = item.len;
	memset(packet->bytes + packet->kept, 0, LOSS_BYTES - packet->kept);
}

/*
 * Words are released one by one, so that a reader who sees one of them sees the odd number before
 * it; readers acquire each, so that they look at the number after all of them.
 */
static void
packet_keep(struct loss_store *store, enum drop_reason reason, const struct loss_packet *packet)
{
	struct kept *kept = &store->kept[reason][store->n_kept[reason]++ % LOSS_KEPT];
	const uint32_t sequence = kept->sequence + 1;
	uint64_t words[PACKET_WORDS];

	memcpy(words, packet, sizeof(words));
	__atomic_store_n(&kept->sequence, sequence, __ATOMIC_RELAXED);
	for (size_t i = 0; i < PACKET_WORDS; i++) {
		__atomic_store_n(&kept->words[i], words[i], __ATOMIC_RELEASE);
	}
	__atomic_store_n(&kept->sequence, sequence + 1, __ATOMIC_RELEASE);
}

bool
loss_packet_read(
	const struct loss *loss, enum drop_reason reason, uint32_t i, struct loss_packet *out)
{
	const struct kept *kept = &loss->store->kept[reason][i];
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

/* One in LOSS_EVERY. */
static void
keep(struct loss *loss, const struct tx_item *item, uint32_t out, enum drop_reason reason)
{
	struct loss_packet packet = {.at = loss->now, .out = out};

	if (loss->now >= loss->due[reason]) {
		loss->due[reason] = loss->now + LOSS_EVERY;
		packet_fill(&packet, item);
		packet_keep(loss->store, reason, &packet);
	}
}

void
loss_show(struct loss *loss, const struct port_view *at, const struct tx_item *item, uint32_t out,
	enum drop_reason reason)
{
	keep(loss, item, out, reason);
	if (at->captures != NULL) {
		capture_dropped(at->captures, loss->worker, at->id,
			out == 0 ? 0 : item->pkt->in_port, item, reason);
	}
}

/* --- outputs --------------------------------------------------------------------------------- */

/* The row of item 0 and those after it that are lost alike; returns how many. */
static uint16_t
run_add(struct loss *loss, const struct port_view *to, const struct tx_item *items, uint16_t n,
	enum drop_reason reason, bool marked)
{
	const uint32_t in = items[0].pkt->in_port;
	uint16_t run = 1;

	while (run < n && items[run].pkt->in_port == in &&
		(!marked || items[run].lost == items[0].lost)) {
		run++;
	}
	row_add(loss, loss_key(in, to->id, reason), run);
	return run;
}

void
loss_tx(struct loss *loss, const struct port_view *to, const struct tx_item *items, uint16_t n,
	enum drop_reason reason)
{
	port_drop(&loss->count[to->id], reason, n);
	for (uint16_t i = 0; i < n;) {
		i = (uint16_t)(i + run_add(loss, to, &items[i], (uint16_t)(n - i), reason, false));
	}
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(loss->now >= loss->due[reason] || to->captures != NULL)) {
			loss_show(loss, to, &items[i], to->id, reason);
		}
	}
}

void
loss_tx_pkt(struct loss *loss, const struct port_view *to, struct pkt *pkt, enum drop_reason reason)
{
	struct tx_item item;

	pkt_item(pkt, &item);
	loss_tx(loss, to, &item, 1, reason);
}

void
loss_tx_marked(struct loss *loss, const struct port_view *to, const struct tx_item *items,
	uint16_t n, bool seen)
{
	for (uint16_t i = 0; i < n;) {
		enum drop_reason reason;
		uint16_t run = 1;

		if (items[i].lost == 0) {
			i++;
			continue;
		}
		reason = (enum drop_reason)(items[i].lost - 1);
		run = run_add(loss, to, &items[i], (uint16_t)(n - i), reason, true);
		keep(loss, &items[i], to->id, reason);
		for (uint16_t k = 0; k < run && !seen && to->captures != NULL; k++) {
			loss_show(loss, to, &items[i + k], to->id, reason);
		}
		i = (uint16_t)(i + run);
	}
}
