/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The net difference between two states of the configuration, entry by entry, made of the changes
 * that lie between them.
 *
 * A change, as revisions keep it and as clients see it, is {op, path, before?, after?}: the path of
 * an entry and the whole of what was configured there before and after (no defaults).
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

/* Called for each entry that differs, in the order of paths, until it returns non-zero, which is
 * then the result. before or after is NULL where there is no entry. */
typedef int (*diff_visit_fn)(
	void *arg, const char *path, const json_t *before, const json_t *after);

int diff_each(const struct diff *diff, diff_visit_fn visit, void *arg);

enum diff_way { DIFF_FORWARD, DIFF_BACKWARD };

/* The array of changes, or of those that lead back. New reference. */
json_t *diff_json(const struct diff *diff, enum diff_way way);

/* One change. `before` or `after` may be NULL; references of its own are taken. */
json_t *diff_change_json(const char *path, const json_t *before, const json_t *after);

#endif
