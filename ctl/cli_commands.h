/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of all commands. Each stands in a file of its noun; a new noun gets a line here and
 * one in cli_run.c.
 */
#ifndef VSW_CTL_CLI_COMMANDS_H
#define VSW_CTL_CLI_COMMANDS_H

#include "ctl/cli.h"

/* Table by table; ends with NULL. */
extern const struct cli_command *const cli_tables[];

/* One per noun or kind; each ends with a NULL noun. */
extern const struct cli_command cli_show_commands[];
extern const struct cli_command cli_bridge_commands[];
extern const struct cli_command cli_port_commands[];
extern const struct cli_command cli_fdb_commands[];
extern const struct cli_command cli_flow_commands[];
extern const struct cli_command cli_trace_commands[];
extern const struct cli_command cli_acl_commands[];
extern const struct cli_command cli_meter_commands[];
extern const struct cli_command cli_group_commands[];
extern const struct cli_command cli_stats_commands[];
extern const struct cli_command cli_drops_commands[];
extern const struct cli_command cli_latency_commands[];
extern const struct cli_command cli_workers_commands[];
extern const struct cli_command cli_access_commands[];
extern const struct cli_command cli_listener_commands[];
extern const struct cli_command cli_config_commands[];
extern const struct cli_command cli_revision_commands[];
extern const struct cli_command cli_call_commands[];
extern const struct cli_command cli_fake_commands[];
extern const struct cli_command cli_events_commands[];
extern const struct cli_command cli_capture_commands[];
extern const struct cli_command cli_mirror_commands[];

#endif
