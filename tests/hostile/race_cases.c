/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that changes while the switch reads it: a thread rewrites descriptors, tables, indices,
 * headers or payload as fast as it can, and the rings are started again whenever they were stopped.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"
#include "tests/random.h"

#define HDR ((uint32_t)sizeof(struct net_hdr))
#define ETHER_LEN 14u
#define CHAIN 4u
#define CHAINS 16u /* buffers of CHAIN descriptors; the ring has room for more */
#define TABLES (CHAINS * CHAIN * 16u) /* bytes of them in the scratch memory */

static _Thread_local uint64_t seed = 88172645463325252u;

static uint32_t
random32(void)
{
	return (uint32_t)(random_next(&seed) >> 16);
}

/* A length that matters: around nothing, headers, buffers, 2^16 and 2^32. */
static uint32_t
odd_length(void)
{
	static const uint32_t lengths[] = {0, 1, 11, 12, 13, 26, 60, 72, 192, 1412, 2048, 65535,
		65562, 0x7fffffff, 0x80000000u, UINT32_MAX};

	return lengths[random32() % 16];
}

static uint64_t
odd_address(const struct attack *attack)
{
	const uint64_t size = attack->fe.memory.size;

	switch (random32() % 8) {
	case 0:
		return 0;
	case 1:
		return MEMORY_GPA + size - random32() % 4096;
	case 2:
		return UINT64_MAX - random32() % 4096;
	case 3:
		return (uint64_t)random32() << 32 | random32();
	default:
		return MEMORY_GPA + random32() % size;
	}
}

/* One descriptor of a ring or table: the formats have address and length in common. */
static void
rewrite(const struct attack *attack, volatile struct split_desc *desc)
{
	switch (random32() % 6) {
	case 0:
		desc->addr = odd_address(attack);
		break;
	case 1:
		desc->len = odd_length();
		break;
	case 2:
		desc->flags ^= (uint16_t)(1u << random32() % 16);
		break;
	case 3:
		desc->next = (uint16_t)random32();
		break;
	default: /* mostly right, so that the switch gets far */
		desc->addr = memory_gpa(&attack->fe.memory, attack->tx);
		desc->len = 100;
		break;
	}
}

static volatile struct split_desc *
ring_desc(const struct attack *attack, unsigned int ring, unsigned int slot)
{
	const struct frontend_queue *queue = &attack->fe.queues[ring];

	return queue->is_packed ? (volatile struct split_desc *)&queue->ring.packed.desc[slot]
				: (volatile struct split_desc *)&queue->ring.split.desc[slot];
}

/* Put the original contents back and publish them all again, right or not. */
static void
refill(struct attack *attack, bool with_tables)
{
	for (unsigned int ring = 0; ring < 2; ring++) {
		struct frontend_queue *queue = &attack->fe.queues[ring];
		const uint16_t write = ring == 0 ? SPLIT_DESC_WRITE : 0;
		for (unsigned int c = 0; c < CHAINS; c++) {
			struct chain_piece pieces[CHAIN];
			for (unsigned int p = 0; p < CHAIN; p++) {
				uint8_t *at = (ring == 0 ? attack->rx : attack->tx) +
					(size_t)(c * CHAIN + p) * ATTACK_BUFFER;
				if (ring == 1 && p == 0) {
					at = attack_frame(attack, c * CHAIN, 1400);
				}
				pieces[p] = attack_piece(attack, at, p == 0 ? HDR + 80 : 400);
				pieces[p].flags = write;
			}
			/* Nothing here may end the test: only what is published counts. */
			queue->ring.packed.pending =
				queue->is_packed ? 0 : queue->ring.packed.pending;
			attack_put(attack, ring, pieces, CHAIN,
				with_tables
					? attack->scratch + ring * TABLES + (size_t)c * CHAIN * 16
					: NULL);
		}
	}
}

static void
race_descriptors(struct attack *attack)
{
	for (unsigned int i = 0; i < 64; i++) {
		rewrite(attack, ring_desc(attack, random32() % 2, random32() % ATTACK_RING));
	}
}

static void
race_tables(struct attack *attack)
{
	for (unsigned int i = 0; i < 64; i++) {
		volatile struct split_desc *tables = (volatile void *)attack->scratch;
		rewrite(attack, &tables[random32() % (2 * CHAINS * CHAIN)]);
	}
	/* And how long the tables are, between one look and the next. */
	volatile struct split_desc *desc =
		ring_desc(attack, random32() % 2, random32() % ATTACK_RING);
	if ((desc->flags & SPLIT_DESC_INDIRECT) != 0) {
		desc->len = (random32() % 3) * 16 * CHAIN + random32() % 2 * 16;
	}
}

static void
race_lengths(struct attack *attack)
{
	for (unsigned int i = 0; i < 64; i++) {
		ring_desc(attack, random32() % 2, random32() % ATTACK_RING)->len =
			random32() % 4 == 0 ? odd_length() : HDR + 80;
	}
}

/* The virtio-net header and all headers behind it. */
static void
race_headers(struct attack *attack)
{
	for (unsigned int i = 0; i < 64; i++) {
		volatile uint8_t *at =
			attack->tx + (size_t)(random32() % (CHAINS * CHAIN)) * ATTACK_BUFFER;
		const uint32_t offset = random32() % 90;
		at[offset < 84 ? offset % (HDR + 72) : offset] = (uint8_t)random32();
		if (random32() % 8 == 0) { /* a TSO frame to the mate, at times */
			at[1] = 1;
			at[0] = NET_HDR_NEEDS_CSUM;
			at[HDR + 12] = 0x08;
			at[HDR + 13] = 0x00;
			at[HDR + ETHER_LEN] = 0x45;
		}
	}
}

static void
race_payload(struct attack *attack)
{
	for (unsigned int i = 0; i < 64; i++) {
		volatile uint64_t *at = (volatile void *)(attack->tx +
			(size_t)(random32() % (CHAINS * CHAIN)) * ATTACK_BUFFER);
		at[12 + random32() % 200] = random32();
	}
}

static void
race_indices(struct attack *attack)
{
	const struct frontend_queue *queue = &attack->fe.queues[random32() % 2];

	if (queue->is_packed) {
		race_descriptors(attack);
		return;
	}
	volatile struct split_avail *avail = queue->ring.split.avail;
	switch (random32() % 4) {
	case 0:
		avail->idx = (uint16_t)(avail->idx + random32() % 32);
		break;
	case 1:
		avail->idx = (uint16_t)random32();
		break;
	case 2:
		avail->flags = (uint16_t)random32();
		break;
	default:
		avail->ring[random32() % ATTACK_RING] = (uint16_t)(random32() % (ATTACK_RING + 2));
		break;
	}
	queue->ring.split.used->idx = (uint16_t)random32();
}

/* Half a second of it; rings that were stopped are started again, a hundred times if all goes well.
 */
static bool
race(struct attack *attack, unsigned int flags, bool with_tables,
	void (*body)(struct attack *attack))
{
	const uint64_t end = clock_now() + CLOCK_S / 2;

	if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
		return false;
	}
	while (clock_now() < end) {
		if (!attack_start_thread(attack, body)) {
			return false;
		}
		for (unsigned int i = 0; i < 8; i++) {
			refill(attack, with_tables);
			(void)usleep(300);
		}
		attack_stop_thread(attack);
		if (!attack_restart_rings(attack)) {
			return false;
		}
	}
	return true;
}

static bool
descriptors(struct attack *attack, unsigned int flags)
{
	return race(attack, flags, false, race_descriptors);
}

static bool
tables(struct attack *attack, unsigned int flags)
{
	return race(attack, flags, true, race_tables);
}

static bool
lengths(struct attack *attack, unsigned int flags)
{
	return race(attack, flags, false, race_lengths);
}

static bool
headers(struct attack *attack, unsigned int flags)
{
	return race(attack, flags, false, race_headers);
}

static bool
payload(struct attack *attack, unsigned int flags)
{
	return race(attack, flags, false, race_payload);
}

static bool
indices(struct attack *attack, unsigned int flags)
{
	return race(attack, flags, false, race_indices);
}

#define O ATTACK_OFFLOADS
#define P ATTACK_PACKED

const struct hostile_case race_cases[] = {
	{"race-descriptors", "descriptors change while they are read", descriptors, O, NULL},
	{"race-descriptors-packed", "the same, packed", descriptors, O | P, NULL},
	{"race-lengths", "only their lengths change", lengths, O, NULL},
	{"race-lengths-packed", "the same, packed", lengths, O | P, NULL},
	{"race-tables", "indirect tables and their lengths change", tables, O, NULL},
	{"race-tables-packed", "the same, packed", tables, O | P, NULL},
	{"race-headers", "virtio-net and protocol headers change", headers, O, NULL},
	{"race-headers-packed", "the same, packed", headers, O | P, NULL},
	{"race-payload", "payload changes while it is copied, which is legal", payload, 0, NULL},
	{"race-indices", "available entries and indices change", indices, O, NULL},
	{0},
};
