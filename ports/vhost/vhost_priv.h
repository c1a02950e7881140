/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vhost-user port of the native back end, shared by its functions (vhost.c), its connection
 * (vhost_link.c) and what it tells of itself (vhost_info.c).
 *
 * Workers read the first part only: one atomic load of `view` for each burst. A view that a burst
 * has loaded stays until the worker passes a grace period, so rx_release finds the ring that
 * rx_burst used.
 *
 * A connection ends by the peer or by us; what the front end had shared is freed when no worker
 * can hold it. The next front end may connect before that, and is listened to after.
 */
#ifndef VSW_PORTS_VHOST_VHOST_PRIV_H
#define VSW_PORTS_VHOST_VHOST_PRIV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ports/unix_socket.h"
#include "ports/vhost/vhost.h"
#include "ports/vhost/vu_conn.h"
#include "ports/vhost/vu_device.h"
#include "ports/vhost/vu_request.h"

#define VHOST_SHARE_WAIT (1 * CLOCK_S) /* SET_FEATURES to SET_MEM_TABLE: normally no time */
#define VHOST_ANNOUNCE_LEN 60 /* shortest Ethernet frame, FCS not included */
#define VHOST_ANNOUNCE_PENDING (UINT64_C(1) << 63)

/* What one receive queue has lent out; the worker's that polls it. */
struct vhost_rxq {
	const struct vq_view *ring; /* of the last burst; NULL: it lent nothing of a ring */
} __attribute__((aligned(64)));

/* The way to the front end. Main. */
struct vhost_link {
	struct reactor *reactor;
	struct unix_listener listener; /* fd -1 in mode client */
	struct reactor_watch *accepting;
	struct reactor_timer *retry; /* connect, or accept, again */
	uint64_t backoff; /* ns */

	struct vu_conn *conn; /* NULL: none */
	bool begun; /* the device is this connection's */
	bool busy; /* `late` waits for the device to settle */
	bool ran; /* a ring has run in this connection */
	struct vu_msg late;
	struct reactor_timer *settle;
	uint64_t settle_step; /* ns; 0: not armed */

	unsigned int held_up; /* looks at descriptors still being closed (foreign_fd.h); no
			       * connection is taken before */
	bool memory_refused; /* the last front end came without files behind its memory */
	bool memory_missing; /* the guest starts, but its memory does not come */
	uint64_t features_since; /* first poll that saw features and no memory, or 0 */
	uint64_t n_connections;
	uint64_t n_refused;
	char last_error[sizeof(((struct vhost_info *)0)->last_error)];
	char lost[sizeof(((struct vhost_info *)0)->last_error)]; /* why we ended the last one */
	unsigned int n_history;
	struct vhost_connection_info history[VHOST_HISTORY]; /* newest first */
};

struct vhost_port {
	struct port port;

	/* workers read */
	_Atomic(struct vhost_view *) view;
	const struct vq_ops *vq_ops;
	struct vq *vqs; /* 2 for each queue pair */
	bool one_worker;
	struct vhost_rxq *rxqs; /* n_rxq */

	/* queue 0's worker, and main to hand it over */
	_Atomic uint64_t announce; /* MAC, first byte lowest, and VHOST_ANNOUNCE_PENDING; or 0 */
	uint8_t announce_frame[PKT_HEADROOM + VHOST_ANNOUNCE_LEN];

	/* main */
	struct vhost_link link;
	struct vu_device device;
	struct port_conf conf; /* as opened or last changed */
	struct mbuf_pools *pools; /* NULL: none */
	void (*event)(void *arg, const struct port_event *event);
	void *event_arg;
	bool fault_told[VU_RINGS_MAX];
	char path[PORT_SOCKET_PATH_MAX + 1];
};

static inline const struct vhost_port *
vhost_port_of(const struct port *port)
{
	return (const struct vhost_port *)port;
}

/* --- vhost.c --------------------------------------------------------------------------------- */

/* `queue` is -1 for the whole port. */
void vhost_event(struct vhost_port *vp, const char *what, int queue, const char *fmt, ...) ON_MAIN
	__attribute__((format(printf, 4, 5)));

/* --- vhost_link.c ---------------------------------------------------------------------------- */

/* Listen, or begin to connect; conf, path and device are set. */
int vhost_link_open(struct vhost_port *vp, struct reactor *reactor, struct err *err) ON_MAIN;

/* No worker is inside the port. A server's socket file goes. */
void vhost_link_close(struct vhost_port *vp) ON_MAIN;

/* End the connection, if there is one, for a reason. */
void vhost_link_fail(struct vhost_port *vp, const char *why) ON_MAIN;

/* --- vhost_info.c ---------------------------------------------------------------------------- */

void vhost_status(const struct port *port, struct port_status *status);

#endif
