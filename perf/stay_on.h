/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor that an instrument runs on. */
#ifndef VSW_PERF_STAY_ON_H
#define VSW_PERF_STAY_ON_H

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/err.h"

/* This thread runs on `cpu` only, as option --cpu says; below 0: on any. */
static inline int
stay_on(int cpu, struct err *err)
{
	cpu_set_t set;

	if (cpu < 0) {
		return 0;
	}
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		return err_set(err, ERR_INVALID, NULL, "--cpu %d: %s", cpu,
			errno == EINVAL ? "there is no such processor, or we may not use it"
					: strerror(errno));
	}
	return 0;
}

#endif
