/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One queue pair of one port: the loop's body.
 *
 * A lane behaves as a guest's poll-mode driver does: bursts of LANE_BURST, descriptors returned
 * late and in groups, so that the rings' lines do not go back and forth for every packet. Each
 * descriptor id owns a fixed buffer; the virtio-net header lies at the end of a cache line and the
 * frame starts the next one, so a header that nobody writes stays clean.
 *
 * A buffer of the transmit ring holds a frame that was built before; what is written per packet is
 * what the options ask for (enum payload).
 */
#ifndef VSW_PERF_LOADGEN_LANE_H
#define VSW_PERF_LOADGEN_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "perf/loadgen/frame.h"
#include "perf/loadgen/histogram.h"
#include "perf/loadgen/options.h"
#include "perf/loadgen/pace.h"
#include "perf/loadgen/stream.h"
#include "tests/frontend/frontend.h"

#define LANE_BURST 32u
/* More than is sent meanwhile: a switch that sends large bursts must not find a full ring. */
#define LANE_RX_BURST 64u
/*
 * As fast as it goes, a lane that found less than a burst looks again after this long only: a line
 * that is polled without pause is fetched from the switch's core each time the switch writes it,
 * which slows the switch and belongs to no guest that does work. At a rate it polls without pause,
 * for the sake of the latency.
 */
#define LANE_PAUSE_S 1e-6
/* Every so many bursts the lane looks whether the switch had run out of work. */
#define LANE_SAMPLE 16u

/* What came in one direction. */
struct direction_count {
	struct histogram latency; /* cycles */
	uint64_t corrupt;
	uint64_t untouched; /* frames of which only the number is known */
	uint64_t sent_untouched;
	struct window window; /* of those; frames with a stamp have one in each stream */
};

/* Shared by all lanes; one thread. */
struct traffic {
	const struct options *options;
	struct frame_layout layout;
	struct flows flows;
	bool edit; /* frames of a lane differ in more than their stamp */
	bool learning; /* send frames that only make addresses known */
	bool may_merge; /* a frame may take several receive buffers */
	uint32_t window; /* frames under way, of a lane to a port; 0: any number */
	uint32_t window_step; /* a lane waits until it may send so many */
	uint64_t patience; /* WINDOW_PATIENCE_S in cycles */
	uint64_t pause; /* LANE_PAUSE_S in cycles; 0 at a rate */
	unsigned int max_queues;
	struct stream *streams; /* [src][queue][dst] */
	struct direction_count *directions; /* [src][dst] */
	uint64_t learned[OPTIONS_PORTS]; /* learning frames received */
	uint64_t storm_sent;
	uint64_t storm_received;
	uint64_t storm_strays; /* flooded */
	uint64_t strays; /* flooded: for another port */
	uint64_t foreign; /* not ours, or cut so that it cannot be told */
};

struct lane {
	struct traffic *traffic;
	struct frontend *fe;
	struct frontend_queue *rx;
	struct frontend_queue *tx;
	unsigned int port;
	unsigned int queue;
	uint32_t rx_stride;
	uint32_t tx_stride;
	uint8_t *rx_buffers;
	uint8_t *tx_buffers;
	uint32_t *tx_len; /* header included, by id */
	/* Ids of the transmit ring that may be posted, first in first out. */
	uint16_t *free_ids;
	uint32_t free_head;
	uint32_t n_free;
	uint32_t n_fetched; /* of them, the first ones: their frames are on the way here */
	/* Receive buffers that wait to be posted again. */
	unsigned int refill_at; /* so many are posted together */
	unsigned int n_refill;
	struct ring_buffer refill[LANE_BURST + LANE_RX_BURST];
	/* What lane_look() found for lane_receive(). */
	unsigned int n_used;
	struct ring_used used[LANE_RX_BURST];
	bool asks; /* for interrupts */
	bool broken; /* the switch returned a buffer that is none */
	/* The frame that receive buffers are being merged into. */
	unsigned int n_merging; /* buffers still to come */
	uint32_t merged; /* bytes of it seen */
	uint64_t merge_seed;
	struct direction_count *merge_direction; /* NULL: nothing to check */
	/* Sending. */
	unsigned int n_targets;
	unsigned int targets[OPTIONS_PORTS];
	unsigned int target; /* index of the next one */
	uint32_t cursor; /* of flows_next() */
	struct pace pace;
	bool storm; /* send flows that never repeat */
	uint32_t storm_next; /* flow; the queues of a port take turns */
	uint64_t rx_after; /* cycles: no look at the ring before */
	uint64_t tx_after;
	/* Who waited for whom. */
	uint64_t sampled;
	uint64_t starved; /* the switch had taken all it was given */
	uint64_t visits;
	uint64_t blocked; /* the switch had not returned enough for a burst */
	uint64_t held; /* the window was full */
	uint64_t rx_samples;
	uint64_t rx_empty; /* the switch had no receive buffer left */
	uint64_t kicks; /* before the measured time */
};

/* Bytes of buffers that a lane needs. */
size_t lane_memory(const struct options *options);

/* Receive buffers that the largest frame takes. */
uint32_t lane_frame_buffers(const struct options *options);

/* The window that loses nothing, as far as the rings decide: see --help. */
uint32_t lane_window(const struct options *options);

/* The front end is started; its queue pair `queue` becomes this lane's. -ENOMEM. */
int lane_init(struct lane *lane, struct traffic *traffic, struct frontend *fe, unsigned int port,
	unsigned int queue);
void lane_fini(struct lane *lane);

/*
 * Collect what came and begin to fetch it. The lines come from another core's cache: between this
 * and lane_receive() the caller looks at its other lanes.
 */
void lane_look(struct lane *lane, uint64_t now);

/* Account for what lane_look() collected and give the buffers back; how many frames. */
unsigned int lane_receive(struct lane *lane);

/* Frames put on the transmit ring; at most one burst. */
unsigned int lane_send(struct lane *lane, uint64_t now);

/*
 * Send frames `*flow` ... that make the lane's addresses known, each round to another target; false
 * when all have been sent.
 */
bool lane_teach(struct lane *lane, unsigned int round, uint32_t *flow, uint32_t n_flows);

static inline struct stream *
traffic_stream(const struct traffic *traffic, unsigned int index)
{
	return &traffic->streams[index];
}

static inline unsigned int
traffic_stream_index(
	const struct traffic *traffic, unsigned int src, unsigned int queue, unsigned int dst)
{
	return (src * traffic->max_queues + queue) * OPTIONS_PORTS + dst;
}

static inline struct direction_count *
traffic_direction(const struct traffic *traffic, unsigned int src, unsigned int dst)
{
	return &traffic->directions[src * OPTIONS_PORTS + dst];
}

#endif
