/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/core/headers.h"
#include "perf/micro/sequence.h"
#include "perf/micro/station.h"

#define LINE 64u
#define PROTO_UDP 17
#define PROTO_DESTINATION_OPTIONS 60

const char *const frame_kind_names[N_FRAME_KINDS] = {
	[FRAME_UDP] = "UDP",
	[FRAME_UDP_VLAN] = "VLAN, UDP",
	[FRAME_UDP_QINQ] = "QinQ, UDP",
	[FRAME_UDP6_EXT] = "IPv6, extension, UDP",
	[FRAME_ARP] = "ARP",
};

static uint32_t
write_tag(uint8_t *bytes, uint32_t at, uint16_t tpid, uint16_t vlan)
{
	store_be16(bytes + at, tpid);
	store_be16(bytes + at + 2, vlan);
	return at + VLAN_TAG_LEN;
}

static uint32_t
write_ipv4(uint8_t *bytes, uint32_t at, uint64_t station)
{
	uint8_t *ip = bytes + at + 2;

	store_be16(bytes + at, RTE_ETHER_TYPE_IPV4);
	ip[0] = 0x45;
	store_be16(ip + 2, 46);
	ip[8] = 64;
	ip[9] = PROTO_UDP;
	memcpy(ip + 12, &station, 4);
	memcpy(ip + 16, &station, 4);
	store_be16(ip + 24, 26); /* UDP length */
	return FRAMES_LEN;
}

static uint32_t
write_ipv6(uint8_t *bytes, uint32_t at, uint64_t station)
{
	uint8_t *ip = bytes + at + 2;

	store_be16(bytes + at, RTE_ETHER_TYPE_IPV6);
	ip[0] = 0x60;
	store_be16(ip + 4, 8 + 16);
	ip[6] = PROTO_DESTINATION_OPTIONS;
	ip[7] = 64;
	memcpy(ip + 16, &station, sizeof(station));
	memcpy(ip + 32, &station, sizeof(station));
	ip[40] = PROTO_UDP; /* and 8 bytes long, RFC 8200 section 4.6 */
	ip[42] = 1; /* PadN of 4 bytes */
	ip[43] = 4;
	store_be16(ip + 52, 16); /* UDP length */
	return RTE_ETHER_HDR_LEN + 40 + 8 + 16;
}

uint32_t
frame_write(enum frame_kind kind, uint64_t station, uint8_t *bytes)
{
	const struct rte_ether_addr dst = station_mac(station);
	const struct rte_ether_addr src = station_mac(station ^ 1);
	uint32_t at = 2 * RTE_ETHER_ADDR_LEN;

	memset(bytes, 0, FRAMES_LEN_MAX);
	memcpy(bytes, &dst, sizeof(dst));
	memcpy(bytes + sizeof(dst), &src, sizeof(src));
	switch (kind) {
	case FRAME_UDP_QINQ:
		at = write_tag(bytes, at, ETH_TPID_STAG, FRAMES_VLAN + 1);
		at = write_tag(bytes, at, ETH_TPID_CTAG, FRAMES_VLAN);
		return write_ipv4(bytes, at, station);
	case FRAME_UDP_VLAN:
		at = write_tag(bytes, at, ETH_TPID_CTAG, FRAMES_VLAN);
		return write_ipv4(bytes, at, station);
	case FRAME_UDP6_EXT:
		return write_ipv6(bytes, at, station);
	case FRAME_ARP:
		store_be16(bytes + at, RTE_ETHER_TYPE_ARP);
		return FRAMES_LEN;
	default:
		return write_ipv4(bytes, at, station);
	}
}

void
frames_init(struct frames *frames, enum frame_kind kind, uint32_t n)
{
	struct sequence sequence = {.state = n};

	*frames = (struct frames){.n = n};
	frames->bytes = aligned_alloc(LINE, (size_t)n * FRAMES_STRIDE);
	if (frames->bytes == NULL) {
		abort();
	}
	frames->order = must_calloc(n, sizeof(*frames->order));
	for (uint32_t i = 0; i < n; i++) {
		frames->order[i] = frames->bytes + (size_t)i * FRAMES_STRIDE;
		frames->len = frame_write(kind, i, frames->order[i]);
	}
	for (uint32_t i = n; i > 1; i--) {
		const uint32_t j = (uint32_t)sequence_below(&sequence, i);
		uint8_t *other = frames->order[j];

		frames->order[j] = frames->order[i - 1];
		frames->order[i - 1] = other;
	}
}

void
frames_fini(struct frames *frames)
{
	free(frames->order);
	free(frames->bytes);
}
