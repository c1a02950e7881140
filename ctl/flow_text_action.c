/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "ctl/flow_parse.h"
#include "ctl/flow_value.h"

struct action_word {
	const char *word;
	int (*read)(struct flow_parse *parse, const struct action_word *known,
		const struct flow_word *word, struct flow_action *action);
	unsigned int type; /* enum flow_action_type */
	unsigned int extra; /* what `read` makes of it */
	enum { NO_VALUE, VALUE, ANY_VALUE } takes;
};

static int
read_plain(struct flow_parse *parse, const struct action_word *known, const struct flow_word *word,
	struct flow_action *action)
{
	action->type = (enum flow_action_type)known->type;
	return 0;
}

static int
read_number(struct flow_parse *parse, const struct action_word *known, const struct flow_word *word,
	struct flow_action *action)
{
	uint64_t number;
	int rc = flow_number_in(&parse->where, word->value, known->type == FLOW_DO_METER ? 1 : 0,
		known->extra, &number);

	action->type = (enum flow_action_type)known->type;
	action->number = rc == 0 ? (uint32_t)number : 0;
	return rc;
}

static int
read_push_vlan(struct flow_parse *parse, const struct action_word *known,
	const struct flow_word *word, struct flow_action *action)
{
	uint64_t type = 0;

	if (!flow_number_scan(word->value, &type) || (type != 0x8100 && type != 0x88a8)) {
		return flow_fail(&parse->where, word->value.at, ERR_INVALID,
			"push_vlan '%.*s': 0x8100 or 0x88a8",
			(int)(word->value.len < 80 ? word->value.len : 80), word->value.at);
	}
	action->type = FLOW_DO_PUSH_VLAN;
	action->number = (uint32_t)type;
	return 0;
}

/* ---- arguments in parentheses ---- */

struct argument {
	const char *name;
	uint32_t max;
	uint32_t min;
	uint32_t *number; /* or: */
	struct flow_slice *value;
	bool given;
};

/* `arguments` ends with a NULL name. */
static int
read_arguments(struct flow_parse *parse, struct flow_slice inside, struct argument *arguments)
{
	struct flow_lex lex = {inside.at, inside.at + inside.len};
	const char *action = parse->where.name;
	struct flow_word word;
	int rc = 0;

	while (rc == 0 && flow_lex_key(&lex, &word)) {
		struct argument *argument = arguments;
		uint64_t number;

		rc = flow_lex_value(&lex, &word, &parse->where);
		if (rc != 0) {
			return rc;
		}
		while (argument->name != NULL && !flow_slice_is(word.key, argument->name)) {
			argument++;
		}
		if (argument->name == NULL) {
			return flow_fail(&parse->where, word.key.at, ERR_UNKNOWN,
				"%s has no argument '%.*s'", action,
				(int)(word.key.len < 64 ? word.key.len : 64), word.key.at);
		}
		if (argument->given || word.value.len == 0) {
			return flow_fail(&parse->where, word.key.at, ERR_INVALID, "%s %s",
				argument->name,
				argument->given ? "was given before" : "needs a value");
		}
		argument->given = true;
		parse->where.name = argument->name;
		if (argument->value != NULL) {
			*argument->value = word.value;
			continue;
		}
		rc = flow_number_in(
			&parse->where, word.value, argument->min, argument->max, &number);
		*argument->number = rc == 0 ? (uint32_t)number : 0;
	}
	parse->where.name = action;
	return rc;
}

static int
punt_reason(struct flow_parse *parse, struct flow_slice value, enum flow_punt_reason *out)
{
	static const char *const names[] = {"action", "no_match", "invalid_ttl"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (flow_slice_is(value, names[i])) {
			*out = (enum flow_punt_reason)i;
			return 0;
		}
	}
	return flow_fail(&parse->where, value.at, ERR_INVALID,
		"reason '%.*s': action, no_match or invalid_ttl",
		(int)(value.len < 80 ? value.len : 80), value.at);
}

static int
read_punt(struct flow_parse *parse, const struct action_word *known, const struct flow_word *word,
	struct flow_action *action)
{
	struct flow_slice reason = {NULL, 0};
	uint32_t id = 0;
	struct argument arguments[] = {
		{"max_len", UINT16_MAX, 1, &action->number},
		{"reason", .value = &reason},
		{"id", 0, 0, &id}, /* which controller: there is one */
		{NULL},
	};
	uint64_t number = 0;
	int rc = 0;

	action->type = FLOW_DO_PUNT;
	if (word->delim == '(') {
		rc = read_arguments(parse, word->value, arguments);
	} else if (word->value.len > 0) {
		rc = flow_number_in(&parse->where, word->value, 1, UINT16_MAX, &number);
		action->number = (uint32_t)number;
	}
	if (action->number == UINT16_MAX) {
		action->number = 0; /* all of it */
	}
	return rc != 0 || reason.at == NULL ? rc : punt_reason(parse, reason, &action->reason);
}

static int
read_output(struct flow_parse *parse, const struct action_word *known, const struct flow_word *word,
	struct flow_action *action)
{
	static const struct {
		const char *word;
		enum flow_action_type type;
	} reserved[] = {{"normal", FLOW_DO_NORMAL}, {"flood", FLOW_DO_FLOOD},
		{"in_port", FLOW_DO_BACK}, {"controller", FLOW_DO_PUNT}};
	struct flow_slice port = {NULL, 0};
	struct argument arguments[] = {
		{"port", .value = &port},
		{"max_len", UINT16_MAX, FLOW_OUTPUT_MIN, &action->number},
		{NULL},
	};
	int rc;

	action->type = FLOW_DO_OUTPUT;
	if (word->delim != '(') {
		for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
			if (flow_slice_is_nocase(word->value, reserved[i].word)) {
				action->type = reserved[i].type;
				return 0;
			}
		}
		return flow_port_scan(&parse->where, word->value, action->port);
	}
	rc = read_arguments(parse, word->value, arguments);
	if (rc == 0 && (port.at == NULL || action->number == 0)) {
		return flow_fail(&parse->where, word->key.at, ERR_INVALID,
			"output(port=NAME,max_len=N) needs both");
	}
	return rc != 0 ? rc : flow_port_scan(&parse->where, port, action->port);
}

static int
read_sample(struct flow_parse *parse, const struct action_word *known, const struct flow_word *word,
	struct flow_action *action)
{
	struct flow_sample *sample = &action->sample;
	struct argument arguments[] = {
		{"probability", UINT16_MAX, 1, &sample->probability},
		{"collector_set_id", UINT32_MAX, 0, &sample->collector_set},
		{"obs_domain_id", UINT32_MAX, 0, &sample->domain},
		{"obs_point_id", UINT32_MAX, 0, &sample->point},
		{NULL},
	};
	int rc = 0;

	action->type = FLOW_DO_SAMPLE;
	*sample = (struct flow_sample){.probability = 0};
	if (word->delim == '(') {
		rc = read_arguments(parse, word->value, arguments);
	}
	if (rc == 0 && sample->probability == 0) {
		return flow_fail(&parse->where, word->key.at, ERR_INVALID,
			"sample needs an argument: sample(probability=N,...), N of 65535");
	}
	return rc;
}

static int
read_resubmit(struct flow_parse *parse, const struct action_word *known,
	const struct flow_word *word, struct flow_action *action)
{
	struct flow_slice table = word->value;
	uint64_t number;
	int rc;

	if (word->delim != '(' || table.len < 2 || table.at[0] != ',') {
		return flow_fail(&parse->where, word->key.at, ERR_UNSUPPORTED,
			"of resubmit only resubmit(,TABLE) at the end, as goto_table:TABLE");
	}
	table.at++;
	table.len--;
	rc = flow_number_in(&parse->where, table, 0, FLOW_TABLE_MAX, &number);
	action->type = FLOW_DO_GOTO_TABLE;
	action->number = rc == 0 ? (uint32_t)number : 0;
	return rc;
}

/* ---- setting fields ---- */

static int
read_set_field(struct flow_parse *parse, const struct action_word *known,
	const struct flow_word *word, struct flow_action *action)
{
	struct flow_slice value = word->value;
	struct flow_slice name = value;
	struct flow_target target;
	const char *arrow = value.len < 2 ? NULL : memmem(value.at, value.len, "->", 2);
	int rc;

	if (arrow == NULL) {
		return flow_fail(&parse->where, word->key.at, ERR_INVALID,
			"%s needs %s:VALUE->FIELD", known->word, known->word);
	}
	value.len = (size_t)(arrow - value.at);
	name.at = arrow + 2;
	name.len = word->value.len - value.len - 2;
	action->type = FLOW_DO_SET_FIELD;
	rc = flow_target_scan(&parse->where, name, &target);
	return rc != 0
		? rc
		: flow_target_value(&parse->where, &target, value, known->extra != 0, &action->set);
}

/* mod_...: `extra` is the field; VLANs have readers of their own. */
static int
read_mod(struct flow_parse *parse, const struct action_word *known, const struct flow_word *word,
	struct flow_action *action)
{
	struct flow_target target = {.field = (enum flow_field)known->extra,
		.tos = strcmp(known->word, "mod_nw_tos") == 0,
		.bits = flow_fields[known->extra].bits};
	int rc;

	action->type = FLOW_DO_SET_FIELD;
	rc = flow_target_value(&parse->where, &target, word->value, false, &action->set);
	if (rc == 0 && !flow_mask_is_full(target.field, action->set.term.mask)) {
		return flow_fail(&parse->where, word->value.at, ERR_INVALID,
			"%s takes no mask: set_field does", known->word);
	}
	return rc;
}

static int
read_mod_vlan(struct flow_parse *parse, const struct action_word *known,
	const struct flow_word *word, struct flow_action *action)
{
	bool id = known->extra == FLOW_VLAN_ID;
	struct flow_target target = {
		.field = FLOW_VLAN_TCI, .low = id ? 0 : 13, .bits = id ? 12 : 3};
	int rc;

	action->type = FLOW_DO_SET_FIELD;
	rc = flow_target_value(&parse->where, &target, word->value, true, &action->set);
	action->set.push = known->word[0] == 'm';
	return rc;
}

static int
read_refused(struct flow_parse *parse, const struct action_word *known,
	const struct flow_word *word, struct flow_action *action)
{
	return flow_fail(&parse->where, word->key.at, ERR_UNSUPPORTED,
		"the action %s is not supported%s", known->word,
		strcmp(known->word, "all") == 0 ? "; did you mean 'flood'?" : "");
}

static const struct action_word words[] = {
	{"output", read_output, FLOW_DO_OUTPUT, 0, VALUE},
	{"normal", read_plain, FLOW_DO_NORMAL, 0, NO_VALUE},
	{"goto_table", read_number, FLOW_DO_GOTO_TABLE, FLOW_TABLE_MAX, VALUE},
	{"set_field", read_set_field, 0, 0, VALUE},
	{"load", read_set_field, 0, 1, VALUE},
	{"flood", read_plain, FLOW_DO_FLOOD, 0, NO_VALUE},
	{"in_port", read_plain, FLOW_DO_BACK, 0, NO_VALUE},
	{"dec_ttl", read_plain, FLOW_DO_DEC_TTL, 0, NO_VALUE},
	{"pop_vlan", read_plain, FLOW_DO_POP_VLAN, 0, NO_VALUE},
	{"strip_vlan", read_plain, FLOW_DO_POP_VLAN, 0, NO_VALUE},
	{"push_vlan", read_push_vlan, 0, 0, VALUE},
	{"mod_vlan_vid", read_mod_vlan, 0, FLOW_VLAN_ID, VALUE},
	{"mod_vlan_pcp", read_mod_vlan, 0, FLOW_VLAN_PRIORITY, VALUE},
	{"set_vlan_vid", read_mod_vlan, 0, FLOW_VLAN_ID, VALUE},
	{"set_vlan_pcp", read_mod_vlan, 0, FLOW_VLAN_PRIORITY, VALUE},
	{"mod_dl_src", read_mod, 0, FLOW_ETH_SRC, VALUE},
	{"mod_dl_dst", read_mod, 0, FLOW_ETH_DST, VALUE},
	{"mod_nw_src", read_mod, 0, FLOW_IP4_SRC, VALUE},
	{"mod_nw_dst", read_mod, 0, FLOW_IP4_DST, VALUE},
	{"mod_nw_tos", read_mod, 0, FLOW_IP_DSCP, VALUE},
	{"mod_nw_ecn", read_mod, 0, FLOW_IP_ECN, VALUE},
	{"mod_nw_ttl", read_mod, 0, FLOW_IP_TTL, VALUE},
	{"mod_tp_src", read_mod, 0, FLOW_L4_SRC, VALUE},
	{"mod_tp_dst", read_mod, 0, FLOW_L4_DST, VALUE},
	{"meter", read_number, FLOW_DO_METER, FLOW_METER_MAX, VALUE},
	{"group", read_number, FLOW_DO_GROUP, FLOW_GROUP_MAX, VALUE},
	{"resubmit", read_resubmit, 0, 0, VALUE},
	{"controller", read_punt, 0, 0, ANY_VALUE},
	{"punt", read_punt, 0, 0, ANY_VALUE},
	{"sample", read_sample, 0, 0, VALUE},
	/* what Open vSwitch has beyond */
	{"all", read_refused, 0, 0, ANY_VALUE},
	{"apply_actions", read_refused, 0, 0, ANY_VALUE},
	{"bundle", read_refused, 0, 0, ANY_VALUE},
	{"bundle_load", read_refused, 0, 0, ANY_VALUE},
	{"clear_actions", read_refused, 0, 0, ANY_VALUE},
	{"clone", read_refused, 0, 0, ANY_VALUE},
	{"conjunction", read_refused, 0, 0, ANY_VALUE},
	{"ct", read_refused, 0, 0, ANY_VALUE},
	{"ct_clear", read_refused, 0, 0, ANY_VALUE},
	{"enqueue", read_refused, 0, 0, ANY_VALUE},
	{"exit", read_refused, 0, 0, ANY_VALUE},
	{"fin_timeout", read_refused, 0, 0, ANY_VALUE},
	{"learn", read_refused, 0, 0, ANY_VALUE},
	{"local", read_refused, 0, 0, ANY_VALUE},
	{"move", read_refused, 0, 0, ANY_VALUE},
	{"multipath", read_refused, 0, 0, ANY_VALUE},
	{"none", read_refused, 0, 0, ANY_VALUE},
	{"note", read_refused, 0, 0, ANY_VALUE},
	{"pop", read_refused, 0, 0, ANY_VALUE},
	{"pop_mpls", read_refused, 0, 0, ANY_VALUE},
	{"pop_queue", read_refused, 0, 0, ANY_VALUE},
	{"push", read_refused, 0, 0, ANY_VALUE},
	{"push_mpls", read_refused, 0, 0, ANY_VALUE},
	{"set_queue", read_refused, 0, 0, ANY_VALUE},
	{"set_tunnel", read_refused, 0, 0, ANY_VALUE},
	{"set_tunnel64", read_refused, 0, 0, ANY_VALUE},
	{"table", read_refused, 0, 0, ANY_VALUE},
	{"write_actions", read_refused, 0, 0, ANY_VALUE},
	{"write_metadata", read_refused, 0, 0, ANY_VALUE},
};

/* A word that is no action is a port's name, unless it looks like a slip of the pen. */
static int
read_bare_port(struct flow_parse *parse, const struct flow_word *word, struct flow_action *action)
{
	int len = (int)(word->key.len < 64 ? word->key.len : 64);
	struct suggest suggest;
	bool slip;

	suggest_init(&suggest, word->key.at, word->key.len);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len_known = strlen(words[i].word);

		/* the rest cannot be near: this is done for each port's name */
		if (words[i].read != read_refused && len_known <= word->key.len + 2 &&
			len_known + 2 >= word->key.len) {
			suggest_offer(&suggest, words[i].word);
		}
	}
	suggest_offer(&suggest, "drop");
	slip = suggest.best[0] != '\0' && suggest.distance <= (word->key.len < 8 ? 1 : 2);
	if (word->delim != '\0' || slip) {
		return flow_fail(&parse->where, word->key.at, ERR_UNKNOWN,
			"unknown action '%.*s'%s%s%.*s%s", len, word->key.at,
			suggest_text(&suggest),
			word->delim == '\0' ? " (a port of that name: output:" : "",
			word->delim == '\0' ? len : 0, word->key.at,
			word->delim == '\0' ? ")" : "");
	}
	parse->where.name = "output";
	action->type = FLOW_DO_OUTPUT;
	return flow_port_scan(&parse->where, word->key, action->port);
}

static int
read_action(struct flow_parse *parse, const struct flow_word *word)
{
	const struct action_word *known = words;
	const struct action_word *end = words + ARRAY_LEN(words);
	struct flow_action action;
	int rc;

	action.number = 0;
	action.reason = FLOW_PUNT_ACTION;
	while (known < end && !flow_slice_is_nocase(word->key, known->word)) {
		known++;
	}
	if (known == end) {
		rc = read_bare_port(parse, word, &action);
	} else {
		parse->where.name = known->word;
		if (known->takes == NO_VALUE && word->delim != '\0') {
			return flow_fail(&parse->where, word->value.at - 1, ERR_INVALID,
				"%s takes no argument", known->word);
		}
		if (known->takes == VALUE && word->value.len == 0) {
			return flow_fail(&parse->where, word->key.at, ERR_INVALID,
				"%s needs an argument", known->word);
		}
		rc = known->read(parse, known, word, &action);
	}
	return rc != 0 ? rc : flow_action_add(parse->rule, &action, &parse->where, word->key.at);
}

int
flow_actions_read(struct flow_parse *parse)
{
	const char *drop = NULL;
	struct flow_word word;
	int rc = 0;

	while (rc == 0 && flow_lex_key(&parse->lex, &word)) {
		rc = flow_lex_value(&parse->lex, &word, &parse->where);
		if (rc != 0) {
			return rc;
		}
		if (flow_slice_is_nocase(word.key, "drop") && word.delim == '\0') {
			drop = drop == NULL ? word.key.at : drop;
		} else {
			rc = read_action(parse, &word);
		}
		if (rc == 0 && drop != NULL &&
			(parse->rule->n_actions > 0 || drop != word.key.at)) {
			return flow_fail(&parse->where, drop, ERR_INVALID,
				"drop cannot stand beside other actions");
		}
	}
	return rc;
}
