/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One virtqueue, as the device sees it: split and packed rings (virtio 1.2, sections 2.7, 2.8).
 *
 * Two structures. A struct vq_view says where a ring is and what was negotiated; it is immutable,
 * made by main (vu_device.h) and reached by workers through a published view of the port. A struct
 * vq is the device's place in the ring and its counters; it outlives views and connections. Workers
 * write it while a view that runs the ring is published; main sets it only when none can be held.
 *
 * Ring numbers are virtio's: ring 2q is what the guest receives from (vq_tx), ring 2q + 1 what it
 * transmits on (vq_rx).
 *
 * Nothing that lies in guest memory is trusted or read twice. Indices, descriptors, lengths and the
 * virtio-net header are loaded once into private memory, checked there and used from there. A rule
 * that the guest breaks stops the ring: `fault` says which one, no further call touches the ring,
 * and main reports it. What the guest only gets wrong for itself (a frame shorter than a header, a
 * receive buffer that holds nothing) is a drop with a name.
 *
 * vq_rx lends packets: the head is a private copy of the first min(len, PKT_HEAD_MIN) bytes, the
 * rest is the guest's own memory. vq_release ends the loan and gives the buffers back in order.
 *
 * Overlap: two ports may have the same memory behind them, or one buffer twice. Bytes are then
 * whatever they are, but nothing else breaks.
 *
 * Threads: a ring is used by one worker at a time (transmit rings under the pipeline's lock when
 * several workers share one). Counters are read by main, relaxed.
 */
#ifndef VSW_PORTS_VHOST_VQ_H
#define VSW_PORTS_VHOST_VQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/offload.h"
#include "datapath/core/pkt.h"
#include "ports/port.h"
#include "ports/vhost/dirty_log.h"
#include "ports/vhost/gmem.h"

#define VQ_SIZE_MAX 32768 /* virtio 1.2, 2.7: Queue Size is at most 32768 */
#define VQ_CHAIN_MAX 1024 /* descriptors of one chain, an indirect table's included */
#define VQ_HEAD_SIZE 256 /* a lent head with its room before it */
#define VQ_HDR_MAX 12 /* virtio 1.2, 5.1.6: struct virtio_net_hdr with num_buffers */

/* What a guest has done to have a ring stopped. The text follows "ring N: ". */
#define VQ_FAULTS(X)                                                                            \
	X(VQ_FAULT_AVAIL, "available-index",                                                    \
		"the available index is further ahead than the ring is long")                   \
	X(VQ_FAULT_HEAD, "head-range", "an available entry names a descriptor beyond the ring") \
	X(VQ_FAULT_NEXT, "next-range", "a chain goes on at a descriptor beyond its table")      \
	X(VQ_FAULT_LONG, "chain-too-long", "a chain is too long, or a loop")                    \
	X(VQ_FAULT_INDIRECT, "indirect-table",                                                  \
		"an indirect table is nested, empty, too long, or not a whole number of "       \
		"descriptors")                                                                  \
	X(VQ_FAULT_ADDRESS, "address", "a descriptor points outside of the guest's memory")     \
	X(VQ_FAULT_DIRECTION, "direction",                                                      \
		"a buffer to read is marked for writing, or the other way round")               \
	X(VQ_FAULT_EMPTY, "empty-buffer", "a receive buffer has no bytes")                      \
	X(VQ_FAULT_MEMORY, "memory-gone", "the file behind the guest's memory was truncated")

enum vq_fault {
	VQ_FAULT_NONE,
#define X(id, name, text) id,
	VQ_FAULTS(X)
#undef X
		VQ_FAULT_N
};

enum vq_flag {
	VQ_RUNS = 1U << 0, /* started and enabled, all of it mapped */
	VQ_PACKED = 1U << 1,
	VQ_EVENT_IDX = 1U << 2,
	VQ_MERGEABLE = 1U << 3, /* a frame may fill several receive buffers */
	VQ_INDIRECT = 1U << 4, /* negotiated; refused otherwise */
	VQ_READ_HDR = 1U << 5, /* some transmit offload is negotiated: the header says something */
	VQ_LAZY_CALL = 1U << 6, /* one worker has all rings: it may look at flags again later */
};

struct vq_inflight;

struct vq_view {
	uint8_t *desc; /* split: descriptor table; packed: descriptor ring */
	uint8_t *avail; /* split: available ring; packed: driver event suppression */
	uint8_t *used; /* split: used ring; packed: device event suppression */
	uint32_t flags; /* enum vq_flag */
	uint32_t takes; /* enum port_cap: what the header of a frame to the guest may say */
	uint16_t size; /* descriptors; split: a power of two */
	uint8_t hdr_len; /* 10, or 12 with VERSION_1 or MRG_RXBUF (virtio 1.2, 5.1.6.1) */
	int call; /* eventfd that interrupts the guest, or -1 */
	const struct gmem *memory;
	const atomic_bool *gone; /* a part of the peer's memory has been truncated */
	struct vq_inflight *inflight; /* in-flight area of this ring, or NULL (inflight.h) */
	const struct dirty_log *log; /* NULL unless writes are logged */
	uint64_t log_used; /* guest-physical address of used (packed: desc), UINT64_MAX: not logged
			    */
};

/* Written by the worker that has the ring, read by main with relaxed loads. Never reset. */
struct vq_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t bursts; /* calls that moved packets */
	uint64_t calls; /* interrupts sent */
	uint64_t suppressed; /* times that the guest wanted none */
	uint64_t full; /* packets lost for want of receive buffers (tx-full) */
	uint64_t small; /* lost because the buffers cannot hold them (guest-buffers) */
	uint64_t invalid; /* lost for another reason: runt, oversize, offloads */
	uint64_t waiting; /* gauge: available entries at the last look */
};

/* Buffers whose packets are lent, by vq_rx only. */
struct vq_loans {
	uint16_t n; /* buffers to give back; more than packets when some were dropped */
	uint16_t ids[PKT_BURST]; /* split: head; packed: buffer id */
	uint16_t slots[PKT_BURST]; /* packed: ring descriptors that the buffer takes */
	struct pkt_seg segs[PKT_BURST][PKT_SEGS_MAX];
	uint8_t heads[PKT_BURST][VQ_HEAD_SIZE] __attribute__((aligned(64)));
};

#define VQ_SINCE_EVER (2 * VQ_SIZE_MAX) /* vq.since: beyond the distance of any event */

struct vq {
	uint16_t next_avail; /* split: free-running; packed: slot */
	uint16_t next_used;
	bool avail_wrap; /* packed: 2.8.1, both start as true */
	bool used_wrap;
	bool quiet; /* the guest has been asked not to kick */
	uint8_t owed; /* looks that are left at whether a call is wanted; 0: none is owed */
	uint32_t since; /* buffers (packed: slots) used since the guest was last called, or needed
			 * no call for sure */
	uint32_t region; /* gmem_at's memory */
	_Atomic int fault; /* enum vq_fault */
	struct vq_loans *loans; /* rings that the guest transmits on */
	struct vq_stats stats __attribute__((aligned(64)));
} __attribute__((aligned(64)));

/* --- main, while no worker can hold a view that runs the ring -------------------------------- */

/* `receives`: the guest transmits on it. -ENOMEM, or 0. */
int vq_init(struct vq *vq, bool receives) ON_MAIN;
void vq_fini(struct vq *vq) ON_MAIN;

/*
 * Where to go on, as SET_VRING_BASE has it (vhost-user, "A vring state description"): split: the
 * available index; packed: available slot and wrap counter in the low half, used in the high half.
 * Forgets a fault and what was lent. The used side of a split ring is read from the ring.
 */
void vq_set_base(struct vq *vq, const struct vq_view *view, uint32_t base) ON_MAIN;
uint32_t vq_base(const struct vq *vq, bool packed) ON_MAIN;

/* The ring has stopped: make a call that is owed, by this eventfd (-1: there is none). */
void vq_call_owed(struct vq *vq, int call) ON_MAIN;

const char *vq_fault_name(enum vq_fault fault); /* for the schema */
const char *vq_fault_text(enum vq_fault fault);

/* --- a worker, inside a burst; rx and tx do nothing to a ring that has a fault --------------- */

struct vq_ops {
	const char *name; /* "x86-64-v2", "x86-64-v3", "x86-64-v4" */
	/*
	 * Up to `max` packets; fewer of long chains (vq_chain.h), the others next time. Counts
	 * them and what it drops. `pool` is where a packet of more than PKT_SEGS_MAX pieces is
	 * copied to.
	 */
	uint16_t (*rx)(struct vq *vq, const struct vq_view *view, struct pkt *pkts, uint16_t max,
		struct rte_mempool *pool, struct port_counters *count);
	/* Give back what the last vq_rx took; frees mbufs that nobody took. */
	void (*release)(struct vq *vq, const struct vq_view *view, struct pkt *pkts, uint16_t n);
	/* Copy to the guest; counts each item as sent or dropped. */
	void (*tx)(struct vq *vq, const struct vq_view *view, struct tx_item *items, uint16_t n,
		struct port_counters *count);
	/* Between bursts: look once more whether a call is owed. */
	void (*look)(struct vq *vq, const struct vq_view *view);
};

/* The fastest that this CPU can run; of one source, built once for each (vq_isa.h). Any thread. */
const struct vq_ops *vq_ops_select(void);

/* By name, for tests of each; NULL if this CPU cannot run it, or there is none. */
const struct vq_ops *vq_ops_find(const char *name);

#endif
