/* SPDX-License-Identifier: BSD-3-Clause */
/* A load generator: raw vhost-user rings on one polling thread. See loadgen --help. */
#include <stdio.h>
#include <string.h>

#include "perf/loadgen/options.h"
#include "perf/loadgen/report.h"
#include "perf/loadgen/run.h"
#include "perf/stay_on.h"

int
main(int argc, char **argv)
{
	struct options options;
	struct result result;
	struct err err = ERR_INIT;
	int rc = options_parse(&options, argc, argv, &err);

	if (rc > 0) {
		return 0;
	}
	if (rc == 0) {
		rc = stay_on(options.cpu, &err);
	}
	if (rc == 0) {
		rc = run(&options, &result, &err);
	}
	if (rc != 0) {
		(void)fprintf(stderr, "loadgen: %s\n", err.text);
		return 1;
	}
	if (options.json) {
		report_json(stdout, &options, &result);
	} else {
		report_text(stdout, &options, &result);
	}
	return 0;
}
