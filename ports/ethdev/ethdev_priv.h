/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of a DPDK device port; shared by ethdev.c (main) and ethdev_io.c (workers). */
#ifndef VSW_PORTS_ETHDEV_ETHDEV_PRIV_H
#define VSW_PORTS_ETHDEV_ETHDEV_PRIV_H

#include <rte_ethdev.h>
#include <stdatomic.h>

#include "ports/ethdev/ethdev.h"

struct ethdev_port {
	struct port port;

	/* workers read; written in open(), but for link_up */
	uint16_t id; /* DPDK's */
	bool prepare; /* TX offloads are on: packets need rte_eth_tx_prepare */
	bool ip_csum; /* TSO of IPv4 wants the IP header's sum from the device, too */
	bool chains; /* takes packets of several buffers */
	_Atomic bool link_up; /* main writes, in poll() */
	_Atomic bool running; /* main writes; false: keep off, it is being restarted */

	/* main only */
	struct mbuf_pools *pools;
	unsigned int n_reserved;
	uint16_t n_configured; /* queues of each kind that the device has, >= those used */
	struct rte_device *device;
	struct grace *grace;
	uint64_t grace_token; /* of taking the device from the workers to restart it, or 0 */
	uint64_t restart_at; /* not before this time */
	struct courier *courier; /* of a virtio-user port that has a peer; NULL: none */
	bool attached; /* the device is there */
	unsigned int n_workers;
	char why[PORT_REASON_SIZE]; /* why there will be none */
	bool restarted; /* outcome of the last stop and start */
	bool was_up; /* since open */
	struct port_missed missed; /* as read so far */
	uint64_t link_by; /* a restarted device may take until then to find its peer */
	struct port_conf conf;
	struct ethdev_spec spec;
};

static inline struct ethdev_port *
ethdev_port(struct port *port)
{
	return (struct ethdev_port *)port;
}

static inline bool
link_is_up(const struct ethdev_port *ep)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(ep->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

#endif
