/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames with IP, ARP and neighbor discovery for tests, from what a test has to say of them. */
#ifndef VSW_TESTS_WORLD_PACKET_H
#define VSW_TESTS_WORLD_PACKET_H

#include <stdint.h>

#include "tests/world/frame.h"

enum packet_fragment { PACKET_WHOLE, PACKET_FIRST, PACKET_LATER };

/* Zeroes are sensible: whole, untagged, no extension headers. */
struct packet {
	uint32_t dst; /* stations, see frame.h */
	uint32_t src;
	uint32_t tag; /* see TAG; 0: none */
	const char *ip_src; /* both IPv4 or both IPv6 */
	const char *ip_dst;
	uint8_t proto;
	uint8_t tos;
	uint16_t src_port; /* or ICMP type */
	uint16_t dst_port; /* or ICMP code */
	uint8_t tcp_flags;
	enum packet_fragment fragment;
	unsigned int extensions; /* IPv6: destination options of 8 bytes each */
	uint32_t serial; /* behind it all */
};

void packet_make(struct frame *frame, const struct packet *packet);

/* TCP from station 1 to 9 between two addresses, to a port; each has a serial number of its own. */
struct packet packet_tcp(const char *src, const char *dst, uint16_t port);

/* ARP (RFC 826) from station src to dst: `sender` is the station that it speaks of. */
void packet_arp(struct frame *frame, uint32_t dst, uint32_t src, uint16_t operation,
	uint32_t sender, const char *sender_ip, const char *target_ip);

/*
 * A neighbor advertisement (RFC 4861) or (`solicit`) solicitation for `target`; `link` is the
 * station of the link-layer address option, 0: there is none.
 */
void packet_nd(struct frame *frame, uint32_t src, const char *ip_src, int solicit,
	const char *target, uint32_t link);

/* Entries of access lists for such packets: some ports of TCP pass, a network is dropped. */
#define ACE_WEB                                                                    \
	"{'name':'web', 'matches':{'protocol':'tcp', 'destination-port':'80-90'}," \
	" 'forwarding':'accept'}"
#define ACE_NET "{'name':'net', 'matches':{'source-network':'10.9.0.0/16'}, 'forwarding':'drop'}"

#endif
