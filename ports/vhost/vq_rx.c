/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets from the guest; built once for each kind of CPU (vq_isa.h). */
#include <assert.h>
#include <rte_branch_prediction.h>
#include <rte_ether.h>

#include "ports/vhost/vq_chain.h"
#include "ports/vhost/vq_copy.h"
#include "ports/vhost/vq_fetch.h"
#include "ports/vhost/vq_isa.h"
#include "ports/vhost/vq_used.h"

static_assert(PKT_HEADROOM >= VQ_HDR_MAX, "the header is copied to the room before the head");
static_assert(VQ_HEAD_SIZE >= PKT_HEADROOM + PKT_HEAD_MIN, "a lent head");

/* What became of one buffer. */
enum rx_end { RX_PACKET, RX_DROPPED, RX_FAULT };

struct rx {
	struct vq *vq;
	const struct vq_view *view;
	struct rte_mempool *pool;
	struct port_counters *count;
	struct vq_loans *loans;
	uint32_t hdr_len;
	bool read_hdr;
};

static __attribute__((noinline)) enum rx_end
rx_drop(const struct rx *rx, enum drop_reason reason)
{
	port_drop_received(rx->count, reason, 1);
	port_count(&rx->vq->stats.invalid, 1);
	return RX_DROPPED;
}

/* What the header says, from its private copy. False: it contradicts itself. */
static inline bool
rx_offload(const uint8_t *hdr, struct pkt_offload *ol)
{
	uint64_t plain;

	__builtin_memcpy(&plain, hdr, sizeof(plain));
	*ol = (struct pkt_offload){0};
	if (likely((plain & 0xffff) == 0)) {
		return true; /* no flags, no segmentation */
	}
	{
		struct vnet_hdr vnet;

		__builtin_memcpy(&vnet, hdr, sizeof(vnet));
		if (!offload_from_vnet(&vnet, ol)) {
			return false;
		}
	}
	/* That a sum has been verified is not the sender's to say. */
	ol->flags &= (uint8_t)~PKT_OL_CSUM_OK;
	return true;
}

/*
 * A frame of `len` bytes behind its header at `at`, all in one piece, whose header and first bytes
 * are copied to loan number `k`.
 */
static __rte_always_inline enum rx_end
rx_single(const struct rx *rx, uint16_t k, const uint8_t *at, uint32_t len, struct pkt *pkt)
{
	const uint32_t hdr_len = rx->hdr_len;
	const uint32_t frame = len - hdr_len;
	uint8_t *head = rx->loans->heads[k] + PKT_HEADROOM;
	uint32_t head_len = frame;

	if (unlikely(len < hdr_len + RTE_ETHER_HDR_LEN || frame > PKT_LEN_MAX)) {
		return rx_drop(
			rx, frame > PKT_LEN_MAX && len >= hdr_len ? DROP_RX_OVERSIZE : DROP_RUNT);
	}
	pkt->n_segs = 0;
	pkt->segs = NULL;
	if (frame > PKT_HEAD_MIN) {
		struct pkt_seg *seg = rx->loans->segs[k];

		head_len = PKT_HEAD_MIN;
		*seg = (struct pkt_seg){at + hdr_len + head_len, frame - head_len};
		pkt->segs = seg;
		pkt->n_segs = 1;
	}
	pkt->head = head;
	pkt->len = frame;
	pkt->head_len = (uint16_t)head_len;
	pkt->headroom = PKT_HEADROOM;
	pkt->tailroom = (uint16_t)(VQ_HEAD_SIZE - PKT_HEADROOM - head_len);
	pkt->pulled = 0;
	pkt->n_out = 0;
	pkt->ol = (struct pkt_offload){0};
	pkt->mbuf = NULL;
	pkt->hash = 0;
	if (rx->read_hdr) {
		vq_copy(head - hdr_len, at, hdr_len + head_len);
		if (unlikely(!rx_offload(head - hdr_len, &pkt->ol))) {
			return rx_drop(rx, DROP_OFFLOAD_INVALID);
		}
	} else {
		vq_copy(head, at + hdr_len, head_len);
	}
	return RX_PACKET;
}

/* Take n bytes from the front of the pieces. */
static void
chain_take(struct vq_chain *chain, uint32_t *piece, uint8_t *to, uint32_t n)
{
	while (n > 0) {
		struct pkt_seg *from = &chain->pieces[*piece];
		const uint32_t len = from->len < n ? from->len : n;

		vq_copy(to, from->addr, len);
		from->addr += len;
		from->len -= len;
		to += len;
		n -= len;
		*piece += from->len == 0;
	}
}

/* Too many pieces to be lent: a copy in our own memory. */
static enum rx_end
rx_copy(const struct rx *rx, struct pkt *pkt, const struct pkt_seg *pieces, uint32_t n)
{
	const struct pkt_offload ol = pkt->ol;
	struct rte_mbuf *m;
	struct tx_item item;

	pkt->segs = pieces;
	pkt->n_segs = (uint16_t)n;
	pkt_item(pkt, &item);
	m = rx->pool == NULL ? NULL : pkt_to_mbuf(&item, rx->pool);
	if (m == NULL) {
		return rx_drop(rx, DROP_RX_NO_MEMORY);
	}
	pkt_from_mbuf(pkt, m);
	pkt->ol = ol;
	return RX_PACKET;
}

/* Where a buffer is that has to be walked, and what may be spent on it. */
struct rx_start {
	uint16_t desc;
	uint16_t room; /* slots of the ring that this burst has not taken yet */
	uint32_t work; /* descriptors looked at so far */
};

/* A buffer of several descriptors, or across a border. Notes what it is in the loan. */
static __attribute__((noinline)) enum rx_end
rx_chain(const struct rx *rx, uint16_t k, struct rx_start *start, struct pkt *pkt)
{
	const uint32_t hdr_len = rx->hdr_len;
	struct vq_loans *loans = rx->loans;
	uint8_t *head = loans->heads[k] + PKT_HEADROOM;
	struct vq_chain chain;
	enum vq_fault fault;
	uint32_t piece = 0;
	uint32_t frame;

	vq_chain_clear(&chain);
	fault = vq_chain_walk(&chain, rx->vq, rx->view, start->desc, false);
	start->work += chain.looked;
	if (fault == VQ_FAULT_NONE && chain.slots > start->room) {
		fault = VQ_FAULT_LONG; /* packed: on into what was taken before it */
	}
	if (fault != VQ_FAULT_NONE) {
		vq_fail(rx->vq, fault);
		return RX_FAULT;
	}
	loans->ids[k] = chain.id;
	loans->slots[k] = chain.slots;
	if (chain.len < hdr_len + RTE_ETHER_HDR_LEN) {
		return rx_drop(rx, DROP_RUNT);
	}
	if (chain.len > hdr_len + PKT_LEN_MAX) {
		return rx_drop(rx, DROP_RX_OVERSIZE);
	}
	frame = (uint32_t)chain.len - hdr_len;
	*pkt = (struct pkt){.head = head,
		.len = frame,
		.head_len = (uint16_t)(frame < PKT_HEAD_MIN ? frame : PKT_HEAD_MIN),
		.headroom = PKT_HEADROOM};
	pkt->tailroom = (uint16_t)(VQ_HEAD_SIZE - PKT_HEADROOM - pkt->head_len);
	chain_take(&chain, &piece, head - hdr_len, hdr_len + pkt->head_len);
	if (rx->read_hdr && !rx_offload(head - hdr_len, &pkt->ol)) {
		return rx_drop(rx, DROP_OFFLOAD_INVALID);
	}
	if (chain.n - piece > PKT_SEGS_MAX) {
		return rx_copy(rx, pkt, &chain.pieces[piece], chain.n - piece);
	}
	pkt->segs = loans->segs[k];
	for (; piece < chain.n; piece++) {
		loans->segs[k][pkt->n_segs++] = chain.pieces[piece];
	}
	return RX_PACKET;
}

static __rte_always_inline void
rx_give_back(struct vq *vq, const struct vq_view *view, bool packed)
{
	struct vq_used_batch batch = {.n = 0};
	struct vq_loans *loans = vq->loans;
	const uint16_t n = loans->n;

	if (packed) {
		for (uint16_t i = 0; i < n; i++) {
			vq_used_put(vq, view, &batch, loans->ids[i], loans->slots[i], 0, 0, true);
		}
	} else {
		const uint16_t next = vq->next_used;

		for (uint16_t i = 0; i < n; i++) {
			split_put(view, (uint16_t)(next + i), loans->ids[i], 0);
		}
		vq->next_used = (uint16_t)(next + n);
		batch.n = n;
	}
	loans->n = 0;
	vq_used_publish(vq, view, &batch);
}

/* Take what is there; `*bytes` is the sum of the packets' lengths. */
static __rte_always_inline uint16_t
rx_take(const struct rx *rx, struct pkt *pkts, uint16_t max, uint64_t *bytes, bool packed)
{
	struct vq_loans *loans = rx->loans;
	struct vq *vq = rx->vq;
	struct vq_bufs bufs;
	const uint16_t ready = vq_fetch(vq, rx->view, &bufs, max, 0, packed);
	struct rx_start start = {.work = 0};
	uint16_t slots = 0;
	uint16_t n = 0;
	uint16_t k;

	for (k = 0; k < ready && likely(start.work < VQ_WORK_MAX); k++) {
		enum rx_end end;

		loans->ids[k] = bufs.id[k];
		if (packed) {
			loans->slots[k] = 1;
		}
		if (likely(bufs.at[k] != NULL)) {
			end = rx_single(rx, k, bufs.at[k], bufs.len[k], &pkts[n]);
		} else {
			const uint32_t slot = (uint32_t)vq->next_avail + slots;

			start.desc = packed ? (uint16_t)(slot % rx->view->size) : bufs.id[k];
			start.room = (uint16_t)(rx->view->size - slots);
			end = rx_chain(rx, k, &start, &pkts[n]);
		}
		if (unlikely(end == RX_FAULT)) {
			break;
		}
		slots = (uint16_t)(slots + (packed ? loans->slots[k] : 1));
		if (likely(end == RX_PACKET)) {
			*bytes += pkts[n++].len;
		}
	}
	loans->n = k;
	vq_consume(vq, rx->view, slots, packed);
	return n;
}

uint16_t
VQ_NAME(vq_rx)(struct vq *vq, const struct vq_view *view, struct pkt *pkts, uint16_t max,
	struct rte_mempool *pool, struct port_counters *count)
{
	const struct rx rx = {.vq = vq,
		.view = view,
		.pool = pool,
		.count = count,
		.loans = vq->loans,
		.hdr_len = view->hdr_len,
		.read_hdr = (view->flags & VQ_READ_HDR) != 0};
	const uint16_t before = vq->next_avail;
	const bool packed = vq_packed(view);
	uint64_t bytes = 0;
	uint16_t n;

	if (unlikely(!vq_sound(vq, view))) {
		return 0;
	}
	vq_look_again(vq, view);
	assert(vq->loans->n == 0);
	max = max < PKT_BURST ? max : PKT_BURST;
	n = packed ? rx_take(&rx, pkts, max, &bytes, true) : rx_take(&rx, pkts, max, &bytes, false);
	vq_stay_quiet(vq, view, before);
	if (n == 0) {
		if (unlikely(vq->loans->n > 0)) {
			rx_give_back(vq, view, packed);
		}
		return 0;
	}
	port_count(&vq->stats.packets, n);
	port_count(&vq->stats.bytes, bytes);
	port_count(&vq->stats.bursts, 1);
	port_count(&count->rx_packets, n);
	port_count(&count->rx_bytes, bytes);
	return n;
}

void
VQ_NAME(vq_release)(struct vq *vq, const struct vq_view *view, struct pkt *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(pkts[i].mbuf != NULL)) {
			pkt_free(&pkts[i]);
		}
	}
	if (vq_packed(view)) {
		rx_give_back(vq, view, true);
	} else {
		rx_give_back(vq, view, false);
	}
}
