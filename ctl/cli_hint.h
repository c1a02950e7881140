/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes on the command line, and after each error the next command to type, where one can be
 * named: "Try: vswitchctl bridge show". All of it goes to cli->err. One thread.
 */
#ifndef VSW_CTL_CLI_HINT_H
#define VSW_CTL_CLI_HINT_H

#include "base/err.h"
#include "ctl/cli.h"

/* No command begins with these words: what is near, and where the right ones are listed. */
enum cli_status cli_unknown_command(struct cli *cli, size_t n, char *const *words);

/* The command that runs has no such option. */
enum cli_status cli_unknown_option(struct cli *cli, const char *word);

/* The command that runs wants more arguments than these n. */
enum cli_status cli_missing_argument(struct cli *cli, size_t n);

/* The daemon could not be reached. */
void cli_hint_connect(struct cli *cli, const struct err *err);

/* The daemon refused, with this error-tag (NULL: none) and sentence. */
void cli_hint_refused(struct cli *cli, const char *tag, const char *text);

#endif
