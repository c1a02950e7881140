/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON against the schema: unknown members, wrong JSON types, values out of range, missing or
 * repeated keys, missing mandatory leaves. The first fault is named by its instance path.
 *
 * What comes out is canonical: members in the schema's order and without module name, values in
 * canonical form, arrays sorted if their order is not the user's (sorted.h), empty arrays and empty
 * containers left out. Two equal configurations come out as equal JSON.
 *
 * Why not libyang's own parser: its messages name neither path nor remedy, and a whole tree costs
 * 50 ms at 10,000 ports. Its compiled schema and its value checks are used all the same, and
 * oracle.h lets tests compare the two. Any thread.
 */
#ifndef VSW_SCHEMA_CHECK_H
#define VSW_SCHEMA_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "schema/model.h"

enum check_shape {
	CHECK_ENTRY, /* one instance: of a list an object, of a leaf-list a scalar */
	CHECK_WHOLE, /* all instances: of a list or leaf-list an array */
};

enum check_extent {
	CHECK_PART, /* mandatory leaves may be missing; keys of an entry too, the path has them */
	CHECK_FULL, /* all that is mandatory must be there */
};

/*
 * Check an entry again that operations have changed: `in` is canonical but for mandatory leaves and
 * what has become empty, and what it shares with `known` (NULL: nothing), which has been checked,
 * is as it was. *out is a new reference; it shares the same.
 */
int check_changed(const struct lysc_node *node, const char *path, const json_t *known,
	const json_t *in, json_t **out, struct err *err);

/*
 * Check `in` as the value of `node`, which lies at the instance path `path`. *out is a new
 * reference to the canonical value.
 */
int check_value(const struct lysc_node *node, const char *path, enum check_shape shape,
	enum check_extent extent, const json_t *in, json_t **out, struct err *err);

/* A canonical container or entry, leaves that have a default filled in. It shares what has none
 * with `config`: not to be written to. */
json_t *check_with_defaults(const struct lysc_node *node, const json_t *config);

#endif
