/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records of revisions (history.h), made and told. Main only.
 */
#ifndef VSW_SCHEMA_REVISION_H
#define VSW_SCHEMA_REVISION_H

#include <jansson.h>
#include <stdint.h>

#include "schema/datastore.h"

/* What a record says beside its changes. */
struct revision_note {
	uint64_t revision;
	const char *user;
	const char *from;
	const char *comment; /* NULL: none */
	const char *change; /* a word of history.h */
	unsigned int confirm_timeout; /* seconds from now; 0: it is not provisional */
	const bool *known; /* whether its changes are all; NULL: as history.h has it */
};

/* The time in so many seconds, RFC 3339. New reference. */
json_t *revision_time(unsigned int seconds);

/* Takes `changes`. The time is now. New reference. */
json_t *revision_record(const struct revision_note *note, json_t *changes);

/* The record as text, `len` bytes, with these changes (NULL: its own; taken); free() it. */
char *revision_text(const json_t *record, json_t *changes, size_t *len);

/* The changes that lead from the last revision of the journal back to `base`, which the tree is;
 * NULL if they cannot be found out, which is logged. */
json_t *revision_way_back(const struct datastore *ds, uint64_t base, uint64_t last) ON_MAIN;

/* For diff_resolve: an entry as it is in the edit that is `arg`. */
const json_t *revision_base(void *arg, const char *path);

/* Tell `revised` of a record. */
void revision_tell(const struct datastore *ds, const json_t *record) ON_MAIN;

/* "revision 12 by alice (unix, pid 4711), 2026-11-21T17:42:00Z", as far as it is known. Returns
 * buf.
 */
const char *
revision_name(const struct datastore *ds, uint64_t revision, char *buf, size_t size) ON_MAIN;

#endif
