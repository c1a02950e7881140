/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fields of the frame that most frames are: untagged, IPv4 without options, no fragment, TCP or
 * UDP, all headers whole and in the head. A part of parse(), for the worker's loop: it fills words,
 * not a struct parsed, and leaves any other frame to parse().
 *
 * Threads: any; nothing is kept.
 */
#ifndef VSW_DATAPATH_CORE_PARSE_USUAL_H
#define VSW_DATAPATH_CORE_PARSE_USUAL_H

#include <netinet/in.h>

#include "datapath/core/parse.h"

#define PARSE_USUAL_WORDS 6 /* of struct fields; all others are 0 in such a frame */
#define PARSE_USUAL_HEAD (RTE_ETHER_HDR_LEN + 20 + 20) /* RFC 791, 3.1; RFC 9293, 3.1 */

/*
 * True: words[0] to words[5] are as parse() at PARSE_L4 has them. False: some of them may have been
 * written.
 */
static inline bool
parse_usual(const uint8_t *head, uint32_t head_len, uint32_t frame_len, uint64_t *words)
{
	const uint8_t *ip = head + RTE_ETHER_HDR_LEN;
	const uint8_t *l4 = ip + 20;
	uint64_t dst;
	uint64_t src;
	uint64_t addresses;
	uint32_t ports;
	uint32_t total;
	uint32_t need;
	uint64_t flags = 0;

	if (unlikely(head_len < PARSE_USUAL_HEAD || head_len > frame_len ||
		    load16(head + 2 * RTE_ETHER_ADDR_LEN) != RTE_BE16(0x0800) || ip[0] != 0x45 ||
		    (load16(ip + 6) & RTE_BE16(0x3fff)) != 0)) {
		return false;
	}
	total = load_be16(ip + 2);
	if (ip[9] == IPPROTO_TCP) {
		const uint32_t len = (uint32_t)(l4[12] >> 4) * 4;

		need = 20 + (len < 20 ? UINT16_MAX : len);
		flags = load16(l4 + 12) & RTE_BE16(0x0fff);
	} else if (ip[9] == IPPROTO_UDP) {
		need = 20 + 8;
	} else {
		return false;
	}
	if (unlikely(total < need || RTE_ETHER_HDR_LEN + total > frame_len)) {
		return false;
	}
	memcpy(&dst, head, sizeof(dst));
	memcpy(&src, head + RTE_ETHER_ADDR_LEN, sizeof(src));
	memcpy(&addresses, ip + 12, sizeof(addresses));
	ports = load32(l4);
	words[0] =
		parse_place(FIELDS_VALID_IPV4 | FIELDS_VALID_L4, offsetof(struct fields, valid), 1);
	words[1] = parse_mac(dst);
	words[2] = src; /* the type is behind it */
	words[3] = addresses;
	words[4] = parse_place(ports, 0, 4) | parse_place(ip[9], 4, 1) | parse_place(ip[1], 5, 1) |
		parse_place(ip[8], 6, 1);
	words[5] = parse_place(flags, 0, 2);
	return true;
}

#endif
