/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP and UDP frames, made and looked at the slow way: for tests to compare with.
 *
 * From RFC 791, 8200, 9293 and 768. Checksums are sums of 16-bit words in a wide integer.
 */
#ifndef VSW_DATAPATH_CORE_INET_MODEL_H
#define VSW_DATAPATH_CORE_INET_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/pkt.h"

#define INET_TCP 6
#define INET_UDP 17
#define INET_FIN 0x01
#define INET_PSH 0x08
#define INET_ACK 0x10
#define INET_CWR 0x80

struct inet_spec {
	unsigned int version; /* 4 or 6 */
	uint8_t proto;
	unsigned int n_tags;
	unsigned int ip_options; /* bytes, a multiple of 4, at most 40; version 4 only */
	unsigned int tcp_options; /* the same */
	uint8_t tcp_flags;
	uint16_t id;
	uint32_t seq;
	uint32_t payload; /* bytes */
	uint8_t filling; /* what the payload is made from */
	bool partial; /* the transport checksum is left to others: only the pseudo-header's sum */
};

/* What is in a frame. */
struct inet_view {
	uint32_t l3;
	uint32_t l4;
	uint32_t payload;
	uint32_t payload_len;
	uint8_t version;
	uint8_t proto;
	uint8_t tcp_flags;
	uint16_t id;
	uint32_t seq;
};

/* Returns the length; `bytes` holds 65562. */
uint32_t inet_build(const struct inet_spec *spec, uint8_t *bytes);

/* NULL if all lengths and checksums of a frame from inet_build's family are right, else what is
 * not. */
const char *inet_look(const uint8_t *bytes, uint32_t len, struct inet_view *view);

/* What a sender says that left the transport checksum to others, and segments of `gso_size` bytes
 * (0: none). */
struct pkt_offload
inet_offload(const struct inet_spec *spec, const struct inet_view *view, uint16_t gso_size);

/* The one's complement sum of RFC 1071 over the bytes, not inverted. */
uint16_t inet_sum(const uint8_t *bytes, uint32_t len, uint64_t start);

#endif
