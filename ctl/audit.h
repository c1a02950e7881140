/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who changed what: a line of the log for each call that changed something, and for each that was
 * refused.
 *
 * Edits, rollbacks and confirmations are at level notice, with the revision, the number of changes,
 * the first of them and the comment; flow rules and actions, which controllers send by the
 * thousand, at info. Refusals are warnings, AUDIT_BURST at once and one a second. What a caller
 * wrote stands in quotes, without control characters.
 *
 * Main only.
 */
#ifndef VSW_CTL_AUDIT_H
#define VSW_CTL_AUDIT_H

#include <jansson.h>

#include "base/clock.h"
#include "base/log_rate.h"
#include "base/role.h"
#include "ctl/rpc_who.h"

#define AUDIT_BURST 20

struct audit {
	struct log_rate refusals;
};

#define AUDIT_INIT                            \
	{                                     \
		.refusals = {                 \
			.burst = AUDIT_BURST, \
			.each = CLOCK_S,      \
		}                             \
	}

/* What a call was for. */
enum audit_kind {
	AUDIT_LOOK, /* it changes nothing: only refusals are of interest */
	AUDIT_OPERATE, /* rules, actions */
	AUDIT_CONFIG, /* configuration */
};

/* How a call ended. */
struct audit_end {
	const struct rpc_who *who;
	const json_t *request; /* with method and params */
	const json_t *result; /* NULL: refused */
	const char *refusal; /* NULL: not refused */
	bool not_permitted; /* refused for who it is */
};

void audit_end(struct audit *audit, enum audit_kind kind, const struct audit_end *end) ON_MAIN;

#define AUDIT_TEXT 1024

/* The line, without its level; for audit_end and its test. Returns buf. */
const char *audit_text(const struct audit_end *end, char buf[AUDIT_TEXT]);

#endif
