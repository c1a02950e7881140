/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who names whom: a port its bridge and its access lists, a bridge's static MAC addresses and
 * groups their ports.
 *
 * An index from the named to those that name it, so that deleting a bridge, a port or an
 * access list is checked without a walk over all others. It follows the tree: whoever puts an entry
 * calls refs_update with what was there before and what is there now, and so also when undoing.
 *
 * The owner's thread only.
 */
#ifndef VSW_SCHEMA_REFS_H
#define VSW_SCHEMA_REFS_H

#include <jansson.h>

#include "base/err.h"
#include "schema/tree.h"

struct refs;

/* `tree` is borrowed and must outlive the index; it has no entries yet. */
void refs_create(struct tree *tree, struct refs **out);
void refs_destroy(struct refs *refs); /* NULL is legal */

/* An entry of the list changed from `before` to `after`; NULL where there is none. */
void refs_update(struct refs *refs, const struct tree_list *list, const char *key,
	const json_t *before, const json_t *after);

/*
 * Check that what the entry names exists, and, with or without it (`config` NULL: it was deleted),
 * that those that name it still may. Tree and index hold the state to check.
 */
int refs_check(const struct refs *refs, const struct tree_list *list, const char *key,
	const json_t *config, struct err *err);

#endif
