/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets to the guest; built once for each kind of CPU (vq_isa.h). */
#include <rte_branch_prediction.h>
#include <sys/uio.h>

#include "ports/vhost/vq_chain.h"
#include "ports/vhost/vq_copy.h"
#include "ports/vhost/vq_fetch.h"
#include "ports/vhost/vq_isa.h"
#include "ports/vhost/vq_used.h"

#define TX_IOV_MAX                                                                    \
	128 /* pieces of one packet: head, tail, segments or buffers of an mbuf chain \
	     */
#define TX_WORTH 64 /* bytes that are copied for a descriptor make up for looking at it */
#define TX_LONG 4096 /* a rest of so many bytes is copied without a thought of the next frame */

/* What became of one packet. */
enum tx_end {
	TX_SENT,
	TX_FULL, /* the ring has no (more) buffers */
	TX_SMALL, /* its buffers cannot hold the frame */
	TX_REFUSED, /* the guest does not take its offloads, or it has too many pieces */
	TX_FAULT,
};

struct tx {
	struct vq *vq;
	const struct vq_view *view;
	struct vq_used_batch used;
	uint32_t work; /* descriptors looked at, but for those of frames that were worth it */
	uint32_t log_region; /* of the last buffer that was logged */
	bool packed;
};

struct tx_hdr {
	uint64_t first;
	uint32_t last; /* csum_offset, num_buffers */
};

/* virtio 1.2, 5.1.6.4.1: num_buffers is 1 where frames are not spread. */
static inline bool
tx_header(const struct vq_view *view, const struct tx_item *item, struct tx_hdr *hdr)
{
	struct vnet_hdr vnet;

	*hdr = (struct tx_hdr){.last = 1U << 16};
	if (likely(item->ol.flags == 0)) {
		return true;
	}
	if (offload_missing(item->ol.flags, view->takes) != 0) {
		return false;
	}
	offload_to_vnet(&item->ol, item->head_len, &vnet);
	if ((item->ol.flags & PKT_OL_CSUM) == 0 && (view->takes & PORT_CAP_CSUM) == 0) {
		vnet.flags = 0; /* DATA_VALID is GUEST_CSUM's too */
	}
	__builtin_memcpy(&hdr->first, &vnet, sizeof(hdr->first));
	hdr->last |= vnet.csum_offset;
	return true;
}

/* One that is there already is left alone, and its line with the guest. */
static inline void
tx_put_header(uint8_t *to, const struct tx_hdr *hdr, uint8_t hdr_len)
{
	if (*(volatile loose64 *)to != hdr->first) {
		*(volatile loose64 *)to = hdr->first;
	}
	if (hdr_len == VQ_HDR_MAX) {
		if (*(volatile loose32 *)(to + 8) != hdr->last) {
			*(volatile loose32 *)(to + 8) = hdr->last;
		}
	} else if (guest_load16(to + 8) != (uint16_t)hdr->last) {
		guest_store16(to + 8, (uint16_t)hdr->last);
	}
}

/* Is the packet's rest one lent segment, and the head as it was received? */
static inline bool
tx_one_rest(const struct tx_item *item)
{
	const struct pkt *pkt = item->pkt;

	return pkt->n_segs == 1 && pkt->mbuf == NULL && pkt->pulled == 0 &&
		item->cut == pkt->head_len;
}

/* The frame's bytes from everywhere. False: too many pieces. */
static __attribute__((noinline)) bool
tx_put_pieces(uint8_t *to, const struct tx_item *item)
{
	struct iovec iov[TX_IOV_MAX];
	const unsigned int n = pkt_iov(item, iov, TX_IOV_MAX);

	for (unsigned int i = 0; i < n; i++) {
		vq_copy(to, iov[i].iov_base, (uint32_t)iov[i].iov_len);
		to += iov[i].iov_len;
	}
	return n > 0;
}

/* The frame's bytes, all of them, to one place; `next` comes after it. False: too many pieces. */
static __rte_always_inline bool
tx_put_frame(uint8_t *to, const struct tx_item *item, const struct vq_copy_next *next)
{
	const uint32_t rest = item->len - item->head_len;

	if (likely(rest == 0)) {
		if (unlikely(next->n > 0)) {
			vq_copy_fetch(next, 0);
		}
		vq_copy(to, item->head, item->len);
		return true;
	}
	if (unlikely(!tx_one_rest(item))) {
		return tx_put_pieces(to, item);
	}
	vq_copy(to, item->head, item->head_len);
	to += item->head_len;
	if (rest < TX_LONG) {
		vq_copy_ahead(to, item->pkt->segs[0].addr, rest, next);
	} else {
		vq_copy(to, item->pkt->segs[0].addr, rest);
	}
	return true;
}

/* Buffers of a frame that one descriptor does not hold. */
struct tx_spread {
	uint16_t n;
	uint16_t ids[VQ_PIECES_MAX];
	uint16_t slots[VQ_PIECES_MAX];
	uint32_t room[VQ_PIECES_MAX]; /* bytes */
	struct vq_chain chain;
};

/* Append one buffer to those of the frame, and consume it. */
static enum tx_end
spread_add(struct tx *tx, struct tx_spread *spread, const struct vq_bufs *bufs, uint16_t k)
{
	struct vq_chain *chain = &spread->chain;
	const uint64_t before = chain->len;
	const uint32_t pieces = chain->n;
	enum vq_fault fault = VQ_FAULT_NONE;

	if (spread->n == VQ_PIECES_MAX || chain->n == VQ_PIECES_MAX) {
		return TX_SMALL;
	}
	if (bufs->at[k] != NULL) {
		if (unlikely(tx->view->log != NULL)) {
			chain->gpas[chain->n] =
				vq_chain_gpa(tx->view->memory, bufs->at[k], &tx->log_region);
		}
		chain->pieces[chain->n++] = (struct pkt_seg){bufs->at[k], bufs->len[k]};
		chain->len += bufs->len[k];
		chain->id = bufs->id[k];
		chain->slots = 1;
		chain->looked++;
	} else {
		fault = vq_chain_walk(chain, tx->vq, tx->view,
			tx->packed ? tx->vq->next_avail : bufs->id[k], true);
	}
	if (fault == VQ_FAULT_NONE && chain->len == before) {
		fault = VQ_FAULT_EMPTY;
	}
	if (fault == VQ_FAULT_LONG && pieces > 0) {
		return TX_SMALL; /* too long behind the others; alone it may not be */
	}
	if (fault != VQ_FAULT_NONE) {
		vq_fail(tx->vq, fault);
		return TX_FAULT;
	}
	spread->ids[spread->n] = chain->id;
	spread->slots[spread->n] = chain->slots;
	spread->room[spread->n++] = (uint32_t)(chain->len - before);
	vq_consume(tx->vq, tx->view, tx->packed ? chain->slots : 1, tx->packed);
	return TX_SENT;
}

/* Enough buffers for `need` bytes; TX_SENT if there are. */
static enum tx_end
spread_collect(struct tx *tx, struct tx_spread *spread, uint32_t need)
{
	struct vq_bufs bufs;
	uint16_t ready = 0;
	uint16_t k = 0;

	spread->n = 0;
	vq_chain_clear(&spread->chain);
	while (spread->chain.len < need) {
		enum tx_end end;

		if (tx->work + spread->chain.looked >= VQ_WORK_MAX ||
			(spread->n > 0 && (tx->view->flags & VQ_MERGEABLE) == 0)) {
			return TX_SMALL;
		}
		if (k == ready) {
			ready = vq_fetch(
				tx->vq, tx->view, &bufs, PKT_BURST, DESC_WRITE, tx->packed);
			k = 0;
		}
		if (ready == 0) {
			return vq_stopped(tx->vq) ? TX_FAULT : TX_FULL;
		}
		end = spread_add(tx, spread, &bufs, k++);
		if (end != TX_SENT) {
			return end;
		}
	}
	return TX_SENT;
}

/* Copy bytes to the pieces, one after the other. */
struct tx_cursor {
	const struct vq_chain *chain;
	uint32_t piece;
	uint32_t off;
};

static inline void
cursor_put(struct tx_cursor *to, const uint8_t *from, uint32_t n)
{
	while (n > 0) {
		const struct pkt_seg *piece = &to->chain->pieces[to->piece];
		const uint32_t left = piece->len - to->off;
		const uint32_t len = left < n ? left : n;

		vq_copy((uint8_t *)(uintptr_t)piece->addr + to->off, from, len);
		from += len;
		n -= len;
		to->off += len;
		if (to->off == piece->len) {
			to->piece++;
			to->off = 0;
		}
	}
}

static void
spread_log(const struct vq_view *view, const struct vq_chain *chain, uint32_t wrote)
{
	for (uint32_t i = 0; wrote > 0; i++) {
		const uint32_t len = chain->pieces[i].len < wrote ? chain->pieces[i].len : wrote;

		dirty_log_wrote(view->log, chain->gpas[i], len);
		wrote -= len;
	}
}

static enum tx_end
spread_write(struct tx *tx, struct tx_spread *spread, const struct tx_item *item, struct tx_hdr hdr,
	uint32_t need)
{
	struct tx_cursor to = {.chain = &spread->chain};
	struct iovec iov[TX_IOV_MAX];
	const unsigned int n = pkt_iov(item, iov, TX_IOV_MAX);
	uint32_t left = need;

	if (n == 0) {
		return TX_REFUSED;
	}
	hdr.last = (hdr.last & 0xffff) | (uint32_t)spread->n << 16;
	cursor_put(&to, (const uint8_t *)&hdr, tx->view->hdr_len);
	for (unsigned int i = 0; i < n; i++) {
		cursor_put(&to, iov[i].iov_base, (uint32_t)iov[i].iov_len);
	}
	if (unlikely(tx->view->log != NULL)) {
		spread_log(tx->view, &spread->chain, need);
	}
	for (uint16_t i = 0; i < spread->n; i++) {
		const uint32_t len = spread->room[i] < left ? spread->room[i] : left;

		vq_used_put(tx->vq, tx->view, &tx->used, spread->ids[i], spread->slots[i], len,
			DESC_WRITE, tx->packed);
		left -= len;
	}
	return TX_SENT;
}

/* A frame that fills several buffers, or one of several descriptors. All of it or nothing. */
static __attribute__((noinline)) enum tx_end
tx_spread(struct tx *tx, const struct tx_item *item, const struct tx_hdr *hdr, uint32_t need)
{
	struct vq *vq = tx->vq;
	const uint16_t next_avail = vq->next_avail;
	const bool avail_wrap = vq->avail_wrap;
	struct tx_spread spread;
	enum tx_end end = spread_collect(tx, &spread, need);

	if (end == TX_SENT) {
		end = spread_write(tx, &spread, item, *hdr, need);
	}
	tx->work += spread.chain.looked;
	if (end == TX_SENT) {
		tx->work -= RTE_MIN(spread.chain.looked, need / TX_WORTH);
	} else {
		vq->next_avail = next_avail;
		vq->avail_wrap = avail_wrap;
	}
	return end;
}

/* Of the frame after this one: the bytes behind its head, and where they will go. */
static inline struct vq_copy_next
tx_next(const struct tx_item *item, uint8_t *to, uint32_t room)
{
	const struct pkt *pkt = item->pkt;
	const uint32_t skip = VQ_HDR_MAX + item->head_len;

	if (pkt->n_segs == 0 || to == NULL || room <= skip) {
		return (struct vq_copy_next){.n = 0};
	}
	return (struct vq_copy_next){.from = pkt->segs[0].addr,
		.to = to + skip,
		.n = RTE_MIN(pkt->segs[0].len, room - skip)};
}

struct tx_counts {
	uint64_t packets;
	uint64_t bytes;
	uint64_t full;
	uint64_t small;
	uint64_t refused;
	uint64_t stopped; /* the ring has a fault */
	uint32_t too_long; /* a frame of so many bytes did not fit */
};

static void
tx_account(struct vq *vq, const struct tx_counts *sum, struct port_counters *count)
{
	port_count(&vq->stats.packets, sum->packets);
	port_count(&vq->stats.bytes, sum->bytes);
	port_count(&vq->stats.bursts, sum->packets > 0);
	port_count(&count->tx_packets, sum->packets);
	port_count(&count->tx_bytes, sum->bytes);
	if (unlikely(sum->full + sum->small + sum->refused + sum->stopped > 0)) {
		port_count(&vq->stats.full, sum->full);
		port_count(&vq->stats.small, sum->small);
		port_count(&vq->stats.invalid, sum->refused);
		port_count(&count->drops[DROP_TX_FULL], sum->full);
		port_count(&count->drops[DROP_GUEST_BUFFERS], sum->small);
		port_count(&count->drops[DROP_TX_FAILED], sum->refused);
		port_count(&count->drops[DROP_NO_GUEST], sum->stopped);
	}
}

/*
 * Frames that fit one ready buffer each, in a row: how many of the n. What stops the run is left to
 * the caller.
 */
static __rte_always_inline uint16_t
tx_run(struct tx *tx, struct tx_item *items, uint16_t n, const struct vq_bufs *bufs,
	struct tx_counts *sum, bool packed)
{
	const struct vq_view *view = tx->view;
	const uint8_t hdr_len = view->hdr_len;
	const uint16_t next_used = tx->vq->next_used;
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		const struct tx_item *item = &items[i];
		const uint32_t need = hdr_len + item->len;
		struct vq_copy_next next = {.n = 0};
		uint8_t *to = bufs->at[i];
		struct tx_hdr hdr;
		bool whole;

		if (unlikely(to == NULL || need > bufs->len[i] || !tx_header(view, item, &hdr))) {
			break;
		}
		if (i + 1 < n && items[i + 1].len > PKT_HEAD_MIN) {
			next = tx_next(&items[i + 1], bufs->at[i + 1], bufs->len[i + 1]);
		}
		tx_put_header(to, &hdr, hdr_len);
		whole = tx_put_frame(to + hdr_len, item, &next);
		if (unlikely(view->log != NULL)) {
			dirty_log_wrote(
				view->log, vq_chain_gpa(view->memory, to, &tx->log_region), need);
		}
		if (unlikely(!whole)) {
			break;
		}
		if (packed) {
			vq_used_put(
				tx->vq, view, &tx->used, bufs->id[i], 1, need, DESC_WRITE, true);
		} else {
			split_put(view, (uint16_t)(next_used + i), bufs->id[i], need);
		}
		bytes += item->len;
	}
	if (!packed) {
		tx->vq->next_used = (uint16_t)(next_used + i);
		tx->used.n += i;
	}
	vq_consume(tx->vq, view, i, packed);
	if (i > 0) {
		sum->too_long = UINT32_MAX;
	}
	sum->packets += i;
	sum->bytes += bytes;
	return i;
}

/* One frame that tx_run() left, the slow way. False with a fault. */
static bool
tx_odd(struct tx *tx, struct tx_item *item, struct tx_counts *sum)
{
	struct tx_hdr hdr;
	enum tx_end end = TX_REFUSED;

	if (item->len >= sum->too_long) {
		end = TX_SMALL;
	} else if (tx_header(tx->view, item, &hdr)) {
		end = tx_spread(tx, item, &hdr, tx->view->hdr_len + item->len);
	}
	switch (end) {
	case TX_SENT:
		sum->packets++;
		sum->bytes += item->len;
		sum->too_long = UINT32_MAX;
		break;
	case TX_FULL:
		sum->full++;
		port_mark_lost(item, 1, DROP_TX_FULL);
		break;
	case TX_SMALL:
		sum->small++;
		port_mark_lost(item, 1, DROP_GUEST_BUFFERS);
		sum->too_long = item->len < sum->too_long ? item->len : sum->too_long;
		break;
	case TX_REFUSED:
		sum->refused++;
		port_mark_lost(item, 1, DROP_TX_FAILED);
		break;
	case TX_FAULT:
		return false;
	}
	return true;
}

/* The ring has a fault, or no buffers: it is the end of this burst. */
static __attribute__((noinline)) void
tx_lose_rest(const struct tx *tx, struct tx_item *items, uint16_t n, struct tx_counts *sum)
{
	const bool stopped = vq_stopped(tx->vq);

	*(stopped ? &sum->stopped : &sum->full) += n;
	port_mark_lost(items, n, stopped ? DROP_NO_GUEST : DROP_TX_FULL);
}

static __rte_always_inline void
tx_all(struct tx *tx, struct tx_item *items, uint16_t n, struct tx_counts *sum, bool packed)
{
	struct vq_bufs bufs;

	for (uint16_t i = 0; i < n;) {
		const uint16_t want = (uint16_t)(n - i < PKT_BURST ? n - i : PKT_BURST);
		const uint16_t ready = vq_fetch(tx->vq, tx->view, &bufs, want, DESC_WRITE, packed);
		uint16_t done;

		if (ready == 0) {
			tx_lose_rest(tx, &items[i], (uint16_t)(n - i), sum);
			return;
		}
		done = tx_run(tx, &items[i], ready, &bufs, sum, packed);
		i = (uint16_t)(i + done);
		if (unlikely(done < ready) && !tx_odd(tx, &items[i++], sum)) {
			tx_lose_rest(tx, &items[i - 1], (uint16_t)(n - i + 1), sum);
			return;
		}
	}
}

void
VQ_NAME(vq_tx)(struct vq *vq, const struct vq_view *view, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct tx tx = {.vq = vq, .view = view, .packed = vq_packed(view)};
	struct tx_counts sum = {.too_long = UINT32_MAX};
	const uint16_t before = vq->next_avail;

	if (unlikely(!vq_sound(vq, view))) {
		port_lose(count, items, n, DROP_NO_GUEST);
		return;
	}
	if (tx.packed) {
		tx_all(&tx, items, n, &sum, true);
	} else {
		tx_all(&tx, items, n, &sum, false);
	}
	vq_stay_quiet(vq, view, before);
	vq_used_publish(vq, view, &tx.used);
	tx_account(vq, &sum, count);
}

void
VQ_NAME(vq_look)(struct vq *vq, const struct vq_view *view)
{
	if (vq->owed != 0 && vq_sound(vq, view)) {
		vq_look_again(vq, view);
	}
}
