/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of the kinds that parsers tell apart, and many of them in memory. */
#ifndef VSW_PERF_MICRO_FRAMES_H
#define VSW_PERF_MICRO_FRAMES_H

#include <stdint.h>

#define FRAMES_LEN 64u /* bytes that a frame has, at least */
#define FRAMES_LEN_MAX 96u
#define FRAMES_STRIDE 256u /* from one to the next: two lines for the longest */
#define FRAMES_VLAN 5

enum frame_kind {
	FRAME_UDP, /* over IPv4 */
	FRAME_UDP_VLAN,
	FRAME_UDP_QINQ,
	FRAME_UDP6_EXT, /* IPv6, an empty destination options header before UDP */
	FRAME_ARP,
	N_FRAME_KINDS,
};

extern const char *const frame_kind_names[N_FRAME_KINDS];

/* Write a frame; its length. `station` chooses the addresses. */
uint32_t frame_write(enum frame_kind kind, uint64_t station, uint8_t *bytes);

struct frames {
	uint8_t *bytes;
	uint8_t **order; /* n of them, shuffled: what is read next is not what lies next */
	uint32_t n; /* a power of two */
	uint32_t len; /* of each */
};

/* n frames of stations 0 to n - 1. */
void frames_init(struct frames *frames, enum frame_kind kind, uint32_t n);
void frames_fini(struct frames *frames);

/* Bytes in the lines that parsing touches. */
static inline uint64_t
frames_footprint(const struct frames *frames)
{
	return (uint64_t)frames->n * 64;
}

#endif
