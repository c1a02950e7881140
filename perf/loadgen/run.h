/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A run: open the ports, make addresses known, warm up, measure, drain, close.
 *
 * One thread polls all lanes in turn. A turn that moved frames is busy, one that did not is idle:
 * busy cycles per frame are the generator's own cost, and the share of busy cycles tells whether
 * it could have done more.
 */
#ifndef VSW_PERF_LOADGEN_RUN_H
#define VSW_PERF_LOADGEN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "perf/loadgen/options.h"

#define RUN_SLICES 20

struct direction_result {
	bool used;
	uint64_t sent; /* in the whole run, as all counts */
	uint64_t received;
	uint64_t lost;
	uint64_t reordered;
	uint64_t duplicated;
	uint64_t corrupt;
	uint64_t expired; /* how often a full window was opened again */
	double mpps_sent; /* in the measured time */
	double mpps_received;
	double latency_us[4]; /* p50, p99, p99.9, max of the measured time and the draining */
};

/* Frames of never-seen flows, from the last port to port 0. */
struct storm_result {
	bool used;
	uint64_t sent;
	uint64_t received;
	uint64_t strays; /* arrived elsewhere */
	double mpps_sent;
	double mpps_received;
};

/* p50, p99, max; us. */
struct change_times {
	double answer[3]; /* until the switch has acknowledged it */
	double gap[3]; /* the longest without a frame, from one change to the next */
	double away[3]; /* the longest that the generator did not run meanwhile */
};

/* Changes of the guest's memory. */
struct change_result {
	bool used;
	uint64_t changes;
	struct change_times times;
};

struct result {
	double seconds; /* measured */
	double cycles_per_second;
	bool hugepages;
	uint32_t window; /* in effect */
	/*
	 * Whether late numbers mean anything: a switch that spreads a sender's flows over several
	 * receive queues keeps the order of each flow only.
	 */
	bool order_known;
	uint64_t strays;
	uint64_t foreign;
	uint64_t kicks; /* in the measured time: of this side */
	uint64_t calls; /* interrupts of the switch */
	double kicks_per_packet; /* that was sent and received */
	double calls_per_packet;
	double busy_share;
	double cycles_per_packet; /* busy, per frame sent and received */
	double starved_share; /* bursts that found the switch without work from this ring */
	double blocked_share; /* tries that found no room for a burst */
	double held_share; /* tries that found the window full */
	double rx_empty_share; /* receptions that found the switch without receive buffers */
	bool generator_limited;
	bool window_limited; /* the switch waited for frames that the window did not allow */
	double reach_mpps; /* each way, at that cost and always busy */
	double cpu_share; /* of the measured time that the system let the generator run */
	/* Mpps each way in RUN_SLICES parts of the measured time: 10th, 50th, 90th percentile. */
	double slices_mpps[3];
	struct storm_result storm;
	struct change_result memory_change;
	struct direction_result directions[OPTIONS_PORTS][OPTIONS_PORTS];
};

int run(const struct options *options, struct result *result, struct err *err);

#endif
