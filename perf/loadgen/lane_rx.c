/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving: account for what came, give the buffers back. */
#include "perf/loadgen/cycles.h"
#include "perf/loadgen/lane.h"

#define LINE 64u
#define HEADER_SIZE ((uint32_t)sizeof(struct net_hdr))
#define HEADER_AT (LINE - HEADER_SIZE)

static uint8_t *
buffer_frame(const struct lane *lane, uint16_t id)
{
	return lane->rx_buffers + (size_t)id * lane->rx_stride + LINE;
}

/* The stamp may have moved by a tag that the switch put on or took off. */
static bool
find_stamp(const struct lane *lane, const uint8_t *frame, uint32_t len, struct stamp *stamp,
	uint32_t *at)
{
	const uint32_t here = lane->traffic->layout.stamp;
	const uint32_t places[] = {here, here - FRAME_TAG, here + FRAME_TAG};

	for (unsigned int i = 0; i < 3; i++) {
		if (places[i] + sizeof(*stamp) > len) {
			continue;
		}
		memcpy(stamp, frame + places[i], sizeof(*stamp));
		if (stamp->magic == STAMP_DATA || stamp->magic == STAMP_LEARN) {
			*at = places[i] + (uint32_t)sizeof(*stamp);
			return true;
		}
	}
	return false;
}

/* Check the filling of one buffer of a frame; `at`: where in the frame as it was sent. */
static void
verify(struct lane *lane, const uint8_t *bytes, uint32_t len, uint32_t at)
{
	if (!frame_check(bytes, len, at, lane->merge_seed)) {
		lane->merge_direction->corrupt++;
		lane->merge_direction = NULL; /* once per frame */
	}
}

/* The first buffer of a frame. */
static void
take_frame(struct lane *lane, const uint8_t *frame, uint32_t len, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	struct stamp stamp;
	uint32_t payload;

	lane->merge_direction = NULL;
	if (!find_stamp(lane, frame, len, &stamp, &payload)) {
		traffic->foreign++;
		return;
	}
	const unsigned int dst = stamp.stream % OPTIONS_PORTS;
	const unsigned int src = stamp.stream / OPTIONS_PORTS / traffic->max_queues;
	if (stamp.magic == STAMP_LEARN) {
		traffic->learned[lane->port]++;
		return;
	}
	if (src >= traffic->options->n_ports) {
		traffic->foreign++;
		return;
	}
	if (dst != lane->port) {
		traffic->strays++;
		return;
	}
	struct direction_count *direction = traffic_direction(traffic, src, dst);
	stream_take(traffic_stream(traffic, stamp.stream), stamp.number);
	histogram_add(&direction->latency, now > stamp.cycles ? now - stamp.cycles : 0, 1);
	if (traffic->options->payload == PAYLOAD_VERIFY) {
		const uint32_t sent_at = traffic->layout.stamp + (uint32_t)sizeof(stamp);
		lane->merge_direction = direction;
		lane->merge_seed = frame_seed(&stamp);
		lane->merged = sent_at + len - payload;
		verify(lane, frame + payload, len - payload, sent_at);
	}
}

static void
take_buffer(struct lane *lane, const struct ring_used *used, uint64_t now)
{
	const struct options *options = lane->traffic->options;
	const uint8_t *frame = buffer_frame(lane, used->id);

	if (lane->n_merging > 0) {
		lane->n_merging--;
		if (lane->merge_direction != NULL) {
			verify(lane, frame - HEADER_SIZE, used->len, lane->merged);
			lane->merged += used->len;
		}
		return;
	}
	if (options->mergeable) {
		struct net_hdr header;
		memcpy(&header, frame - HEADER_SIZE, sizeof(header));
		lane->n_merging = header.num_buffers > 1 ? header.num_buffers - 1u : 0;
	}
	if (used->len <= HEADER_SIZE) {
		lane->traffic->foreign++;
		lane->merge_direction = NULL;
	} else if (options->payload == PAYLOAD_UNTOUCHED && !lane->traffic->learning) {
		traffic_direction(lane->traffic, options_partner(lane->port), lane->port)
			->untouched++;
	} else {
		take_frame(lane, frame, used->len - HEADER_SIZE, now);
	}
}

static void
give_back(struct lane *lane, uint16_t id)
{
	uint8_t *header = buffer_frame(lane, id) - HEADER_SIZE;

	if (lane->traffic->options->rewrite_header) {
		memset(header, 0, HEADER_SIZE);
	}
	lane->refill[lane->n_refill++] = (struct ring_buffer){
		.gpa = memory_gpa(&lane->fe->memory, header),
		.len = lane->rx_stride - HEADER_AT,
		.id = id,
	};
}

unsigned int
lane_receive(struct lane *lane, uint64_t now)
{
	struct ring_used used[LANE_BURST];
	const bool touched =
		lane->traffic->options->payload != PAYLOAD_UNTOUCHED || lane->traffic->learning;
	unsigned int frames = 0;

	if (now < lane->rx_after) {
		return 0;
	}
	const unsigned int n = queue_collect(lane->rx, used, LANE_BURST);
	if (n < LANE_BURST) {
		lane->rx_after = now + lane->traffic->pause;
	}
	if (n == 0) {
		return 0;
	}
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *frame = buffer_frame(lane, used[i].id);
		__builtin_prefetch(frame - HEADER_SIZE);
		if (touched) {
			__builtin_prefetch(frame);
		}
	}
	if (++lane->rx_samples % LANE_SAMPLE == 0) {
		lane->rx_empty += queue_all_used(lane->rx);
	}
	now = cycles_now();
	for (unsigned int i = 0; i < n; i++) {
		frames += lane->n_merging == 0;
		take_buffer(lane, &used[i], now);
		give_back(lane, used[i].id);
	}
	if (lane->n_refill >= LANE_BURST) {
		queue_post(lane->rx, lane->refill, lane->n_refill);
		lane->n_refill = 0;
	}
	return frames;
}
