/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What would the switch do with a frame, and why? By the same pipeline that decides for packets,
 * quietly: nothing is learned, counted or sent.
 *
 * The program that the pipeline leaves is followed to its outputs. What cannot be known beforehand
 * is told as such: `maybe` of an output, and `limited`: meters, limits for floods and samples that
 * depend on other frames.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_TRACE_H
#define VSW_DATAPATH_DP_DP_TRACE_H

#include "datapath/dp/dp.h"
#include "datapath/pipe/pipeline.h"

#define DP_TRACE_NO_GROUP UINT32_MAX
#define DP_TRACE_FRAME_MAX 9728U /* bytes */

/* A step of the pipeline. */
struct dp_trace_step {
	const struct pipeline_event *event;
	/* PIPELINE_NORMAL: what the FDB says; ids of ports, or FDB_NO_PORT */
	uint32_t source;
	uint32_t destination;
};

/* A copy of the frame. */
struct dp_trace_output {
	uint32_t port; /* id */
	uint16_t tci; /* outer tag that it leaves with, FIELDS_TAG_PRESENT set; 0: untagged */
	uint16_t max; /* bytes of a cut copy, 0: all */
	uint32_t group; /* of whose bucket, or DP_TRACE_NO_GROUP */
	bool maybe; /* one of several buckets of the group: the hash that chooses is that of a frame
		     * that was edited before */
	enum drop_reason lost; /* it does not leave; DROP_N: it does */
};

struct dp_trace_listener {
	void (*step)(void *arg, const struct dp_trace_step *step);
	void (*output)(void *arg, const struct dp_trace_output *output);
	void *arg;
};

struct dp_traced {
	struct parsed parsed; /* all that there is in the frame */
	bool decided; /* false: the frame does not come so far, see `drop` */
	struct decision decision;
	uint16_t mask_id; /* of the flow's key; 0: a bridge's own */
	struct fields mask; /* what the key looks at */
	enum drop_reason drop; /* sent nowhere; DROP_N: sent */
	bool limited;
};

/* A frame of up to DP_TRACE_FRAME_MAX bytes, as if received on the port. */
void dp_trace(struct dp *dp, const struct dp_port *port, uint8_t *frame, uint32_t len,
	const struct dp_trace_listener *listener, struct dp_traced *traced) ON_MAIN;

#endif
