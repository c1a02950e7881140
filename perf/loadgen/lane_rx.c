/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving: account for what came, give the buffers back. */
#include "perf/loadgen/cycles.h"
#include "perf/loadgen/lane.h"
#include "perf/loadgen/notify.h"

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
		if (stamp->magic == STAMP_DATA || stamp->magic == STAMP_LEARN ||
			stamp->magic == STAMP_STORM) {
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
	if (stamp.magic == STAMP_STORM) {
		*(dst == lane->port ? &traffic->storm_received : &traffic->storm_strays) += 1;
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

/* Frames that are not what the common case takes: merged, verified, of another kind. */
static unsigned int
take_each(struct lane *lane, const struct ring_used *used, unsigned int n, uint64_t now)
{
	unsigned int frames = 0;

	for (unsigned int i = 0; i < n; i++) {
		frames += lane->n_merging == 0;
		take_buffer(lane, &used[i], now);
	}
	return frames;
}

/*
 * A burst in which each buffer is a frame with a stamp. Frames that were sent in one burst have
 * the same time in it, so latencies are counted in runs.
 */
static void
take_stamped(struct lane *lane, const struct ring_used *used, unsigned int n, uint64_t now)
{
	struct traffic *traffic = lane->traffic;
	const uint32_t stamp_at = traffic->layout.stamp;
	const uint32_t shortest = HEADER_SIZE + stamp_at + (uint32_t)sizeof(struct stamp);
	struct direction_count *direction = NULL;
	struct stream *stream = NULL;
	uint32_t kind = 0; /* of the run: magic and stream */
	uint64_t sent_at = 0;
	uint32_t run = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct stamp stamp;
		const uint8_t *frame = buffer_frame(lane, used[i].id);
		memcpy(&stamp, frame + stamp_at, sizeof(stamp));
		if (used[i].len < shortest || stamp.magic != STAMP_DATA) {
			take_buffer(lane, &used[i], now);
			continue;
		}
		if (stamp.stream != kind || stamp.cycles != sent_at || stream == NULL) {
			if (run > 0) {
				histogram_add(&direction->latency, now - sent_at, run);
				run = 0;
			}
			const unsigned int src = stamp.stream / OPTIONS_PORTS / traffic->max_queues;
			const unsigned int dst = stamp.stream % OPTIONS_PORTS;
			if (src >= traffic->options->n_ports || dst != lane->port ||
				stamp.cycles > now) {
				take_buffer(lane, &used[i], now);
				stream = NULL;
				continue;
			}
			direction = traffic_direction(traffic, src, dst);
			stream = traffic_stream(traffic, stamp.stream);
			kind = stamp.stream;
			sent_at = stamp.cycles;
		}
		stream_take(stream, stamp.number);
		run++;
	}
	if (run > 0) {
		histogram_add(&direction->latency, now - sent_at, run);
	}
}

/* Whether all of the burst are whole frames; not to be asked where frames are never merged. */
static bool
all_whole(const struct lane *lane, const struct ring_used *used, unsigned int n)
{
	uint32_t merged = lane->n_merging;

	for (unsigned int i = 0; i < n; i++) {
		struct net_hdr header;
		memcpy(&header, buffer_frame(lane, used[i].id) - HEADER_SIZE, sizeof(header));
		merged |= header.num_buffers > 1;
	}
	return merged == 0;
}

static void
give_back(struct lane *lane, const struct ring_used *used, unsigned int n)
{
	const bool rewrite = lane->traffic->options->rewrite_header;
	const uint64_t base = memory_gpa(&lane->fe->memory, lane->rx_buffers) + HEADER_AT;
	const uint32_t len = lane->rx_stride - HEADER_AT;
	struct ring_buffer *refill = lane->refill + lane->n_refill;

	for (unsigned int i = 0; i < n; i++) {
		refill[i] = (struct ring_buffer){
			.gpa = base + (uint64_t)used[i].id * lane->rx_stride,
			.len = len,
			.id = used[i].id,
		};
	}
	for (unsigned int i = 0; rewrite && i < n; i++) {
		memset(buffer_frame(lane, used[i].id) - HEADER_SIZE, 0, HEADER_SIZE);
	}
	lane->n_refill += n;
	if (lane->n_refill >= lane->refill_at) {
		queue_post_lazily(lane->rx, lane->refill, lane->n_refill);
		lane->n_refill = 0;
	}
}

/* Fetch what will be read; false when the switch returned what was never posted. */
static bool
prefetch(struct lane *lane, const struct ring_used *used, unsigned int n, bool headers, bool frames)
{
	const uint8_t *base = lane->rx_buffers + LINE;
	const uint32_t stride = lane->rx_stride;
	uint32_t all = 0;

	for (unsigned int i = 0; i < n; i++) {
		all |= used[i].id;
	}
	if (all >= lane->traffic->options->ring) {
		lane->broken = true;
		return false;
	}
	for (unsigned int i = 0; headers && i < n; i++) {
		__builtin_prefetch(base + (size_t)used[i].id * stride - HEADER_SIZE);
	}
	for (unsigned int i = 0; frames && i < n; i++) {
		__builtin_prefetch(base + (size_t)used[i].id * stride);
	}
	return true;
}

void
lane_look(struct lane *lane, uint64_t now)
{
	const struct traffic *traffic = lane->traffic;
	const bool headers = traffic->may_merge || traffic->options->rewrite_header;
	const bool frames = traffic->learning || traffic->options->payload != PAYLOAD_UNTOUCHED;

	lane->n_used = 0;
	queue_look(lane->rx);
	if (now < lane->rx_after) {
		return;
	}
	const unsigned int n = queue_collect(lane->rx, lane->used, LANE_RX_BURST);
	if (n < LANE_RX_BURST) {
		lane->rx_after = now + traffic->pause;
	}
	if (traffic->options->interrupts && lane->asks != (n == 0)) {
		lane->asks = n == 0;
		notify_ask(lane->rx, lane->asks);
	}
	if (n > 0 && prefetch(lane, lane->used, n, headers, frames)) {
		lane->n_used = n;
	}
}

unsigned int
lane_receive(struct lane *lane)
{
	const struct traffic *traffic = lane->traffic;
	const enum payload payload =
		traffic->learning ? PAYLOAD_FIRST_LINE : traffic->options->payload;
	const struct ring_used *used = lane->used;
	const unsigned int n = lane->n_used;
	unsigned int frames = n;

	if (n == 0) {
		return 0;
	}
	lane->n_used = 0;
	if (++lane->rx_samples % LANE_SAMPLE == 0) {
		lane->rx_empty += queue_all_used(lane->rx);
	}
	if (payload == PAYLOAD_VERIFY || traffic->learning ||
		(traffic->may_merge && !all_whole(lane, used, n))) {
		frames = take_each(lane, used, n, cycles_now());
	} else if (payload == PAYLOAD_UNTOUCHED) {
		traffic_direction(traffic, options_partner(lane->port), lane->port)->untouched += n;
	} else {
		take_stamped(lane, used, n, cycles_now());
	}
	give_back(lane, used, n);
	return frames;
}
