/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vhost.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/memory.h"
#include "base/str.h"
#include "ports/vhost/guard.h"
#include "ports/vhost/guest_call.h"
#include "ports/vhost/vhost_offers.h"
#include "ports/vhost/vhost_priv.h"

/* Packets need none; cutting segments and gathering long chains does. */
#define RESERVE 64
#define EVENT_TEXT 512

static struct vhost_port *
vhost_port(struct port *port)
{
	return (struct vhost_port *)port;
}

void
vhost_event(struct vhost_port *vp, const char *what, int queue, const char *fmt, ...)
{
	char text[EVENT_TEXT];
	const struct port_event event = {
		.port = vp->port.name, .what = what, .queue = queue, .text = text};
	va_list args;

	if (vp->event == NULL) {
		return;
	}
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	vp->event(vp->event_arg, &event);
}

/* --- life ------------------------------------------------------------------------------------ */

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

static int
make_rings(struct vhost_port *vp) ON_MAIN
{
	uint16_t n = (uint16_t)(2 * vp->port.n_rxq);
	uint16_t done = 0;

	vp->rxqs = calloc_lines(vp->port.n_rxq, sizeof(*vp->rxqs));
	vp->vqs = calloc_lines(n, sizeof(*vp->vqs));
	if (vp->rxqs == NULL || vp->vqs == NULL) {
		return -ENOMEM;
	}
	while (done < n && vq_init(&vp->vqs[done], done % 2 == 1) == 0) {
		done++;
	}
	vp->device.n_rings = done;
	return done == n ? 0 : -ENOMEM;
}

static void
free_rings(struct vhost_port *vp) ON_MAIN
{
	for (uint16_t i = 0; vp->vqs != NULL && i < vp->device.n_rings; i++) {
		vq_fini(&vp->vqs[i]);
	}
	free(vp->vqs);
	free(vp->rxqs);
}

static struct vhost_port *
vhost_alloc(const struct port_conf *conf, const struct port_env *env) ON_MAIN
{
	struct vhost_port *vp = calloc_lines(1, sizeof(*vp));
	uint16_t queues = conf->queues == 0 ? 1 : conf->queues;

	if (vp == NULL) {
		return NULL;
	}
	vp->port.ops = &port_vhost_ops;
	vp->port.caps = PORT_CAP_TX_HASH;
	vp->port.n_rxq = queues;
	vp->port.n_txq = queues;
	str_copy(vp->port.name, conf->name, sizeof(vp->port.name));
	vp->vq_ops = vq_ops_select();
	vp->one_worker = env->n_workers == 1;
	vp->conf = *conf;
	vp->pools = env->pools;
	vp->event = env->event;
	vp->event_arg = env->event_arg;
	vp->device.grace = env->grace;
	vp->device.offers = vhost_offers(conf);
	vp->device.offers_protocol = vhost_offers_protocol();
	vp->device.one_worker = vp->one_worker;
	vp->device.view = &vp->view;
	vp->device.caps = &vp->port.caps;
	return vp;
}

static void
vhost_free(struct vhost_port *vp) ON_MAIN
{
	vu_device_fini(&vp->device);
	free_rings(vp);
	guest_call_close();
	free(vp);
}

/* What cannot be had but for lack of memory or of the guard. */
static int
vhost_build(struct vhost_port *vp, struct err *err) ON_MAIN
{
	int rc = make_rings(vp);

	guest_call_open();
	if (rc == 0) {
		vp->device.vqs = vp->vqs;
		rc = vu_device_init(&vp->device);
	}
	if (rc != 0) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = guard_install();
	if (rc != 0) {
		return err_set(err, ERR_FAILED, NULL, "no handler for SIGBUS: %s", strerror(-rc));
	}
	return 0;
}

static int
vhost_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct vhost_port *vp;
	int rc;

	role_assert(&role_main);
	if (env->reactor == NULL) {
		return err_set(err, ERR_UNSUPPORTED, "backend", "there is no loop to listen in");
	}
	vp = vhost_alloc(conf, env);
	if (vp == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = vhost_build(vp, err);
	rc = rc != 0 ? rc : unix_socket_path(conf, env->run_dir, vp->path, sizeof(vp->path), err);
	if (rc == 0 && vp->pools != NULL) {
		rc = mbuf_pools_get(vp->pools, conf->mtu, RESERVE, &vp->port.pool, err);
	}
	if (rc != 0) {
		goto fail;
	}
	rc = vhost_link_open(vp, env->reactor, err);
	if (rc != 0) {
		goto fail_pool;
	}
	*port = &vp->port;
	return 0;

fail_pool:
	if (vp->pools != NULL) {
		mbuf_pools_put(vp->pools, vp->port.pool, RESERVE);
	}
fail:
	vhost_free(vp);
	return rc;
}

static void
vhost_close(struct port *port, enum port_close why)
{
	struct vhost_port *vp = vhost_port(port);

	(void)why;
	role_assert(&role_main);
	vhost_link_close(vp);
	if (vp->pools != NULL) {
		mbuf_pools_put(vp->pools, vp->port.pool, RESERVE);
	}
	vhost_free(vp);
}

/* Rights and offers leave the guest connected; anything else is another socket. */
static int
vhost_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct vhost_port *vp = vhost_port(port);
	const struct port_conf *old = &vp->conf;
	int rc;

	role_assert(&role_main);
	if (conf->client != old->client || conf->queues != old->queues ||
		strcmp(conf->socket, old->socket) != 0 ||
		strcmp(conf->backend, old->backend) != 0) {
		return -EOPNOTSUPP;
	}
	rc = unix_socket_republish(old, conf, vp->path, err);
	if (rc != 0) {
		return rc;
	}
	vp->conf = *conf;
	vp->device.require_seals = conf->require_seals;
	return 0;
}

/* --- housekeeping ---------------------------------------------------------------------------- */

/* The guest's driver has begun, but QEMU keeps its memory to itself. */
static void
watch_memory(struct vhost_port *vp, uint64_t now) ON_MAIN
{
	struct vhost_link *link = &vp->link;

	if (!vp->device.has_features || vp->device.memory != NULL) {
		link->features_since = 0;
		link->memory_missing = false;
	} else if (link->features_since == 0) {
		link->features_since = now;
	} else if (now - link->features_since > VHOST_SHARE_WAIT) {
		link->memory_missing = true;
	}
}

static void
watch_fault(struct vhost_port *vp, uint16_t ring) ON_MAIN
{
	const int fault = atomic_load_explicit(&vp->vqs[ring].fault, memory_order_relaxed);

	if (fault == VQ_FAULT_NONE || vu_device_ring_view(&vp->device, ring) == NULL) {
		vp->fault_told[ring] = false;
	} else if (!vp->fault_told[ring]) {
		vp->fault_told[ring] = true;
		vhost_event(vp, "queue-stopped", ring, "ring %u is stopped: %s", ring,
			vq_fault_text((enum vq_fault)fault));
	}
}

/*
 * Kicks say nothing to a worker that polls; they are counted. The descriptor is the front end's,
 * who decides whether reading it may block: RWF_NOWAIT is ours.
 */
static void
count_kicks(struct vu_ring *ring) ON_MAIN
{
	uint64_t n = 0;
	const struct iovec iov = {.iov_base = &n, .iov_len = sizeof(n)};

	if (ring->kick >= 0 && preadv2(ring->kick, &iov, 1, -1, RWF_NOWAIT) == (ssize_t)sizeof(n)) {
		ring->kicks += n;
	}
}

static void
vhost_poll(struct port *port, uint64_t now)
{
	struct vhost_port *vp = vhost_port(port);

	role_assert(&role_main);
	watch_memory(vp, now);
	for (uint16_t i = 0; i < vp->device.n_rings; i++) {
		watch_fault(vp, i);
		count_kicks(&vp->device.rings[i]);
	}
	(void)gmem_reap(&vp->device.reaper);
	if (vp->link.begun && atomic_load_explicit(vp->device.gone, memory_order_acquire)) {
		vhost_link_fail(vp,
			"memory file truncated: a part of what the guest has shared is not there");
	}
}

/* --- a worker, inside a burst ---------------------------------------------------------------- */

static inline const struct vq_view *
ring_of(const struct vhost_view *view, uint16_t ring)
{
	const struct vq_view *at = &view->rings[ring];

	return ring < view->n_rings && (at->flags & VQ_RUNS) != 0 ? at : NULL;
}

/*
 * RFC 903: what the guest would broadcast after it has moved, for those who learn addresses. A
 * packet that lends out our own memory.
 */
static uint16_t
take_announcement(struct vhost_port *vp, struct pkt *pkt, struct port_counters *count)
{
	static const uint8_t fixed[] = {
		0x80, 0x35, /* EtherType: RARP */
		0x00, 0x01, /* hardware: Ethernet */
		0x08, 0x00, /* protocol: IPv4 */
		6, 4, /* lengths of their addresses */
		0x00, 0x03, /* request reverse */
	};
	const uint64_t announce = atomic_exchange(&vp->announce, 0);
	uint8_t *frame = vp->announce_frame + PKT_HEADROOM;
	uint8_t mac[6];

	for (unsigned int i = 0; i < sizeof(mac); i++) {
		mac[i] = (uint8_t)(announce >> (8 * i));
	}
	memset(frame, 0, VHOST_ANNOUNCE_LEN);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, fixed, sizeof(fixed));
	memcpy(frame + 22, mac, 6); /* the sender's hardware address, protocol address 0 */
	memcpy(frame + 32, mac, 6); /* the target's: the sender's own */
	*pkt = (struct pkt){.head = frame,
		.len = VHOST_ANNOUNCE_LEN,
		.head_len = VHOST_ANNOUNCE_LEN,
		.headroom = PKT_HEADROOM};
	port_count(&count->rx_packets, 1);
	port_count(&count->rx_bytes, VHOST_ANNOUNCE_LEN);
	return 1;
}

static uint16_t
vhost_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct vhost_port *vp = vhost_port(port);
	const struct vhost_view *view = atomic_load_explicit(&vp->view, memory_order_acquire);
	const struct vq_view *in = ring_of(view, (uint16_t)(2 * queue + 1));
	const struct vq_view *out = ring_of(view, (uint16_t)(2 * queue));
	struct vhost_rxq *rxq = &vp->rxqs[queue];

	assert(max > 0 && max <= PKT_BURST && queue < port->n_rxq);
	rxq->ring = NULL;
	if (queue == 0 &&
		unlikely(atomic_load_explicit(&vp->announce, memory_order_relaxed) != 0)) {
		return take_announcement(vp, pkts, count);
	}
	if (out != NULL && vp->one_worker) {
		struct vq *vq = &vp->vqs[2 * queue];

		if (vq->owed != 0) {
			vp->vq_ops->look(vq, out);
		}
	}
	if (in == NULL) {
		return 0;
	}
	rxq->ring = in;
	return vp->vq_ops->rx(&vp->vqs[2 * queue + 1], in, pkts, max, port->pool, count);
}

static void
vhost_rx_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n)
{
	struct vhost_port *vp = vhost_port(port);
	const struct vq_view *in = vp->rxqs[queue].ring;

	if (likely(in != NULL)) {
		vp->vq_ops->release(&vp->vqs[2 * queue + 1], in, pkts, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		pkt_free(&pkts[i]);
	}
}

static void
vhost_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct vhost_port *vp = vhost_port(port);
	const struct vhost_view *view = atomic_load_explicit(&vp->view, memory_order_acquire);
	const struct vq_view *out = ring_of(view, (uint16_t)(2 * queue));

	assert(queue < port->n_txq);
	if (unlikely(out == NULL)) {
		port_lose(count, items, n, DROP_NO_GUEST);
		return;
	}
	vp->vq_ops->tx(&vp->vqs[2 * queue], out, items, n, count);
}

static int
vhost_tx_queue(const struct port *port, uint32_t hash)
{
	const struct vhost_port *vp = vhost_port_of(port);
	const struct vhost_view *view = atomic_load_explicit(&vp->view, memory_order_acquire);

	return view->n_tx == 0 ? -1 : view->tx_map[((uint64_t)hash * view->n_tx) >> 32];
}

const struct port_ops port_vhost_ops = {
	.type = "vhost-user",
	.backend = "native",
	.check = vhost_check,
	.open = vhost_open,
	.close = vhost_close,
	.change = vhost_change,
	.status = vhost_status,
	.poll = vhost_poll,
	.rx_burst = vhost_rx_burst,
	.rx_release = vhost_rx_release,
	.tx_burst = vhost_tx_burst,
	.tx_queue = vhost_tx_queue,
};
