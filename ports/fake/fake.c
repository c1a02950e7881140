/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/fake/fake.h"

#include <errno.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/str.h"

struct fake_frame {
	uint32_t len;
	struct pkt_offload ol;
	uint8_t bytes[FAKE_FRAME_MAX];
};

/* Frames circulate: idle -> main or worker fills -> full -> the other empties -> idle. */
struct fake_ring {
	struct rte_ring *full;
	struct rte_ring *idle;
	struct fake_frame *frames; /* FRAMES_SIZE bytes; touched only when used */
};

/* From the kernel and not from the heap, which clears what it hands out: a port needs more than 2
 * MB that it hardly ever uses. */
#define FRAMES_SIZE ((FAKE_RING - 1) * sizeof(struct fake_frame))

/* What the worker has lent out of the current burst. */
struct fake_loan {
	struct fake_frame *frame;
	struct pkt_seg rest;
	uint8_t head[PKT_HEADROOM + PKT_HEAD_MIN];
};

struct fake_queue {
	struct fake_ring rx;
	struct fake_ring tx;
	struct fake_loan loans[PKT_BURST];
};

struct fake {
	struct port port;
	struct port_conf conf;
	struct fake_queue *queues;
};

static struct rte_ring *
ring_create(void)
{
	ssize_t size = rte_ring_get_memsize(FAKE_RING);
	struct rte_ring *ring = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL((size_t)size, RTE_CACHE_LINE_SIZE));

	if (ring != NULL &&
		rte_ring_init(ring, "fake", FAKE_RING, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
		free(ring);
		ring = NULL;
	}
	return ring;
}

static bool
fake_ring_init(struct fake_ring *ring)
{
	ring->full = ring_create();
	ring->idle = ring_create();
	ring->frames = mmap(NULL, FRAMES_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ring->frames == MAP_FAILED) {
		ring->frames = NULL;
	}
	if (ring->full == NULL || ring->idle == NULL || ring->frames == NULL) {
		return false;
	}
	for (unsigned int i = 0; i < FAKE_RING - 1; i++) {
		(void)rte_ring_sp_enqueue(ring->idle, &ring->frames[i]);
	}
	return true;
}

static void
fake_ring_fini(struct fake_ring *ring)
{
	free(ring->full);
	free(ring->idle);
	if (ring->frames != NULL) {
		(void)munmap(ring->frames, FRAMES_SIZE);
	}
}

static int
fake_check(const struct port_conf *conf, struct err *err)
{
	(void)conf;
	(void)err;
	return 0;
}

static void
fake_close(struct port *port, enum port_close why)
{
	struct fake *fake = (struct fake *)port;

	(void)why;
	for (uint16_t q = 0; q < port->n_rxq; q++) {
		fake_ring_fini(&fake->queues[q].rx);
		fake_ring_fini(&fake->queues[q].tx);
	}
	free(fake->queues);
	free(fake);
}

static int
fake_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	bool ok = fake != NULL;

	(void)env;
	if (ok) {
		fake->queues = calloc(conf->queues, sizeof(*fake->queues));
		ok = fake->queues != NULL;
	}
	if (!ok) {
		free(fake);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	fake->conf = *conf;
	fake->port.ops = &port_fake_ops;
	fake->port.caps =
		PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6 | PORT_CAP_USO | PORT_CAP_ECN;
	fake->port.n_rxq = conf->queues;
	fake->port.n_txq = conf->queues;
	str_copy(fake->port.name, conf->name, sizeof(fake->port.name));
	for (uint16_t q = 0; q < conf->queues; q++) {
		ok = ok && fake_ring_init(&fake->queues[q].rx) &&
			fake_ring_init(&fake->queues[q].tx);
	}
	if (!ok) {
		fake_close(&fake->port, PORT_CLOSE_DELETED);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	*port = &fake->port;
	return 0;
}

static int
fake_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct fake *fake = (struct fake *)port;

	(void)err;
	if (!port_conf_same_but_mtu(&fake->conf, conf)) {
		return -EOPNOTSUPP;
	}
	fake->conf.mtu = conf->mtu;
	return 0;
}

static void
fake_status(const struct port *port, struct port_status *status)
{
	status->oper = PORT_UP;
	status->n_rxq = port->n_rxq;
	status->n_txq = port->n_txq;
}

static uint16_t
fake_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct fake_queue *q = &((struct fake *)port)->queues[queue];
	void *frames[PKT_BURST];
	unsigned int n = rte_ring_sc_dequeue_burst(q->rx.full, frames, max, NULL);
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct fake_frame *frame = frames[i];
		struct fake_loan *loan = &q->loans[i];
		uint16_t head_len = (uint16_t)RTE_MIN(frame->len, (uint32_t)PKT_HEAD_MIN);

		loan->frame = frame;
		loan->rest = (struct pkt_seg){frame->bytes + head_len, frame->len - head_len};
		memcpy(loan->head + PKT_HEADROOM, frame->bytes, head_len);
		pkts[i] = (struct pkt){.head = loan->head + PKT_HEADROOM,
			.len = frame->len,
			.head_len = head_len,
			.headroom = PKT_HEADROOM,
			.n_segs = loan->rest.len > 0 ? 1 : 0,
			.ol = frame->ol,
			.segs = &loan->rest};
		bytes += frame->len;
	}
	port_count(&count->rx_packets, n);
	port_count(&count->rx_bytes, bytes);
	return (uint16_t)n;
}

static void
fake_rx_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n)
{
	struct fake_queue *q = &((struct fake *)port)->queues[queue];

	(void)pkts;
	for (uint16_t i = 0; i < n; i++) {
		(void)rte_ring_sp_enqueue(q->rx.idle, q->loans[i].frame);
	}
}

static void
fake_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct fake_ring *tx = &((struct fake *)port)->queues[queue].tx;
	uint64_t bytes = 0;
	uint64_t sent = 0;

	for (uint16_t i = 0; i < n; i++) {
		void *obj;
		struct fake_frame *frame;

		if (items[i].len > FAKE_FRAME_MAX) {
			port_lose(count, &items[i], 1, DROP_MTU_EXCEEDED);
			continue;
		}
		if (rte_ring_sc_dequeue(tx->idle, &obj) != 0) {
			port_lose(count, &items[i], 1, DROP_TX_FULL);
			continue;
		}
		frame = obj;
		frame->len = items[i].len;
		frame->ol = items[i].ol;
		pkt_gather(&items[i], frame->bytes);
		(void)rte_ring_sp_enqueue(tx->full, frame);
		bytes += frame->len;
		sent++;
	}
	port_count(&count->tx_packets, sent);
	port_count(&count->tx_bytes, bytes);
}

bool
port_is_fake(const struct port *port)
{
	return port->ops == &port_fake_ops;
}

int
fake_inject(struct port *port, uint16_t queue, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *ol, struct err *err)
{
	struct fake_ring *rx;
	struct fake_frame *frame;
	void *obj;

	if (queue >= port->n_rxq) {
		return err_set(err, ERR_INVALID, "queue", "port '%s' has queues 0 to %u",
			port->name, port->n_rxq - 1U);
	}
	if (len > FAKE_FRAME_MAX) {
		return err_set(
			err, ERR_INVALID, "frame", "a frame has at most %d bytes", FAKE_FRAME_MAX);
	}
	rx = &((struct fake *)port)->queues[queue].rx;
	if (rte_ring_sc_dequeue(rx->idle, &obj) != 0) {
		return err_set(err, ERR_LIMIT, "port", "port '%s' has %d frames waiting already",
			port->name, FAKE_RING - 1);
	}
	frame = obj;
	frame->len = len;
	frame->ol = ol == NULL ? (struct pkt_offload){0} : *ol;
	memcpy(frame->bytes, bytes, len);
	(void)rte_ring_sp_enqueue(rx->full, frame);
	return 0;
}

uint32_t
fake_collect(struct port *port, uint16_t queue, uint8_t *buf, struct pkt_offload *ol)
{
	struct fake_ring *tx = &((struct fake *)port)->queues[queue].tx;
	struct fake_frame *frame;
	uint32_t len;
	void *obj;

	if (queue >= port->n_rxq || rte_ring_sc_dequeue(tx->full, &obj) != 0) {
		return 0;
	}
	frame = obj;
	len = frame->len;
	memcpy(buf, frame->bytes, len);
	if (ol != NULL) {
		*ol = frame->ol;
	}
	(void)rte_ring_sp_enqueue(tx->idle, frame);
	return len;
}

const struct port_ops port_fake_ops = {
	.type = "fake",
	.check = fake_check,
	.open = fake_open,
	.close = fake_close,
	.change = fake_change,
	.status = fake_status,
	.rx_burst = fake_rx_burst,
	.rx_release = fake_rx_release,
	.tx_burst = fake_tx_burst,
};
