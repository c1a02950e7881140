/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables of ports, as `show` and `port show` print them. One thread.
 */
#ifndef VSW_CTL_CLI_PORTS_H
#define VSW_CTL_CLI_PORTS_H

#include <jansson.h>

#include "ctl/cli.h"
#include "ctl/cli_table.h"

/*
 * Print the ports of the array that belong to `bridge` (NULL: to none; cli_all_bridges: all, with
 * a column for it). Returns how many there were.
 */
size_t
cli_print_ports(struct cli *cli, const json_t *ports, const char *bridge, unsigned int indent);

extern const char cli_all_bridges[];

/* The colour of a port's oper-status. */
enum cli_colour cli_status_colour(const char *status);

#endif
