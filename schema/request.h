/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The params object of an edit, {edits, base-revision?, dry-run?, comment?, confirm-timeout?}, or
 * of a rollback, which has {revision?} in place of edits. Any thread.
 */
#ifndef VSW_SCHEMA_REQUEST_H
#define VSW_SCHEMA_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define REQUEST_COMMENT_MAX 255 /* bytes */

enum request_kind { REQUEST_EDIT, REQUEST_ROLLBACK };

struct request {
	const json_t *edits; /* array; borrowed from the params; NULL of a rollback */
	bool has_revision;
	uint64_t revision;
	bool has_base;
	uint64_t base; /* base-revision */
	bool dry_run;
	const char *comment; /* borrowed; NULL if none */
	unsigned int confirm_timeout; /* seconds; 0: not provisional */
};

/* `params` of a rollback may be NULL. */
int
request_parse(enum request_kind kind, const json_t *params, struct request *out, struct err *err);

#endif
