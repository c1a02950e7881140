/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * add, del and set of a named entry of the switch's lists (bridge, port): the same for all of them.
 * One thread.
 */
#ifndef VSW_CTL_CLI_ENTRY_H
#define VSW_CTL_CLI_ENTRY_H

#include "ctl/cli.h"

struct cli_entry_kind {
	const char *list; /* "bridge", "port" */
	enum cli_word leaves;
	void (*print)(struct cli *cli, const json_t *entry); /* all about one; NULL: its members */
};

/* args: NAME [KEY=VALUE]...; `may_exist`: an entry that is there is changed instead. */
enum cli_status cli_entry_add(struct cli *cli, const struct cli_entry_kind *kind,
	const struct cli_args *args, bool may_exist);

/* args: NAME...; all of them or none. `if_exists`: those that are not there are no error. */
enum cli_status cli_entry_del(struct cli *cli, const struct cli_entry_kind *kind,
	const struct cli_args *args, bool if_exists);

/* args: NAME KEY=VALUE...; an empty value deletes the leaf. */
enum cli_status
cli_entry_set(struct cli *cli, const struct cli_entry_kind *kind, const struct cli_args *args);

/* Everything about one entry. */
enum cli_status
cli_entry_show(struct cli *cli, const struct cli_entry_kind *kind, const char *name);

#endif
