/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as a set of entries: those of the top-level lists ("bridge", "port"), and each
 * top-level container ("system") as one entry with the key "".
 *
 * Why not one libyang tree. An edit touches few entries of many, and libyang validates, copies and
 * compares whole trees only (50 ms, 24 ms and, quadratic, seconds at 10,000 ports). Here an entry
 * is one JSON object, replaced as a whole; an edit costs what it touches.
 *
 * Invariants. An entry's JSON is canonical and complete (check.h), has its key leaves and no
 * defaults, and is never written to: to change it, put another. A container's entry is always
 * there, maybe as {}. Entries of a list are in the order of their names, numbers counted (vm2,
 * vm10).
 *
 * The text of each entry in the saved file is kept beside it, made when it is first asked for:
 * writing the file of 10,000 ports after a change of one is a copy and not 10,000 conversions.
 *
 * One writer, no readers beside it: the owner's thread only.
 */
#ifndef VSW_SCHEMA_TREE_H
#define VSW_SCHEMA_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/model.h"

struct tree;

/* One top-level node; identity of a list, valid as long as the tree. */
struct tree_list {
	const struct lysc_node *node; /* list or container */
	size_t rank; /* order in the schema: system, bridge, port */
	size_t count; /* entries */
	void *root; /* tree.c's own */
};

void tree_create(const struct model *model, struct tree **out);
void tree_destroy(struct tree *tree); /* NULL is legal */

/* The list of a top-level schema node. */
struct tree_list *tree_find_list(struct tree *tree, const struct lysc_node *node);

/* The n-th list, NULL past the last. */
struct tree_list *tree_list_at(struct tree *tree, size_t n);

/* Its name in the schema. */
static inline const char *
tree_list_name(const struct tree_list *list)
{
	return list->node->name;
}

/* The entry's JSON, NULL if there is none. Borrowed. */
const json_t *tree_get(const struct tree_list *list, const char *key);

/*
 * Make `config` the entry's JSON (a reference of its own is taken), or remove the entry when it is
 * NULL. To undo, put what was there before.
 */
void tree_put(struct tree_list *list, const char *key, const json_t *config);

/* Called for each entry in order, until it returns non-zero, which is then the result. */
typedef int (*tree_visit_fn)(void *arg, const char *key, const json_t *config);

int tree_each(const struct tree_list *list, tree_visit_fn visit, void *arg);

/* Prepare a suggestion for a name that is none of the list's. */
void tree_suggest(const struct tree_list *list, const char *name, struct suggest *suggest);

/* Instance path of an entry, e.g. /vswitch:vswitch/port[name='vm1']. Returns buf. */
const char *tree_path(const struct tree_list *list, const char *key, char *buf, size_t size);

/* The whole configuration as the text of the saved file; free() it. */
char *tree_text(struct tree *tree, size_t *len);

/* Make the texts of entries that have none, at most `max` of them; true when all have one, and
 * tree_text only has to put them together. */
bool tree_make_text(struct tree *tree, size_t max);

/* The whole configuration as one RFC 7951 document, for tests and the oracle. New reference. */
json_t *tree_document(struct tree *tree);

#endif
