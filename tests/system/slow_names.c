/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A name service that never answers for names that begin with "slow", to be loaded before the C
 * library (LD_PRELOAD).
 */
#include <dlfcn.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

int
getgrnam_r(const char *name, struct group *group, char *room, size_t size, struct group **out)
{
	int (*host)(const char *, struct group *, char *, size_t, struct group **);

	while (strncmp(name, "slow", 4) == 0) {
		(void)sleep(1);
	}
	*(void **)&host = dlsym(RTLD_NEXT, "getgrnam_r");
	return host(name, group, room, size, out);
}
