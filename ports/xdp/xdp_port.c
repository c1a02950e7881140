/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/xdp/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_xdp.h>

#include "base/log.h"
#include "base/str.h"
#include "ports/xdp/xdp_priv.h"

LOG_MODULE("xdp");

#define LOOK_AGAIN_NS 5000000000U /* between attempts to find a veth's peer */
#define FRAME_OVERHEAD (256 + 14 + 8) /* XDP_PACKET_HEADROOM, Ethernet, two tags */
#define SEND_MTU_MAX (FRAME_LARGE - 14 - 8)
#define MBUFS_PER_QUEUE 256 /* for copies that other outputs make of our packets */
#define BIND_TRIES 40
#define BIND_WAIT_US 5000
#define PEER_FEATURES "tx off tso off gso off txvlan off tx-vlan-stag-hw-insert off"

static int
find_interface(const struct port_conf *conf, struct link_info *info, struct err *err)
{
	int rc;

	if (!str_given(conf->ifname)) {
		return err_set(err, ERR_MISSING, "ifname", "give the name of a kernel interface");
	}
	if (strlen(conf->ifname) > PORT_IFNAME_MAX) {
		return err_set(err, ERR_INVALID, "ifname",
			"interface name '%s' is longer than %d characters", conf->ifname,
			PORT_IFNAME_MAX);
	}
	rc = link_get(conf->ifname, info);
	if (rc == -ENODEV) {
		return err_set(err, ERR_MISSING, "ifname",
			"there is no interface '%s' in the daemon's network namespace (`ip link`)",
			conf->ifname);
	}
	return rc == 0 ? 0
		       : err_set(err, ERR_FAILED, "ifname", "interface '%s': %s", conf->ifname,
				 strerror(-rc));
}

static int
xdp_check(const struct port_conf *conf, struct err *err)
{
	struct link_info info;
	uint16_t queues;
	int rc = find_interface(conf, &info, err);

	if (rc != 0) {
		return rc;
	}
	if ((info.flags & IFF_LOOPBACK) != 0) {
		return err_set(
			err, ERR_INVALID, "ifname", "'%s' is the loopback interface", conf->ifname);
	}
	if (info.mtu + FRAME_OVERHEAD > FRAME_LARGE) {
		return err_set(err, ERR_INVALID, "ifname",
			"'%s' has an MTU of %u and XDP takes frames of one page: `ip link set dev "
			"%s mtu %d` or less",
			conf->ifname, info.mtu, conf->ifname, FRAME_LARGE - FRAME_OVERHEAD);
	}
	if (conf->mtu > SEND_MTU_MAX) {
		return err_set(err, ERR_INVALID, "mtu",
			"an af-xdp port sends frames of one page: %d "
			"bytes at most",
			SEND_MTU_MAX);
	}
	queues = link_queues(conf->ifname);
	if (conf->queues > queues) {
		return err_set(err, ERR_INVALID, "queues",
			"'%s' has %u receive queues, not %u; `ethtool -L %s combined %u` if it can "
			"have more",
			conf->ifname, queues, conf->queues, conf->ifname, conf->queues);
	}
	return 0;
}

/* --- open ----------------------------------------------------------------------------------- */

static int
socket_error(const struct xdp_port *xp, uint16_t queue, int rc, struct err *err)
{
	switch (-rc) {
	case EBUSY:
		return err_set(err, ERR_IN_USE, "ifname",
			"queue %u of '%s' belongs to an AF_XDP socket of another process", queue,
			xp->ifname);
	case ENOBUFS:
		return err_set(err, ERR_LIMIT, "ifname",
			"the limit for locked memory is too low (`ulimit -l unlimited`, or "
			"LimitMEMLOCK=infinity)");
	case EPERM:
		return err_set(err, ERR_DENIED, "type",
			"not permitted to open an AF_XDP socket; vswitchd needs CAP_NET_RAW");
	case EAFNOSUPPORT:
		return err_set(err, ERR_UNSUPPORTED, "type",
			"this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)");
	default:
		return err_set(err, ERR_FAILED, "ifname", "AF_XDP socket on queue %u of '%s': %s",
			queue, xp->ifname, strerror(-rc));
	}
}

static void
queue_close(struct xdp_queue *q)
{
	if (q->socket != NULL) {
		xsk_socket__delete(q->socket);
	}
	if (q->umem != NULL) {
		(void)xsk_umem__delete(q->umem);
	}
	if (q->memory != NULL) {
		(void)munmap(q->memory, (size_t)FRAMES * q->frame_size);
	}
}

/* All receive frames to the kernel, all others to the free list. */
static void
queue_fill(struct xdp_queue *q)
{
	uint32_t idx = 0;

	(void)xsk_ring_prod__reserve(&q->fill, RX_FRAMES, &idx);
	for (uint32_t i = 0; i < RX_FRAMES; i++) {
		*xsk_ring_prod__fill_addr(&q->fill, idx + i) = (uint64_t)i * q->frame_size;
	}
	xsk_ring_prod__submit(&q->fill, RX_FRAMES);
	for (uint32_t i = 0; i < TX_FRAMES; i++) {
		q->free[q->n_free++] = (RX_FRAMES + i) * q->frame_size;
	}
}

static int
queue_open(struct xdp_port *xp, uint16_t id, uint32_t frame_size) ON_MAIN
{
	struct xdp_queue *q = &xp->queues[id];
	const struct xsk_umem_config umem = {
		.fill_size = RX_FRAMES, .comp_size = TX_FRAMES, .frame_size = frame_size};
	const struct xsk_socket_config socket = {.rx_size = RX_FRAMES,
		.tx_size = TX_FRAMES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP};
	size_t size = (size_t)FRAMES * frame_size;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int rc;

	if (memory == MAP_FAILED) {
		return -errno;
	}
	q->memory = memory;
	q->frame_size = frame_size;
	rc = xsk_umem__create(&q->umem, memory, size, &q->fill, &q->done, &umem);
	if (rc != 0) {
		return rc;
	}
	queue_fill(q);
	/* A queue that was closed a moment ago is given back by the kernel in the background. */
	for (unsigned int i = 0; i < BIND_TRIES; i++) {
		rc = xsk_socket__create(
			&q->socket, xp->ifname, id, q->umem, &q->rx, &q->tx, &socket);
		if (rc != -EBUSY) {
			break;
		}
		(void)usleep(BIND_WAIT_US);
	}
	if (rc != 0) {
		return rc;
	}
	q->fd = xsk_socket__fd(q->socket);
	return xdp_prog_steer(xp->prog, id, q->fd);
}

/*
 * The interface as a port needs it. A peer's features are left as they are then; and they come
 * before the program, because a veth with one does not let go of all of them.
 */
static void
prepare_interface(struct xdp_port *xp, const struct link_info *info, const char *run_dir) ON_MAIN
{
	int rc = link_set_flag(xp->ifname, IFF_UP, true);

	if (rc != 0) {
		log_warn("port %s: '%s' stays down: %s", xp->port.name, xp->ifname, strerror(-rc));
	}
	xp->promiscuous = link_promiscuous(xp->ifindex);
	if (xp->promiscuous < 0) {
		log_warn("port %s: '%s' is not promiscuous: %s", xp->port.name, xp->ifname,
			strerror(-xp->promiscuous));
	}
	xp->peer = info->peer;
	offloads_take(&xp->offloads, info, run_dir);
}

static struct xdp_port *
xdp_alloc(const struct port_conf *conf, const struct port_env *env, const struct link_info *info)
{
	uint16_t queues = conf->queues == 0 ? 1 : conf->queues;
	size_t size = sizeof(struct xdp_port) + queues * sizeof(struct xdp_queue);
	struct xdp_port *xp;

	size = RTE_ALIGN_CEIL(size, (size_t)RTE_CACHE_LINE_SIZE);
	xp = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (xp == NULL) {
		return NULL;
	}
	memset(xp, 0, size);
	xp->port.ops = &port_af_xdp_ops;
	xp->port.n_rxq = queues;
	xp->port.n_txq = queues;
	str_copy(xp->port.name, conf->name, sizeof(xp->port.name));
	str_copy(xp->ifname, conf->ifname, sizeof(xp->ifname));
	xp->ifindex = info->ifindex;
	xp->device_queues = link_queues(conf->ifname);
	xp->promiscuous = -1;
	xp->conf = *conf;
	xp->pools = env->pools;
	xp->n_mbufs = queues * MBUFS_PER_QUEUE;
	return xp;
}

/* As the port has found it; with a program on it a veth would not let go of all. */
static void
leave_interface(struct xdp_port *xp) ON_MAIN
{
	struct link_info info;
	int rc = link_get_number(xp->ifindex, &info); /* it may have another name now */

	if (rc == 0 && info.peer != xp->peer) {
		rc = -ENODEV; /* another interface has the number */
	}
	offloads_give_back(&xp->offloads, rc, &info);
	if (xp->promiscuous >= 0) {
		(void)close(xp->promiscuous);
	}
}

static void
xdp_free(struct xdp_port *xp) ON_MAIN
{
	xdp_prog_close(xp->prog);
	leave_interface(xp);
	for (uint16_t q = 0; q < xp->port.n_rxq; q++) {
		queue_close(&xp->queues[q]);
	}
	if (xp->port.pool != NULL) {
		mbuf_pools_put(xp->pools, xp->port.pool, xp->n_mbufs);
	}
	free(xp);
}

static void
look_at_link(struct xdp_port *xp)
{
	struct link_info info;
	int rc = link_get(xp->ifname, &info);

	if (rc != 0 && rc != -ENODEV) {
		return; /* the next look will tell */
	}
	xp->gone = rc != 0 || info.ifindex != xp->ifindex;
	xp->flags = xp->gone ? 0 : info.flags;
	atomic_store_explicit(&xp->up, (xp->flags & IFF_RUNNING) != 0, memory_order_relaxed);
}

static int
xdp_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct link_info info;
	struct xdp_port *xp;
	uint32_t frame_size;
	int rc;

	role_assert(&role_main);
	rc = xdp_check(conf, err);
	if (rc == 0) {
		rc = find_interface(conf, &info, err);
	}
	if (rc != 0) {
		return rc;
	}
	frame_size = info.mtu + FRAME_OVERHEAD <= FRAME_SMALL &&
			conf->mtu + FRAME_OVERHEAD <= FRAME_SMALL
		? FRAME_SMALL
		: FRAME_LARGE;
	xp = xdp_alloc(conf, env, &info);
	if (xp == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = mbuf_pools_get(env->pools, conf->mtu, xp->n_mbufs, &xp->port.pool, err);
	if (rc == 0) {
		prepare_interface(xp, &info, env->run_dir);
		rc = xdp_prog_open(xp->ifname, xp->ifindex, &xp->prog, err);
	}
	for (uint16_t q = 0; rc == 0 && q < xp->port.n_rxq; q++) {
		rc = queue_open(xp, q, frame_size);
		if (rc != 0) {
			rc = socket_error(xp, q, rc, err);
		}
	}
	if (rc != 0) {
		xdp_free(xp);
		return rc;
	}
	look_at_link(xp);
	*port = &xp->port;
	return 0;
}

static void
xdp_close(struct port *port, enum port_close why)
{
	struct xdp_port *xp = xdp_port(port);

	(void)why;
	role_assert(&role_main);
	xdp_free(xp);
}

/* --- while it runs -------------------------------------------------------------------------- */

static void
xdp_poll(struct port *port, uint64_t now)
{
	struct xdp_port *xp = xdp_port(port);
	struct link_info info;

	role_assert(&role_main);
	look_at_link(xp);
	if (xp->offloads.state == LINK_PEER_UNREACHED && now >= xp->look_again) {
		xp->look_again = now + LOOK_AGAIN_NS;
		if (link_get(xp->ifname, &info) == 0) {
			offloads_retry(&xp->offloads, &info);
		}
	}
	/* What the kernel would not take at once is tried again even if nothing more is sent. */
	for (uint16_t q = 0; q < port->n_txq; q++) {
		const struct xsk_ring_prod *tx = &xp->queues[q].tx;

		if (__atomic_load_n(tx->producer, __ATOMIC_RELAXED) !=
			__atomic_load_n(tx->consumer, __ATOMIC_RELAXED)) {
			(void)sendto(xp->queues[q].fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
		}
	}
}

/*
 * What one socket has lost, linux/net/xdp/xsk.c. Where the kernel copies, a frame that finds no
 * free one is in both rx_dropped and rx_fill_ring_empty_descs; a driver that does not copy asks for
 * many at once, so that there the latter counts attempts.
 */
static void
add_missed(const struct xdp_queue *q, struct port_missed *sum)
{
	struct xdp_statistics stats = {0};
	struct xdp_options options = {0};
	socklen_t size = sizeof(stats);
	uint64_t no_frame;

	if (getsockopt(q->fd, SOL_XDP, XDP_STATISTICS, &stats, &size) != 0) {
		return;
	}
	size = sizeof(options);
	(void)getsockopt(q->fd, SOL_XDP, XDP_OPTIONS, &options, &size);
	if ((options.flags & XDP_OPTIONS_ZEROCOPY) != 0) {
		sum->no_buffer += stats.rx_fill_ring_empty_descs;
		no_frame = 0;
	} else {
		no_frame = RTE_MIN(stats.rx_fill_ring_empty_descs, stats.rx_dropped);
	}
	sum->frames[MISSED_XDP_NO_FRAME] += no_frame;
	sum->frames[MISSED_XDP_REFUSED] += stats.rx_dropped - no_frame;
	sum->frames[MISSED_XDP_RING_FULL] += stats.rx_ring_full;
	sum->invalid_buffers += stats.rx_invalid_descs;
}

static void
xdp_missed(struct port *port, struct port_missed *missed)
{
	struct xdp_port *xp = xdp_port(port);
	struct port_missed now = {0};

	for (uint16_t q = 0; q < port->n_rxq; q++) {
		add_missed(&xp->queues[q], &now);
	}
	port_missed_raise(&xp->missed, &now);
	*missed = xp->missed;
}

static void
xdp_status(const struct port *port, struct port_status *status)
{
	const struct xdp_port *xp = (const struct xdp_port *)port;
	char *reason = status->reason;
	size_t size = sizeof(status->reason);

	*status = (struct port_status){.oper = PORT_UP, .n_rxq = port->n_rxq, .n_txq = port->n_txq};
	if (xp->gone) {
		status->oper = PORT_FAILED;
		str_appendf(reason, size, "interface '%s' is gone", xp->ifname);
	} else if ((xp->flags & IFF_UP) == 0) {
		status->oper = PORT_DOWN;
		str_appendf(reason, size, "interface '%s' is down: `ip link set dev %s up`",
			xp->ifname, xp->ifname);
	} else if ((xp->flags & IFF_RUNNING) == 0) {
		status->oper = PORT_DOWN;
		str_appendf(reason, size, "interface '%s' has no carrier: its other end is down",
			xp->ifname);
	} else if (xp->offloads.state == LINK_PEER_UNREACHED) {
		str_appendf(reason, size,
			"TCP will not work before this is run in the other namespace: `ethtool -K "
			"%s " PEER_FEATURES "`",
			xp->offloads.peer[0] != '\0' ? xp->offloads.peer : "PEER");
	} else if (xp->device_queues > port->n_rxq) {
		str_appendf(reason, size,
			"'%s' has %u receive queues; frames of those from %u on go to the kernel: "
			"set queues=%u",
			xp->ifname, xp->device_queues, port->n_rxq, xp->device_queues);
	}
}

const struct port_ops port_af_xdp_ops = {
	.type = "af-xdp",
	.check = xdp_check,
	.open = xdp_open,
	.close = xdp_close,
	.status = xdp_status,
	.poll = xdp_poll,
	.missed = xdp_missed,
	.rx_burst = xdp_rx_burst,
	.rx_release = xdp_rx_release,
	.tx_burst = xdp_tx_burst,
};
