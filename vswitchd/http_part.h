/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Container /system/http: the HTTP listener, what it serves, and its share in transactions.
 *
 * A new socket is opened in prepare, so that a port in use refuses the edit. At start such a port
 * is no reason to refuse: it is in the state as `reason`, and tried again each few seconds.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_HTTP_PART_H
#define VSW_VSWITCHD_HTTP_PART_H

#include "base/err.h"
#include "base/role.h"

struct datastore;
struct event_base;
struct http_part;
struct rpc_server;
struct world;

/* All outlive the part. */
struct http_part_conf {
	struct event_base *base;
	struct datastore *ds;
	struct rpc_server *rpc;
	struct world *world; /* the part puts itself into world->parts */
};

int http_part_create(
	const struct http_part_conf *conf, struct http_part **out, struct err *err) ON_MAIN;

/* Before the RPC server and the datastore go; NULL is legal. */
void http_part_destroy(struct http_part *part) ON_MAIN;

#endif
