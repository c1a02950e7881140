/* SPDX-License-Identifier: BSD-3-Clause */
/* A result as a table for people or one line of JSON. Any thread. */
#ifndef VSW_PERF_LOADGEN_REPORT_H
#define VSW_PERF_LOADGEN_REPORT_H

#include <stdio.h>

#include "perf/loadgen/options.h"
#include "perf/loadgen/run.h"

void report_text(FILE *out, const struct options *options, const struct result *result);
void report_json(FILE *out, const struct options *options, const struct result *result);

#endif
