/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: copies of the frames that pass a port, on their way from workers to main.
 *
 * A port that somebody captures has a list of captures in its view, other ports have none and pay
 * one test of a pointer a burst. A capture says which ways it wants (received, sent, lost), how
 * many bytes of a frame it keeps, and by what classic BPF program frames are chosen; it has a ring
 * of bytes for each worker. A copy that finds no room is counted, and nothing else changes.
 *
 * What is seen. Received: the frame as it came from the port, before anything was decided. Sent: as
 * it is handed to the port, after edits and tags; checksums that the port is to fill in are not
 * filled in, large segments not cut. Lost: the frame that was to be received or sent, with the
 * reason; one that was cut for the output is lost with the first of its pieces. A filter sees the
 * first CAPTURE_REACH bytes. Bytes that a guest can still change are read once: what a filter has
 * seen is what is kept.
 *
 * Threads: a worker puts into its own ring, main takes; lists and captures are made and freed by
 * main while no snapshot names them.
 */
#ifndef VSW_DATAPATH_PIPE_CAPTURE_H
#define VSW_DATAPATH_PIPE_CAPTURE_H

#include <sys/types.h> /* what pcap/bpf.h does not include */

#include <pcap/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/core/drop.h"
#include "datapath/core/pkt.h"

#define CAPTURES_MAX 16 /* of one port, and of a datapath */
#define CAPTURE_RING (4U << 20) /* bytes, of each worker for each capture; a power of two */
#define CAPTURE_KEEP_MIN 16U /* bytes of a frame: its Ethernet header */
#define CAPTURE_KEEP_MAX 65568U /* all of any frame, PKT_LEN_MAX */
#define CAPTURE_REACH 2048U /* bytes of a frame that its filter sees */

enum capture_way {
	CAPTURE_RX = 1U << 0,
	CAPTURE_TX = 1U << 1,
	CAPTURE_DROP = 1U << 2,
};

/* A copy, as main finds it in a ring; `size` bytes with what is behind it. */
struct captured {
	uint32_t size;
	uint8_t way; /* enum capture_way; 0: nothing, skip it */
	uint8_t reason; /* enum drop_reason, of CAPTURE_DROP or of pieces_lost */
	uint8_t pieces; /* that the output had it cut into; 0 or 1: none */
	uint8_t pieces_lost; /* of them; CAPTURE_TX has some only where nobody asks for drops */
	uint32_t port; /* where it was seen, by id */
	uint32_t peer; /* lost: where it came from, or would have gone (loss_key); 0: none */
	uint32_t frame_len; /* of the whole frame */
	uint32_t len; /* bytes kept */
	uint64_t time; /* nanoseconds since 1970 */
	uint8_t bytes[];
};

struct capture_conf {
	unsigned int ways; /* set of enum capture_way, not empty */
	uint32_t keep; /* bytes of a frame, CAPTURE_KEEP_MIN..CAPTURE_KEEP_MAX */
	const struct bpf_insn *filter; /* bpf_validate has agreed; copied; NULL: all frames */
	unsigned int n_filter;
	unsigned int n_workers;
};

struct capture;

/* What a port's view names; immutable. */
struct capture_list {
	unsigned int ways; /* of all of them */
	uint32_t n; /* 1..CAPTURES_MAX */
	struct capture *captures[];
};

/* --- main ------------------------------------------------------------------------------------- */

/* NULL without memory. */
struct capture *capture_create(const struct capture_conf *conf);
void capture_destroy(struct capture *capture); /* NULL is legal */

/* The oldest of a worker's, valid until capture_next; NULL: none. */
const struct captured *capture_peek(struct capture *capture, unsigned int worker) ON_MAIN;

/* Give its room back. After a capture_peek that was not NULL. */
void capture_next(struct capture *capture, unsigned int worker) ON_MAIN;

/* Frames that were wanted and found no room. Any thread. */
uint64_t capture_lost(const struct capture *capture);

/* --- a worker, inside a burst, for a port whose view has a list --------------------------------
 */

void capture_received(const struct capture_list *list, unsigned int worker, uint32_t port,
	const struct pkt *pkts, uint16_t n) ON_WORKER;

/* One that is lost at `port`, on its way from or to `peer`; 0: none. */
void capture_dropped(const struct capture_list *list, unsigned int worker, uint32_t port,
	uint32_t peer, const struct tx_item *item, enum drop_reason reason) ON_WORKER;

/* A batch of items between the two halves of sending it. The sets are of places in the batch. */
struct capture_batch {
	const struct tx_item *items;
	uint32_t port;
	uint16_t n;
	uint32_t begin[CAPTURES_MAX]; /* where in its ring each capture's copies begin */
	uint32_t tried[CAPTURES_MAX]; /* looked at before they were sent; the others are not */
	uint32_t taken[CAPTURES_MAX]; /* and copied */
	uint32_t refused[CAPTURES_MAX]; /* and there was no room */
};

/*
 * Before n <= PKT_BURST items are sent, while their bytes are there: nobody sees the copies yet.
 * Captures of lost ones alone copy nothing that will be there afterwards: only what an output of
 * these capabilities (enum port_cap) leaves to be finished in software.
 */
void
capture_begin(const struct capture_list *list, unsigned int worker, uint32_t port, uint32_t caps,
	const struct tx_item *items, uint16_t n, struct capture_batch *batch) ON_WORKER;

/*
 * Then, before anything else is captured, when it is known which of them were lost, and their
 * packets have not ended; or when none of them was sent at all, as if nothing had been.
 */
void capture_end(const struct capture_list *list, unsigned int worker,
	const struct capture_batch *batch) ON_WORKER;
void capture_cancel(const struct capture_list *list, unsigned int worker,
	const struct capture_batch *batch) ON_WORKER;

#endif
