/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/frame.h"

#include <string.h>

#define ETHERTYPE_TEST 0x88b5 /* IEEE 802: local experimental EtherType 1 */

void
frame_mac(uint32_t station, uint8_t *mac)
{
	if (station == FRAME_BROADCAST) {
		memset(mac, 0xff, 6);
		return;
	}
	mac[0] = 0x02;
	mac[1] = 0;
	mac[2] = (uint8_t)(station >> 24);
	mac[3] = (uint8_t)(station >> 16);
	mac[4] = (uint8_t)(station >> 8);
	mac[5] = (uint8_t)station;
}

static uint32_t
put32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
	return 4;
}

void
frame_make(struct frame *frame, uint32_t dst, uint32_t src, const uint32_t *tags, uint32_t serial,
	uint32_t len)
{
	uint32_t at = 12;

	frame_mac(dst, frame->bytes);
	frame_mac(src, frame->bytes + 6);
	for (int i = 0; tags != NULL && i < FRAME_TAGS && tags[i] != 0; i++) {
		at += put32(frame->bytes + at, tags[i]);
	}
	frame->bytes[at++] = ETHERTYPE_TEST >> 8;
	frame->bytes[at++] = ETHERTYPE_TEST & 0xff;
	at += put32(frame->bytes + at, serial);
	for (frame->len = at; frame->len < len; frame->len++) {
		frame->bytes[frame->len] = (uint8_t)(serial + frame->len * 7);
	}
}

void
frame_plain(struct frame *frame, uint32_t dst, uint32_t src, uint32_t serial)
{
	frame_make(frame, dst, src, NULL, serial, 64);
}

void
frame_tagged(struct frame *frame, uint32_t dst, uint32_t src, uint32_t tag, uint32_t serial)
{
	uint32_t tags[FRAME_TAGS] = {tag};

	frame_make(frame, dst, src, tags, serial, 64);
}

uint32_t
frame_serial(const uint8_t *bytes, uint32_t len)
{
	uint32_t at = 12;

	while (at + 6 <= len && (bytes[at] << 8 | bytes[at + 1]) != ETHERTYPE_TEST) {
		at += 4;
	}
	if (at + 6 > len) {
		return UINT32_MAX;
	}
	return (uint32_t)bytes[at + 2] << 24 | (uint32_t)bytes[at + 3] << 16 |
		(uint32_t)bytes[at + 4] << 8 | bytes[at + 5];
}
