/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which operations of an edit take something of the host, or give it away: those that touch what
 * has the extension vs:host-resource. That is leaves of ports (a device, a file, the place of a
 * socket), and containers of /system that say who may do what (access, remote, http).
 *
 * What is replaced or deleted as a whole touches the containers in it. An entry of a list does not
 * touch its leaves so: who may edit a port may delete it, and what it had of the host goes with it;
 * he may not make it again, nor replace it, since its type is of the host.
 *
 * Asked of an operation as it was written, before it is carried out. One whose path or value is no
 * good may be missed: it is refused by whoever carries it out. Main only.
 */
#ifndef VSW_SCHEMA_HOST_RESOURCE_H
#define VSW_SCHEMA_HOST_RESOURCE_H

#include <jansson.h>

#include "base/role.h"

struct datastore;

/* Name of the first such leaf or container at, above or below the path of this operation ("merge",
 * "replace", ..), or in its value (NULL: none is given); NULL: there is none. Valid as long as ds.
 */
const char *ds_host_resource(
	const struct datastore *ds, const char *op, const char *path, const json_t *value) ON_MAIN;

#endif
