/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Contents that FILE may have, by hash, and which revision each is: what the journal's lines
 * {"file": HASH, "revision": N, "written": true|false} say. store.h says what for.
 *
 * The owner's thread only.
 */
#ifndef VSW_SCHEMA_KNOWN_H
#define VSW_SCHEMA_KNOWN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOWN_MAX 64 /* attempts to write FILE since the last that went well */

struct known {
	uint64_t hash;
	uint64_t revision;
};

struct known_set {
	size_t n;
	struct known known[KNOWN_MAX]; /* [0] is the last one written, if any was */
};

/* `written`: FILE is that now, all others are void. */
void known_learn(struct known_set *set, const struct known *known, bool written);

/* The same of a line; false: it is not one. */
bool known_read(struct known_set *set, const json_t *line);

/* The newest with that hash; NULL if there is none. */
const struct known *known_find(const struct known_set *set, uint64_t hash);

/* The highest revision, 0 if there is none. */
uint64_t known_last(const struct known_set *set);

/* Append the journal's line to a buffer, as journal_line does. */
void known_line(char **lines, size_t *len, const struct known *known, bool written);

#endif
