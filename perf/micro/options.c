/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/options.h"

#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"

#define SECONDS 0.2
#define SECONDS_QUICK 0.0005
#define SECONDS_MIN 0.0001
#define SECONDS_MAX 3600

static const char usage[] =
	"micro [options]\n"
	"\n"
	"Measure the parts of the switch one by one, in cycles of the time stamp counter.\n"
	"\n"
	"  --list                   say what there is to measure\n"
	"  --only NAME[,NAME]       measure only these\n"
	"  --seconds S              measure each line for so long (0.2)\n"
	"  --pages auto|small|huge  of tables and buffers; auto: as the daemon has them\n"
	"  --cpu N                  stay on this CPU\n"
	"  --quick                  a few sizes, no time: whether it works, not how fast\n"
	"  --json                   print one JSON document\n"
	"  --help\n";

enum option_id {
	OPT_LIST = 256,
	OPT_ONLY,
	OPT_SECONDS,
	OPT_PAGES,
	OPT_CPU,
	OPT_QUICK,
	OPT_JSON,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"list", no_argument, NULL, OPT_LIST},
	{"only", required_argument, NULL, OPT_ONLY},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"pages", required_argument, NULL, OPT_PAGES},
	{"cpu", required_argument, NULL, OPT_CPU},
	{"quick", no_argument, NULL, OPT_QUICK},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int
print_list(void)
{
	for (unsigned int i = 0; i < N_BENCHMARKS; i++) {
		(void)printf("%-8s %s\n", benchmarks[i].name, benchmarks[i].doc);
	}
	return 1;
}

static int
add_only(struct options *options, const char *name, struct err *err)
{
	struct suggest suggest;

	suggest_init(&suggest, name, strlen(name));
	for (unsigned int i = 0; i < N_BENCHMARKS; i++) {
		if (strcmp(benchmarks[i].name, name) == 0) {
			options->only[i] = true;
			return 0;
		}
		suggest_offer(&suggest, benchmarks[i].name);
	}
	return err_set(err, ERR_UNKNOWN, NULL, "--only: there is no benchmark '%s'%s; see --list",
		name, suggest_text(&suggest));
}

static int
parse_only(struct options *options, char *text, struct err *err)
{
	char *rest = NULL;
	int rc = 0;
	bool any = false;

	for (const char *name = strtok_r(text, ",", &rest); rc == 0 && name != NULL;
		name = strtok_r(NULL, ",", &rest)) {
		rc = add_only(options, name, err);
		any = true;
	}
	return any ? rc : err_set(err, ERR_INVALID, NULL, "--only: which? See --list");
}

static int
parse_seconds(struct options *options, const char *text, struct err *err)
{
	char *end;

	options->seconds = strtod(text, &end);
	if (end != text && *end == '\0' && options->seconds >= SECONDS_MIN &&
		options->seconds <= SECONDS_MAX) {
		return 0;
	}
	return err_set(err, ERR_INVALID, NULL, "--seconds %s: it is a number from %g to %d", text,
		SECONDS_MIN, SECONDS_MAX);
}

static int
parse_pages(struct options *options, const char *text, struct err *err)
{
	static const char *const words[] = {[MACHINE_PAGES_AUTO] = "auto",
		[MACHINE_PAGES_SMALL] = "small",
		[MACHINE_PAGES_HUGE] = "huge"};

	for (unsigned int i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			options->pages = (enum machine_pages)i;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, NULL, "--pages %s: it is auto, small or huge", text);
}

static int
parse_cpu(struct options *options, const char *text, struct err *err)
{
	uint64_t cpu;

	if (str_to_u64(text, 0, CPU_SETSIZE - 1, &cpu) != 0) {
		return err_set(err, ERR_INVALID, NULL, "--cpu %s: it is a number from 0 to %d",
			text, CPU_SETSIZE - 1);
	}
	options->cpu = (int)cpu;
	return 0;
}

static int
parse_one(struct options *options, int id, char *text, struct err *err)
{
	switch (id) {
	case OPT_LIST:
		return print_list();
	case OPT_ONLY:
		return parse_only(options, text, err);
	case OPT_SECONDS:
		return parse_seconds(options, text, err);
	case OPT_PAGES:
		return parse_pages(options, text, err);
	case OPT_CPU:
		return parse_cpu(options, text, err);
	case OPT_QUICK:
		options->quick = true;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case OPT_HELP:
		(void)fputs(usage, stdout);
		return 1;
	default:
		return err_set(err, ERR_INVALID, NULL, "see micro --help");
	}
}

int
options_parse(struct options *options, int argc, char **argv, struct err *err)
{
	bool any = false;

	*options = (struct options){.cpu = -1};
	for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		const int rc = parse_one(options, id, optarg, err);
		if (rc != 0) {
			return rc;
		}
	}
	if (optind < argc) {
		return err_set(err, ERR_INVALID, NULL, "'%s' is no option; see micro --help",
			argv[optind]);
	}
	for (unsigned int i = 0; i < N_BENCHMARKS; i++) {
		any = any || options->only[i];
	}
	for (unsigned int i = 0; !any && i < N_BENCHMARKS; i++) {
		options->only[i] = true;
	}
	if (options->seconds == 0) {
		options->seconds = options->quick ? SECONDS_QUICK : SECONDS;
	}
	return 0;
}
