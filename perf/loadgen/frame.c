/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/frame.h"

#include <arpa/inet.h>

/* RFC 5737: documentation addresses would be cleaner, but a flow needs 16 bits of them. */
#define SOURCE_NET 0x0a000000u /* 10.0.x.y, the flow in x.y */
#define TARGET 0x0aff0001u /* 10.255.0.1 */
#define PORT_DISCARD 9u /* RFC 863 */
#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

static void
put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void
put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

static uint32_t
sum16(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i + 1 < len; i += 2) {
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	}
	while (sum > 0xffff) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

struct frame_layout
frame_layout(enum flow_fields fields, bool tso)
{
	const uint16_t l3 = FRAME_ETHER + (fields == FLOW_VLAN ? FRAME_TAG : 0);

	return (struct frame_layout){
		.fields = fields,
		.tso = tso,
		.l3 = l3,
		.stamp = (uint16_t)(l3 + FRAME_IPV4 + (tso ? FRAME_TCP : FRAME_UDP)),
	};
}

static void
build_ipv4(uint8_t *ip, uint32_t size, bool tso)
{
	memset(ip, 0, FRAME_IPV4);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)size);
	put16(ip + 4,
		0xffff); /* with a flow's address of 0 it adds up to 0xffff, as for any flow */
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = tso ? 6 : 17;
	put32(ip + 12, SOURCE_NET);
	put32(ip + 16, TARGET);
	put16(ip + 10, (uint16_t)~sum16(ip, FRAME_IPV4, 0));
}

/* The checksum is partial, as virtio 1.2 section 5.1.6.2 asks: of the pseudo header only. */
static void
build_tcp(uint8_t *ip, uint32_t size)
{
	uint8_t *tcp = ip + FRAME_IPV4;
	const uint32_t len = size - FRAME_IPV4;

	memset(tcp, 0, FRAME_TCP);
	put16(tcp + 2, PORT_DISCARD);
	tcp[12] = (FRAME_TCP / 4) << 4;
	tcp[13] = 0x10; /* ACK */
	put16(tcp + 14, 0xffff);
	put16(tcp + 16, (uint16_t)sum16(ip + 12, 8, 6 + len));
}

void
frame_build(const struct frame_layout *layout, uint8_t *frame, uint32_t size, unsigned int src,
	unsigned int dst)
{
	const uint32_t l3_size = size - layout->l3;
	uint8_t *ip = frame + layout->l3;

	memset(frame, 0, layout->stamp);
	frame[0] = 0x02; /* locally administered */
	frame[1] = (uint8_t)dst;
	frame[6] = 0x02;
	frame[7] = (uint8_t)src;
	if (layout->fields == FLOW_VLAN) {
		put16(frame + 12, 0x8100);
		put16(frame + 14, 1);
	}
	put16(ip - 2, 0x0800);
	build_ipv4(ip, l3_size, layout->tso);
	if (layout->tso) {
		build_tcp(ip, l3_size);
	} else {
		put16(ip + FRAME_IPV4 + 2, PORT_DISCARD);
		put16(ip + FRAME_IPV4 + 4, (uint16_t)(l3_size - FRAME_IPV4));
		put16(ip + FRAME_IPV4 + 6, 0);
	}
}

static uint64_t
word_at(uint32_t index, uint64_t seed)
{
	return (seed + index) * MULTIPLIER;
}

static uint8_t
byte_at(uint32_t at, uint64_t seed)
{
	return (uint8_t)(word_at(at / 8, seed) >> (at % 8 * 8));
}

void
frame_fill(uint8_t *bytes, uint32_t len, uint32_t at, uint64_t seed)
{
	uint32_t i = 0;

	for (; i < len && (at + i) % 8 != 0; i++) {
		bytes[i] = byte_at(at + i, seed);
	}
	for (; i + 8 <= len; i += 8) {
		const uint64_t word = word_at((at + i) / 8, seed);
		memcpy(bytes + i, &word, sizeof(word));
	}
	for (; i < len; i++) {
		bytes[i] = byte_at(at + i, seed);
	}
}

bool
frame_check(const uint8_t *bytes, uint32_t len, uint32_t at, uint64_t seed)
{
	uint64_t wrong = 0;
	uint32_t i = 0;

	for (; i < len && (at + i) % 8 != 0; i++) {
		wrong |= bytes[i] ^ byte_at(at + i, seed);
	}
	for (; i + 8 <= len; i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, sizeof(word));
		wrong |= word ^ word_at((at + i) / 8, seed);
	}
	for (; i < len; i++) {
		wrong |= bytes[i] ^ byte_at(at + i, seed);
	}
	return wrong == 0;
}
