/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "ctl/flow_json_read.h"
#include "ctl/flow_value.h"

/* An action's object and where it stands. */
struct reader {
	const json_t *object;
	struct flow_where *where;
	char path[32]; /* actions/7 */
};

/* The members of each type, besides "type". */
static const char *const members[FLOW_ACTION_TYPES][5] = {
	[FLOW_DO_OUTPUT] = {"port", "max-length"},
	[FLOW_DO_PUSH_VLAN] = {"ethertype"},
	[FLOW_DO_SET_FIELD] = {"field", "value", "push"},
	[FLOW_DO_METER] = {"meter"},
	[FLOW_DO_GROUP] = {"group"},
	[FLOW_DO_GOTO_TABLE] = {"table"},
	[FLOW_DO_PUNT] = {"max-length", "reason"},
	[FLOW_DO_SAMPLE] = {"probability", "collector-set-id", "observation-domain-id",
		"observation-point-id"},
};

static const json_t *
member(struct reader *reader, const char *name)
{
	flow_json_at(reader->where, reader->path, name);
	return json_object_get(reader->object, name);
}

/* A number that may be absent: then 0. */
static int
optional(struct reader *reader, const char *name, uint64_t min, uint64_t max, uint32_t *out)
{
	const json_t *value = member(reader, name);
	uint64_t number = 0;
	int rc = value == NULL ? 0 : flow_json_number(reader->where, value, min, max, &number);

	*out = (uint32_t)number;
	return rc;
}

static int
required(struct reader *reader, const char *name, const json_t **out)
{
	*out = member(reader, name);
	return *out != NULL ? 0 : flow_fail(reader->where, NULL, ERR_INVALID, "is missing");
}

static int
required_number(struct reader *reader, const char *name, uint64_t min, uint64_t max, uint32_t *out)
{
	const json_t *value;
	int rc = required(reader, name, &value);

	return rc != 0 ? rc : optional(reader, name, min, max, out);
}

static int
read_output(struct reader *reader, struct flow_action *action)
{
	struct flow_slice slice;
	const json_t *value;
	int rc = required(reader, "port", &value);

	rc = rc != 0 ? rc : flow_json_slice(reader->where, value, &slice);
	rc = rc != 0 ? rc : flow_port_scan(reader->where, slice, action->port);
	return rc != 0
		? rc
		: optional(reader, "max-length", FLOW_OUTPUT_MIN, UINT16_MAX, &action->number);
}

static int
read_push_vlan(struct reader *reader, struct flow_action *action)
{
	struct flow_slice slice;
	const json_t *value;
	uint64_t type = 0;
	int rc = required(reader, "ethertype", &value);

	rc = rc != 0 ? rc : flow_json_slice(reader->where, value, &slice);
	if (rc == 0 && (!flow_number_scan(slice, &type) || (type != 0x8100 && type != 0x88a8))) {
		return flow_fail(reader->where, NULL, ERR_INVALID, "must be 0x8100 or 0x88a8");
	}
	action->number = (uint32_t)type;
	return rc;
}

static int
read_set_tag(struct reader *reader, bool id, struct flow_set *set)
{
	const json_t *push = member(reader, "push");
	uint32_t number = 0;
	int rc;

	if (push != NULL && !json_is_boolean(push)) {
		return flow_fail(reader->where, NULL, ERR_INVALID, "must be true or false");
	}
	rc = required_number(reader, "value", 0, id ? FLOW_VLAN_ID : 7, &number);
	set->field = FLOW_VLAN_TCI;
	set->push = json_is_true(push);
	set->term = (struct flow_term){
		.value = {id ? number : number << 13, 0},
		.mask = {id ? FLOW_VLAN_ID : FLOW_VLAN_PRIORITY, 0},
	};
	return rc;
}

static int
read_set(struct reader *reader, struct flow_action *action)
{
	struct flow_set *set = &action->set;
	const json_t *value;
	const char *name;
	int rc = required(reader, "field", &value);

	if (rc != 0) {
		return rc;
	}
	name = json_string_value(value);
	if (name == NULL) {
		return flow_fail(reader->where, NULL, ERR_INVALID, "must be a string");
	}
	if (strcmp(name, "vlan-id") == 0 || strcmp(name, "vlan-priority") == 0) {
		return read_set_tag(reader, strcmp(name, "vlan-id") == 0, set);
	}
	set->field = flow_json_field(name);
	set->push = false;
	if (set->field == FLOW_FIELDS || set->field == FLOW_VLAN_TCI ||
		(flow_fields[set->field].flags & FLOW_SET) == 0) {
		return flow_fail(
			reader->where, NULL, ERR_UNSUPPORTED, "'%.40s' cannot be set", name);
	}
	if (member(reader, "push") != NULL) {
		return flow_fail(
			reader->where, NULL, ERR_INVALID, "is for vlan-id and vlan-priority");
	}
	rc = required(reader, "value", &value);
	rc = rc != 0 ? rc : flow_json_value(reader->where, set->field, value, &set->term);
	if (rc == 0 && set->term.range) {
		return flow_fail(reader->where, NULL, ERR_INVALID, "a range cannot be set");
	}
	if (rc == 0 && (set->term.mask[0] | set->term.mask[1]) == 0) {
		return flow_fail(reader->where, NULL, ERR_INVALID, "a mask of 0 sets nothing");
	}
	reader->where->name = flow_fields[set->field].json;
	return rc;
}

static int
read_punt(struct reader *reader, struct flow_action *action)
{
	static const char *const reasons[] = {"action", "no-match", "invalid-ttl"};
	int rc = optional(reader, "max-length", 1, UINT16_MAX, &action->number);
	const json_t *value;

	if (action->number == UINT16_MAX) {
		action->number = 0; /* all of it */
	}
	value = rc == 0 ? member(reader, "reason") : NULL;
	if (rc != 0 || value == NULL) {
		return rc;
	}
	for (size_t i = 0; json_is_string(value) && i < ARRAY_LEN(reasons); i++) {
		if (strcmp(json_string_value(value), reasons[i]) == 0) {
			action->reason = (enum flow_punt_reason)i;
			return 0;
		}
	}
	return flow_fail(
		reader->where, NULL, ERR_INVALID, "must be action, no-match or invalid-ttl");
}

static int
read_sample(struct reader *reader, struct flow_sample *sample)
{
	int rc = required_number(reader, "probability", 1, UINT16_MAX, &sample->probability);

	rc = rc != 0 ? rc
		     : optional(reader, "collector-set-id", 0, UINT32_MAX, &sample->collector_set);
	rc = rc != 0 ? rc
		     : optional(reader, "observation-domain-id", 0, UINT32_MAX, &sample->domain);
	return rc != 0 ? rc
		       : optional(reader, "observation-point-id", 0, UINT32_MAX, &sample->point);
}

static int
read_type(struct reader *reader, struct flow_action *action)
{
	const json_t *value;
	struct suggest suggest;
	const char *name;
	int rc = required(reader, "type", &value);

	if (rc != 0) {
		return rc;
	}
	name = json_string_value(value);
	if (name == NULL) {
		return flow_fail(reader->where, NULL, ERR_INVALID, "must be a string");
	}
	suggest_init(&suggest, name, strlen(name));
	for (unsigned int type = 0; type < FLOW_ACTION_TYPES; type++) {
		if (strcmp(name, flow_action_names[type]) == 0) {
			action->type = (enum flow_action_type)type;
			return 0;
		}
	}
	for (unsigned int type = 0; type < FLOW_ACTION_TYPES; type++) {
		suggest_offer(&suggest, flow_action_names[type]);
	}
	return flow_fail(reader->where, NULL, ERR_UNKNOWN, "unknown action '%.40s'%s", name,
		suggest_text(&suggest));
}

/* No member that its type does not have. */
static int
check_members(struct reader *reader, const struct flow_action *action)
{
	const char *const *known = members[action->type];
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)reader->object, name, value) {
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], name) != 0) {
			i++;
		}
		if (known[i] == NULL && strcmp(name, "type") != 0) {
			flow_json_at(reader->where, reader->path, name);
			return flow_json_unknown(reader->where, name, known, false);
		}
	}
	return 0;
}

static int
read_action(struct reader *reader, struct flow_action *action)
{
	int rc = read_type(reader, action);

	rc = rc != 0 ? rc : check_members(reader, action);
	if (rc != 0) {
		return rc;
	}
	switch (action->type) {
	case FLOW_DO_OUTPUT:
		return read_output(reader, action);
	case FLOW_DO_PUSH_VLAN:
		return read_push_vlan(reader, action);
	case FLOW_DO_SET_FIELD:
		return read_set(reader, action);
	case FLOW_DO_METER:
		return required_number(reader, "meter", 1, FLOW_METER_MAX, &action->number);
	case FLOW_DO_GROUP:
		return required_number(reader, "group", 0, FLOW_GROUP_MAX, &action->number);
	case FLOW_DO_GOTO_TABLE:
		return required_number(reader, "table", 0, FLOW_TABLE_MAX, &action->number);
	case FLOW_DO_PUNT:
		return read_punt(reader, action);
	case FLOW_DO_SAMPLE:
		return read_sample(reader, &action->sample);
	default:
		return 0;
	}
}

int
flow_json_actions(const json_t *actions, struct flow_rule *rule, struct flow_where *where)
{
	if (!json_is_array(actions)) {
		return flow_fail(where, NULL, ERR_INVALID, "must be an array");
	}
	for (size_t i = 0; i < json_array_size(actions); i++) {
		struct reader reader = {.object = json_array_get(actions, i), .where = where};
		struct flow_action action = {.number = 0};
		int rc;

		(void)snprintf(reader.path, sizeof(reader.path), "actions/%zu", i);
		flow_json_at(where, "", reader.path);
		if (!json_is_object(reader.object)) {
			return flow_fail(where, NULL, ERR_INVALID, "must be an object");
		}
		rc = read_action(&reader, &action);
		if (rc != 0) {
			return rc;
		}
		(void)snprintf(where->path, sizeof(where->path), "%s", reader.path);
		rc = flow_action_add(rule, &action, where, NULL);
		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}
