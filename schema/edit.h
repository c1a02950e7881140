/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations of an edit, applied to copies of the entries that they touch.
 *
 * RFC 8072's operations with its semantics, except that `value` holds the node's content and not
 * the node: merge creates or changes; create wants that nothing is there; replace sets exactly;
 * delete wants that something is there; remove does not care. In a list that is ordered by the
 * user, new entries come last; insert is a create with a place, move takes an entry that is there
 * to another one. They apply in order, and only the end state has to be complete: edit_finish
 * checks it.
 *
 * An edit reads the tree and never writes to it. What it would change is in its touched entries,
 * which the datastore puts into the tree, or drops: that is all the undo there is. The owner's
 * thread only; the tree must not change while the edit lives.
 */
#ifndef VSW_SCHEMA_EDIT_H
#define VSW_SCHEMA_EDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/model.h"
#include "schema/operation.h"
#include "schema/tree.h"

struct edit_entry {
	struct tree_list *list;
	char *key;
	json_t *before; /* reference to what the tree has; NULL if nothing */
	json_t *after; /* what it shall have; NULL if nothing */
	bool own; /* `after` is a copy, which shares what no operation has written to (jx.h) */
};

struct edit;

/* `tree` is borrowed. */
void edit_create(const struct model *model, struct tree *tree, struct edit **out);
void edit_destroy(struct edit *edit); /* NULL is legal */

/* Apply one operation object (operation.h), the index-th of its edit (for messages). */
int edit_apply(struct edit *edit, const json_t *operation, size_t index, struct err *err);

/* Make the end state that of a whole document, {"vswitch:vswitch": {...}} or {}. */
int edit_load(struct edit *edit, const json_t *document, struct err *err);

/* What the entry at `path` is at the end so far; NULL: there is none, or it is no such path.
 * Borrowed. */
const json_t *edit_get(const struct edit *edit, const char *path);

/* Make the entry at `path` (of a list at the top, or a container there) that; NULL: none. */
int edit_put(struct edit *edit, const char *path, const json_t *config, struct err *err);

/*
 * Check each touched entry by itself (all but references) and bring it into canonical form; drop
 * those that end as they began.
 */
int edit_finish(struct edit *edit, struct err *err);

/* The touched entries; after edit_finish those that change. Borrowed. */
size_t edit_count(const struct edit *edit);
const struct edit_entry *edit_at(const struct edit *edit, size_t index);

#endif
