/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet frames for tests: made from numbers, so that a failing one can be named. */
#ifndef VSW_TESTS_WORLD_FRAME_H
#define VSW_TESTS_WORLD_FRAME_H

#include <stdint.h>

#define FRAME_SIZE 9728
#define FRAME_TAGS 4
#define FRAME_BROADCAST UINT32_MAX /* as a station's number */

struct frame {
	uint32_t len;
	uint8_t bytes[FRAME_SIZE];
};

/* TPID in the upper half, TCI in the lower. */
#define TAG(tpid, pcp, vid) ((uint32_t)(tpid) << 16 | (uint32_t)(pcp) << 13 | (uint32_t)(vid))
#define CTAG(vid) TAG(0x8100, 0, vid)
#define STAG(vid) TAG(0x88a8, 0, vid)

/* The address of a station: 02:00 and its number; all ones for FRAME_BROADCAST. */
void frame_mac(uint32_t station, uint8_t *mac);

/* dst, src, up to FRAME_TAGS tags (0 ends them), EtherType 0x88b5, `serial`, filling up to len. */
void frame_make(struct frame *frame, uint32_t dst, uint32_t src, const uint32_t *tags,
	uint32_t serial, uint32_t len);

/* An untagged frame of 64 bytes. */
void frame_plain(struct frame *frame, uint32_t dst, uint32_t src, uint32_t serial);

/* With one tag, 64 bytes. */
void frame_tagged(struct frame *frame, uint32_t dst, uint32_t src, uint32_t tag, uint32_t serial);

/* The serial number in a frame that frame_make has made, whatever its tags are now. */
uint32_t frame_serial(const uint8_t *bytes, uint32_t len);

#endif
