/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/flow_json.h"
#include "ctl/flow_tag.h"
#include "ctl/flow_text.h"
#include "ctl/flow_value.h"

/* All that is put in is ours and ASCII: no need to look for wrong UTF-8. */
static bool
put(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new_nocheck(object, name, value) == 0;
}

static bool
put_text(json_t *object, const char *name, const char *text)
{
	return put(object, name, json_string_nocheck(text));
}

static bool
put_number(json_t *object, const char *name, uint64_t number)
{
	return put(object, name, json_integer((json_int_t)number));
}

static bool
put_hex(json_t *object, const char *name, uint64_t value, unsigned int digits)
{
	char text[24];

	*flow_hex_put(text, value, digits) = '\0';
	return put_text(object, name, text);
}

static bool
put_cookie(json_t *object, const struct flow_rule *rule)
{
	char text[48];
	char *end = flow_hex_put(text, rule->cookie, 1);

	if (rule->op == FLOW_ADD ? rule->cookie == 0 : rule->cookie_mask == 0) {
		return true;
	}
	if (rule->cookie_mask != UINT64_MAX) {
		*end++ = '/';
		end = flow_hex_put(end, rule->cookie_mask, 1);
	}
	*end = '\0';
	return put_text(object, "cookie", text);
}

static bool
put_keys(json_t *object, const struct flow_rule *rule)
{
	bool ok = true;

	if (rule->op != FLOW_ADD) {
		ok = put_text(object, "op", rule->op == FLOW_MODIFY ? "modify" : "delete");
	}
	if (rule->strict) {
		ok = put(object, "strict", json_true()) && ok;
	}
	if (rule->op == FLOW_ADD ? rule->table != 0 : !rule->any_table) {
		ok = put_number(object, "table", rule->table) && ok;
	}
	if ((rule->op == FLOW_ADD || rule->strict) && rule->priority != FLOW_PRIORITY_DEFAULT) {
		ok = put_number(object, "priority", rule->priority) && ok;
	}
	ok = put_cookie(object, rule) && ok;
	if (rule->idle_timeout != 0) {
		ok = put_number(object, "idle-timeout", rule->idle_timeout) && ok;
	}
	if (rule->hard_timeout != 0) {
		ok = put_number(object, "hard-timeout", rule->hard_timeout) && ok;
	}
	if (rule->out_port[0] != '\0') {
		ok = put_text(object, "out-port", rule->out_port) && ok;
	}
	return ok;
}

static bool
put_value(json_t *object, const char *name, enum flow_field field, const struct flow_term *term)
{
	char text[FLOW_VALUE_SIZE];

	if (flow_fields[field].kind == FLOW_DECIMAL) {
		return put_number(object, name, term->value[0]);
	}
	(void)flow_value_format(field, term, false, text);
	return put_text(object, name, text);
}

static bool
put_tag(json_t *match, enum flow_field field, const struct flow_term *term)
{
	bool inner = field == FLOW_INNER_TCI;
	bool ok = true;

	switch (flow_tag_form(term)) {
	case FLOW_TAG_NONE:
		return put(match, inner ? "inner-vlan-tagged" : "vlan-tagged", json_false());
	case FLOW_TAG_BITS:
		return put_value(match, flow_fields[field].json, field, term);
	case FLOW_TAG_PARTS:
		break;
	}
	if (term->mask[0] == FLOW_TAG) {
		return put(match, inner ? "inner-vlan-tagged" : "vlan-tagged", json_true());
	}
	if ((term->mask[0] & FLOW_VLAN_ID) != 0) {
		ok = put_number(
			match, inner ? "inner-vlan-id" : "vlan-id", term->value[0] & FLOW_VLAN_ID);
	}
	if ((term->mask[0] & FLOW_VLAN_PRIORITY) != 0) {
		ok = put_number(match, inner ? "inner-vlan-priority" : "vlan-priority",
			     term->value[0] >> 13) &&
			ok;
	}
	return ok;
}

static json_t *
match_new(const struct flow_rule *rule)
{
	json_t *match = json_object();
	bool ok = match != NULL;

	for (uint64_t left = rule->present; ok && left != 0; left &= left - 1) {
		enum flow_field field = (enum flow_field)__builtin_ctzll(left);
		const struct flow_term *term = &rule->terms[field];

		if (field == FLOW_IN_PORT) {
			ok = put_text(match, flow_fields[field].json, rule->in_port);
		} else if (field == FLOW_VLAN_TCI || field == FLOW_INNER_TCI) {
			ok = put_tag(match, field, term);
		} else {
			ok = put_value(match, flow_fields[field].json, field, term);
		}
	}
	if (!ok) {
		json_decref(match);
		return NULL;
	}
	return match;
}

static bool
put_set(json_t *object, const struct flow_set *set)
{
	bool id = set->term.mask[0] == FLOW_VLAN_ID;
	bool ok;

	if (set->field != FLOW_VLAN_TCI) {
		return put_text(object, "field", flow_fields[set->field].json) &&
			put_value(object, "value", set->field, &set->term);
	}
	ok = put_text(object, "field", id ? "vlan-id" : "vlan-priority") &&
		put_number(object, "value", id ? set->term.value[0] : set->term.value[0] >> 13);
	if (set->push) {
		ok = put(object, "push", json_true()) && ok;
	}
	return ok;
}

static bool
put_sample(json_t *object, const struct flow_sample *sample)
{
	bool ok = put_number(object, "probability", sample->probability);

	if (sample->collector_set != 0) {
		ok = put_number(object, "collector-set-id", sample->collector_set) && ok;
	}
	if (sample->domain != 0) {
		ok = put_number(object, "observation-domain-id", sample->domain) && ok;
	}
	if (sample->point != 0) {
		ok = put_number(object, "observation-point-id", sample->point) && ok;
	}
	return ok;
}

static json_t *
action_new(const struct flow_action *action)
{
	json_t *object = json_object();
	bool ok = put_text(object, "type", flow_action_names[action->type]);

	switch (action->type) {
	case FLOW_DO_OUTPUT:
		ok = put_text(object, "port", action->port) && ok;
		break;
	case FLOW_DO_PUSH_VLAN:
		ok = put_hex(object, "ethertype", action->number, 4) && ok;
		break;
	case FLOW_DO_SET_FIELD:
		ok = put_set(object, &action->set) && ok;
		break;
	case FLOW_DO_METER:
		ok = put_number(object, "meter", action->number) && ok;
		break;
	case FLOW_DO_GROUP:
		ok = put_number(object, "group", action->number) && ok;
		break;
	case FLOW_DO_GOTO_TABLE:
		ok = put_number(object, "table", action->number) && ok;
		break;
	case FLOW_DO_SAMPLE:
		ok = put_sample(object, &action->sample) && ok;
		break;
	default:
		break;
	}
	if ((action->type == FLOW_DO_OUTPUT || action->type == FLOW_DO_PUNT) &&
		action->number != 0) {
		ok = put_number(object, "max-length", action->number) && ok;
	}
	if (action->type == FLOW_DO_PUNT && action->reason != FLOW_PUNT_ACTION) {
		ok = put_text(object, "reason",
			     action->reason == FLOW_PUNT_NO_MATCH ? "no-match" : "invalid-ttl") &&
			ok;
	}
	if (!ok) {
		json_decref(object);
		return NULL;
	}
	return object;
}

json_t *
flow_json_new(const struct flow_rule *rule)
{
	json_t *object = json_object();
	json_t *actions;
	bool ok = object != NULL && put_keys(object, rule);

	if (ok && rule->present != 0) {
		ok = put(object, "match", match_new(rule));
	}
	if (ok && rule->op != FLOW_DELETE) {
		actions = json_array();
		ok = put(object, "actions", actions);
		for (uint32_t i = 0; ok && i < rule->n_actions; i++) {
			ok = json_array_append_new(actions, action_new(&rule->actions[i])) == 0;
		}
	}
	if (!ok) {
		json_decref(object);
		return NULL;
	}
	return object;
}

int
flow_json_from_text(const char *text, size_t len, json_t **out, struct err *err)
{
	struct flow_rule rule;
	int rc = flow_text_parse_op(text, len, &rule, err);

	if (rc != 0) {
		return rc;
	}
	*out = flow_json_new(&rule);
	return *out != NULL ? 0 : err_set(err, ERR_LIMIT, NULL, "no memory for the rule");
}

int
flow_json_to_text(const json_t *json, char **out, struct err *err)
{
	struct flow_rule rule;
	char text[FLOW_TEXT_MAX + 1];
	int rc = flow_json_read(json, &rule, err);

	if (rc != 0) {
		return rc;
	}
	(void)flow_text_print(&rule, text, sizeof(text));
	*out = strdup(text);
	return *out != NULL ? 0 : err_set(err, ERR_LIMIT, NULL, "no memory for the rule");
}
