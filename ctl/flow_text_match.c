/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "ctl/flow_parse.h"
#include "ctl/flow_tag.h"
#include "ctl/flow_value.h"

#define BIT(field) (UINT64_C(1) << (field))

static int
twice(struct flow_parse *parse, const struct flow_word *word, enum flow_field field)
{
	struct flow_slice before = parse->used[field].key;

	return flow_fail(&parse->where, word->key.at, ERR_INVALID,
		"%s was given before, as %.*s in column %zu", parse->where.name, (int)before.len,
		before.at, (size_t)(before.at - parse->where.text) + 1);
}

/* A field whose value a short word gives: it may agree with what was said, not contradict it. */
static int
imply(struct flow_parse *parse, const struct flow_word *word, enum flow_field field, uint64_t value)
{
	struct flow_rule *rule = parse->rule;

	if (flow_rule_has(rule, field)) {
		if (rule->terms[field].value[0] != value) {
			struct flow_slice before = parse->used[field].key;

			return flow_fail(&parse->where, word->key.at, ERR_INVALID,
				"%.*s contradicts %.*s in column %zu", (int)word->key.len,
				word->key.at, (int)before.len, before.at,
				(size_t)(before.at - parse->where.text) + 1);
		}
		return 0;
	}
	parse->implied |= BIT(field);
	parse->used[field] = *word;
	parse->needs[field] = FLOW_NEED_NOTHING;
	rule->present |= BIT(field);
	return flow_value_from(&parse->where, field, word->key.at, value, &rule->terms[field]);
}

static int
match_short(struct flow_parse *parse, const struct flow_known *known, const struct flow_word *word)
{
	int rc = imply(parse, word, FLOW_ETH_TYPE, known->value >> 16);

	if (rc == 0 && (known->value & 0xffff) != 0) {
		rc = imply(parse, word, FLOW_IP_PROTO, known->value & 0xffff);
	}
	return rc;
}

static int
match_tag(struct flow_parse *parse, const struct flow_known *known, const struct flow_word *word)
{
	const struct flow_where *where = &parse->where;
	enum flow_field field = (enum flow_field)known->value;
	const char *at = word->value.len > 0 ? word->value.at : word->key.at;
	uint64_t value = 0;
	uint64_t mask = 0;
	int rc;

	if (!flow_rule_has(parse->rule, field)) {
		parse->used[field] = *word;
		parse->needs[field] = FLOW_NEED_NOTHING;
	}
	switch (known->class) {
	case FLOW_WORD_TAG:
		return flow_tag_merge(parse->rule, field, FLOW_TAG, FLOW_TAG, where, at);
	case FLOW_WORD_VLAN:
		if (flow_number_scan(word->value, &value) && value == 0xffff) {
			return flow_tag_merge(parse->rule, field, 0, FLOW_TAG, where, at);
		}
		rc = flow_number_in(where, word->value, 0, FLOW_VLAN_ID, &value);
		mask = FLOW_TAG | FLOW_VLAN_ID;
		value |= FLOW_TAG;
		break;
	case FLOW_WORD_PCP:
		rc = flow_number_in(where, word->value, 0, 7, &value);
		mask = FLOW_TAG | FLOW_VLAN_PRIORITY;
		value = FLOW_TAG | value << 13;
		break;
	case FLOW_WORD_VID:
		rc = flow_masked_scan(where, word->value, 13, &value, &mask);
		return rc != 0 ? rc
			       : flow_tag_vid(parse->rule, field, (unsigned int)value,
					 (unsigned int)mask, where, at);
	default:
		rc = flow_masked_scan(where, word->value, 16, &value, &mask);
		break;
	}
	return rc != 0 ? rc
		       : flow_tag_merge(parse->rule, field, (unsigned int)value, (unsigned int)mask,
				 where, at);
}

static int
match_field(struct flow_parse *parse, const struct flow_known *known, const struct flow_word *word)
{
	enum flow_field field = (enum flow_field)known->value;
	struct flow_rule *rule = parse->rule;
	struct flow_term *term = &rule->terms[field];
	int rc;

	if (flow_rule_has(rule, field)) {
		struct flow_term again;

		if ((parse->implied & BIT(field)) == 0) {
			return twice(parse, word, field);
		}
		rc = flow_value_scan(&parse->where, field, word->value, &again);
		return rc != 0 ? rc : imply(parse, word, field, again.value[0]);
	}
	if (known->class == FLOW_WORD_TOS) {
		uint64_t tos;

		rc = flow_number_in(&parse->where, word->value, 0, 255, &tos);
		if (rc == 0 && (tos & 3) != 0) {
			return flow_fail(&parse->where, word->value.at, ERR_INVALID,
				"nw_tos %u: a multiple of 4, the low bits are nw_ecn",
				(unsigned int)tos);
		}
		rc = rc != 0
			? rc
			: flow_value_from(&parse->where, field, word->value.at, tos >> 2, term);
	} else if (field == FLOW_IN_PORT) {
		rc = flow_port_scan(&parse->where, word->value, rule->in_port);
	} else {
		rc = flow_value_scan(&parse->where, field, word->value, term);
		if (rc == 0 && !term->range && (term->mask[0] | term->mask[1]) == 0) {
			return 0; /* looks at nothing */
		}
	}
	if (rc == 0) {
		rule->present |= BIT(field);
		parse->used[field] = *word;
		parse->needs[field] = known->need;
		parse->either |= known->need == FLOW_NEED_NOTHING ? BIT(field) : 0;
	}
	return rc;
}

int
flow_match_word(
	struct flow_parse *parse, const struct flow_known *known, const struct flow_word *word)
{
	parse->where.name = known->word;
	switch (known->class) {
	case FLOW_WORD_SHORT:
	case FLOW_WORD_TAG:
		if (word->delim != '\0') {
			return flow_fail(&parse->where, word->value.at - 1, ERR_INVALID,
				"%s takes no value", known->word);
		}
		return known->class == FLOW_WORD_TAG ? match_tag(parse, known, word)
						     : match_short(parse, known, word);
	default:
		break;
	}
	if (word->delim == '\0' || word->delim == '(' || word->value.len == 0) {
		return flow_fail(&parse->where, word->key.at, ERR_INVALID,
			"%s needs a value: %s=...", known->word, known->word);
	}
	if (known->value == FLOW_VLAN_TCI || known->value == FLOW_INNER_TCI) {
		return match_tag(parse, known, word);
	}
	return match_field(parse, known, word);
}

/* nw_src with arp is arp_spa, tp_src with icmp is icmp_type. */
static int
rename_field(struct flow_parse *parse, enum flow_field from, enum flow_field to)
{
	struct flow_rule *rule = parse->rule;
	const struct flow_term *term = &rule->terms[from];

	if (!flow_rule_has(rule, from) || (parse->either & BIT(from)) == 0) {
		return 0;
	}
	parse->where.name = flow_fields[from].word;
	if (flow_rule_has(rule, to)) {
		return twice(parse, &parse->used[from], to);
	}
	if (flow_fields[to].kind == FLOW_DECIMAL &&
		(term->range || term->value[0] > UINT8_MAX ||
			!flow_mask_is_full(from, term->mask))) {
		return flow_fail(&parse->where, parse->used[from].value.at, ERR_INVALID,
			"%s %.*s: with icmp it is the %s, 0..255", parse->where.name,
			(int)parse->used[from].value.len, parse->used[from].value.at,
			flow_fields[to].word);
	}
	rule->terms[to] = *term;
	if (flow_fields[to].kind == FLOW_DECIMAL) {
		flow_mask_full(to, rule->terms[to].mask);
	}
	parse->used[to] = parse->used[from];
	parse->needs[to] = FLOW_NEED_NOTHING;
	rule->present = (rule->present & ~BIT(from)) | BIT(to);
	return 0;
}

static int
rename_all(struct flow_parse *parse)
{
	const struct flow_rule *rule = parse->rule;
	uint64_t type =
		flow_rule_has(rule, FLOW_ETH_TYPE) ? rule->terms[FLOW_ETH_TYPE].value[0] : 0;
	uint64_t proto =
		flow_rule_has(rule, FLOW_IP_PROTO) ? rule->terms[FLOW_IP_PROTO].value[0] : 0;
	int rc = 0;

	if (type == 0x0806) {
		rc = rename_field(parse, FLOW_IP4_SRC, FLOW_ARP_SPA);
		rc = rc != 0 ? rc : rename_field(parse, FLOW_IP4_DST, FLOW_ARP_TPA);
		rc = rc != 0 ? rc : rename_field(parse, FLOW_IP_PROTO, FLOW_ARP_OP);
	} else if ((type == 0x0800 && proto == 1) || (type == 0x86dd && proto == 58)) {
		rc = rename_field(parse, FLOW_L4_SRC, FLOW_ICMP_TYPE);
		rc = rc != 0 ? rc : rename_field(parse, FLOW_L4_DST, FLOW_ICMP_CODE);
	}
	return rc;
}

int
flow_match_finish(struct flow_parse *parse)
{
	const struct flow_rule *rule = parse->rule;
	int rc = rename_all(parse);

	for (uint64_t left = rule->present; rc == 0 && left != 0; left &= left - 1) {
		enum flow_field field = (enum flow_field)__builtin_ctzll(left);
		struct flow_slice key = parse->used[field].key;
		char name[32];

		if (flow_fields[field].need == FLOW_NEED_NOTHING || (parse->implied & BIT(field))) {
			continue;
		}
		memcpy(name, key.at, key.len);
		name[key.len] = '\0';
		parse->where.name = name;
		rc = flow_need_check(rule, flow_fields[field].need, &parse->where, key.at);
		if (rc == 0) {
			rc = flow_need_check(rule, parse->needs[field], &parse->where, key.at);
		}
	}
	return rc;
}
