/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/options.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "ctl/socket_path.h"

#define MEMORY_MIB_MIN 64
#define MEMORY_MIB_MAX 1048576 /* 1 TiB */

const char options_help[] =
	"Usage: vswitchd [OPTION]...\n"
	"\n"
	"A virtual switch in user space: connects virtual machines (vhost-user), containers (tap,\n"
	"virtio-user, memif), interfaces of the host and NICs. Without options it starts with what "
	"the\n"
	"machine has; ports and bridges are made with vswitchctl and remembered.\n"
	"\n"
	"  --config FILE         saved configuration; made by the first edit\n"
	"                        (root: /var/lib/vswitch/config.json, else\n"
	"                        $XDG_STATE_HOME/vswitch/config.json)\n"
	"  --socket PATH         control socket (root: /run/vswitch/vswitchd.sock, else\n"
	"                        $XDG_RUNTIME_DIR/vswitch/vswitchd.sock)\n"
	"  --workers CPULIST     one worker pinned to each CPU, e.g. 2,4-6\n"
	"                        (default: one worker, not pinned)\n"
	"  --memory MIB          packet memory (default: 1024 without hugepages, of which only "
	"what is\n"
	"                        used is taken; with hugepages it is the limit)\n"
	"  --flows N             flows that each worker remembers, 1024 to 16777216\n"
	"                        (default: 65536, 85 bytes each)\n"
	"  --hugepages MODE      auto (use them if enough are free), never, require\n"
	"  --poll                workers never sleep: lowest latency, a full CPU each\n"
	"  --log LEVEL[,module=LEVEL]...\n"
	"                        error, warn, notice (default), info, debug\n"
	"  --eal-args \"ARGS\"     further options for DPDK's EAL; not needed normally\n"
	"  --version             print the version and exit\n"
	"  --help                print this and exit\n"
	"\n"
	"Examples:\n"
	"  vswitchd                                  start; then: vswitchctl bridge add br0\n"
	"  vswitchd --workers 2,3 --hugepages require --poll\n"
	"  vswitchd --socket /tmp/vsw/ctl.sock --config /tmp/vsw/config.json\n"
	"\n"
	"vswitchd(8) and vswitchctl(8) say more.\n";

enum {
	OPT_CONFIG = 256,
	OPT_SOCKET,
	OPT_WORKERS,
	OPT_MEMORY,
	OPT_FLOWS,
	OPT_HUGEPAGES,
	OPT_POLL,
	OPT_LOG,
	OPT_EAL_ARGS,
	OPT_VERSION,
	OPT_HELP,
};

static int
parse_cpu_range(
	const char *item, const cpu_set_t *allowed, struct options *options, struct err *err)
{
	char *end;
	unsigned long from = strtoul(item, &end, 10);
	unsigned long to = from;

	if (end == item || item[0] < '0' || item[0] > '9') {
		return err_set(err, ERR_INVALID, "--workers",
			"'%s' is no CPU; e.g. --workers 2,4-6", item);
	}
	/* strtoul() would take blanks and signs. */
	if (end[0] == '-' && end[1] >= '0' && end[1] <= '9') {
		to = strtoul(end + 1, &end, 10);
	}
	if (*end != '\0' || to < from || to >= CPU_SETSIZE) {
		return err_set(err, ERR_INVALID, "--workers",
			"'%s' is no CPU or range; e.g. --workers 2,4-6", item);
	}
	for (unsigned long cpu = from; cpu <= to; cpu++) {
		if (!CPU_ISSET(cpu, allowed)) {
			return err_set(err, ERR_INVALID, "--workers",
				"CPU %lu does not exist or is not allowed to this process "
				"(`taskset -p %d` shows those that are)",
				cpu, (int)getpid());
		}
		for (unsigned int w = 0; w < options->n_workers; w++) {
			if (options->cpus[w] == (int)cpu) {
				return err_set(err, ERR_INVALID, "--workers",
					"CPU %lu is named twice", cpu);
			}
		}
		if (options->n_workers == DP_WORKERS_MAX) {
			return err_set(err, ERR_LIMIT, "--workers",
				"at most %u workers are possible", DP_WORKERS_MAX);
		}
		options->cpus[options->n_workers++] = (int)cpu;
	}
	return 0;
}

static int
parse_workers(const char *list, struct options *options, struct err *err)
{
	char *copy = str_dup(list);
	char *save = NULL;
	cpu_set_t allowed;
	int rc = 0;

	options->n_workers = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		CPU_ZERO(&allowed);
	}
	for (char *item = strtok_r(copy, ",", &save); item != NULL && rc == 0;
		item = strtok_r(NULL, ",", &save)) {
		rc = parse_cpu_range(item, &allowed, options, err);
	}
	if (rc == 0 && options->n_workers == 0) {
		rc = err_set(err, ERR_INVALID, "--workers", "the list names no CPU");
	}
	free(copy);
	return rc;
}

static int
parse_memory(const char *text, struct options *options, struct err *err)
{
	uint64_t mib;

	if (str_to_u64(text, MEMORY_MIB_MIN, MEMORY_MIB_MAX, &mib) != 0) {
		return err_set(err, ERR_INVALID, "--memory",
			"'%s' is not a number of MiB from %d to %d", text, MEMORY_MIB_MIN,
			MEMORY_MIB_MAX);
	}
	options->memory_mib = (unsigned int)mib;
	return 0;
}

static int
parse_flows(const char *text, struct options *options, struct err *err)
{
	uint64_t flows;

	if (str_to_u64(text, FLOW_CAPACITY_MIN, FLOW_CAPACITY_MAX, &flows) != 0) {
		return err_set(err, ERR_INVALID, "--flows", "'%s' is not a number from %u to %u",
			text, FLOW_CAPACITY_MIN, FLOW_CAPACITY_MAX);
	}
	options->flows = (uint32_t)flows;
	return 0;
}

static int
parse_hugepages(const char *text, struct options *options, struct err *err)
{
	static const char *const modes[] = {[HUGEPAGES_AUTO] = "auto",
		[HUGEPAGES_NEVER] = "never",
		[HUGEPAGES_REQUIRE] = "require"};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(text, modes[i]) == 0) {
			options->hugepages = (enum hugepages)i;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "--hugepages", "'%s' is not auto, never or require", text);
}

static int
copy_path(const char *option, const char *value, char *to, size_t size, struct err *err)
{
	if (!str_given(value)) {
		return err_set(err, ERR_INVALID, option, "the path is empty");
	}
	if (!str_copy(to, value, size)) {
		return err_set(
			err, ERR_INVALID, option, "the path is longer than %zu bytes", size - 1);
	}
	return 0;
}

static int
default_config(struct options *options, struct err *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	size_t size = sizeof(options->config);

	options->config[0] = '\0';
	if (geteuid() == 0) {
		return copy_path(
			"--config", "/var/lib/vswitch/config.json", options->config, size, err);
	}
	if (str_given(state)) {
		str_appendf(options->config, size, "%s/vswitch/config.json", state);
	} else if (str_given(home)) {
		str_appendf(options->config, size, "%s/.local/state/vswitch/config.json", home);
	} else {
		return err_set(err, ERR_MISSING, "--config",
			"neither XDG_STATE_HOME nor HOME is set; say where to keep the "
			"configuration");
	}
	return 0;
}

static int
option_one(int opt, struct options *options, enum options_action *action, struct err *err)
{
	switch (opt) {
	case OPT_CONFIG:
		/* An unset variable in a script must not mean the host's own switch. */
		return copy_path("--config", optarg, options->config, sizeof(options->config), err);
	case OPT_SOCKET:
		return copy_path("--socket", optarg, options->socket, sizeof(options->socket), err);
	case OPT_WORKERS:
		return parse_workers(optarg, options, err);
	case OPT_MEMORY:
		return parse_memory(optarg, options, err);
	case OPT_FLOWS:
		return parse_flows(optarg, options, err);
	case OPT_HUGEPAGES:
		return parse_hugepages(optarg, options, err);
	case OPT_POLL:
		options->poll = true;
		return 0;
	case OPT_LOG:
		return log_configure(optarg, err);
	case OPT_EAL_ARGS:
		options->eal_args = optarg;
		return 0;
	case OPT_VERSION:
		*action = OPTIONS_VERSION;
		return 0;
	case OPT_HELP:
		*action = OPTIONS_HELP;
		return 0;
	default:
		return err_set(err, ERR_INVALID, NULL, "see vswitchd --help");
	}
}

int
options_parse(int argc, char **argv, struct options *options, enum options_action *action,
	struct err *err)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, OPT_CONFIG},
		{"socket", required_argument, NULL, OPT_SOCKET},
		{"workers", required_argument, NULL, OPT_WORKERS},
		{"memory", required_argument, NULL, OPT_MEMORY},
		{"flows", required_argument, NULL, OPT_FLOWS},
		{"hugepages", required_argument, NULL, OPT_HUGEPAGES},
		{"poll", no_argument, NULL, OPT_POLL},
		{"log", required_argument, NULL, OPT_LOG},
		{"eal-args", required_argument, NULL, OPT_EAL_ARGS},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	char socket[SOCKET_PATH_SIZE];
	int rc = 0;
	int opt;

	*options = (struct options){.n_workers = 1, .cpus = {-1}};
	*action = OPTIONS_RUN;
	while (rc == 0 && *action == OPTIONS_RUN &&
		(opt = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		rc = option_one(opt == 'h' ? OPT_HELP : opt, options, action, err);
	}
	if (rc != 0 || *action != OPTIONS_RUN) {
		return rc;
	}
	if (optind < argc) {
		return err_set(err, ERR_INVALID, NULL, "'%s' is not an option; see vswitchd --help",
			argv[optind]);
	}
	rc = socket_path_find(options->socket, socket, sizeof(socket), err);
	if (rc == 0) {
		rc = copy_path("--socket", socket, options->socket, sizeof(options->socket), err);
	}
	return rc == 0 && options->config[0] == '\0' ? default_config(options, err) : rc;
}
