/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The access rules, /system/access: who has which role (in the manner of NACM, RFC 8341, but
 * small).
 *
 * Rules are asked in their order, and the first that names the caller says its role. A rule names
 * users, groups or both ("either"); one that names neither means everybody who has a name. Where no
 * rule does, a peer of the UNIX socket has the default role, and others what their connection came
 * with: nothing, from TLS. A rule with paths lets its role edit only at and below these.
 *
 * root and the daemon's own user on the UNIX socket are always admin, so that no rule locks
 * everybody out; a certificate that says "root" is not root.
 *
 * Users and groups are those of the host, of UNIX peers, which the kernel knows by number, and
 * those that a certificate names. Numbers of the rules' names come from names.h when the host has
 * said them; a number in a rule is one. While a name is not known, a rule with it may mean a caller
 * or not, and the caller has the least of the roles, and all of the limits, that it then may have.
 */
#ifndef VSW_CTL_ACCESS_H
#define VSW_CTL_ACCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "ctl/names.h"
#include "ctl/rpc_who.h"

struct datastore;

/* A user or group of a rule. */
struct access_name {
	char *name;
	enum names_state state; /* of the host's: is it known? */
	uint32_t id; /* its number then */
};

struct access_rule {
	char *name;
	enum rpc_role role;
	bool local; /* means peers of the UNIX socket */
	bool remote; /* means others */
	size_t n_users;
	struct access_name *users;
	size_t n_groups;
	struct access_name *groups;
	size_t n_paths; /* 0: may edit anywhere */
	char **paths;
};

struct access {
	bool ready; /* false until the configuration is loaded: only root and our own user */
	enum rpc_role default_role;
	uid_t self; /* our own user */
	bool unknown; /* numbers of some names */
	bool soon; /* and they may be known soon */
	uint64_t generation; /* of the names, at the last access_resolve */
	uint64_t resolved_at; /* clock_now() */
	uint64_t n_changes; /* times that numbers have become others */
	size_t n_rules;
	struct access_rule *rules;
};

/* No rules, nothing loaded. */
void access_init(struct access *access, uid_t self);
void access_fini(struct access *access);

/*
 * Read the container /system/access (RFC 7951; NULL: as if empty) into *out, made ready. On an
 * error err->path is the leaf within the container, and *out needs no access_fini.
 */
int access_read(struct access *out, uid_t self, const json_t *container, struct err *err);

/* Take over what is known of the host's users and groups. */
void access_resolve(struct access *access, struct names *names) ON_MAIN;

/* Fill in the caller's name and whether it is unsure. False: more may be known soon. */
bool access_settle(struct access *access, struct names *names, struct rpc_who *who) ON_MAIN;

/* Could the caller have another role, or fewer limits, if all names were known? */
bool access_is_unsure(const struct access *access, const struct rpc_who *who);

/* root or our own user, on the UNIX socket. */
bool access_is_always_admin(const struct access *access, const struct rpc_who *who);

/* What the caller may do. */
enum rpc_role access_role(const struct access *access, const struct rpc_who *who);

/* Whether its rule lets the caller edit at the path of each of these operations; else ERR_DENIED. A
 * rule with paths never covers what takes something of the host (schema/host_resource.h).
 * Operations that are not well formed are left to whoever reads them. */
int access_check_edits(const struct access *access, const struct rpc_who *who,
	const struct datastore *ds, const json_t *edits, struct err *err) ON_MAIN;

/* Whether its rule lets the caller change everything, as a rollback does; else ERR_DENIED. */
int access_check_whole(
	const struct access *access, const struct rpc_who *who, const char *what, struct err *err);

#endif
