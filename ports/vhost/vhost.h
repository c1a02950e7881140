/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type vhost-user, back end `native`: our own protocol and rings. A guest is an adversary.
 *
 * The port listens (mode server) or connects again and again (mode client), speaks the protocol on
 * main (vu_conn.h, vu_request.h), and moves packets between guests with one copy (vq.h). A front
 * end that breaks the protocol loses its connection; a guest that breaks a ring's rules loses that
 * ring; a file that is truncated under us loses the connection. Each has a sentence in `reason`, an
 * event, and ends when the front end connects again (a ring: when it is started again).
 *
 * Threads: as port.h says; the rest main.
 */
#ifndef VSW_PORTS_VHOST_VHOST_H
#define VSW_PORTS_VHOST_VHOST_H

#include "ports/port.h"
#include "ports/vhost/vq.h"

extern const struct port_ops port_vhost_ops;

#define VHOST_HISTORY 8 /* connections that are remembered */

enum vhost_feature_state {
	VHOST_FEATURE_ACKNOWLEDGED,
	VHOST_FEATURE_OFFERED, /* and not taken, or nobody is there to take it */
	VHOST_FEATURE_DISABLED, /* by the leaf disable-feature */
};

/* One line of `port show`: a feature, and what became of it. */
struct vhost_feature_info {
	const char *name; /* of the schema's enumeration */
	enum vhost_feature_state state;
	const char *why; /* a phrase; NULL when acknowledged */
};

struct vhost_ring_info {
	uint16_t ring;
	uint16_t size; /* 0: not told */
	bool packed;
	bool enabled;
	bool runs;
	const char *why; /* it does not run, as a phrase; NULL if it runs */
	enum vq_fault fault;
	uint64_t kicks; /* of the guest */
	struct vq_stats stats;
};

struct vhost_connection_info {
	uint64_t since; /* CLOCK_REALTIME, ns */
	uint64_t until; /* 0: still there */
	uint32_t pid;
	uint32_t uid;
	uint64_t messages;
	char end[160]; /* why it ended; "" while it is there */
};

struct vhost_info {
	uint64_t offered;
	uint64_t acknowledged;
	uint64_t protocol;
	uint16_t guest_mtu; /* told by the front end; 0: not */
	uint16_t n_rings;
	uint32_t n_regions;
	uint64_t memory; /* bytes shared by the guest */
	bool logging; /* live migration is under way */
	uint64_t n_connections; /* since the port was made */
	uint64_t n_refused; /* second front ends, peers that may not */
	char last_error[160];
	unsigned int n_history; /* newest first */
	struct vhost_connection_info history[VHOST_HISTORY];
};

/* Is this port one of ours? */
bool port_is_vhost(const struct port *port);

void vhost_port_info(const struct port *port, struct vhost_info *info) ON_MAIN;
void vhost_port_ring(const struct port *port, uint16_t ring, struct vhost_ring_info *info) ON_MAIN;

/* The i-th feature, in the order of the schema; false beyond the last. */
bool vhost_port_feature(
	const struct port *port, unsigned int i, struct vhost_feature_info *info) ON_MAIN;

#endif
