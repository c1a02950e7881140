/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vswitchctl: commands as data.
 *
 * What it is. Each noun has a file cli_NOUN.c with a table of struct cli_command: its words, its
 * options, what its arguments are, its help and the function that runs it. Parsing (cli_run.c),
 * help (cli_help.c) and completion (cli_complete.c) read nothing but these tables, so that a
 * command that runs is also documented and completed.
 *
 * A command talks to the daemon through cli_rpc.c only, gets the daemon's RFC 7951 data, and prints
 * it: as it is with --json, else as tables. It knows no rule of the switch: what is allowed is the
 * daemon's to say, and its sentence is shown.
 *
 * Exit status: enum cli_status. Output goes to cli->out and cli->err, never to stdout directly, so
 * that tests can read it. One thread.
 */
#ifndef VSW_CTL_CLI_H
#define VSW_CTL_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct client;
struct cli;
struct cli_entry_kind;

enum cli_status {
	CLI_OK = 0,
	CLI_REFUSED = 1, /* by the daemon, or a local file could not be used */
	CLI_USAGE = 2, /* the command line is wrong; nothing was asked */
	CLI_NO_DAEMON = 3, /* nobody answers */
	CLI_INTERRUPTED = 130, /* by whoever typed it; as shells say it: 128 + SIGINT */
};

/* What an argument is: for completion, and for the key=value check. */
enum cli_word {
	CLI_WORD_NONE,
	CLI_WORD_ANY, /* free text */
	CLI_WORD_NEW, /* a name that does not exist yet */
	CLI_WORD_BRIDGE,
	CLI_WORD_PORT,
	CLI_WORD_ACL,
	CLI_WORD_PART, /* what is done to a part of an entry: add, del, set */
	CLI_WORD_FILE,
	CLI_WORD_METHOD,
	CLI_WORD_REVISION, /* a number of one */
	CLI_WORD_REVISION_OR_FILE,
	CLI_WORD_PLACE, /* a bridge or a port */
	CLI_WORD_CACHE, /* show, stats */
	CLI_WORD_TOPIC, /* of events */
	CLI_WORD_DIRECTION, /* of a capture */
	CLI_WORD_MIRROR,
	CLI_WORD_BRIDGE_LEAF, /* key=value of a bridge */
	CLI_WORD_PORT_LEAF,
	CLI_WORD_ACL_LEAF,
	CLI_WORD_ACE_LEAF, /* of an entry of an access list, and of its matches */
	CLI_WORD_METER_LEAF,
	CLI_WORD_MIRROR_LEAF,
	CLI_WORD_GROUP_LEAF,
	CLI_WORD_BUCKET_LEAF,
	CLI_WORD_ACCESS_LEAF, /* of /system/access */
	CLI_WORD_ACCESS_RULE_LEAF, /* of a rule of it */
	CLI_WORD_REMOTE_LEAF, /* of /system/remote */
	CLI_WORD_HTTP_LEAF, /* of /system/http */
	CLI_WORD_FDB_LEAF, /* vlan= */
	CLI_WORD_FLUSH_LEAF, /* port= vlan= */
	CLI_WORD_FAKE_LEAF, /* count= */
};

enum cli_option_kind {
	CLI_FLAG,
	CLI_VALUE, /* --name VALUE or --name=VALUE */
	CLI_OPTIONAL_NUMBER /* --name [NUMBER] or --name=NUMBER */
};

struct cli_option {
	const char *name; /* without the dashes; NULL ends a table */
	enum cli_option_kind kind;
	const char *value; /* what to call the value in help */
	const char *help;
	char letter; /* it can be written as -X, too; '\0': it cannot */
};

#define CLI_WORDS_MAX 4 /* kinds given for arguments; the last holds for all that follow */
#define CLI_OPTIONS_MAX 4 /* of one command */

/* A command line, taken apart. */
struct cli_args {
	size_t n;
	char **v; /* arguments after noun and verb, without options */
	const char *options[CLI_OPTIONS_MAX]; /* by place in the command's table: NULL if not given,
					       * "" if given without a value */
};

struct cli_command {
	const char *noun;
	const char *verb; /* NULL: the noun is the command */
	const char *usage; /* arguments and options, as in "NAME [KEY=VALUE]..." */
	const char *summary; /* one line */
	const char *detail; /* more lines for --help, or NULL */
	const char *examples; /* lines for --help, or NULL */
	const struct cli_option *options;
	bool edits; /* changes the configuration: takes cli_edit_options too */
	size_t min_args;
	size_t max_args;
	enum cli_word words[CLI_WORDS_MAX];
	enum cli_status (*run)(struct cli *cli, const struct cli_args *args);
	const struct cli_entry_kind *entry; /* whose add, del, set or show it is; cli_entry.h */
};

#define CLI_ARGS_ANY ((size_t)-1)

/* What the options of a command that edits say; cli_edit.h. */
struct cli_edit {
	bool dry_run;
	uint64_t confirm_s; /* 0: the edit is for good */
	const char *comment; /* NULL: none */
	bool has_base;
	uint64_t base; /* revision */
};

struct cli {
	const char *socket_option; /* -s, or NULL */
	const char *cert; /* for TLS: files, or NULL */
	const char *key;
	const char *ca;
	bool json;
	unsigned int timeout_ms;
	FILE *out;
	FILE *err;
	bool colour; /* out is a terminal that wants it */
	bool utf8; /* it shows more than ASCII */
	unsigned int width; /* columns of that terminal; 0: no terminal, no limit */
	bool keep_going; /* of several commands: when one has failed */
	int interrupt_fd; /* readable when the command that runs shall end; -1: a signal ends it */
	struct client *client; /* opened by the first call */
	char socket[108]; /* the path in use, for messages */
	const struct cli_command *command; /* that runs */
	struct cli_edit edit; /* of that command */
};

/* --- cli_run.c ------------------------------------------------------------------------------- */

/* The whole program: argv as main has it. Without a command: cli_shell.h. */
int cli_run(int argc, char **argv, FILE *out, FILE *err);

/* One command more: the words behind "vswitchctl". Its options hold for it alone. */
enum cli_status cli_line(struct cli *cli, size_t n, char **words);

/* Look at the terminal that cli->out may be: its width, what it can show. */
void cli_terminal(struct cli *cli);

/* Take what made cli->interrupt_fd readable, so that the command can go on to its end. */
void cli_interrupt_forget(struct cli *cli);

/* The command with these words (verb may be NULL), or NULL. */
const struct cli_command *cli_command_find(const char *noun, const char *verb);

/* True if some command has this noun. */
bool cli_noun_exists(const char *noun);

/* Say what is wrong with the command line; returns CLI_USAGE. */
enum cli_status
cli_usage_error(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Options that stand before or behind any command. */
extern const struct cli_option cli_global_options[];

/* --- cli_help.c ------------------------------------------------------------------------------ */

void cli_help_all(FILE *out);
void cli_help_brief(FILE *out); /* the commands alone */
void cli_help_noun(FILE *out, const char *noun);
void cli_help_command(FILE *out, const struct cli_command *command);

/* The commands as mdoc(7), for the manual page. */
void cli_manual(FILE *out);

/* "vswitchctl port add NAME ..." and a newline. */
void cli_usage_line(FILE *out, const struct cli_command *command);

/* --- cli_complete.c -------------------------------------------------------------------------- */

/*
 * One candidate per line for the last of `words` (the words after the program's name). A connection
 * that it makes is left in cli->client.
 */
enum cli_status cli_complete(struct cli *cli, size_t n, char **words);

/* --- cli_rpc.c ------------------------------------------------------------------------------- */

/* Connect, unless that is done already. Says what went wrong. */
enum cli_status cli_connect(struct cli *cli);

/* Call a method; takes `params`. Says what went wrong. *result is a new reference if CLI_OK. */
enum cli_status cli_call(struct cli *cli, const char *method, json_t *params, json_t **result);

/* As cli_call, without a word when it fails. */
enum cli_status
cli_call_quiet(struct cli *cli, const char *method, json_t *params, json_t **result);

/* As cli_call, but a refusal is handed over instead of said: *fault is a new reference, or NULL. */
enum cli_status cli_call_fault(
	struct cli *cli, const char *method, json_t *params, json_t **result, json_t **fault);

/* "vswitchctl: sentence", and where, if the daemon named a node. */
void cli_fault_print(struct cli *cli, const json_t *fault);

/* Get the data at `path`; `content` is "all", "config" or "state". */
enum cli_status cli_get(struct cli *cli, const char *path, const char *content, json_t **data);

/* Run an action; takes `input`. */
enum cli_status cli_action(struct cli *cli, const char *name, json_t *input, json_t **output);

/* Print JSON as the daemon sent it, indented by 2. */
void cli_print_json(struct cli *cli, const json_t *json);

/* A message on cli->err with the program's name; returns CLI_REFUSED. */
enum cli_status
cli_error(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
