/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost_dpdk/vhost_dpdk.h"

#include <assert.h>
#include <errno.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_vhost.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "datapath/core/offload.h"
#include "ports/unix_socket.h"
#include "ports/vhost_dpdk/vhost_priv.h"

#define TX_STALLS_MAX 3 /* looks at a full ring before the rest of a burst is given up */
/* A burst of 64 KiB segments in small buffers, and a little for each further queue's. */
#define RESERVE_BASE 1024
#define RESERVE_QUEUE 64

static struct vhost_port *
vhost_port(struct port *port)
{
	return (struct vhost_port *)port;
}

static int
vhost_check(const struct port_conf *conf, struct err *err)
{
	role_assert(&role_main);
	if (conf->queues > PORT_QUEUES_MAX) {
		return err_set(err, ERR_INVALID, "queues",
			"a vhost-user port can have at most %d queue pairs", PORT_QUEUES_MAX);
	}
	return unix_socket_check(conf, err);
}

static struct vhost_port *
vhost_alloc(const struct port_conf *conf, const struct port_env *env)
{
	struct vhost_port *vp = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*vp), (size_t)RTE_CACHE_LINE_SIZE));
	uint16_t queues = conf->queues == 0 ? 1 : conf->queues;

	if (vp == NULL) {
		return NULL;
	}
	memset(vp, 0, sizeof(*vp));
	vp->port.ops = &port_vhost_dpdk_ops;
	vp->port.caps = PORT_CAP_TX_HASH;
	vp->port.n_rxq = queues;
	vp->port.n_txq = queues;
	str_copy(vp->port.name, conf->name, sizeof(vp->port.name));
	vp->vid = -1;
	vp->conn_vid = -1;
	vp->phase = VHOST_DETACHED;
	vp->grace = env->grace;
	vp->pools = env->pools;
	vp->conf = *conf;
	vp->n_reserved = RESERVE_BASE + RESERVE_QUEUE * queues;
	return vp;
}

static int
vhost_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct vhost_port *vp = vhost_alloc(conf, env);
	mode_t mask;
	int rc;

	role_assert(&role_main);
	if (vp == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = unix_socket_path(conf, env->run_dir, vp->path, sizeof(vp->path), err);
	if (rc != 0) {
		goto fail;
	}
	rc = unix_socket_prepare(conf, vp->path, err);
	if (rc != 0) {
		goto fail;
	}
	rc = mbuf_pools_get(env->pools, conf->mtu, vp->n_reserved, &vp->port.pool, err);
	if (rc != 0) {
		goto fail;
	}
	mask = unix_socket_narrow();
	rc = vhost_events_start(vp, err);
	(void)umask(mask);
	if (rc != 0) {
		goto fail_pool;
	}
	rc = unix_socket_publish(conf, vp->path, err);
	if (rc != 0) {
		goto fail_events;
	}
	*port = &vp->port;
	return 0;

fail_events:
	vhost_events_stop(vp);
fail_pool:
	mbuf_pools_put(env->pools, vp->port.pool, vp->n_reserved);
fail:
	free(vp);
	return rc;
}

static void
vhost_close(struct port *port, enum port_close why)
{
	struct vhost_port *vp = vhost_port(port);

	role_assert(&role_main);
	vhost_events_stop(vp);
	mbuf_pools_put(vp->pools, vp->port.pool, vp->n_reserved);
	free(vp);
}

/* A new MTU or new rights leave the guest connected; anything else is another socket. */
static int
vhost_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct vhost_port *vp = vhost_port(port);
	const struct port_conf *old = &vp->conf;
	int rc;

	role_assert(&role_main);
	if (conf->client != old->client || conf->queues != old->queues ||
		strcmp(conf->socket, old->socket) != 0) {
		return -EOPNOTSUPP;
	}
	rc = unix_socket_republish(old, conf, vp->path, err);
	if (rc != 0) {
		return rc;
	}
	vp->conf = *conf;
	return 0;
}

static void
reason_detached(const struct vhost_port *vp, char *reason)
{
	const char *path = vp->path;

	if (atomic_load(&vp->memory_refused)) {
		str_copy(reason, PORT_SHARE_HINT, PORT_REASON_SIZE);
	} else if (!vp->conf.client) {
		str_appendf(reason, PORT_REASON_SIZE, "waiting for a guest to connect to %s", path);
	} else if (access(path, F_OK) != 0) {
		str_appendf(reason, PORT_REASON_SIZE, "client: waiting for %s to appear: %s", path,
			strerror(errno));
	} else {
		str_appendf(reason, PORT_REASON_SIZE,
			"client: waiting for a server to listen on %s", path);
	}
}

static uint16_t
queues_in_use(const struct vhost_port *vp, unsigned int side)
{
	uint16_t n = 0;

	for (uint16_t q = 0; q < vp->port.n_rxq; q++) {
		if (atomic_load(&vp->enabled[2U * q + side])) {
			n = (uint16_t)(q + 1);
		}
	}
	return n;
}

static void
vhost_status(const struct port *port, struct port_status *status)
{
	const struct vhost_port *vp = (const struct vhost_port *)port;
	char *reason = status->reason;

	*status = (struct port_status){.oper = PORT_NO_GUEST};
	switch ((enum vhost_phase)atomic_load(&vp->phase)) {
	case VHOST_DETACHED:
		reason_detached(vp, reason);
		break;
	case VHOST_CONNECTED:
		str_copy(reason, "connected; the guest's driver has not started the device",
			PORT_REASON_SIZE);
		break;
	case VHOST_FEATURES:
	case VHOST_MEMORY:
		str_copy(reason,
			vp->memory_missing ? PORT_SHARE_HINT
					   : "the guest's driver is starting the device",
			PORT_REASON_SIZE);
		break;
	case VHOST_STOPPED_BY_GUEST:
		str_copy(reason, "connected; the guest's driver has stopped the device",
			PORT_REASON_SIZE);
		break;
	case VHOST_RUNNING:
		status->n_rxq = queues_in_use(vp, 1);
		status->n_txq = queues_in_use(vp, 0);
		if (status->n_rxq + status->n_txq > 0) {
			status->oper = PORT_UP;
		} else {
			str_copy(reason, "the guest has disabled all queues", PORT_REASON_SIZE);
		}
		break;
	}
}

static void
vhost_poll(struct port *port, uint64_t now)
{
	struct vhost_port *vp = vhost_port(port);

	if (atomic_load(&vp->phase) != VHOST_FEATURES) {
		vp->features_since = 0;
		vp->memory_missing = false;
	} else if (vp->features_since == 0) {
		vp->features_since = now;
	} else if (now - vp->features_since > VHOST_SHARE_WAIT_NS) {
		vp->memory_missing = true;
	}
}

/* --- a worker, inside a burst --------------------------------------------------------------- */

/* The running guest's device if this ring may be used now, else -1. */
static int
ring_vid(const struct vhost_port *vp, uint16_t ring)
{
	int vid = atomic_load_explicit(&vp->vid, memory_order_acquire);

	return vid >= 0 && atomic_load_explicit(&vp->enabled[ring], memory_order_relaxed) ? vid
											  : -1;
}

/* We poll: ask the guest not to kick. Not possible in the callback that enables a ring. */
static void
silence(struct vhost_port *vp, int vid, uint16_t ring)
{
	if (atomic_load_explicit(&vp->notify_off[ring], memory_order_relaxed) &&
		atomic_exchange(&vp->notify_off[ring], false)) {
		(void)rte_vhost_enable_guest_notification(vid, ring, 0);
	}
}

static uint16_t
vhost_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct vhost_port *vp = vhost_port(port);
	uint16_t ring = (uint16_t)(2 * queue + 1);
	struct rte_mbuf *mbufs[PKT_BURST];
	uint64_t bytes = 0;
	int vid = ring_vid(vp, ring);
	uint16_t n;

	assert(max <= PKT_BURST && queue < port->n_rxq);
	if (vid < 0) {
		return 0;
	}
	silence(vp, vid, ring);
	n = rte_vhost_dequeue_burst(vid, ring, port->pool, mbufs, max);
	for (uint16_t i = 0; i < n; i++) {
		bytes += mbufs[i]->pkt_len;
		pkt_from_mbuf(&pkts[i], mbufs[i]);
		offload_from_mbuf(&pkts[i]);
	}
	if (n > 0) {
		port_count(&count->rx_packets, n);
		port_count(&count->rx_bytes, bytes);
	}
	return n;
}

/* What one call of the library is given: mbufs only read by it, some of them copies of ours. */
struct tx_batch {
	uint16_t n;
	uint16_t n_copies;
	struct rte_mbuf *mbufs[PKT_BURST];
	struct tx_item *items[PKT_BURST]; /* that they stand for */
	struct rte_mbuf *copies[PKT_BURST];
	uint8_t *csum[PKT_BURST]; /* a field that the library will overwrite, or NULL */
	uint16_t csum_was[PKT_BURST];
};

/*
 * The library rewrites the pseudo-header's sum of a large segment without its length (for NICs). A
 * borrowed head has other outputs still to come: put their bytes back afterwards.
 */
static void
batch_note_csum(struct tx_batch *batch, const struct tx_item *item)
{
	uint32_t field = (uint32_t)item->ol.csum_start + item->ol.csum_offset;
	uint16_t i = batch->n;

	batch->csum[i] = NULL;
	if ((item->ol.flags & PKT_OL_GSO) != 0 && field + sizeof(uint16_t) <= item->head_len) {
		batch->csum[i] = item->head + field;
		memcpy(&batch->csum_was[i], batch->csum[i], sizeof(batch->csum_was[i]));
	}
}

/* An output state that mbuf flags cannot say: finished in a copy, since the head is not ours. */
static struct rte_mbuf *
finish_in_copy(const struct tx_item *item, struct rte_mbuf *m, struct rte_mempool *pool,
	enum drop_reason *reason)
{
	struct rte_mbuf *copy;

	*reason = DROP_SEGMENT_FAILED;
	if ((item->ol.flags & PKT_OL_GSO) != 0) {
		return NULL;
	}
	*reason = DROP_TX_NO_MEMORY;
	copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
	if (copy == NULL) {
		return NULL;
	}
	copy->ol_flags = 0;
	if (!offload_finish_csum(copy, &item->ol)) {
		*reason = DROP_SEGMENT_FAILED;
		rte_pktmbuf_free(copy);
		return NULL;
	}
	return copy;
}

static bool
batch_add(struct tx_batch *batch, struct tx_item *item, struct rte_mempool *pool,
	enum drop_reason *reason)
{
	struct rte_mbuf *m = pkt_peek_mbuf(item);

	if (m == NULL) {
		m = pkt_to_mbuf(item, pool);
		if (m == NULL) {
			*reason = DROP_TX_NO_MEMORY;
			return false;
		}
		batch->copies[batch->n_copies++] = m;
	}
	if (!offload_to_mbuf(m, &item->ol)) {
		m = finish_in_copy(item, m, pool, reason);
		if (m == NULL) {
			return false;
		}
		batch->copies[batch->n_copies++] = m;
	}
	batch_note_csum(batch, item);
	batch->items[batch->n] = item;
	batch->mbufs[batch->n++] = m;
	return true;
}

/*
 * A full ring may empty in an instant, so it is looked at a few times. A frame that is too large
 * for the guest's buffers looks the same to us: when nothing moves it is left out, for the sake of
 * those behind it.
 */
static void
batch_send(struct tx_batch *batch, int vid, uint16_t ring, struct port_counters *count)
{
	unsigned int stalls = 0;
	uint64_t packets = 0;
	uint64_t bytes = 0;
	uint16_t done = 0;

	while (done < batch->n && stalls <= TX_STALLS_MAX) {
		uint16_t k = rte_vhost_enqueue_burst(
			vid, ring, &batch->mbufs[done], (uint16_t)(batch->n - done));

		for (uint16_t i = done; i < done + k; i++) {
			bytes += batch->mbufs[i]->pkt_len;
		}
		packets += k;
		done = (uint16_t)(done + k);
		if (k == 0 && ++stalls == TX_STALLS_MAX) {
			port_lose(count, batch->items[done], 1, DROP_TX_FULL);
			done++;
		} else if (k == 0) {
			rte_pause();
		}
	}
	port_count(&count->tx_packets, packets);
	port_count(&count->tx_bytes, bytes);
	for (; done < batch->n; done++) {
		port_lose(count, batch->items[done], 1, DROP_TX_FULL);
	}
}

static void
batch_end(struct tx_batch *batch)
{
	for (uint16_t i = 0; i < batch->n; i++) {
		if (batch->csum[i] != NULL) {
			memcpy(batch->csum[i], &batch->csum_was[i], sizeof(batch->csum_was[i]));
		}
	}
	rte_pktmbuf_free_bulk(batch->copies, batch->n_copies);
}

static void
vhost_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct vhost_port *vp = vhost_port(port);
	uint16_t ring = (uint16_t)(2 * queue);
	int vid = ring_vid(vp, ring);
	enum drop_reason reason;

	assert(queue < port->n_txq);
	if (vid < 0) {
		port_lose(count, items, n, DROP_NO_GUEST);
		return;
	}
	silence(vp, vid, ring);
	for (uint16_t i = 0; i < n;) {
		struct tx_batch batch = {.n = 0};

		/* An item may need two copies; stop while both still fit. */
		for (; i < n && batch.n < PKT_BURST && batch.n_copies + 2 <= PKT_BURST; i++) {
			if (!batch_add(&batch, &items[i], port->pool, &reason)) {
				port_lose(count, &items[i], 1, reason);
			}
		}
		batch_send(&batch, vid, ring, count);
		batch_end(&batch);
	}
}

static int
vhost_tx_queue(const struct port *port, uint32_t hash)
{
	const struct vhost_port *vp = (const struct vhost_port *)port;
	uint16_t n;

	if (atomic_load_explicit(&vp->vid, memory_order_acquire) < 0) {
		return -1;
	}
	n = atomic_load_explicit(&vp->n_tx_map, memory_order_acquire);
	if (n == 0) {
		return -1;
	}
	return atomic_load_explicit(&vp->tx_map[((uint64_t)hash * n) >> 32], memory_order_relaxed);
}

const struct port_ops port_vhost_dpdk_ops = {
	.type = "vhost-user",
	.backend = "dpdk",
	.check = vhost_check,
	.open = vhost_open,
	.close = vhost_close,
	.change = vhost_change,
	.status = vhost_status,
	.poll = vhost_poll,
	.rx_burst = vhost_rx_burst,
	.tx_burst = vhost_tx_burst,
	.tx_queue = vhost_tx_queue,
};
