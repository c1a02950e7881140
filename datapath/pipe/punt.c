/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/punt.h"

#include <assert.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <stddef.h>
#include <string.h>

#include "datapath/core/edit.h"
#include "datapath/pipe/snapshot.h"
#include "datapath/table/pages.h"

/*
 * A ring of its own: with one writer and one reader two counters do, and no EAL is needed. Both run
 * freely and wrap; a slot is the counter's remainder.
 */
struct punt_queue {
	/* The worker's. */
	uint32_t put __rte_cache_aligned; /* slots filled; read by main */
	uint32_t seen; /* `taken` when the worker last looked */
	uint64_t lost[DP_BRIDGES_MAX]; /* by bridge; read by any thread */
	/* Main's. */
	uint32_t taken __rte_cache_aligned; /* slots emptied; read by the worker */
	struct punted slots[PUNT_SLOTS] __rte_cache_aligned;
};
static_assert((PUNT_SLOTS & (PUNT_SLOTS - 1)) == 0, "a power of two divides the counters' range");

struct punt_queue *
punt_queue_create(void)
{
	return pages_alloc(sizeof(struct punt_queue));
}

void
punt_queue_destroy(struct punt_queue *queue)
{
	pages_free(queue, sizeof(*queue));
}

/* A slot that main does not look at, or NULL. */
static struct punted *
slot_free(struct punt_queue *queue)
{
	if (queue->put - queue->seen == PUNT_SLOTS) {
		queue->seen = __atomic_load_n(&queue->taken, __ATOMIC_ACQUIRE);
		if (queue->put - queue->seen == PUNT_SLOTS) {
			return NULL;
		}
	}
	return &queue->slots[queue->put % PUNT_SLOTS];
}

/* Who asks and why; returns how many bytes it wants, 0: all that fit. */
static uint32_t
slot_describe(struct punted *slot, const struct action *action)
{
	if (action->code == ACTION_SAMPLE) {
		slot->reason = PUNT_SAMPLE;
		slot->probability = action->arg;
		slot->collector_set = action->number;
		slot->domain = (uint32_t)(action->words[0] >> 32);
		slot->point = (uint32_t)action->words[0];
		return 0;
	}
	slot->reason = (enum punt_reason)action->arg;
	slot->probability = 0;
	slot->collector_set = 0;
	slot->domain = 0;
	slot->point = 0;
	return action->number;
}

static void
slot_copy(struct punted *slot, struct pkt *pkt, uint32_t max)
{
	uint32_t keep = RTE_MIN(max == 0 ? PUNT_BYTES_MAX : max, PUNT_BYTES_MAX);
	struct tx_item item;

	/* A cut keeps at least a header; whoever wants less of it gets less of the copy. */
	pkt_item(pkt, &item);
	edit_truncate(&item, RTE_MAX(keep, (uint32_t)RTE_ETHER_HDR_LEN));
	pkt_gather(&item, slot->bytes);
	slot->frame_len = pkt->len;
	slot->len = RTE_MIN(item.len, keep);
}

bool
punt_put(struct punt_queue *queue, struct pkt *pkt, uint32_t bridge, uint32_t in_port,
	const struct action *action)
{
	struct punted *slot = slot_free(queue);

	assert(bridge < DP_BRIDGES_MAX);
	if (slot == NULL) {
		port_count(&queue->lost[bridge], 1);
		return false;
	}
	slot->bridge = bridge;
	slot->in_port = in_port;
	slot_copy(slot, pkt, slot_describe(slot, action));
	__atomic_store_n(&queue->put, queue->put + 1, __ATOMIC_RELEASE);
	return true;
}

bool
punt_take(struct punt_queue *queue, struct punted *out)
{
	const struct punted *slot = &queue->slots[queue->taken % PUNT_SLOTS];

	if (__atomic_load_n(&queue->put, __ATOMIC_ACQUIRE) == queue->taken) {
		return false;
	}
	memcpy(out, slot, offsetof(struct punted, bytes) + slot->len);
	__atomic_store_n(&queue->taken, queue->taken + 1, __ATOMIC_RELEASE);
	return true;
}

uint64_t
punt_lost(const struct punt_queue *queue, uint32_t bridge)
{
	return __atomic_load_n(&queue->lost[bridge], __ATOMIC_RELAXED);
}
