/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captured frames as pcapng (draft-ietf-opsawg-pcapng), block by block.
 *
 * A stream is a section header, one interface for each name, packets and, at its end, statistics.
 * Blocks are in the byte order of this machine, which the section header tells; times have
 * nanoseconds; all interfaces are Ethernet. The writer knows nothing of who reads: each function
 * puts one whole block into the caller's memory, or nothing.
 *
 * The reader is for streams of this writer: what it does not know it leaves out, what is malformed
 * it refuses, and it never looks beyond what it was given.
 *
 * Pure functions, any thread.
 */
#ifndef VSW_CTL_PCAPNG_H
#define VSW_CTL_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAPNG_TEXT_MAX 512 /* bytes of a name or comment; what is longer is cut */
#define PCAPNG_SNAPLEN_MAX 262144 /* what libpcap takes for Ethernet */

/* Draft section 4.3.1, the two lowest bits of epb_flags. */
enum pcapng_direction { PCAPNG_UNKNOWN = 0, PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

struct pcapng_packet {
	uint32_t interface; /* by order of their blocks, from 0 */
	enum pcapng_direction direction;
	uint64_t time; /* nanoseconds since 1970 */
	uint32_t frame_len; /* of the whole frame */
	uint32_t len; /* bytes that there are */
	const uint8_t *bytes;
	const char *comment; /* NULL: none; need not end with NUL when read */
	size_t comment_len; /* when read */
};

struct pcapng_counts {
	uint32_t interface;
	uint64_t time; /* when they were counted, nanoseconds since 1970 */
	uint64_t received; /* frames that passed */
	uint64_t lost; /* of them, that are not in the stream for want of room */
};

/* --- writing: bytes of the block, or 0 if it needs more than `room` --------------------------- */

size_t pcapng_section(uint8_t *to, size_t room, const char *application);
size_t pcapng_interface(uint8_t *to, size_t room, const char *name, uint32_t snaplen);
size_t pcapng_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet);
size_t pcapng_statistics(uint8_t *to, size_t room, const struct pcapng_counts *counts);

/* --- reading -----------------------------------------------------------------------------------
 */

enum pcapng_block_type {
	PCAPNG_SECTION = 0x0a0d0d0a,
	PCAPNG_INTERFACE = 1,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6,
};

struct pcapng_block {
	uint32_t type; /* enum pcapng_block_type, or another */
	const uint8_t *body;
	size_t len; /* of the body, a multiple of 4 */
};

#define PCAPNG_BLOCK_MAX (1U << 20) /* bytes; a longer one is refused */

/*
 * The block at the beginning of `bytes`: its bytes in the stream. 0: it is not all there. -1: it is
 * malformed.
 */
int pcapng_block(const uint8_t *bytes, size_t len, struct pcapng_block *block);

/* False: malformed. What they point to is the block's. */
bool pcapng_read_packet(const struct pcapng_block *block, struct pcapng_packet *packet);
bool pcapng_read_statistics(const struct pcapng_block *block, struct pcapng_counts *counts);

/* if_name, cut to `size`; "" if it has none. */
bool pcapng_read_interface(const struct pcapng_block *block, char *name, size_t size);

#endif
