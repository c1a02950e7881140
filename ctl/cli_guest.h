/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest of a vhost-user port, for `port show NAME`. One thread. */
#ifndef VSW_CTL_CLI_GUEST_H
#define VSW_CTL_CLI_GUEST_H

#include <jansson.h>

#include "ctl/cli.h"

/*
 * Print an entry of the list port: its members, then, if it has a guest, what is known of that,
 * feature by feature, ring by ring, and its last connections.
 */
void cli_print_port(struct cli *cli, const json_t *port);

#endif
