/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_json_read.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "ctl/flow_json.h"
#include "ctl/flow_tag.h"
#include "ctl/flow_value.h"

#define NAME_SHOWN 40 /* bytes of a member's name in an error's path */

/* Members of the match that speak of a part of a tag. */
enum tag_part { PART_ID, PART_PRIORITY, PART_TAGGED, PART_TCI };

static const struct {
	const char *name;
	enum flow_field field;
	enum tag_part part;
} tag_members[] = {
	{"vlan-id", FLOW_VLAN_TCI, PART_ID},
	{"vlan-priority", FLOW_VLAN_TCI, PART_PRIORITY},
	{"vlan-tagged", FLOW_VLAN_TCI, PART_TAGGED},
	{"vlan-tci", FLOW_VLAN_TCI, PART_TCI},
	{"inner-vlan-id", FLOW_INNER_TCI, PART_ID},
	{"inner-vlan-priority", FLOW_INNER_TCI, PART_PRIORITY},
	{"inner-vlan-tagged", FLOW_INNER_TCI, PART_TAGGED},
	{"inner-vlan-tci", FLOW_INNER_TCI, PART_TCI},
};

static const char *const tag_names[] = {"vlan-id", "vlan-priority", "vlan-tagged", "inner-vlan-id",
	"inner-vlan-priority", "inner-vlan-tagged", NULL};

void
flow_json_at(struct flow_where *where, const char *prefix, const char *name)
{
	/* for each member of each rule: snprintf would cost a tenth of the reading */
	char *at = where->path;
	size_t len = strlen(prefix);

	assert(len < sizeof(where->path) - NAME_SHOWN - 1);
	memcpy(at, prefix, len);
	at += len;
	if (len > 0) {
		*at++ = '/';
	}
	len = strnlen(name, NAME_SHOWN);
	memcpy(at, name, len);
	at[len] = '\0';
	where->name = name;
}

int
flow_json_number(const struct flow_where *where, const json_t *value, uint64_t min, uint64_t max,
	uint64_t *out)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value)) {
		return flow_fail(where, NULL, ERR_INVALID, "must be a whole number, %llu..%llu",
			(unsigned long long)min, (unsigned long long)max);
	}
	if (number < 0 || (uint64_t)number < min || (uint64_t)number > max) {
		return flow_fail(where, NULL, ERR_INVALID, "%lld: %llu..%llu", (long long)number,
			(unsigned long long)min, (unsigned long long)max);
	}
	*out = (uint64_t)number;
	return 0;
}

int
flow_json_slice(const struct flow_where *where, const json_t *value, struct flow_slice *out)
{
	if (!json_is_string(value)) {
		return flow_fail(where, NULL, ERR_INVALID, "must be a string");
	}
	out->at = json_string_value(value);
	out->len = json_string_length(value);
	return 0;
}

int
flow_json_value(const struct flow_where *where, enum flow_field field, const json_t *value,
	struct flow_term *term)
{
	struct flow_slice slice;
	uint64_t full[2];
	uint64_t number;
	int rc;

	if (flow_fields[field].kind == FLOW_DECIMAL) {
		flow_mask_full(field, full);
		rc = flow_json_number(where, value, 0, full[0], &number);
		return rc != 0 ? rc : flow_value_from(where, field, NULL, number, term);
	}
	rc = flow_json_slice(where, value, &slice);
	return rc != 0 ? rc : flow_value_scan(where, field, slice, term);
}

enum flow_field
flow_json_field(const char *name)
{
	unsigned int field = 0;

	while (field < FLOW_FIELDS && strcmp(flow_fields[field].json, name) != 0) {
		field++;
	}
	return (enum flow_field)field;
}

int
flow_json_unknown(
	const struct flow_where *where, const char *name, const char *const *names, bool fields)
{
	struct suggest suggest;

	suggest_init(&suggest, name, strlen(name));
	for (; *names != NULL; names++) {
		suggest_offer(&suggest, *names);
	}
	for (unsigned int field = 0; fields && field < FLOW_FIELDS; field++) {
		suggest_offer(&suggest, flow_fields[field].json);
	}
	return flow_fail(
		where, NULL, ERR_UNKNOWN, "no member of this name%s", suggest_text(&suggest));
}

/* ---- match ---- */

static int
read_tag(struct flow_rule *rule, struct flow_where *where, enum flow_field field,
	enum tag_part part, const json_t *value)
{
	struct flow_slice slice;
	uint64_t number = 0;
	uint64_t mask = FLOW_TAG;
	int rc;

	switch (part) {
	case PART_ID:
		rc = flow_json_number(where, value, 0, FLOW_VLAN_ID, &number);
		number |= FLOW_TAG;
		mask |= FLOW_VLAN_ID;
		break;
	case PART_PRIORITY:
		rc = flow_json_number(where, value, 0, 7, &number);
		number = FLOW_TAG | number << 13;
		mask |= FLOW_VLAN_PRIORITY;
		break;
	case PART_TAGGED:
		if (!json_is_boolean(value)) {
			return flow_fail(where, NULL, ERR_INVALID, "must be true or false");
		}
		number = json_is_true(value) ? FLOW_TAG : 0;
		rc = 0;
		break;
	default:
		rc = flow_json_slice(where, value, &slice);
		rc = rc != 0 ? rc : flow_masked_scan(where, slice, 16, &number, &mask);
		break;
	}
	return rc != 0 ? rc
		       : flow_tag_merge(rule, field, (unsigned int)number, (unsigned int)mask,
				 where, NULL);
}

static int
read_term(struct flow_rule *rule, struct flow_where *where, enum flow_field field,
	const json_t *value)
{
	struct flow_term *term = &rule->terms[field];
	struct flow_slice slice;
	int rc;

	if (field == FLOW_IN_PORT) {
		rc = flow_json_slice(where, value, &slice);
		rc = rc != 0 ? rc : flow_port_scan(where, slice, rule->in_port);
	} else {
		rc = flow_json_value(where, field, value, term);
		if (rc == 0 && !term->range && (term->mask[0] | term->mask[1]) == 0) {
			return 0; /* looks at nothing */
		}
	}
	rule->present |= rc == 0 ? UINT64_C(1) << field : 0;
	return rc;
}

static int
read_member(struct flow_rule *rule, struct flow_where *where, const char *name, const json_t *value)
{
	enum flow_field field;

	flow_json_at(where, "match", name);
	for (size_t i = 0; i < ARRAY_LEN(tag_members); i++) {
		if (strcmp(tag_members[i].name, name) == 0) {
			return read_tag(
				rule, where, tag_members[i].field, tag_members[i].part, value);
		}
	}
	field = flow_json_field(name);
	return field == FLOW_FIELDS ? flow_json_unknown(where, name, tag_names, true)
				    : read_term(rule, where, field, value);
}

static int
read_match(const json_t *match, struct flow_rule *rule, struct flow_where *where)
{
	const char *name;
	json_t *value;
	int rc = 0;

	if (match == NULL) {
		return 0;
	}
	flow_json_at(where, "", "match");
	if (!json_is_object(match)) {
		return flow_fail(where, NULL, ERR_INVALID, "must be an object");
	}
	/* jansson's iteration wants a mutable object and changes nothing */
	json_object_foreach ((json_t *)(uintptr_t)match, name, value) {
		rc = read_member(rule, where, name, value);
		if (rc != 0) {
			return rc;
		}
	}
	for (uint64_t left = rule->present; rc == 0 && left != 0; left &= left - 1) {
		enum flow_field field = (enum flow_field)__builtin_ctzll(left);

		flow_json_at(where, "match", flow_fields[field].json);
		rc = flow_need_check(rule, flow_fields[field].need, where, NULL);
	}
	return rc;
}

/* ---- what stands beside the match ---- */

enum member { TABLE, PRIORITY, IDLE, HARD, COOKIE, OUT_PORT, ACTIONS, OTHER };

static const char *const member_names[] = {
	[TABLE] = "table",
	[PRIORITY] = "priority",
	[IDLE] = "idle-timeout",
	[HARD] = "hard-timeout",
	[COOKIE] = "cookie",
	[OUT_PORT] = "out-port",
	[ACTIONS] = "actions",
	[OTHER] = "op",
	"strict",
	"match",
	"statistics",
	NULL,
};

static int
read_op(const json_t *json, struct flow_rule *rule, struct flow_where *where)
{
	static const char *const names[] = {"add", "modify", "delete"};
	const json_t *op = json_object_get(json, "op");
	const json_t *strict = json_object_get(json, "strict");
	const char *name = op == NULL ? "add" : json_string_value(op);
	size_t i = 0;

	while (i < ARRAY_LEN(names) && (name == NULL || strcmp(name, names[i]) != 0)) {
		i++;
	}
	flow_json_at(where, "", "op");
	if (i == ARRAY_LEN(names)) {
		return flow_fail(where, NULL, ERR_INVALID, "must be add, modify or delete");
	}
	flow_rule_init(rule, (enum flow_op)i, json_is_true(strict));
	flow_json_at(where, "", "strict");
	if (strict != NULL && !json_is_boolean(strict)) {
		return flow_fail(where, NULL, ERR_INVALID, "must be true or false");
	}
	if (rule->strict && rule->op == FLOW_ADD) {
		return flow_fail(where, NULL, ERR_INVALID, "only modify and delete can be strict");
	}
	return 0;
}

static int
member_allowed(const struct flow_rule *rule, enum member member, const struct flow_where *where)
{
	const char *why = NULL;

	if (member == PRIORITY && rule->op != FLOW_ADD && !rule->strict) {
		why = "is looked at only by the strict form";
	} else if ((member == IDLE || member == HARD) && rule->op != FLOW_ADD) {
		why = "can be given only when a rule is added";
	} else if (member == OUT_PORT && rule->op != FLOW_DELETE) {
		why = "can be given only when rules are deleted";
	} else if (member == ACTIONS && rule->op == FLOW_DELETE) {
		why = "cannot be given when rules are deleted";
	}
	return why == NULL ? 0 : flow_fail(where, NULL, ERR_INVALID, "%s", why);
}

static int
read_cookie(struct flow_rule *rule, const struct flow_where *where, const json_t *value)
{
	struct flow_slice slice;
	int rc = flow_json_slice(where, value, &slice);

	if (rc != 0) {
		return rc;
	}
	if (rule->op == FLOW_ADD && slice.len > 0 && memchr(slice.at, '/', slice.len) != NULL) {
		return flow_fail(where, NULL, ERR_INVALID, "takes no mask when a rule is added");
	}
	return flow_masked_scan(where, slice, 64, &rule->cookie, &rule->cookie_mask);
}

static int
read_key(struct flow_rule *rule, struct flow_where *where, const char *name, const json_t *value)
{
	enum member member = 0;
	struct flow_slice slice;
	uint64_t number = 0;
	int rc;

	while (member < OTHER && strcmp(member_names[member], name) != 0) {
		member++;
	}
	flow_json_at(where, "", name);
	rc = member_allowed(rule, member, where);
	if (rc != 0) {
		return rc;
	}
	switch (member) {
	case TABLE:
		rc = flow_json_number(where, value, 0, FLOW_TABLE_MAX, &number);
		rule->table = (uint8_t)number;
		rule->any_table = false;
		return rc;
	case PRIORITY:
	case IDLE:
	case HARD:
		rc = flow_json_number(where, value, 0, UINT16_MAX, &number);
		*(member == PRIORITY             ? &rule->priority
				: member == IDLE ? &rule->idle_timeout
						 : &rule->hard_timeout) = (uint16_t)number;
		return rc;
	case COOKIE:
		return read_cookie(rule, where, value);
	case OUT_PORT:
		rc = flow_json_slice(where, value, &slice);
		return rc != 0 ? rc : flow_port_scan(where, slice, rule->out_port);
	default:
		break;
	}
	for (size_t i = ACTIONS; member_names[i] != NULL; i++) {
		if (strcmp(member_names[i], name) == 0) {
			return 0;
		}
	}
	return flow_json_unknown(where, name, member_names, false);
}

int
flow_json_read(const json_t *json, struct flow_rule *rule, struct err *err)
{
	struct flow_where where = {.err = err, .name = "", .path = "rule"};
	const json_t *actions = json_object_get(json, "actions");
	const char *name;
	json_t *value;
	int rc;

	if (!json_is_object(json)) {
		return flow_fail(&where, NULL, ERR_INVALID, "must be an object");
	}
	rc = read_op(json, rule, &where);
	if (rc != 0) {
		return rc;
	}
	json_object_foreach ((json_t *)(uintptr_t)json, name, value) {
		rc = read_key(rule, &where, name, value);
		if (rc != 0) {
			return rc;
		}
	}
	rc = read_match(json_object_get(json, "match"), rule, &where);
	if (rc != 0 || rule->op == FLOW_DELETE) {
		return rc;
	}
	flow_json_at(&where, "", "actions");
	if (actions == NULL) {
		return flow_fail(&where, NULL, ERR_INVALID, "is missing ([] drops)");
	}
	return flow_json_actions(actions, rule, &where);
}
