/* SPDX-License-Identifier: BSD-3-Clause */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl/cli.h"

void
cli_terminal(struct cli *cli)
{
	struct winsize size;
	int fd = fileno(cli->out);

	if (fd >= 0 && isatty(fd) == 1) {
		const char *term = getenv("TERM");
		const char *no_colour = getenv("NO_COLOR");

		cli->width =
			ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
		/* https://no-color.org: set and not empty */
		cli->colour = (no_colour == NULL || no_colour[0] == '\0') && term != NULL &&
			strcmp(term, "dumb") != 0;
		cli->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	}
}

void
cli_interrupt_forget(struct cli *cli)
{
	struct signalfd_siginfo info;

	while (cli->interrupt_fd >= 0 &&
		read(cli->interrupt_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
	}
}
