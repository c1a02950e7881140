/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers remember, for main: asks worker by worker (pipe/flow_query.h) and tells from
 * dp_step. A worker that makes no progress for DP_FLOWS_PATIENCE ends the question with an error
 * that names it. Questions are answered in the order asked, one after the other.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_FLOWS_H
#define VSW_DATAPATH_DP_DP_FLOWS_H

#include "datapath/dp/dp.h"
#include "datapath/pipe/flow_query.h"

#define DP_FLOWS_PATIENCE (2 * CLOCK_S)
#define DP_FLOWS_WAITING_MAX 64U /* questions at once */

/* A place in what all workers remember; {0, 0} to begin. */
struct dp_flows_place {
	unsigned int worker;
	uint64_t cursor;
};

struct dp_flows_listener {
	/* An entry, borrowed for the call. NULL: this worker remembers none for the frame. */
	void (*tell)(void *arg, unsigned int worker, const struct flow_told *told);
	/* Once, the last call. next: where to go on, NULL: all was told. err: NULL, or why not. */
	void (*done)(void *arg, const struct dp_flows_place *next, const struct err *err);
	void *arg;
};

/*
 * What do the workers that poll this port remember for a frame (copied; at least 14 bytes, at most
 * UINT16_MAX)? ERR_LIMIT: too many questions; then nobody is told.
 */
int dp_flows_ask_frame(struct dp *dp, const struct dp_port *port, const uint8_t *frame,
	uint32_t len, const struct dp_flows_listener *listener, struct err *err) ON_MAIN;

/* Up to `limit` entries, of a port (NULL: of all), from a place on. */
int dp_flows_ask_all(struct dp *dp, const struct dp_port *port, const struct dp_flows_place *from,
	uint32_t limit, const struct dp_flows_listener *listener, struct err *err) ON_MAIN;

/* What a port's packets have met, over all workers, since it was opened or cleared. */
struct dp_port_flows {
	uint64_t entries; /* remembered now, whatever was cleared */
	uint64_t hits;
	uint64_t misses;
};

void dp_port_get_flows(
	const struct dp *dp, const struct dp_port *port, struct dp_port_flows *flows) ON_MAIN;

/* --- dp_port.c: count from zero -------------------------------------------------------------- */

void dp_port_clear_flows(const struct dp *dp, struct dp_port *port) ON_MAIN;

/* --- dp.c ------------------------------------------------------------------------------------ */

/* True: a question waits. */
bool dp_flows_step(struct dp *dp, uint64_t now) ON_MAIN;

/* Workers have stopped: questions end with an error. */
void dp_flows_fini(struct dp *dp) ON_MAIN;

#endif
