/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One operation of an edit as it was sent, {op, path, value?, where?, point?}, read and checked:
 * the path against the schema, the value against the path. What it does to the configuration is
 * edit.h's matter. `where` and `point` go with insert and move, which act on entries of lists that
 * are ordered by the user (RFC 8072, 2.5).
 *
 * Any thread.
 */
#ifndef VSW_SCHEMA_OPERATION_H
#define VSW_SCHEMA_OPERATION_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/model.h"
#include "schema/path.h"

enum edit_op {
	EDIT_MERGE,
	EDIT_CREATE,
	EDIT_REPLACE,
	EDIT_DELETE,
	EDIT_REMOVE,
	EDIT_INSERT,
	EDIT_MOVE,
};

enum edit_where { EDIT_LAST, EDIT_FIRST, EDIT_BEFORE, EDIT_AFTER };

struct operation {
	enum edit_op op;
	struct path path;
	json_t *value; /* canonical, with the keys of the path; NULL for delete, remove, move */
	enum edit_where where; /* of insert and move */
	struct path point; /* before and after: another entry of the same list */
};

/* Read the index-th operation of its edit. operation_fini also after an error. */
int operation_parse(const struct model *model, const json_t *json, size_t index,
	struct operation *out, struct err *err);
void operation_fini(struct operation *operation);

/* The content of container vswitch in a document; NULL for {}. Borrowed. */
int operation_unwrap(const json_t *document, const json_t **root, struct err *err);

#endif
