/* SPDX-License-Identifier: BSD-3-Clause */
/* What was measured, for people or for programs. */
#ifndef VSW_PERF_MICRO_REPORT_H
#define VSW_PERF_MICRO_REPORT_H

#include "perf/micro/bench.h"

/* A few lines on the machine and the heads of the columns; then a line for each result. */
void report_head(const struct machine *machine);
void report_row(const struct machine *machine, const struct bench_result *result);

/* All of it as one document. */
void report_json(const struct bench *bench);

#endif
