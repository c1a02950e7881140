/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of the manual page that the tables know: vswitchctl __manual writes it, tools/manual
 * puts it into docs/man/vswitchctl.8. mdoc(7) with fonts by escapes, as a usage is one text.
 */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"

/* Text as it is: nothing in it is a request or an escape, and hyphens can be searched for. */
static void
put_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool first = i == 0 || text[i - 1] == '\n';

		if (first && (text[i] == '.' || text[i] == '\'')) {
			(void)fputs("\\&", out);
		}
		if (text[i] == '\\') {
			(void)fputs("\\e", out);
		} else if (text[i] == '-') {
			(void)fputs("\\-", out);
		} else if (text[i] == '.' && i + 2 < len && text[i + 1] == ' ' &&
			isupper((unsigned char)text[i + 2]) != 0) {
			(void)fputs(".\n", out); /* mdoc wants a sentence to begin a line */
			i++;
		} else {
			(void)fputc(text[i], out);
		}
	}
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) != 0 || c == '-' || c == '_';
}

/* A usage: capitals stand for something, other words are themselves. */
static void
put_usage(FILE *out, const char *usage)
{
	while (*usage != '\0') {
		size_t len = 0;
		bool small = false;

		while (is_word(usage[len])) {
			small = small || islower((unsigned char)usage[len]) != 0;
			len++;
		}
		if (len == 0) {
			put_text(out, usage++, 1);
			continue;
		}
		(void)fputs(small ? "\\fB" : "\\fI", out);
		put_text(out, usage, len);
		(void)fputs("\\fR", out);
		usage += len;
	}
}

/* Lines of prose; an empty line begins a paragraph, one that is indented stands as it is. */
static void
put_prose(FILE *out, const char *text)
{
	bool literal = false;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		bool indented = text[0] == ' ';

		if (indented != literal) {
			(void)fputs(indented ? ".Bd -literal -compact\n" : ".Ed\n", out);
			literal = indented;
		}
		if (len == 0) {
			(void)fputs(".Pp", out);
		} else {
			put_text(out, text, len);
		}
		(void)fputc('\n', out);
		text += len + (text[len] == '\n');
	}
	if (literal) {
		(void)fputs(".Ed\n", out);
	}
}

static void
put_options(FILE *out, const struct cli_option *options)
{
	if (options == NULL || options->name == NULL) {
		return;
	}
	(void)fputs(".Bl -tag -width Ds -compact\n", out);
	for (const struct cli_option *o = options; o->name != NULL; o++) {
		(void)fputs(".It \\fB\\-\\-", out);
		put_text(out, o->name, strlen(o->name));
		(void)fputs("\\fR", out);
		if (o->kind != CLI_FLAG && o->value != NULL) {
			(void)fprintf(out, "%s", o->kind == CLI_VALUE ? " \\fI" : " [\\fI");
			put_text(out, o->value, strlen(o->value));
			(void)fprintf(out, "\\fR%s", o->kind == CLI_VALUE ? "" : "]");
		}
		(void)fputc('\n', out);
		put_prose(out, o->help);
	}
	(void)fputs(".El\n", out);
}

static void
put_command(FILE *out, const struct cli_command *c)
{
	(void)fprintf(out, ".It \\fB%s%s%s\\fR%s", c->noun, c->verb == NULL ? "" : " ",
		c->verb == NULL ? "" : c->verb, c->usage[0] == '\0' ? "" : " ");
	put_usage(out, c->usage);
	(void)fputc('\n', out);
	put_text(out, c->summary, strlen(c->summary));
	(void)fputs(".\n", out);
	if (c->detail != NULL) {
		put_prose(out, c->detail);
	}
	put_options(out, c->options);
	if (c->examples != NULL) {
		(void)fputs(".Pp\n", out);
		put_prose(out, c->examples);
	}
}

/* The keys that commands take as key=value, each kind once. */
static void
put_leaves(FILE *out, enum cli_word word, const char *title)
{
	(void)fprintf(out, ".Ss Keys of %s\n.Bl -tag -width Ds -compact\n", title);
	for (const struct cli_leaf *leaf = cli_leaves; leaf->name != NULL; leaf++) {
		if (leaf->word != word) {
			continue;
		}
		(void)fputs(".It \\fB", out);
		put_text(out, leaf->name, strlen(leaf->name));
		(void)fputs("\\fR=\\fI", out);
		put_text(out, leaf->value, strlen(leaf->value));
		(void)fputs("\\fR\n", out);
		put_text(out, leaf->help, strlen(leaf->help));
		if (leaf->types != NULL) {
			(void)fprintf(out, " (%s)", leaf->types);
		}
		if (leaf->values != NULL) {
			(void)fprintf(out, "; %s of ", leaf->kind == CLI_LEAF_LIST ? "any" : "one");
			put_text(out, leaf->values, strlen(leaf->values));
		}
		(void)fputs(".\n", out);
	}
	(void)fputs(".El\n", out);
}

void
cli_manual(FILE *out)
{
	static const struct {
		enum cli_word word;
		const char *title;
	} kinds[] = {
		{CLI_WORD_BRIDGE_LEAF, "a bridge"},
		{CLI_WORD_PORT_LEAF, "a port"},
		{CLI_WORD_ACL_LEAF, "an access list"},
		{CLI_WORD_ACE_LEAF, "an entry of an access list"},
		{CLI_WORD_METER_LEAF, "a meter"},
		{CLI_WORD_GROUP_LEAF, "a group"},
		{CLI_WORD_BUCKET_LEAF, "a bucket of a group"},
		{CLI_WORD_ACCESS_LEAF, "access"},
		{CLI_WORD_ACCESS_RULE_LEAF, "a rule of access"},
		{CLI_WORD_REMOTE_LEAF, "remote"},
		{CLI_WORD_HTTP_LEAF, "http"},
	};

	(void)fputs(".Ss Options of all commands\n", out);
	put_options(out, cli_global_options);
	(void)fputs(".Ss Options of commands that change the configuration\n", out);
	put_options(out, cli_edit_options);
	(void)fputs(".Ss Commands\n.Bl -tag -width Ds\n", out);
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			put_command(out, c);
		}
	}
	(void)fputs(".El\n", out);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		put_leaves(out, kinds[i].word, kinds[i].title);
	}
}
