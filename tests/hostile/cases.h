/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The attacks, by what they abuse. Each case is one row.
 *
 * `reason` is what the attacked port must say in its state when run() has returned and the attacker
 * is still connected, unless the switch has thrown it out: words, "a|b" for one of them. NULL: what
 * the attacker does is legal, or is its own affair.
 */
#ifndef VSW_TESTS_HOSTILE_CASES_H
#define VSW_TESTS_HOSTILE_CASES_H

#include <stdbool.h>

struct attack;

struct hostile_case {
	const char *name;
	const char *what; /* a sentence */
	bool (*run)(struct attack *attack, unsigned int flags); /* false: see attack_fail() */
	unsigned int flags; /* ATTACK_..., for run() */
	const char *reason;
};

/* Ends with a row without a name. */
extern const struct hostile_case message_cases[]; /* single messages, descriptors, numbers */
extern const struct hostile_case session_cases[]; /* floods, silence, reconnects */
extern const struct hostile_case memory_cases[]; /* memory tables and slots */
extern const struct hostile_case area_cases[]; /* log, in-flight area */
extern const struct hostile_case vanish_cases[]; /* files that are truncated */
extern const struct hostile_case ring_cases[]; /* descriptors and indices */
extern const struct hostile_case table_cases[]; /* indirect tables */
extern const struct hostile_case place_cases[]; /* where rings are */
extern const struct hostile_case frame_cases[]; /* headers, lengths, offloads */
extern const struct hostile_case race_cases[]; /* what changes while the switch reads it */
extern const struct hostile_case notify_cases[]; /* kicks and calls */

#endif
