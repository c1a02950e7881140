/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for tests of the parser: put together a header at a time, or at random. */
#ifndef VSW_DATAPATH_CORE_PARSE_TEST_FRAMES_H
#define VSW_DATAPATH_CORE_PARSE_TEST_FRAMES_H

#include <stdint.h>

#define FRAME_SIZE 2048

struct frame {
	uint8_t bytes[FRAME_SIZE];
	uint32_t len;
	uint32_t ip; /* where the IP header is, for frame_end() */
};

void frame_u8(struct frame *frame, unsigned int value);
void frame_u16(struct frame *frame, unsigned int value);

/* n bytes that count up from `first`. */
void frame_fill(struct frame *frame, unsigned int first, uint32_t n);

/* Begin a frame with addresses 02..07 and 12..17; the type is put by frame_u16() or frame_tag(). */
void frame_begin(struct frame *frame);
void frame_tag(struct frame *frame, unsigned int tpid, unsigned int tci);
void frame_snap(struct frame *frame, unsigned int len, unsigned int type);

/* Each with its EtherType; `fragment` is the third word's low half, flags and offset. */
void
frame_ipv4(struct frame *frame, unsigned int proto, unsigned int options, unsigned int fragment);
void frame_ipv6(struct frame *frame, unsigned int next);
void frame_arp(struct frame *frame, unsigned int op);

/* `len` bytes of an extension header. */
void frame_ext(struct frame *frame, unsigned int proto, unsigned int next, uint32_t len);
void frame_fragment(struct frame *frame, unsigned int next, unsigned int fragment);

/* TCP (with `len` bytes of header), UDP, SCTP or other bytes; ports 0x1122 and 0x3344. */
void frame_l4(struct frame *frame, unsigned int proto, uint32_t len);
void frame_nd(struct frame *frame, unsigned int type);
void frame_nd_option(struct frame *frame, unsigned int type, unsigned int units);

/* The IP header learns how long its packet is. */
void frame_end(struct frame *frame);

/* A frame that is right in most ways or in all; `random` is a xorshift state. */
void frame_random(struct frame *frame, uint64_t *random);

#endif
