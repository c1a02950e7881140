/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_ports.h"
#include "ctl/cli_table.h"

static enum cli_status run_show(struct cli *cli, const struct cli_args *args);

const struct cli_command cli_show_commands[] = {
	{
		.noun = "show",
		.usage = "",
		.summary = "Show the switch at a glance: memory, workers, bridges and their ports",
		.examples = "  vswitchctl show\n  vswitchctl show --json\n",
		.run = run_show,
	},
	{NULL},
};

static void
duration_text(uint64_t seconds, char *text, size_t size)
{
	uint64_t minutes = seconds / 60;
	uint64_t hours = minutes / 60;

	text[0] = '\0';
	if (hours >= 24) {
		(void)str_appendf(
			text, size, "%" PRIu64 " d %" PRIu64 " h", hours / 24, hours % 24);
	} else if (hours > 0) {
		(void)str_appendf(text, size, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
	} else if (minutes > 0) {
		(void)str_appendf(
			text, size, "%" PRIu64 " min %" PRIu64 " s", minutes, seconds % 60);
	} else {
		(void)str_appendf(text, size, "%" PRIu64 " s", seconds);
	}
}

static void
print_system(struct cli *cli, const json_t *system)
{
	const json_t *memory = json_object_get(system, "memory");
	char up[64];

	duration_text(cli_num(system, "uptime"), up, sizeof(up));
	(void)fputs("vswitchd ", cli->out);
	cli_print_text(cli, cli_str(system, "version"));
	(void)fprintf(cli->out, ", up %s", up);
	if (str_given(cli_str(system, "description"))) {
		(void)fputs(", ", cli->out);
		cli_print_text(cli, cli_str(system, "description"));
	}
	(void)fputs("\nmemory   ", cli->out);
	cli_print_text(cli, cli_str(memory, "kind"));
	(void)fprintf(cli->out, ", %" PRIu64 " of %" PRIu64 " MiB used\n",
		cli_num(memory, "used-mib"), cli_num(memory, "size-mib"));
}

static void
print_workers(struct cli *cli, const json_t *workers)
{
	const json_t *worker;
	size_t i;

	(void)fprintf(cli->out, "workers  %zu", json_array_size(workers));
	json_array_foreach (workers, i, worker) {
		(void)fputs(i == 0 ? ": " : ", ", cli->out);
		cli_print_text(cli, cli_str(worker, "state"));
		if (json_object_get(worker, "cpu") != NULL) {
			(void)fprintf(cli->out, " on CPU %" PRIu64, cli_num(worker, "cpu"));
		}
	}
	(void)fputc('\n', cli->out);
}

static void
print_switch(struct cli *cli, const json_t *data)
{
	const json_t *system = json_object_get(cli_root(data), "system");
	const json_t *ports = cli_list(data, "port");
	const json_t *bridge;
	const json_t *port;
	size_t n_free = 0;
	size_t i;

	print_system(cli, system);
	print_workers(cli, json_object_get(system, "worker"));
	json_array_foreach (cli_list(data, "bridge"), i, bridge) {
		const char *name = cli_str(bridge, "name");

		(void)fprintf(cli->out, "\nbridge %s, %" PRIu64 " MAC%s\n", name,
			cli_num(bridge, "fdb-entries"),
			cli_num(bridge, "fdb-entries") == 1 ? "" : "s");
		if (cli_print_ports(cli, ports, name, 2) == 0) {
			(void)fputs("  no ports\n", cli->out);
		}
	}
	json_array_foreach (ports, i, port) {
		n_free += !str_given(cli_str(port, "bridge"));
	}
	if (n_free > 0) {
		(void)fputs("\nwithout a bridge\n", cli->out);
		(void)cli_print_ports(cli, ports, NULL, 2);
	} else if (json_array_size(cli_list(data, "bridge")) == 0) {
		(void)fputs("\nno bridges and no ports; start with: vswitchctl bridge add br0\n",
			cli->out);
	}
}

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	json_t *data = NULL;
	enum cli_status status = cli_get(cli, "/", "all", &data);

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK) {
		print_switch(cli, data);
	}
	json_decref(data);
	return status;
}
