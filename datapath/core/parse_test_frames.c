/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/parse_test_frames.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "datapath/core/eal_test.h"

void
frame_u8(struct frame *frame, unsigned int value)
{
	assert(frame->len < FRAME_SIZE);
	frame->bytes[frame->len++] = (uint8_t)value;
}

void
frame_u16(struct frame *frame, unsigned int value)
{
	frame_u8(frame, value / 256);
	frame_u8(frame, value % 256);
}

void
frame_fill(struct frame *frame, unsigned int first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		frame_u8(frame, first + i);
	}
}

void
frame_begin(struct frame *frame)
{
	frame->len = 0;
	frame->ip = 0;
	frame_fill(frame, 2, 6);
	frame_fill(frame, 0x12, 6);
}

void
frame_tag(struct frame *frame, unsigned int tpid, unsigned int tci)
{
	frame_u16(frame, tpid);
	frame_u16(frame, tci);
}

void
frame_snap(struct frame *frame, unsigned int len, unsigned int type)
{
	frame_u16(frame, len);
	frame_u16(frame, 0xaaaa);
	frame_u16(frame, 0x0300);
	frame_u16(frame, 0);
	frame_u16(frame, type);
}

static void
ipv4_header(struct frame *frame, unsigned int proto, unsigned int options, unsigned int fragment)
{
	frame->ip = frame->len;
	frame_u8(frame, 0x45 + options);
	frame_u8(frame, 0xb9); /* TOS */
	frame_u16(frame, 0);
	frame_u16(frame, 0xabcd);
	frame_u16(frame, fragment);
	frame_u8(frame, 64);
	frame_u8(frame, proto);
	frame_u16(frame, 0xdead);
	frame_fill(frame, 10, 4);
	frame_fill(frame, 20, 4);
	frame_fill(frame, 0x81, options * 4);
}

static void
ipv6_header(struct frame *frame, unsigned int next)
{
	frame->ip = frame->len;
	frame_u16(frame, 0x6b91);
	frame_u16(frame, 0x2345);
	frame_u16(frame, 0);
	frame_u8(frame, next);
	frame_u8(frame, 255);
	frame_fill(frame, 0x20, 16);
	frame_fill(frame, 0x40, 16);
}

void
frame_ipv4(struct frame *frame, unsigned int proto, unsigned int options, unsigned int fragment)
{
	frame_u16(frame, 0x0800);
	ipv4_header(frame, proto, options, fragment);
}

void
frame_ipv6(struct frame *frame, unsigned int next)
{
	frame_u16(frame, 0x86dd);
	ipv6_header(frame, next);
}

static void
arp_body(struct frame *frame, unsigned int op)
{
	frame_u16(frame, 1);
	frame_u16(frame, 0x0800);
	frame_u16(frame, 0x0604);
	frame_u16(frame, op);
	frame_fill(frame, 0x12, 6);
	frame_fill(frame, 10, 4);
	frame_fill(frame, 0x60, 6);
	frame_fill(frame, 20, 4);
}

void
frame_arp(struct frame *frame, unsigned int op)
{
	frame_u16(frame, 0x0806);
	arp_body(frame, op);
}

void
frame_ext(struct frame *frame, unsigned int proto, unsigned int next, uint32_t len)
{
	frame_u8(frame, next);
	frame_u8(frame, proto == 51 ? len / 4 - 2 : len / 8 - 1);
	frame_fill(frame, 1, len - 2);
}

void
frame_fragment(struct frame *frame, unsigned int next, unsigned int fragment)
{
	frame_u8(frame, next);
	frame_u8(frame, 0);
	frame_u16(frame, fragment);
	frame_u16(frame, 0xabcd);
	frame_u16(frame, 0xef01);
}

void
frame_l4(struct frame *frame, unsigned int proto, uint32_t len)
{
	frame_u16(frame, 0x1122);
	frame_u16(frame, 0x3344);
	if (proto == 6) {
		frame_fill(frame, 1, 8);
		frame_u16(frame, len / 4 << 12 | 0xf12);
		len -= 10;
	}
	frame_fill(frame, 0x90, len - 4);
}

void
frame_nd(struct frame *frame, unsigned int type)
{
	frame_u8(frame, type);
	frame_u8(frame, 0);
	frame_u16(frame, 0xdead);
	frame_u16(frame, 0x6000);
	frame_u16(frame, 0);
	frame_fill(frame, 0xc0, 16);
}

void
frame_nd_option(struct frame *frame, unsigned int type, unsigned int units)
{
	frame_u8(frame, type);
	frame_u8(frame, units);
	frame_fill(frame, type * 16, units == 0 ? 6 : units * 8 - 2);
}

void
frame_end(struct frame *frame)
{
	uint8_t *ip = frame->bytes + frame->ip;
	uint32_t len = frame->len - frame->ip;
	bool v4 = ip[0] / 16 == 4;

	len -= v4 ? 0 : 40;
	ip[v4 ? 2 : 4] = (uint8_t)(len / 256);
	ip[v4 ? 3 : 5] = (uint8_t)len;
}

/* --- at random -------------------------------------------------------------------------------- */

static bool
one_in(uint64_t *random, uint32_t n)
{
	return random_below(random, n) == 0;
}

static void
random_nd(struct frame *frame, uint64_t *random)
{
	frame_nd(frame, 135 + random_below(random, 2));
	if (one_in(random, 16)) {
		frame->bytes[frame->len - 23] = (uint8_t)random_below(random, 2);
	}
	for (unsigned int n = random_below(random, 4); n > 0; n--) {
		unsigned int units = one_in(random, 8) ? random_below(random, 4) : 1;

		frame_nd_option(frame, random_below(random, 4), units);
	}
}

static void
random_l4(struct frame *frame, unsigned int proto, uint64_t *random)
{
	if (proto == 58 && !one_in(random, 3)) {
		random_nd(frame, random);
		return;
	}
	frame_l4(frame, proto, proto == 6 ? 20 + 4 * random_below(random, 11) : 12);
	if (proto == 6 && one_in(random, 8)) {
		frame->bytes[frame->len - 8] = (uint8_t)random_below(random, 256);
	}
	frame_fill(frame, random_below(random, 256), random_below(random, 24));
}

static unsigned int
random_proto(uint64_t *random, bool v4)
{
	static const uint8_t protos[] = {6, 6, 17, 17, 132, 1, 58, 59, 50, 47};

	if (one_in(random, 16)) {
		return random_below(random, 256);
	}
	if (one_in(random, 4)) {
		return v4 ? 1 : 58;
	}
	return protos[random_below(random, ARRAY_LEN(protos))];
}

static unsigned int
random_fragment(uint64_t *random)
{
	static const uint16_t fragments[] = {
		0x4000, 0x2000, 0x2001, 0x0001, 0x1fff, 0x8000, 0x1000};

	return one_in(random, 4) ? fragments[random_below(random, ARRAY_LEN(fragments))] : 0;
}

static void
random_ipv4(struct frame *frame, uint64_t *random)
{
	unsigned int proto = random_proto(random, true);
	unsigned int options = one_in(random, 3) ? random_below(random, 11) : 0;

	ipv4_header(frame, proto, options, random_fragment(random));
	random_l4(frame, proto, random);
}

static void
random_ipv6(struct frame *frame, uint64_t *random)
{
	static const uint8_t extensions[] = {60, 43, 51, 44, 60, 43, 51, 0};
	unsigned int next[12];
	unsigned int n = one_in(random, 2) ? 0 : random_below(random, one_in(random, 4) ? 12 : 4);
	bool large = one_in(random, 8);

	for (unsigned int i = 0; i < n; i++) {
		bool first = i == 0 && one_in(random, 2);
		uint32_t pick = random_below(random, one_in(random, 8) ? 8 : 7);

		next[i] = first ? 0 : extensions[pick];
	}
	next[n] = random_proto(random, false);
	ipv6_header(frame, next[0]);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t unit = next[i] == 51 ? 4 : 8;
		uint32_t len = 8 + unit * random_below(random, large ? 20 : 3);

		if (next[i] == 44) {
			static const uint16_t fragments[] = {0, 0, 1, 6, 8, 9, 0xfff8};

			frame_fragment(frame, next[i + 1],
				fragments[random_below(random, ARRAY_LEN(fragments))]);
		} else {
			frame_ext(frame, next[i], next[i + 1], len);
		}
	}
	random_l4(frame, next[n], random);
}

static void
random_bytes(struct frame *frame, uint64_t *random, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		frame_u8(frame, random_below(random, 256));
	}
}

/* Change a few bytes, to something near or to something else. */
static void
random_damage(struct frame *frame, uint64_t *random)
{
	for (unsigned int n = 1 + random_below(random, 3); n > 0; n--) {
		uint32_t from = one_in(random, 2) ? 12 : frame->ip;
		uint8_t *byte =
			frame->bytes + from + random_below(random, 48) % (frame->len - from);

		if (one_in(random, 3)) {
			*byte = (uint8_t)random_below(random, 256);
		} else if (one_in(random, 2)) {
			*byte ^= (uint8_t)(1U << random_below(random, 8));
		} else {
			*byte = (uint8_t)(*byte + 1 - 2 * random_below(random, 2));
		}
	}
}

void
frame_random(struct frame *frame, uint64_t *random)
{
	static const uint16_t types[] = {
		0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x86dd, 0x0806, 0x05dd, 0x05ff, 0x0600, 0};
	unsigned int tags = one_in(random, 2) ? 0 : random_below(random, 4);
	unsigned int type = types[random_below(random, ARRAY_LEN(types))];
	uint32_t length_at = 0;

	frame->len = 0;
	random_bytes(frame, random, 12);
	for (; tags > 0; tags--) {
		frame_tag(frame, one_in(random, 2) ? 0x8100 : 0x88a8, random_below(random, 65536));
	}
	if (one_in(random, 8)) {
		length_at = frame->len;
		frame_snap(frame, 0, type);
	} else {
		frame_u16(frame, type);
	}
	frame->ip = frame->len;
	if (type == 0x0800) {
		random_ipv4(frame, random);
		frame_end(frame);
	} else if (type == 0x86dd) {
		random_ipv6(frame, random);
		frame_end(frame);
	} else if (type == 0x0806) {
		arp_body(frame, one_in(random, 8) ? 0x0101 : 1 + random_below(random, 2));
	} else {
		random_bytes(frame, random, 1 + random_below(random, 60));
	}
	if (length_at != 0) {
		uint32_t len = frame->len - length_at - 2;

		frame->bytes[length_at] = (uint8_t)(len / 256);
		frame->bytes[length_at + 1] = (uint8_t)len;
	}
	if (one_in(random, 3)) {
		random_damage(frame, random);
	}
	if (one_in(random, 3)) {
		random_bytes(frame, random, random_below(random, 30)); /* padding */
	}
}
