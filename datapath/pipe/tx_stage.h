/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Staged outputs of one worker: grouped by (port, queue), sent when the burst is done.
 *
 * stage_add() never sends by itself unless it runs out of room; stage_flush() empties everything
 * and is the end of each burst. In between each item holds a reference to its packet (pkt->n_out).
 *
 * On the way out, in this order: no queue enabled (no-guest), port disabled (link-down), too long
 * for the port (mtu-exceeded), offloads that the port lacks (done in software), the queue's lock
 * when it is shared (tx-busy), the port.
 */
#ifndef VSW_DATAPATH_PIPE_TX_STAGE_H
#define VSW_DATAPATH_PIPE_TX_STAGE_H

#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/loss.h"
#include "datapath/pipe/snapshot.h"

#define TX_BUCKETS 64 /* distinct (port, queue) pairs between two flushes */
#define TX_SPINS 32 /* pauses while another worker holds a queue: about 1 us */

struct tx_bucket {
	const struct port_view *to;
	uint16_t queue;
	uint16_t n;
	uint16_t next; /* index + 1 of another queue's bucket of the same port, 0: none */
	bool copied; /* what mirrors want has been copied, or these are such copies */
	struct tx_item items[PKT_BURST];
};

struct tx_stage {
	unsigned int worker;
	struct port_counters *count; /* by port id; the worker's own */
	struct loss *loss; /* the worker's own */
	const struct snapshot *snap; /* of the burst in hand */
	uint64_t mirrored; /* copies that mirrors have made; read by main */
	uint16_t n_buckets;
	struct tx_item *last; /* staged by stage_add, until the next call */
	struct pkt_clones clones;
	uint16_t first[DP_PORTS_MAX]; /* index + 1 of the port's first bucket */
	struct tx_bucket buckets[TX_BUCKETS];
};

/* Any worker, on its own stage. */

/*
 * Send the packet, tag edited, to a port. The edit is done in place when nothing else refers to the
 * packet, else on a copy of its head. A caller that stages one packet several times holds a
 * reference of its own (n_out) from the first to the last, so that no flush gives the packet away.
 */
void stage_add(struct tx_stage *stage, const struct port_view *to, struct pkt *pkt,
	const struct vlan_edit *edit) ON_WORKER;

/* Send the first n bytes of the packet, n < its length, as they are (edit_truncate). */
void stage_add_cut(
	struct tx_stage *stage, const struct port_view *to, struct pkt *pkt, uint32_t n) ON_WORKER;

/* stage_add for n packets in a row, tags as they are. */
void stage_add_run(
	struct tx_stage *stage, const struct port_view *to, struct pkt *pkts, uint16_t n) ON_WORKER;

/*
 * Send n <= PKT_BURST items through a port now, on one queue and past all that is staged. Somebody
 * else holds a reference to each packet, so the port does not take any. Those that are lost are
 * marked, and counted.
 */
void stage_send_now(struct tx_stage *stage, const struct port_view *to, struct tx_item *items,
	uint16_t n) ON_WORKER;

/* Send everything. */
void stage_flush(struct tx_stage *stage) ON_WORKER;

#endif
