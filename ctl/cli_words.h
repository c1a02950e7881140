/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A typed line taken apart into words, as a shell does it: blanks separate, '...' keeps all as it
 * is, "..." all but \" and \\, a backslash keeps the character after it, one before a newline joins
 * the lines, and # at the start of a word begins a comment. No variables, no patterns.
 *
 * A line may end within quotes: it is open then, and goes on with the next one. Completion looks at
 * such lines too, so where the last word begins is kept. One thread, no state.
 */
#ifndef VSW_CTL_CLI_WORDS_H
#define VSW_CTL_CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct cli_words {
	size_t n;
	char **v; /* owned, as are the words; one more is NULL */
	size_t last; /* where in the line the last word begins */
	bool ended; /* something stands between the last word and the end of the line */
	char quote; /* ' or " if the line ends within such, a backslash behind one, else 0 */
};

/* Aborts when memory is exhausted, as all of the command line. */
void cli_words_init(struct cli_words *words, const char *line, size_t len);
void cli_words_fini(struct cli_words *words);

/*
 * True if the command goes on in the next line. `text` are its lines so far, each with its newline.
 */
bool cli_words_open(const char *text, size_t len);

/* `text` so that it is one word again. free() it. */
char *cli_words_quoted(const char *text);

#endif
