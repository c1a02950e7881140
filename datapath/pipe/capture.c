/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/capture.h"

#include <assert.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "datapath/core/edit.h"
#include "datapath/core/offload.h"
#include "datapath/table/pages.h"
#include "ports/port.h"

/*
 * Bytes of records, each in one piece: one that would go beyond the end of the memory begins at its
 * beginning, behind a record of nothing that fills the rest. Counters run freely and wrap. Sizes
 * are multiples of RECORD_ALIGN, so that there is always room for a record's `size` and `way`.
 */
struct ring {
	/* The worker's. */
	uint32_t head __rte_cache_aligned; /* end of what it has written */
	uint32_t seen; /* `taken` when it last looked */
	uint64_t lost; /* read by any thread */
	uint32_t put; /* end of what main may read; read by main */
	/* Main's. */
	uint32_t taken __rte_cache_aligned; /* read by the worker */
	uint8_t *bytes; /* constant */
};

struct capture {
	unsigned int ways;
	uint32_t keep;
	struct bpf_insn *filter; /* owned, or NULL */
	unsigned int n_workers;
	struct ring *rings; /* owned */
};

#define RECORD_ALIGN 8U
static_assert((CAPTURE_RING & (CAPTURE_RING - 1)) == 0, "a power of two divides the counters");
static_assert(CAPTURE_KEEP_MAX >= PKT_LEN_MAX, "all of any frame");
static_assert(CAPTURE_RING > 2 * (CAPTURE_KEEP_MAX + sizeof(struct captured)), "it always fits");
static_assert(PKT_BURST <= 32, "a set of places in a batch is 32 bits");

/* --- main ------------------------------------------------------------------------------------- */

struct capture *
capture_create(const struct capture_conf *conf)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	assert(conf->keep >= CAPTURE_KEEP_MIN && conf->keep <= CAPTURE_KEEP_MAX);
	if (capture == NULL) {
		return NULL;
	}
	capture->ways = conf->ways;
	capture->keep = conf->keep;
	capture->n_workers = conf->n_workers;
	capture->rings = calloc_lines(conf->n_workers, sizeof(*capture->rings));
	for (unsigned int w = 0; capture->rings != NULL && w < conf->n_workers; w++) {
		capture->rings[w].bytes = pages_alloc(CAPTURE_RING);
		if (capture->rings[w].bytes == NULL) {
			capture_destroy(capture);
			return NULL;
		}
	}
	if (conf->filter != NULL) {
		capture->filter = calloc(conf->n_filter, sizeof(*capture->filter));
	}
	if (capture->rings == NULL || (conf->filter != NULL && capture->filter == NULL)) {
		capture_destroy(capture);
		return NULL;
	}
	if (conf->filter != NULL) {
		memcpy(capture->filter, conf->filter, conf->n_filter * sizeof(*capture->filter));
	}
	return capture;
}

void
capture_destroy(struct capture *capture)
{
	if (capture == NULL) {
		return;
	}
	for (unsigned int w = 0; capture->rings != NULL && w < capture->n_workers; w++) {
		pages_free(capture->rings[w].bytes, CAPTURE_RING);
	}
	free(capture->rings);
	free(capture->filter);
	free(capture);
}

static struct captured *
record_at(const struct ring *ring, uint32_t position)
{
	return (struct captured *)(void *)&ring->bytes[position % CAPTURE_RING];
}

const struct captured *
capture_peek(struct capture *capture, unsigned int worker)
{
	struct ring *ring = &capture->rings[worker];
	const uint32_t put = __atomic_load_n(&ring->put, __ATOMIC_ACQUIRE);
	uint32_t taken = ring->taken;

	while (taken != put) {
		const struct captured *record = record_at(ring, taken);

		if (record->way != 0) {
			break;
		}
		taken += record->size;
	}
	if (taken != ring->taken) {
		__atomic_store_n(&ring->taken, taken, __ATOMIC_RELEASE);
	}
	return taken == put ? NULL : record_at(ring, taken);
}

void
capture_next(struct capture *capture, unsigned int worker)
{
	struct ring *ring = &capture->rings[worker];
	const struct captured *record = record_at(ring, ring->taken);

	assert(record->way != 0);
	__atomic_store_n(&ring->taken, ring->taken + record->size, __ATOMIC_RELEASE);
}

uint64_t
capture_lost(const struct capture *capture)
{
	uint64_t sum = 0;

	for (unsigned int w = 0; w < capture->n_workers; w++) {
		sum += __atomic_load_n(&capture->rings[w].lost, __ATOMIC_RELAXED);
	}
	return sum;
}

/* --- a worker --------------------------------------------------------------------------------- */

static uint64_t
time_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec;
}

/* The first n bytes, in one piece; n is at least a header's or all there is. */
static void
copy_bytes(const struct tx_item *item, uint32_t n, uint8_t *to)
{
	struct tx_item part = *item;

	edit_truncate(&part, RTE_MAX(n, (uint32_t)RTE_ETHER_HDR_LEN));
	pkt_gather(&part, to);
}

/* Room for a record of `size` bytes in one piece at `head`, which may move there; NULL: none. */
static struct captured *
ring_room(struct ring *ring, uint32_t size)
{
	const uint32_t to_end = CAPTURE_RING - ring->head % CAPTURE_RING;
	const uint32_t need = size <= to_end ? size : to_end + size;

	if (CAPTURE_RING - (ring->head - ring->seen) < need) {
		ring->seen = __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE);
		if (CAPTURE_RING - (ring->head - ring->seen) < need) {
			return NULL;
		}
	}
	if (size > to_end) {
		struct captured *nothing = record_at(ring, ring->head);

		nothing->size = to_end;
		nothing->way = 0;
		ring->head += to_end;
	}
	return record_at(ring, ring->head);
}

/* Does the filter choose the frame, by its first n bytes? */
static bool
chooses(const struct capture *capture, const struct tx_item *item, const uint8_t *bytes, uint32_t n)
{
	return bpf_filter(capture->filter, bytes, item->len, n) != 0;
}

/* The same by a copy of its own, of a frame that is not recorded. */
static bool
chooses_apart(const struct capture *capture, const struct tx_item *item)
{
	const uint32_t n = RTE_MIN(item->len, CAPTURE_REACH);
	uint8_t bytes[CAPTURE_REACH];

	copy_bytes(item, n, bytes);
	return chooses(capture, item, bytes, n);
}

static uint32_t
record_size(uint32_t len)
{
	return (uint32_t)RTE_ALIGN_CEIL(sizeof(struct captured) + len, (size_t)RECORD_ALIGN);
}

enum taking { TAKEN, UNWANTED, NO_ROOM };

/*
 * Put a copy of the frame at the end of what is written, if it is chosen. What is not all in its
 * head, which is ours, is copied first and then looked at.
 */
static enum taking
take(const struct capture *capture, struct ring *ring, const struct tx_item *item,
	struct captured **out)
{
	const uint32_t len = RTE_MIN(item->len, capture->keep);
	const bool filters = capture->filter != NULL;
	const bool in_head = item->head_len == item->len;
	const uint32_t reach = filters && !in_head ? RTE_MIN(item->len, CAPTURE_REACH) : 0;
	const uint32_t n = RTE_MAX(len, reach);
	struct captured *record;

	if (filters && in_head &&
		!chooses(capture, item, item->head,
			RTE_MIN((uint32_t)item->head_len, CAPTURE_REACH))) {
		return UNWANTED;
	}
	record = ring_room(ring, record_size(n));
	if (record == NULL) {
		return reach > 0 && !chooses_apart(capture, item) ? UNWANTED : NO_ROOM;
	}
	copy_bytes(item, n, record->bytes);
	if (reach > 0 && !chooses(capture, item, record->bytes, reach)) {
		return UNWANTED;
	}
	*record = (struct captured){
		.size = record_size(len),
		.frame_len = item->len,
		.len = len,
	};
	ring->head += record->size;
	*out = record;
	return TAKEN;
}

/* Take one that is known to be wanted, or lose it. Its `way` and the rest are the caller's. */
static struct captured *
take_now(const struct capture *capture, struct ring *ring, const struct tx_item *item,
	uint32_t port, uint64_t time)
{
	struct captured *record = NULL;

	if (take(capture, ring, item, &record) == NO_ROOM) {
		port_count(&ring->lost, 1);
	}
	if (record != NULL) {
		record->port = port;
		record->time = time;
	}
	return record;
}

static void
ring_publish(struct ring *ring)
{
	__atomic_store_n(&ring->put, ring->head, __ATOMIC_RELEASE);
}

void
capture_received(const struct capture_list *list, unsigned int worker, uint32_t port,
	const struct pkt *pkts, uint16_t n)
{
	const uint64_t time = time_now();

	for (uint32_t c = 0; c < list->n; c++) {
		const struct capture *capture = list->captures[c];
		struct ring *ring = &capture->rings[worker];

		for (uint16_t i = 0; i < n && (capture->ways & CAPTURE_RX) != 0; i++) {
			struct captured *record;
			struct tx_item item;

			pkt_item((struct pkt *)(uintptr_t)&pkts[i], &item);
			record = take_now(capture, ring, &item, port, time);
			if (record != NULL) {
				record->way = CAPTURE_RX;
			}
		}
		ring_publish(ring);
	}
}

void
capture_dropped(const struct capture_list *list, unsigned int worker, uint32_t port, uint32_t peer,
	const struct tx_item *item, enum drop_reason reason)
{
	for (uint32_t c = 0; c < list->n; c++) {
		const struct capture *capture = list->captures[c];
		struct ring *ring = &capture->rings[worker];
		struct captured *record;

		if ((capture->ways & CAPTURE_DROP) == 0) {
			continue;
		}
		record = take_now(capture, ring, item, port, time_now());
		if (record != NULL) {
			record->way = CAPTURE_DROP;
			record->reason = (uint8_t)reason;
			record->peer = peer;
		}
		ring_publish(ring);
	}
}

/* --- batches ---------------------------------------------------------------------------------- */

/*
 * What has been sent may be gone with its mbuf. What has not is there still, but for the mbuf of
 * a frame that is finished in software because the output cannot do it.
 */
static uint32_t
vanishing(const struct tx_item *items, uint16_t n, uint32_t caps)
{
	uint32_t set = 0;

	for (uint16_t i = 0; i < n; i++) {
		const bool unfinished = offload_missing(items[i].ol.flags, caps) != 0;

		set |= (uint32_t)(unfinished && items[i].pkt->mbuf != NULL) << i;
	}
	return set;
}

/* Copy what may not be there later. */
static void
batch_take(
	const struct capture *capture, struct ring *ring, uint32_t c, struct capture_batch *batch)
{
	uint64_t time = 0;

	for (uint32_t left = batch->tried[c]; left != 0; left &= left - 1) {
		const unsigned int i = (unsigned int)__builtin_ctz(left);
		struct captured *record;

		switch (take(capture, ring, &batch->items[i], &record)) {
		case TAKEN:
			time = time == 0 ? time_now() : time;
			record->way = CAPTURE_TX;
			record->port = batch->port;
			record->time = time;
			batch->taken[c] |= 1U << i;
			break;
		case NO_ROOM:
			batch->refused[c] |= 1U << i;
			break;
		case UNWANTED:
			break;
		}
	}
}

void
capture_begin(const struct capture_list *list, unsigned int worker, uint32_t port, uint32_t caps,
	const struct tx_item *items, uint16_t n, struct capture_batch *batch)
{
	assert(list->n <= CAPTURES_MAX && n > 0 && n <= PKT_BURST);
	batch->items = items;
	batch->port = port;
	batch->n = n;
	for (uint32_t c = 0; c < list->n; c++) {
		const struct capture *capture = list->captures[c];
		struct ring *ring = &capture->rings[worker];

		batch->begin[c] = ring->head;
		batch->tried[c] = (capture->ways & CAPTURE_TX) != 0 ? UINT32_MAX >> (32 - n)
			: (capture->ways & CAPTURE_DROP) != 0       ? vanishing(items, n, caps)
								    : 0;
		batch->taken[c] = 0;
		batch->refused[c] = 0;
		batch_take(capture, ring, c, batch);
	}
}

/* As what the capture wants to see the item, now that it is known what became of it; 0: not. */
static unsigned int
way_of(const struct capture *capture, const struct tx_item *item)
{
	const bool left = item->lost == 0 || item->pieces_lost < item->pieces;
	const unsigned int way = (item->lost != 0 ? CAPTURE_DROP : 0U) | (left ? CAPTURE_TX : 0U);
	const unsigned int wanted = way & capture->ways;

	return (wanted & CAPTURE_DROP) != 0 ? CAPTURE_DROP : wanted;
}

static void
record_settle(struct captured *record, unsigned int way, const struct tx_item *item)
{
	record->way = (uint8_t)way;
	record->pieces = item->pieces;
	record->pieces_lost = item->pieces_lost;
	if (item->lost != 0) {
		record->reason = (uint8_t)(item->lost - 1);
		record->peer = item->pkt->in_port;
	}
}

/* The copies that were taken before. */
static void
batch_settle(const struct capture *capture, struct ring *ring, uint32_t c,
	const struct capture_batch *batch)
{
	uint32_t at = batch->begin[c];
	uint32_t end = at;

	for (uint32_t left = batch->taken[c] | batch->refused[c]; left != 0; left &= left - 1) {
		const unsigned int i = (unsigned int)__builtin_ctz(left);
		const unsigned int way = way_of(capture, &batch->items[i]);

		if ((batch->refused[c] >> i & 1) != 0) {
			port_count(&ring->lost, way != 0);
			continue;
		}
		if (record_at(ring, at)->way == 0) {
			at += record_at(ring, at)->size; /* the end of the memory */
		}
		record_settle(record_at(ring, at), way, &batch->items[i]);
		at += record_at(ring, at)->size;
		end = way != 0 ? at : end;
	}
	ring->head = end; /* what comes behind the last one is not worth its room */
}

/* Those that were lost and not looked at before. */
static void
batch_lost(const struct capture *capture, struct ring *ring, uint32_t c,
	const struct capture_batch *batch)
{
	uint64_t time = 0;

	for (uint16_t i = 0; i < batch->n; i++) {
		const struct tx_item *item = &batch->items[i];
		struct captured *record;

		if (item->lost == 0 || (batch->tried[c] >> i & 1) != 0) {
			continue;
		}
		time = time == 0 ? time_now() : time;
		record = take_now(capture, ring, item, batch->port, time);
		if (record != NULL) {
			record_settle(record, CAPTURE_DROP, item);
		}
	}
}

void
capture_end(const struct capture_list *list, unsigned int worker, const struct capture_batch *batch)
{
	for (uint32_t c = 0; c < list->n; c++) {
		const struct capture *capture = list->captures[c];
		struct ring *ring = &capture->rings[worker];

		batch_settle(capture, ring, c, batch);
		if ((capture->ways & CAPTURE_DROP) != 0) {
			batch_lost(capture, ring, c, batch);
		}
		ring_publish(ring);
	}
}

void
capture_cancel(
	const struct capture_list *list, unsigned int worker, const struct capture_batch *batch)
{
	for (uint32_t c = 0; c < list->n; c++) {
		list->captures[c]->rings[worker].head = batch->begin[c];
	}
}
