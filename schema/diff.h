/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The net difference between two states of the configuration, entry by entry, made of the changes
 * that lie between them.
 *
 * A change, as revisions keep it and as clients see it, is {op, path, before?, after?}: the path of
 * an entry and the whole of what was configured there before and after (no defaults). Of entries
 * with long lists revisions keep {op, path, patch} instead (patch.h), which says something only of
 * an entry that is known as a whole: after diff_resolve.
 *
 * The owner's thread only.
 */
#ifndef VSW_SCHEMA_DIFF_H
#define VSW_SCHEMA_DIFF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct diff;

void diff_create(struct diff **out);
void diff_destroy(struct diff *diff); /* NULL is legal */

/* Add an array of changes that came later than all those that were added. False: it is not one. */
bool diff_add(struct diff *diff, const json_t *changes);

/* The whole of an entry, NULL if there is none. Borrowed. */
typedef const json_t *(*diff_base_fn)(void *arg, const char *path);

enum diff_way { DIFF_FORWARD, DIFF_BACKWARD };

/* Whether there are entries of which only patches are known. */
bool diff_is_open(const struct diff *diff);

/* Make them whole by what `base` says of them before all changes (DIFF_FORWARD), or after. False:
 * that does not fit. */
bool diff_resolve(struct diff *diff, enum diff_way way, diff_base_fn base, void *arg);

/* Called for each entry that differs, in the order of paths, until it returns non-zero, which is
 * then the result. before or after is NULL where there is no entry. */
typedef int (*diff_visit_fn)(
	void *arg, const char *path, const json_t *before, const json_t *after);

int diff_each(const struct diff *diff, diff_visit_fn visit, void *arg);

/* The array of changes, or of those that lead back. New reference. */
json_t *diff_json(const struct diff *diff, enum diff_way way);

/* What there was before (DIFF_FORWARD) or after; NULL: nothing, or *known is false. Borrowed. */
const json_t *diff_get(const struct diff *diff, const char *path, enum diff_way way, bool *known);

/* One change. `before` or `after` may be NULL; references of its own are taken. */
json_t *diff_change_json(const char *path, const json_t *before, const json_t *after);

/* The same as a patch, which is taken. */
json_t *diff_patch_json(const char *path, json_t *patch);

#endif
