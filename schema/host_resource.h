/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which operations of an edit take something of the host, or give it away: those that touch a leaf
 * with the extension vs:host-resource (a device, a file, the place of a socket).
 *
 * Asked of an operation as it was written, before it is carried out. One whose path or value is no
 * good may be missed: it is refused by whoever carries it out. Main only.
 */
#ifndef VSW_SCHEMA_HOST_RESOURCE_H
#define VSW_SCHEMA_HOST_RESOURCE_H

#include <jansson.h>

#include "base/role.h"

struct datastore;

/* Name of the first such leaf at the path or anywhere in the value (NULL: none is given); NULL:
 * there is none. Valid as long as ds. */
const char *
ds_host_resource(const struct datastore *ds, const char *path, const json_t *value) ON_MAIN;

#endif
