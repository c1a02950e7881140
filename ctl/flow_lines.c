/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_lex.h"

static bool
is_blank(struct flow_slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r') {
			return false;
		}
	}
	return true;
}

bool
flow_lines_next(struct flow_lines *lines, struct flow_slice *line)
{
	while (lines->at < lines->end) {
		const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
		const char *end = newline == NULL ? lines->end : newline;
		const char *comment = memchr(lines->at, '#', (size_t)(end - lines->at));

		line->at = lines->at;
		line->len = (size_t)((comment == NULL ? end : comment) - lines->at);
		lines->at = newline == NULL ? end : newline + 1;
		lines->number++;
		if (!is_blank(*line)) {
			return true;
		}
	}
	return false;
}

/* What a path's first part names: the words of the text that mean it. */
static bool
word_means(const struct flow_known *known, const char *path)
{
	static const struct {
		const char *path;
		enum flow_key key;
	} keys[] = {
		{"table", FLOW_KEY_TABLE},
		{"priority", FLOW_KEY_PRIORITY},
		{"cookie", FLOW_KEY_COOKIE},
		{"idle-timeout", FLOW_KEY_IDLE},
		{"hard-timeout", FLOW_KEY_HARD},
		{"out-port", FLOW_KEY_OUT_PORT},
		{"actions", FLOW_KEY_ACTIONS},
	};

	if (known->class == FLOW_WORD_KEY) {
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			if (keys[i].key == known->value) {
				return strcmp(keys[i].path, path) == 0;
			}
		}
	}
	if (strncmp(path, "match/", 6) != 0) {
		return false;
	}
	path += 6;
	switch (known->class) {
	case FLOW_WORD_VLAN:
	case FLOW_WORD_PCP:
	case FLOW_WORD_VID:
		return strncmp(path, known->value == FLOW_INNER_TCI ? "inner-vlan-" : "vlan-",
			       known->value == FLOW_INNER_TCI ? 11 : 5) == 0;
	case FLOW_WORD_FIELD:
	case FLOW_WORD_TOS:
		return strcmp(path, flow_fields[known->value].json) == 0;
	case FLOW_WORD_SHORT:
		return strcmp(path, "eth-type") == 0 || strcmp(path, "ip-protocol") == 0;
	default:
		return false;
	}
}

size_t
flow_line_column(struct flow_slice line, const char *path)
{
	bool action = strncmp(path, "actions", 7) == 0;
	unsigned long place = strncmp(path, "actions/", 8) == 0 ? strtoul(path + 8, NULL, 10) : 0;
	struct flow_lex lex = {line.at, line.at + line.len};
	struct err err = ERR_INIT;
	struct flow_where where = {.err = &err, .text = line.at, .name = ""};
	struct flow_word word;
	bool in_actions = false;

	while (flow_lex_key(&lex, &word)) {
		const struct flow_known *known = in_actions ? NULL : flow_word_find(word.key);

		if (in_actions && place-- == 0) {
			return (size_t)(word.key.at - line.at) + 1;
		}
		if (known != NULL && known->class == FLOW_WORD_KEY &&
			known->value == FLOW_KEY_ACTIONS) {
			if (!action) {
				return 0;
			}
			if (path[7] == '\0') {
				return (size_t)(word.key.at - line.at) + 1;
			}
			in_actions = true;
			continue;
		}
		if (known != NULL && word_means(known, path)) {
			return (size_t)(word.key.at - line.at) + 1;
		}
		if (flow_lex_value(&lex, &word, &where) != 0) {
			return 0;
		}
	}
	return 0;
}
