/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/kernel/vnet_io.h"

#include <errno.h>
#include <rte_ether.h>
#include <stdlib.h>

int
vnet_rx_init(struct vnet_rx *rx, struct rte_mempool *pool)
{
	*rx = (struct vnet_rx){.pool = pool, .bounce = malloc(PKT_LEN_MAX)};
	return rx->bounce == NULL ? -ENOMEM : 0;
}

void
vnet_rx_fini(struct vnet_rx *rx)
{
	free(rx->bounce);
	rte_pktmbuf_free(rx->spare);
	*rx = (struct vnet_rx){0};
}

bool
vnet_rx_prepare(struct vnet_rx *rx)
{
	if (rx->spare == NULL) {
		rx->spare = rte_pktmbuf_alloc(rx->pool);
		if (rx->spare == NULL) {
			return false;
		}
	}
	rx->iov[0] = (struct iovec){.iov_base = &rx->hdr, .iov_len = sizeof(rx->hdr)};
	rx->iov[1] = (struct iovec){.iov_base = rte_pktmbuf_mtod(rx->spare, void *),
		.iov_len = rte_pktmbuf_tailroom(rx->spare)};
	rx->iov[2] = (struct iovec){.iov_base = rx->bounce, .iov_len = PKT_LEN_MAX};
	return true;
}

/* The spare becomes the frame's first buffer; what spilled over is chained behind. */
static struct rte_mbuf *
take_frame(struct vnet_rx *rx, uint32_t len)
{
	struct rte_mbuf *m = rx->spare;
	uint32_t first = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));

	rx->spare = NULL;
	m->data_len = (uint16_t)first;
	m->pkt_len = first;
	if (len > first) {
		struct rte_mbuf *rest = pkt_mbuf_from_bytes(rx->pool, rx->bounce, len - first);

		if (rest == NULL || rte_pktmbuf_chain(m, rest) != 0) {
			rte_pktmbuf_free(rest);
			rte_pktmbuf_free(m);
			return NULL;
		}
	}
	return m;
}

bool
vnet_rx_finish(struct vnet_rx *rx, size_t n, struct pkt *pkt, struct port_counters *count)
{
	struct rte_mbuf *m;

	if (n < sizeof(rx->hdr) + RTE_ETHER_HDR_LEN) {
		port_drop_received(count, DROP_RUNT, 1);
		return false;
	}
	n -= sizeof(rx->hdr);
	if (n > PKT_LEN_MAX) {
		port_drop_received(count, DROP_RX_OVERSIZE, 1);
		return false;
	}
	m = take_frame(rx, (uint32_t)n);
	if (m == NULL) {
		port_drop_received(count, DROP_RX_NO_MEMORY, 1);
		return false;
	}
	pkt_from_mbuf(pkt, m);
	if (!offload_from_vnet(&rx->hdr, &pkt->ol)) {
		pkt_free(pkt);
		port_drop_received(count, DROP_OFFLOAD_INVALID, 1);
		return false;
	}
	return true;
}

unsigned int
vnet_tx_iov(const struct tx_item *item, struct vnet_hdr *hdr, struct iovec *iov)
{
	unsigned int n;

	offload_to_vnet(&item->ol, item->head_len, hdr);
	iov[0] = (struct iovec){.iov_base = hdr, .iov_len = sizeof(*hdr)};
	n = pkt_iov(item, iov + 1, VNET_TX_IOV - 1);
	return n == 0 ? 0 : n + 1;
}
