/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generator's frames: Ethernet, an 802.1Q tag for VLAN flows, IPv4, UDP (TCP in large
 * segments), then a stamp, then filling.
 *
 * Frames are built once per buffer; per packet only the stamp changes, and with more than one
 * flow the flow's fields. All headers up to the stamp lie in the frame's first cache line, so
 * "first line" is all that a sender that does not touch its payload writes.
 *
 * IPv4 checksums stay right without being computed again: what a flow adds to the source address
 * the identification takes away. UDP carries no checksum (RFC 768).
 */
#ifndef VSW_PERF_LOADGEN_FRAME_H
#define VSW_PERF_LOADGEN_FRAME_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "perf/loadgen/flows.h"

#define FRAME_MIN 64u
#define FRAME_MAX 9018u
#define FRAME_TSO 65226u /* 45 segments of FRAME_MSS and the headers */
#define FRAME_MSS 1448u

#define FRAME_ETHER 14u
#define FRAME_TAG 4u
#define FRAME_IPV4 20u
#define FRAME_UDP 8u
#define FRAME_TCP 20u

/* Any two values that are not what memory is usually full of. */
#define STAMP_DATA 0x5ea7u
#define STAMP_LEARN 0x1ea2u
#define STAMP_STORM 0x5702u

struct stamp {
	uint64_t cycles; /* when it was sent */
	uint32_t number; /* in its stream */
	uint16_t stream;
	uint16_t magic;
};
static_assert(sizeof(struct stamp) == 16, "fits a 64-byte frame with a tag");

struct frame_layout {
	enum flow_fields fields;
	bool tso;
	uint16_t l3; /* offset of the IPv4 header */
	uint16_t stamp; /* offset of the stamp */
};

struct frame_layout frame_layout(enum flow_fields fields, bool tso);

/* A frame of flow 0 from port `src` to port `dst`, all but the stamp. */
void frame_build(const struct frame_layout *layout, uint8_t *frame, uint32_t size, unsigned int src,
	unsigned int dst);

/* The part of an address that a flow decides. */
static inline uint32_t
frame_mac_tail(uint32_t flow)
{
	return __builtin_bswap32(flow);
}

/* Half of the source address and the source port. */
static inline void
frame_set_5tuple(const struct frame_layout *layout, uint8_t *frame, uint32_t tuple)
{
	const uint16_t address = (uint16_t)(tuple >> 16);
	const uint16_t identification = (uint16_t)~address;
	const uint16_t port = (uint16_t)tuple;

	memcpy(frame + layout->l3 + 4, &identification, sizeof(identification));
	memcpy(frame + layout->l3 + 14, &address, sizeof(address));
	memcpy(frame + layout->l3 + FRAME_IPV4, &port, sizeof(port));
}

/* Make it a frame of this flow, to this port. */
static inline void
frame_set_flow(const struct frame_layout *layout, uint8_t *frame, unsigned int dst, uint32_t flow)
{
	frame[1] = (uint8_t)dst;
	if (layout->fields == FLOW_MAC) {
		const uint32_t tail = frame_mac_tail(flow);
		memcpy(frame + 2, &tail, sizeof(tail));
		memcpy(frame + 8, &tail, sizeof(tail));
	} else if (layout->fields == FLOW_VLAN) {
		const uint16_t tci = __builtin_bswap16((uint16_t)(1 + flow % FLOWS_VLANS));
		memcpy(frame + FRAME_ETHER, &tci, sizeof(tci));
	} else {
		/* One to one: Knuth's multiplicative hash, an odd number modulo 2^32. */
		frame_set_5tuple(layout, frame, flow * UINT32_C(2654435761));
	}
}

/* One to one on 32 bits, the finalizer of MurmurHash3: neighbours become unlike each other. */
static inline uint32_t
frame_mix(uint32_t n)
{
	n ^= n >> 16;
	n *= UINT32_C(0x85ebca6b);
	n ^= n >> 13;
	n *= UINT32_C(0xc2b2ae35);
	return n ^ n >> 16;
}

/* Make it a frame of flow n of a storm; none of 2^32 is like another. */
static inline void
frame_set_storm(const struct frame_layout *layout, uint8_t *frame, bool mac, bool tuple, uint32_t n)
{
	const uint32_t mixed = frame_mix(n);

	if (mac) {
		memcpy(frame + 8, &mixed, sizeof(mixed));
	}
	if (tuple) {
		frame_set_5tuple(layout, frame, mixed);
	}
}

/* Filling that depends on the stamp, at offset `at` of the frame; every byte is checked. */
void frame_fill(uint8_t *bytes, uint32_t len, uint32_t at, uint64_t seed);
bool frame_check(const uint8_t *bytes, uint32_t len, uint32_t at, uint64_t seed);

static inline uint64_t
frame_seed(const struct stamp *stamp)
{
	return (uint64_t)stamp->stream << 32 | stamp->number;
}

#endif
