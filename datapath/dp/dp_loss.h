/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What became of all packets: sums over workers of what they keep about losses
 * (datapath/pipe/loss.h) and about how long packets stay (datapath/pipe/residence.h).
 *
 * Clearing the counters of a port remembers where they stood; nothing is written on the packet
 * path. Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_LOSS_H
#define VSW_DATAPATH_DP_DP_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/pipe/loss.h"
#include "datapath/pipe/residence.h"

struct dp;
struct dp_port;

/*
 * Since the start, ports that are gone included: received + copies = sent + dropped. While packets
 * flow the four are not of one instant.
 */
struct dp_traffic {
	uint64_t received;
	uint64_t copies; /* of packets beyond the first of each, dp_extra_copies() */
	uint64_t sent;
	uint64_t dropped;
};

/* Copies from a port to another that were lost for a reason of the output. */
struct dp_loss_row {
	uint32_t out; /* port ids */
	uint32_t in;
	enum drop_reason reason;
	uint64_t packets; /* > 0 */
};

struct dp_lost_packet {
	enum drop_reason reason;
	struct loss_packet packet;
};

void dp_get_traffic(const struct dp *dp, struct dp_traffic *traffic) ON_MAIN;

/*
 * All rows, by rising out, then in, then reason; free() them. Read before counters of ports, so
 * that a port's drops are never fewer than those of its rows. What is in no row came from a port
 * that is gone, or found no room.
 */
struct dp_loss_row *dp_loss_rows(const struct dp *dp, uint32_t *n) ON_MAIN;

/* The last packets lost for this reason, DROP_N: for any, newest first; free() them. */
struct dp_lost_packet *
dp_lost_packets(const struct dp *dp, enum drop_reason reason, uint32_t *n) ON_MAIN;

/* Of packets that the port received, since it was opened or cleared. */
void dp_port_get_latency(
	const struct dp *dp, const struct dp_port *port, struct residence_times *times) ON_MAIN;

/* --- within datapath/dp ---------------------------------------------------------------------- */

/* Of main. Zeroed to begin with. */
struct dp_loss {
	struct dp_traffic gone; /* of ports that are */
	uint32_t n_base;
	struct loss_row *base; /* by rising key; where rows stood when their output was cleared */
};

void dp_loss_fini(struct dp *dp);

void dp_loss_open_port(const struct dp *dp, struct dp_port *port) ON_MAIN;
void dp_loss_clear_port(struct dp *dp, struct dp_port *port) ON_MAIN;

/* No snapshot has the port any more, and a grace period has passed: let workers forget it. */
uint32_t dp_loss_sweep(struct dp *dp) ON_MAIN; /* 0: nothing to forget */
bool dp_loss_swept(const struct dp *dp, uint32_t sweep) ON_MAIN;

/* They have; the id may be used again. */
void dp_loss_forget_port(struct dp *dp, const struct dp_port *port) ON_MAIN;

#endif
