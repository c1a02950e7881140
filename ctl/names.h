/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of the host's users and groups, asked for without waiting.
 *
 * A name service (LDAP through NSS, nsswitch.conf(5)) may take seconds to answer, or never do. So a
 * helper thread asks, one name after the other, and main reads what is known: a name that was never
 * asked for is unknown at first. An answer is good for NAMES_FRESH; then it is asked for again, and
 * meanwhile the old one holds. "There is none" is an answer, too, but not of a user or group that
 * had a number: some services say so while they are down, so the number stands until there is
 * another, or no rule has the name any more. No answer is tried again after a second, then two, up
 * to NAMES_BACKOFF_MAX.
 *
 * Bounded: NAMES_MAX names of each kind are remembered, those not read for longest are forgotten;
 * as many questions wait for the helper, but NAMES_ACCOUNTS_MAX of accounts, behind the others;
 * what is beyond them is not asked. A helper that never comes back is left to itself when the
 * daemon ends.
 *
 * Main only, but for the helper.
 */
#ifndef VSW_CTL_NAMES_H
#define VSW_CTL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/role.h"

#define NAMES_MAX 4096 /* of each kind */
#define NAMES_ACCOUNTS_MAX 64
#define NAMES_SIZE 128 /* of a name, terminated; a longer one is nobody's */
#define NAMES_FRESH (60 * CLOCK_S)
#define NAMES_BACKOFF_MAX (60 * CLOCK_S)
#define NAMES_PATIENCE (2 * CLOCK_S) /* an answer that has not come after this will not soon */

enum names_kind {
	NAMES_USER, /* name -> uid */
	NAMES_GROUP, /* name -> gid */
	NAMES_ACCOUNT, /* uid as text -> name */
	NAMES_KINDS,
};

enum names_state {
	NAMES_UNKNOWN, /* no answer yet */
	NAMES_ABSENT, /* there is no such user or group */
	NAMES_KNOWN,
};

struct names_answer {
	enum names_state state;
	bool soon; /* unknown, and the question is on its way: it may be worth waiting */
	uint32_t id; /* of a user or group */
	char name[NAMES_SIZE]; /* of an account; printable ASCII */
};

struct names;

/* `ask` asks the host, on the helper: NAMES_UNKNOWN if there was no answer. NULL: NSS does. */
struct names *names_create(enum names_state (*ask)(
	enum names_kind kind, const char *key, struct names_answer *out)) ON_MAIN;
void names_destroy(struct names *names) ON_MAIN; /* NULL is legal */

/* What is known, asking if need be. */
void names_get(struct names *names, enum names_kind kind, const char *key,
	struct names_answer *out) ON_MAIN;

/* Ask here and now, waiting: for the daemon's start. */
void names_learn(struct names *names, enum names_kind kind, const char *key) ON_MAIN;

/* The rules are others: users and groups that nobody gets between these two are forgotten. */
void names_rules_begin(struct names *names) ON_MAIN;
void names_rules_end(struct names *names) ON_MAIN;

/* Grows with each answer that is another than before. */
uint64_t names_generation(struct names *names) ON_MAIN;

#endif
