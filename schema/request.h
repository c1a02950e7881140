/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The params object of an edit, read: {edits, base-revision?, dry-run?, comment?}. Any thread.
 */
#ifndef VSW_SCHEMA_REQUEST_H
#define VSW_SCHEMA_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define REQUEST_COMMENT_MAX 255 /* bytes */

struct request {
	const json_t *edits; /* array; borrowed from the params */
	bool has_base;
	uint64_t base; /* base-revision */
	bool dry_run;
	const char *comment; /* borrowed; NULL if none */
};

int request_parse(const json_t *params, struct request *out, struct err *err);

#endif
