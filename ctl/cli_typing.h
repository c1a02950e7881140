/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys that know the switch, on a line that is being typed: Tab completes (from the tables and
 * the daemon's names), ? helps, Ctrl-C drops the line. One thread.
 */
#ifndef VSW_CTL_CLI_TYPING_H
#define VSW_CTL_CLI_TYPING_H

#include <histedit.h>

#include "ctl/cli.h"

struct cli_typing {
	struct cli *cli;
	bool dropped; /* Ctrl-C: what was typed does not count; reset by whoever reads it */
};

/* Bind the keys. `typing` becomes the client data of `el` and has to outlive it. */
void cli_typing_bind(EditLine *el, struct cli_typing *typing);

/*
 * What may stand in place of the last word of a line of `len` bytes, in the order of the tables.
 * Returns an array that ends with NULL; it and its strings are for cli_candidates_free.
 */
char **cli_candidates(struct cli *cli, const char *line, size_t len, size_t *n);
void cli_candidates_free(char **candidates);

#endif
