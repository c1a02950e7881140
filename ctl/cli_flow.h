/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts of the noun `flow` that have files of their own. One thread.
 */
#ifndef VSW_CTL_CLI_FLOW_H
#define VSW_CTL_CLI_FLOW_H

#include "ctl/cli.h"

/* Places in the options of add and replace. */
enum cli_flow_option { CLI_FLOW_FILE, CLI_FLOW_DRY_RUN };

/*
 * flow replace: what the file and the daemon both have stays untouched, what only the daemon has is
 * deleted, the rest added; in one batch. Rules that somebody else adds between the look and the
 * batch stay.
 */
enum cli_status cli_flow_replace(struct cli *cli, const struct cli_args *args);

/* flow cache show, flow cache stats; its first option is --limit. */
enum cli_status cli_flow_cache(struct cli *cli, const struct cli_args *args);

#endif
