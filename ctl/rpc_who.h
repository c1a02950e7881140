/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is at the other end of a connection, and what he may do.
 *
 * The identity is settled when the connection is made: of a UNIX socket by the kernel's word
 * (SO_PEERCRED, SO_PEERGROUPS: no name service is asked for groups), of TLS by the certificate. The
 * role follows from it by the access rules (access.h), which may change while it is open.
 *
 * Any thread, but rpc_who_unix, which asks the host for an account's name: main.
 */
#ifndef VSW_CTL_RPC_WHO_H
#define VSW_CTL_RPC_WHO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/role.h"

#define RPC_USER_SIZE 128
#define RPC_FROM_SIZE 96
#define RPC_GROUPS_SIZE 256
#define RPC_GIDS_MAX 64 /* further groups of an account are not looked at */

/* What a peer may do; each role may do what those before it may. */
enum rpc_role {
	RPC_ROLE_NONE, /* nothing */
	RPC_ROLE_READ, /* look: changes nothing, disturbs nobody */
	RPC_ROLE_OPERATE, /* what is not configuration: flush, clear, program rules, capture */
	RPC_ROLE_ADMIN, /* all */
};

struct rpc_who {
	/* account ("uid 1234" if it has no name), or certificate's name; "": nobody in particular
	 */
	char user[RPC_USER_SIZE];
	bool nobody; /* it has not shown who it is (HTTP): no rule means it, it has its own role */
	char from[RPC_FROM_SIZE]; /* where from: "unix, pid 4711", "192.0.2.1:50000" */
	uid_t uid; /* of a UNIX peer, else (uid_t)-1 */
	gid_t gid; /* its primary group, else (gid_t)-1 */
	gid_t gids[RPC_GIDS_MAX]; /* its other groups */
	size_t n_gids;
	char groups[RPC_GROUPS_SIZE]; /* a certificate's groups, each ended by a comma */
	/* What it may do where no rule says it; in rpc_call_who(), what it may do. */
	enum rpc_role role;
};

/* "none", "read", "operate", "admin": the schema's names. */
const char *rpc_role_name(enum rpc_role role);

/* False if there is no such role. */
bool rpc_role_parse(const char *name, enum rpc_role *out);

/* The peer of a connected UNIX socket. Its role is admin: whoever may open the socket. */
void rpc_who_unix(int fd, struct rpc_who *who) ON_MAIN;

/* Whether the account is in this group of the host. */
bool rpc_who_has_gid(const struct rpc_who *who, gid_t gid);

/* Whether the certificate names this group. */
bool rpc_who_has_group(const struct rpc_who *who, const char *group);

/* Add a group of the certificate; false if it has a comma, is empty or finds no room. */
bool rpc_who_add_group(struct rpc_who *who, const char *group);

#endif
