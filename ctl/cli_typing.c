/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_typing.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_table.h"
#include "ctl/cli_words.h"

#define LISTED_MAX 200
#define GAP 2

static void
candidates_append(char ***list, size_t *n, const char *text)
{
	*list = reallocarray(*list, *n + 2, sizeof(**list));
	if (*list == NULL) {
		abort();
	}
	(*list)[(*n)++] = str_dup(text);
	(*list)[*n] = NULL;
}

/* Files whose names begin so; folders end with '/'. Patterns of the name are meant as they are. */
static void
files_append(char ***list, size_t *n, const char *typed)
{
	char *pattern = malloc(2 * strlen(typed) + 2);
	char *to = pattern;
	glob_t found;

	if (pattern == NULL) {
		abort();
	}
	for (; *typed != '\0'; typed++) {
		if (strchr("*?[\\", *typed) != NULL) {
			*to++ = '\\';
		}
		*to++ = *typed;
	}
	*to++ = '*';
	*to = '\0';
	if (glob(pattern, GLOB_MARK, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			candidates_append(list, n, found.gl_pathv[i]);
		}
		globfree(&found);
	}
	free(pattern);
}

/* What cli_complete says of these words. */
static char *
complete_text(struct cli *cli, size_t n, char **words)
{
	struct cli probe = *cli;
	char *text = NULL;
	size_t size;

	probe.out = open_memstream(&text, &size);
	if (probe.out == NULL) {
		abort();
	}
	(void)cli_complete(&probe, n, words);
	(void)fclose(probe.out);
	/* it may have made a connection, or lost it */
	cli->client = probe.client;
	return text;
}

char **
cli_candidates(struct cli *cli, const char *line, size_t len, size_t *n)
{
	struct cli_words words;
	char **list = calloc(1, sizeof(*list));
	const char *typed;
	size_t skip;
	char *text;
	char *rest;
	char *one;

	if (list == NULL) {
		abort();
	}
	*n = 0;
	cli_words_init(&words, line, len);
	if (words.ended || words.n == 0) {
		/* an empty word is being typed: cli_complete wants to see it */
		words.v = reallocarray(words.v, words.n + 2, sizeof(*words.v));
		if (words.v == NULL) {
			abort();
		}
		words.v[words.n++] = str_dup("");
		words.v[words.n] = NULL;
	}
	skip = words.n > 1 &&
			(strcmp(words.v[0], "vswitchctl") == 0 || strcmp(words.v[0], "help") == 0)
		? 1
		: 0;
	typed = words.v[words.n - 1];
	text = complete_text(cli, words.n - skip, words.v + skip);
	rest = text;
	while ((one = strsep(&rest, "\n")) != NULL) {
		if (strcmp(one, "__files__") == 0) {
			files_append(&list, n, typed);
		} else if (one[0] != '\0' && strncmp(one, typed, strlen(typed)) == 0) {
			candidates_append(&list, n, one);
		}
	}
	free(text);
	cli_words_fini(&words);
	return list;
}

void
cli_candidates_free(char **candidates)
{
	for (size_t i = 0; candidates[i] != NULL; i++) {
		free(candidates[i]);
	}
	free(candidates);
}

/* In columns, down then across is for long lists: these are short, so in rows. */
static void
candidates_print(struct cli *cli, char *const *list, size_t n)
{
	size_t shown = n < LISTED_MAX ? n : LISTED_MAX;
	size_t width = 0;
	size_t per_row;

	for (size_t i = 0; i < shown; i++) {
		size_t len = strlen(list[i]);

		width = len > width ? len : width;
	}
	per_row = cli->width / (width + GAP);
	per_row = per_row == 0 ? 1 : per_row;
	for (size_t i = 0; i < shown; i++) {
		bool last = (i + 1) % per_row == 0 || i + 1 == shown;

		cli_print_text(cli, list[i]);
		(void)fprintf(cli->out, "%*s%s", last ? 0 : (int)(width + GAP - strlen(list[i])),
			"", last ? "\n" : "");
	}
	if (shown < n) {
		(void)fprintf(cli->out, "... and %zu more\n", n - shown);
	}
}

/* Bytes that all of them begin with; whole characters of UTF-8. */
static size_t
common_len(char *const *list, size_t n)
{
	size_t len = strlen(list[0]);

	for (size_t i = 1; i < n; i++) {
		size_t same = 0;

		while (same < len && list[i][same] == list[0][same]) {
			same++;
		}
		len = same;
	}
	while (len > 0 && ((unsigned char)list[0][len] & 0xc0) == 0x80) {
		len--;
	}
	return len;
}

/* Characters of the editor: it counts them, not bytes. */
static int
characters(const char *text, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return n;
}

/* Put `text` in place of the word that begins at `last`; whole: nothing can follow in that word. */
static void
word_replace(EditLine *el, size_t last, const char *text, bool whole)
{
	const LineInfo *info = el_line(el);
	char *quoted = cli_words_quoted(text);
	size_t len = strlen(quoted);

	if (!whole && quoted[0] == '\'') {
		quoted[--len] = '\0'; /* the word goes on */
	}
	el_deletestr(
		el, characters(info->buffer + last, (size_t)(info->cursor - info->buffer) - last));
	(void)el_insertstr(el, quoted);
	if (whole) {
		(void)el_insertstr(el, " ");
	}
	free(quoted);
}

static struct cli_typing *
typing_of(EditLine *el)
{
	void *typing = NULL;

	(void)el_get(el, EL_CLIENTDATA, &typing);
	return typing;
}

static unsigned char
on_tab(EditLine *el, int ch)
{
	struct cli *cli = typing_of(el)->cli;
	const LineInfo *info = el_line(el);
	size_t len = (size_t)(info->cursor - info->buffer);
	unsigned char result = CC_REFRESH;
	struct cli_words words;
	char **list;
	size_t last;
	size_t typed;
	size_t n;

	cli_words_init(&words, info->buffer, len);
	last = words.last;
	typed = words.ended || words.n == 0 ? 0 : strlen(words.v[words.n - 1]);
	cli_words_fini(&words);
	list = cli_candidates(cli, info->buffer, len, &n);
	if (n == 0) {
		result = CC_ERROR;
	} else {
		char *common = strndup(list[0], common_len(list, n));
		size_t common_size;

		if (common == NULL) {
			abort();
		}
		common_size = strlen(common);
		if (n == 1) {
			char end = common_size == 0 ? '\0' : common[common_size - 1];

			word_replace(el, last, common, end != '=' && end != '/');
		} else if (common_size > typed) {
			word_replace(el, last, common, false);
		} else {
			(void)fputc('\n', cli->out);
			candidates_print(cli, list, n);
			(void)fflush(cli->out);
			result = CC_REDISPLAY;
		}
		free(common);
	}
	cli_candidates_free(list);
	return result;
}

/* What the tables say of the words so far. */
static void
help_print(struct cli *cli, const struct cli_words *words)
{
	size_t skip = words->n > 0 &&
			(strcmp(words->v[0], "vswitchctl") == 0 || strcmp(words->v[0], "help") == 0)
		? 1
		: 0;
	/* a word that is still being typed is none */
	size_t n = words->n - skip - (words->ended || words->n == skip ? 0 : 1);
	const char *noun = n > 0 ? words->v[skip] : "";
	const struct cli_command *command =
		n > 0 ? cli_command_find(noun, n > 1 ? words->v[skip + 1] : NULL) : NULL;

	if (command != NULL) {
		cli_help_command(cli->out, command);
	} else if (n == 1 && cli_noun_exists(noun)) {
		cli_help_noun(cli->out, noun);
	} else {
		cli_help_brief(cli->out);
	}
}

static unsigned char
on_question(EditLine *el, int ch)
{
	struct cli *cli = typing_of(el)->cli;
	const LineInfo *info = el_line(el);
	size_t len = (size_t)(info->cursor - info->buffer);
	struct cli_words words;
	size_t n = 0;

	cli_words_init(&words, info->buffer, len);
	if (words.quote != 0) {
		cli_words_fini(&words);
		(void)el_insertstr(el, "?");
		return CC_REFRESH;
	}
	(void)fputc('\n', cli->out);
	help_print(cli, &words);
	if (words.n >= 2) {
		char **list = cli_candidates(cli, info->buffer, len, &n);

		if (n > 0) {
			(void)fputs("\nHere:\n", cli->out);
			candidates_print(cli, list, n);
		}
		cli_candidates_free(list);
	}
	(void)fflush(cli->out);
	cli_words_fini(&words);
	return CC_REDISPLAY;
}

static unsigned char
on_interrupt(EditLine *el, int ch)
{
	struct cli_typing *typing = typing_of(el);

	typing->dropped = true;
	(void)fputs("^C\n", typing->cli->out);
	(void)fflush(typing->cli->out);
	return CC_NEWLINE;
}

void
cli_typing_bind(EditLine *el, struct cli_typing *typing)
{
	(void)el_set(el, EL_CLIENTDATA, typing);
	(void)el_set(el, EL_ADDFN, "vsw-complete", "Complete the word", on_tab);
	(void)el_set(el, EL_ADDFN, "vsw-help", "Say what may stand here", on_question);
	(void)el_set(el, EL_ADDFN, "vsw-drop", "Drop the line", on_interrupt);
	(void)el_set(el, EL_BIND, "^I", "vsw-complete", NULL);
	(void)el_set(el, EL_BIND, "?", "vsw-help", NULL);
	(void)el_set(el, EL_BIND, "^C", "vsw-drop", NULL);
	(void)el_set(el, EL_BIND, "^R", "em-inc-search-prev", NULL);
}
