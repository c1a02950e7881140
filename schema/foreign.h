/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A FILE that somebody wrote while no daemon ran: what it changed. Main only.
 */
#ifndef VSW_SCHEMA_FOREIGN_H
#define VSW_SCHEMA_FOREIGN_H

#include <jansson.h>

#include "schema/datastore_priv.h"

/*
 * The changes (diff.h) from the last revision of the journal to what the tree has now: FILE as the
 * daemon wrote it last, and the journal since, against that. New reference; NULL if it is not
 * known.
 */
json_t *foreign_changes(const struct datastore *ds) ON_MAIN;

#endif
