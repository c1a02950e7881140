/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/tx_stage.h"

#include <assert.h>
#include <rte_pause.h>
#include <string.h>

#include "datapath/core/edit.h"
#include "datapath/core/offload.h"
#include "datapath/pipe/capture.h"
#include "datapath/pipe/flow_hash.h"
#include "datapath/pipe/mirror.h"

static bool
queue_trylock(struct txq_lock *lock)
{
	for (unsigned int i = 0; i < TX_SPINS; i++) {
		if (!__atomic_load_n(&lock->held, __ATOMIC_RELAXED) &&
			!__atomic_test_and_set(&lock->held, __ATOMIC_ACQUIRE)) {
			return true;
		}
		rte_pause();
	}
	return false;
}

static void
queue_unlock(struct txq_lock *lock)
{
	__atomic_clear(&lock->held, __ATOMIC_RELEASE);
}

/* Bytes of a frame, or of a segment of it, that count against the MTU. */
static uint32_t
layer3_len(const struct tx_item *item)
{
	uint32_t len = item->len;
	uint32_t off = 12;

	if ((item->ol.flags & PKT_OL_GSO) != 0) {
		/* offload_check() has seen the transport header in the head. */
		uint32_t l4 = item->ol.csum_start;
		uint32_t l4_len = (item->ol.flags & PKT_OL_UDP) != 0
			? 8U
			: (uint32_t)(item->head[l4 + 12] >> 4) * 4U;

		len = RTE_MIN(len, l4 + l4_len + item->ol.gso_size);
	}
	while (off + VLAN_TAG_LEN + 2 <= item->head_len &&
		eth_is_vlan(load_be16(item->head + off))) {
		off += VLAN_TAG_LEN;
	}
	return len > off + 2 ? len - off - 2 : 0;
}

/* What the port does not send it has counted, and marked: items are looked at only then. */
static inline void
send_items(const struct tx_stage *stage, const struct tx_bucket *bucket, struct tx_item *items,
	uint16_t n) ON_WORKER
{
	const struct port_view *to = bucket->to;
	struct port_counters *count = &stage->count[to->id];
	const uint64_t before = count->tx_packets;

	to->port->ops->tx_burst(to->port, bucket->queue, items, n, count);
	if (unlikely(count->tx_packets - before != n)) {
		loss_tx_marked(stage->loss, to, items, n);
	}
}

/* An item of the bucket does not get as far as the port. */
static void
lose_item(const struct tx_stage *stage, const struct port_view *to, struct tx_item *item,
	enum drop_reason reason) ON_WORKER
{
	port_lose(&stage->count[to->id], item, 1, reason);
	loss_tx_marked(stage->loss, to, item, 1);
}

/*
 * Send mbufs that were made of one item for this output; they are all gone afterwards. What became
 * of them is marked in the item, and counted for themselves.
 */
static void
send_mbufs(const struct tx_stage *stage, const struct tx_bucket *bucket, struct tx_item *whole,
	struct rte_mbuf **mbufs, unsigned int n) ON_WORKER
{
	const uint32_t in_port = whole->pkt->in_port;

	whole->pieces = (uint8_t)n;
	for (unsigned int done = 0; done < n;) {
		struct pkt pkts[PKT_BURST];
		struct tx_item items[PKT_BURST];
		uint16_t chunk = (uint16_t)RTE_MIN(n - done, (unsigned int)PKT_BURST);

		for (uint16_t i = 0; i < chunk; i++) {
			pkt_from_mbuf(&pkts[i], mbufs[done + i]);
			pkts[i].in_port = in_port;
			pkts[i].n_out = 1;
			pkt_item(&pkts[i], &items[i]);
		}
		send_items(stage, bucket, items, chunk);
		for (uint16_t i = 0; i < chunk; i++) {
			if (items[i].lost != 0) {
				whole->lost = items[i].lost;
				whole->pieces_lost++;
			}
			pkt_free(&pkts[i]);
		}
		done += chunk;
	}
}

/* Finish in software what the output cannot. */
static void
send_softened(const struct tx_stage *stage, const struct tx_bucket *bucket, struct tx_item *item,
	uint8_t missing) ON_WORKER
{
	struct rte_mempool *pool = bucket->to->port->pool;
	struct rte_mbuf *segments[OFFLOAD_SEGS_MAX];
	struct rte_mbuf *m = pkt_to_mbuf(item, pool);
	unsigned int n = 0;

	if (m == NULL) {
		lose_item(stage, bucket->to, item, DROP_TX_NO_MEMORY);
		return;
	}
	if ((missing & PKT_OL_GSO) != 0) {
		n = offload_segment(m, &item->ol, pool, segments);
	} else if (offload_finish_csum(m, &item->ol)) {
		segments[0] = m;
		n = 1;
	}
	if (n == 0) {
		pkt_give_back(item, m);
		lose_item(stage, bucket->to, item, DROP_SEGMENT_FAILED);
		return;
	}
	port_count(&stage->loss->segments, n - 1);
	send_mbufs(stage, bucket, item, segments, n);
}
static_assert(OFFLOAD_SEGS_MAX <= UINT8_MAX, "an item counts its pieces");

/* What may leave as it is goes in runs; order within the queue is kept. */
static void
bucket_send(const struct tx_stage *stage, struct tx_bucket *bucket, uint32_t caps) ON_WORKER
{
	const struct port_view *to = bucket->to;
	const uint32_t most = (uint32_t)to->mtu + RTE_ETHER_HDR_LEN;
	uint16_t run = 0;

	for (uint16_t i = 0; i <= bucket->n; i++) {
		struct tx_item *item = &bucket->items[i];
		uint8_t missing = 0;
		bool fits = true;

		if (i < bucket->n) {
			if (likely(item->ol.flags == 0 && item->len <= most)) {
				continue;
			}
			missing = offload_missing(item->ol.flags, caps);
			fits = item->len <= most || layer3_len(item) <= to->mtu;
			if (missing == 0 && fits) {
				continue;
			}
		}
		if (i > run) {
			send_items(stage, bucket, &bucket->items[run], (uint16_t)(i - run));
		}
		run = (uint16_t)(i + 1);
		if (i == bucket->n) {
			break;
		}
		if (!fits) {
			lose_item(stage, to, item, DROP_MTU_EXCEEDED);
		} else {
			send_softened(stage, bucket, item, missing);
		}
	}
}

/* False: another worker holds the queue and nothing was sent. */
static inline bool
bucket_try(const struct tx_stage *stage, struct tx_bucket *bucket, uint32_t caps) ON_WORKER
{
	struct txq_lock *lock =
		bucket->to->tx_locks == NULL ? NULL : &bucket->to->tx_locks[bucket->queue];

	if (lock != NULL && !queue_trylock(lock)) {
		return false;
	}
	bucket_send(stage, bucket, caps);
	if (lock != NULL) {
		queue_unlock(lock);
	}
	return true;
}

/* The same, with copies for those who capture the port. */
static bool
bucket_try_captured(const struct tx_stage *stage, struct tx_bucket *bucket, uint32_t caps) ON_WORKER
{
	const struct capture_list *captures = bucket->to->captures;
	struct capture_batch batch;
	bool sent;

	capture_begin(
		captures, stage->worker, bucket->to->id, caps, bucket->items, bucket->n, &batch);
	sent = bucket_try(stage, bucket, caps);
	if (sent) {
		capture_end(captures, stage->worker, &batch);
	} else {
		capture_cancel(captures, stage->worker, &batch);
	}
	return sent;
}

static void
bucket_release(struct tx_bucket *bucket)
{
	for (uint16_t i = 0; i < bucket->n; i++) {
		assert(bucket->items[i].pkt->n_out > 0);
		bucket->items[i].pkt->n_out--;
	}
	bucket->n = 0;
	bucket->copied = false;
}

/* False: another worker holds the queue and nothing was sent. */
static bool
bucket_flush(struct tx_stage *stage, struct tx_bucket *bucket) ON_WORKER
{
	uint32_t caps; /* they may change meanwhile */
	bool sent;

	if (bucket->n == 0) {
		return true;
	}
	caps = __atomic_load_n(&bucket->to->port->caps, __ATOMIC_RELAXED);
	/* No copies under the lock: other workers would give up on this port for their sake. */
	if (unlikely(bucket->to->mirrors != NULL) && !bucket->copied) {
		mirror_sending(stage, bucket->to, bucket->items, bucket->n);
		bucket->copied = true;
	}
	sent = likely(bucket->to->captures == NULL) ? bucket_try(stage, bucket, caps)
						    : bucket_try_captured(stage, bucket, caps);
	if (sent) {
		bucket_release(bucket);
	}
	return sent;
}

static void
bucket_flush_or_drop(struct tx_stage *stage, struct tx_bucket *bucket) ON_WORKER
{
	if (!bucket_flush(stage, bucket)) {
		loss_tx(stage->loss, bucket->to, bucket->items, bucket->n, DROP_TX_BUSY);
		bucket_release(bucket);
	}
}

/* A queue that all copies of mirrors take, so that they stay in order; -1: none. */
static int
queue_of_copies(const struct tx_stage *stage, struct port *port)
{
	if ((__atomic_load_n(&port->caps, __ATOMIC_RELAXED) & PORT_CAP_TX_HASH) != 0) {
		return port->ops->tx_queue(port, 0);
	}
	return (int)(stage->worker % port->n_txq);
}

void
stage_send_now(
	struct tx_stage *stage, const struct port_view *to, struct tx_item *items, uint16_t n)
{
	const int queue = to->enabled ? queue_of_copies(stage, to->port) : -1;
	struct tx_bucket bucket = {.to = to, .queue = (uint16_t)queue, .n = n, .copied = true};
	enum drop_reason reason = DROP_TX_BUSY;

	assert(n <= PKT_BURST);
	for (uint16_t i = 0; i < n; i++) {
		bucket.items[i] = items[i];
		items[i].pkt->n_out++;
	}
	if (queue < 0) {
		reason = to->enabled ? DROP_NO_GUEST : DROP_LINK_DOWN;
	}
	if (queue < 0 || !bucket_flush(stage, &bucket)) {
		loss_tx(stage->loss, to, bucket.items, n, reason);
		port_mark_lost(bucket.items, n, reason);
		bucket_release(&bucket);
	}
	memcpy(items, bucket.items, n * sizeof(items[0]));
}

void
stage_flush(struct tx_stage *stage)
{
	bool busy[TX_BUCKETS];

	for (uint16_t i = 0; i < stage->n_buckets; i++) {
		busy[i] = !bucket_flush(stage, &stage->buckets[i]);
	}
	for (uint16_t i = 0; i < stage->n_buckets; i++) {
		if (busy[i]) {
			bucket_flush_or_drop(stage, &stage->buckets[i]);
		}
		stage->first[stage->buckets[i].to->id] = 0;
	}
	stage->n_buckets = 0;
	stage->clones.n = 0;
}

static struct tx_bucket *
bucket_find(struct tx_stage *stage, const struct port_view *to, uint16_t queue) ON_WORKER
{
	uint16_t *link = &stage->first[to->id];
	struct tx_bucket *bucket;

	while (*link != 0) {
		bucket = &stage->buckets[*link - 1];
		if (bucket->queue == queue) {
			return bucket;
		}
		link = &bucket->next;
	}
	if (stage->n_buckets == TX_BUCKETS) {
		stage_flush(stage);
		link = &stage->first[to->id];
	}
	bucket = &stage->buckets[stage->n_buckets++];
	bucket->to = to;
	bucket->queue = queue;
	bucket->n = 0;
	bucket->copied = false;
	bucket->next = 0;
	*link = stage->n_buckets;
	return bucket;
}

static int
choose_queue(const struct tx_stage *stage, const struct port_view *to, struct pkt *pkt)
{
	struct port *port = to->port;

	if ((__atomic_load_n(&port->caps, __ATOMIC_RELAXED) & PORT_CAP_TX_HASH) != 0) {
		return port->ops->tx_queue(port, port->n_txq == 1 ? 0 : flow_hash(pkt));
	}
	return port->n_txq == 1 ? 0 : (int)(stage->worker % port->n_txq);
}

/* Does each packet have a queue of its own, by its hash? */
static bool
spreads(const struct port *port)
{
	return port->n_txq > 1 &&
		(__atomic_load_n(&port->caps, __ATOMIC_RELAXED) & PORT_CAP_TX_HASH) != 0;
}

/* The item with its edit; false when the pool of heads is empty. */
static bool
make_item(
	struct tx_stage *stage, struct pkt *pkt, const struct vlan_edit *edit, struct tx_item *item)
{
	if (edit->op != VLAN_KEEP && pkt->n_out == 0) {
		vlan_edit_pkt(pkt, edit);
		pkt_item(pkt, item);
		return true;
	}
	pkt_item(pkt, item);
	if (edit->op == VLAN_KEEP) {
		return true;
	}
	if (!pkt_clone_head(item, &stage->clones)) {
		return false;
	}
	vlan_edit_item(item, edit);
	return true;
}

void
stage_add(struct tx_stage *stage, const struct port_view *to, struct pkt *pkt,
	const struct vlan_edit *edit)
{
	struct tx_bucket *bucket;
	struct tx_item item;
	int queue;

	if (!to->enabled) {
		loss_tx_pkt(stage->loss, to, pkt, DROP_LINK_DOWN);
		return;
	}
	queue = choose_queue(stage, to, pkt);
	if (queue < 0) {
		loss_tx_pkt(stage->loss, to, pkt, DROP_NO_GUEST);
		return;
	}
	bucket = bucket_find(stage, to, (uint16_t)queue);
	if (bucket->n == PKT_BURST) {
		bucket_flush_or_drop(stage, bucket);
	}
	if (!make_item(stage, pkt, edit, &item)) {
		stage_flush(stage);
		bucket = bucket_find(stage, to, (uint16_t)queue);
		(void)make_item(stage, pkt, edit, &item);
	}
	bucket->items[bucket->n] = item;
	stage->last = &bucket->items[bucket->n++];
	pkt->n_out++;
}

void
stage_add_cut(struct tx_stage *stage, const struct port_view *to, struct pkt *pkt, uint32_t n)
{

	stage->last = NULL;
	stage_add(stage, to, pkt, &vlan_keep);
	if (stage->last != NULL) {
		edit_truncate(stage->last, n);
	}
}

void
stage_add_run(struct tx_stage *stage, const struct port_view *to, struct pkt *pkts, uint16_t n)
{
	int queue;

	if (n == 1 || !to->enabled || spreads(to->port)) {
		for (uint16_t i = 0; i < n; i++) {
			stage_add(stage, to, &pkts[i], &vlan_keep);
		}
		return;
	}
	queue = choose_queue(stage, to, pkts);
	if (queue < 0) {
		for (uint16_t i = 0; i < n; i++) {
			loss_tx_pkt(stage->loss, to, &pkts[i], DROP_NO_GUEST);
		}
		return;
	}
	for (uint16_t done = 0; done < n;) {
		struct tx_bucket *bucket = bucket_find(stage, to, (uint16_t)queue);
		const uint16_t chunk = (uint16_t)RTE_MIN(n - done, PKT_BURST - bucket->n);

		for (uint16_t i = 0; i < chunk; i++) {
			pkt_item(&pkts[done + i], &bucket->items[bucket->n + i]);
			pkts[done + i].n_out++;
		}
		bucket->n = (uint16_t)(bucket->n + chunk);
		done = (uint16_t)(done + chunk);
		if (bucket->n == PKT_BURST && done < n) {
			bucket_flush_or_drop(stage, bucket);
		}
	}
}
