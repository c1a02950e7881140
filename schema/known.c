/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/known.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/journal.h"

void
known_learn(struct known_set *set, const struct known *known, bool written)
{
	if (written) {
		set->n = 0;
	} else if (set->n == KNOWN_MAX) {
		set->n--;
		memmove(&set->known[1], &set->known[2], (KNOWN_MAX - 2) * sizeof(set->known[0]));
	}
	set->known[set->n++] = *known;
}

bool
known_read(struct known_set *set, const json_t *line)
{
	const char *hash = json_string_value(json_object_get(line, "file"));
	json_int_t revision = json_integer_value(json_object_get(line, "revision"));
	struct known known = {.revision = (uint64_t)revision};
	char *end;

	if (hash == NULL || revision < 0) {
		return false;
	}
	known.hash = strtoull(hash, &end, 16);
	if (*end != '\0') {
		return false;
	}
	known_learn(set, &known, json_is_true(json_object_get(line, "written")));
	return true;
}

const struct known *
known_find(const struct known_set *set, uint64_t hash)
{
	for (size_t i = set->n; i > 0; i--) {
		if (set->known[i - 1].hash == hash) {
			return &set->known[i - 1];
		}
	}
	return NULL;
}

uint64_t
known_last(const struct known_set *set)
{
	uint64_t last = 0;

	for (size_t i = 0; i < set->n; i++) {
		last = set->known[i].revision > last ? set->known[i].revision : last;
	}
	return last;
}

void
known_line(char **lines, size_t *len, const struct known *known, bool written)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
		"{\"file\": \"%016" PRIx64 "\", \"revision\": %" PRIu64 ", \"written\": %s}",
		known->hash, known->revision, written ? "true" : "false");

	journal_line(lines, len, text, (size_t)n);
}
