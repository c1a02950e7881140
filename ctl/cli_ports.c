/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_ports.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"

const char cli_all_bridges[] = "";

enum cli_colour
cli_status_colour(const char *status)
{
	if (strcmp(status, "up") == 0) {
		return CLI_GREEN;
	}
	return strcmp(status, "failed") == 0 || strcmp(status, "stopped") == 0 ? CLI_RED
									       : CLI_YELLOW;
}

/* The VLANs of a port in a few characters: "10", "trunk 10,20-30", "trunk", "10+20,30". */
static void
vlan_text(const json_t *port, char *text, size_t size)
{
	const json_t *trunk = json_object_get(port, "trunk");
	const json_t *vlan = json_object_get(port, "vlan");
	const char *mode = cli_str(port, "vlan-mode");
	char list[256] = "";

	text[0] = '\0';
	if (trunk != NULL) {
		(void)cli_text(trunk, list, sizeof(list));
	}
	if (mode[0] == '\0') {
		mode = vlan == NULL ? "trunk" : (trunk == NULL ? "access" : "native-untagged");
	}
	(void)str_copy(text, mode, size);
	if (vlan != NULL) {
		(void)str_appendf(text, size, " %" PRIu64, cli_num(port, "vlan"));
	}
	if (list[0] != '\0') {
		(void)str_appendf(text, size, "%s%s", vlan == NULL ? " " : "+", list);
	}
}

static void
add_port(struct cli_table *table, const json_t *port, bool with_bridge)
{
	const json_t *statistics = json_object_get(port, "statistics");
	const char *status = cli_str(port, "oper-status");
	char vlan[320];

	vlan_text(port, vlan, sizeof(vlan));
	cli_table_row(table);
	cli_table_cell(table, "%s", cli_str(port, "name"));
	cli_table_cell(table, "%s", cli_str(port, "type"));
	cli_table_cell(table, "%s", with_bridge ? cli_str(port, "bridge") : "");
	cli_table_cell(table, "%s", status);
	cli_table_colour(table, cli_status_colour(status));
	cli_table_cell(table, "%s", vlan);
	cli_table_cell(table, "%" PRIu64, cli_num(statistics, "rx-packets"));
	cli_table_cell(table, "%" PRIu64, cli_num(statistics, "tx-packets"));
	cli_table_cell(table, "%" PRIu64, cli_sum(json_object_get(statistics, "drops")));
	cli_table_cell(table, "%s", cli_str(port, "reason"));
}

size_t
cli_print_ports(struct cli *cli, const json_t *ports, const char *bridge, unsigned int indent)
{
	static const char *const columns[] = {"PORT", "TYPE", "BRIDGE", "STATUS", "VLAN",
		">RX-PACKETS", ">TX-PACKETS", ">DROPS", "REASON", NULL};
	struct cli_table *table = cli_table_create(columns);
	const json_t *port;
	size_t i;
	size_t n;

	json_array_foreach (ports, i, port) {
		const char *its = cli_str(port, "bridge");

		if (bridge == cli_all_bridges || strcmp(its, bridge == NULL ? "" : bridge) == 0) {
			add_port(table, port, bridge == cli_all_bridges);
		}
	}
	n = cli_table_rows(table);
	if (n > 0) {
		cli_table_print(table, cli, indent);
	}
	cli_table_destroy(table);
	return n;
}
