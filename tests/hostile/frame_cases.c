/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames whose header or length is odd: short, split up, enormous, with impossible offloads. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define WRITE SPLIT_DESC_WRITE
#define HDR ((uint32_t)sizeof(struct net_hdr))
#define ETHER 14u
#define HUGE_PIECE (128u << 10)

static uint64_t
marks(const struct attack *attack)
{
	struct bystanders_report report;

	bystanders_report(attack->bystanders, &report);
	return report.mate_marks;
}

/* Chains that end inside of the header, or with it: no frame, and the buffer comes back. */
static bool
runts(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const uint64_t before = marks(attack);
	uint8_t *frame = attack_frame(attack, ATTACK_PUMP, 64);
	for (uint32_t len = 1; len < HDR + ETHER; len++) {
		const struct chain_piece piece = attack_piece(attack, frame, len);
		attack_put(attack, 1, &piece, 1, NULL);
		if (!attack_used(attack, 1)) {
			return attack_fail(attack, "a chain of %u bytes", len);
		}
	}
	for (uint32_t len = 2; len < HDR + ETHER; len++) {
		const struct chain_piece pieces[] = {
			attack_piece(attack, frame, 1), attack_piece(attack, frame + 1, len - 1)};
		attack_put(attack, 1, pieces, 2, NULL);
		if (!attack_used(attack, 1)) {
			return attack_fail(attack, "two descriptors of %u bytes", len);
		}
	}
	if (marks(attack) != before) {
		return attack_fail(attack, "a runt was forwarded");
	}
	return attack_passes(attack, 8);
}

/* The header in 1 .. 12 descriptors: legal, and the frame must be whole. */
static bool
split_header(struct attack *attack, unsigned int flags)
{
	struct chain_piece pieces[HDR + 2];

	if (!attack_open(attack, flags)) {
		return false;
	}
	for (unsigned int parts = 1; parts <= HDR; parts++) {
		const uint64_t before = marks(attack);
		const uint64_t end = clock_now() + CLOCK_S;
		const unsigned int slot = ATTACK_PUMP + parts;
		uint8_t *frame = attack_frame(attack, slot, 700);
		uint8_t *table = attack->scratch + (size_t)slot * 256;
		for (unsigned int i = 0; i + 1 < parts; i++) {
			pieces[i] = attack_piece(attack, frame + i, 1);
		}
		pieces[parts - 1] = attack_piece(attack, frame + parts - 1, HDR - (parts - 1) + 6);
		pieces[parts] = attack_piece(attack, frame + HDR + 6, 694);
		attack_put(attack, 1, pieces, parts + 1, parts % 2 == 0 ? table : NULL);
		while (marks(attack) == before) {
			if (clock_now() > end) {
				return attack_fail(attack,
					"a frame whose header has %u parts does not arrive", parts);
			}
			(void)usleep(200);
		}
	}
	return true;
}

/* Lengths around 64 KiB, and a megabyte. */
static bool
enormous(struct attack *attack, unsigned int flags)
{
	static const uint32_t lengths[] = {65535, 65536, 65550, 65551, HUGE_PIECE, 4 * HUGE_PIECE};
	struct chain_piece pieces[16];

	if (!attack_open(attack, flags)) {
		return false;
	}
	memcpy(attack->scratch, attack_frame(attack, ATTACK_PUMP, 64), 64);
	for (unsigned int i = 0; i < 6; i++) {
		const struct chain_piece piece = attack_piece(attack, attack->scratch, lengths[i]);
		attack_put(attack, 1, &piece, 1, NULL);
		for (unsigned int p = 0; p < 16; p++) {
			pieces[p] = piece;
		}
		attack_put(attack, 1, pieces, 16, NULL);
		if (!attack_used(attack, 1)) {
			return attack_fail(attack, "%u bytes", lengths[i]);
		}
	}
	return true;
}

/* One receive chain that does not fit what it is for. */
static bool
receive_into(struct attack *attack, unsigned int flags, const uint32_t *lengths, unsigned int n)
{
	struct chain_piece pieces[8];

	if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
		return false;
	}
	for (unsigned int round = 0; round < 12; round++) {
		for (unsigned int i = 0; i < n; i++) {
			/* The second one ends where the memory ends: one byte more is fatal. */
			const uint8_t *at = i == 1
				? attack->fe.memory.base + attack->fe.memory.size - lengths[i]
				: attack->rx + (size_t)i * ATTACK_BUFFER;
			pieces[i] = attack_piece(attack, at, lengths[i]);
			pieces[i].flags = WRITE;
		}
		attack_put(attack, 0, pieces, n, NULL);
	}
	(void)usleep(50000);
	return true;
}

/* A few bytes before a normal descriptor: the length that is left must not wrap. */
static bool
rx_runts(struct attack *attack, unsigned int flags)
{
	static const uint32_t rows[][3] = {{4, 4, 2048}, {4, 4, 4}, {4, 2048, 0}, {1, 2048, 2048},
		{11, 2048, 1}, {4, 4, 0}, {1, 1, 1}, {12, 1, 0}, {12, 2048, 0}, {11, 0, 2048},
		{0, 0, 0}, {0, 2048, 0}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!receive_into(attack, flags, rows[i], 3) ||
			!receive_into(attack, flags, rows[i], 2) ||
			!receive_into(attack, flags, rows[i], 1)) {
			return false;
		}
	}
	return true;
}

/* Receive buffers of some bytes each: with mergeable buffers a frame needs a thousand. */
static bool
rx_crumbs(struct attack *attack, unsigned int flags)
{
	for (uint32_t len = 1; len <= 64; len *= 4) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		for (unsigned int i = 0; i < ATTACK_PUMP; i++) {
			struct chain_piece piece =
				attack_piece(attack, attack->rx + (size_t)i * 64, len + i % 3);
			piece.flags = WRITE;
			attack_put(attack, 0, &piece, 1, NULL);
		}
		(void)usleep(50000);
	}
	return true;
}

/* A receive chain that the guest may write and the switch only read, in part. */
static bool
rx_mixed(struct attack *attack, unsigned int flags)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		struct chain_piece pieces[] = {attack_piece(attack, attack->rx, 64),
			attack_piece(attack, attack->rx + 4096, 2048)};
		pieces[i].flags = WRITE;
		attack_put(attack, 0, pieces, 2, NULL);
		(void)usleep(50000);
	}
	return true;
}

/* An IPv4 or IPv6 TCP or UDP frame to the mate; its lengths are as given, right or wrong. */
static uint8_t *
packet(struct attack *attack, bool ipv6, uint8_t protocol, uint32_t len)
{
	uint8_t *at = attack->scratch;

	memcpy(at, attack_frame(attack, ATTACK_PUMP, 64), 64);
	memset(at + HDR + ETHER, 0, len);
	uint8_t *ip = at + HDR + ETHER;
	at[HDR + 12] = ipv6 ? 0x86 : 0x08;
	at[HDR + 13] = ipv6 ? 0xdd : 0x00;
	const uint32_t total = len - ETHER;
	if (ipv6) {
		ip[0] = 0x60;
		ip[4] = (uint8_t)((total - 40) >> 8);
		ip[5] = (uint8_t)(total - 40);
		ip[6] = protocol;
		ip[7] = 64;
	} else {
		ip[0] = 0x45;
		ip[2] = (uint8_t)(total >> 8);
		ip[3] = (uint8_t)total;
		ip[8] = 64;
		ip[9] = protocol;
	}
	uint8_t *l4 = ip + (ipv6 ? 40 : 20);
	l4[12] = 0x50; /* TCP: 20 bytes of header */
	return at;
}

static void
put_packet(struct attack *attack, struct net_hdr hdr, const uint8_t *frame, uint32_t len)
{
	memcpy((uint8_t *)(uintptr_t)frame, &hdr, sizeof(hdr));
	const struct chain_piece pieces[] = {attack_piece(attack, frame, HDR + 40),
		attack_piece(attack, frame + HDR + 40, len - 40)};
	attack_put(attack, 1, pieces, 2, NULL);
}

/* Every odd value of every field, with others that make it matter. */
static bool
offloads(struct attack *attack, unsigned int flags)
{
	static const uint16_t odd[] = {
		0, 1, 13, 14, 34, 54, 200, 1513, 1514, 0x7fff, 0x8000, 0xffff};
	static const uint8_t types[] = {0, 1, 3, 4, 5, 2, 6, 0x7f, 0x80, 0x81, 0x84, 0xff};
	static const uint32_t lengths[] = {60, 1514, 30000, 65535 + ETHER};

	if (!attack_open(attack, flags)) {
		return false;
	}
	for (unsigned int i = 0; i < 3000; i++) {
		const uint32_t r = i * 2654435761u;
		const uint32_t len = lengths[i % 4];
		const struct net_hdr hdr = {
			.flags = (uint8_t)(i % 7 == 0 ? 0xff : (r >> 5) % 4),
			.gso_type = types[(r >> 8) % 12],
			.hdr_len = odd[(r >> 12) % 12],
			.gso_size = odd[(r >> 16) % 12],
			.csum_start = odd[(r >> 20) % 12],
			.csum_offset = odd[(r >> 24) % 12],
			.num_buffers = (uint16_t)(r >> 3),
		};
		put_packet(
			attack, hdr, packet(attack, (i & 1) != 0, i % 3 == 0 ? 17 : 6, len), len);
		/* Never more than the ring holds: that would be another fault. */
		if (i % 32 == 31 && !attack_used(attack, 1)) {
			return false;
		}
	}
	return true;
}

/* A second front end of the attacker's, which takes no segments, and says where it is. */
static bool
open_other(struct attack *attack, struct frontend *other)
{
	const struct frontend_config config = {
		.path = attack->other,
		.n_pairs = 1,
		.ring_size = ATTACK_RING,
		.features = VIRTIO_F_VERSION_1,
		.buffer_memory = (size_t)(ATTACK_RING + 1) * ATTACK_BUFFER,
	};
	struct err err = ERR_INIT;

	if (frontend_open(other, &config, &err) != 0) {
		return attack_fail(attack, "%s", err.text);
	}
	uint8_t *at = memory_alloc(
		&other->memory, (size_t)(ATTACK_RING + 1) * ATTACK_BUFFER, ATTACK_BUFFER);
	for (uint16_t i = 0; at != NULL && i < ATTACK_RING; i++) {
		const struct ring_buffer buffer = {
			.gpa = memory_gpa(&other->memory, at + (size_t)i * ATTACK_BUFFER),
			.len = ATTACK_BUFFER,
			.id = i,
		};
		queue_post(frontend_rx(other, 0), &buffer, 1);
	}
	if (at == NULL) {
		return attack_fail(attack, "no memory");
	}
	at += (size_t)ATTACK_RING * ATTACK_BUFFER;
	at[HDR + 6] = 2;
	at[HDR + 11] = MAC_OTHER;
	const struct ring_buffer hello = {
		.gpa = memory_gpa(&other->memory, at), .len = HDR + 60, .id = 0};
	queue_post(frontend_tx(other, 0), &hello, 1);
	(void)usleep(10000);
	return true;
}

/* Segmentation into the most pieces there can be, for a guest that takes none and is soon full. */
static bool
segments(struct attack *attack, unsigned int flags)
{
	struct frontend other = {.socket = -1, .memory = {.fd = -1}};
	bool good = attack_open(attack, flags) && open_other(attack, &other);

	for (unsigned int i = 0; good && i < 64; i++) {
		const bool ipv6 = i % 2 != 0;
		const uint32_t len = 65000;
		const struct net_hdr hdr = {
			.flags = NET_HDR_NEEDS_CSUM,
			.gso_type = ipv6 ? 4 : NET_HDR_GSO_TCPV4,
			.hdr_len = (uint16_t)(ETHER + (ipv6 ? 60 : 40)),
			.gso_size = (uint16_t)(1 + i / 16),
			.csum_start = (uint16_t)(ETHER + (ipv6 ? 40 : 20)),
			.csum_offset = 16,
		};
		uint8_t *frame = packet(attack, ipv6, 6, len);
		frame[HDR + 5] = i % 4 == 3 ? MAC_MATE : MAC_OTHER;
		put_packet(attack, hdr, frame, len);
		good = attack_used(attack, 1);
	}
	frontend_close(&other);
	return good;
}

/* Headers of protocols that end in the middle of themselves. */
static bool
cut_headers(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	for (unsigned int i = 0; i < 120; i++) {
		const uint32_t len = ETHER + 1 + i / 2;
		const struct net_hdr hdr = {
			.flags = NET_HDR_NEEDS_CSUM,
			.gso_type = i % 2 == 0 ? 1 : 4,
			.hdr_len = 54,
			.gso_size = 100,
			.csum_start = 34,
			.csum_offset = 16,
		};
		uint8_t *frame = packet(attack, i % 2 != 0, 6, 100);
		memcpy(frame, &hdr, sizeof(hdr));
		frame[HDR + ETHER] = (uint8_t)(i % 3 == 0 ? 0x4f : frame[HDR + ETHER]);
		const struct chain_piece piece = attack_piece(attack, frame, HDR + len);
		attack_put(attack, 1, &piece, 1, NULL);
		if (!attack_used(attack, 1)) {
			return false;
		}
	}
	return true;
}

/*
 * Another port has the same memory, and receives into the very bytes that are sent to it, or some
 * bytes beside them: source and destination of a copy overlap.
 */
static bool
same_memory(struct attack *attack, unsigned int flags)
{
	struct frontend other;
	struct err err = ERR_INIT;
	struct frontend_config config;
	const uint8_t mac[6] = {2, 0, 0, 0, 0, MAC_OTHER};
	unsigned int received = 0;

	if (!attack_open(attack, flags)) {
		return false;
	}
	config = attack->fe.config;
	config.path = attack->other;
	config.buffer_memory = 4096;
	int rc = frontend_connect(&other, &config, &err);
	if (rc == 0) {
		memory_fini(&other.memory);
		other.memory = attack->fe.memory;
		rc = frontend_negotiate(&other, &err);
	}
	rc = rc != 0 ? rc : frontend_start(&other, &err);
	for (unsigned int i = 0; rc == 0 && i < 2000; i++) {
		struct frontend_queue *rx = frontend_rx(&other, 0);
		struct ring_used used[32];
		uint8_t *frame = attack_frame(attack, ATTACK_PUMP + i % 64, 1400);
		const struct ring_buffer buffer = {
			.gpa = memory_gpa(&attack->fe.memory, frame) + i % 41 - 20,
			.len = ATTACK_BUFFER,
			.id = (uint16_t)(i % 64),
		};
		memcpy(frame + HDR, i % 16 == 0 ? (const uint8_t *)"\xff\xff\xff\xff\xff\xff" : mac,
			6);
		queue_post(rx, &buffer, 1);
		const struct chain_piece piece = attack_piece(attack, frame, HDR + 1400);
		attack_put(attack, 1, &piece, 1, NULL);
		if (i % 16 == 0) { /* the other says where it is */
			uint8_t *from = attack_frame(attack, ATTACK_PUMP + 64 + i / 16 % 8, 60);
			from[HDR + 11] = mac[5];
			const struct ring_buffer hello = {
				.gpa = memory_gpa(&attack->fe.memory, from),
				.len = HDR + 60,
				.id = (uint16_t)(i % 64),
			};
			queue_post(frontend_tx(&other, 0), &hello, 1);
			(void)queue_collect(frontend_tx(&other, 0), used, 32);
		}
		received += queue_collect(rx, used, 32);
		if (i % 32 == 31 && !attack_used(attack, 1)) {
			break;
		}
	}
	other.memory = (struct memory){.fd = -1};
	frontend_close(&other);
	if (rc != 0) {
		return attack_fail(attack, "%s", err.text);
	}
	return received > 500 || attack_fail(attack, "only %u frames were copied", received);
}

#define O ATTACK_OFFLOADS
#define P ATTACK_PACKED

const struct hostile_case frame_cases[] = {
	{"runts", "frames that end in or behind their virtio-net header", runts, 0, NULL},
	{"runts-packed", "the same, packed", runts, P, NULL},
	{"runts-offloads", "the same with offloads", runts, O, NULL},
	{"split-header", "a virtio-net header of up to 12 descriptors, which is legal",
		split_header, 0, NULL},
	{"split-header-packed", "the same, packed", split_header, P | O, NULL},
	{"enormous", "frames of 64 KiB to 8 MiB", enormous, 0, NULL},
	{"enormous-packed", "the same, packed", enormous, P, NULL},
	{"enormous-offloads", "the same with offloads", enormous, O, NULL},
	{"rx-runts", "receive chains with a few bytes at their begin, or none", rx_runts, 0, NULL},
	{"rx-runts-packed", "the same, packed", rx_runts, P, NULL},
	{"rx-runts-plain", "the same without mergeable buffers", rx_runts, ATTACK_PLAIN, NULL},
	{"rx-crumbs", "receive buffers of single bytes", rx_crumbs, 0, NULL},
	{"rx-crumbs-packed", "the same, packed", rx_crumbs, P, NULL},
	{"rx-mixed", "receive chains that can be written in part", rx_mixed, 0, "direction"},
	{"rx-mixed-packed", "the same, packed", rx_mixed, P, "direction"},
	{"offloads", "offloads of all odd sizes and places", offloads, O, NULL},
	{"offloads-packed", "the same, packed", offloads, O | P, NULL},
	{"offloads-unasked", "the same, and none was negotiated", offloads, 0, NULL},
	{"segments", "65,000 bytes in segments of one to four", segments, O, NULL},
	{"segments-packed", "the same, packed", segments, O | P, NULL},
	{"cut-headers", "IP and TCP headers that end too early", cut_headers, O, NULL},
	{"same-memory", "two ports with the same memory, copies that overlap", same_memory, O,
		NULL},
	{0},
};
