/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_entry.h"
#include "ctl/cli_table.h"

static void print_mirrors(struct cli *cli, const json_t *data);

static const struct cli_entry_kind mirror_kind = {
	.list = "mirror",
	.leaves = CLI_WORD_MIRROR_LEAF,
	.print_all = print_mirrors,
};

static const struct cli_option add_options[] = {
	{"may-exist", CLI_FLAG, NULL, "change the mirror if it is there already"},
	{NULL},
};

static const struct cli_option del_options[] = {
	{"if-exists", CLI_FLAG, NULL, "a mirror that is not there is no error"},
	{NULL},
};

const struct cli_command cli_mirror_commands[] = {
	{
		.noun = "mirror",
		.verb = "add",
		.usage = "NAME KEY=VALUE... [--may-exist]",
		.summary = "Copy the frames of some ports to one more port",
		.detail = "It needs output-port, and source-port or source-bridge.\n",
		.examples = "  vswitchctl mirror add m1 source-port=vm1,vm2 direction=both "
			    "output-port=probe\n"
			    "  vswitchctl mirror add m2 source-bridge=br0 source-vlan=10,20-30 "
			    "output-port=probe truncate=128\n"
			    "  vswitchctl mirror add m3 source-port=vm1 source-acl=web "
			    "output-port=probe\n",
		.options = add_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_NEW, CLI_WORD_MIRROR_LEAF},
		.run = cli_entry_add,
		.entry = &mirror_kind,
	},
	{
		.noun = "mirror",
		.verb = "del",
		.usage = "NAME... [--if-exists]",
		.summary = "Delete mirrors; all of them or, on an error, none",
		.examples = "  vswitchctl mirror del m1\n",
		.options = del_options,
		.edits = true,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_MIRROR},
		.run = cli_entry_del,
		.entry = &mirror_kind,
	},
	{
		.noun = "mirror",
		.verb = "set",
		.usage = "NAME KEY=VALUE...",
		.summary = "Change a mirror; an empty value sets a key back to its default",
		.examples = "  vswitchctl mirror set m1 enabled=false\n"
			    "  vswitchctl mirror set m2 truncate=\n",
		.edits = true,
		.min_args = 2,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_MIRROR, CLI_WORD_MIRROR_LEAF},
		.run = cli_entry_set,
		.entry = &mirror_kind,
	},
	{
		.noun = "mirror",
		.verb = "show",
		.usage = "[NAME]",
		.summary = "Show all mirrors, or all about one, with what they have copied",
		.examples = "  vswitchctl mirror show\n",
		.max_args = 1,
		.words = {CLI_WORD_MIRROR},
		.run = cli_entry_show,
		.entry = &mirror_kind,
	},
	{NULL},
};

/* "vm1,vm2 br0 vlan 10 acl web" */
static const char *
sources_text(const json_t *mirror, char *buf, size_t size)
{
	const json_t *vlans = json_object_get(mirror, "source-vlan");
	const char *bridge = cli_str(mirror, "source-bridge");
	const char *acl = cli_str(mirror, "source-acl");
	char text[256];

	buf[0] = '\0';
	if (json_object_get(mirror, "source-port") != NULL) {
		(void)str_append(buf,
			cli_text(json_object_get(mirror, "source-port"), text, sizeof(text)), size);
	}
	if (bridge[0] != '\0') {
		(void)str_appendf(buf, size, "%s%s", buf[0] == '\0' ? "" : " ", bridge);
	}
	if (json_array_size(vlans) > 0) {
		(void)str_appendf(buf, size, " vlan %s", cli_text(vlans, text, sizeof(text)));
	}
	if (acl[0] != '\0') {
		(void)str_appendf(buf, size, " acl %s", acl);
	}
	return buf;
}

static void
print_mirrors(struct cli *cli, const json_t *data)
{
	static const char *const columns[] = {
		"MIRROR", "FROM", "WHICH", "TO", ">SEEN", ">PACKETS", ">DROPS", "STATE", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *mirror;
	size_t i;

	json_array_foreach (cli_list(data, "mirror"), i, mirror) {
		const char *direction = cli_str(mirror, "direction");
		char text[512];

		cli_table_row(table);
		cli_table_cell(table, "%s", cli_str(mirror, "name"));
		cli_table_cell(table, "%s", sources_text(mirror, text, sizeof(text)));
		cli_table_cell(table, "%s", direction[0] == '\0' ? "rx" : direction);
		cli_table_cell(table, "%s", cli_str(mirror, "output-port"));
		cli_table_cell(table, "%" PRIu64, cli_num(mirror, "seen-packets"));
		cli_table_cell(table, "%" PRIu64, cli_num(mirror, "packets"));
		cli_table_cell(table, "%" PRIu64, cli_num(mirror, "drops"));
		cli_table_cell(table, "%s",
			json_is_false(json_object_get(mirror, "enabled")) ? "disabled" : "enabled");
	}
	cli_table_end(table, cli, "no mirrors");
}
