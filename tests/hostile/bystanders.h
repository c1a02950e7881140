/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guests beside the attacker: an innocent pair that must notice nothing, and a mate of the
 * attacker's that takes what it sends.
 *
 * One guest of the pair has split rings, the other packed ones. Each sends the other numbered
 * frames of all sizes, and every few frames a broadcast, which the attacker's port gets too; every
 * byte that arrives is compared with what it must be. No more is under way than the receiver has
 * buffers for, so nothing may ever be lost.
 *
 * A thread of its own drives the guests. The functions here are for one other thread.
 */
#ifndef VSW_TESTS_HOSTILE_BYSTANDERS_H
#define VSW_TESTS_HOSTILE_BYSTANDERS_H

#include <stdint.h>

#include "base/err.h"

struct bystanders;

struct bystanders_report {
	uint64_t delivered; /* frames of the pair, whole and in order */
	uint64_t broadcasts; /* of them */
	uint64_t lost;
	uint64_t disordered;
	uint64_t corrupt;
	uint64_t disconnected; /* guests whose connection the switch has closed */
	uint64_t silence; /* longest time without a delivery in one of the directions, ns */
	uint64_t mate_frames; /* that reached the mate */
	uint64_t mate_marks; /* of them with ATTACK_MARK behind the addresses */
};

#define BYSTANDERS_PROBE 0x88b5u /* IEEE 802: local experimental EtherType 1 */
#define ATTACK_MARK 0x88b6u /* and 2 */

/* Ethernet addresses 02:00:00:00:00:xx by their last byte. */
#define MAC_PAIR_A 0x0a
#define MAC_PAIR_B 0x0b
#define MAC_MATE 0x0c
#define MAC_OTHER 0x0d /* of a second port of the attacker's */
#define MAC_ATTACKER 0x0e

/* Connect to the three sockets and begin. */
int bystanders_start(
	struct bystanders **out, const char *a, const char *b, const char *mate, struct err *err);
void bystanders_stop(struct bystanders *bystanders); /* NULL is legal */

/* Since the start, but the silence: since bystanders_mark(). */
void bystanders_report(const struct bystanders *bystanders, struct bystanders_report *report);
void bystanders_mark(struct bystanders *bystanders);

#endif
