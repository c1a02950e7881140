/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's command line. */
#ifndef VSW_VSWITCHD_OPTIONS_H
#define VSW_VSWITCHD_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "datapath/dp/dp.h"

enum hugepages { HUGEPAGES_AUTO, HUGEPAGES_NEVER, HUGEPAGES_REQUIRE };

struct options {
	char config[256];
	char socket[256];
	unsigned int n_workers;
	int cpus[DP_WORKERS_MAX]; /* -1: not pinned */
	unsigned int memory_mib; /* 0: not given */
	uint32_t flows; /* that a worker remembers; 0: not given */
	enum hugepages hugepages;
	bool poll;
	const char *eal_args; /* from argv, or NULL */
};

enum options_action { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

/* Fill with the command line and with defaults for this user. -EINVAL with err naming the option.
 */
int options_parse(int argc, char **argv, struct options *options, enum options_action *action,
	struct err *err);

/* Text of --help. */
extern const char options_help[];

#endif
