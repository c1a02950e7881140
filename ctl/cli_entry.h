/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * add, del, set and show of a named entry of the switch's lists (bridge, port): the same for all of
 * them. The command that runs says by its `entry` which list it is.
 * One thread.
 */
#ifndef VSW_CTL_CLI_ENTRY_H
#define VSW_CTL_CLI_ENTRY_H

#include "ctl/cli.h"

struct cli_entry_kind {
	const char *list; /* "bridge", "port" */
	enum cli_word leaves;
	void (*print)(struct cli *cli, const json_t *entry); /* all about one; NULL: its members */
	void (*print_all)(struct cli *cli, const json_t *data); /* a table; data has the list */
};

/* What commands with an entry kind run. */

/* args: NAME [KEY=VALUE]...; option 0: an entry that is there is changed instead. */
enum cli_status cli_entry_add(struct cli *cli, const struct cli_args *args);

/* args: NAME...; all of them or none. Option 0: those that are not there are no error. */
enum cli_status cli_entry_del(struct cli *cli, const struct cli_args *args);

/* args: NAME KEY=VALUE...; an empty value deletes the leaf. */
enum cli_status cli_entry_set(struct cli *cli, const struct cli_args *args);

/* args: [NAME]; a table of all, or everything about one. */
enum cli_status cli_entry_show(struct cli *cli, const struct cli_args *args);

#endif
