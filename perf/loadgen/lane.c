/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/lane.h"

#include <errno.h>
#include <stdlib.h>

#define LINE 64u
/* As DPDK's mbufs: 2 KiB and room for a header. */
#define RX_ROOM 2176u
/* In large segments: a page, as Linux posts with mergeable buffers. */
#define RX_ROOM_TSO 4096u
#define HEADER_AT (LINE - (uint32_t)sizeof(struct net_hdr))

/* The classic simple IMIX: 7, 4 and 1 frames of 12. Sizes without the frame's checksum. */
static const uint32_t imix[] = {64, 590, 64, 64, 590, 64, 1514, 64, 590, 64, 64, 590};

static uint32_t
largest_frame(const struct options *options)
{
	return options->tso ? FRAME_TSO : options->size > 0 ? options->size : 1514;
}

/* An odd number of lines: else all first lines would compete for a few sets of the cache. */
static uint32_t
stride(uint32_t frame_room)
{
	return ((LINE + frame_room + LINE - 1) / LINE | 1) * LINE;
}

static uint32_t
rx_stride(const struct options *options)
{
	const uint32_t largest = largest_frame(options);

	return stride(options->tso ? RX_ROOM_TSO : largest > RX_ROOM ? largest : RX_ROOM);
}

static uint32_t
tx_stride(const struct options *options)
{
	const uint32_t largest = largest_frame(options);

	return stride(largest > RX_ROOM ? largest : RX_ROOM);
}

size_t
lane_memory(const struct options *options)
{
	return (size_t)options->ring * (rx_stride(options) + tx_stride(options)) + (size_t)2 * LINE;
}

uint32_t
lane_frame_buffers(const struct options *options)
{
	const uint32_t room = rx_stride(options) - HEADER_AT;
	const uint32_t frame = largest_frame(options) + (uint32_t)sizeof(struct net_hdr);

	return (frame + room - 1) / room;
}

uint32_t
lane_window(const struct options *options)
{
	uint32_t queues = 1;

	for (unsigned int i = 0; i < options->n_ports; i++) {
		queues = options->ports[i].queues > queues ? options->ports[i].queues : queues;
	}
	const uint32_t senders =
		queues * (options->direction == DIRECTION_MESH ? options_talkers(options) - 1 : 1);
	const uint32_t window = options->ring * 3u / 4 / lane_frame_buffers(options) / senders;
	return window > 0 ? window : 1;
}

static void
find_targets(struct lane *lane)
{
	const struct options *options = lane->traffic->options;

	for (unsigned int dst = 0; dst < options->n_ports; dst++) {
		if (options_sends(options, lane->port, dst)) {
			lane->targets[lane->n_targets++] = dst;
		}
	}
}

static void
build_frame(struct lane *lane, unsigned int id)
{
	const struct traffic *traffic = lane->traffic;
	const struct options *options = traffic->options;
	uint8_t *frame = lane->tx_buffers + (size_t)id * lane->tx_stride + LINE;
	struct net_hdr header = {0};
	uint32_t size = options->size;

	if (options->tso) {
		size = FRAME_TSO;
		header = (struct net_hdr){
			.flags = NET_HDR_NEEDS_CSUM,
			.gso_type = NET_HDR_GSO_TCPV4,
			.hdr_len = traffic->layout.stamp,
			.gso_size = FRAME_MSS,
			.csum_start = (uint16_t)(traffic->layout.l3 + FRAME_IPV4),
			.csum_offset = 16, /* RFC 9293 section 3.1 */
		};
	} else if (size == 0) {
		size = imix[id % (sizeof(imix) / sizeof(imix[0]))];
	}
	memcpy(frame - sizeof(header), &header, sizeof(header));
	const unsigned int dst =
		lane->n_targets > 0 ? lane->targets[0] : options_partner(lane->port);
	frame_build(&traffic->layout, frame, size, lane->port, dst);
	frame_set_flow(&traffic->layout, frame, dst, 0);
	lane->tx_len[id] = size + (uint32_t)sizeof(header);
}

static void
post_receive_buffers(struct lane *lane)
{
	for (unsigned int id = 0; id < lane->traffic->options->ring; id++) {
		uint8_t *at = lane->rx_buffers + (size_t)id * lane->rx_stride + HEADER_AT;
		const struct ring_buffer buffer = {
			.gpa = memory_gpa(&lane->fe->memory, at),
			.len = lane->rx_stride - HEADER_AT,
			.id = (uint16_t)id,
		};
		queue_post(lane->rx, &buffer, 1);
	}
}

int
lane_init(struct lane *lane, struct traffic *traffic, struct frontend *fe, unsigned int port,
	unsigned int queue)
{
	const struct options *options = traffic->options;
	const unsigned int ring = options->ring;

	*lane = (struct lane){
		.traffic = traffic,
		.fe = fe,
		.rx = frontend_rx(fe, queue),
		.tx = frontend_tx(fe, queue),
		.port = port,
		.queue = queue,
		.rx_stride = rx_stride(options),
		.tx_stride = tx_stride(options),
		.tx_len = calloc(ring, sizeof(uint32_t)),
		.free_ids = calloc(ring, sizeof(uint16_t)),
		.n_free = ring,
		.refill_at = ring / 8u < LANE_BURST ? ring / 8u : LANE_BURST,
	};
	lane->rx_buffers = memory_alloc(&fe->memory, (size_t)ring * lane->rx_stride, LINE);
	lane->tx_buffers = memory_alloc(&fe->memory, (size_t)ring * lane->tx_stride, LINE);
	if (lane->tx_len == NULL || lane->free_ids == NULL || lane->rx_buffers == NULL ||
		lane->tx_buffers == NULL) {
		lane_fini(lane);
		return -ENOMEM;
	}
	find_targets(lane);
	lane->storm = options->storm != STORM_NONE && port + 1 == options->n_ports;
	if (lane->storm) {
		lane->targets[lane->n_targets++] = 0;
		lane->storm_next = queue;
	}
	/* Queues start at different places, so that they do not walk the flows together. */
	const uint32_t n = traffic->flows.n_drawn > 0 ? traffic->flows.n_drawn : traffic->flows.n;
	lane->cursor = (uint32_t)((uint64_t)n * queue / fe->config.n_pairs);
	for (unsigned int id = 0; id < ring; id++) {
		lane->free_ids[id] = (uint16_t)id;
		build_frame(lane, id);
	}
	post_receive_buffers(lane);
	return 0;
}

void
lane_fini(struct lane *lane)
{
	free(lane->tx_len);
	free(lane->free_ids);
	lane->tx_len = NULL;
	lane->free_ids = NULL;
}
