/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/str.h"
#include "ctl/flow_tag.h"
#include "ctl/flow_text.h"
#include "ctl/flow_value.h"

struct out {
	char *to;
	size_t size;
	size_t used; /* < size, unless size is 0 */
	const char *separator; /* before the next word */
};

static void
put(struct out *out, const char *s, size_t len)
{
	if (out->size == 0) {
		return;
	}
	if (len > out->size - 1 - out->used) {
		len = out->size - 1 - out->used;
	}
	memcpy(out->to + out->used, s, len);
	out->used += len;
}

static void
put_text(struct out *out, const char *s)
{
	put(out, s, strlen(s));
}

static void
put_decimal(struct out *out, uint64_t number)
{
	char text[24];

	put(out, text, (size_t)(flow_decimal_put(text, number) - text));
}

static void
put_hex(struct out *out, uint64_t number, unsigned int digits)
{
	char text[24];

	put(out, text, (size_t)(flow_hex_put(text, number, digits) - text));
}

/* The separator and a word. */
static void
put_word(struct out *out, const char *word)
{
	put_text(out, out->separator);
	put_text(out, word);
	out->separator = ",";
}

static void
put_number(struct out *out, const char *word, uint64_t number)
{
	put_word(out, word);
	put_decimal(out, number);
}

static void
put_port(struct out *out, const char *port)
{
	bool quoted = flow_port_reserved((struct flow_slice){port, strlen(port)});

	put_text(out, quoted ? "\"" : "");
	put_text(out, port);
	put_text(out, quoted ? "\"" : "");
}

static void
put_keys(struct out *out, const struct flow_rule *rule)
{
	if (rule->op == FLOW_ADD ? rule->table != 0 : !rule->any_table) {
		put_number(out, "table=", rule->table);
	}
	if ((rule->op == FLOW_ADD || rule->strict) && rule->priority != FLOW_PRIORITY_DEFAULT) {
		put_number(out, "priority=", rule->priority);
	}
	if (rule->op == FLOW_ADD ? rule->cookie != 0 : rule->cookie_mask != 0) {
		put_word(out, "cookie=");
		put_hex(out, rule->cookie, 1);
		if (rule->op == FLOW_MODIFY || rule->cookie_mask != UINT64_MAX) {
			put_text(out, "/");
			put_hex(out, rule->cookie_mask, 1);
		}
	}
	if (rule->idle_timeout != 0) {
		put_number(out, "idle_timeout=", rule->idle_timeout);
	}
	if (rule->hard_timeout != 0) {
		put_number(out, "hard_timeout=", rule->hard_timeout);
	}
	if (rule->out_port[0] != '\0') {
		put_word(out, "out_port=");
		put_port(out, rule->out_port);
	}
}

static void
put_tag(struct out *out, enum flow_field field, const struct flow_term *term)
{
	bool inner = field == FLOW_INNER_TCI;
	uint64_t value = term->value[0];
	uint64_t mask = term->mask[0];

	switch (flow_tag_form(term)) {
	case FLOW_TAG_NONE:
		put_word(out, inner ? "inner_vlan_tci=0x0000" : "vlan_tci=0x0000");
		return;
	case FLOW_TAG_BITS:
		break;
	case FLOW_TAG_PARTS:
		if (mask == FLOW_TAG) {
			break;
		}
		if ((mask & FLOW_VLAN_ID) != 0) {
			put_number(
				out, inner ? "inner_dl_vlan=" : "dl_vlan=", value & FLOW_VLAN_ID);
		}
		if ((mask & FLOW_VLAN_PRIORITY) != 0) {
			put_number(out, inner ? "inner_dl_vlan_pcp=" : "dl_vlan_pcp=", value >> 13);
		}
		return;
	}
	put_word(out, inner ? "inner_vlan_tci=" : "vlan_tci=");
	put_hex(out, value, 4);
	put_text(out, "/");
	put_hex(out, mask, 4);
}

/* The short word of an EtherType with or without a protocol; *covers: it says the protocol too. */
static const char *
short_word(const struct flow_rule *rule, bool *covers)
{
	static const struct {
		uint16_t type;
		uint8_t proto;
		const char *word;
	} shorts[] = {
		{0x0800, 6, "tcp"},
		{0x0800, 17, "udp"},
		{0x0800, 1, "icmp"},
		{0x0800, 132, "sctp"},
		{0x86dd, 6, "tcp6"},
		{0x86dd, 17, "udp6"},
		{0x86dd, 58, "icmp6"},
		{0x86dd, 132, "sctp6"},
		{0x0800, 0, "ip"},
		{0x86dd, 0, "ipv6"},
		{0x0806, 0, "arp"},
	};
	uint64_t type = rule->terms[FLOW_ETH_TYPE].value[0];
	bool has_proto = flow_rule_has(rule, FLOW_IP_PROTO);

	for (size_t i = 0; i < ARRAY_LEN(shorts); i++) {
		*covers = shorts[i].proto != 0;
		if (shorts[i].type == type &&
			(!*covers ||
				(has_proto &&
					rule->terms[FLOW_IP_PROTO].value[0] == shorts[i].proto))) {
			return shorts[i].word;
		}
	}
	*covers = false;
	return NULL;
}

static void
put_match(struct out *out, const struct flow_rule *rule)
{
	bool covered = false;

	for (uint64_t left = rule->present; left != 0; left &= left - 1) {
		enum flow_field field = (enum flow_field)__builtin_ctzll(left);
		const struct flow_term *term = &rule->terms[field];
		const char *word = NULL;
		char value[FLOW_VALUE_SIZE];

		if (field == FLOW_VLAN_TCI || field == FLOW_INNER_TCI) {
			put_tag(out, field, term);
			continue;
		}
		if (field == FLOW_IP_PROTO && covered) {
			continue;
		}
		word = field == FLOW_ETH_TYPE ? short_word(rule, &covered) : NULL;
		if (word != NULL) {
			put_word(out, word);
			continue;
		}
		put_word(out, flow_fields[field].word);
		put_text(out, "=");
		if (field == FLOW_IN_PORT) {
			put_port(out, rule->in_port);
		} else {
			put(out, value, flow_value_format(field, term, true, value));
		}
	}
}

static void
put_set(struct out *out, const struct flow_set *set)
{
	char value[FLOW_VALUE_SIZE];

	if (set->field == FLOW_VLAN_TCI) {
		bool id = set->term.mask[0] == FLOW_VLAN_ID;

		put_text(out, set->push ? "mod" : "set");
		put_text(out, id ? "_vlan_vid:" : "_vlan_pcp:");
		put_decimal(out, id ? set->term.value[0] : set->term.value[0] >> 13);
		return;
	}
	put_text(out, "set_field:");
	put(out, value, flow_value_format(set->field, &set->term, true, value));
	put_text(out, "->");
	put_text(out, flow_fields[set->field].word);
}

static void
put_punt(struct out *out, const struct flow_action *action)
{
	put_text(out, "controller");
	if (action->reason == FLOW_PUNT_ACTION) {
		if (action->number != 0) {
			put_text(out, ":");
			put_decimal(out, action->number);
		}
		return;
	}
	put_text(out,
		action->reason == FLOW_PUNT_NO_MATCH ? "(reason=no_match" : "(reason=invalid_ttl");
	if (action->number != 0) {
		put_text(out, ",max_len=");
		put_decimal(out, action->number);
	}
	put_text(out, ")");
}

static void
put_sample(struct out *out, const struct flow_sample *sample)
{
	put_text(out, "sample(probability=");
	put_decimal(out, sample->probability);
	if (sample->collector_set != 0) {
		put_text(out, ",collector_set_id=");
		put_decimal(out, sample->collector_set);
	}
	if (sample->domain != 0) {
		put_text(out, ",obs_domain_id=");
		put_decimal(out, sample->domain);
	}
	if (sample->point != 0) {
		put_text(out, ",obs_point_id=");
		put_decimal(out, sample->point);
	}
	put_text(out, ")");
}

static void
put_output(struct out *out, const struct flow_action *action)
{
	put_text(out, action->number != 0 ? "output(port=" : "output:");
	put_port(out, action->port);
	if (action->number != 0) {
		put_text(out, ",max_len=");
		put_decimal(out, action->number);
		put_text(out, ")");
	}
}

static void
put_action(struct out *out, const struct flow_action *action)
{
	static const char *const words[FLOW_ACTION_TYPES] = {
		[FLOW_DO_BACK] = "in_port",
		[FLOW_DO_NORMAL] = "normal",
		[FLOW_DO_FLOOD] = "flood",
		[FLOW_DO_PUSH_VLAN] = "push_vlan:",
		[FLOW_DO_POP_VLAN] = "pop_vlan",
		[FLOW_DO_DEC_TTL] = "dec_ttl",
		[FLOW_DO_METER] = "meter:",
		[FLOW_DO_GROUP] = "group:",
		[FLOW_DO_GOTO_TABLE] = "goto_table:",
	};

	put_word(out, words[action->type] == NULL ? "" : words[action->type]);
	switch (action->type) {
	case FLOW_DO_OUTPUT:
		put_output(out, action);
		break;
	case FLOW_DO_SET_FIELD:
		put_set(out, &action->set);
		break;
	case FLOW_DO_PUNT:
		put_punt(out, action);
		break;
	case FLOW_DO_SAMPLE:
		put_sample(out, &action->sample);
		break;
	case FLOW_DO_PUSH_VLAN:
		put_hex(out, action->number, 4);
		break;
	case FLOW_DO_METER:
	case FLOW_DO_GROUP:
	case FLOW_DO_GOTO_TABLE:
		put_decimal(out, action->number);
		break;
	default:
		break;
	}
}

size_t
flow_text_print(const struct flow_rule *rule, char *to, size_t size)
{
	struct out out = {.to = to, .size = size, .separator = ""};

	put_keys(&out, rule);
	put_match(&out, rule);
	if (rule->op != FLOW_DELETE) {
		put_word(&out, "actions=");
		out.separator = "";
		for (uint32_t i = 0; i < rule->n_actions; i++) {
			put_action(&out, &rule->actions[i]);
		}
		if (rule->n_actions == 0) {
			put_text(&out, "drop");
		}
	}
	if (size > 0) {
		to[out.used] = '\0';
	}
	return out.used;
}
