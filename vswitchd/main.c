/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include "vswitchd/boot.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2

static int
complain(const struct err *err, int status)
{
	(void)fprintf(stderr, "vswitchd: %s%s%s\n", err->path, err->path[0] == '\0' ? "" : ": ",
		err->text);
	return status;
}

/* The role is the thread's until the process ends. */
int
main(int argc, char **argv) ROLE_ATTR(no_thread_safety_analysis)
{
	static struct options options;
	enum options_action action;
	struct err err = ERR_INIT;

	role_enter(&role_main);
	if (options_parse(argc, argv, &options, &action, &err) != 0) {
		return complain(&err, EXIT_USAGE);
	}
	if (action == OPTIONS_HELP) {
		(void)fputs(options_help, stdout);
		return 0;
	}
	if (action == OPTIONS_VERSION) {
		(void)printf("vswitchd %s\n", VSW_VERSION);
		return 0;
	}
	if (boot_run(&options, &err) != 0) {
		return complain(&err, EXIT_FAILED);
	}
	return 0;
}
