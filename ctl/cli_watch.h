/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates of ports and workers, again and again: stats --watch. One thread. */
#ifndef VSW_CTL_CLI_WATCH_H
#define VSW_CTL_CLI_WATCH_H

#include <stdint.h>

#include "ctl/cli.h"

/*
 * Show `count` tables, one each `period` seconds, of the ports `only` (ends with NULL; NULL: all).
 * On a terminal each replaces the one before, as large as fits, until somebody types q; elsewhere
 * they follow each other. With --json each is a line: what the daemon sent of the ports.
 */
enum cli_status cli_watch(struct cli *cli, char *const *only, double period, uint64_t count);

#endif
