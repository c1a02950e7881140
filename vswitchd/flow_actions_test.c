/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_actions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_text_cases.h"
#include "ctl/flow_text_model.h"
#include "vswitchd/flow_match.h"
#include "vswitchd/flow_test_world.h"

#define RANDOM_RULES 20000

static struct action_list *
make(const char *text) ON_MAIN
{
	struct action_list *list = NULL;
	struct err err = ERR_INIT;
	struct flow_rule rule;

	flow_test_rule(text, &rule);
	if (flow_actions_make(&rule, &flow_test_namer, &list, &err) != 0) {
		fail_msg("%s: %s", text, err.text);
	}
	return list;
}

/* The list of a rule, and the rule with nothing of its actions but what the list says. */
static void
there_and_back(const char *text, const char *canonical) ON_MAIN
{
	struct action_list *list = make(text);
	struct flow_rule rule;

	flow_test_rule(text, &rule);
	memset(rule.actions, 0xa5, sizeof(rule.actions));
	rule.n_actions = 77;
	flow_actions_tell(list, &flow_test_namer, &rule);
	assert_string_equal(flow_test_text(&rule), canonical);
	free(list);
}

static void
test_cases(void **state)
{
	char text[1024];
	char canonical[1024];

	role_assert(&role_main);
	for (const struct flow_case *c = flow_action_cases; c->text != NULL; c++) {
		const char *match = c->match == NULL ? "" : c->match;

		(void)snprintf(text, sizeof(text), "%s actions=%s", match, c->text);
		(void)snprintf(canonical, sizeof(canonical), "%s%sactions=%s", match,
			match[0] == '\0' ? "" : ",", c->canonical == NULL ? c->text : c->canonical);
		there_and_back(text, canonical);
	}
}

static void
test_random(void **state)
{
	role_assert(&role_main);
	for (uint32_t seed = 1; seed <= RANDOM_RULES; seed++) {
		struct flow_model model;
		struct flow_rule rule;
		char canonical[8192];

		flow_model_make(&model, seed);
		json_decref(model.json);
		flow_test_rule(model.text, &rule);
		(void)str_copy(canonical, flow_test_text(&rule), sizeof(canonical));
		there_and_back(model.text, canonical);
	}
}

/* --- what lists say ----------------------------------------------------------------------------
 */

static void
test_plain(void **state)
{
	static const struct {
		const char *text;
		enum action_code code;
		uint16_t arg;
		uint32_t number;
		uint64_t word; /* 0: there is none */
	} cases[] = {
		{"in_port", ACTION_IN_PORT, 0, 0, 0},
		{"normal", ACTION_NORMAL, 0, 0, 0},
		{"flood", ACTION_FLOOD, 0, 0, 0},
		{"push_vlan:0x88a8", ACTION_PUSH_VLAN, 0x88a8, 0, 0},
		{"pop_vlan", ACTION_POP_VLAN, 0, 0, 0},
		{"dec_ttl", ACTION_DEC_TTL, 0, 0, 0},
		{"meter:4294901760", ACTION_METER, 0, FLOW_METER_MAX, 0},
		{"group:4294967040", ACTION_GROUP, 0, FLOW_GROUP_MAX, 0},
		{"goto_table:254", ACTION_GOTO, 254, 0, 0},
		{"controller", ACTION_PUNT, PUNT_ACTION, 0, 0},
		{"controller:128", ACTION_PUNT, PUNT_ACTION, 128, 0},
		{"controller(reason=no_match)", ACTION_PUNT, PUNT_NO_MATCH, 0, 0},
		{"controller(reason=invalid_ttl,max_len=9)", ACTION_PUNT, PUNT_INVALID_TTL, 9, 0},
		{"sample(probability=65535,collector_set_id=4,obs_domain_id=0x80000001,"
		 "obs_point_id=0xf0000002)",
			ACTION_SAMPLE, 65535, 4, 0x80000001f0000002},
	};

	role_assert(&role_main);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct action *action;
		struct action_list *list;
		char text[256];

		(void)snprintf(text, sizeof(text), "actions=%s", cases[i].text);
		list = make(text);
		action = action_list_first(list);
		assert_int_equal(action->code, cases[i].code);
		assert_int_equal(action->arg, cases[i].arg);
		assert_int_equal(action->number, cases[i].number);
		assert_int_equal(action->n_words, cases[i].word != 0);
		if (cases[i].word != 0) {
			assert_int_equal(action->words[0], cases[i].word);
		}
		assert_ptr_equal(action_next(action), action_list_end(list));
		free(list);
	}
}

static void
test_output(void **state)
{
	struct action_list *list;
	const struct action *action;
	uint16_t number;

	role_assert(&role_main);
	list = make("actions=output(port=vm1,max_len=65535),group:1,vm2");
	number = flow_test_namer.number(NULL, "vm1", NULL);
	action = action_list_first(list);
	assert_int_equal(action->code, ACTION_OUTPUT);
	assert_int_equal(action->arg, 65535);
	assert_int_equal(action->number, number);
	assert_true(flow_actions_output(list, number));
	assert_true(flow_actions_output(list, flow_test_namer.number(NULL, "vm2", NULL)));
	assert_false(flow_actions_output(list, 1000));
	assert_false(flow_actions_output(list, 0));
	assert_int_equal(flow_actions_goto(list), 0);
	free(list);
	list = make("actions=vm1,goto_table:9");
	assert_int_equal(flow_actions_goto(list), 9);
	free(list);
	list = make("actions=drop");
	assert_int_equal(list->size, 0);
	assert_false(flow_actions_output(list, number));
	assert_int_equal(flow_actions_goto(list), 0);
	free(list);
}

/* After a field was set, a match on what it was set to meets the packet. */
static void
test_set(void **state)
{
	static const struct {
		char letter;
		const char *short_word;
		const char *action;
		const char *match; /* does not meet before */
	} cases[] = {
		{'o', "", "set_field:1->reg0", "reg0=1"},
		{'u', "", "set_field:0x80/0x80->reg0", "reg0=0x85"},
		{'t', "", "set_field:0->reg7", "reg7=0"},
		{'t', "", "set_field:0xabcdef01->reg6", "reg6=0xabcdef01"},
		{'t', "", "mod_dl_src:02:00:00:00:00:09", "dl_src=02:00:00:00:00:09"},
		{'t', "", "mod_dl_dst:02:00:00:00:00:09", "dl_dst=02:00:00:00:00:09"},
		{'t', "", "set_field:00:00:00:00:00:ff/00:00:00:00:00:ff->dl_dst",
			"dl_dst=02:03:04:05:06:ff"},
		{'v', "", "mod_vlan_vid:4095", "dl_vlan=4095,dl_vlan_pcp=3"},
		{'v', "", "set_vlan_vid:5", "dl_vlan=5,dl_vlan_pcp=3"},
		{'v', "", "mod_vlan_pcp:6", "dl_vlan=10,dl_vlan_pcp=6"},
		{'t', "", "mod_vlan_vid:7", "dl_vlan=7,dl_vlan_pcp=0"},
		{'t', "", "mod_vlan_pcp:7", "dl_vlan=0,dl_vlan_pcp=7"},
		{'t', "tcp", "mod_nw_src:1.2.3.4", "nw_src=1.2.3.4"},
		{'t', "tcp", "mod_nw_dst:1.2.3.4", "nw_dst=1.2.3.4"},
		{'t', "tcp", "set_field:0.0.0.99/0.0.0.255->nw_dst", "nw_dst=20.21.22.99"},
		{'t', "tcp", "set_field:1->ip_dscp", "ip_dscp=1,nw_ecn=1"},
		{'t', "tcp", "set_field:2->nw_ecn", "ip_dscp=46,nw_ecn=2"},
		{'t', "tcp", "mod_nw_ttl:3", "nw_ttl=3"},
		{'t', "tcp", "mod_tp_src:80", "tp_src=80,tp_dst=13124"},
		{'t', "tcp", "mod_tp_dst:80", "tp_src=4386,tp_dst=80"},
		{'u', "udp", "set_field:0xf/0xf->tp_dst", "tp_dst=0x334f"},
		{'T', "tcp6", "set_field:2001:db8::1->ipv6_src", "ipv6_src=2001:db8::1"},
		{'T', "tcp6", "set_field:2001:db8::1->ipv6_dst", "ipv6_dst=2001:db8::1"},
		{'T', "tcp6", "set_field:aaaa::/16->ipv6_dst",
			"ipv6_dst=aaaa:4243:4445:4647:4849:4a4b:4c4d:4e4f"},
		{'U', "udp6", "mod_tp_dst:9", "tp_dst=9"},
	};

	role_assert(&role_main);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct action_list *list;
		struct flow_rule rule;
		struct fields fields;
		struct match match;
		char text[256];

		(void)snprintf(text, sizeof(text), "%s,%s,actions=%s", cases[i].short_word,
			cases[i].match, cases[i].action);
		flow_test_rule(text, &rule);
		assert_int_equal(flow_match_make(&rule, &flow_test_namer, &match, NULL), 0);
		flow_test_fields(cases[i].letter, &fields);
		if (match_packet(&match, &fields)) {
			fail_msg("%s meets the packet too soon", text);
		}
		list = make(text);
		action_set_fields(action_list_first(list), &fields);
		if (!match_packet(&match, &fields)) {
			fail_msg("%s does not meet the packet", text);
		}
		free(list);
	}
	/* Only if there is a tag: none here. */
	{
		struct action_list *list = make("actions=set_vlan_vid:7");
		struct fields fields;

		flow_test_fields('t', &fields);
		action_set_fields(action_list_first(list), &fields);
		assert_int_equal(fields.vlan_tci, 0);
		free(list);
	}
}

/* --- what is refused ---------------------------------------------------------------------------
 */

static void
refused(const struct flow_rule *rule, int rc, const char *path, const char *text) ON_MAIN
{
	struct action_list *list = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(flow_actions_make(rule, &flow_test_namer, &list, &err), rc);
	assert_null(list);
	assert_string_equal(err.path, path);
	assert_string_equal(err.text, text);
	assert_int_equal(flow_actions_make(rule, &flow_test_namer, &list, NULL), rc);
}

static void
test_errors(void **state)
{
	struct flow_rule rule;
	char text[8192] = "actions=";

	role_assert(&role_main);
	flow_test_rule("actions=vm1,dec_ttl,output:no-such,no-other", &rule);
	refused(&rule, -EINVAL, "actions/2/port", "there is no port 'no-such'");
	flow_test_rule("table=3,actions=normal,goto_table:4", &rule);
	rule.table = 4;
	refused(&rule, -EINVAL, "actions/1/table",
		"table 4: from table 4 only later tables can be reached");
	for (unsigned int i = 0; i < 128; i++) {
		(void)str_append(text, "dec_ttl,", sizeof(text));
	}
	free(make(text));
	(void)str_append(text, "dec_ttl,dec_ttl", sizeof(text));
	flow_test_rule(text, &rule);
	refused(&rule, -E2BIG, "actions/128",
		"the actions of a rule have up to 1024 bytes, these 130 have more");
	text[0] = '\0';
	(void)str_append(text, "actions=", sizeof(text));
	for (unsigned int i = 0; i < 43; i++) {
		(void)str_append(text, "set_field:1->reg0,", sizeof(text));
	}
	flow_test_rule(text, &rule);
	refused(&rule, -E2BIG, "actions/42",
		"the actions of a rule have up to 1024 bytes, these 43 have more");
}

/* Where a modification of all tables goes is checked against each rule. */
static void
test_goto_of_any_table(void **state)
{
	struct action_list *list;
	struct flow_rule rule;

	role_assert(&role_main);
	list = make("modify actions=goto_table:1");
	assert_int_equal(flow_actions_goto(list), 1);
	free(list);
	flow_test_rule("modify actions=goto_table:0", &rule);
	refused(&rule, -EINVAL, "actions/0/table",
		"table 0: from table 0 only later tables can be reached");
}

static void
test_bucket(void **state)
{
	static const char *const errors[][2] = {
		{"vm1,normal",
			"a bucket cannot have normal: edits, output, in_port, meter, "
			"controller and sample"},
		{"flood",
			"a bucket cannot have flood: edits, output, in_port, meter, controller "
			"and sample"},
		{"group:1",
			"a bucket cannot have group: edits, output, in_port, meter, controller "
			"and sample"},
		{"goto_table:1",
			"a bucket cannot have goto_table: edits, output, in_port, meter, "
			"controller and sample"},
		{"output:no-such", "there is no port 'no-such'"},
		{"vm1,frobnicate:3", "column 5: unknown action 'frobnicate'"},
		{"actions=vm1", "column 1: unknown action 'actions'"},
	};
	struct action_list *list = NULL;
	struct err err = ERR_INIT;
	struct flow_rule rule;

	role_assert(&role_main);
	assert_int_equal(
		flow_actions_bucket("set_field:10.0.0.1->nw_dst,set_field:fe80::1->ipv6_dst,"
				    "mod_tp_dst:80,mod_vlan_vid:5,meter:1,in_port,controller,"
				    "sample(probability=1),vm1",
			&flow_test_namer, &list, &err),
		0);
	flow_test_rule("actions=drop", &rule);
	flow_actions_tell(list, &flow_test_namer, &rule);
	assert_string_equal(flow_test_text(&rule),
		"actions=set_field:10.0.0.1->nw_dst,set_field:fe80::1->ipv6_dst,"
		"set_field:80->tp_dst,mod_vlan_vid:5,meter:1,in_port,controller,"
		"sample(probability=1),output:vm1");
	free(list);
	assert_int_equal(flow_actions_bucket("", &flow_test_namer, &list, &err), 0);
	assert_int_equal(list->size, 0);
	free(list);
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		assert_int_equal(
			flow_actions_bucket(errors[i][0], &flow_test_namer, &list, &err), -EINVAL);
		assert_string_equal(err.path, "actions");
		assert_string_equal(err.text, errors[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_goto_of_any_table),
		cmocka_unit_test(test_bucket),
	};
	int failed;

	role_enter(&role_main);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return failed;
}
