/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_shell.h"

#include <histedit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"
#include "ctl/cli_typing.h"
#include "ctl/cli_words.h"
#include "ctl/client.h"

#define HISTORY_LINES 1000
#define PROMPT_SIZE 96
#define PROMPT_PLACE_MAX 40 /* of a socket's path; of a longer one its end is shown */
#define PROBE_TIMEOUT_MS 1000

struct shell {
	struct cli_typing typing; /* first: it is the editor's client data */
	struct cli *cli;
	EditLine *el;
	History *history;
	char history_file[512]; /* "": none is kept */
	char prompt[PROMPT_SIZE];
	char *text; /* owned; lines of a command that goes on, NULL: none */
	bool no_revisions; /* the daemon does not tell of provisional edits, or not us */
	sigset_t old_mask;
};

static bool shell_open(struct shell *shell);
static void shell_close(struct shell *shell);
static void prompt_make(struct shell *shell);
static void greet(struct cli *cli);
static bool shell_step(struct shell *shell, enum cli_status *status);

enum cli_status
cli_shell(struct cli *cli)
{
	struct shell shell = {.typing = {.cli = cli}, .cli = cli};
	enum cli_status status = CLI_OK;

	if (!shell_open(&shell)) {
		shell_close(&shell);
		return cli_error(cli,
			"the terminal cannot be used; give the command as arguments, "
			"see vswitchctl --help");
	}
	greet(cli);
	while (shell_step(&shell, &status)) {
	}
	shell_close(&shell);
	return status;
}

/* ---- history ---- */

/* Make the folders of a file, for this user alone. */
static void
folders_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700); /* there already, or history is not kept */
		*slash = '/';
	}
}

static void
history_open(struct shell *shell)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	HistEvent event;

	shell->history = history_init();
	if (shell->history == NULL) {
		return;
	}
	(void)history(shell->history, &event, H_SETSIZE, HISTORY_LINES);
	(void)history(shell->history, &event, H_SETUNIQUE, 1);
	if (str_given(state) && state[0] == '/') {
		(void)str_appendf(shell->history_file, sizeof(shell->history_file),
			"%s/vswitch/vswitchctl-history", state);
	} else if (str_given(home) && home[0] == '/') {
		(void)str_appendf(shell->history_file, sizeof(shell->history_file),
			"%s/.local/state/vswitch/vswitchctl-history", home);
	} else {
		return;
	}
	folders_make(shell->history_file);
	(void)history(shell->history, &event, H_LOAD, shell->history_file);
}

/* A line that begins with a blank is not kept, as in shells. */
static void
history_add(struct shell *shell, const char *text)
{
	HistEvent event;

	if (shell->history == NULL || text[0] == ' ' || text[0] == '\0') {
		return;
	}
	(void)history(shell->history, &event, H_ENTER, text);
	if (shell->history_file[0] != '\0') {
		(void)history(shell->history, &event, H_SAVE, shell->history_file);
	}
}

/* ---- open and close ---- */

static char *
prompt_of(EditLine *el)
{
	void *shell = NULL;

	(void)el_get(el, EL_CLIENTDATA, &shell);
	return ((struct shell *)shell)->prompt;
}

static bool
shell_open(struct shell *shell)
{
	struct cli *cli = shell->cli;
	sigset_t mask;

	/* while a command runs, Ctrl-C is this signal; whoever waits looks at the descriptor */
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, &shell->old_mask) != 0) {
		return false;
	}
	cli->interrupt_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	shell->el = el_init("vswitchctl", stdin, cli->out, cli->err);
	if (cli->interrupt_fd < 0 || shell->el == NULL) {
		return false;
	}
	history_open(shell);
	(void)el_set(shell->el, EL_EDITOR, "emacs");
	(void)el_set(shell->el, EL_SIGNAL, 1);
	(void)el_set(shell->el, EL_PROMPT, prompt_of);
	if (shell->history != NULL) {
		(void)el_set(shell->el, EL_HIST, history, shell->history);
	}
	(void)el_source(shell->el, NULL); /* ~/.editrc */
	/* while a line is typed, Ctrl-C is a key */
	(void)el_set(shell->el, EL_SETTY, "-d", "-isig", NULL);
	cli_typing_bind(shell->el, &shell->typing);
	return true;
}

static void
shell_close(struct shell *shell)
{
	if (shell->el != NULL) {
		el_end(shell->el);
	}
	if (shell->history != NULL) {
		history_end(shell->history);
	}
	if (shell->cli->interrupt_fd >= 0) {
		(void)close(shell->cli->interrupt_fd);
		shell->cli->interrupt_fd = -1;
	}
	(void)sigprocmask(SIG_SETMASK, &shell->old_mask, NULL);
	free(shell->text);
}

/* ---- prompt ---- */

/* Who answers, and how to go on; without a daemon, why. */
static void
greet(struct cli *cli)
{
	json_t *result = NULL;

	if (cli_call(cli, "version", NULL, &result) == CLI_OK) {
		(void)fputs("vswitchd ", cli->out);
		cli_print_text(cli, cli_str(result, "vswitchd"));
		(void)fprintf(cli->out, " at %s\n", cli->socket);
	}
	json_decref(result);
	(void)fputs("Tab completes, ? and help say what can be typed, Ctrl-D ends.\n", cli->out);
}

/* An edit waits for its confirmation. */
static bool
edit_waits(struct shell *shell)
{
	struct cli *cli = shell->cli;
	unsigned int timeout_ms = cli->timeout_ms;
	json_t *result = NULL;
	enum cli_status status;
	const json_t *newest;
	bool waits;

	/* the prompt does not connect: that, and what it says, is a command's */
	if (shell->no_revisions || cli->client == NULL || !client_idle(cli->client)) {
		return false;
	}
	cli->timeout_ms = PROBE_TIMEOUT_MS;
	status = cli_call_quiet(cli, "history", json_pack("{s:i}", "limit", 1), &result);
	cli->timeout_ms = timeout_ms;
	shell->no_revisions = status == CLI_REFUSED;
	newest = json_array_get(json_object_get(result, "revisions"), 0);
	waits = json_is_true(json_object_get(newest, "provisional"));
	json_decref(result);
	return waits;
}

static void
prompt_make(struct shell *shell)
{
	const char *place = shell->cli->socket_option;
	const char *mark;
	size_t len;

	if (shell->text != NULL) {
		(void)str_copy(shell->prompt, "> ", sizeof(shell->prompt));
		return;
	}
	mark = edit_waits(shell) ? "*" : "";
	place = str_given(place) ? place : getenv("VSWITCHD_SOCKET");
	if (!str_given(place)) {
		(void)snprintf(shell->prompt, sizeof(shell->prompt), "vswitchctl%s> ", mark);
		return;
	}
	len = strlen(place);
	(void)snprintf(shell->prompt, sizeof(shell->prompt), "vswitchctl %s%s%s> ",
		len > PROMPT_PLACE_MAX ? "..." : "",
		len > PROMPT_PLACE_MAX ? place + len - PROMPT_PLACE_MAX : place, mark);
}

/* ---- lines ---- */

/* Add a line to what there is of the command. */
static void
text_append(struct shell *shell, const char *line)
{
	char *joined = NULL;

	if (shell->text == NULL) {
		shell->text = str_dup(line);
		return;
	}
	if (asprintf(&joined, "%s%s", shell->text, line) < 0) {
		abort();
	}
	free(shell->text);
	shell->text = joined;
}

/* Read a line; run the command if it is whole. False at the end. */
static bool
shell_step(struct shell *shell, enum cli_status *status)
{
	struct cli *cli = shell->cli;
	const char *line;
	bool end = false;
	size_t len;
	int n = 0;

	cli_terminal(cli);
	prompt_make(shell);
	shell->typing.dropped = false;
	line = el_gets(shell->el, &n);
	if (shell->typing.dropped) {
		free(shell->text);
		shell->text = NULL;
		return true;
	}
	if (line == NULL || n <= 0) {
		(void)fputc('\n', cli->out);
		return false;
	}
	text_append(shell, line);
	if (cli_words_open(shell->text, strlen(shell->text))) {
		return true;
	}
	len = strlen(shell->text);
	if (len > 0 && shell->text[len - 1] == '\n') {
		shell->text[--len] = '\0';
	}
	history_add(shell, shell->text);
	cli_interrupt_forget(cli);
	*status = cli_line_text(cli, shell->text, len, &end);
	(void)fflush(cli->out);
	(void)fflush(cli->err);
	free(shell->text);
	shell->text = NULL;
	return !end;
}
