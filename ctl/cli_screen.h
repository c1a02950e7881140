/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole terminal for a while, for what is redrawn: keys come one by one, unseen; what was on
 * the screen is there again afterwards, however it ends.
 *
 * Signals that would end the program (or Ctrl-C) are taken until the screen is closed, and those
 * other than SIGINT then do what they do. One thread, one screen at a time.
 */
#ifndef VSW_CTL_CLI_SCREEN_H
#define VSW_CTL_CLI_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "ctl/cli.h"

struct cli_screen;

enum cli_screen_event {
	CLI_SCREEN_TIME, /* nothing happened until then */
	CLI_SCREEN_KEY,
	CLI_SCREEN_SIZE, /* the terminal has another size */
	CLI_SCREEN_END /* Ctrl-C, or a signal to end */
};

/* NULL if cli->out or standard input is no terminal. */
struct cli_screen *cli_screen_open(struct cli *cli);
void cli_screen_close(struct cli_screen *screen); /* NULL is legal */

/* Lines and columns it has now. */
void cli_screen_size(const struct cli_screen *screen, unsigned int *rows, unsigned int *columns);

/* Show this text, as much of it as there are lines, in place of what was shown. */
void cli_screen_draw(struct cli_screen *screen, const char *text);

/* Wait until something happens, but not beyond `until` (CLOCK_MONOTONIC, ns). */
enum cli_screen_event cli_screen_wait(struct cli_screen *screen, uint64_t until, char *key);

#endif
