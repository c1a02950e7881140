/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A light vhost-user front end: what a virtual machine is to a switch, without the machine.
 *
 * What. It speaks the front end's side of the protocol (vhost_user.h), owns guest memory in one
 * memfd (memory.h) and drives raw split or packed virtqueues of a network device (split_ring.h,
 * packed_ring.h). The load generator fills and drains rings with it at full speed; tests of
 * hostile guests use the same pieces one by one: connect without negotiating, send any message,
 * write any descriptor. So nothing below frontend_open() checks what its caller does to the peer.
 *
 * Life. frontend_open() = frontend_connect() + frontend_negotiate() + frontend_start(); then
 * traffic; frontend_stop() takes the rings back (GET_VRING_BASE), frontend_close() frees all and
 * is legal in any state after frontend_connect() was called, failed or not.
 *
 * Ownership. A struct frontend owns its socket, memory, queues and eventfds. Buffers are the
 * caller's business: it takes them from `memory` and knows by id which is where.
 *
 * Threads. Control functions are called by one thread. A queue is used by one thread, which may be
 * another one, between frontend_start() and frontend_stop().
 *
 * Limits. One descriptor per buffer in queue_post() (chains: chain.h); no interrupts (a queue is
 * polled); no control queue, no event index. The log and the in-flight area are in shared_area.h.
 */
#ifndef VSW_TESTS_FRONTEND_FRONTEND_H
#define VSW_TESTS_FRONTEND_FRONTEND_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "tests/frontend/memory.h"
#include "tests/frontend/packed_ring.h"
#include "tests/frontend/split_ring.h"
#include "tests/frontend/vhost_user.h"

/* virtio 1.2 section 5.1.3: Feature bits of a network device. */
#define NET_F_CSUM (UINT64_C(1) << 0)
#define NET_F_GUEST_CSUM (UINT64_C(1) << 1)
#define NET_F_GUEST_TSO4 (UINT64_C(1) << 7)
#define NET_F_GUEST_TSO6 (UINT64_C(1) << 8)
#define NET_F_HOST_TSO4 (UINT64_C(1) << 11)
#define NET_F_HOST_TSO6 (UINT64_C(1) << 12)
#define NET_F_MRG_RXBUF (UINT64_C(1) << 15)
#define NET_F_CTRL_VQ (UINT64_C(1) << 17)
#define NET_F_MQ (UINT64_C(1) << 22)
/* virtio 1.2 section 6: Reserved Feature Bits. */
#define RING_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)
#define VIRTIO_F_RING_PACKED (UINT64_C(1) << 34)

/* virtio 1.2 section 5.1.6: struct virtio_net_hdr; 12 bytes with VERSION_1 or MRG_RXBUF. */
#define NET_HDR_NEEDS_CSUM 1u
#define NET_HDR_GSO_NONE 0u
#define NET_HDR_GSO_TCPV4 1u
struct net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};
static_assert(sizeof(struct net_hdr) == 12, "virtio 1.2 section 5.1.6");

#define FRONTEND_MAX_PAIRS 16

struct frontend_config {
	const char *path; /* of the socket */
	bool server; /* listen there and wait for the back end, else connect */
	unsigned int n_pairs; /* queue pairs: a receive and a transmit queue each */
	uint16_t ring_size;
	uint64_t features; /* all of these, or negotiation fails; MQ comes by itself */
	uint64_t optional; /* of these what the back end offers */
	size_t buffer_memory; /* bytes for the caller's buffers, beside the rings */
	enum memory_pages pages;
	uint64_t protocol; /* protocol features, beside MQ and REPLY_ACK, if they are offered */
	unsigned int n_regions; /* that the memory is told as, neighbours; 0: one */
	bool slots; /* each by ADD_MEM_REG, which needs CONFIGURE_MEM_SLOTS */
	bool unsealed; /* the memory can be truncated */
	int timeout_ms; /* for the peer to appear; 0: VHOST_USER_TIMEOUT_MS */
};

/* One virtqueue. Hot part first. */
struct frontend_queue {
	union {
		struct split_ring split;
		struct packed_ring packed;
	} ring;
	bool is_packed;
	uint16_t owed; /* looks at whether a kick is wanted, of queue_look() */
	int kick; /* eventfds, -1 when closed */
	int call;
	uint64_t kicks; /* sent */
	uint32_t stopped_base; /* what GET_VRING_BASE said at the end */
};

struct frontend {
	struct frontend_config config; /* path is not kept after frontend_connect() */
	int socket; /* -1 when not connected; open for tests to write to */
	uint64_t offered; /* by the back end */
	uint64_t features; /* negotiated */
	uint64_t protocol_features; /* negotiated */
	struct memory memory;
	unsigned int n_queues; /* that exist */
	struct frontend_queue queues[2 * FRONTEND_MAX_PAIRS];
};

/* All of it: ready for traffic, or closed and an error. */
int frontend_open(struct frontend *fe, const struct frontend_config *config, struct err *err);

/* Memory and empty rings with all features asked for, and no back end: for one in this process. */
int frontend_open_local(struct frontend *fe, const struct frontend_config *config, struct err *err);

/* Only memory and a connected socket. */
int frontend_connect(struct frontend *fe, const struct frontend_config *config, struct err *err);

/* Features, protocol features, number of queues, owner. */
int frontend_negotiate(struct frontend *fe, struct err *err);

/* Memory table and rings; the rings are empty, the memory behind them too. */
int frontend_start(struct frontend *fe, struct err *err);

/* One ring's messages, or only the memory table: the steps of frontend_start() for tests. */
int frontend_send_memory(struct frontend *fe, struct err *err);
int frontend_start_queue(struct frontend *fe, unsigned int index, struct err *err);
int frontend_enable_queue(struct frontend *fe, unsigned int index, bool enable, struct err *err);

/* Empty rings, in the memory that is left: before the first frontend_start_queue(). */
int frontend_init_queues(struct frontend *fe, struct err *err);

/* What is told of the memory's region i. */
struct vhost_user_region frontend_region(const struct frontend *fe, unsigned int i);

/* Disable the rings and take them back; each queue's stopped_base is what the back end said. */
int frontend_stop(struct frontend *fe, struct err *err);
void frontend_close(struct frontend *fe);

/* Whether the back end is still there; a system call. */
bool frontend_alive(const struct frontend *fe);

/* virtio 1.2 section 5.1.2: receiveq1, transmitq1, receiveq2, ... */
static inline struct frontend_queue *
frontend_rx(struct frontend *fe, unsigned int pair)
{
	return &fe->queues[2 * pair];
}

static inline struct frontend_queue *
frontend_tx(struct frontend *fe, unsigned int pair)
{
	return &fe->queues[2 * pair + 1];
}

/* The queue's own thread. */

/* Post and publish n buffers, kick if the back end asks for it. The caller knows of the room. */
void queue_post(struct frontend_queue *queue, const struct ring_buffer *buffers, unsigned int n);

/* Kick, wanted or not. */
void queue_kick(struct frontend_queue *queue);

/* Up to `max` buffers that came back. */
static inline unsigned int
queue_collect(struct frontend_queue *queue, struct ring_used *used, unsigned int max)
{
	return queue->is_packed ? packed_ring_collect(&queue->ring.packed, used, max)
				: split_ring_collect(&queue->ring.split, used, max);
}

/*
 * Post without the full fence that queue_post() needs to know whether a kick is wanted: it would
 * wait until all that was written has been taken from the other core. What is posted owes a kick
 * for QUEUE_LOOKS calls of queue_look(), long enough for the writes to be seen, so the caller
 * polls.
 */
#define QUEUE_LOOKS 64u

static inline void
queue_look(struct frontend_queue *queue)
{
	if (queue->owed > 0) {
		queue->owed--;
		if (queue->is_packed ? packed_ring_asks_kick(&queue->ring.packed)
				     : split_ring_asks_kick(&queue->ring.split)) {
			queue_kick(queue);
		}
	}
}

static inline void
queue_post_lazily(struct frontend_queue *queue, const struct ring_buffer *buffers, unsigned int n)
{
	if (queue->is_packed) {
		packed_ring_post(&queue->ring.packed, buffers, n);
	} else {
		split_ring_post(&queue->ring.split, buffers, n);
	}
	queue->owed = QUEUE_LOOKS;
	queue_look(queue);
}

/* Whether the back end has given all posted buffers back, collected here or not. */
bool queue_all_used(const struct frontend_queue *queue);

#endif
