/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line asks for. */
#ifndef VSW_PERF_MICRO_OPTIONS_H
#define VSW_PERF_MICRO_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "perf/micro/benchmarks.h"

struct options {
	bool only[N_BENCHMARKS]; /* to run; all unless --only */
	bool quick;
	bool json;
	int cpu; /* -1: any */
	double seconds;
	enum machine_pages pages;
};

/* 0; 1 when --help or --list has been answered; or an error. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);

#endif
