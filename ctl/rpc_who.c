/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/rpc_who.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

static const char *const names[] = {
	[RPC_ROLE_NONE] = "none",
	[RPC_ROLE_READ] = "read",
	[RPC_ROLE_OPERATE] = "operate",
	[RPC_ROLE_ADMIN] = "admin",
};

const char *
rpc_role_name(enum rpc_role role)
{
	return names[role];
}

bool
rpc_role_parse(const char *name, enum rpc_role *out)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum rpc_role)i;
			return true;
		}
	}
	return false;
}

/* The kernel tells how much room it wants when there is too little. */
static void
take_gids(int fd, struct rpc_who *who)
{
	socklen_t len = 0;
	gid_t *gids;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE) {
		return;
	}
	gids = malloc(len);
	if (gids != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len) == 0) {
		who->n_gids = len / sizeof(gid_t);
		if (who->n_gids > RPC_GIDS_MAX) {
			who->n_gids = RPC_GIDS_MAX;
		}
		memcpy(who->gids, gids, who->n_gids * sizeof(gid_t));
	}
	free(gids);
}

void
rpc_who_unix(int fd, struct rpc_who *who)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	const struct passwd *account;

	*who = (struct rpc_who){.uid = (uid_t)-1, .gid = (gid_t)-1};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
		(void)str_copy(who->from, "unix", sizeof(who->from));
		return; /* nobody, who may nothing */
	}
	who->uid = cred.uid;
	who->gid = cred.gid;
	who->role = RPC_ROLE_ADMIN;
	take_gids(fd, who);
	account = getpwuid(cred.uid);
	if (account != NULL) {
		(void)str_copy(who->user, account->pw_name, sizeof(who->user));
	} else {
		(void)snprintf(who->user, sizeof(who->user), "uid %u", cred.uid);
	}
	(void)snprintf(who->from, sizeof(who->from), "unix, pid %d", cred.pid);
}

bool
rpc_who_has_gid(const struct rpc_who *who, gid_t gid)
{
	bool has = gid != (gid_t)-1 && who->gid == gid;

	for (size_t i = 0; i < who->n_gids && !has; i++) {
		has = who->gids[i] == gid;
	}
	return has;
}

bool
rpc_who_has_group(const struct rpc_who *who, const char *group)
{
	size_t len = strlen(group);
	const char *at = who->groups;

	while (at[0] != '\0') {
		size_t n = strcspn(at, ",");

		if (n == len && memcmp(at, group, len) == 0) {
			return true;
		}
		at += at[n] == ',' ? n + 1 : n;
	}
	return false;
}

bool
rpc_who_add_group(struct rpc_who *who, const char *group)
{
	size_t used = strlen(who->groups);

	if (group[0] == '\0' || strchr(group, ',') != NULL ||
		used + strlen(group) + 2 > sizeof(who->groups)) {
		return false;
	}
	(void)snprintf(who->groups + used, sizeof(who->groups) - used, "%s,", group);
	return true;
}
