/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that hold a whole configuration. One thread. */
#ifndef VSW_CTL_CLI_CONFIG_H
#define VSW_CTL_CLI_CONFIG_H

#include <jansson.h>

#include "ctl/cli.h"

/*
 * Read a configuration as 'config show' prints it; "-" is standard input. *document is a new
 * reference if CLI_OK; else what is wrong has been said.
 */
enum cli_status cli_config_read(struct cli *cli, const char *name, json_t **document);

#endif
