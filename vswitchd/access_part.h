/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The access rules in force: the container /system/access, carried out.
 *
 * New rules hold from the commit on, for open connections too; those that may then do nothing at
 * all are closed, so that nobody goes on listening to events. Names of users and groups are asked
 * for again from time to time.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_ACCESS_PART_H
#define VSW_VSWITCHD_ACCESS_PART_H

#include "base/err.h"
#include "base/role.h"
#include "ctl/access.h"
#include "vswitchd/system_parts.h"

struct event;
struct event_base;
struct rpc_server;

struct access_part {
	struct access access;
	struct names *names; /* of the host's users and groups */
	uint64_t n_changes; /* of access, that the server knows of */
	struct rpc_server *server; /* whose peers are looked at again; NULL: none yet */
	struct event *recheck; /* timer: when whoever changed the rules has its answer, or to look
				  whether the host has said more of its names */
};

/* Until the configuration is loaded only root and our own user may do anything. */
void access_part_init(struct access_part *part) ON_MAIN;
void access_part_fini(struct access_part *part) ON_MAIN;

/* To be registered; its context is the part. */
struct system_part access_part_system(struct access_part *part) ON_MAIN;

/* The server whose callers these rules are for; it outlives the part's use. */
int access_part_serve(struct access_part *part, struct event_base *base, struct rpc_server *server,
	struct err *err) ON_MAIN;

/* The configuration is loaded, whether or not it says anything of access. */
void access_part_loaded(struct access_part *part) ON_MAIN;

#endif
