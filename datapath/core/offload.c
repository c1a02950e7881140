/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/offload.h"

#include <assert.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <string.h>

#include "datapath/core/caps.h"
#include "datapath/core/headers.h"

#define TCP_CSUM_OFFSET 16 /* RFC 9293 section 3.1 */
#define UDP_CSUM_OFFSET 6 /* RFC 768 */

static_assert(sizeof(struct vnet_hdr) == sizeof(struct virtio_net_hdr), "virtio 1.2, 5.1.6");

static bool
headers_ipv4(const uint8_t *bytes, uint32_t len, struct offload_headers *headers)
{
	const uint8_t *ip = bytes + headers->l3;
	uint32_t ihl;
	uint16_t fragment;

	if (headers->l3 + 20U > len || ip[0] >> 4 != 4) {
		return false;
	}
	ihl = (ip[0] & 15U) * 4U;
	if (ihl < 20 || headers->l3 + ihl > len) {
		return false;
	}
	headers->ip_version = 4;
	headers->proto = ip[9];
	fragment = (uint16_t)((ip[6] << 8 | ip[7]) & 0x3fff);
	headers->l4 = fragment != 0 ? 0 : (uint16_t)(headers->l3 + ihl);
	return true;
}

static bool
headers_ipv6(const uint8_t *bytes, uint32_t len, struct offload_headers *headers)
{
	const uint8_t *ip = bytes + headers->l3;

	if (headers->l3 + 40U > len || ip[0] >> 4 != 6) {
		return false;
	}
	headers->ip_version = 6;
	headers->proto = ip[6];
	headers->l4 = (uint16_t)(headers->l3 + 40);
	return true;
}

static bool
headers_transport(const uint8_t *bytes, uint32_t len, struct offload_headers *headers)
{
	uint32_t size;

	if (headers->l4 == 0) {
		return true;
	}
	if (headers->proto == IPPROTO_TCP) {
		if (headers->l4 + 20U > len) {
			return false;
		}
		size = (uint32_t)(bytes[headers->l4 + 12] >> 4) * 4U;
		if (size < 20 || headers->l4 + size > len) {
			return false;
		}
	} else if (headers->proto == IPPROTO_UDP) {
		size = 8;
		if (headers->l4 + size > len) {
			return false;
		}
	} else {
		return true;
	}
	headers->payload = (uint16_t)(headers->l4 + size);
	return true;
}

bool
offload_headers(const uint8_t *bytes, uint32_t len, struct offload_headers *headers)
{
	uint32_t off = 12; /* wider than a length: tags alone may fill the frame */
	uint16_t type;

	memset(headers, 0, sizeof(*headers));
	for (;;) {
		if (off + 2U > len) {
			return false;
		}
		type = load_be16(bytes + off);
		if (!eth_is_vlan(type)) {
			break;
		}
		off += VLAN_TAG_LEN;
	}
	headers->l3 = (uint16_t)(off + 2);
	switch (type) {
	case RTE_ETHER_TYPE_IPV4:
		return headers_ipv4(bytes, len, headers) && headers_transport(bytes, len, headers);
	case RTE_ETHER_TYPE_IPV6:
		return headers_ipv6(bytes, len, headers) && headers_transport(bytes, len, headers);
	default:
		return true;
	}
}

/* Where a protocol has its checksum, behind the start of its header. */
static uint16_t
csum_offset_of(uint8_t proto)
{
	return proto == IPPROTO_UDP ? UDP_CSUM_OFFSET : TCP_CSUM_OFFSET;
}

/* Does the GSO type agree with the headers that are really there? */
static bool
gso_fits(const struct pkt_offload *ol, const struct offload_headers *headers)
{
	uint8_t version = (ol->flags & PKT_OL_TCP4) != 0 ? 4
		: (ol->flags & PKT_OL_TCP6) != 0         ? 6
							 : headers->ip_version;
	uint8_t proto = (ol->flags & PKT_OL_UDP) != 0 ? IPPROTO_UDP : IPPROTO_TCP;

	return headers->ip_version == version && headers->proto == proto && headers->payload != 0 &&
		(ol->flags & PKT_OL_CSUM) != 0 && ol->csum_start == headers->l4 &&
		ol->csum_offset == csum_offset_of(proto) && ol->gso_size > 0;
}

bool
offload_check(struct pkt *pkt)
{
	struct pkt_offload *ol = &pkt->ol;
	struct offload_headers headers;
	uint32_t field_end = (uint32_t)ol->csum_start + ol->csum_offset + 2U;

	if ((ol->flags & (PKT_OL_CSUM | PKT_OL_GSO)) == 0) {
		return true;
	}
	if ((ol->flags & PKT_OL_CSUM) == 0 || ol->csum_start < RTE_ETHER_HDR_LEN ||
		field_end > pkt->len || field_end > UINT16_MAX ||
		!pkt_pull(pkt, (uint16_t)field_end)) {
		return false;
	}
	if ((ol->flags & PKT_OL_GSO) == 0) {
		return true;
	}
	/* The transport header ends within 60 bytes of where the sum starts (TCP's longest). */
	if (!pkt_pull(pkt, (uint16_t)RTE_MIN(pkt->len, ol->csum_start + 60U)) ||
		!offload_headers(pkt->head, pkt->head_len, &headers) || !gso_fits(ol, &headers)) {
		return false;
	}
	/* An edited head is a copy of so many bytes: whoever cuts the item looks for headers there.
	 */
	return headers.payload <= PKT_HEAD_MIN && pkt->len > headers.payload;
}

uint8_t
offload_missing(uint8_t flags, uint32_t port_caps)
{
	uint8_t missing = 0;

	if ((flags & PKT_OL_CSUM) != 0 && (port_caps & PORT_CAP_CSUM) == 0) {
		missing |= PKT_OL_CSUM;
	}
	if ((flags & PKT_OL_TCP4) != 0 && (port_caps & PORT_CAP_TSO4) == 0) {
		missing |= PKT_OL_TCP4;
	}
	if ((flags & PKT_OL_TCP6) != 0 && (port_caps & PORT_CAP_TSO6) == 0) {
		missing |= PKT_OL_TCP6;
	}
	if ((flags & PKT_OL_UDP) != 0 && (port_caps & PORT_CAP_USO) == 0) {
		missing |= PKT_OL_UDP;
	}
	/* Whoever cuts without knowing repeats CWR in each segment (RFC 3168, 6.1.2). */
	if ((flags & PKT_OL_ECN) != 0 && (port_caps & PORT_CAP_ECN) == 0) {
		missing |= flags & (PKT_OL_TCP4 | PKT_OL_TCP6);
	}
	return missing;
}

/*
 * The sum of all bytes from `off` on. Not rte_raw_cksum_mbuf: that of DPDK 22.11 loses the carries
 * of a segment that begins at an odd distance.
 */
static uint16_t
sum_from(const struct rte_mbuf *m, uint32_t off)
{
	uint32_t sum = 0;
	bool odd = false;

	for (; m != NULL; m = m->next) {
		if (off < m->data_len) {
			const void *bytes = rte_pktmbuf_mtod_offset(m, const void *, off);
			uint32_t len = m->data_len - off;
			uint16_t part = rte_raw_cksum(bytes, len);

			sum += odd ? rte_bswap16(part) : part;
			odd ^= (len & 1) != 0;
			off = 0;
		} else {
			off -= m->data_len;
		}
	}
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + sum);
}

bool
offload_finish_csum(struct rte_mbuf *mbuf, const struct pkt_offload *ol)
{
	uint32_t field = (uint32_t)ol->csum_start + ol->csum_offset;
	uint16_t sum;

	if ((ol->flags & PKT_OL_CSUM) == 0) {
		return true;
	}
	if (field + 2 > mbuf->data_len || ol->csum_start >= mbuf->pkt_len) {
		return false;
	}
	sum = (uint16_t)~sum_from(mbuf, ol->csum_start);
	/* RFC 768: an all-zero UDP checksum means none; 0xffff is the same number. */
	if (sum == 0) {
		sum = 0xffff;
	}
	memcpy(rte_pktmbuf_mtod_offset(mbuf, void *, field), &sum, sizeof(sum));
	return true;
}

/* Fix the headers of segment number `index`, which carries payload from byte `done` on. */
static void
segment_headers(struct rte_mbuf *m, const struct offload_headers *h, unsigned int index,
	uint32_t done, bool last)
{
	uint8_t *bytes = rte_pktmbuf_mtod(m, uint8_t *);
	void *l4 = bytes + h->l4;
	uint16_t csum_field = (uint16_t)(h->l4 + csum_offset_of(h->proto));
	uint16_t sum;

	if (h->proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = l4;

		tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + done);
		if (!last) {
			tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
		}
		if (index > 0) {
			tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG; /* RFC 3168 section 6.1.2 */
		}
	} else {
		((struct rte_udp_hdr *)l4)->dgram_len =
			rte_cpu_to_be_16((uint16_t)(m->pkt_len - h->l4));
	}
	store_be16(bytes + csum_field, 0);
	if (h->ip_version == 4) {
		struct rte_ipv4_hdr *ip = (void *)(bytes + h->l3);

		ip->total_length = rte_cpu_to_be_16((uint16_t)(m->pkt_len - h->l3));
		ip->packet_id =
			rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ip->packet_id) + index));
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		sum = rte_ipv4_udptcp_cksum_mbuf(m, ip, h->l4);
	} else {
		struct rte_ipv6_hdr *ip = (void *)(bytes + h->l3);

		ip->payload_len = rte_cpu_to_be_16((uint16_t)(m->pkt_len - h->l4));
		sum = rte_ipv6_udptcp_cksum_mbuf(m, ip, h->l4);
	}
	memcpy(bytes + csum_field, &sum, sizeof(sum));
}

/* One segment: the headers and `len` payload bytes from `off` of the large frame. */
static struct rte_mbuf *
segment_one(const struct rte_mbuf *big, const struct offload_headers *h, uint32_t off, uint32_t len,
	struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *to;
	const uint8_t *from;

	if (m == NULL) {
		return NULL;
	}
	to = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(h->payload + len));
	if (to == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(to, rte_pktmbuf_mtod(big, const uint8_t *), h->payload);
	from = rte_pktmbuf_read(big, off, len, to + h->payload);
	if (from != NULL && from != to + h->payload) {
		memcpy(to + h->payload, from, len);
	}
	return m;
}

unsigned int
offload_segment(struct rte_mbuf *mbuf, const struct pkt_offload *ol, struct rte_mempool *pool,
	struct rte_mbuf **out)
{
	struct offload_headers h;
	uint32_t payload;
	unsigned int n = 0;

	if (pool == NULL ||
		!offload_headers(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, &h) ||
		h.payload == 0 || ol->gso_size == 0 || mbuf->pkt_len <= h.payload) {
		return 0;
	}
	payload = mbuf->pkt_len - h.payload;
	for (uint32_t done = 0; done < payload; done += ol->gso_size) {
		uint32_t len = RTE_MIN(payload - done, (uint32_t)ol->gso_size);
		struct rte_mbuf *m = n == OFFLOAD_SEGS_MAX
			? NULL
			: segment_one(mbuf, &h, h.payload + done, len, pool);

		if (m == NULL) {
			rte_pktmbuf_free_bulk(out, n);
			return 0;
		}
		segment_headers(m, &h, n, done, done + len == payload);
		out[n++] = m;
	}
	rte_pktmbuf_free(mbuf);
	return n;
}

void
offload_from_mbuf(struct pkt *pkt)
{
	const struct rte_mbuf *m = pkt->mbuf;
	uint64_t l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	struct offload_headers h;

	memset(&pkt->ol, 0, sizeof(pkt->ol));
	if (l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD) {
		pkt->ol.flags = PKT_OL_CSUM_OK;
		return;
	}
	if (l4 != RTE_MBUF_F_RX_L4_CKSUM_NONE && (m->ol_flags & RTE_MBUF_F_RX_LRO) == 0) {
		return;
	}
	if (!offload_headers(pkt->head, pkt->head_len, &h) || h.payload == 0) {
		return;
	}
	pkt->ol.flags = PKT_OL_CSUM;
	pkt->ol.csum_start = h.l4;
	pkt->ol.csum_offset = csum_offset_of(h.proto);
	if ((m->ol_flags & RTE_MBUF_F_RX_LRO) != 0) {
		pkt->ol.gso_size = m->tso_segsz;
		pkt->ol.flags |= h.proto == IPPROTO_UDP ? PKT_OL_UDP
			: h.ip_version == 4             ? PKT_OL_TCP4
							: PKT_OL_TCP6;
	}
}

bool
offload_to_mbuf(struct rte_mbuf *mbuf, const struct pkt_offload *ol)
{
	struct offload_headers h;

	mbuf->ol_flags &=
		~(RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	if ((ol->flags & (PKT_OL_CSUM | PKT_OL_GSO)) == 0) {
		return true;
	}
	if (!offload_headers(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, &h) ||
		h.payload == 0 || ol->csum_start != h.l4 ||
		ol->csum_offset != csum_offset_of(h.proto)) {
		return false;
	}
	mbuf->l2_len = h.l3;
	mbuf->l3_len = (uint64_t)(h.l4 - h.l3);
	mbuf->l4_len = (uint64_t)(h.payload - h.l4);
	mbuf->ol_flags |= h.ip_version == 4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	mbuf->ol_flags |=
		h.proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	if ((ol->flags & (PKT_OL_TCP4 | PKT_OL_TCP6)) != 0) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		mbuf->tso_segsz = ol->gso_size;
	} else if ((ol->flags & PKT_OL_UDP) != 0) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_UDP_SEG;
		mbuf->tso_segsz = ol->gso_size;
	}
	return true;
}

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 /* virtio 1.2, 5.1.6; newer than the headers of Linux 6.1 */
#endif

bool
offload_from_vnet(const struct vnet_hdr *hdr, struct pkt_offload *ol)
{
	memset(ol, 0, sizeof(*ol));
	if ((hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
		ol->flags |= PKT_OL_CSUM;
		ol->csum_start = hdr->csum_start;
		ol->csum_offset = hdr->csum_offset;
	} else if ((hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0) {
		ol->flags |= PKT_OL_CSUM_OK;
	}
	switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		ol->flags |= PKT_OL_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		ol->flags |= PKT_OL_TCP6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		ol->flags |= PKT_OL_UDP;
		break;
	default:
		return false;
	}
	if ((hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0) {
		ol->flags |= PKT_OL_ECN;
	}
	ol->gso_size = hdr->gso_size;
	return hdr->gso_size != 0;
}

void
offload_to_vnet(const struct pkt_offload *ol, uint16_t head_len, struct vnet_hdr *hdr)
{
	memset(hdr, 0, sizeof(*hdr));
	if ((ol->flags & PKT_OL_CSUM) != 0) {
		hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr->csum_start = ol->csum_start;
		hdr->csum_offset = ol->csum_offset;
	} else if ((ol->flags & PKT_OL_CSUM_OK) != 0) {
		hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if ((ol->flags & PKT_OL_GSO) == 0) {
		return;
	}
	hdr->gso_type = (ol->flags & PKT_OL_TCP4) != 0 ? VIRTIO_NET_HDR_GSO_TCPV4
		: (ol->flags & PKT_OL_TCP6) != 0       ? VIRTIO_NET_HDR_GSO_TCPV6
						       : VIRTIO_NET_HDR_GSO_UDP_L4;
	if ((ol->flags & PKT_OL_ECN) != 0) {
		hdr->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	}
	hdr->gso_size = ol->gso_size;
	hdr->hdr_len = RTE_MIN(head_len, VNET_HDR_LEN_MAX);
}
