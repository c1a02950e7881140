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
 * Groups are those of the host, of UNIX peers, and those that a certificate names. Names of the
 * host's groups are looked up when the rules are read, so that nobody waits for a name service
 * while serving.
 *
 * Pure but for that look-up; any thread.
 */
#ifndef VSW_CTL_ACCESS_H
#define VSW_CTL_ACCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "ctl/rpc_who.h"

struct datastore;

struct access_group {
	char *name;
	gid_t gid; /* of the host's group; (gid_t)-1: there is none */
};

struct access_rule {
	char *name;
	enum rpc_role role;
	bool local; /* means peers of the UNIX socket */
	bool remote; /* means others */
	size_t n_users;
	char **users;
	size_t n_groups;
	struct access_group *groups;
	size_t n_paths; /* 0: may edit anywhere */
	char **paths;
};

struct access {
	bool ready; /* false until the configuration is loaded: only root and our own user */
	enum rpc_role default_role;
	uid_t self; /* our own user */
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
