/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/rpc_who.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
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

static int
by_number(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a;
	gid_t y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

struct rpc_gids *
rpc_gids_new(const gid_t *gids, size_t n)
{
	struct rpc_gids *new = must_calloc(1, sizeof(*new) + n * sizeof(gids[0]));

	new->refs = 1;
	new->n = n;
	memcpy(new->gids, gids, n * sizeof(gids[0]));
	qsort(new->gids, n, sizeof(gids[0]), by_number);
	return new;
}

/* The kernel tells how much room it wants when there is too little; NGROUPS_MAX at most. */
static struct rpc_gids *
peer_gids(int fd)
{
	struct rpc_gids *all = NULL;
	socklen_t len = 0;
	gid_t *gids;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE ||
		len > NGROUPS_MAX * sizeof(gid_t)) {
		return NULL;
	}
	gids = must_calloc(1, len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len) == 0) {
		all = rpc_gids_new(gids, len / sizeof(gid_t));
	}
	free(gids);
	return all;
}

void
rpc_who_unix(int fd, struct rpc_who *who)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	*who = (struct rpc_who){.uid = (uid_t)-1, .gid = (gid_t)-1};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
		(void)str_copy(who->from, "unix", sizeof(who->from));
		return; /* nobody, who may nothing */
	}
	who->uid = cred.uid;
	who->gid = cred.gid;
	who->role = RPC_ROLE_ADMIN;
	who->gids = peer_gids(fd);
	(void)snprintf(who->user, sizeof(who->user), "uid %u", cred.uid);
	(void)snprintf(who->from, sizeof(who->from), "unix, pid %d", cred.pid);
}

void
rpc_who_copy(struct rpc_who *to, const struct rpc_who *from)
{
	*to = *from;
	if (to->gids != NULL) {
		to->gids->refs++;
	}
}

void
rpc_who_fini(struct rpc_who *who)
{
	if (who->gids != NULL && --who->gids->refs == 0) {
		free(who->gids);
	}
	who->gids = NULL;
}

const char *
rpc_who_user(const struct rpc_who *who, char buf[RPC_USER_SIZE + 2])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._@+-";
	const char *user = who->user[0] == '\0' ? "somebody" : who->user;
	/* "uid 1234" is our own word */
	bool is_plain = user[strspn(user, plain)] == '\0' ||
		(who->uid != (uid_t)-1 && strncmp(user, "uid ", 4) == 0);
	char clean[RPC_USER_SIZE];

	(void)str_copy(clean, user, sizeof(clean));
	for (char *c = clean; *c != '\0'; c++) {
		*c = *c < ' ' || *c > '~' || *c == '"' ? '?' : *c;
	}
	(void)snprintf(buf, RPC_USER_SIZE + 2, is_plain ? "%s" : "\"%s\"", clean);
	return buf;
}

const char *
rpc_who_text(const struct rpc_who *who, char buf[RPC_NAME_SIZE])
{
	char user[RPC_USER_SIZE + 2];

	(void)snprintf(buf, RPC_NAME_SIZE, "%s (%s)", rpc_who_user(who, user), who->from);
	return buf;
}

const char *
rpc_who_hope(const struct rpc_who *who)
{
	if (!who->unsure) {
		return "";
	}
	return who->starting ? "; the daemon is starting: try again"
			     : "; names in its rules are not known yet: try again";
}

bool
rpc_who_has_gid(const struct rpc_who *who, gid_t gid)
{
	if (gid == (gid_t)-1) {
		return false;
	}
	return who->gid == gid ||
		(who->gids != NULL &&
			bsearch(&gid, who->gids->gids, who->gids->n, sizeof(gid), by_number) !=
				NULL);
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
