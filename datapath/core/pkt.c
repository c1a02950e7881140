/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/pkt.h"

#include <assert.h>
#include <string.h>

#include "datapath/core/headers.h"

void
pkt_from_mbuf(struct pkt *pkt, struct rte_mbuf *mbuf)
{
	*pkt = (struct pkt){.head = rte_pktmbuf_mtod(mbuf, uint8_t *),
		.len = mbuf->pkt_len,
		.head_len = mbuf->data_len,
		.headroom = mbuf->data_off,
		.mbuf = mbuf};
}

/* The mbuf's idea of where the frame starts and ends, after edits of the head. */
static void
mbuf_sync(struct pkt *pkt)
{
	struct rte_mbuf *m = pkt->mbuf;

	m->data_off = (uint16_t)(pkt->head - (uint8_t *)m->buf_addr);
	m->data_len = pkt->head_len;
	m->pkt_len = pkt->len;
}

/* Iterate over the bytes of a packet behind its head, `left` of them. */
struct rest {
	const struct pkt *pkt;
	const struct rte_mbuf *m;
	uint16_t seg;
	uint32_t skip; /* of the next segments: the head has them */
	uint32_t left;
};

static void
rest_start(struct rest *rest, const struct pkt *pkt, uint32_t left)
{
	*rest = (struct rest){.pkt = pkt,
		.m = pkt->mbuf == NULL ? NULL : pkt->mbuf->next,
		.seg = 0,
		.skip = pkt->pulled,
		.left = left};
}

static bool
rest_next(struct rest *rest, const uint8_t **addr, uint32_t *len)
{
	while (rest->left > 0) {
		if (rest->m != NULL) {
			*addr = rte_pktmbuf_mtod(rest->m, const uint8_t *);
			*len = rest->m->data_len;
			rest->m = rest->m->next;
		} else if (rest->seg < rest->pkt->n_segs) {
			const struct pkt_seg *seg = &rest->pkt->segs[rest->seg++];
			const uint32_t skip = RTE_MIN(rest->skip, seg->len);

			*addr = seg->addr + skip;
			*len = seg->len - skip;
			rest->skip -= skip;
		} else {
			return false;
		}
		*len = RTE_MIN(*len, rest->left);
		rest->left -= *len;
		if (*len > 0) {
			return true;
		}
	}
	return false;
}

static bool
pull_from_mbuf(struct pkt *pkt, uint16_t n)
{
	struct rte_mbuf *m = pkt->mbuf;

	mbuf_sync(pkt);
	while (m->data_len < n) {
		struct rte_mbuf *next = m->next;
		uint16_t want = (uint16_t)(n - m->data_len);
		uint16_t take;

		if (next == NULL || rte_pktmbuf_tailroom(m) < want) {
			break;
		}
		take = RTE_MIN(want, next->data_len);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len),
			rte_pktmbuf_mtod(next, uint8_t *), take);
		m->data_len = (uint16_t)(m->data_len + take);
		if (take == next->data_len) {
			m->next = next->next;
			m->nb_segs--;
			next->next = NULL;
			next->nb_segs = 1;
			rte_pktmbuf_free_seg(next);
		} else {
			next->data_off = (uint16_t)(next->data_off + take);
			next->data_len = (uint16_t)(next->data_len - take);
		}
	}
	pkt->head_len = m->data_len;
	return m->data_len >= n;
}

/* Copied once; the segments keep them, and nobody looks at them there again. */
static bool
pull_from_segs(struct pkt *pkt, uint16_t n)
{
	const uint16_t want = (uint16_t)(n - pkt->head_len);
	const uint8_t *addr;
	struct rest rest;
	uint32_t len;

	if (want > pkt->tailroom) {
		return false;
	}
	rest_start(&rest, pkt, want);
	while (rest_next(&rest, &addr, &len)) {
		memcpy(pkt->head + pkt->head_len, addr, len);
		pkt->head_len = (uint16_t)(pkt->head_len + len);
		pkt->tailroom = (uint16_t)(pkt->tailroom - len);
		pkt->pulled = (uint16_t)(pkt->pulled + len);
	}
	return pkt->head_len >= n;
}

bool
pkt_pull(struct pkt *pkt, uint16_t n)
{
	assert(n <= pkt->len);
	if (pkt->head_len >= n) {
		return true;
	}
	if (pkt->n_out != 0) {
		return false;
	}
	return pkt->mbuf != NULL ? pull_from_mbuf(pkt, n) : pull_from_segs(pkt, n);
}

bool
pkt_clone_head(struct tx_item *item, struct pkt_clones *clones)
{
	uint16_t keep = RTE_MIN(item->head_len, (uint16_t)PKT_HEAD_MIN);
	uint8_t *buf;

	assert(item->head == item->pkt->head);
	if (clones->n == PKT_CLONES) {
		return false;
	}
	buf = clones->buf[clones->n++];
	memcpy(buf + PKT_HEADROOM, item->head, keep);
	item->head = buf + PKT_HEADROOM;
	item->head_len = keep;
	item->cut = keep;
	item->headroom = PKT_HEADROOM;
	return true;
}

/* The addresses move, everything behind them stays: 12 bytes instead of the frame. */
static uint8_t *
head_push_tag(uint8_t *head, uint16_t tpid, uint16_t tci)
{
	uint8_t *to = head - VLAN_TAG_LEN;

	memmove(to, head, 2 * RTE_ETHER_ADDR_LEN);
	store_be16(to + 12, tpid);
	store_be16(to + 14, tci);
	return to;
}

static uint8_t *
head_pop_tag(uint8_t *head)
{
	memmove(head + VLAN_TAG_LEN, head, 2 * RTE_ETHER_ADDR_LEN);
	return head + VLAN_TAG_LEN;
}

static void
offload_shift(struct pkt_offload *ol, int by)
{
	if ((ol->flags & PKT_OL_CSUM) != 0) {
		ol->csum_start = (uint16_t)(ol->csum_start + by);
	}
}

void
pkt_push_tag(struct pkt *pkt, uint16_t tpid, uint16_t tci)
{
	assert(pkt->n_out == 0 && pkt->headroom >= VLAN_TAG_LEN);
	pkt->head = head_push_tag(pkt->head, tpid, tci);
	pkt->head_len = (uint16_t)(pkt->head_len + VLAN_TAG_LEN);
	pkt->headroom = (uint16_t)(pkt->headroom - VLAN_TAG_LEN);
	pkt->len += VLAN_TAG_LEN;
	offload_shift(&pkt->ol, VLAN_TAG_LEN);
}

void
pkt_pop_tag(struct pkt *pkt)
{
	assert(pkt->n_out == 0 && pkt->head_len >= RTE_ETHER_HDR_LEN + VLAN_TAG_LEN);
	pkt->head = head_pop_tag(pkt->head);
	pkt->head_len = (uint16_t)(pkt->head_len - VLAN_TAG_LEN);
	pkt->headroom = (uint16_t)(pkt->headroom + VLAN_TAG_LEN);
	pkt->len -= VLAN_TAG_LEN;
	offload_shift(&pkt->ol, -VLAN_TAG_LEN);
}

void
pkt_item_push_tag(struct tx_item *item, uint16_t tpid, uint16_t tci)
{
	assert(item->head != item->pkt->head && item->headroom >= VLAN_TAG_LEN);
	item->head = head_push_tag(item->head, tpid, tci);
	item->head_len = (uint16_t)(item->head_len + VLAN_TAG_LEN);
	item->headroom = (uint16_t)(item->headroom - VLAN_TAG_LEN);
	item->len += VLAN_TAG_LEN;
	offload_shift(&item->ol, VLAN_TAG_LEN);
}

void
pkt_item_pop_tag(struct tx_item *item)
{
	assert(item->head != item->pkt->head && item->head_len >= RTE_ETHER_HDR_LEN + VLAN_TAG_LEN);
	item->head = head_pop_tag(item->head);
	item->head_len = (uint16_t)(item->head_len - VLAN_TAG_LEN);
	item->headroom = (uint16_t)(item->headroom + VLAN_TAG_LEN);
	item->len -= VLAN_TAG_LEN;
	offload_shift(&item->ol, -VLAN_TAG_LEN);
}

/*
 * Bytes of the packet's own head that follow an edited head: [cut, head_len), unless the item ends
 * before. The packet's head may itself not have moved since the clone was made, because n_out > 0
 * forbids edits.
 */
static uint32_t
own_tail(const struct tx_item *item, const uint8_t **addr)
{
	*addr = item->pkt->head + item->cut;
	return RTE_MIN((uint32_t)item->pkt->head_len - item->cut, item->len - item->head_len);
}

unsigned int
pkt_iov(const struct tx_item *item, struct iovec *iov, unsigned int max)
{
	unsigned int n = 0;
	const uint8_t *addr;
	uint32_t tail = own_tail(item, &addr);
	uint32_t len;
	struct rest rest;

	if (max < 2) {
		return 0;
	}
	iov[n++] = (struct iovec){.iov_base = item->head, .iov_len = item->head_len};
	if (tail > 0) {
		iov[n++] = (struct iovec){.iov_base = (void *)(uintptr_t)addr, .iov_len = tail};
	}
	rest_start(&rest, item->pkt, item->len - item->head_len - tail);
	while (rest_next(&rest, &addr, &len)) {
		if (n == max) {
			return 0;
		}
		iov[n++] = (struct iovec){.iov_base = (void *)(uintptr_t)addr, .iov_len = len};
	}
	return n;
}

void
pkt_gather(const struct tx_item *item, uint8_t *dst)
{
	const uint8_t *addr;
	uint32_t tail = own_tail(item, &addr);
	uint32_t len;
	struct rest rest;

	memcpy(dst, item->head, item->head_len);
	dst += item->head_len;
	memcpy(dst, addr, tail);
	dst += tail;
	rest_start(&rest, item->pkt, item->len - item->head_len - tail);
	while (rest_next(&rest, &addr, &len)) {
		memcpy(dst, addr, len);
		dst += len;
	}
}

/* Appends to a growing chain; `last` is the chain's last segment. */
static bool
chain_append(struct rte_mempool *pool, struct rte_mbuf *first, struct rte_mbuf **last,
	const uint8_t *bytes, uint32_t len)
{
	while (len > 0) {
		uint16_t room = rte_pktmbuf_tailroom(*last);
		uint16_t take = (uint16_t)RTE_MIN((uint32_t)room, len);

		if (room == 0) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

			if (m == NULL) {
				return false;
			}
			m->data_off = 0;
			(*last)->next = m;
			*last = m;
			first->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(*last, uint8_t *, (*last)->data_len), bytes, take);
		(*last)->data_len = (uint16_t)((*last)->data_len + take);
		first->pkt_len += take;
		bytes += take;
		len -= take;
	}
	return true;
}

struct rte_mbuf *
pkt_mbuf_from_bytes(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = pool == NULL ? NULL : rte_pktmbuf_alloc(pool);
	struct rte_mbuf *last = m;

	if (m != NULL && !chain_append(pool, m, &last, bytes, len)) {
		rte_pktmbuf_free(m);
		m = NULL;
	}
	return m;
}

static struct rte_mbuf *
copy_to_mbuf(const struct tx_item *item, struct rte_mempool *pool)
{
	struct rte_mbuf *m = pkt_mbuf_from_bytes(pool, item->head, item->head_len);
	struct rte_mbuf *last = m;
	const uint8_t *addr;
	uint32_t tail = own_tail(item, &addr);
	uint32_t len;
	struct rest rest;
	bool ok;

	if (m == NULL) {
		return NULL;
	}
	while (last->next != NULL) {
		last = last->next;
	}
	ok = chain_append(pool, m, &last, addr, tail);
	rest_start(&rest, item->pkt, item->len - item->head_len - tail);
	while (ok && rest_next(&rest, &addr, &len)) {
		ok = chain_append(pool, m, &last, addr, len);
	}
	if (!ok) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

struct rte_mbuf *
pkt_peek_mbuf(const struct tx_item *item)
{
	struct pkt *pkt = item->pkt;

	if (pkt->mbuf == NULL || item->head != pkt->head || item->len != pkt->len) {
		return NULL;
	}
	mbuf_sync(pkt);
	return pkt->mbuf;
}

void
pkt_give_back(const struct tx_item *item, struct rte_mbuf *mbuf)
{
	struct pkt *pkt = item->pkt;
	const uint8_t *buf = mbuf->buf_addr;

	if (pkt->mbuf == NULL && pkt->head >= buf && pkt->head < buf + mbuf->buf_len) {
		pkt->mbuf = mbuf;
	} else {
		rte_pktmbuf_free(mbuf);
	}
}

struct rte_mbuf *
pkt_to_mbuf(const struct tx_item *item, struct rte_mempool *pool)
{
	if (item->pkt->n_out == 1) {
		struct rte_mbuf *m = pkt_peek_mbuf(item);

		if (m != NULL) {
			item->pkt->mbuf = NULL;
			return m;
		}
	}
	return copy_to_mbuf(item, pool);
}
