/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/packet.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#define PACKET_MIN 60
#define NEXT_FRAGMENT 44 /* RFC 8200, 4.5 */
#define NEXT_OPTIONS 60 /* 4.6 */

static void
put8(struct frame *frame, unsigned int value)
{
	frame->bytes[frame->len++] = (uint8_t)value;
}

static void
put16(struct frame *frame, unsigned int value)
{
	put8(frame, value >> 8);
	put8(frame, value);
}

static void
put32(struct frame *frame, uint32_t value)
{
	put16(frame, value >> 16);
	put16(frame, value);
}

static void
put_mac(struct frame *frame, uint32_t station)
{
	frame_mac(station, frame->bytes + frame->len);
	frame->len += 6;
}

static void
put_address(struct frame *frame, int family, const char *text)
{
	const int rc = inet_pton(family, text, frame->bytes + frame->len);

	assert(rc == 1);
	(void)rc;
	frame->len += family == AF_INET ? 4 : 16;
}

static void
begin(struct frame *frame, uint32_t dst, uint32_t src, uint32_t tag, unsigned int type)
{
	memset(frame->bytes, 0, 512);
	frame->len = 0;
	put_mac(frame, dst);
	put_mac(frame, src);
	if (tag != 0) {
		put32(frame, tag);
	}
	put16(frame, type);
}

static void
pad(struct frame *frame)
{
	if (frame->len < PACKET_MIN) {
		frame->len = PACKET_MIN;
	}
}

static void
put_transport(struct frame *frame, const struct packet *packet)
{
	if (packet->proto == IPPROTO_ICMP || packet->proto == IPPROTO_ICMPV6) {
		put8(frame, packet->src_port);
		put8(frame, packet->dst_port);
		put16(frame, 0);
		put32(frame, packet->serial);
		return;
	}
	put16(frame, packet->src_port);
	put16(frame, packet->dst_port);
	if (packet->proto == IPPROTO_TCP) {
		put32(frame, packet->serial);
		put32(frame, 0);
		put16(frame, 0x5000U | packet->tcp_flags);
		put16(frame, 1024);
		put32(frame, 0);
	} else {
		put16(frame, 12); /* UDP's length */
		put16(frame, 0);
		put32(frame, packet->serial);
	}
}

static void
make_ip4(struct frame *frame, const struct packet *packet)
{
	static const unsigned int fragment[] = {
		[PACKET_WHOLE] = 0, [PACKET_FIRST] = 0x2000, [PACKET_LATER] = 0x0010};
	uint32_t start;

	begin(frame, packet->dst, packet->src, packet->tag, 0x0800);
	start = frame->len;
	put8(frame, 0x45);
	put8(frame, packet->tos);
	put16(frame, 0);
	put16(frame, 1); /* identification */
	put16(frame, fragment[packet->fragment]);
	put8(frame, 64);
	put8(frame, packet->proto);
	put16(frame, 0);
	put_address(frame, AF_INET, packet->ip_src);
	put_address(frame, AF_INET, packet->ip_dst);
	put_transport(frame, packet);
	frame->bytes[start + 2] = (uint8_t)((frame->len - start) >> 8);
	frame->bytes[start + 3] = (uint8_t)(frame->len - start);
	pad(frame);
}

static void
make_ip6(struct frame *frame, const struct packet *packet)
{
	static const unsigned int fragment[] = {[PACKET_FIRST] = 0x0001, [PACKET_LATER] = 0x0010};
	const unsigned int last = packet->fragment == PACKET_WHOLE ? packet->proto : NEXT_FRAGMENT;
	uint32_t start;

	begin(frame, packet->dst, packet->src, packet->tag, 0x86dd);
	put32(frame, 0x60000000U | (uint32_t)packet->tos << 20);
	put16(frame, 0);
	put8(frame, packet->extensions > 0 ? NEXT_OPTIONS : last);
	put8(frame, 64);
	put_address(frame, AF_INET6, packet->ip_src);
	put_address(frame, AF_INET6, packet->ip_dst);
	start = frame->len;
	for (unsigned int i = 1; i <= packet->extensions; i++) {
		put8(frame, i < packet->extensions ? NEXT_OPTIONS : last);
		put8(frame, 0);
		put16(frame, 0x0104); /* PadN of four bytes */
		put32(frame, 0);
	}
	if (packet->fragment != PACKET_WHOLE) {
		put8(frame, packet->proto);
		put8(frame, 0);
		put16(frame, fragment[packet->fragment]);
		put32(frame, 1);
	}
	put_transport(frame, packet);
	frame->bytes[start - 36] = (uint8_t)((frame->len - start) >> 8);
	frame->bytes[start - 35] = (uint8_t)(frame->len - start);
	pad(frame);
}

void
packet_make(struct frame *frame, const struct packet *packet)
{
	if (strchr(packet->ip_src, ':') != NULL) {
		make_ip6(frame, packet);
	} else {
		make_ip4(frame, packet);
	}
}

struct packet
packet_tcp(const char *src, const char *dst, uint16_t port)
{
	static uint32_t serial;

	return (struct packet){
		.dst = 9,
		.src = 1,
		.ip_src = src,
		.ip_dst = dst,
		.proto = IPPROTO_TCP,
		.src_port = 40000,
		.dst_port = port,
		.serial = ++serial,
	};
}

void
packet_arp(struct frame *frame, uint32_t dst, uint32_t src, uint16_t operation, uint32_t sender,
	const char *sender_ip, const char *target_ip)
{
	begin(frame, dst, src, 0, 0x0806);
	put16(frame, 1); /* Ethernet */
	put16(frame, 0x0800);
	put8(frame, 6);
	put8(frame, 4);
	put16(frame, operation);
	put_mac(frame, sender);
	put_address(frame, AF_INET, sender_ip);
	frame->len += 6;
	put_address(frame, AF_INET, target_ip);
	pad(frame);
}

void
packet_nd(struct frame *frame, uint32_t src, const char *ip_src, int solicit, const char *target,
	uint32_t link)
{
	begin(frame, FRAME_BROADCAST, src, 0, 0x86dd);
	frame->bytes[0] = 0x33; /* RFC 2464, 7 */
	frame->bytes[1] = 0x33;
	put32(frame, 0x60000000U);
	put16(frame, link != 0 ? 32 : 24);
	put8(frame, IPPROTO_ICMPV6);
	put8(frame, 255);
	put_address(frame, AF_INET6, ip_src);
	put_address(frame, AF_INET6, "ff02::1");
	put8(frame, solicit ? 135 : 136);
	put8(frame, 0);
	put16(frame, 0);
	put32(frame, 0);
	put_address(frame, AF_INET6, target);
	if (link != 0) {
		put8(frame, solicit ? 1 : 2);
		put8(frame, 1);
		put_mac(frame, link);
	}
	pad(frame);
}
