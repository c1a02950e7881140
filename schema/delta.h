/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What differs within one entry: its configuration before and after a change, cut down to that.
 *
 * Leaves and leaf-lists that differ are there whole; of containers what differs in them. Of a list
 * those entries that come, go or differ, whole; entries of a list that is ordered by the user also
 * when they are between others that have moved. What is on one side only is whole on that side.
 *
 * Both sides must be canonical (check.h). Any thread.
 */
#ifndef VSW_SCHEMA_DELTA_H
#define VSW_SCHEMA_DELTA_H

#include <jansson.h>

#include "schema/model.h"

/* *less_before and *less_after are new references to objects, both {} if nothing differs. */
void delta_make(const struct lysc_node *node, const json_t *before, const json_t *after,
	json_t **less_before, json_t **less_after);

#endif
