/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of one vhost-user port, shared by the port's functions (vhost_dpdk.c) and the library's
 * callbacks (vhost_events.c).
 *
 * Who runs what. Callbacks run on librte_vhost's thread, one at a time for a port: the library
 * serialises a connection's messages, and closing a port waits for the one being handled. Two run
 * on main instead: new_connection when a client connects at once in open(), destroy_device inside
 * close().
 *
 * Detaching. When destroy_device returns, the library frees the device, so the callback takes `vid`
 * away from the workers and waits a grace period first. It never waits for main; once main closes
 * the port (`closing`), no worker can be inside and the wait ends at once.
 *
 * Ring numbers are virtio's: ring 2q is what the guest receives from (we transmit), ring 2q + 1
 * what it transmits on (we receive).
 */
#ifndef VSW_PORTS_VHOST_DPDK_VHOST_PRIV_H
#define VSW_PORTS_VHOST_DPDK_VHOST_PRIV_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ports/port.h"

#define VHOST_RINGS_MAX (2 * PORT_QUEUES_MAX)
#define VHOST_PORTS_MAX 1023 /* MAX_VHOST_SOCKET and MAX_FDS of librte_vhost: 1024 */
#define VHOST_SHARE_WAIT_NS 1000000000U /* SET_FEATURES to SET_MEM_TABLE: normally no time */

/* How far a front end has come; written by the library's thread, read by main. */
enum vhost_phase {
	VHOST_DETACHED, /* no front end */
	VHOST_CONNECTED, /* a front end, no driver in the guest yet */
	VHOST_FEATURES, /* the driver starts the device; the memory table should follow */
	VHOST_MEMORY, /* the guest's memory is mapped */
	VHOST_RUNNING,
	VHOST_STOPPED_BY_GUEST, /* was running: shut down, reboot, driver unloaded */
};

struct vhost_port {
	struct port port;

	/* workers read; the library's thread writes */
	_Atomic int vid; /* device of the running guest, or -1 */
	_Atomic uint16_t n_tx_map; /* rings that the guest receives from now */
	_Atomic uint8_t tx_map[PORT_QUEUES_MAX]; /* their queue numbers */
	_Atomic bool enabled[VHOST_RINGS_MAX];
	/* the worker has still to silence the guest's kicks, which a callback may not do */
	_Atomic bool notify_off[VHOST_RINGS_MAX];

	/* main reads; the library's thread writes */
	_Atomic int conn_vid; /* device of the connection, or -1 */
	_Atomic int phase; /* enum vhost_phase */
	_Atomic bool memory_asked; /* SET_MEM_TABLE came, not accepted yet */
	_Atomic bool memory_refused; /* the last front end was closed over it */
	_Atomic uint32_t n_attached;
	_Atomic uint32_t n_refused; /* second front ends */

	/* main writes, before the callbacks can run and in close() */
	struct vhost_port *next; /* registry, under its lock */
	struct grace *grace;
	struct mbuf_pools *pools;
	unsigned int n_reserved;
	_Atomic bool closing;
	struct port_conf conf; /* as opened or last changed */
	uint64_t features_since; /* first poll that saw VHOST_FEATURES, or 0 */
	bool memory_missing; /* and for how long: longer than VHOST_SHARE_WAIT_NS */
	char path[PORT_SOCKET_PATH_MAX + 1];
};

/* --- main ----------------------------------------------------------------------------------- */

/* Hand the prepared socket to the library and start it. */
int vhost_events_start(struct vhost_port *vp, struct err *err) ON_MAIN;

/* Stop the library for this socket; no callback runs after it. Unlinks a server's socket file. */
void vhost_events_stop(struct vhost_port *vp) ON_MAIN;

#endif
