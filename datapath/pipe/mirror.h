/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mirrors: copies of the frames that some ports receive and send, to one more port.
 *
 * A port with mirrors has a list of them in its view; other ports pay one test of a pointer a
 * burst. Received frames are copied as they came, before anything is decided, sent ones as they
 * leave. Copies go straight to the output port: past its access lists and VLANs, never learned
 * from, and never mirrored again, so there are no loops. At the output they are frames like others:
 * its MTU, its queue and its counters hold for them. Each is an extra copy (dp_extra_copies).
 *
 * By access list. A mirror may name one (policy.h): it copies what the list accepts, of received
 * frames as they came, of sent ones as they leave, edits and VLAN tags included. Such a mirror
 * parses each frame as deep as the list asks and looks it up in the list's rules; nothing is
 * remembered, since the frames of a port that is mirrored may never have been forwarded. The list's
 * counters are of forwarding and stay as they are. As in other lists, headers out of the parser's
 * reach get the list's rest; here it reaches PARSE_HEAD_MAX bytes of sent frames, too. Of a
 * sent frame whose headers go beyond its head, the list reads bytes that the copy reads again: a
 * guest that changes them in between can have another frame copied than the list accepted. The
 * list is the view's, so a changed list comes with a snapshot and goes with its grace period.
 *
 * Threads: a worker inside a burst copies, and counts in a place of its own; mirrors and lists are
 * made and freed by main while no snapshot names them.
 */
#ifndef VSW_DATAPATH_PIPE_MIRROR_H
#define VSW_DATAPATH_PIPE_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/snapshot.h"
#include "datapath/pipe/tx_stage.h"

#define MIRRORS_MAX 32 /* of a datapath */
#define MIRROR_BYTES_MIN 64U /* that a copy may be cut to */

enum mirror_way { MIRROR_RX = 1U << 0, MIRROR_TX = 1U << 1 };

struct mirror_counters {
	uint64_t seen; /* frames that could have been copied */
	uint64_t packets; /* copies */
	uint64_t bytes;
	uint64_t drops; /* of them, lost at the output */
} __rte_cache_aligned;

struct mirror {
	unsigned int ways; /* set of enum mirror_way */
	uint32_t truncate; /* bytes of a copy; 0: all */
	bool by_vlan;
	struct vlan_set vlans; /* of the frame at the port that is mirrored */
	uint32_t to; /* port id, 0: none there; atomic, main stores */
	struct mirror_counters *count; /* owned, by worker; read with relaxed loads */
};

/* One at work at a port. */
struct mirror_use {
	struct mirror *mirror;
	const struct acl_view *acl; /* of what it copies; NULL: of all frames */
	uint8_t depths[RULES_ALL]; /* enum parse_depth that the list asks for, by class */
};

/* What a port's view names; immutable. */
struct mirror_list {
	unsigned int ways; /* of all of them */
	uint8_t rx_depth; /* enum parse_depth: the most that lists of received frames ask for */
	uint32_t n;
	struct mirror_use uses[];
};

/* Copy what was received; the packets are as they came. */
void mirror_received(
	struct tx_stage *stage, const struct port_view *in, struct pkt *pkts, uint16_t n) ON_WORKER;

/* Copy what is about to be sent through the port. */
void mirror_sending(struct tx_stage *stage, const struct port_view *out,
	const struct tx_item *items, uint16_t n) ON_WORKER;

#endif
