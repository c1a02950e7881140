/* SPDX-License-Identifier: BSD-3-Clause */
/* Benchmarks of the switch's parts, one thread, cycles per operation. See micro --help. */
#include <stdio.h>

#include "base/role.h"
#include "perf/micro/bench.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/options.h"
#include "perf/micro/report.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define MEMORY_MIB 1024 /* address space only, until it is touched */
#define MEMORY_QUICK_MIB 64
#define RATE_MS 100
#define RATE_QUICK_MS 5

#define X(name, doc) {#name, (doc), benchmark_##name},
const struct benchmark benchmarks[N_BENCHMARKS] = {BENCHMARKS(X)};
#undef X

static int
run_all(struct bench *bench, const struct options *options, struct err *err)
{
	int rc = 0;

	role_enter(&role_main);
	role_enter(&role_worker);
	for (unsigned int i = 0; rc == 0 && i < N_BENCHMARKS; i++) {
		if (options->only[i]) {
			bench->name = benchmarks[i].name;
			rc = benchmarks[i].run(bench, err);
		}
	}
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}

static int
fail(const struct err *err, int status)
{
	(void)fprintf(stderr, "micro: %s\n", err->text);
	return status;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct err err = ERR_INIT;
	int rc = options_parse(&options, argc, argv, &err);

	if (rc > 0) {
		return 0;
	}
	struct bench bench = {
		.quick = options.quick,
		.seconds = options.seconds,
		.each = options.json ? NULL : report_row,
	};
	if (rc == 0) {
		rc = machine_init(
			&bench.machine, options.cpu, options.quick ? RATE_QUICK_MS : RATE_MS, &err);
	}
	if (rc != 0) {
		return fail(&err, EXIT_USAGE);
	}
	rc = machine_start_eal(
		&bench.machine, options.pages, options.quick ? MEMORY_QUICK_MIB : MEMORY_MIB, &err);
	if (rc != 0) {
		return fail(&err, EXIT_FAILED);
	}
	bench_init(&bench);
	if (!options.json) {
		report_head(&bench.machine);
	}
	rc = run_all(&bench, &options, &err);
	if (rc == 0 && options.json) {
		report_json(&bench);
	}
	bench_fini(&bench);
	return rc == 0 ? 0 : fail(&err, EXIT_FAILED);
}
