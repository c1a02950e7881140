/* SPDX-License-Identifier: BSD-3-Clause */
/* Sending: stamp frames that are built, put them on the ring. */
#include "perf/loadgen/cycles.h"
#include "perf/loadgen/lane.h"

#define LINE 64u
#define HEADER_SIZE ((uint32_t)sizeof(struct net_hdr))
#define HEADER_AT (LINE - HEADER_SIZE)

/* Whether frames are told apart by what is in them. */
static bool
stamped(const struct traffic *traffic)
{
	return traffic->options->payload != PAYLOAD_UNTOUCHED;
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
	const uint32_t tail = lane->free_head + lane->n_free;
	uint16_t *ids = lane->free_ids;
	uint32_t all = 0;
	for (unsigned int i = 0; i < n; i++) {
		ids[(tail + i) & mask] = used[i].id;
		all |= used[i].id;
	}
	lane->broken |= all > mask;
	lane->n_free += lane->broken ? 0 : n;
}

/* Frames that the window to this port and the rate allow now. */
static unsigned int
allowed(struct lane *lane, unsigned int dst, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	unsigned int most = LANE_BURST;

	if (traffic->window > 0 && !lane->storm) {
		uint32_t room;
		if (stamped(traffic)) {
			struct stream *stream = traffic_stream(traffic,
				traffic_stream_index(traffic, lane->port, lane->queue, dst));
			room = window_room(&stream->window, traffic->window, stream->next_sent,
				stream->next_expected, now, traffic->patience);
		} else {
			struct direction_count *direction =
				traffic_direction(traffic, lane->port, dst);
			room = window_room_counted(&direction->window,
				traffic->window * lane->fe->config.n_pairs,
				direction->sent_untouched, direction->untouched, now,
				traffic->patience);
		}
		if (room < traffic->window_step) {
			lane->held++;
			return 0;
		}
		most = room < LANE_BURST ? room : LANE_BURST;
	}
	return pace_due(&lane->pace, now, most);
}

/* Stamp a burst for one target; to be verified, all of the frame depends on it. */
static void
stamp_frames(struct lane *lane, uint8_t *const *headers, const uint16_t *ids, unsigned int n,
	unsigned int dst, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	const unsigned int index = traffic_stream_index(traffic, lane->port, lane->queue, dst);
	struct stream *stream = traffic_stream(traffic, index);
	const uint32_t stamp_at = HEADER_SIZE + traffic->layout.stamp;
	const uint32_t number = stream->next_sent;
	struct stamp stamp = {
		.cycles = now,
		.number = number,
		.stream = (uint16_t)index,
		.magic = STAMP_DATA,
	};

	for (unsigned int i = 0; i < n; i++) {
		memcpy(headers[i] + stamp_at, &stamp, sizeof(stamp));
		stamp.number++;
	}
	if (traffic->options->payload == PAYLOAD_VERIFY) {
		const uint32_t end = traffic->layout.stamp + (uint32_t)sizeof(stamp);
		for (unsigned int i = 0; i < n; i++) {
			stamp.number = number + i;
			frame_fill(headers[i] + HEADER_SIZE + end,
				lane->tx_len[ids[i]] - HEADER_SIZE - end, end, frame_seed(&stamp));
		}
	}
	stream->next_sent = number + n;
	stream->sent += n;
}

static void
write_storm(struct lane *lane, uint8_t *const *headers, unsigned int n, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	const struct frame_layout layout = traffic->layout;
	const enum storm storm = traffic->options->storm;
	const struct stamp stamp = {
		.cycles = now,
		.stream = (uint16_t)traffic_stream_index(traffic, lane->port, lane->queue, 0),
		.magic = STAMP_STORM,
	};

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *frame = headers[i] + HEADER_SIZE;
		frame_set_storm(&layout, frame, storm != STORM_5TUPLE, storm != STORM_MAC,
			lane->storm_next);
		memcpy(frame + layout.stamp, &stamp, sizeof(stamp));
		lane->storm_next += lane->fe->config.n_pairs;
	}
	traffic->storm_sent += n;
}

/* What frames of this lane differ in, and the account of them. */
static void
write_frames(struct lane *lane, uint8_t *const *headers, const uint16_t *ids, unsigned int n,
	unsigned int dst, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	const struct frame_layout layout = traffic->layout;

	if (lane->storm) {
		write_storm(lane, headers, n, now);
		return;
	}
	if (traffic->edit) {
		for (unsigned int i = 0; i < n; i++) {
			frame_set_flow(&layout, headers[i] + HEADER_SIZE, dst,
				flows_next(&traffic->flows, &lane->cursor));
		}
	}
	if (stamped(traffic)) {
		stamp_frames(lane, headers, ids, n, dst, now);
	} else {
		traffic_direction(traffic, lane->port, dst)->sent_untouched += n;
	}
}

static void
post(struct lane *lane, uint8_t *const *headers, const uint16_t *ids, unsigned int n)
{
	const uint64_t offset = MEMORY_GPA - (uintptr_t)lane->fe->memory.base;
	struct ring_buffer buffers[LANE_BURST];

	if (lane->traffic->options->rewrite_header && !lane->traffic->options->tso) {
		for (unsigned int i = 0; i < n; i++) {
			memset(headers[i], 0, HEADER_SIZE);
		}
	}
	for (unsigned int i = 0; i < n; i++) {
		buffers[i] = (struct ring_buffer){
			.gpa = (uintptr_t)headers[i] + offset,
			.len = lane->tx_len[ids[i]],
			.id = ids[i],
		};
	}
	queue_post_lazily(lane->tx, buffers, n);
}

/*
 * The ids and headers of the next n frames. Those that will be written are fetched from the core
 * that read them last: here, and, as far as they are free, for the next burst, which finds them.
 */
static void
take(struct lane *lane, uint8_t **headers, uint16_t *ids, unsigned int n, bool touch)
{
	uint8_t *base = lane->tx_buffers + HEADER_AT;
	const uint32_t mask = lane->traffic->options->ring - 1u;
	const uint32_t stride = lane->tx_stride;
	const uint32_t head = lane->free_head;

	for (unsigned int i = 0; i < n; i++) {
		ids[i] = lane->free_ids[(head + i) & mask];
		headers[i] = base + (size_t)ids[i] * stride;
	}
	lane->free_head = head + n;
	lane->n_free -= n;
	if (!touch) {
		return;
	}
	for (unsigned int i = lane->n_fetched; i < n; i++) {
		cycles_prefetch_write(headers[i] + HEADER_SIZE);
	}
	const uint32_t ahead = lane->n_free < LANE_BURST ? lane->n_free : LANE_BURST;
	for (uint32_t i = lane->n_fetched > n ? lane->n_fetched - n : 0; i < ahead; i++) {
		const uint16_t id = lane->free_ids[(head + n + i) & mask];
		cycles_prefetch_write(base + (size_t)id * stride + HEADER_SIZE);
	}
	lane->n_fetched = ahead;
}

unsigned int
lane_send(struct lane *lane, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	uint8_t *headers[LANE_BURST];
	uint16_t ids[LANE_BURST];

	queue_look(lane->tx);
	if (lane->n_targets == 0 || now < lane->tx_after) {
		return 0;
	}
	const unsigned int dst = lane->targets[lane->target];
	const unsigned int n = allowed(lane, dst, now);
	if (n == 0) {
		lane->target = lane->target + 1 < lane->n_targets ? lane->target + 1 : 0;
		return 0;
	}
	reap(lane, 2 * LANE_BURST);
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
	take(lane, headers, ids, n, stamped(traffic) || traffic->edit);
	lane->target = lane->target + 1 < lane->n_targets ? lane->target + 1 : 0;
	write_frames(lane, headers, ids, n, dst, now);
	post(lane, headers, ids, n);
	pace_sent(&lane->pace, now, n);
	return n;
}

bool
lane_teach(struct lane *lane, unsigned int round, uint32_t *flow, uint32_t n_flows)
{
	const struct traffic *traffic = lane->traffic;
	const unsigned int partner = lane->n_targets > 0 ? lane->targets[round % lane->n_targets]
							 : options_partner(lane->port);
	const struct stamp stamp = {
		.stream = (uint16_t)traffic_stream_index(traffic, lane->port, lane->queue, partner),
		.magic = STAMP_LEARN,
	};
	uint8_t *headers[LANE_BURST];
	uint16_t ids[LANE_BURST];
	const uint32_t left = n_flows - *flow;

	queue_look(lane->tx);
	reap(lane, LANE_BURST);
	const unsigned int n = left < LANE_BURST ? left : LANE_BURST;
	if (lane->n_free < n) {
		return true;
	}
	take(lane, headers, ids, n, true);
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *frame = headers[i] + HEADER_SIZE;
		frame_set_flow(&traffic->layout, frame, partner, (*flow)++);
		memcpy(frame + traffic->layout.stamp, &stamp, sizeof(stamp));
	}
	post(lane, headers, ids, n);
	return *flow < n_flows;
}
