/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of a rule as words: KEY, KEY=VALUE, KEY:VALUE or KEY(ARGUMENTS), between commas and
 * blanks. Private to ctl/flow_*. Any thread; nothing is copied.
 */
#ifndef VSW_CTL_FLOW_LEX_H
#define VSW_CTL_FLOW_LEX_H

#include "ctl/flow_field.h"

/* Parentheses within parentheses: none of our actions needs more than one level. */
#define FLOW_LEX_DEPTH 4

struct flow_lex {
	const char *at;
	const char *end;
};

struct flow_word {
	struct flow_slice key;
	char delim; /* '=', ':', '(' or 0 when there is no value */
	struct flow_slice value;
};

/* The next key and its delimiter; the value is left unread. False at the end. */
bool flow_lex_key(struct flow_lex *lex, struct flow_word *word);

/* The value after the key; up to a comma or a blank, or to the closing parenthesis. */
int flow_lex_value(struct flow_lex *lex, struct flow_word *word, const struct flow_where *where);

/* What a word of the match side is. */
enum flow_word_class {
	FLOW_WORD_FIELD,
	FLOW_WORD_SHORT, /* ip, tcp6, ...: value is EtherType << 16 | protocol (0: any) */
	FLOW_WORD_TAG, /* vlan */
	FLOW_WORD_VLAN, /* dl_vlan */
	FLOW_WORD_PCP,
	FLOW_WORD_VID,
	FLOW_WORD_TOS,
	FLOW_WORD_KEY, /* value is enum flow_key */
	FLOW_WORD_IGNORED, /* ovs-ofctl dump-flows says it, and means nothing here */
	FLOW_WORD_REFUSED, /* Open vSwitch has it, we do not */
};

enum flow_key {
	FLOW_KEY_TABLE,
	FLOW_KEY_PRIORITY,
	FLOW_KEY_COOKIE,
	FLOW_KEY_IDLE,
	FLOW_KEY_HARD,
	FLOW_KEY_OUT_PORT,
	FLOW_KEY_ACTIONS,
};

struct flow_known {
	const char *word;
	enum flow_word_class class;
	uint32_t value; /* FIELD, VLAN, PCP, VID, TOS: enum flow_field */
	enum flow_need need; /* beyond that of the field */
};

/* NULL: not known. */
const struct flow_known *flow_word_find(struct flow_slice key);

/* Offer all words to `suggest`; fields only or all. */
struct suggest;
void flow_words_offer(struct suggest *suggest, bool fields_only);

#endif
