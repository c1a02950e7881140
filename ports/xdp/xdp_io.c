/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts of an AF_XDP socket; workers only. linux/Documentation/networking/af_xdp.rst. */
#include "ports/xdp/xdp_priv.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel sends 32 frames per call in copy mode (TX_BATCH_SIZE), and a few may wait from before.
 */
#define KICKS_MAX 4

/* The driver has run out of frames to fill and wants to be told that there are some. */
static void
wake_receiver(struct xdp_queue *q)
{
	struct pollfd pfd = {.fd = q->fd, .events = POLLIN};

	if (xsk_ring_prod__needs_wakeup(&q->fill)) {
		(void)poll(&pfd, 1, 0);
	}
}

uint16_t
xdp_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct xdp_queue *q = &xdp_port(port)->queues[queue];
	uint64_t bytes = 0;
	uint32_t idx = 0;
	uint16_t n;

	assert(max <= PKT_BURST && queue < port->n_rxq && q->n_lent == 0);
	n = (uint16_t)xsk_ring_cons__peek(&q->rx, max, &idx);
	if (n == 0) {
		wake_receiver(q);
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&q->rx, idx + i);
		uint64_t frame = desc->addr & ~(uint64_t)(q->frame_size - 1);

		/* Frames are aligned: the kernel has left XDP_PACKET_HEADROOM (256) before the
		 * data. */
		assert(desc->addr - frame >= PKT_HEADROOM);
		assert(desc->addr - frame + desc->len <= q->frame_size);
		pkts[i] = (struct pkt){.head = q->memory + desc->addr,
			.len = desc->len,
			.head_len = (uint16_t)desc->len,
			.headroom = (uint16_t)(desc->addr - frame)};
		q->lent[i] = frame;
		bytes += desc->len;
	}
	xsk_ring_cons__release(&q->rx, n);
	q->n_lent = n;
	port_count(&count->rx_packets, n);
	port_count(&count->rx_bytes, bytes);
	return n;
}

void
xdp_rx_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n)
{
	struct xdp_queue *q = &xdp_port(port)->queues[queue];
	uint32_t idx = 0;

	(void)pkts;
	(void)n;
	if (q->n_lent == 0) {
		return;
	}
	/* The ring has a place for every frame there is. */
	(void)xsk_ring_prod__reserve(&q->fill, q->n_lent, &idx);
	for (uint16_t i = 0; i < q->n_lent; i++) {
		*xsk_ring_prod__fill_addr(&q->fill, idx + i) = q->lent[i];
	}
	xsk_ring_prod__submit(&q->fill, q->n_lent);
	q->n_lent = 0;
	wake_receiver(q);
}

/* Frames that the kernel has sent. */
static void
reclaim(struct xdp_queue *q)
{
	uint32_t idx = 0;
	uint32_t n = xsk_ring_cons__peek(&q->done, TX_FRAMES, &idx);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t addr = *xsk_ring_cons__comp_addr(&q->done, idx + i);

		assert(q->n_free < TX_FRAMES);
		q->free[q->n_free++] = (uint32_t)addr & ~(q->frame_size - 1);
	}
	if (n > 0) {
		xsk_ring_cons__release(&q->done, n);
	}
}

static void
kick(struct xdp_queue *q)
{
	for (unsigned int i = 0; i < KICKS_MAX; i++) {
		if (!xsk_ring_prod__needs_wakeup(&q->tx) ||
			sendto(q->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno != EAGAIN) {
			break;
		}
	}
}

/* Frames handed to the kernel; 0 if none was free. */
static uint16_t
fill_frames(struct xdp_queue *q, struct tx_item *items, uint16_t n, struct port_counters *count)
{
	uint16_t sent = 0;
	uint16_t used = 0;
	uint64_t bytes = 0;

	while (used < n && q->n_free > 0) {
		struct tx_item *item = &items[used++];
		struct xdp_desc *desc;
		uint32_t frame;
		uint32_t idx = 0;

		if (item->len > q->frame_size) {
			port_lose(count, item, 1, DROP_MTU_EXCEEDED);
			continue;
		}
		frame = q->free[--q->n_free];
		pkt_gather(item, q->memory + frame);
		(void)xsk_ring_prod__reserve(&q->tx, 1, &idx);
		desc = xsk_ring_prod__tx_desc(&q->tx, idx);
		*desc = (struct xdp_desc){.addr = frame, .len = item->len};
		bytes += item->len;
		sent++;
	}
	if (sent > 0) {
		xsk_ring_prod__submit(&q->tx, sent);
	}
	port_count(&count->tx_packets, sent);
	port_count(&count->tx_bytes, bytes);
	return used;
}

void
xdp_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct xdp_port *xp = xdp_port(port);
	struct xdp_queue *q = &xp->queues[queue];
	uint16_t done;

	assert(queue < port->n_txq);
	if (!atomic_load_explicit(&xp->up, memory_order_relaxed)) {
		port_lose(count, items, n, DROP_LINK_DOWN);
		return;
	}
	reclaim(q);
	done = fill_frames(q, items, n, count);
	kick(q);
	if (done < n) {
		reclaim(q);
		done = (uint16_t)(done + fill_frames(q, items + done, (uint16_t)(n - done), count));
		kick(q);
	}
	port_lose(count, items + done, (uint16_t)(n - done), DROP_TX_FULL);
}
