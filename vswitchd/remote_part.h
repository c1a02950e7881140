/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control protocol over TLS: the container /system/remote, carried out by ctl/tls_listen.h.
 *
 * An edit reads the files and takes the socket in prepare, so that a wrong key or a port in use
 * refuses it. At start the same only becomes the state's `reason`, and is tried again each
 * REMOTE_RETRY_S.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_REMOTE_PART_H
#define VSW_VSWITCHD_REMOTE_PART_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "base/role.h"
#include "vswitchd/system_parts.h"

#define REMOTE_RETRY_S 5

struct event;
struct event_base;
struct rpc_server;
struct tls_listen;

struct remote_part {
	struct tls_listen *listener;
	struct rpc_server *server; /* that serves the connections */
	struct event *timer; /* to try again, or to end */
	json_t *config; /* the container as committed; NULL: none */
	time_t not_after; /* of the certificate in use; 0: none */
	char reason[ERR_TEXT_SIZE]; /* why it does not listen, or did not reload; "": it is well */
};

int remote_part_init(struct remote_part *part, struct event_base *base, struct rpc_server *server,
	struct err *err) ON_MAIN;
void remote_part_fini(struct remote_part *part) ON_MAIN; /* of one never initialised: zeroed */

/* To be registered; its context is the part. */
struct system_part remote_part_system(struct remote_part *part) ON_MAIN;

#endif
