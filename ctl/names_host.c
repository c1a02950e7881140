/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/names_host.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

#define ROOM_MIN 1024
#define ROOM_MAX (4U << 20) /* a group with its members */

/* One question, with this much room: 0 and whether there is one, or an errno. */
static int
ask_with(enum names_kind kind, const char *key, char *room, size_t size, struct names_answer *out,
	bool *found)
{
	struct passwd account;
	struct passwd *has_account = NULL;
	struct group group;
	struct group *has_group = NULL;
	uint64_t uid;
	int rc;

	switch (kind) {
	case NAMES_USER:
		rc = getpwnam_r(key, &account, room, size, &has_account);
		out->id = has_account == NULL ? 0 : account.pw_uid;
		break;
	case NAMES_GROUP:
		rc = getgrnam_r(key, &group, room, size, &has_group);
		out->id = has_group == NULL ? 0 : group.gr_gid;
		break;
	default:
		if (str_to_u64(key, 0, UINT32_MAX - 1, &uid) != 0) {
			return EINVAL;
		}
		rc = getpwuid_r((uid_t)uid, &account, room, size, &has_account);
		if (has_account != NULL && !str_copy(out->name, account.pw_name, NAMES_SIZE)) {
			has_account = NULL;
		}
		break;
	}
	*found = has_account != NULL || has_group != NULL;
	return rc;
}

/* It is written into logs and answers. */
static void
make_printable(char *name)
{
	for (; *name != '\0'; name++) {
		if (*name < ' ' || *name > '~') {
			*name = '?';
		}
	}
}

enum names_state
names_host_ask(enum names_kind kind, const char *key, struct names_answer *out)
{
	bool found = false;
	int rc = ERANGE;

	for (size_t size = ROOM_MIN; rc == ERANGE && size <= ROOM_MAX; size *= 4) {
		char *room = must_calloc(1, size);

		rc = ask_with(kind, key, room, size, out, &found);
		free(room);
	}
	make_printable(out->name);
	/* Any error is no answer: a service that cannot be reached says ENOENT, too. */
	return rc != 0 ? NAMES_UNKNOWN : found ? NAMES_KNOWN : NAMES_ABSENT;
}
