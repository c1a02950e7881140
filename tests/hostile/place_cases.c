/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings at places where none may be: misaligned, outside, at borders, on top of each other. */
#include <string.h>
#include <unistd.h>

#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

/* Everything but the addresses of ring 1 is as it should be. */
static bool
place(struct attack *attack, unsigned int flags, uint64_t desc, uint64_t avail, uint64_t used)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	struct vhost_user_msg msg = message_state(VHOST_USER_GET_VRING_BASE, 1, 0);
	struct err err = ERR_INIT;
	if (vhost_user_ask(attack->fe.socket, &msg, &err) != 0) {
		return attack_fail(attack, "%s", err.text);
	}
	const uint64_t base = (uintptr_t)attack->fe.memory.base;
	msg = message_addr(attack, 1);
	/* Offsets into the memory; 0 leaves a ring where it is. */
	msg.payload.addr.desc = desc != 0 ? base + desc : msg.payload.addr.desc;
	msg.payload.addr.avail = avail != 0 ? base + avail : msg.payload.addr.avail;
	msg.payload.addr.used = used != 0 ? base + used : msg.payload.addr.used;
	const struct vhost_user_msg addr = msg;
	attack_message(attack, &addr, NULL, 0);
	msg = message_state(VHOST_USER_SET_VRING_BASE, 1, 0);
	attack_message(attack, &msg, NULL, 0);
	msg = message_u64(VHOST_USER_SET_VRING_KICK, 1);
	attack_message(attack, &msg, &attack->fe.queues[1].kick, 1);
	(void)frontend_enable_queue(&attack->fe, 1, true, NULL);
	queue_kick(&attack->fe.queues[1]);
	(void)usleep(5000);
	return true;
}

#define SCRATCH(attack) ((uint64_t)((attack)->scratch - (attack)->fe.memory.base))

static bool
misaligned(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const uint64_t at = SCRATCH(attack);
	/* Sections 2.7 and 2.8.10: 16, 2 and 4; 16, 4 and 4 bytes. */
	return place(attack, flags, at + 8, 0, 0) && place(attack, flags, 0, 0, at + 2) &&
		place(attack, flags, 0, at + 1, 0);
}

static bool
outside(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const uint64_t end = attack->fe.memory.size;
	const uint64_t base = (uintptr_t)attack->fe.memory.base;
	const uint64_t rows[] = {end, end - 16, end + 4096, 0 - base, (UINT64_MAX & ~15u) - base,
		MEMORY_GPA - base, UINT64_C(1) << 62};
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!place(attack, flags, rows[i], 0, 0) || !place(attack, flags, 0, rows[i], 0) ||
			!place(attack, flags, 0, 0, rows[i])) {
			return false;
		}
	}
	return true;
}

/* The last byte of a ring is the last of the memory: legal, and it must be read so far only. */
static bool
at_end(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const uint64_t end = attack->fe.memory.size;
	const uint64_t desc = end - ATTACK_RING * 16u;
	const uint64_t avail = (flags & ATTACK_PACKED) != 0 ? end - 4 : end - 6 - ATTACK_RING * 2u;
	const uint64_t used = (flags & ATTACK_PACKED) != 0 ? end - 4 : end - 8 - ATTACK_RING * 8u;
	return place(attack, flags, desc, 0, 0) && place(attack, flags, 0, avail, 0) &&
		place(attack, flags, 0, 0, used & ~UINT64_C(3));
}

/* Each descriptor area begins in one region and ends in the next one. */
static bool
across_regions(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const uint64_t border = frontend_region(&attack->fe, 3).gpa - MEMORY_GPA;
	return place(attack, flags, border - 64, 0, 0) &&
		((flags & ATTACK_PACKED) != 0 || place(attack, flags, 0, 0, border - 64));
}

/* All three areas are one, and buffers lie in them: the switch writes its own input. */
static bool
on_top(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const uint64_t at = SCRATCH(attack);
	for (unsigned int i = 0; i < 8; i++) {
		if (!place(attack, flags, at, at + i * 4, at + i * 8)) {
			return false;
		}
		for (unsigned int w = 0; w < 4096; w++) {
			attack->scratch[w] = (uint8_t)(w * (i + 3));
		}
		queue_kick(&attack->fe.queues[1]);
		(void)usleep(5000);
	}
	return true;
}

/* The used ring lies on the descriptors, receive buffers lie on the rings. */
static bool
buffers_on_rings(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
		return false;
	}
	const uint32_t size = (uint32_t)(attack->rx - attack->fe.memory.base);
	for (unsigned int i = 0; i < 60; i++) {
		struct chain_piece piece =
			attack_piece(attack, attack->fe.memory.base + (size_t)i * 64 % size, 2048);
		piece.flags = SPLIT_DESC_WRITE;
		attack_put(attack, 0, &piece, 1, NULL);
	}
	(void)usleep(200000);
	return true;
}

/* Both rings are at the same place. */
static bool
one_place(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	struct vhost_user_msg msg = message_addr(attack, 0);
	const uint64_t base = (uintptr_t)attack->fe.memory.base;
	return place(attack, flags, msg.payload.addr.desc - base, msg.payload.addr.avail - base,
		msg.payload.addr.used - base);
}

#define P ATTACK_PACKED

const struct hostile_case place_cases[] = {
	{"misaligned", "rings that are not aligned", misaligned, 0, "align"},
	{"misaligned-packed", "the same, packed", misaligned, P, "align"},
	{"outside", "rings outside of the memory", outside, 0, "memory|region|mapped"},
	{"outside-packed", "the same, packed", outside, P, "memory|region|mapped"},
	{"at-end", "rings that end where the memory ends", at_end, 0, NULL},
	{"at-end-packed", "the same, packed", at_end, P, NULL},
	{"across-regions", "rings that lie in two regions", across_regions, ATTACK_REGIONS,
		"memory|region"},
	{"on-top", "a ring's areas on top of each other", on_top, 0, NULL},
	{"on-top-packed", "the same, packed", on_top, P, NULL},
	{"buffers-on-rings", "receive buffers that lie on the rings", buffers_on_rings, 0, NULL},
	{"buffers-on-rings-packed", "the same, packed", buffers_on_rings, P, NULL},
	{"one-place", "both rings at the same place", one_place, 0, NULL},
	{0},
};
