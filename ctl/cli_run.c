/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_hint.h"
#include "ctl/cli_shell.h"
#include "ctl/client.h"

#define TIMEOUT_DEFAULT_MS 60000
#define TIMEOUT_MAX_S 86400
#define ARGS_MAX 1024

const struct cli_command *const cli_tables[] = {
	cli_show_commands,
	cli_bridge_commands,
	cli_port_commands,
	cli_fdb_commands,
	cli_flow_commands,
	cli_trace_commands,
	cli_acl_commands,
	cli_meter_commands,
	cli_group_commands,
	cli_stats_commands,
	cli_drops_commands,
	cli_latency_commands,
	cli_workers_commands,
	cli_access_commands,
	cli_listener_commands,
	cli_config_commands,
	cli_revision_commands,
	cli_call_commands,
	cli_fake_commands,
	cli_events_commands,
	cli_capture_commands,
	cli_mirror_commands,
	NULL,
};

enum global {
	GLOBAL_SOCKET,
	GLOBAL_CERT,
	GLOBAL_KEY,
	GLOBAL_CA,
	GLOBAL_TIMEOUT,
	GLOBAL_JSON,
	GLOBAL_KEEP_GOING,
	GLOBAL_HELP,
	GLOBAL_VERSION
};

const struct cli_option cli_global_options[] = {
	[GLOBAL_SOCKET] = {"socket", CLI_VALUE, "PATH|HOST:PORT",
		"-s, the daemon's control socket (default: $VSWITCHD_SOCKET, else for\n"
		"root /run/vswitch/vswitchd.sock, for others the same in $XDG_RUNTIME_DIR),\n"
		"or where it listens for TLS; tls://HOST is that with port 6652"},
	[GLOBAL_CERT] = {"cert", CLI_VALUE, "FILE",
		"for TLS: your certificate, PEM (default: $VSWITCHCTL_CERT)"},
	[GLOBAL_KEY] = {"key", CLI_VALUE, "FILE",
		"for TLS: its key (default: $VSWITCHCTL_KEY, else the file of --cert)"},
	[GLOBAL_CA] = {"ca", CLI_VALUE, "FILE",
		"for TLS: the CA of the daemon's certificate (default: $VSWITCHCTL_CA)"},
	[GLOBAL_TIMEOUT] = {"timeout", CLI_VALUE, "SECONDS",
		"-t, how long to wait for an answer (default 60; 0: for ever)"},
	[GLOBAL_JSON] = {"json", CLI_FLAG, NULL, "print what the daemon sent (RFC 7951 JSON)"},
	[GLOBAL_KEEP_GOING] = {"keep-going", CLI_FLAG, NULL,
		"with commands from standard input: go on after one that failed"},
	[GLOBAL_HELP] = {"help", CLI_FLAG, NULL, "-h, help on the command before it"},
	[GLOBAL_VERSION] = {"version", CLI_FLAG, NULL, "-V, version of vswitchctl itself"},
	{NULL},
};

/* A command line while it is taken apart. */
struct line {
	size_t n;
	char *words[ARGS_MAX]; /* without global options; those of the command are still in */
	size_t plain; /* words from here on stood behind "--": no options */
	bool help;
	bool version;
};

static int line_split(struct cli *cli, size_t n, char **words, struct line *line);
static int command_run(struct cli *cli, struct line *line);
static int session_run(struct cli *cli);

int
cli_run(int argc, char **argv, FILE *out, FILE *err)
{
	struct cli cli = {
		.out = out, .err = err, .timeout_ms = TIMEOUT_DEFAULT_MS, .interrupt_fd = -1};
	struct line line = {.n = 0};
	int status;

	cli_terminal(&cli);
	if (argc >= 2 && strcmp(argv[1], "__complete") == 0) {
		status = cli_complete(&cli, (size_t)argc - 2, argv + 2);
	} else if (argc == 2 && strcmp(argv[1], "__manual") == 0) {
		cli_manual(out);
		status = CLI_OK;
	} else {
		status = line_split(&cli, argc > 0 ? (size_t)argc - 1 : 0, argv + 1, &line);
		if (status == CLI_OK && line.n == 0 && !line.help && !line.version) {
			status = session_run(&cli);
		} else if (status == CLI_OK) {
			status = command_run(&cli, &line);
		}
	}
	client_close(cli.client);
	if (fflush(out) != 0 && status == CLI_OK) {
		(void)fprintf(err, "vswitchctl: the output could not be written\n");
		status = CLI_REFUSED;
	}
	return status;
}

/* No command at all: they will be typed, or are in a file. */
static int
session_run(struct cli *cli)
{
	if (isatty(STDIN_FILENO) != 1) {
		return (int)cli_lines(cli, stdin);
	}
	if (cli->width == 0) { /* the answers go elsewhere */
		return cli_usage_error(cli, "a command is missing");
	}
	return (int)cli_shell(cli);
}

enum cli_status
cli_line(struct cli *cli, size_t n, char **words)
{
	struct cli once = *cli;
	struct line line = {.n = 0};
	bool elsewhere;
	int status;

	once.command = NULL;
	status = line_split(&once, n, words, &line);
	elsewhere = once.socket_option != cli->socket_option;
	if (elsewhere) {
		once.client = NULL;
	} else if (once.client != NULL && !client_idle(once.client)) {
		/* the daemon has gone, or tells what nobody waits for any more */
		client_close(once.client);
		once.client = NULL;
	}
	if (status == CLI_OK) {
		status = command_run(&once, &line);
	}
	if (elsewhere) {
		client_close(once.client);
	} else {
		cli->client = once.client;
		memcpy(cli->socket, once.socket, sizeof(cli->socket));
	}
	return (enum cli_status)status;
}

const struct cli_command *
cli_command_find(const char *noun, const char *verb)
{
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			if (strcmp(c->noun, noun) == 0 &&
				(c->verb == NULL || (verb != NULL && strcmp(c->verb, verb) == 0))) {
				return c;
			}
		}
	}
	return NULL;
}

bool
cli_noun_exists(const char *noun)
{
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			if (strcmp(c->noun, noun) == 0) {
				return true;
			}
		}
	}
	return false;
}

enum cli_status
cli_usage_error(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("vswitchctl: ", cli->err);
	va_start(ap, fmt);
	(void)vfprintf(cli->err, fmt, ap);
	va_end(ap);
	(void)fputc('\n', cli->err);
	if (cli->command != NULL) {
		cli_usage_line(cli->err, cli->command);
		(void)fprintf(cli->err, "Try: vswitchctl %s%s%s --help\n", cli->command->noun,
			cli->command->verb == NULL ? "" : " ",
			cli->command->verb == NULL ? "" : cli->command->verb);
	} else {
		(void)fputs("usage: vswitchctl [OPTION]... COMMAND [ARGUMENT]...\n"
			    "Try: vswitchctl --help\n",
			cli->err);
	}
	return CLI_USAGE;
}

static bool
is_letter(const struct cli_option *option, const char *word)
{
	return option->letter != '\0' && word[0] == '-' && word[1] == option->letter &&
		word[2] == '\0';
}

/*
 * If `word` is option `option`, set *value ("" without one) and *used (words consumed, 1 or 2).
 * Returns 1 if it is, 0 if not, -1 if its value is missing or not wanted.
 */
static int
option_match(const struct cli_option *option, const char *word, const char *next,
	const char **value, size_t *used)
{
	size_t len = strlen(option->name);
	const char *inline_value = NULL;

	if (!is_letter(option, word)) {
		if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, option->name, len) != 0 ||
			(word[2 + len] != '\0' && word[2 + len] != '=')) {
			return 0;
		}
		inline_value = word[2 + len] == '=' ? word + 3 + len : NULL;
	}
	*used = 1;
	*value = inline_value == NULL ? "" : inline_value;
	switch (option->kind) {
	case CLI_FLAG:
		return inline_value == NULL ? 1 : -1;
	case CLI_OPTIONAL_NUMBER:
		if (inline_value == NULL && next != NULL && next[0] >= '0' && next[0] <= '9') {
			*value = next;
			*used = 2;
		}
		return 1;
	case CLI_VALUE:
		if (inline_value == NULL) {
			*value = next;
			*used = 2;
		}
		return *value == NULL ? -1 : 1;
	}
	return 0;
}

static int
global_apply(struct cli *cli, struct line *line, enum global which, const char *value)
{
	uint64_t seconds;

	switch (which) {
	case GLOBAL_SOCKET:
		cli->socket_option = value;
		return CLI_OK;
	case GLOBAL_CERT:
		cli->cert = value;
		return CLI_OK;
	case GLOBAL_KEY:
		cli->key = value;
		return CLI_OK;
	case GLOBAL_CA:
		cli->ca = value;
		return CLI_OK;
	case GLOBAL_TIMEOUT:
		if (str_to_u64(value, 0, TIMEOUT_MAX_S, &seconds) != 0) {
			return cli_usage_error(cli,
				"--timeout takes seconds from 0 to %d, not '%s'", TIMEOUT_MAX_S,
				value);
		}
		cli->timeout_ms = (unsigned int)seconds * 1000;
		return CLI_OK;
	case GLOBAL_JSON:
		cli->json = true;
		return CLI_OK;
	case GLOBAL_KEEP_GOING:
		cli->keep_going = true;
		return CLI_OK;
	case GLOBAL_HELP:
		line->help = true;
		return CLI_OK;
	case GLOBAL_VERSION:
		line->version = true;
		return CLI_OK;
	}
	return CLI_OK;
}

/* The long form of a short option, or the word itself. */
static const char *
long_form(const char *word)
{
	static const struct {
		const char *brief;
		const char *full;
	} forms[] = {
		{"-s", "--socket"},
		{"-t", "--timeout"},
		{"-h", "--help"},
		{"-V", "--version"},
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(word, forms[i].brief) == 0) {
			return forms[i].full;
		}
	}
	return word;
}

/* Is the word an option of the command that the line has begun with? Its letters go before those
 * of global options. */
static bool
is_own_letter(const struct line *line, const char *word)
{
	const struct cli_command *command = line->n == 0
		? NULL
		: cli_command_find(line->words[0], line->n > 1 ? line->words[1] : NULL);
	const struct cli_option *option = command == NULL ? NULL : command->options;

	for (; option != NULL && option->name != NULL; option++) {
		if (is_letter(option, word)) {
			return true;
		}
	}
	return false;
}

/* Take the global options out, wherever they stand; "--" ends all options. */
static int
line_split(struct cli *cli, size_t n, char **words, struct line *line)
{
	bool plain = false;

	line->plain = ARGS_MAX;
	for (size_t i = 0; i < n;) {
		const char *word =
			plain || is_own_letter(line, words[i]) ? "" : long_form(words[i]);
		const char *value = NULL;
		size_t used = 1;
		size_t which = 0;
		int match = 0;

		if (strcmp(word, "--") == 0) {
			plain = true;
			line->plain = line->n;
			i++;
			continue;
		}
		for (; cli_global_options[which].name != NULL; which++) {
			match = option_match(&cli_global_options[which], word,
				i + 1 < n ? words[i + 1] : NULL, &value, &used);
			if (match != 0) {
				break;
			}
		}
		if (match < 0) {
			return cli_usage_error(cli, "%s %s", words[i],
				cli_global_options[which].kind == CLI_FLAG ? "takes no value"
									   : "needs a value");
		}
		if (match > 0) {
			int status = global_apply(cli, line, (enum global)which, value);

			if (status != CLI_OK) {
				return status;
			}
			i += used;
			continue;
		}
		if (line->n == ARGS_MAX) {
			return cli_usage_error(cli, "more than %d arguments", ARGS_MAX);
		}
		line->words[line->n++] = words[i++];
	}
	return CLI_OK;
}

/* All that is sent is JSON, so checked once here. */
static bool
is_utf8(const char *word)
{
	json_t *string = json_string(word);

	json_decref(string);
	return string != NULL;
}

/*
 * If `word` is an option of the table, *which is its place and *value, *used as option_match has
 * them. Returns 1, 0, or -1 with CLI_USAGE said.
 */
static int
option_find(struct cli *cli, const struct cli_option *options, const char *word, const char *next,
	size_t *which, const char **value, size_t *used)
{
	for (size_t i = 0; options != NULL && options[i].name != NULL; i++) {
		int match = option_match(&options[i], word, next, value, used);

		if (match < 0) {
			(void)cli_usage_error(cli, "%s %s", word,
				options[i].kind == CLI_FLAG ? "takes no value" : "needs a value");
		}
		if (match != 0) {
			*which = i;
			return match;
		}
	}
	return 0;
}

/* Options of the command out of the words, the rest into args. `args->v` must have room. */
static int
args_parse(struct cli *cli, const struct cli_command *command, const struct line *line,
	struct cli_args *args)
{
	for (size_t i = command->verb == NULL ? 1 : 2; i < line->n;) {
		char *word = line->words[i];
		const char *next = i + 1 < line->n ? line->words[i + 1] : NULL;
		const bool plain = i >= line->plain;
		const char *value = NULL;
		size_t used = 1;
		size_t which = 0;
		bool edit = false;
		int match = 0;

		if (!plain) {
			match = option_find(
				cli, command->options, word, next, &which, &value, &used);
		}
		if (!plain && match == 0 && command->edits) {
			match = option_find(
				cli, cli_edit_options, word, next, &which, &value, &used);
			edit = match > 0;
		}
		if (match < 0 || (edit && cli_edit_option(cli, which, value) != CLI_OK)) {
			return CLI_USAGE;
		}
		if (edit) {
			/* taken */
		} else if (match > 0) {
			args->options[which] = value;
		} else if (!plain && word[0] == '-' && word[1] != '\0') {
			return (int)cli_unknown_option(cli, word);
		} else if (!is_utf8(word)) {
			return cli_usage_error(cli, "argument %zu is not valid UTF-8", i + 1);
		} else {
			args->v[args->n++] = word;
		}
		i += used;
	}
	if (args->n < command->min_args) {
		return (int)cli_missing_argument(cli, args->n);
	}
	if (args->n > command->max_args) {
		return cli_usage_error(
			cli, "'%s' is one argument too many", args->v[command->max_args]);
	}
	return CLI_OK;
}

/* No command has these words. */
static int
command_unknown(struct cli *cli, const struct line *line)
{
	if (line->n == 1 && cli_noun_exists(line->words[0])) {
		cli_help_noun(cli->err, line->words[0]);
		return CLI_USAGE;
	}
	return (int)cli_unknown_command(cli, line->n, line->words);
}

static int
help_run(struct cli *cli, const struct line *line, const struct cli_command *command)
{
	if (command != NULL) {
		cli_help_command(cli->out, command);
	} else if (line->n > 0 && cli_noun_exists(line->words[0]) && line->n == 1) {
		cli_help_noun(cli->out, line->words[0]);
	} else if (line->n > 0) {
		return command_unknown(cli, line);
	} else {
		cli_help_all(cli->out);
	}
	return CLI_OK;
}

static int
command_run(struct cli *cli, struct line *line)
{
	char *room[ARGS_MAX];
	struct cli_args args = {.v = room};
	const struct cli_command *command = NULL;
	int status;

	if (line->version) {
		(void)fprintf(cli->out, "vswitchctl %s\n", VSW_VERSION);
		return CLI_OK;
	}
	if (line->n > 0 && strcmp(line->words[0], "help") == 0) {
		line->help = true;
		line->n--;
		memmove(line->words, line->words + 1, line->n * sizeof(line->words[0]));
	}
	if (line->n > 0) {
		command = cli_command_find(line->words[0], line->n > 1 ? line->words[1] : NULL);
	}
	if (line->help) {
		return help_run(cli, line, command);
	}
	if (line->n == 0) {
		return cli_usage_error(cli, "a command is missing");
	}
	if (command == NULL) {
		return command_unknown(cli, line);
	}
	cli->command = command;
	cli->edit = (struct cli_edit){.dry_run = false};
	status = args_parse(cli, command, line, &args);
	return status == CLI_OK ? (int)command->run(cli, &args) : status;
}
