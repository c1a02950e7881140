/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_actions.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_text.h"
#include "vswitchd/flow_place.h"

#define PATH_SIZE 32

/* --- setting of fields -------------------------------------------------------------------------
 */

/* What is set. FLOW_VLAN_TCI is two fields. */
static const enum flow_field set_fields[ACTION_FIELDS] = {
	[ACTION_ETH_SRC] = FLOW_ETH_SRC,
	[ACTION_ETH_DST] = FLOW_ETH_DST,
	[ACTION_VLAN_VID] = FLOW_VLAN_TCI,
	[ACTION_VLAN_PCP] = FLOW_VLAN_TCI,
	[ACTION_IP4_SRC] = FLOW_IP4_SRC,
	[ACTION_IP4_DST] = FLOW_IP4_DST,
	[ACTION_IP6_SRC] = FLOW_IP6_SRC,
	[ACTION_IP6_DST] = FLOW_IP6_DST,
	[ACTION_IP_DSCP] = FLOW_IP_DSCP,
	[ACTION_IP_ECN] = FLOW_IP_ECN,
	[ACTION_IP_TTL] = FLOW_IP_TTL,
	[ACTION_L4_SRC] = FLOW_L4_SRC,
	[ACTION_L4_DST] = FLOW_L4_DST,
	[ACTION_REG0] = FLOW_REG0,
	[ACTION_REG0 + 1] = FLOW_REG1,
	[ACTION_REG0 + 2] = FLOW_REG2,
	[ACTION_REG0 + 3] = FLOW_REG3,
	[ACTION_REG0 + 4] = FLOW_REG4,
	[ACTION_REG0 + 5] = FLOW_REG5,
	[ACTION_REG0 + 6] = FLOW_REG6,
	[ACTION_REG0 + 7] = FLOW_REG7,
};

/* What was written, one of those that can be set, is which of the datapath's fields. */
static enum action_field
set_field(const struct flow_set *set)
{
	if (set->field == FLOW_VLAN_TCI) {
		return set->term.mask[0] == FLOW_VLAN_ID ? ACTION_VLAN_VID : ACTION_VLAN_PCP;
	}
	for (unsigned int i = 0; i < ACTION_FIELDS; i++) {
		if (set_fields[i] == set->field) {
			return (enum action_field)i;
		}
	}
	assert(false);
	return ACTION_FIELDS;
}

static void
make_set(struct action_builder *builder, const struct flow_set *set)
{
	struct fields value = {.pass = 0};
	struct fields mask = {.pass = 0};

	flow_place_put(&value, set->field, set->term.value);
	flow_place_put(&mask, set->field, set->term.mask);
	action_add_set(builder, set_field(set), set->push, &value, &mask);
}

static void
tell_set(const struct action *action, struct flow_set *set)
{
	const unsigned int word = action_field_word((enum action_field)action->arg);
	struct fields value = {.pass = 0};
	struct fields mask = {.pass = 0};

	for (unsigned int i = 0; i < action->n_words / 2U; i++) {
		fields_set_word(&value, word + i, action->words[2 * i]);
		fields_set_word(&mask, word + i, action->words[2 * i + 1]);
	}
	set->field = set_fields[action->arg];
	set->push = action->number != 0;
	set->term.range = false;
	flow_place_get(&value, set->field, set->term.value);
	flow_place_get(&mask, set->field, set->term.mask);
}

/* --- making a list -----------------------------------------------------------------------------
 */

static const enum punt_reason punt_reasons[] = {
	[FLOW_PUNT_ACTION] = PUNT_ACTION,
	[FLOW_PUNT_NO_MATCH] = PUNT_NO_MATCH,
	[FLOW_PUNT_INVALID_TTL] = PUNT_INVALID_TTL,
};

static int
make_output(struct action_builder *builder, const struct flow_action *action,
	const struct port_namer *namer, const char *path, struct err *err) ON_MAIN
{
	uint16_t number;
	int rc = port_namer_get(namer, action->port, path, &number, err);

	if (rc == 0) {
		action_add(builder, ACTION_OUTPUT, (uint16_t)action->number, number, NULL, 0);
	}
	return rc;
}

/* Actions but output and goto-table, which can be wrong. */
static void
make_plain(struct action_builder *builder, const struct flow_action *action)
{
	const struct flow_sample *sample = &action->sample;
	uint64_t from;

	switch (action->type) {
	case FLOW_DO_BACK:
		action_add(builder, ACTION_IN_PORT, 0, 0, NULL, 0);
		break;
	case FLOW_DO_NORMAL:
		action_add(builder, ACTION_NORMAL, 0, 0, NULL, 0);
		break;
	case FLOW_DO_FLOOD:
		action_add(builder, ACTION_FLOOD, 0, 0, NULL, 0);
		break;
	case FLOW_DO_PUSH_VLAN:
		action_add(builder, ACTION_PUSH_VLAN, (uint16_t)action->number, 0, NULL, 0);
		break;
	case FLOW_DO_POP_VLAN:
		action_add(builder, ACTION_POP_VLAN, 0, 0, NULL, 0);
		break;
	case FLOW_DO_SET_FIELD:
		make_set(builder, &action->set);
		break;
	case FLOW_DO_DEC_TTL:
		action_add(builder, ACTION_DEC_TTL, 0, 0, NULL, 0);
		break;
	case FLOW_DO_METER:
		action_add(builder, ACTION_METER, 0, action->number, NULL, 0);
		break;
	case FLOW_DO_GROUP:
		action_add(builder, ACTION_GROUP, 0, action->number, NULL, 0);
		break;
	case FLOW_DO_PUNT:
		action_add(builder, ACTION_PUNT, punt_reasons[action->reason], action->number, NULL,
			0);
		break;
	case FLOW_DO_SAMPLE:
		from = (uint64_t)sample->domain << 32 | sample->point;
		action_add(builder, ACTION_SAMPLE, (uint16_t)sample->probability,
			sample->collector_set, &from, 1);
		break;
	default:
		assert(false);
		break;
	}
}

static int
make_action(struct action_builder *builder, const struct flow_rule *rule, uint32_t i,
	const struct port_namer *namer, struct err *err) ON_MAIN
{
	const struct flow_action *action = &rule->actions[i];
	char path[PATH_SIZE];
	int rc = 0;

	if (action->type == FLOW_DO_OUTPUT) {
		(void)snprintf(path, sizeof(path), "actions/%u/port", i);
		rc = make_output(builder, action, namer, path, err);
	} else if (action->type != FLOW_DO_GOTO_TABLE) {
		make_plain(builder, action);
	} else if (action->number <= rule->table) {
		(void)snprintf(path, sizeof(path), "actions/%u/table", i);
		return err_set(err, ERR_INVALID, path,
			"table %u: from table %u only later tables can be reached", action->number,
			rule->table);
	} else {
		action_add(builder, ACTION_GOTO, (uint16_t)action->number, 0, NULL, 0);
	}
	if (builder->overflow) {
		(void)snprintf(path, sizeof(path), "actions/%u", i);
		return err_set(err, ERR_TOO_BIG, path,
			"the actions of a rule have up to %d bytes, these %u have more",
			ACTION_LIST_MAX, rule->n_actions);
	}
	return rc;
}

int
flow_actions_make(const struct flow_rule *rule, const struct port_namer *namer,
	struct action_list **out, struct err *err)
{
	struct action_builder builder = {.size = 0};
	int rc = 0;

	for (uint32_t i = 0; i < rule->n_actions && rc == 0; i++) {
		rc = make_action(&builder, rule, i, namer, err);
	}
	if (rc == 0) {
		*out = action_list_new(&builder);
	}
	return rc;
}

int
flow_actions_bucket(
	const char *text, const struct port_namer *namer, struct action_list **out, struct err *err)
{
	static const char *const refused[FLOW_ACTION_TYPES] = {
		[FLOW_DO_NORMAL] = "normal",
		[FLOW_DO_FLOOD] = "flood",
		[FLOW_DO_GROUP] = "group",
		[FLOW_DO_GOTO_TABLE] = "goto_table",
	};
	struct err local = ERR_INIT;
	struct flow_rule rule;
	int rc = flow_text_parse_actions(text, strlen(text), &rule, &local);

	for (uint32_t i = 0; rc == 0 && i < rule.n_actions; i++) {
		const char *name = refused[rule.actions[i].type];

		if (name != NULL) {
			return err_set(err, ERR_INVALID, "actions",
				"a bucket cannot have %s: edits, output, in_port, meter, "
				"controller and sample",
				name);
		}
	}
	rc = rc != 0 ? rc : flow_actions_make(&rule, namer, out, &local);
	return rc == 0 ? 0 : err_set(err, local.kind, "actions", "%s", local.text);
}

/* --- telling -----------------------------------------------------------------------------------
 */

static void
tell_punt(const struct action *action, struct flow_action *out)
{
	out->type = FLOW_DO_PUNT;
	out->reason = FLOW_PUNT_ACTION;
	out->number = action->number;
	for (unsigned int i = 0; i < ARRAY_LEN(punt_reasons); i++) {
		if (punt_reasons[i] == (enum punt_reason)action->arg) {
			out->reason = (enum flow_punt_reason)i;
		}
	}
}

static void
tell_output(const struct action *action, const struct port_namer *namer, struct flow_action *out)
{
	const char *name = namer->name(namer->arg, (uint16_t)action->number);

	assert(name != NULL);
	out->type = FLOW_DO_OUTPUT;
	out->number = action->arg;
	(void)str_copy(out->port, name, sizeof(out->port));
}

/* Actions that are no more than a type and perhaps a number. */
static void
tell_plain(const struct action *action, struct flow_action *out)
{
	static const struct {
		enum flow_action_type type;
		bool arg; /* is the number */
	} plain[] = {
		[ACTION_IN_PORT] = {FLOW_DO_BACK},
		[ACTION_PUSH_VLAN] = {FLOW_DO_PUSH_VLAN, true},
		[ACTION_POP_VLAN] = {FLOW_DO_POP_VLAN},
		[ACTION_DEC_TTL] = {FLOW_DO_DEC_TTL},
		[ACTION_METER] = {FLOW_DO_METER},
		[ACTION_GROUP] = {FLOW_DO_GROUP},
		[ACTION_NORMAL] = {FLOW_DO_NORMAL},
		[ACTION_FLOOD] = {FLOW_DO_FLOOD},
		[ACTION_GOTO] = {FLOW_DO_GOTO_TABLE, true},
	};

	assert(action->code < ARRAY_LEN(plain) && plain[action->code].type != FLOW_DO_OUTPUT);
	out->type = plain[action->code].type;
	out->number = plain[action->code].arg ? action->arg : action->number;
}

static void
tell_action(const struct action *action, const struct port_namer *namer, struct flow_action *out)
{
	out->reason = FLOW_PUNT_ACTION;
	out->number = 0;
	switch (action->code) {
	case ACTION_OUTPUT:
		tell_output(action, namer, out);
		break;
	case ACTION_SET:
		out->type = FLOW_DO_SET_FIELD;
		tell_set(action, &out->set);
		break;
	case ACTION_PUNT:
		tell_punt(action, out);
		break;
	case ACTION_SAMPLE:
		out->type = FLOW_DO_SAMPLE;
		out->sample = (struct flow_sample){.probability = action->arg,
			.collector_set = action->number,
			.domain = (uint32_t)(action->words[0] >> 32),
			.point = (uint32_t)action->words[0]};
		break;
	default:
		tell_plain(action, out);
		break;
	}
}

void
flow_actions_tell(
	const struct action_list *list, const struct port_namer *namer, struct flow_rule *rule)
{
	const struct action *end = action_list_end(list);

	static_assert(ACTION_LIST_MAX / sizeof(struct action) <= FLOW_ACTIONS_MAX,
		"a list of the shortest actions");
	rule->n_actions = 0;
	for (const struct action *a = action_list_first(list); a != end; a = action_next(a)) {
		tell_action(a, namer, &rule->actions[rule->n_actions++]);
	}
}

bool
flow_actions_output(const struct action_list *list, uint16_t number)
{
	const struct action *end = action_list_end(list);

	for (const struct action *a = action_list_first(list); a != end; a = action_next(a)) {
		if (a->code == ACTION_OUTPUT && a->number == number) {
			return true;
		}
	}
	return false;
}

uint8_t
flow_actions_goto(const struct action_list *list)
{
	const struct action *end = action_list_end(list);

	for (const struct action *a = action_list_first(list); a != end; a = action_next(a)) {
		if (a->code == ACTION_GOTO) {
			return (uint8_t)a->arg;
		}
	}
	return 0;
}
