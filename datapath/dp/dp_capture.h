/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures of a datapath (datapath/pipe/capture.h): which ports are looked at, and their copies.
 *
 * A capture is of one port, by name: it goes on when the port's device is opened again; or of all
 * ports of a bridge, those that join it too. It says nothing when they go: that is the owner's to
 * see. Starting and stopping one disturbs nobody: the bridge keeps its version, so no flow is
 * decided again.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_CAPTURE_H
#define VSW_DATAPATH_DP_DP_CAPTURE_H

#include "datapath/dp/dp.h"
#include "datapath/pipe/capture.h"

struct dp_capture;

struct dp_capture_conf {
	const char *port; /* copied; NULL: those of the bridge */
	const struct dp_bridge *bridge;
	unsigned int ways; /* set of enum capture_way, not empty */
	uint32_t keep; /* bytes of a frame, CAPTURE_KEEP_MIN..CAPTURE_KEEP_MAX */
	const struct bpf_insn *filter; /* bpf_validate has agreed; copied; NULL: all frames */
	unsigned int n_filter;
};

/* ERR_LIMIT: CAPTURES_MAX run, or no memory. Publishes. */
int dp_capture_start(struct dp *dp, const struct dp_capture_conf *conf, struct dp_capture **out,
	struct err *err) ON_MAIN;

/* Publishes; what was not taken until now is gone. */
void dp_capture_stop(struct dp *dp, struct dp_capture *capture) ON_MAIN;

/* The oldest copy of any worker, valid until dp_capture_next; NULL: none now. */
const struct captured *dp_capture_peek(struct dp *dp, struct dp_capture *capture) ON_MAIN;

/* After a dp_capture_peek that was not NULL. */
void dp_capture_next(struct dp_capture *capture) ON_MAIN;

/* Frames that were wanted and found no room. */
uint64_t dp_capture_lost(const struct dp_capture *capture) ON_MAIN;

#endif
