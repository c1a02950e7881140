/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_text.h"

#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "ctl/flow_parse.h"
#include "ctl/flow_value.h"

struct reader {
	struct flow_parse parse;
	unsigned int keys; /* bit of each enum flow_key that was given */
	bool match_only;
};

static const struct {
	const char *word;
	enum flow_op op;
	bool strict;
} ops[] = {
	{"add", FLOW_ADD, false},
	{"modify", FLOW_MODIFY, false},
	{"modify_strict", FLOW_MODIFY, true},
	{"delete", FLOW_DELETE, false},
	{"delete_strict", FLOW_DELETE, true},
};

const char *
flow_text_op(const struct flow_rule *rule)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (ops[i].op == rule->op && ops[i].strict == rule->strict) {
			return ops[i].word;
		}
	}
	return "add";
}

static int
read_cookie(struct reader *reader, const struct flow_word *word)
{
	const struct flow_where *where = &reader->parse.where;
	struct flow_rule *rule = reader->parse.rule;
	bool masked = word->value.len > 0 && memchr(word->value.at, '/', word->value.len) != NULL;
	uint64_t mask = 0;
	int rc;

	if (masked && rule->op == FLOW_ADD) {
		return flow_fail(where, word->value.at, ERR_INVALID,
			"cookie takes no mask when a rule is added");
	}
	if (!masked && rule->op == FLOW_MODIFY) {
		return flow_fail(where, word->value.at, ERR_INVALID,
			"a cookie cannot be modified; to select by it give a mask: cookie=%.*s/-1",
			(int)(word->value.len < 64 ? word->value.len : 64), word->value.at);
	}
	rc = flow_masked_scan(where, word->value, 64, &rule->cookie, &mask);
	rule->cookie_mask = mask;
	return rc;
}

/* Whether a key may be given for the op; says why not. */
static int
key_allowed(struct reader *reader, enum flow_key key, const struct flow_word *word)
{
	const struct flow_rule *rule = reader->parse.rule;
	const struct flow_where *where = &reader->parse.where;
	const char *why = NULL;

	if (reader->match_only && key != FLOW_KEY_TABLE) {
		why = "is no part of a match";
	} else if (key == FLOW_KEY_PRIORITY && rule->op != FLOW_ADD && !rule->strict) {
		why = "is looked at only by the strict form";
	} else if ((key == FLOW_KEY_IDLE || key == FLOW_KEY_HARD) && rule->op != FLOW_ADD) {
		why = "can be given only when a rule is added";
	} else if (key == FLOW_KEY_OUT_PORT && rule->op != FLOW_DELETE) {
		why = "can be given only when rules are deleted";
	} else if (key == FLOW_KEY_ACTIONS && rule->op == FLOW_DELETE) {
		why = "cannot be given when rules are deleted";
	} else if ((reader->keys >> key & 1) != 0) {
		why = "was given before";
	}
	if (why != NULL) {
		return flow_fail(where, word->key.at, ERR_INVALID, "%s %s", where->name, why);
	}
	reader->keys |= 1U << key;
	if (key != FLOW_KEY_ACTIONS && (word->delim == '\0' || word->delim == '(')) {
		return flow_fail(where, word->key.at, ERR_INVALID, "%s needs a value: %s=...",
			where->name, where->name);
	}
	return 0;
}

static int
read_key(struct reader *reader, enum flow_key key, const struct flow_word *word)
{
	const struct flow_where *where = &reader->parse.where;
	struct flow_rule *rule = reader->parse.rule;
	uint64_t number = 0;
	int rc = key_allowed(reader, key, word);

	if (rc != 0) {
		return rc;
	}
	switch (key) {
	case FLOW_KEY_TABLE:
		rc = flow_number_in(where, word->value, 0, FLOW_TABLE_MAX, &number);
		rule->table = (uint8_t)number;
		rule->any_table = false;
		return rc;
	case FLOW_KEY_PRIORITY:
		rc = flow_number_in(where, word->value, 0, UINT16_MAX, &number);
		rule->priority = (uint16_t)number;
		return rc;
	case FLOW_KEY_IDLE:
		rc = flow_number_in(where, word->value, 0, UINT16_MAX, &number);
		rule->idle_timeout = (uint16_t)number;
		return rc;
	case FLOW_KEY_HARD:
		rc = flow_number_in(where, word->value, 0, UINT16_MAX, &number);
		rule->hard_timeout = (uint16_t)number;
		return rc;
	case FLOW_KEY_COOKIE:
		return read_cookie(reader, word);
	case FLOW_KEY_OUT_PORT:
		return flow_port_scan(where, word->value, rule->out_port);
	case FLOW_KEY_ACTIONS:
		break;
	}
	return 0;
}

static int
unknown(struct reader *reader, const struct flow_word *word)
{
	struct suggest suggest;

	if (word->key.len == 0) {
		return flow_fail(&reader->parse.where, word->key.at, ERR_INVALID,
			"'%c' without a name before it", word->delim);
	}
	suggest_init(&suggest, word->key.at, word->key.len);
	flow_words_offer(&suggest, false);
	return flow_fail(&reader->parse.where, word->key.at, ERR_UNKNOWN, "unknown field '%.*s'%s",
		(int)(word->key.len < 64 ? word->key.len : 64), word->key.at,
		suggest_text(&suggest));
}

/* One word; *actions says that the rest is actions. */
static int
read_word(struct reader *reader, struct flow_word *word, bool *actions)
{
	struct flow_parse *parse = &reader->parse;
	const struct flow_known *known = flow_word_find(word->key);
	int rc;

	if (known == NULL) {
		return unknown(reader, word);
	}
	parse->where.name = known->word;
	if (known->class == FLOW_WORD_REFUSED) {
		return flow_fail(&parse->where, word->key.at, ERR_UNSUPPORTED,
			"%s is not supported", known->word);
	}
	if (known->class == FLOW_WORD_KEY && known->value == FLOW_KEY_ACTIONS) {
		*actions = true;
		if (word->delim != '=') {
			return flow_fail(&parse->where, word->key.at, ERR_INVALID,
				"actions needs a value: actions=...");
		}
		return read_key(reader, FLOW_KEY_ACTIONS, word);
	}
	rc = flow_lex_value(&parse->lex, word, &parse->where);
	if (rc != 0 || known->class == FLOW_WORD_IGNORED) {
		return rc;
	}
	return known->class == FLOW_WORD_KEY ? read_key(reader, (enum flow_key)known->value, word)
					     : flow_match_word(parse, known, word);
}

/* Reads from `lex` on; the rule was initialised. */
static int
read_rule(struct reader *reader)
{
	struct flow_parse *parse = &reader->parse;
	struct flow_word word;
	bool actions = false;
	int rc = 0;

	while (rc == 0 && !actions && flow_lex_key(&parse->lex, &word)) {
		rc = read_word(reader, &word, &actions);
	}
	rc = rc != 0 ? rc : flow_match_finish(parse);
	if (rc == 0 && actions) {
		return flow_actions_read(parse);
	}
	if (rc == 0 && parse->rule->op != FLOW_DELETE) {
		return flow_fail(&parse->where, parse->lex.end, ERR_INVALID,
			"actions= is missing (actions=drop drops)");
	}
	return rc;
}

static int
reader_init(struct reader *reader, const char *text, size_t len, struct flow_rule *rule,
	struct err *err)
{
	struct flow_parse *parse = &reader->parse;

	text = len == 0 ? "" : text;
	parse->lex = (struct flow_lex){text, text + len};
	parse->where.err = err;
	parse->where.text = text;
	parse->where.name = "";
	parse->where.any_packet = false;
	parse->rule = rule;
	parse->implied = 0;
	parse->either = 0;
	reader->keys = 0;
	reader->match_only = false;
	if (len > FLOW_TEXT_MAX) {
		return flow_fail(&parse->where, text + FLOW_TEXT_MAX, ERR_TOO_BIG,
			"a rule has up to %d bytes", FLOW_TEXT_MAX);
	}
	return 0;
}

int
flow_text_parse(const char *text, size_t len, enum flow_op op, bool strict, struct flow_rule *rule,
	struct err *err)
{
	struct reader reader;
	int rc = reader_init(&reader, text, len, rule, err);

	flow_rule_init(rule, op, strict);
	return rc != 0 ? rc : read_rule(&reader);
}

int
flow_text_parse_op(const char *text, size_t len, struct flow_rule *rule, struct err *err)
{
	struct reader reader;
	struct flow_lex start;
	struct flow_word word;
	int rc = reader_init(&reader, text, len, rule, err);

	if (rc != 0) {
		return rc;
	}
	flow_rule_init(rule, FLOW_ADD, false);
	start = reader.parse.lex;
	if (flow_lex_key(&start, &word) && word.delim == '\0') {
		for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
			if (flow_slice_is(word.key, ops[i].word)) {
				flow_rule_init(rule, ops[i].op, ops[i].strict);
				reader.parse.lex = start;
			}
		}
	}
	return read_rule(&reader);
}

int
flow_text_parse_match(const char *text, size_t len, struct flow_rule *rule, struct err *err)
{
	struct reader reader;
	int rc = reader_init(&reader, text, len, rule, err);

	flow_rule_init(rule, FLOW_DELETE, false);
	reader.match_only = true;
	return rc != 0 ? rc : read_rule(&reader);
}

int
flow_text_parse_actions(const char *text, size_t len, struct flow_rule *rule, struct err *err)
{
	struct reader reader;
	int rc = reader_init(&reader, text, len, rule, err);

	flow_rule_init(rule, FLOW_ADD, false);
	reader.parse.where.any_packet = true;
	return rc != 0 ? rc : flow_actions_read(&reader.parse);
}
