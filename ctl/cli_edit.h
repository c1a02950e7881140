/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Editing the configuration: what all commands that do it have in common. They take the options of
 * cli_edit_options (struct cli_command.edits says which commands they are), send their edits by
 * cli_edit_print, and so report alike: nothing when all went well, what would change after a dry
 * run, by when and how to confirm after a provisional edit. One thread.
 */
#ifndef VSW_CTL_CLI_EDIT_H
#define VSW_CTL_CLI_EDIT_H

#include <jansson.h>

#include "ctl/cli.h"

#define CLI_CONFIRM_MAX_S 86400 /* the daemon's bound of confirm-timeout */

/* --dry-run, --confirm, --comment, --base; ends with NULL. */
extern const struct cli_option cli_edit_options[];

/* Option number `which` of that table was given. CLI_USAGE, said, if its value is none. */
enum cli_status cli_edit_option(struct cli *cli, size_t which, const char *value);

/* Add what these options say to the params of edit or rollback. */
void cli_edit_params(const struct cli *cli, json_t *params);

/* One edit operation; `value` is taken, NULL is none. */
json_t *cli_edit_op(const char *op, const char *path, json_t *value);

/* Send the params of an edit or a rollback (taken) with what the options say, and report. */
enum cli_status cli_edit_send(struct cli *cli, const char *method, json_t *params);

/* Send edits (an array, taken) and report. */
enum cli_status cli_edit_print(struct cli *cli, json_t *edits);

#endif
