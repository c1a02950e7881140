/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/pcapng.h"

#include <assert.h>
#include <string.h>

/* Draft section 4.1: the section header. */
#define BYTE_ORDER_MAGIC 0x1a2b3c4dU
#define VERSION_MAJOR 1
#define VERSION_MINOR 0
#define LENGTH_UNKNOWN UINT64_MAX

#define LINKTYPE_ETHERNET 1
#define TSRESOL_NANOSECONDS 9

/* Options: 3.5 of all blocks, then those of each. */
enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
	ISB_USRDELIV = 8,
};

#define BLOCK_HEADER 8 /* type and length */
#define BLOCK_MIN 12 /* with the length again */
#define PACKET_FIXED 20 /* body of a packet before its bytes */
#define STATISTICS_FIXED 12
#define INTERFACE_FIXED 8

/* Bytes that are put one behind the other, or only counted once there is no room. */
struct writer {
	uint8_t *to;
	size_t room;
	size_t len;
};

static void
put(struct writer *writer, const void *bytes, size_t n)
{
	if (n > 0 && writer->len + n <= writer->room) {
		memcpy(writer->to + writer->len, bytes, n);
	}
	writer->len += n;
}

static void
put16(struct writer *writer, uint16_t value)
{
	put(writer, &value, sizeof(value));
}

static void
put32(struct writer *writer, uint32_t value)
{
	put(writer, &value, sizeof(value));
}

static void
put64(struct writer *writer, uint64_t value)
{
	put(writer, &value, sizeof(value));
}

/* Two halves, the upper one first, whatever the byte order (4.3). */
static void
put_time(struct writer *writer, uint64_t time)
{
	put32(writer, (uint32_t)(time >> 32));
	put32(writer, (uint32_t)time);
}

static void
put_padded(struct writer *writer, const void *bytes, size_t n)
{
	static const uint8_t zeros[4];

	put(writer, bytes, n);
	put(writer, zeros, (4 - n % 4) % 4);
}

static void
put_option(struct writer *writer, uint16_t code, const void *value, size_t n)
{
	put16(writer, code);
	put16(writer, (uint16_t)n);
	put_padded(writer, value, n);
}

static void
put_text(struct writer *writer, uint16_t code, const char *text)
{
	put_option(writer, code, text, strnlen(text, PCAPNG_TEXT_MAX));
}

static struct writer
begin(uint8_t *to, size_t room, uint32_t type)
{
	struct writer writer = {.to = to, .room = room};

	put32(&writer, type);
	put32(&writer, 0); /* the length, by end() */
	return writer;
}

static size_t
end(struct writer *writer)
{
	const uint32_t len = (uint32_t)(writer->len + sizeof(len));

	put32(writer, len);
	if (writer->len > writer->room) {
		return 0;
	}
	memcpy(writer->to + sizeof(uint32_t), &len, sizeof(len));
	return len;
}

size_t
pcapng_section(uint8_t *to, size_t room, const char *application)
{
	struct writer writer = begin(to, room, PCAPNG_SECTION);

	put32(&writer, BYTE_ORDER_MAGIC);
	put16(&writer, VERSION_MAJOR);
	put16(&writer, VERSION_MINOR);
	put64(&writer, LENGTH_UNKNOWN);
	put_text(&writer, SHB_USERAPPL, application);
	put_option(&writer, OPT_END, NULL, 0);
	return end(&writer);
}

size_t
pcapng_interface(uint8_t *to, size_t room, const char *name, uint32_t snaplen)
{
	static const uint8_t resolution = TSRESOL_NANOSECONDS;
	struct writer writer = begin(to, room, PCAPNG_INTERFACE);

	put16(&writer, LINKTYPE_ETHERNET);
	put16(&writer, 0);
	put32(&writer, snaplen);
	put_text(&writer, IF_NAME, name);
	put_option(&writer, IF_TSRESOL, &resolution, sizeof(resolution));
	put_option(&writer, OPT_END, NULL, 0);
	return end(&writer);
}

size_t
pcapng_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet)
{
	struct writer writer = begin(to, room, PCAPNG_PACKET);
	const uint32_t flags = (uint32_t)packet->direction;

	put32(&writer, packet->interface);
	put_time(&writer, packet->time);
	put32(&writer, packet->len);
	put32(&writer, packet->frame_len);
	put_padded(&writer, packet->bytes, packet->len);
	if (packet->comment != NULL) {
		put_text(&writer, OPT_COMMENT, packet->comment);
	}
	put_option(&writer, EPB_FLAGS, &flags, sizeof(flags));
	put_option(&writer, OPT_END, NULL, 0);
	return end(&writer);
}

size_t
pcapng_statistics(uint8_t *to, size_t room, const struct pcapng_counts *counts)
{
	struct writer writer = begin(to, room, PCAPNG_STATISTICS);
	const uint64_t delivered = counts->received - counts->lost;

	put32(&writer, counts->interface);
	put_time(&writer, counts->time);
	put_option(&writer, ISB_IFRECV, &counts->received, sizeof(counts->received));
	put_option(&writer, ISB_IFDROP, &counts->lost, sizeof(counts->lost));
	put_option(&writer, ISB_USRDELIV, &delivered, sizeof(delivered));
	put_option(&writer, OPT_END, NULL, 0);
	return end(&writer);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static uint16_t
get16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static uint32_t
get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static uint64_t
get_time(const uint8_t *from)
{
	return (uint64_t)get32(from) << 32 | get32(from + sizeof(uint32_t));
}

int
pcapng_block(const uint8_t *bytes, size_t len, struct pcapng_block *block)
{
	uint32_t size;

	if (len < BLOCK_HEADER) {
		return 0;
	}
	size = get32(bytes + sizeof(uint32_t));
	if (size < BLOCK_MIN || size % 4 != 0 || size > PCAPNG_BLOCK_MAX) {
		return -1;
	}
	if (size > len) {
		return 0;
	}
	if (get32(bytes + size - sizeof(uint32_t)) != size) {
		return -1;
	}
	block->type = get32(bytes);
	block->body = bytes + BLOCK_HEADER;
	block->len = size - BLOCK_MIN;
	return (int)size;
}

/* The option's value among those from `at` on; NULL: there is none. */
static const uint8_t *
option(const struct pcapng_block *block, size_t at, uint16_t code, size_t *n)
{
	while (block->len >= at && block->len - at >= 2 * sizeof(uint16_t)) {
		const uint16_t found = get16(block->body + at);
		const size_t size = get16(block->body + at + sizeof(uint16_t));

		at += 2 * sizeof(uint16_t);
		if (found == OPT_END || size > block->len - at) {
			return NULL;
		}
		if (found == code) {
			*n = size;
			return block->body + at;
		}
		at += (size + 3) / 4 * 4;
	}
	return NULL;
}

bool
pcapng_read_packet(const struct pcapng_block *block, struct pcapng_packet *packet)
{
	const uint8_t *flags;
	size_t n = 0;
	size_t at;

	if (block->type != PCAPNG_PACKET || block->len < PACKET_FIXED) {
		return false;
	}
	*packet = (struct pcapng_packet){
		.interface = get32(block->body),
		.time = get_time(block->body + 4),
		.len = get32(block->body + 12),
		.frame_len = get32(block->body + 16),
		.bytes = block->body + PACKET_FIXED,
	};
	if (packet->len > block->len - PACKET_FIXED) {
		return false;
	}
	at = PACKET_FIXED + ((size_t)packet->len + 3) / 4 * 4;
	packet->comment = (const char *)option(block, at, OPT_COMMENT, &packet->comment_len);
	flags = option(block, at, EPB_FLAGS, &n);
	if (flags != NULL && n == sizeof(uint32_t)) {
		packet->direction = (enum pcapng_direction)(get32(flags) & 3);
	}
	return true;
}

static uint64_t
counter(const struct pcapng_block *block, uint16_t code)
{
	uint64_t value = 0;
	size_t n = 0;
	const uint8_t *from = option(block, STATISTICS_FIXED, code, &n);

	if (from != NULL && n == sizeof(value)) {
		memcpy(&value, from, sizeof(value));
	}
	return value;
}

bool
pcapng_read_statistics(const struct pcapng_block *block, struct pcapng_counts *counts)
{
	if (block->type != PCAPNG_STATISTICS || block->len < STATISTICS_FIXED) {
		return false;
	}
	*counts = (struct pcapng_counts){
		.interface = get32(block->body),
		.time = get_time(block->body + 4),
		.received = counter(block, ISB_IFRECV),
		.lost = counter(block, ISB_IFDROP),
	};
	return true;
}

bool
pcapng_read_interface(const struct pcapng_block *block, char *name, size_t size)
{
	const uint8_t *text;
	size_t n = 0;

	assert(size > 0);
	if (block->type != PCAPNG_INTERFACE || block->len < INTERFACE_FIXED) {
		return false;
	}
	text = option(block, INTERFACE_FIXED, IF_NAME, &n);
	n = n < size ? n : size - 1;
	if (text != NULL) {
		memcpy(name, text, n);
	}
	name[text == NULL ? 0 : n] = '\0';
	return true;
}
