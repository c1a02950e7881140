/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts of a named entry: entries of a list below it, such as a meter of a bridge. A part is named
 * by its path; keys of the command line are leaves of it. One thread.
 */
#ifndef VSW_CTL_CLI_PART_H
#define VSW_CTL_CLI_PART_H

#include "ctl/cli.h"
#include "ctl/cli_data.h"

/* Append /LIST[KEY='VALUE']; a value that no path can hold is refused with CLI_USAGE. */
enum cli_status cli_part_path(struct cli *cli, char path[CLI_PATH_SIZE], const char *list,
	const char *key, const char *value);

/* Create it with these key=value arguments. */
enum cli_status
cli_part_add(struct cli *cli, const char *path, enum cli_word leaves, char **args, size_t n);

/* Change leaves of it, which has to be there; an empty value deletes one. */
enum cli_status
cli_part_set(struct cli *cli, const char *path, enum cli_word leaves, char **args, size_t n);

enum cli_status cli_part_del(struct cli *cli, const char *path);

/* All parts of a bridge in this list: as the daemon sent them with --json, else by `print`. */
enum cli_status cli_part_show(struct cli *cli, const char *bridge, const char *list,
	void (*print)(struct cli *cli, const json_t *entries));

#endif
