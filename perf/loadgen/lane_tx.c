/* SPDX-License-Identifier: BSD-3-Clause */
/* Sending: stamp frames that are built, put them on the ring. */
#include "perf/loadgen/cycles.h"
#include "perf/loadgen/lane.h"

#define LINE 64u
#define HEADER_SIZE ((uint32_t)sizeof(struct net_hdr))

static uint8_t *
buffer_frame(const struct lane *lane, uint16_t id)
{
	return lane->tx_buffers + (size_t)id * lane->tx_stride + LINE;
}

/* Make ids free until `wanted` are; what the switch has not returned stays out. */
static void
reap(struct lane *lane, unsigned int wanted)
{
	struct ring_used used[2 * LANE_BURST];
	const uint32_t mask = lane->traffic->options->ring - 1u;

	if (lane->n_free >= wanted) {
		return;
	}
	const unsigned int n = queue_collect(lane->tx, used, 2 * LANE_BURST);
	for (unsigned int i = 0; i < n; i++) {
		lane->free_ids[(lane->free_head + lane->n_free++) & mask] = used[i].id;
	}
}

static uint16_t
next_id(struct lane *lane)
{
	const uint16_t id = lane->free_ids[lane->free_head++ & (lane->traffic->options->ring - 1u)];

	lane->n_free--;
	return id;
}

/* Frames that the rate allows now. A lane that fell behind catches up as the ring has room. */
static unsigned int
allowed(struct lane *lane, uint64_t now)
{
	const double rate = lane->traffic->frames_per_cycle;

	if (rate <= 0) {
		return LANE_BURST;
	}
	if (lane->started == 0) {
		lane->started = now;
		lane->sent = 0;
	}
	const double due = (double)(now - lane->started) * rate - (double)lane->sent;
	return due >= LANE_BURST ? LANE_BURST : due > 0 ? (unsigned int)due : 0;
}

/* Stamp a burst for one target: the frame's first line and, to be verified, all of it. */
static void
write_frames(struct lane *lane, const uint16_t *ids, unsigned int n, unsigned int dst, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	const struct options *options = traffic->options;
	const unsigned int index = traffic_stream_index(traffic, lane->port, lane->queue, dst);
	struct stream *stream = traffic_stream(traffic, index);
	struct stamp stamp = {
		.cycles = now,
		.stream = (uint16_t)index,
		.magic = STAMP_DATA,
	};
	const uint32_t end = traffic->layout.stamp + (uint32_t)sizeof(stamp);

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *frame = buffer_frame(lane, ids[i]);
		if (traffic->edit) {
			frame_set_flow(&traffic->layout, frame, dst,
				flows_next(&traffic->flows, &lane->cursor));
		}
		stamp.number = stream->next_sent++;
		memcpy(frame + traffic->layout.stamp, &stamp, sizeof(stamp));
		if (options->payload == PAYLOAD_VERIFY) {
			frame_fill(frame + end, lane->tx_len[ids[i]] - HEADER_SIZE - end, end,
				frame_seed(&stamp));
		}
	}
	stream->sent += n;
}

static void
post(struct lane *lane, const uint16_t *ids, unsigned int n)
{
	struct ring_buffer buffers[LANE_BURST];

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *header = buffer_frame(lane, ids[i]) - HEADER_SIZE;
		if (lane->traffic->options->rewrite_header && !lane->traffic->options->tso) {
			memset(header, 0, HEADER_SIZE);
			__asm__ volatile("" : : "r"(header) : "memory");
		}
		buffers[i] = (struct ring_buffer){
			.gpa = memory_gpa(&lane->fe->memory, header),
			.len = lane->tx_len[ids[i]],
			.id = ids[i],
		};
	}
	queue_post(lane->tx, buffers, n);
}

unsigned int
lane_send(struct lane *lane, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	uint16_t ids[LANE_BURST];
	const unsigned int n =
		lane->n_targets > 0 && now >= lane->tx_after ? allowed(lane, now) : 0;

	if (n == 0) {
		return 0;
	}
	reap(lane, n);
	lane->visits++;
	if (lane->n_free < n) {
		lane->blocked++;
		lane->tx_after = now + traffic->pause;
		return 0;
	}
	if (lane->visits % LANE_SAMPLE == 0) {
		lane->sampled++;
		lane->starved += queue_all_used(lane->tx);
	}
	const bool touch = traffic->options->payload != PAYLOAD_UNTOUCHED || traffic->edit;
	for (unsigned int i = 0; i < n; i++) {
		ids[i] = next_id(lane);
		if (touch) {
			cycles_prefetch_write(buffer_frame(lane, ids[i]));
		}
	}
	const unsigned int dst = lane->targets[lane->target];
	lane->target = lane->target + 1 < lane->n_targets ? lane->target + 1 : 0;
	if (touch) {
		write_frames(lane, ids, n, dst, now);
	} else {
		traffic_direction(traffic, lane->port, dst)->sent_untouched += n;
	}
	post(lane, ids, n);
	lane->sent += n;
	return n;
}

bool
lane_teach(struct lane *lane, uint32_t *flow, uint32_t n_flows)
{
	const struct traffic *traffic = lane->traffic;
	const unsigned int partner =
		lane->n_targets > 0 ? lane->targets[0] : options_partner(lane->port);
	const struct stamp stamp = {
		.stream = (uint16_t)traffic_stream_index(traffic, lane->port, lane->queue, partner),
		.magic = STAMP_LEARN,
	};
	uint16_t ids[LANE_BURST];
	unsigned int n = 0;

	reap(lane, LANE_BURST);
	while (n < LANE_BURST && lane->n_free > 0 && *flow < n_flows) {
		ids[n] = next_id(lane);
		uint8_t *frame = buffer_frame(lane, ids[n++]);
		frame_set_flow(&traffic->layout, frame, partner, (*flow)++);
		memcpy(frame + traffic->layout.stamp, &stamp, sizeof(stamp));
	}
	post(lane, ids, n);
	return *flow < n_flows;
}
