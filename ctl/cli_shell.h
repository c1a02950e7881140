/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many commands in one run of vswitchctl: typed at a prompt, or read from standard input.
 *
 * Both take the lines that would stand behind "vswitchctl" (which may stand there too), with quotes
 * and comments as in a shell; a line that ends within quotes or with a backslash goes on with the
 * next. Options hold for their line alone. One connection serves all; it is made anew when the
 * daemon has gone and come back. One thread.
 */
#ifndef VSW_CTL_CLI_SHELL_H
#define VSW_CTL_CLI_SHELL_H

#include "ctl/cli.h"

/*
 * Read lines from the terminal, with history ($XDG_STATE_HOME/vswitch/vswitchctl-history),
 * completion and help, until "exit" or the end of input. SIGINT ends the command that runs.
 */
enum cli_status cli_shell(struct cli *cli);

/*
 * Run the lines of a file, until one fails, or with cli->keep_going all. What failed is named with
 * its line. Returns the status of the first that failed. No line at all is a usage error.
 */
enum cli_status cli_lines(struct cli *cli, FILE *in);

/* Run one whole line. *end is set if it says to end. */
enum cli_status cli_line_text(struct cli *cli, const char *text, size_t len, bool *end);

#endif
