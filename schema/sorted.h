/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sorted JSON arrays: entries of a list by their keys, entries of a leaf-list by value.
 *
 * Most lists are ordered by the system, so that order carries no meaning; kept sorted, two equal
 * configurations are equal JSON, a duplicate lies beside its twin and an entry is found by
 * bisection. Numbers sort by value and text as people count: vm2 before vm10. A list that is
 * ordered by the user stays as it is, is searched from its start, and grows at its end. Values must
 * be canonical.
 *
 * Any thread.
 */
#ifndef VSW_SCHEMA_SORTED_H
#define VSW_SCHEMA_SORTED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/model.h"

/* <0, 0, >0. `node` is the list or leaf-list that both are entries of. */
int sorted_compare(const struct lysc_node *node, const json_t *a, const json_t *b);

void sorted_sort(const struct lysc_node *node, json_t *array);

/* Where an entry with the keys of `entry` is (true), or would have to be inserted (false): of a
 * user-ordered list, its end. */
bool
sorted_find(const struct lysc_node *node, const json_t *array, const json_t *entry, size_t *index);

#endif
