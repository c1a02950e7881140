/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"

#define COLUMN 26 /* where explanations start */

static void print_entry(FILE *out, const char *head, const char *text);
static void print_options(FILE *out, const char *title, const struct cli_option *options);
static void print_leaves(FILE *out, const struct cli_command *command);

/* What the nouns are about, by what one wants to do. A noun that is not here is shown last. */
static const struct {
	const char *noun;
	const char *text;
	const char *group; /* NULL: that of the one before */
} nouns[] = {
	{"show", "the switch at a glance", "Look"},
	{"stats", "packets of each port, their rates with --watch", NULL},
	{"drops", "what was lost, where and why", NULL},
	{"latency", "how long packets stay in the switch", NULL},
	{"workers", "the threads that move packets", NULL},
	{"events", "what happens, as it happens", NULL},
	{"trace", "what would happen to a packet, step by step, and why", NULL},
	{"capture", "packets into a pcapng file", NULL},
	{"bridge", "switches", "Bridges and ports"},
	{"port", "what they connect: guests, containers, interfaces, NICs", NULL},
	{"fdb", "MAC addresses, learned and fixed", NULL},
	{"mirror", "copies of packets for another port", NULL},
	{"flow", "flow rules, as of ovs-ofctl", "Rules"},
	{"acl", "access lists", NULL},
	{"meter", "limits that flow rules send packets through", NULL},
	{"group", "sets of actions that flow rules share", NULL},
	{"config", "all of it", "Configuration"},
	{"access", "who may do what", NULL},
	{"remote", "control from far away, by TLS", NULL},
	{"http", "metrics and a page to look at", NULL},
	{"call", "any JSON-RPC method", "Everything else"},
	{"schema", "the YANG module of it all", NULL},
	{"version", "of the daemon and its parts", NULL},
	{"ping", "is the daemon alive?", NULL},
	{"fake", "frames through ports of type fake, for tests", NULL},
};

/* "  port  what they connect: add, del, set, show" */
static void
print_noun(FILE *out, const char *noun, const char *text)
{
	char line[256];
	bool verbs = false;

	line[0] = '\0';
	(void)str_append(line, text, sizeof(line));
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			if (strcmp(c->noun, noun) == 0 && c->verb != NULL) {
				(void)str_appendf(
					line, sizeof(line), "%s%s", verbs ? ", " : " (", c->verb);
				verbs = true;
			}
		}
	}
	(void)fprintf(out, "  %-8s %s%s\n", noun, line, verbs ? ")" : "");
}

static bool
noun_has_place(const char *noun)
{
	for (size_t i = 0; i < ARRAY_LEN(nouns); i++) {
		if (strcmp(nouns[i].noun, noun) == 0) {
			return true;
		}
	}
	return false;
}

void
cli_help_brief(FILE *out)
{
	const char *last = "";

	for (size_t i = 0; i < ARRAY_LEN(nouns); i++) {
		if (nouns[i].group != NULL) {
			(void)fprintf(out, "%s\n", nouns[i].group);
		}
		if (cli_noun_exists(nouns[i].noun)) {
			print_noun(out, nouns[i].noun, nouns[i].text);
		}
	}
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			if (!noun_has_place(c->noun) && strcmp(c->noun, last) != 0) {
				print_noun(out, c->noun, c->summary);
				last = c->noun;
			}
		}
	}
}

void
cli_help_all(FILE *out)
{
	(void)fputs("usage: vswitchctl [OPTION]... COMMAND [ARGUMENT]...   one command\n"
		    "       vswitchctl                                     a prompt for many\n"
		    "       vswitchctl < FILE                              those of a file\n",
		out);
	cli_help_brief(out);
	print_options(out, "Options\n", cli_global_options);
	(void)fputs("First steps\n"
		    "  vswitchctl bridge add br0\n"
		    "  vswitchctl port add vm1 type=vhost-user bridge=br0 vlan=10\n"
		    "  vswitchctl show\n"
		    "More: vswitchctl help port; vswitchctl port add --help; man vswitchctl\n"
		    "Exit status: 0 done, 1 refused by the daemon, 2 wrong usage, 3 no daemon.\n",
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
