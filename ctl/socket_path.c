/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/socket_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

static int path_take(const char *source, const char *path, char *out, size_t size, struct err *err);

int
socket_path_find(const char *option, char *path, size_t size, struct err *err)
{
	const char *env = getenv(SOCKET_PATH_ENV);
	const char *run;
	char joined[512];

	if (str_given(option)) {
		return path_take("--socket", option, path, size, err);
	}
	if (str_given(env)) {
		return path_take("$" SOCKET_PATH_ENV, env, path, size, err);
	}
	if (geteuid() == 0) {
		return path_take("the default", SOCKET_PATH_SYSTEM, path, size, err);
	}
	run = getenv("XDG_RUNTIME_DIR");
	if (!str_given(run)) {
		return err_set(err, ERR_MISSING, NULL,
			"XDG_RUNTIME_DIR is not set, so there is no default control socket; name "
			"it with --socket PATH or $" SOCKET_PATH_ENV);
	}
	(void)snprintf(joined, sizeof(joined), "%s/vswitch/vswitchd.sock", run);
	return path_take("$XDG_RUNTIME_DIR", joined, path, size, err);
}

static int
path_take(const char *source, const char *path, char *out, size_t size, struct err *err)
{
	if (str_copy(out, path, size)) {
		return 0;
	}
	return err_set(err, ERR_INVALID, NULL,
		"control socket path from %s has %zu bytes, at most %zu are possible: %s", source,
		strlen(path), size - 1, path);
}
