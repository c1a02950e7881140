/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of the configuration as lines for people: a list of {op, path, before?, after?, apply?,
 * leaves?} as edit, diff and the events of the topic config have it.
 *
 *	+ port vm3: type fake, bridge br0
 *	~ port vm1: mtu 1500 -> 9000 (live)
 *	+ acl web ace ssh: action accept
 *	- port vm2: type fake
 *
 * A line for each leaf that changes, and for each entry of a list that comes or goes. Values are a
 * peer's words: shown, never obeyed by a terminal. One thread.
 */
#ifndef VSW_CTL_CLI_CHANGE_H
#define VSW_CTL_CLI_CHANGE_H

#include <jansson.h>

#include "ctl/cli.h"

void cli_changes_print(struct cli *cli, const json_t *changes);

#endif
