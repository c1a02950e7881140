/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of an af-xdp port; shared by xdp_port.c (main) and xdp_io.c (workers).
 *
 * Each queue has a socket and a piece of memory cut into frames. The frames are two herds that
 * never mix: the first RX_FRAMES go round between fill ring, receive ring and the worker that
 * receives; the others between the free list, transmit ring and completion ring of the worker that
 * transmits (or of those that share the queue, under the caller's lock). So the two need no lock
 * between them.
 */
#ifndef VSW_PORTS_XDP_XDP_PRIV_H
#define VSW_PORTS_XDP_XDP_PRIV_H

#include <rte_common.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <xdp/xsk.h>

#include "ports/port.h"
#include "ports/xdp/link.h"
#include "ports/xdp/offloads.h"
#include "ports/xdp/xdp_prog.h"

#define RX_FRAMES 2048
#define TX_FRAMES 1024
#define FRAMES (RX_FRAMES + TX_FRAMES)
#define FRAME_SMALL 2048
#define FRAME_LARGE 4096 /* the kernel's limit: a frame lies within a page */

struct xdp_queue {
	/* both workers read; set in open() */
	uint8_t *memory;
	uint32_t frame_size;
	int fd;

	/* the worker that receives */
	struct xsk_ring_cons rx __rte_cache_aligned;
	struct xsk_ring_prod fill;
	uint16_t n_lent;
	uint64_t lent[PKT_BURST]; /* frames of the last burst */

	/* the worker that transmits */
	struct xsk_ring_prod tx __rte_cache_aligned;
	struct xsk_ring_cons done;
	uint32_t n_free;
	uint32_t free[TX_FRAMES]; /* offsets in memory */

	/* main */
	struct xsk_umem *umem __rte_cache_aligned;
	struct xsk_socket *socket;
};

struct xdp_port {
	struct port port;
	_Atomic bool up; /* main writes, workers read: worth sending to */

	/* main only */
	struct xdp_prog *prog;
	int ifindex;
	char ifname[IF_NAMESIZE];
	bool gone; /* deleted, renamed, or moved to another namespace */
	int promiscuous; /* descriptor that makes it so */
	int peer; /* ifindex of a veth's other end, or 0 */
	struct offloads offloads;
	uint64_t look_again; /* for the peer, not before this time */
	uint16_t device_queues;
	unsigned int flags; /* IFF_ */
	struct port_missed missed; /* as read so far */
	struct mbuf_pools *pools;
	unsigned int n_mbufs;
	struct port_conf conf;

	struct xdp_queue queues[]; /* port.n_rxq */
};

uint16_t xdp_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count);
void xdp_rx_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n);
void xdp_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count);

static inline struct xdp_port *
xdp_port(struct port *port)
{
	return (struct xdp_port *)port;
}

#endif
