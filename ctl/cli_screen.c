/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"

/* ECMA-48 and, for the second screen, xterm's private mode 1049, which all emulators have. */
#define SCREEN_ENTER "\033[?1049h\033[?25l\033[H\033[J"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

struct cli_screen {
	FILE *out;
	struct termios before; /* how the terminal was */
	sigset_t mask_before;
	int signals; /* signalfd */
	int ended_by; /* signal; 0: none */
};

struct cli_screen *
cli_screen_open(struct cli *cli)
{
	struct cli_screen *screen;
	struct termios raw;
	sigset_t mask;

	if (cli->width == 0 || isatty(STDIN_FILENO) != 1) {
		return NULL;
	}
	screen = calloc(1, sizeof(*screen));
	if (screen == NULL) {
		abort();
	}
	screen->out = cli->out;
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigaddset(&mask, SIGQUIT);
	(void)sigaddset(&mask, SIGTSTP); /* stopped, it would leave the terminal raw */
	(void)sigaddset(&mask, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &mask, &screen->mask_before);
	screen->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen->signals < 0 || tcgetattr(STDIN_FILENO, &screen->before) != 0) {
		(void)sigprocmask(SIG_SETMASK, &screen->mask_before, NULL);
		free(screen);
		return NULL;
	}
	raw = screen->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	(void)fputs(SCREEN_ENTER, screen->out);
	(void)fflush(screen->out);
	return screen;
}

void
cli_screen_close(struct cli_screen *screen)
{
	if (screen == NULL) {
		return;
	}
	(void)fputs(SCREEN_LEAVE, screen->out);
	(void)fflush(screen->out);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
	(void)close(screen->signals);
	if (screen->ended_by != 0 && screen->ended_by != SIGINT) {
		(void)raise(screen->ended_by);
	}
	(void)sigprocmask(SIG_SETMASK, &screen->mask_before, NULL);
	free(screen);
}

void
cli_screen_size(const struct cli_screen *screen, unsigned int *rows, unsigned int *columns)
{
	struct winsize size;
	int rc = ioctl(fileno(screen->out), TIOCGWINSZ, &size);

	*rows = rc == 0 && size.ws_row > 0 ? size.ws_row : 24;
	*columns = rc == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void
cli_screen_draw(struct cli_screen *screen, const char *text)
{
	unsigned int rows;
	unsigned int columns;

	cli_screen_size(screen, &rows, &columns);
	(void)fputs("\033[H", screen->out);
	for (unsigned int row = 0; row < rows && *text != '\0'; row++) {
		size_t len = strcspn(text, "\n");

		/* the rest of the line is erased first: a full one has its cursor in the margin */
		(void)fprintf(screen->out, "%s\033[K%.*s", row == 0 ? "" : "\r\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
	(void)fputs("\033[J", screen->out);
	(void)fflush(screen->out);
}

/* A signal that came, or CLI_SCREEN_TIME if there is none. */
static enum cli_screen_event
signal_take(struct cli_screen *screen)
{
	enum cli_screen_event event = CLI_SCREEN_TIME;
	struct signalfd_siginfo info;

	while (read(screen->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH) {
			event = event == CLI_SCREEN_END ? event : CLI_SCREEN_SIZE;
		} else if (info.ssi_signo != SIGTSTP) {
			screen->ended_by = (int)info.ssi_signo;
			event = CLI_SCREEN_END;
		}
	}
	return event;
}

enum cli_screen_event
cli_screen_wait(struct cli_screen *screen, uint64_t until, char *key)
{
	struct pollfd fds[] = {
		{.fd = screen->signals, .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN},
	};

	for (;;) {
		uint64_t now = clock_now();
		enum cli_screen_event event;
		int n;

		if (now >= until) {
			return CLI_SCREEN_TIME;
		}
		n = poll(fds, 2, (int)((until - now) / CLOCK_MS + 1));
		if (n < 0 && errno != EINTR) {
			return CLI_SCREEN_END;
		}
		event = signal_take(screen);
		if (event != CLI_SCREEN_TIME) {
			return event;
		}
		if (n > 0 && (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
			return read(STDIN_FILENO, key, 1) == 1 ? CLI_SCREEN_KEY : CLI_SCREEN_END;
		}
	}
}
