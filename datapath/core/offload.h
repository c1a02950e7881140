/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums and segmentation: who did what so far, and finishing it in software.
 *
 * A packet's offload state is in virtio-net's terms (pkt.h). Peers only hint: offload_check()
 * parses the frame itself and refuses a hint that does not fit. Outputs say what they take (enum
 * port_cap); for one that takes less, the pipeline turns the item into mbufs with offload_finish().
 *
 * Segmentation is our own: TCP over IPv4 and IPv6 and UDP datagrams, under any stack of VLAN tags.
 * Tunnels and IPv6 extension headers other than none before the transport header are not cut: that
 * is the named drop segment-failed.
 *
 * Threads: any worker, on its own packets.
 */
#ifndef VSW_DATAPATH_CORE_OFFLOAD_H
#define VSW_DATAPATH_CORE_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/pkt.h"

#define OFFLOAD_SEGS_MAX 128 /* segments of one packet: 64 KiB cut at 512 bytes */

/* Offsets from the frame's first byte; found by offload_headers. */
struct offload_headers {
	uint16_t l3; /* IP header */
	uint16_t l4; /* transport header; 0 if there is none (fragment, not IP) */
	uint16_t payload; /* behind the transport header; 0 if l4 is 0 or not TCP or UDP */
	uint8_t ip_version; /* 4, 6, or 0 */
	uint8_t proto;
};

/*
 * Parse Ethernet, VLAN tags, IP and transport header out of `len` contiguous bytes. False if they
 * are cut short or contradict themselves.
 */
bool offload_headers(const uint8_t *bytes, uint32_t len, struct offload_headers *headers);

/* Is the packet's hint true to its bytes? May pull the head. False: drop offload-invalid. */
bool offload_check(struct pkt *pkt);

/*
 * Flags that an output with these capabilities (enum port_cap) must not be given. PKT_OL_ECN is not
 * among them, but makes TCP segmentation one of them where the output knows nothing of ECN.
 */
uint8_t offload_missing(uint8_t flags, uint32_t port_caps);

/*
 * Sum in software: write the checksum that `ol` says is missing into the mbuf, whose first segment
 * is ours and holds the field.
 */
bool offload_finish_csum(struct rte_mbuf *mbuf, const struct pkt_offload *ol);

/*
 * Cut `mbuf` into frames of ol->gso_size payload bytes with all checksums done; `out` holds
 * OFFLOAD_SEGS_MAX. Returns how many, and frees the mbuf; 0 if it could not be cut: it is still
 * the caller's.
 */
unsigned int offload_segment(struct rte_mbuf *mbuf, const struct pkt_offload *ol,
	struct rte_mempool *pool, struct rte_mbuf **out);

/* --- mbuf flags, for outputs and inputs that are DPDK devices -------------------------------- */

/* Set pkt->ol from the mbuf's RX flags. */
void offload_from_mbuf(struct pkt *pkt);

/*
 * Set the mbuf's TX flags and header lengths; false if this state cannot be said in them (then
 * finish it in software). `ol` has been checked.
 */
bool offload_to_mbuf(struct rte_mbuf *mbuf, const struct pkt_offload *ol);

/* --- virtio-net header, for tap, packet sockets and vhost ------------------------------------ */

/* virtio 1.2, section 5.1.6; the layout without num_buffers. */
struct vnet_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

/* False if the header contradicts itself or names a kind of segmentation that we do not know. */
bool offload_from_vnet(const struct vnet_hdr *hdr, struct pkt_offload *ol);

/*
 * `head_len` bytes of the frame are in its head: hdr_len may name fewer bytes than the headers
 * have, never more than the frame, and names VNET_HDR_LEN_MAX at most.
 */
#define VNET_HDR_LEN_MAX 128
void offload_to_vnet(const struct pkt_offload *ol, uint16_t head_len, struct vnet_hdr *hdr);

#endif
