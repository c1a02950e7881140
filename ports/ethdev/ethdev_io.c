/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts of DPDK devices; workers only. */
#include "ports/ethdev/ethdev.h"

#include <assert.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include "datapath/core/offload.h"
#include "ports/ethdev/ethdev_priv.h"

#define TX_STALLS_MAX 3 /* looks at a full ring before the rest of a burst is given up */

/* An mbuf that may be edited, with the tag in its bytes. Takes `m`; NULL if no memory was left. */
static struct rte_mbuf *
rx_own(struct rte_mbuf *m, struct rte_mempool *pool)
{
	if (!pkt_mbuf_writable(m)) {
		struct rte_mbuf *copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);

		rte_pktmbuf_free(m);
		if (copy == NULL) {
			return NULL;
		}
		m = copy;
	}
	if ((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
		m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN);
		if (rte_vlan_insert(&m) != 0) {
			rte_pktmbuf_free(m);
			return NULL;
		}
	}
	return m;
}

/* A device may scatter a frame over buffers with little in the first: the head must hold enough. */
static bool
rx_head(struct pkt *pkt, struct rte_mempool *pool)
{
	uint16_t need = (uint16_t)RTE_MIN(pkt->len, (uint32_t)PKT_HEAD_MIN);
	struct rte_mbuf *copy;

	if (pkt->head_len >= need || pkt_pull(pkt, need)) {
		return true;
	}
	copy = rte_pktmbuf_copy(pkt->mbuf, pool, 0, UINT32_MAX);
	rte_pktmbuf_free(pkt->mbuf);
	if (copy == NULL) {
		return false;
	}
	pkt_from_mbuf(pkt, copy);
	return true;
}

uint16_t
ethdev_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct ethdev_port *ep = ethdev_port(port);
	struct rte_mbuf *mbufs[PKT_BURST];
	uint64_t bytes = 0;
	uint16_t kept = 0;
	uint16_t n;

	assert(max <= PKT_BURST && queue < port->n_rxq);
	if (!atomic_load_explicit(&ep->running, memory_order_acquire)) {
		return 0;
	}
	n = rte_eth_rx_burst(ep->id, queue, mbufs, max);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = rx_own(mbufs[i], port->pool);

		if (m == NULL) {
			continue;
		}
		pkt_from_mbuf(&pkts[kept], m);
		if (rx_head(&pkts[kept], port->pool)) {
			offload_from_mbuf(&pkts[kept]);
			bytes += pkts[kept].len;
			kept++;
		}
	}
	if (n > 0) {
		port_count(&count->rx_packets, kept);
		port_count(&count->rx_bytes, bytes);
		port_drop_received(count, DROP_RX_NO_MEMORY, (uint16_t)(n - kept));
	}
	return kept;
}

/* One buffer for a device that takes no chains: a frame within the MTU fits one of the port's. */
static struct rte_mbuf *
tx_flatten(const struct tx_item *item, struct rte_mbuf *m, struct rte_mempool *pool,
	enum drop_reason *reason)
{
	struct rte_mbuf *flat = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);

	pkt_give_back(item, m);
	if (flat == NULL) {
		*reason = DROP_TX_NO_MEMORY;
		return NULL;
	}
	if (flat->nb_segs > 1) {
		*reason = DROP_TX_FAILED;
		rte_pktmbuf_free(flat);
		return NULL;
	}
	return flat;
}

/* The item as an mbuf of ours, with what the device is asked to do; NULL with the reason. */
static struct rte_mbuf *
tx_take(struct ethdev_port *ep, const struct tx_item *item, enum drop_reason *reason)
{
	struct rte_mbuf *m = pkt_to_mbuf(item, ep->port.pool);

	if (m == NULL) {
		*reason = DROP_TX_NO_MEMORY;
		return NULL;
	}
	if (m->nb_segs > 1 && !ep->chains) {
		m = tx_flatten(item, m, ep->port.pool, reason);
		if (m == NULL) {
			return NULL;
		}
	}
	if (!offload_to_mbuf(m, &item->ol)) {
		/* A checksum that flags cannot describe is finished here; segments cannot be. */
		m->ol_flags = 0;
		*reason = DROP_SEGMENT_FAILED;
		if ((item->ol.flags & PKT_OL_GSO) != 0 || !offload_finish_csum(m, &item->ol)) {
			pkt_give_back(item, m);
			return NULL;
		}
	}
	if (ep->ip_csum && (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 &&
		(m->ol_flags & RTE_MBUF_F_TX_IPV4) != 0) {
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM; /* rte_mbuf_core.h: goes with TCP_SEG */
	}
	return m;
}

/* The item that mbuf `k` was made of: those that are lost already have none. */
static struct tx_item *
tx_item_of(struct tx_item *items, uint16_t k)
{
	while (items->lost != 0 || k-- > 0) {
		items++;
	}
	return items;
}

static void
tx_lose(struct tx_item *item, struct rte_mbuf *m, enum drop_reason reason,
	struct port_counters *count)
{
	pkt_give_back(item, m);
	port_lose(count, item, 1, reason);
}

/* Have the driver complete the headers; one that it refuses is left out. */
static uint16_t
tx_prepare(struct ethdev_port *ep, uint16_t queue, struct tx_item *items, struct rte_mbuf **mbufs,
	uint16_t n, struct port_counters *count)
{
	uint16_t done = 0;

	while (done < n) {
		done = (uint16_t)(done +
			rte_eth_tx_prepare(ep->id, queue, &mbufs[done], (uint16_t)(n - done)));
		if (done < n) {
			tx_lose(tx_item_of(items, done), mbufs[done], DROP_TX_FAILED, count);
			n--;
			for (uint16_t i = done; i < n; i++) {
				mbufs[i] = mbufs[i + 1];
			}
		}
	}
	return n;
}

/* Takes the mbufs, made of those items from `items` on that are not lost. */
static void
tx_send(struct ethdev_port *ep, uint16_t queue, struct tx_item *items, struct rte_mbuf **mbufs,
	uint16_t n, struct port_counters *count)
{
	uint32_t lens[PKT_BURST];
	unsigned int stalls = 0;
	uint64_t bytes = 0;
	uint16_t done = 0;

	if (ep->prepare) {
		n = tx_prepare(ep, queue, items, mbufs, n, count);
	}
	for (uint16_t i = 0; i < n; i++) {
		lens[i] = mbufs[i]->pkt_len;
	}
	while (done < n && stalls < TX_STALLS_MAX) {
		uint16_t k = rte_eth_tx_burst(ep->id, queue, &mbufs[done], (uint16_t)(n - done));

		for (uint16_t i = done; i < done + k; i++) {
			bytes += lens[i];
		}
		done = (uint16_t)(done + k);
		if (k == 0) {
			stalls++;
			rte_pause();
		}
	}
	port_count(&count->tx_packets, done);
	port_count(&count->tx_bytes, bytes);
	for (; done < n; n--) {
		bool up = atomic_load_explicit(&ep->link_up, memory_order_relaxed);

		/* From behind: places of those before do not change. */
		tx_lose(tx_item_of(items, (uint16_t)(n - 1)), mbufs[n - 1],
			up ? DROP_TX_FULL : DROP_LINK_DOWN, count);
	}
}

void
ethdev_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct ethdev_port *ep = ethdev_port(port);
	enum drop_reason reason;

	assert(queue < port->n_txq);
	if (!atomic_load_explicit(&ep->running, memory_order_acquire)) {
		port_lose(count, items, n, DROP_LINK_DOWN);
		return;
	}
	for (uint16_t i = 0; i < n;) {
		struct tx_item *first = &items[i];
		struct rte_mbuf *mbufs[PKT_BURST];
		uint16_t k = 0;

		for (; i < n && k < PKT_BURST; i++) {
			mbufs[k] = tx_take(ep, &items[i], &reason);
			if (mbufs[k] == NULL) {
				port_lose(count, &items[i], 1, reason);
			} else {
				k++;
			}
		}
		tx_send(ep, queue, first, mbufs, k, count);
	}
}
