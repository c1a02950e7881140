/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_words.h"

#include <stdlib.h>
#include <string.h>

/* What a shell, or completion, would take for something else than itself. */
#define SPECIAL " \t\n'\"\\#?*$&|;<>()[]{}!`~"

struct reader {
	const char *at;
	const char *end;
	char *word; /* room for all that is left of the line */
	size_t len;
	bool any; /* a word has begun, perhaps an empty one: '' */
	char quote;
};

static void
word_take(struct cli_words *words, struct reader *reader)
{
	char *word;

	if (!reader->any) {
		return;
	}
	words->v = reallocarray(words->v, words->n + 2, sizeof(*words->v));
	word = strndup(reader->word, reader->len);
	if (words->v == NULL || word == NULL) {
		abort();
	}
	words->v[words->n++] = word;
	words->v[words->n] = NULL;
	reader->len = 0;
	reader->any = false;
}

/* A backslash stands here; what it means, and how far it goes. */
static void
escape_read(struct reader *reader)
{
	if (reader->at + 1 == reader->end) {
		reader->at++;
		reader->quote = reader->quote == 0 ? '\\' : reader->quote;
	} else if (reader->at[1] == '\n') {
		reader->at += 2;
	} else if (reader->quote == '"' && reader->at[1] != '"' && reader->at[1] != '\\') {
		reader->word[reader->len++] = *reader->at++;
	} else {
		reader->word[reader->len++] = reader->at[1];
		reader->any = true;
		reader->at += 2;
	}
}

/* A character within quotes. */
static void
quoted_read(struct reader *reader)
{
	if (*reader->at == reader->quote) {
		reader->quote = 0;
		reader->at++;
	} else if (*reader->at == '\\' && reader->quote == '"') {
		escape_read(reader);
	} else {
		reader->word[reader->len++] = *reader->at++;
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
cli_words_init(struct cli_words *words, const char *line, size_t len)
{
	struct reader reader = {.at = line, .end = line + len, .word = malloc(len + 1)};

	*words = (struct cli_words){.ended = true};
	if (reader.word == NULL) {
		abort();
	}
	while (reader.at < reader.end) {
		char c = *reader.at;

		if (reader.quote != 0) {
			quoted_read(&reader);
			continue;
		}
		if (is_blank(c)) {
			word_take(words, &reader);
			words->ended = true;
			reader.at++;
			continue;
		}
		if (c == '#' && !reader.any) {
			const char *newline =
				memchr(reader.at, '\n', (size_t)(reader.end - reader.at));

			words->ended = true;
			reader.at = newline == NULL ? reader.end : newline;
			continue;
		}
		if (words->ended) {
			words->last = (size_t)(reader.at - line);
			words->ended = false;
		}
		if (c == '\\') {
			escape_read(&reader);
		} else if (c == '\'' || c == '"') {
			reader.quote = c;
			reader.any = true;
			reader.at++;
		} else {
			reader.word[reader.len++] = c;
			reader.any = true;
			reader.at++;
		}
	}
	words->ended = words->ended || !reader.any;
	word_take(words, &reader);
	words->quote = reader.quote;
	free(reader.word);
	if (words->ended) {
		words->last = len;
	}
}

void
cli_words_fini(struct cli_words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		free(words->v[i]);
	}
	free(words->v);
	*words = (struct cli_words){.v = NULL};
}

bool
cli_words_open(const char *text, size_t len)
{
	struct cli_words words;
	bool open;

	/* of a backslash at the end the newline has been read already */
	if (len >= 2 && memcmp(text + len - 2, "\\\n", 2) == 0) {
		len--;
	}
	cli_words_init(&words, text, len);
	open = words.quote != 0;
	cli_words_fini(&words);
	return open;
}

char *
cli_words_quoted(const char *text)
{
	bool plain = text[0] != '\0' && strpbrk(text, SPECIAL) == NULL;
	/* at worst each character is a quote, written as '\'' */
	char *quoted = malloc(4 * strlen(text) + 3);
	char *to = quoted;

	if (quoted == NULL) {
		abort();
	}
	if (plain) {
		return memcpy(quoted, text, strlen(text) + 1);
	}
	*to++ = '\'';
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			memcpy(to, "'\\''", 4);
			to += 4;
		} else {
			*to++ = *text;
		}
	}
	*to++ = '\'';
	*to = '\0';
	return quoted;
}
