/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/ethdev/ethdev.h"

#include <errno.h>
#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_ether.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "ports/ethdev/courier.h"
#include "ports/ethdev/dpdk_log.h"
#include "ports/ethdev/ethdev_priv.h"

LOG_MODULE("ethdev");

#define RING_SIZE 1024 /* descriptors wished for; the device rounds and bounds */
#define FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN)
#define RESTART_NS 1000000000U /* between attempts to reach a peer that is away */
#define RX_CSUM (RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define TX_CSUM (RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
#define TX_TSO (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
#define RSS_SPREAD (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

void
ethdev_name(struct ethdev_spec *spec, const char *driver)
{
	uint16_t id;
	unsigned int n = 0;

	do {
		spec->devargs[0] = '\0';
		str_appendf(spec->devargs, sizeof(spec->devargs), "%s_%u", driver, n++);
	} while (rte_eth_dev_get_port_by_name(spec->devargs, &id) == 0);
}

int
ethdev_check_value(const char *value, const char *leaf, struct err *err)
{
	if (strpbrk(value, ",=[] \t\n\"'") != NULL) {
		return err_set(err, ERR_INVALID, leaf,
			"'%s' has a character that DPDK's device strings cannot carry "
			"(comma, equals sign, bracket, quote or space)",
			value);
	}
	return 0;
}

int
ethdev_limit(struct err *err)
{
	return err_set(err, ERR_LIMIT, NULL,
		"DPDK was built for %d devices (RTE_MAX_ETHPORTS) and all are in use: vhost-user, "
		"tap and af-packet ports do not count",
		RTE_MAX_ETHPORTS);
}

/* An error of ours with what DPDK said since `mark`. */
static int
device_error(
	const struct ethdev_spec *spec, uint64_t mark, const char *what, int rc, struct err *err)
{
	char tail[512];

	dpdk_log_tail(mark, tail, sizeof(tail));
	return err_set(err, ERR_FAILED, spec->leaf, "device '%.128s': %s%s%s", spec->devargs, what,
		tail[0] != '\0'   ? ": "
			: rc != 0 ? ": "
				  : "",
		tail[0] != '\0'   ? tail
			: rc != 0 ? rte_strerror(abs(rc))
				  : "");
}

/* --- find it -------------------------------------------------------------------------------- */

static int
device_probe(struct ethdev_port *ep, uint64_t mark, struct err *err)
{
	const struct ethdev_spec *spec = &ep->spec;
	struct rte_eth_dev_info info;
	struct rte_devargs da = {0};
	int rc;

	if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS) {
		return ethdev_limit(err);
	}
	rc = rte_devargs_parse(&da, spec->devargs);
	if (rc != 0) {
		return device_error(spec, mark, "not a device string that DPDK knows", 0, err);
	}
	if (rte_eth_dev_get_port_by_name(da.name, &ep->id) == 0) {
		rc = err_set(err, ERR_IN_USE, spec->leaf, "device '%s' is in use by another port",
			da.name);
		goto out;
	}
	rc = rte_dev_probe(spec->devargs);
	if (rc != 0) {
		rc = device_error(spec, mark, "could not be opened", rc, err);
		goto out;
	}
	if (rte_eth_dev_get_port_by_name(da.name, &ep->id) != 0) {
		rc = device_error(
			spec, mark, "is not a network device that DPDK has a driver for", 0, err);
		goto out;
	}
	rc = rte_eth_dev_info_get(ep->id, &info);
	if (rc != 0) {
		(void)rte_eth_dev_close(ep->id);
		rc = device_error(spec, mark, "says nothing about itself", rc, err);
		goto out;
	}
	ep->device = info.device;
out:
	rte_devargs_reset(&da);
	return rc;
}

/* Something to be done on EAL's interrupt thread, and who waits for it. */
struct errand {
	void (*fn)(struct ethdev_port *ep);
	struct ethdev_port *ep;
	sem_t done;
};

static void
errand_run(void *arg)
{
	struct errand *errand = arg;

	errand->fn(errand->ep);
	(void)sem_post(&errand->done);
}

/*
 * A driver whose handlers run on EAL's interrupt thread uses the device there while it is taken
 * away here. Alarms run on that thread too, so an errand never meets a handler; and the thread
 * waits for nothing of main's.
 */
static void
where_handlers_run(struct ethdev_port *ep, void (*fn)(struct ethdev_port *ep))
{
	struct errand errand = {.fn = fn, .ep = ep};

	if (!ep->spec.interrupts || sem_init(&errand.done, 0, 0) != 0) {
		fn(ep);
		return;
	}
	if (rte_eal_alarm_set(1, errand_run, &errand) != 0) {
		fn(ep);
	} else {
		while (sem_wait(&errand.done) != 0) {
		}
	}
	(void)sem_destroy(&errand.done);
}

static void
device_remove(struct ethdev_port *ep)
{
	int rc = rte_eth_dev_close(ep->id);

	if (rc != 0) {
		log_warn("port %s: closing %s: %s", ep->port.name, ep->spec.devargs,
			rte_strerror(-rc));
	}
	rc = rte_dev_remove(ep->device);
	if (rc != 0) {
		log_warn("port %s: removing %s: %s", ep->port.name, ep->spec.devargs,
			rte_strerror(-rc));
	}
}

/* Last of all, since the device's queues hold buffers until it is gone. */
static void
device_end(struct ethdev_port *ep) ON_MAIN
{
	if (ep->attached) {
		where_handlers_run(ep, device_remove);
	}
	if (ep->port.pool != NULL) {
		mbuf_pools_put(ep->pools, ep->port.pool, ep->n_reserved);
	}
	free(ep);
}

/* --- set it up ------------------------------------------------------------------------------ */

static int
plan_queues(struct ethdev_port *ep, const struct rte_eth_dev_info *info, struct err *err)
{
	uint16_t queues = ep->conf.queues == 0 ? 1 : ep->conf.queues;
	uint16_t n_txq = ep->spec.paired ? queues : (uint16_t)RTE_MAX(ep->n_workers, 1U);

	if (queues > info->max_rx_queues) {
		return err_set(err, ERR_INVALID, "queues",
			"the device has %u receive queues, not %u", info->max_rx_queues, queues);
	}
	n_txq = RTE_MIN(RTE_MIN(n_txq, info->max_tx_queues), (uint16_t)PORT_QUEUES_MAX);
	if (n_txq == 0) {
		return err_set(err, ERR_UNSUPPORTED, ep->spec.leaf, "the device cannot transmit");
	}
	if (n_txq < ep->port.n_txq) { /* was promised more */
		return err_set(err, ERR_INVALID, "queues",
			"the device has %u transmit queues, not %u", n_txq, ep->port.n_txq);
	}
	if (ep->port.n_txq == 0) {
		ep->port.n_rxq = queues;
		ep->port.n_txq = n_txq;
	}
	return 0;
}

static int
check_mtu(const struct ethdev_port *ep, const struct rte_eth_dev_info *info, uint16_t mtu,
	struct err *err)
{
	if (!ep->spec.soft_mtu && (mtu < info->min_mtu || mtu > info->max_mtu)) {
		return err_set(err, ERR_INVALID, "mtu",
			"the device takes an MTU of %u to %u, not %u", info->min_mtu, info->max_mtu,
			mtu);
	}
	return 0;
}

static void
plan_offloads(
	struct ethdev_port *ep, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	uint64_t rx = info->rx_offload_capa;
	uint64_t tx = info->tx_offload_capa;
	uint64_t tso = tx & TX_TSO;
	uint32_t caps = 0;

	conf->rxmode.offloads = rx & (RX_CSUM | RTE_ETH_RX_OFFLOAD_SCATTER);
	if (ep->spec.lro && (rx & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0 && (rx & RX_CSUM) == RX_CSUM &&
		(rx & RTE_ETH_RX_OFFLOAD_SCATTER) != 0) {
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TCP_LRO;
	}
	conf->txmode.offloads = tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	ep->chains = conf->txmode.offloads != 0;
	if ((tx & TX_CSUM) == TX_CSUM) {
		conf->txmode.offloads |= TX_CSUM;
		caps |= PORT_CAP_CSUM;
		ep->prepare = true;
	}
	/* Large segments come in chains. virtio has no IPv4 sum of its own and needs none. */
	if (ep->chains && (caps & PORT_CAP_CSUM) != 0 && (tso & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0) {
		conf->txmode.offloads |= tso;
		ep->ip_csum = (tso & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
		caps |= PORT_CAP_TSO4 | PORT_CAP_TSO6;
	}
	__atomic_store_n(&ep->port.caps, caps, __ATOMIC_RELAXED);
}

static void
plan_rss(const struct ethdev_port *ep, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf)
{
	uint64_t spread = info->flow_type_rss_offloads & RSS_SPREAD;

	if (ep->port.n_rxq > 1 && spread != 0) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = spread;
	}
}

static int
device_queues(
	struct ethdev_port *ep, uint16_t n_rxq, uint16_t n_txq, uint16_t rx_size, uint16_t tx_size)
{
	int socket = rte_eth_dev_socket_id(ep->id);
	int rc;

	for (uint16_t q = 0; q < n_rxq; q++) {
		rc = rte_eth_rx_queue_setup(ep->id, q, rx_size,
			socket < 0 ? (unsigned int)SOCKET_ID_ANY : (unsigned int)socket, NULL,
			ep->port.pool);
		if (rc != 0) {
			return rc;
		}
	}
	for (uint16_t q = 0; q < n_txq; q++) {
		rc = rte_eth_tx_queue_setup(ep->id, q, tx_size,
			socket < 0 ? (unsigned int)SOCKET_ID_ANY : (unsigned int)socket, NULL);
		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

/* Buffers that the queues can hold at once, and a burst on its way through a worker for each. */
static int
reserve(struct ethdev_port *ep, uint16_t rx_size, uint16_t tx_size, struct err *err) ON_MAIN
{
	if (ep->spec.bufferless) {
		rx_size = 0;
		tx_size = 0;
	}
	ep->n_reserved = ep->port.n_rxq * (rx_size + 2U * PKT_BURST) +
		ep->port.n_txq * (tx_size + 2U * PKT_BURST);
	return mbuf_pools_get(ep->pools, ep->conf.mtu, ep->n_reserved, &ep->port.pool, err);
}

static int
device_configure(struct ethdev_port *ep, const struct rte_eth_conf *conf, uint64_t mark,
	struct err *err) ON_MAIN
{
	uint16_t n_rxq = RTE_MAX(ep->port.n_rxq, ep->spec.queues_min);
	uint16_t n_txq = RTE_MAX(ep->port.n_txq, ep->spec.queues_min);
	uint16_t rx_size = RING_SIZE;
	uint16_t tx_size = RING_SIZE;
	int rc = rte_eth_dev_configure(ep->id, n_rxq, n_txq, conf);

	if (rc == 0) {
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(ep->id, &rx_size, &tx_size);
	}
	if (rc != 0) {
		return device_error(&ep->spec, mark, "refuses its configuration", rc, err);
	}
	rc = ep->port.pool != NULL ? 0 : reserve(ep, rx_size, tx_size, err);
	if (rc != 0) {
		return rc;
	}
	ep->n_configured = n_rxq;
	rc = device_queues(ep, n_rxq, n_txq, rx_size, tx_size);
	return rc == 0 ? 0 : device_error(&ep->spec, mark, "refuses its queues", rc, err);
}

static int
device_start(struct ethdev_port *ep, uint64_t mark, struct err *err) ON_MAIN
{
	int rc;

	if (ep->courier != NULL) {
		courier_go(ep->courier);
	}
	rc = rte_eth_dev_start(ep->id);
	atomic_store(&ep->running, rc == 0);
	if (rc != 0) {
		/* One that can be restarted is tried again from poll(). */
		return ep->spec.reconnect
			? 0
			: device_error(&ep->spec, mark, "does not start", rc, err);
	}
	rc = rte_eth_promiscuous_enable(ep->id);
	if (rc != 0 && rc != -ENOTSUP) {
		log_warn("port %s: no promiscuous mode (%s): only frames to the device's own "
			 "address arrive",
			ep->port.name, rte_strerror(-rc));
	}
	return 0;
}

static int
device_setup(struct ethdev_port *ep, uint64_t mark, struct err *err) ON_MAIN
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(ep->id, &info);

	if (rc != 0) {
		return device_error(&ep->spec, mark, "says nothing about itself", rc, err);
	}
	rc = plan_queues(ep, &info, err);
	if (rc == 0) {
		rc = check_mtu(ep, &info, ep->conf.mtu, err);
	}
	if (rc != 0) {
		return rc;
	}
	plan_offloads(ep, &info, &conf);
	plan_rss(ep, &info, &conf);
	conf.rxmode.mtu = ep->spec.soft_mtu ? 0 : ep->conf.mtu;
	rc = device_configure(ep, &conf, mark, err);
	return rc == 0 ? device_start(ep, mark, err) : rc;
}

static struct ethdev_port *
port_new(const struct ethdev_spec *spec, const struct port_conf *conf, const struct port_env *env)
{
	struct ethdev_port *ep = calloc(1, sizeof(*ep));

	if (ep != NULL) {
		ep->port.ops = spec->ops;
		str_copy(ep->port.name, conf->name, sizeof(ep->port.name));
		ep->conf = *conf;
		ep->spec = *spec;
		ep->pools = env->pools;
		ep->grace = env->grace;
		ep->n_workers = env->n_workers;
	}
	return ep;
}

int
ethdev_attach(struct ethdev_port *ep, struct err *err)
{
	uint64_t mark = dpdk_log_mark();
	int rc = device_probe(ep, mark, err);

	if (rc != 0) {
		return rc;
	}
	ep->attached = true;
	rc = device_setup(ep, mark, err);
	if (rc != 0) {
		return rc;
	}
	atomic_store(&ep->link_up, link_is_up(ep));
	log_info("port %s: %s, %u receive and %u transmit queues, capabilities %#x", ep->port.name,
		ep->spec.devargs, ep->port.n_rxq, ep->port.n_txq, ep->port.caps);
	return 0;
}

int
ethdev_open(const struct ethdev_spec *spec, const struct port_conf *conf,
	const struct port_env *env, struct port **port, struct err *err)
{
	struct ethdev_port *ep = port_new(spec, conf, env);
	int rc;

	if (ep == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = ethdev_attach(ep, err);
	if (rc != 0) {
		device_end(ep);
		return rc;
	}
	*port = &ep->port;
	return 0;
}

int
ethdev_promise(const struct ethdev_spec *spec, const struct port_conf *conf,
	const struct port_env *env, struct port **port, struct err *err)
{
	struct ethdev_port *ep;
	int rc;

	if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS) {
		return ethdev_limit(err);
	}
	ep = port_new(spec, conf, env);
	if (ep == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	ep->port.n_rxq = conf->queues == 0 ? 1 : conf->queues;
	ep->port.n_txq = RTE_MIN(ep->port.n_rxq, (uint16_t)RTE_MAX(env->n_workers, 1U));
	rc = reserve(ep, RING_SIZE, RING_SIZE, err);
	if (rc != 0) {
		device_end(ep);
		return rc;
	}
	*port = &ep->port;
	return 0;
}

/* What a loop of rings still holds: nobody else frees it. */
static void
device_drain(struct ethdev_port *ep)
{
	struct rte_mbuf *mbufs[PKT_BURST];
	uint16_t n;

	for (uint16_t q = 0; q < ep->n_configured; q++) {
		do {
			n = rte_eth_rx_burst(ep->id, q, mbufs, PKT_BURST);
			rte_pktmbuf_free_bulk(mbufs, n);
		} while (n > 0);
	}
}

static void
device_stop(struct ethdev_port *ep)
{
	int rc = rte_eth_dev_stop(ep->id);

	if (rc != 0 && rc != -EALREADY) {
		log_warn("port %s: stopping %s: %s", ep->port.name, ep->spec.devargs,
			rte_strerror(-rc));
	}
}

void
ethdev_close(struct port *port, enum port_close why)
{
	struct ethdev_port *ep = ethdev_port(port);

	(void)why;
	role_assert(&role_main);
	if (ep->attached && ep->spec.drain) {
		device_drain(ep);
	}
	if (ep->attached) {
		where_handlers_run(ep, device_stop);
	}
	device_end(ep);
}

/* --- while it runs -------------------------------------------------------------------------- */

int
ethdev_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct ethdev_port *ep = ethdev_port(port);
	struct port_conf other = ep->conf;
	struct rte_eth_dev_info info;
	int room = rte_pktmbuf_data_room_size(port->pool) - RTE_PKTMBUF_HEADROOM;
	int rc;

	role_assert(&role_main);
	other.mtu = conf->mtu;
	if (memcmp(&other, conf, sizeof(other)) != 0 || !ep->attached) {
		return -EOPNOTSUPP;
	}
	if (conf->mtu + FRAME_OVERHEAD > room || rte_eth_dev_info_get(ep->id, &info) != 0) {
		return -EOPNOTSUPP;
	}
	rc = check_mtu(ep, &info, conf->mtu, err);
	if (rc != 0) {
		return rc;
	}
	if (!ep->spec.soft_mtu && rte_eth_dev_set_mtu(ep->id, conf->mtu) != 0) {
		return -EOPNOTSUPP;
	}
	ep->conf.mtu = conf->mtu;
	return 0;
}

static void
device_stop_start(struct ethdev_port *ep)
{
	(void)rte_eth_dev_stop(ep->id);
	ep->restarted = rte_eth_dev_start(ep->id) == 0;
}

/*
 * A device whose peer has gone, or was never there: take it from the workers, wait until none is
 * inside and until the driver's own thread has tidied up, then start it anew. A start that finds no
 * peer fails and is tried again.
 */
static void
device_restart(struct ethdev_port *ep, uint64_t now)
{
	if (atomic_load(&ep->running)) {
		atomic_store_explicit(&ep->running, false, memory_order_release);
		ep->grace_token = grace_start(ep->grace);
		ep->restart_at = now + RESTART_NS;
	}
	if (now < ep->restart_at ||
		(ep->grace_token != 0 && !grace_passed(ep->grace, ep->grace_token))) {
		return;
	}
	ep->grace_token = 0;
	ep->restart_at = now + RESTART_NS;
	where_handlers_run(ep, device_stop_start);
	if (ep->restarted) {
		ep->link_by = now + RESTART_NS;
		atomic_store_explicit(&ep->running, true, memory_order_release);
	}
}

void
ethdev_poll(struct port *port, uint64_t now)
{
	struct ethdev_port *ep = ethdev_port(port);
	bool up = link_is_up(ep);

	atomic_store_explicit(&ep->link_up, up, memory_order_relaxed);
	ep->was_up = ep->was_up || up;
	if (!ep->spec.reconnect) {
		return;
	}
	if (ep->link_by == 0) {
		ep->link_by = now + RESTART_NS; /* just opened: its peer is about to answer */
	}
	if (up && !atomic_load(&ep->running)) {
		/* The peer came before the restart that was begun: there is no need for one. */
		ep->grace_token = 0;
		atomic_store_explicit(&ep->running, true, memory_order_release);
	} else if (!up && now >= ep->link_by) {
		device_restart(ep, now);
	}
}

/* Drivers that keep no such counts leave them 0. */
void
ethdev_missed(struct port *port, struct port_missed *missed)
{
	struct ethdev_port *ep = ethdev_port(port);
	struct port_missed now = {0};
	struct rte_eth_stats stats;

	if (ep->attached && rte_eth_stats_get(ep->id, &stats) == 0) {
		now.frames[MISSED_DEVICE_FULL] = stats.imissed;
		now.frames[MISSED_DEVICE_ERROR] = stats.ierrors;
		now.no_buffer = stats.rx_nombuf;
		port_missed_raise(&ep->missed, &now);
	}
	*missed = ep->missed;
}

void
ethdev_status(const struct port *port, struct port_status *status)
{
	const struct ethdev_port *ep = (const struct ethdev_port *)port;

	*status = (struct port_status){.oper = PORT_UP, .n_rxq = port->n_rxq, .n_txq = port->n_txq};
	if (rte_eth_dev_is_removed(ep->id) == 1) {
		status->oper = PORT_FAILED;
		str_copy(status->reason, "the device is gone", sizeof(status->reason));
	} else if (!link_is_up(ep)) {
		status->oper = ep->spec.reopen && ep->was_up ? PORT_FAILED : PORT_DOWN;
		str_copy(status->reason,
			ep->spec.down[0] != '\0' ? ep->spec.down
						 : "no link: check the cable and the "
						   "other side",
			sizeof(status->reason));
	}
}
