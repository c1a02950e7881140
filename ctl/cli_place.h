/* SPDX-License-Identifier: BSD-3-Clause */
/* --first, --before and --after: where an entry of a list goes whose order counts. One thread. */
#ifndef VSW_CTL_CLI_PLACE_H
#define VSW_CTL_CLI_PLACE_H

#include "ctl/cli.h"

/* All options of a command that takes them; ends with NULL. */
extern const struct cli_option cli_place_options[];

bool cli_place_given(const struct cli_args *args);

/*
 * Say it in `op`, an insert or a move, for an entry of `list` (key name) below `path`. CLI_USAGE,
 * said, if more than one is given.
 */
enum cli_status cli_place(struct cli *cli, const struct cli_args *args, const char *path,
	const char *list, json_t *op);

#endif
