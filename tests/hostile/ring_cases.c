/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors and indices that break the rules of virtio 1.2, sections 2.7 and 2.8. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define WRITE SPLIT_DESC_WRITE
#define HDR ((uint32_t)sizeof(struct net_hdr))

/* Time for the switch to look at what was put, whether it sleeps or not. */
static void
let_it_look(void)
{
	(void)usleep(8000);
}

static struct split_ring *
split(struct attack *attack, unsigned int ring)
{
	return &attack->fe.queues[ring].ring.split;
}

/* Publish an entry of the available ring as it stands. */
static void
put_head(struct attack *attack, unsigned int ring, uint16_t head)
{
	split_ring_put_head(split(attack, ring), head);
	split_ring_publish(split(attack, ring));
	queue_kick(&attack->fe.queues[ring]);
}

static uint64_t
marks(const struct attack *attack)
{
	struct bystanders_report report;

	bystanders_report(attack->bystanders, &report);
	return report.mate_marks;
}

/* Buffers at addresses that are no memory of the attacker's. */
static bool
addresses(struct attack *attack, unsigned int flags, unsigned int ring)
{
	for (unsigned int i = 0; i < 10; i++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		const uint64_t end = MEMORY_GPA + attack->fe.memory.size;
		const struct chain_piece rows[] = {{0, 100, 0}, {MEMORY_GPA - 50, 100, 0},
			{end - 50, 100, 0}, {end, 100, 0}, {UINT64_MAX - 10, 100, 0},
			{UINT64_MAX, 1, 0}, {MEMORY_GPA, UINT32_MAX, 0},
			{(uintptr_t)attack->tx, 100, 0}, {UINT64_C(1) << 63, UINT32_MAX, 0},
			{end - 4096, 8192, 0}};
		struct chain_piece piece = rows[i];
		const uint64_t before = marks(attack);
		piece.flags = ring == 0 ? WRITE : 0;
		attack_put(attack, ring, &piece, 1, NULL);
		let_it_look();
		if (marks(attack) != before) {
			return attack_fail(attack, "row %u was forwarded", i);
		}
	}
	/* The last one is judged by its reason: give the switch a broadcast's time. */
	(void)usleep(ring == 0 ? 50000 : 0);
	return true;
}

static bool
tx_addresses(struct attack *attack, unsigned int flags)
{
	return addresses(attack, flags, 1);
}

static bool
rx_addresses(struct attack *attack, unsigned int flags)
{
	return addresses(attack, flags, 0);
}

/* A good header, then a bad address; and the other way round. */
static bool
second_address(struct attack *attack, unsigned int flags)
{
	struct chain_piece pieces[3];

	for (unsigned int i = 0; i < 2; i++) {
		if (!attack_open(attack, flags)) {
			return false;
		}
		uint8_t *frame = attack_frame(attack, ATTACK_PUMP, 1000);
		pieces[0] = attack_piece(attack, frame, HDR + 14);
		pieces[1] = attack_piece(attack, frame + HDR + 14, 500);
		pieces[2] = (struct chain_piece){MEMORY_GPA + attack->fe.memory.size - 4, 64, 0};
		if (i == 1) {
			pieces[2] = pieces[0];
			pieces[0] = (struct chain_piece){0x1000, HDR, 0};
		}
		attack_put(attack, 1, pieces, 3, NULL);
		let_it_look();
	}
	return true;
}

/* No bytes at no address. */
static bool
nothing(struct attack *attack, unsigned int flags)
{
	struct chain_piece pieces[32] = {0};

	for (unsigned int ring = 0; ring < 2; ring++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		for (unsigned int i = 0; i < 32; i++) {
			pieces[i].flags = ring == 0 ? WRITE : 0;
			pieces[i].gpa = UINT64_MAX - 100;
			attack_put(attack, ring, &pieces[i], 1, NULL);
		}
		attack_put(attack, ring, pieces, 32, NULL);
		(void)usleep(20000);
	}
	return true;
}

static bool
region_border(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const struct vhost_user_region last = frontend_region(&attack->fe, 3);
	uint8_t *border = memory_at(&attack->fe.memory, last.gpa, 4096);
	uint8_t *frame = attack_frame(attack, ATTACK_PUMP, 1400);
	const uint64_t before = marks(attack);
	const uint64_t end = clock_now() + CLOCK_S;
	if (border < attack->scratch) {
		return attack_fail(attack, "the regions' border is in the wrong place");
	}
	static const unsigned int parts[] = {1, 6, 12, 20, 100, 500, 1411};
	for (unsigned int i = 0; i < 7; i++) {
		memcpy(border - parts[i], frame, HDR + 1400);
		const struct chain_piece piece =
			attack_piece(attack, border - parts[i], HDR + 1400);
		attack_put(attack, 1, &piece, 1, NULL);
		while (marks(attack) < before + i + 1) {
			if (clock_now() > end) {
				return attack_fail(attack,
					"a frame across two regions does not arrive (%u bytes in "
					"the first)",
					parts[i]);
			}
			(void)usleep(200);
		}
	}
	return true;
}

static bool
head_range(struct attack *attack, unsigned int flags)
{
	static const uint16_t heads[] = {UINT16_MAX, 0x8000, ATTACK_RING};

	for (unsigned int ring = 0; ring < 2; ring++) {
		for (unsigned int i = 0; i < 3; i++) {
			if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
				return false;
			}
			put_head(attack, ring, heads[i]);
			(void)usleep(ring == 0 ? 50000 : 8000);
		}
	}
	return true;
}

/* Packed rings: buffer ids beyond the ring. */
static bool
id_range(struct attack *attack, unsigned int flags)
{
	for (unsigned int ring = 0; ring < 2; ring++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		struct chain_piece piece =
			attack_piece(attack, attack_frame(attack, ATTACK_PUMP, 100), HDR + 100);
		piece.flags = ring == 0 ? WRITE : 0;
		packed_chain(&attack->fe.queues[ring].ring.packed, UINT16_MAX, &piece, 1);
		queue_kick(&attack->fe.queues[ring]);
		(void)usleep(ring == 0 ? 50000 : 8000);
	}
	return true;
}

static bool
next_range(struct attack *attack, unsigned int flags)
{
	static const uint16_t nexts[] = {UINT16_MAX, 0x8000, ATTACK_RING};

	for (unsigned int i = 0; i < 6; i++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		split(attack, i % 2)->desc[5] = (struct split_desc){
			.addr = memory_gpa(&attack->fe.memory, attack->tx),
			.len = 8,
			.flags = (uint16_t)(SPLIT_DESC_NEXT | (i % 2 == 0 ? WRITE : 0)),
			.next = nexts[i / 2],
		};
		put_head(attack, i % 2, 5);
		(void)usleep(i % 2 == 0 ? 50000 : 8000);
	}
	return true;
}

/* Loops of one, of two, and of all descriptors; on both rings. */
static bool
loops(struct attack *attack, unsigned int flags)
{
	static const unsigned int lengths[] = {1, 2, ATTACK_RING};

	for (unsigned int i = 0; i < 6; i++) {
		const unsigned int n = lengths[i / 2];
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		for (unsigned int d = 0; d < n; d++) {
			split(attack, i % 2)->desc[d] = (struct split_desc){
				.addr = memory_gpa(&attack->fe.memory, attack->tx),
				.len = 1,
				.flags = (uint16_t)(SPLIT_DESC_NEXT | (i % 2 == 0 ? WRITE : 0)),
				.next = (uint16_t)((d + 1) % n),
			};
		}
		put_head(attack, i % 2, 0);
		(void)usleep(i % 2 == 0 ? 50000 : 8000);
	}
	return true;
}

/* Packed: all descriptors go on, so the chain never ends. */
static bool
endless(struct attack *attack, unsigned int flags)
{
	for (unsigned int ring = 0; ring < 2; ring++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		struct packed_ring *packed = &attack->fe.queues[ring].ring.packed;
		for (unsigned int d = 0; d < ATTACK_RING; d++) {
			packed->desc[d].addr = memory_gpa(&attack->fe.memory, attack->tx);
			packed->desc[d].len = 1;
			packed->desc[d].id = (uint16_t)d;
			packed->desc[d].flags = packed_ring_flags(
				(uint16_t)(PACKED_DESC_NEXT | (ring == 0 ? WRITE : 0)), true);
		}
		queue_kick(&attack->fe.queues[ring]);
		(void)usleep(ring == 0 ? 50000 : 8000);
	}
	return true;
}

/* A chain as long as the ring, legal or not: a byte each. */
static bool
long_chain(struct attack *attack, unsigned int flags)
{
	struct chain_piece pieces[ATTACK_PUMP];

	if (!attack_open(attack, flags)) {
		return false;
	}
	uint8_t *frame = attack_frame(attack, ATTACK_PUMP, ATTACK_PUMP - HDR);
	const uint64_t before = marks(attack);
	const uint64_t end = clock_now() + CLOCK_S;
	for (unsigned int i = 0; i < ATTACK_PUMP; i++) {
		pieces[i] = attack_piece(attack, frame + i, 1);
	}
	attack_put(attack, 1, pieces, ATTACK_PUMP, NULL);
	while (marks(attack) == before) {
		if (clock_now() > end) {
			return attack_fail(
				attack, "a legal chain of %u bytes does not arrive", ATTACK_PUMP);
		}
		(void)usleep(200);
	}
	return true;
}

static bool
avail_jump(struct attack *attack, unsigned int flags)
{
	static const uint16_t jumps[] = {ATTACK_RING + 1, 5000, 0x8000, UINT16_MAX};

	for (unsigned int i = 0; i < 8; i++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		split(attack, i % 2)->next_avail =
			(uint16_t)(split(attack, i % 2)->next_avail + jumps[i / 2]);
		split_ring_publish(split(attack, i % 2));
		queue_kick(&attack->fe.queues[i % 2]);
		(void)usleep(i % 2 == 0 ? 50000 : 8000);
	}
	return true;
}

/* The index goes back by one after packets have passed. */
static bool
avail_back(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags) || !attack_passes(attack, 8)) {
		return false;
	}
	(void)usleep(5000);
	split(attack, 1)->next_avail--;
	split_ring_publish(split(attack, 1));
	queue_kick(&attack->fe.queues[1]);
	return true;
}

static bool
directions(struct attack *attack, unsigned int flags)
{
	for (unsigned int ring = 0; ring < 2; ring++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		struct chain_piece piece =
			attack_piece(attack, attack_frame(attack, ATTACK_PUMP, 1000), HDR + 1000);
		piece.flags = ring == 0 ? 0 : WRITE;
		attack_put(attack, ring, &piece, 1, NULL);
		(void)usleep(ring == 0 ? 50000 : 8000);
	}
	return true;
}

/* What the switch writes is written by the guest: it is never read back. */
static bool
used_garbage(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	volatile struct split_used *used = split(attack, 1)->used;
	for (unsigned int i = 0; i < 400; i++) {
		const struct chain_piece piece = attack_piece(
			attack, attack_frame(attack, ATTACK_PUMP + i % 8, 200), HDR + 200);
		attack_put(attack, 1, &piece, 1, NULL);
		used->idx = (uint16_t)(i * 7919);
		used->flags = (uint16_t)i;
		for (unsigned int e = 0; e < ATTACK_RING; e++) {
			used->ring[e].id = i * 2654435761u;
		}
		(void)usleep(50);
	}
	return true;
}

/* Flags that virtio does not know, in every combination with those that it does. */
static bool
flag_bits(struct attack *attack, unsigned int flags)
{
	for (unsigned int i = 0; i < 64; i++) {
		if (!attack_open(attack, flags)) {
			return false;
		}
		struct chain_piece piece =
			attack_piece(attack, attack_frame(attack, ATTACK_PUMP, 100), HDR + 100);
		piece.flags = (uint16_t)(i << 1);
		attack_put(attack, 1, &piece, 1, NULL);
		(void)usleep(500);
	}
	return true;
}

/* Packed: descriptors of the next round, of no round, and both at once. */
static bool
wrap_garbage(struct attack *attack, unsigned int flags)
{
	for (unsigned int i = 0; i < 12; i++) {
		if (!attack_open(attack, flags)) {
			return false;
		}
		struct packed_ring *packed = &attack->fe.queues[1].ring.packed;
		for (unsigned int d = 0; d < ATTACK_RING; d++) {
			static const uint16_t bits[] = {PACKED_DESC_AVAIL, PACKED_DESC_USED,
				PACKED_DESC_AVAIL | PACKED_DESC_USED, 0};
			packed->desc[d] = (struct packed_desc){
				.addr = memory_gpa(&attack->fe.memory, attack->tx),
				.len = HDR + 60,
				.id = (uint16_t)(i < 6 ? d : 7),
				.flags = bits[(d * (i + 1) + d / (i + 1)) % 4],
			};
		}
		queue_kick(&attack->fe.queues[1]);
		(void)usleep(3000);
	}
	return true;
}

/* All entries of the ring are the same descriptor. */
static bool
same_head(struct attack *attack, unsigned int flags)
{
	for (unsigned int ring = 0; ring < 2; ring++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		split(attack, ring)->desc[3] = (struct split_desc){
			.addr = memory_gpa(
				&attack->fe.memory, attack_frame(attack, ATTACK_PUMP, 1000)),
			.len = HDR + 1000,
			.flags = ring == 0 ? WRITE : 0,
		};
		for (unsigned int round = 0; round < 20; round++) {
			for (unsigned int i = 0; i < ATTACK_RING; i++) {
				split_ring_put_head(split(attack, ring), 3);
			}
			split_ring_publish(split(attack, ring));
			queue_kick(&attack->fe.queues[ring]);
			(void)usleep(3000);
		}
	}
	return true;
}

#define P ATTACK_PACKED

const struct hostile_case ring_cases[] = {
	{"tx-addresses", "frames at addresses that are no memory", tx_addresses, 0, "address"},
	{"tx-addresses-packed", "the same, packed", tx_addresses, P, "address"},
	{"rx-addresses", "receive buffers at addresses that are no memory", rx_addresses, 0,
		"address"},
	{"rx-addresses-packed", "the same, packed", rx_addresses, P, "address"},
	{"chain-address", "a bad address inside of a chain", second_address, 0, "address"},
	{"chain-address-packed", "the same, packed", second_address, P, "address"},
	{"nothing", "no bytes at a bad address", nothing, 0, NULL},
	{"nothing-packed", "the same, packed", nothing, P, NULL},
	{"region-border", "frames across the border of two regions, which is legal", region_border,
		ATTACK_REGIONS, NULL},
	{"region-border-packed", "the same, packed", region_border, ATTACK_REGIONS | P, NULL},
	{"head-range", "available entries beyond the ring", head_range, 0, "head-range"},
	{"id-range", "packed: buffer ids beyond the ring", id_range, P, NULL},
	{"next-range", "chains that go on beyond the ring", next_range, 0, "next-range"},
	{"loops", "chains that loop", loops, 0, "chain-too-long"},
	{"endless", "packed: a chain without an end", endless, P, "chain-too-long"},
	{"long-chain", "a frame of 128 descriptors of a byte", long_chain, 0, NULL},
	{"long-chain-packed", "the same, packed", long_chain, P, NULL},
	{"avail-jump", "an available index that jumps", avail_jump, 0, "available-index"},
	{"avail-back", "an available index that goes back", avail_back, 0, "available-index"},
	{"directions", "buffers for the wrong direction", directions, 0, "direction"},
	{"directions-packed", "the same, packed", directions, P, "direction"},
	{"used-garbage", "the guest writes the used ring", used_garbage, 0, NULL},
	{"flag-bits", "descriptor flags in all combinations", flag_bits, 0, NULL},
	{"flag-bits-packed", "the same, packed", flag_bits, P, NULL},
	{"wrap-garbage", "packed: descriptors of any round", wrap_garbage, P, NULL},
	{"same-head", "one descriptor in all entries of the ring", same_head, 0, NULL},
	{0},
};
