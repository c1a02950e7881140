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

/* Packets that a port's counter has, and that were on their way from or to one other port. */
struct dp_loss_row {
	enum drop_reason reason;
	uint32_t peer; /* id */
	uint64_t packets; /* > 0 */
};

/* Which of the packets that were kept. */
struct dp_lost_query {
	uint32_t port; /* id: from or to this one; 0: any */
	enum drop_reason reason; /* DROP_N: any */
	uint32_t max; /* > 0 */
};

void dp_get_traffic(const struct dp *dp, struct dp_traffic *traffic) ON_MAIN;

/*
 * All rows of a port, by rising reason, then peer; free() them, which may be NULL. Read before its
 * counters, so that they are not behind. What is in no row has no other port, or one that is gone,
 * or had to give way to rows with more.
 */
struct dp_loss_row *
dp_port_loss_rows(const struct dp *dp, const struct dp_port *port, uint32_t *n) ON_MAIN;

/*
 * The last packets that ports have lost, newest first; free() them. Of more than max, of each
 * reason as many as the others leave it.
 */
struct loss_packet *
dp_lost_packets(const struct dp *dp, const struct dp_lost_query *query, uint32_t *n) ON_MAIN;

/* Of packets that the port received, since it was opened or cleared. */
void dp_port_get_latency(
	const struct dp *dp, const struct dp_port *port, struct residence_times *times) ON_MAIN;

/* --- within datapath/dp ---------------------------------------------------------------------- */

/* Of main. Zeroed to begin with. */
struct dp_loss {
	struct dp_traffic gone; /* of ports that are */
};

/* Where a row stood when its port was cleared. */
struct dp_loss_base {
	uint32_t born;
	uint64_t packets;
};

/* Of a port: what stood where when it was opened or cleared. */
struct dp_port_loss {
	struct dp_traffic opened; /* what its id had counted when it was opened */
	struct dp_loss_base *rows; /* owned; by worker, side and place; NULL: never cleared */
	struct residence_times latency; /* but for the longest time */
};

void dp_loss_open_port(const struct dp *dp, struct dp_port *port) ON_MAIN;
void dp_loss_clear_port(const struct dp *dp, struct dp_port *port) ON_MAIN;

/* No snapshot has the port any more, and a grace period has passed: let workers forget it. */
uint32_t dp_loss_sweep(const struct dp *dp) ON_MAIN; /* 0: nothing to forget */
bool dp_loss_swept(const struct dp *dp, uint32_t sweep) ON_MAIN;

/* They have; the id may be used again. */
void dp_loss_forget_port(struct dp *dp, const struct dp_port *port) ON_MAIN;

#endif
