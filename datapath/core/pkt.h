/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet, for the length of one burst.
 *
 * What it is. A worker's small descriptor of one received frame: a contiguous, writable head that
 * everything is parsed from and edited in, and a note of where the rest lies. It is not an mbuf,
 * because a frame from a guest needs none on its way to another guest.
 *
 * Where the bytes are. `head` holds the first head_len bytes, at least min(len, PKT_HEAD_MIN). The
 * rest is either behind the head in the mbuf that the packet owns (`mbuf`, head inside its first
 * segment), or in `segs`, host memory lent by the receiving port, but for their first `pulled`
 * bytes. Exactly one of the two backs a packet whose head does not hold all of it. Lent memory may
 * change under us: it is copied to where it goes, or into the head, once, and never parsed.
 *
 * Life. rx_burst fills packets, the pipeline stages outputs (struct tx_item), the flush sends them,
 * rx_release ends it. Nothing refers to a packet after the burst that received it; what must live
 * longer is copied (pkt_to_mbuf).
 *
 * Staged outputs. An item is (packet, head version). While `n_out` items refer to a packet its head
 * must not be edited: pkt_clone_head makes another version in a bounded pool. When the last item of
 * an mbuf packet is sent with the packet's own head, the output may keep the mbuf.
 *
 * Threads: a packet belongs to the worker that received it.
 */
#ifndef VSW_DATAPATH_CORE_PKT_H
#define VSW_DATAPATH_CORE_PKT_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "datapath/core/drop.h"

#define PKT_BURST 32 /* packets that one rx_burst may return */
#define PKT_HEAD_MIN \
	192 /* Ethernet, two tags, IPv6 with options, TCP: what parsing usually needs */
#define PKT_SEGS_MAX 20 /* lent segments; a longer chain is copied by the port on receive */
#define PKT_LEN_MAX 65562 /* 64 KiB - 1 of IP, Ethernet header, three VLAN tags */
#define PKT_HEADROOM 16 /* bytes before a head that the port keeps free, for VLAN tags */
#define PKT_CLONES 64 /* edited heads that a worker can have staged at once */
#define PKT_CLONE_SIZE (PKT_HEADROOM + PKT_HEAD_MIN)

/* Checksum and segmentation state, in the terms of virtio-net (virtio 1.2, section 5.1.6). */
enum pkt_offload_flag {
	PKT_OL_CSUM = 1U << 0, /* bytes from csum_start on are not summed yet; the field at
				* csum_start + csum_offset holds the pseudo-header's sum */
	PKT_OL_TCP4 = 1U << 1, /* segment: TCP over IPv4, gso_size bytes of payload each */
	PKT_OL_TCP6 = 1U << 2, /* segment: TCP over IPv6 */
	PKT_OL_UDP = 1U << 3, /* segment: UDP datagrams of gso_size bytes (USO) */
	PKT_OL_CSUM_OK = 1U << 4, /* the device has verified the checksum */
	PKT_OL_ECN = 1U << 5, /* with TCP segmentation: CWR belongs to the first segment only */
};
#define PKT_OL_GSO (PKT_OL_TCP4 | PKT_OL_TCP6 | PKT_OL_UDP)

struct pkt_offload {
	uint8_t flags; /* enum pkt_offload_flag; a hint from the peer until offload_check() */
	uint16_t gso_size; /* payload bytes of a segment, > 0 with a GSO flag */
	uint16_t csum_start; /* offset in the frame */
	uint16_t csum_offset; /* offset behind csum_start */
};

struct pkt_seg {
	const uint8_t *addr;
	uint32_t len;
};

struct pkt {
	uint8_t *head;
	uint32_t len; /* of the whole frame, FCS not included */
	uint16_t head_len; /* <= len */
	uint16_t headroom; /* writable bytes before head */
	uint16_t tailroom; /* writable bytes behind the head of a packet with segs */
	uint16_t pulled; /* bytes of segs that the head has taken over */
	uint16_t n_segs;
	uint16_t n_out; /* staged items that refer to this packet */
	struct pkt_offload ol;
	struct rte_mbuf *mbuf; /* owned, or NULL; single owner, first segment direct */
	const struct pkt_seg *segs; /* n_segs of them, valid until rx_release */
	uint32_t in_port;
	uint32_t hash; /* of the flow, for spreading; 0 until somebody needs it */
};

/*
 * One staged output: `head` instead of the packet's first `cut` bytes. An unedited item has the
 * packet's own head and cut == pkt->head_len. The frame ends after `len` bytes even where the
 * packet goes on (edit_truncate).
 */
struct tx_item {
	struct pkt *pkt;
	uint8_t *head;
	uint32_t len; /* of the frame as sent */
	uint16_t head_len;
	uint16_t cut;
	uint16_t headroom;
	uint8_t lost; /* 0, or why it was not sent: the reason + 1. port_lose() sets it */
	uint8_t pieces; /* frames that it left as, being finished in software; 0: itself */
	struct pkt_offload ol; /* as the frame leaves */
	uint8_t pieces_lost; /* of them; `lost` says why, of the last one */
};

/* Heads of one worker that differ from their packet's. */
struct pkt_clones {
	uint16_t n;
	uint8_t buf[PKT_CLONES][PKT_CLONE_SIZE];
};

/* --- any worker, inside a burst ------------------------------------------------------------ */

/* Fill a packet from an mbuf that it then owns. The mbuf's first segment must be ours to write
 * (pkt_mbuf_writable); in_port is the caller's to set. */
void pkt_from_mbuf(struct pkt *pkt, struct rte_mbuf *mbuf);

/* May the first segment be edited: one owner, no foreign buffer. */
static inline bool
pkt_mbuf_writable(const struct rte_mbuf *mbuf)
{
	return rte_mbuf_refcnt_read(mbuf) == 1 && RTE_MBUF_DIRECT(mbuf);
}

/*
 * Make the first n bytes (n <= len) contiguous in the head. False if that is not possible (no room
 * in the head's buffer): the caller drops by name.
 */
bool pkt_pull(struct pkt *pkt, uint16_t n);

/* The unedited output. */
static inline void
pkt_item(struct pkt *pkt, struct tx_item *item)
{
	*item = (struct tx_item){.pkt = pkt,
		.head = pkt->head,
		.len = pkt->len,
		.head_len = pkt->head_len,
		.cut = pkt->head_len,
		.headroom = pkt->headroom,
		.ol = pkt->ol};
}

/*
 * Give the item a head of its own, a copy of at most PKT_HEAD_MIN bytes, so that it can be edited
 * while others keep the old one. False when the pool is empty: flush, then try again.
 */
bool pkt_clone_head(struct tx_item *item, struct pkt_clones *clones);

/*
 * Put a VLAN tag in front of the EtherType, or take the outermost one away; checksum offsets move
 * along. The packet forms edit the packet itself and need n_out == 0; push needs VLAN_TAG_LEN bytes
 * of headroom, pop a head that holds the tag.
 */
void pkt_push_tag(struct pkt *pkt, uint16_t tpid, uint16_t tci);
void pkt_pop_tag(struct pkt *pkt);
void pkt_item_push_tag(struct tx_item *item, uint16_t tpid, uint16_t tci);
void pkt_item_pop_tag(struct tx_item *item);

/* Copy the whole frame to `dst`, which holds item->len bytes. */
void pkt_gather(const struct tx_item *item, uint8_t *dst);

/* Describe the frame for writev(2): number of entries, or 0 if `max` is too few. */
unsigned int pkt_iov(const struct tx_item *item, struct iovec *iov, unsigned int max);

/*
 * An mbuf with the item's frame, owned by the caller: the packet's own if this is its last use and
 * unedited, else a copy from `pool` (chained if one buffer is too small). Offload state is not
 * translated. NULL when the pool is exhausted. Takes the item's reference (n_out) only when it
 * takes the mbuf: afterwards pkt->mbuf is NULL.
 */
struct rte_mbuf *pkt_to_mbuf(const struct tx_item *item, struct rte_mempool *pool);

/*
 * The mbuf that pkt_to_mbuf() has made of the item could not be sent: the packet has its own back,
 * a copy is freed. Until the packet ends its bytes can be read by whoever accounts for the loss.
 */
void pkt_give_back(const struct tx_item *item, struct rte_mbuf *mbuf);

/*
 * The packet's own mbuf, brought in line with the head, for an output that only reads it; still
 * owned by the packet. NULL if the item has no such mbuf or ends before it does.
 */
struct rte_mbuf *pkt_peek_mbuf(const struct tx_item *item);

/* An mbuf (chain) with these bytes, or NULL. */
struct rte_mbuf *pkt_mbuf_from_bytes(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len);

/* End a packet: free what it still owns. */
static inline void
pkt_free(struct pkt *pkt)
{
	rte_pktmbuf_free(pkt->mbuf);
	pkt->mbuf = NULL;
}

#endif
