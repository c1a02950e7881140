/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "ctl/cli.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"

#define COLUMN 26 /* where explanations start */

static void print_entry(FILE *out, const char *head, const char *text);
static void print_options(FILE *out, const char *title, const struct cli_option *options);
static void print_leaves(FILE *out, const struct cli_command *command);

void
cli_help_all(FILE *out)
{
	(void)fputs("vswitchctl - ask and tell the virtual switch vswitchd\n\n"
		    "usage: vswitchctl [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:\n",
		out);
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			char words[64];

			(void)snprintf(words, sizeof(words), "%s%s%s", c->noun,
				c->verb == NULL ? "" : " ", c->verb == NULL ? "" : c->verb);
			print_entry(out, words, c->summary);
		}
	}
	print_options(out, "\nOptions:\n", cli_global_options);
	print_options(
		out, "\nOptions of commands that change the configuration:\n", cli_edit_options);
	(void)fputs("\nExamples:\n"
		    "  vswitchctl bridge add br0\n"
		    "  vswitchctl port add vm1 type=vhost-user bridge=br0 vlan=10\n"
		    "  vswitchctl show\n"
		    "  vswitchctl stats --watch\n"
		    "  vswitchctl port add --help\n"
		    "\nExit status: 0 done, 1 refused by the daemon, 2 wrong usage, 3 no daemon.\n",
		out);
}

void
cli_help_noun(FILE *out, const char *noun)
{
	const struct cli_command *alone = cli_command_find(noun, NULL);

	if (alone != NULL) {
		cli_help_command(out, alone);
		return;
	}
	(void)fprintf(out, "usage: vswitchctl %s VERB [ARGUMENT]...\n\n", noun);
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			if (strcmp(c->noun, noun) == 0) {
				(void)fprintf(out, "  %s %s %s\n", noun, c->verb, c->usage);
				(void)fprintf(out, "      %s\n", c->summary);
			}
		}
	}
	(void)fprintf(out, "\nTry: vswitchctl %s VERB --help\n", noun);
}

void
cli_help_command(FILE *out, const struct cli_command *command)
{
	cli_usage_line(out, command);
	(void)fprintf(out, "\n%s.\n", command->summary);
	if (command->detail != NULL) {
		(void)fprintf(out, "\n%s", command->detail);
	}
	if (command->options != NULL) {
		print_options(out, "\nOptions:\n", command->options);
	}
	print_leaves(out, command);
	if (command->edits) {
		print_options(out, "\nOptions of commands that change the configuration:\n",
			cli_edit_options);
	}
	if (command->examples != NULL) {
		(void)fprintf(out, "\nExamples:\n%s", command->examples);
	}
	(void)fputs("\nOptions of all commands: vswitchctl --help\n", out);
}

void
cli_usage_line(FILE *out, const struct cli_command *command)
{
	(void)fprintf(out, "usage: vswitchctl %s%s%s%s%s\n", command->noun,
		command->verb == NULL ? "" : " ", command->verb == NULL ? "" : command->verb,
		command->usage[0] == '\0' ? "" : " ", command->usage);
}

/* "  head      text", the lines of text below each other. */
static void
print_entry(FILE *out, const char *head, const char *text)
{
	size_t used = strlen(head) + 2;

	(void)fprintf(out, "  %s", head);
	while (text != NULL) {
		const char *end = strchr(text, '\n');
		int len = end == NULL ? (int)strlen(text) : (int)(end - text);

		if (used >= COLUMN) {
			(void)fputc('\n', out);
			used = 0;
		}
		(void)fprintf(out, "%*s%.*s\n", (int)(COLUMN - used), "", len, text);
		used = 0;
		text = end == NULL ? NULL : end + 1;
	}
}

static void
print_options(FILE *out, const char *title, const struct cli_option *options)
{
	char head[64];

	(void)fputs(title, out);
	for (const struct cli_option *o = options; o->name != NULL; o++) {
		const char *value = o->value == NULL ? "" : o->value;

		switch (o->kind) {
		case CLI_FLAG:
			(void)snprintf(head, sizeof(head), "--%s", o->name);
			break;
		case CLI_VALUE:
			(void)snprintf(head, sizeof(head), "--%s %s", o->name, value);
			break;
		case CLI_OPTIONAL_NUMBER:
			(void)snprintf(head, sizeof(head), "--%s [%s]", o->name, value);
			break;
		}
		print_entry(out, head, o->help);
	}
}

/* The keys that the command takes, from the same table that types them. */
static void
print_leaves(FILE *out, const struct cli_command *command)
{
	enum cli_word word = CLI_WORD_NONE;

	for (size_t i = 0; i < CLI_WORDS_MAX; i++) {
		if (cli_leaf_word(command->words[i])) {
			word = command->words[i];
		}
	}
	if (word == CLI_WORD_NONE) {
		return;
	}
	(void)fputs("\nKeys:\n", out);
	for (const struct cli_leaf *leaf = cli_leaves; leaf->name != NULL; leaf++) {
		char head[128];
		char text[512];

		if (leaf->word != word) {
			continue;
		}
		(void)snprintf(head, sizeof(head), "%s=%s", leaf->name, leaf->value);
		(void)snprintf(text, sizeof(text), "%s%s%s%s", leaf->help,
			leaf->types == NULL ? "" : " (", leaf->types == NULL ? "" : leaf->types,
			leaf->types == NULL ? "" : ")");
		print_entry(out, head, text);
		if (leaf->values != NULL) {
			(void)snprintf(text, sizeof(text), "%s of: %s",
				leaf->kind == CLI_LEAF_LIST ? "any" : "one", leaf->values);
			print_entry(out, "", text);
		}
	}
}
