/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_entry.h"
#include "ctl/cli_guest.h"
#include "ctl/cli_ports.h"

static void print_ports(struct cli *cli, const json_t *data);

static const struct cli_entry_kind port_kind = {
	.list = "port",
	.leaves = CLI_WORD_PORT_LEAF,
	.print = cli_print_port,
	.print_all = print_ports,
};

static const struct cli_option add_options[] = {
	{"may-exist", CLI_FLAG, NULL, "change the port if it is there already"},
	{NULL},
};

static const struct cli_option del_options[] = {
	{"if-exists", CLI_FLAG, NULL, "a port that is not there is no error"},
	{NULL},
};

const struct cli_command cli_port_commands[] = {
	{
		.noun = "port",
		.verb = "add",
		.usage = "NAME type=TYPE [KEY=VALUE]... [--may-exist]",
		.summary = "Create a port",
		.detail = "Without vlan-mode: vlan alone makes an access port, vlan and trunk a "
			  "trunk with a\n"
			  "native VLAN, neither a trunk of all VLANs.\n",
		.examples = "  vswitchctl port add vm1 type=vhost-user bridge=br0 vlan=10\n"
			    "  vswitchctl port add vm2 type=vhost-user bridge=br0 trunk=10,20-30 "
			    "mode=client \\\n"
			    "      socket=/run/qemu/vm2.sock\n"
			    "  vswitchctl port add vm3 type=vhost-user bridge=br0 "
			    "disable-feature=tso,packed \\\n"
			    "      peer-uid=64055 require-seals=true\n"
			    "  vswitchctl port add up type=pci pci=0000:03:00.0 bridge=br0\n"
			    "  vswitchctl port add tap0 type=tap bridge=br0 --may-exist\n",
		.options = add_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_NEW, CLI_WORD_PORT_LEAF},
		.run = cli_entry_add,
		.entry = &port_kind,
	},
	{
		.noun = "port",
		.verb = "del",
		.usage = "NAME... [--if-exists]",
		.summary = "Delete ports; all of them or, on an error, none",
		.examples =
			"  vswitchctl port del vm1\n  vswitchctl port del vm1 vm2 --if-exists\n",
		.options = del_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_PORT},
		.run = cli_entry_del,
		.entry = &port_kind,
	},
	{
		.noun = "port",
		.verb = "set",
		.usage = "NAME KEY=VALUE...",
		.summary = "Change a port; an empty value sets a key back to its default",
		.examples = "  vswitchctl port set vm1 mtu=9000\n"
			    "  vswitchctl port set vm1 vlan= trunk=10,20-30\n"
			    "  vswitchctl port set vm1 enabled=false\n",
		.edits = true,
		.min_args = 2,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_PORT, CLI_WORD_PORT_LEAF},
		.run = cli_entry_set,
		.entry = &port_kind,
	},
	{
		.noun = "port",
		.verb = "show",
		.usage = "[NAME]",
		.summary = "Show all ports, or all about one",
		.detail = "Of a port with a guest: the process that connects for it, each feature "
			  "that it is offered\n"
			  "and what became of it, its rings with their counters, and the last "
			  "connections.\n",
		.examples = "  vswitchctl port show\n  vswitchctl port show vm1\n",
		.max_args = 1,
		.words = {CLI_WORD_PORT},
		.run = cli_entry_show,
		.entry = &port_kind,
	},
	{NULL},
};

static void
print_ports(struct cli *cli, const json_t *data)
{
	if (cli_print_ports(cli, cli_list(data, "port"), cli_all_bridges, 0) == 0) {
		(void)fputs("no ports\n", cli->out);
	}
}
