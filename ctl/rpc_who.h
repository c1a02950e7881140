/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is at the other end of a connection, and what he may do.
 *
 * The identity is settled when the connection is made: of a UNIX socket by the kernel's word
 * (SO_PEERCRED, SO_PEERGROUPS: no name service is asked for groups), of TLS by the certificate. The
 * role follows from it by the access rules (access.h), which may change while it is open.
 *
 * Any thread, but copies: main.
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
#define RPC_NAME_SIZE (RPC_USER_SIZE + RPC_FROM_SIZE + 8)

/* What a peer may do; each role may do what those before it may. */
enum rpc_role {
	RPC_ROLE_NONE, /* nothing */
	RPC_ROLE_READ, /* look: changes nothing, disturbs nobody */
	RPC_ROLE_OPERATE, /* what is not configuration: flush, clear, program rules, capture */
	RPC_ROLE_ADMIN, /* all */
};

/* Groups of a process; shared by the copies of its struct rpc_who. */
struct rpc_gids {
	size_t refs;
	size_t n;
	gid_t gids[]; /* by rising number */
};

struct rpc_who {
	/* account ("uid 1234" if it has no name), or certificate's name; "": nobody in particular
	 */
	char user[RPC_USER_SIZE];
	bool nobody; /* it has not shown who it is (HTTP): no rule means it, it has its own role */
	char from[RPC_FROM_SIZE]; /* where from: "unix, pid 4711", "192.0.2.1:50000" */
	uid_t uid; /* of a UNIX peer, else (uid_t)-1 */
	gid_t gid; /* its primary group, else (gid_t)-1 */
	struct rpc_gids *gids; /* its other groups, all of them; NULL: none */
	bool unsure; /* its role is not all that it may be: names of the rules are not known yet */
	bool starting; /* nor the rules */
	char groups[RPC_GROUPS_SIZE]; /* a certificate's groups, each ended by a comma */
	/* What it may do where no rule says it; in rpc_call_who(), what it may do. */
	enum rpc_role role;
};

/* "none", "read", "operate", "admin": the schema's names. */
const char *rpc_role_name(enum rpc_role role);

/* False if there is no such role. */
bool rpc_role_parse(const char *name, enum rpc_role *out);

/* The peer of a connected UNIX socket. Its role is admin: whoever may open the socket. Its name is
 * "uid 1234": the kernel knows no other. */
void rpc_who_unix(int fd, struct rpc_who *who);

/* A copy, to be ended with rpc_who_fini by whoever has it. */
void rpc_who_copy(struct rpc_who *to, const struct rpc_who *from) ON_MAIN;
void rpc_who_fini(struct rpc_who *who) ON_MAIN;

/* Groups for a struct rpc_who; sorts them. */
struct rpc_gids *rpc_gids_new(const gid_t *gids, size_t n);

/* "alice", for sentences and the log. A name that is more than letters, digits and ._@+- stands in
 * quotes, so that it cannot be taken for more of the sentence. */
const char *rpc_who_user(const struct rpc_who *who, char buf[RPC_USER_SIZE + 2]);

/* "alice (192.0.2.7:51234)" */
const char *rpc_who_text(const struct rpc_who *who, char buf[RPC_NAME_SIZE]);

/* Added where a role is refused: why it may have one soon; "" for who is sure. */
const char *rpc_who_hope(const struct rpc_who *who);

/* Whether the account is in this group of the host. */
bool rpc_who_has_gid(const struct rpc_who *who, gid_t gid);

/* Whether the certificate names this group. */
bool rpc_who_has_group(const struct rpc_who *who, const char *group);

/* Add a group of the certificate; false if it has a comma, is empty or finds no room. */
bool rpc_who_add_group(struct rpc_who *who, const char *group);

#endif
