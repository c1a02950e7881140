/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One operation on the JSON of one entry: leaves, leaf-lists, nested lists. Private to
 * edit.c and operation.c. Any thread.
 */
#ifndef VSW_SCHEMA_EDIT_NODE_H
#define VSW_SCHEMA_EDIT_NODE_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/operation.h"

/* Apply an operation within `entry`, which is the node at its path's step `base`. */
int edit_node_apply(json_t *entry, const struct operation *operation, size_t base, struct err *err);

/* Merge canonical `from` into canonical `into`, both content of the container or list `node`. */
void edit_node_merge(const struct lysc_node *node, json_t *into, const json_t *from);

/* The key leaves of a keyed list step, as members of `object`. */
void edit_node_set_keys(const struct path_step *step, json_t *object);

#endif
