/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "Did you mean": keeps the best of the names that it is offered for a word that matched none.
 *
 * Near means few edits (insert, delete, replace, swap of neighbours; letters' case is free): at
 * most a third of the word, so that unrelated names are not proposed. Any thread.
 */
#ifndef VSW_BASE_SUGGEST_H
#define VSW_BASE_SUGGEST_H

#include <stddef.h>

#define SUGGEST_NAME_SIZE 65

struct suggest {
	char wanted[SUGGEST_NAME_SIZE];
	char best[SUGGEST_NAME_SIZE]; /* "" while nothing is near */
	unsigned int distance; /* of best; the largest accepted one while there is none */
	char text[SUGGEST_NAME_SIZE + 24];
};

/* `wanted` need not be terminated. */
void suggest_init(struct suggest *suggest, const char *wanted, size_t len);

/* Consider a candidate; the first of equally near ones wins. */
void suggest_offer(struct suggest *suggest, const char *name);

/* "; did you mean 'x'?" or "", to be put at the end of a sentence. Valid as long as `suggest`. */
const char *suggest_text(struct suggest *suggest);

#endif
