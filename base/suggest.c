/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static unsigned int
min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static char
lower(char c)
{
	return (char)tolower((unsigned char)c);
}

/* Optimal string alignment distance; both shorter than SUGGEST_NAME_SIZE. */
static unsigned int
distance(const char *a, const char *b)
{
	unsigned int rows[3][SUGGEST_NAME_SIZE];
	unsigned int *before = rows[0];
	unsigned int *prev = rows[1];
	unsigned int *row = rows[2];
	size_t len_a = strlen(a);
	size_t len_b = strlen(b);

	for (size_t j = 0; j <= len_b; j++) {
		prev[j] = (unsigned int)j;
	}
	for (size_t i = 1; i <= len_a; i++) {
		unsigned int *recycled = before;

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= len_b; j++) {
			char ca = lower(a[i - 1]);
			char cb = lower(b[j - 1]);

			row[j] = min3(prev[j] + 1, row[j - 1] + 1, prev[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == lower(b[j - 2]) && cb == lower(a[i - 2])) {
				row[j] = min3(row[j], before[j - 2] + 1, row[j]);
			}
		}
		before = prev;
		prev = row;
		row = recycled;
	}
	return prev[len_b];
}

void
suggest_init(struct suggest *suggest, const char *wanted, size_t len)
{
	memset(suggest, 0, sizeof(*suggest));
	if (len < sizeof(suggest->wanted)) {
		memcpy(suggest->wanted, wanted, len);
		suggest->distance = len < 3 ? 1 : (unsigned int)(len + 2) / 3;
	}
}

void
suggest_offer(struct suggest *suggest, const char *name)
{
	size_t len = strlen(name);
	unsigned int d;

	if (suggest->wanted[0] == '\0' || len >= sizeof(suggest->best)) {
		return;
	}
	d = distance(suggest->wanted, name);
	/* A word that shares nothing with the wanted one is no suggestion, however short. */
	if (d < len && (d < suggest->distance || (d == suggest->distance && !*suggest->best))) {
		suggest->distance = d;
		(void)str_copy(suggest->best, name, sizeof(suggest->best));
	}
}

const char *
suggest_text(struct suggest *suggest)
{
	suggest->text[0] = '\0';
	if (suggest->best[0] != '\0') {
		(void)snprintf(suggest->text, sizeof(suggest->text), "; did you mean '%s'?",
			suggest->best);
	}
	return suggest->text;
}
