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
	bool batch; /* what it has written is not to be seen yet */
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

static bool
wants(const struct capture *capture, const struct tx_item *item)
{
	uint8_t bytes[CAPTURE_REACH];
	uint32_t n;

	if (capture->filter == NULL) {
		return true;
	}
	if (likely(item->head_len == item->len)) {
		return bpf_filter(capture->filter, item->head, item->len, item->head_len) != 0;
	}
	n = RTE_MIN(item->len, CAPTURE_REACH);
	copy_bytes(item, n, bytes);
	return bpf_filter(capture->filter, bytes, item->len, n) != 0;
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

static struct captured *
record_put(const struct capture *capture, struct ring *ring, const struct tx_item *item,
	enum capture_way way)
{
	const uint32_t len = RTE_MIN(item->len, capture->keep);
	const uint32_t size =
		(uint32_t)RTE_ALIGN_CEIL(sizeof(struct captured) + len, (size_t)RECORD_ALIGN);
	struct captured *record = ring_room(ring, size);

	if (record == NULL) {
		port_count(&ring->lost, 1);
		return NULL;
	}
	record->size = size;
	record->way = (uint8_t)way;
	record->reason = 0;
	record->in_port = 0;
	record->frame_len = item->len;
	record->len = len;
	copy_bytes(item, len, record->bytes);
	ring->head += size;
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
			record = wants(capture, &item)
				? record_put(capture, ring, &item, CAPTURE_RX)
				: NULL;
			if (record != NULL) {
				record->port = port;
				record->time = time;
			}
		}
		ring_publish(ring);
	}
}

void
capture_dropped(const struct capture_list *list, unsigned int worker, uint32_t port,
	uint32_t in_port, const struct tx_item *item, enum drop_reason reason)
{
	for (uint32_t c = 0; c < list->n; c++) {
		const struct capture *capture = list->captures[c];
		struct ring *ring = &capture->rings[worker];
		struct captured *record;

		if ((capture->ways & CAPTURE_DROP) == 0 || !wants(capture, item)) {
			continue;
		}
		record = record_put(capture, ring, item, CAPTURE_DROP);
		if (record == NULL) {
			continue;
		}
		record->reason = (uint8_t)reason;
		record->port = port;
		record->in_port = in_port;
		record->time = time_now();
		if (!ring->batch) {
			ring_publish(ring);
		}
	}
}

void
capture_begin(const struct capture_list *list, unsigned int worker, uint32_t port,
	const struct tx_item *items, uint16_t n, struct capture_batch *batch)
{
	const uint64_t time = time_now();

	assert(list->n <= CAPTURES_MAX && n <= PKT_BURST);
	for (uint32_t c = 0; c < list->n; c++) {
		const struct capture *capture = list->captures[c];
		struct ring *ring = &capture->rings[worker];

		batch->begin[c] = ring->head;
		batch->taken[c] = 0;
		ring->batch = true;
		for (uint16_t i = 0; i < n && (capture->ways & (CAPTURE_TX | CAPTURE_DROP)) != 0;
			i++) {
			struct captured *record = wants(capture, &items[i])
				? record_put(capture, ring, &items[i], CAPTURE_TX)
				: NULL;

			if (record != NULL) {
				record->port = port;
				record->time = time;
				batch->taken[c] |= 1U << i;
			}
		}
		batch->end[c] = ring->head;
	}
}

/* Does the copy stay, now that it is known what has become of the item? */
static bool
settle(const struct capture *capture, struct captured *record, const struct tx_item *item)
{
	const bool lost = item->lost != 0;

	if (lost) {
		record->way = CAPTURE_DROP;
		record->reason = (uint8_t)(item->lost - 1);
		record->in_port = item->pkt->in_port;
	}
	if ((capture->ways & record->way) == 0) {
		record->way = 0;
		return false;
	}
	return true;
}

void
capture_end(const struct capture_list *list, unsigned int worker, const struct tx_item *items,
	const struct capture_batch *batch)
{
	for (uint32_t c = 0; c < list->n; c++) {
		const struct capture *capture = list->captures[c];
		struct ring *ring = &capture->rings[worker];
		uint32_t at = batch->begin[c];
		bool any = false;

		for (uint16_t i = 0; i < PKT_BURST; i++) {
			if ((batch->taken[c] >> i & 1) == 0) {
				continue;
			}
			if (record_at(ring, at)->way == 0) {
				at += record_at(ring, at)->size; /* the end of the memory */
			}
			any = settle(capture, record_at(ring, at), &items[i]) || any;
			at += record_at(ring, at)->size;
		}
		if (!any && ring->head == batch->end[c]) {
			ring->head = batch->begin[c]; /* nothing of it is worth its room */
		}
		ring->batch = false;
		ring_publish(ring);
	}
}
