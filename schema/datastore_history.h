/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the datastore tells of its revisions: who made them, and what lies between them.
 *
 * The last ones are kept (history.h says how many), over starts too if there is a file.
 */
#ifndef VSW_SCHEMA_DATASTORE_HISTORY_H
#define VSW_SCHEMA_DATASTORE_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "schema/datastore.h"

#define DS_HISTORY_DEFAULT 20 /* revisions that ds_history lists */
#define DS_HISTORY_MAX 1000

struct ds_history_options {
	size_t limit; /* at most so many; 0: DS_HISTORY_DEFAULT */
	uint64_t before; /* those before this revision; 0: all */
};

/* {"revisions": [{revision, time, user, from, comment?, change, changes (how many), provisional?,
 * confirm-by?, confirmed-by?, confirmed-from?, confirmed-at?}], "next"?}, newest first; `next` is
 * `before` of the next page. New reference. */
json_t *ds_history(const struct datastore *ds, const struct ds_history_options *options) ON_MAIN;

struct ds_diff_options {
	bool has_from;
	bool has_to;
	uint64_t from; /* revision; without: the one before `to` */
	uint64_t to; /* without: the running one */
	const json_t *document; /* instead of them: what loading it would change; borrowed */
};

/* {"from"?, "to"?, "changes": [{op, path, before?, after?}]}; new reference. */
int ds_diff(struct datastore *ds, const struct ds_diff_options *options, json_t **out,
	struct err *err) ON_MAIN;

#endif
