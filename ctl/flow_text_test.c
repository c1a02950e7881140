/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/flow_json.h"
#include "ctl/flow_text_cases.h"
#include "ctl/flow_text_model.h"

static char buffer[FLOW_TEXT_MAX + 1];
static struct flow_rule rule;

static void
must(int rc, const char *what, const struct err *err)
{
	if (rc != 0) {
		fail_msg("%s: %s", what, err->text);
	}
}

static void
json_must_equal(json_t *got, json_t *want, const char *what)
{
	if (!json_equal(got, want)) {
		char *is = json_dumps(got, JSON_COMPACT);
		char *should = json_dumps(want, JSON_COMPACT);

		fail_msg("%s\n  is     %s\n  should %s", what, is, should);
	}
}

/* Text to JSON and to canonical text; from both of these back again. */
static void
check_rule(const char *text, json_t *want, const char *canonical)
{
	struct err err = ERR_INIT;
	struct flow_rule again;
	json_t *got;
	size_t len;

	must(flow_text_parse_op(text, strlen(text), &rule, &err), text, &err);
	got = flow_json_new(&rule);
	json_must_equal(got, want, text);
	json_decref(got);
	len = flow_text_print(&rule, buffer, sizeof(buffer));
	assert_int_equal(len, strlen(buffer));
	if (canonical != NULL) {
		assert_string_equal(buffer, canonical);
	}
	must(flow_text_parse(buffer, len, rule.op, rule.strict, &again, &err), buffer, &err);
	got = flow_json_new(&again);
	json_must_equal(got, want, buffer);
	json_decref(got);
	must(flow_json_read(want, &again, &err), text, &err);
	got = flow_json_new(&again);
	json_must_equal(got, want, text);
	json_decref(got);
	(void)flow_text_print(&again, buffer, sizeof(buffer));
	if (canonical != NULL) {
		assert_string_equal(buffer, canonical);
	}
}

static json_t *
load(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (json == NULL) {
		fail_msg("%s: %s", text, error.text);
	}
	return json;
}

static void
test_match(void **state)
{
	char text[1024];
	char canonical[1024];

	for (const struct flow_case *c = flow_match_cases; c->text != NULL; c++) {
		json_t *want = json_object();
		json_t *match;
		char json[1024];

		(void)snprintf(json, sizeof(json), "{%s}", c->json);
		match = load(json);
		if (json_object_size(match) > 0) {
			(void)json_object_set(want, "match", match);
		}
		json_decref(match);
		(void)json_object_set_new(want, "actions", json_array());
		(void)snprintf(text, sizeof(text), "%s actions=drop", c->text);
		(void)snprintf(canonical, sizeof(canonical), "%s%sactions=drop",
			c->canonical == NULL ? c->text : c->canonical,
			c->canonical != NULL && c->canonical[0] == '\0' ? "" : ",");
		check_rule(text, want, canonical);
		json_decref(want);
	}
}

static void
test_actions(void **state)
{
	char text[1024];
	char canonical[1024];

	for (const struct flow_case *c = flow_action_cases; c->text != NULL; c++) {
		bool ip = c->match != NULL;
		const char *match = ip ? c->match : "";
		json_t *want = json_object();
		char json[1024];

		(void)snprintf(json, sizeof(json), "[%s]", c->json);
		if (ip) {
			(void)json_object_set_new(want, "match",
				json_pack("{s:s,s:i}", "eth-type",
					strcmp(match, "udp6") == 0 ? "0x86dd" : "0x0800",
					"ip-protocol", 17));
		}
		(void)json_object_set_new(want, "actions", load(json));
		(void)snprintf(text, sizeof(text), "%s actions=%s", match, c->text);
		(void)snprintf(canonical, sizeof(canonical), "%s%sactions=%s", match, ip ? "," : "",
			c->canonical == NULL ? c->text : c->canonical);
		check_rule(text, want, canonical);
		json_decref(want);
	}
}

static void
test_rules(void **state)
{
	for (const struct flow_case *c = flow_rule_cases; c->text != NULL; c++) {
		json_t *want = load(c->json);

		check_rule(c->text, want, c->canonical);
		json_decref(want);
	}
}

static void
test_text_errors(void **state)
{
	for (const struct flow_error_case *c = flow_text_errors; c->input != NULL; c++) {
		struct err err = ERR_INIT;
		char want[512];

		if (flow_text_parse_op(c->input, strlen(c->input), &rule, &err) == 0) {
			fail_msg("accepted: %s", c->input);
		}
		(void)snprintf(want, sizeof(want), "column %u: %s", c->column, c->message);
		if (strncmp(err.text, want, strlen(want)) != 0) {
			fail_msg("%s\n  is     %s\n  should %s", c->input, err.text, want);
		}
		assert_true(err.kind != ERR_NONE);
	}
}

static void
test_json_errors(void **state)
{
	for (const struct flow_error_case *c = flow_json_errors; c->input != NULL; c++) {
		struct err err = ERR_INIT;
		json_t *json = load(c->input);

		if (flow_json_read(json, &rule, &err) == 0) {
			fail_msg("accepted: %s", c->input);
		}
		if (strncmp(err.text, c->message, strlen(c->message)) != 0 ||
			strncmp(err.text, err.path, strlen(err.path)) != 0) {
			fail_msg("%s\n  is     %s (%s)\n  should %s", c->input, err.text, err.path,
				c->message);
		}
		json_decref(json);
	}
}

/* JSON that is accepted and not canonical. */
static void
test_json_loose(void **state)
{
	static const char *const pairs[][2] = {
		{"{\"op\":\"add\",\"table\":0,\"priority\":32768,\"cookie\":\"0\",\"match\":{},"
		 "\"idle-timeout\":0,\"hard-timeout\":0,\"actions\":[]}",
			"actions=drop"},
		{"{\"match\":{\"vlan-tci\":\"0x100a/0x1fff\"},\"actions\":[]}",
			"dl_vlan=10,actions=drop"},
		{"{\"match\":{\"vlan-tagged\":true,\"register-0\":\"7/3\"},\"actions\":[],"
		 "\"statistics\":{\"packets\":3}}",
			"vlan_tci=0x1000/0x1000,reg0=0x3/0x3,actions=drop"},
		{"{\"match\":{\"in-port\":\"normal\"},\"actions\":[{\"type\":\"output\","
		 "\"port\":\"flood\"}]}",
			"in_port=\"normal\",actions=output:\"flood\""},
		{"{\"match\":{\"eth-type\":\"2048\",\"ipv4-source\":\"10.1.2.3/8\"},\"actions\":["
		 "{\"type\":\"punt\",\"reason\":\"action\",\"max-length\":65535}]}",
			"ip,nw_src=10.0.0.0/8,actions=controller"},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct err err = ERR_INIT;
		json_t *json = load(pairs[i][0]);
		char *text = NULL;

		must(flow_json_to_text(json, &text, &err), pairs[i][0], &err);
		assert_string_equal(text, pairs[i][1]);
		free(text);
		json_decref(json);
	}
}

static void
test_match_only(void **state)
{
	static const char text[] = "table=3,tcp,in_port=vm1";
	struct err err = ERR_INIT;

	must(flow_text_parse_match(text, strlen(text), &rule, &err), text, &err);
	assert_int_equal(rule.table, 3);
	assert_string_equal(rule.in_port, "vm1");
	assert_int_equal(flow_text_parse_match("ip,priority=3", 13, &rule, &err), -EINVAL);
	assert_string_equal(err.text, "column 4: priority is no part of a match");
	assert_int_equal(flow_text_parse_match("actions=drop", 12, &rule, &err), -EINVAL);
	assert_int_equal(flow_text_parse_match(NULL, 0, &rule, &err), 0);
	assert_true(rule.any_table && rule.present == 0);
}

/* However untagged is said, it is one term. */
static void
test_untagged(void **state)
{
	static const char *const texts[] = {"vlan_tci=0", "vlan_tci=0/0x1000", "vlan_vid=0",
		"dl_vlan=0xffff", "vlan_tci=0/0x1fff"};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		must(flow_text_parse_match(texts[i], strlen(texts[i]), &rule, &err), texts[i],
			&err);
		assert_true(rule.present == UINT64_C(1) << FLOW_VLAN_TCI);
		assert_int_equal(rule.terms[FLOW_VLAN_TCI].value[0], 0);
		assert_int_equal(rule.terms[FLOW_VLAN_TCI].mask[0], 0xffff);
	}
}

static void
test_limits(void **state)
{
	static char text[FLOW_TEXT_MAX + 2];
	struct err err = ERR_INIT;
	size_t used;

	memset(text, ' ', sizeof(text));
	assert_int_equal(flow_text_parse_op(text, sizeof(text), &rule, &err), -E2BIG);
	memcpy(text, "actions=normal", 14);
	assert_int_equal(flow_text_parse_op(text, FLOW_TEXT_MAX, &rule, &err), 0);
	/* the most actions, and one more */
	memcpy(text, "actions=", 8);
	for (used = 8; used < 8 + 2 * FLOW_ACTIONS_MAX; used += 2) {
		memcpy(text + used, "p,", 2);
	}
	assert_int_equal(flow_text_parse_op(text, used, &rule, &err), 0);
	assert_int_equal(rule.n_actions, FLOW_ACTIONS_MAX);
	text[used] = 'p';
	assert_int_equal(flow_text_parse_op(text, used + 1, &rule, &err), -E2BIG);
	assert_string_equal(err.text, "column 521: a rule has up to 256 actions");
	/* what is cut is terminated */
	assert_int_equal(flow_text_parse_op("actions=normal", 14, &rule, &err), 0);
	assert_int_equal(flow_text_print(&rule, buffer, 4), 3);
	assert_string_equal(buffer, "act");
	assert_int_equal(flow_text_print(&rule, NULL, 0), 0);
	/* a byte that is no text, and NUL */
	assert_int_equal(flow_text_parse_op("ip\0,actions=drop", 16, &rule, &err), -EINVAL);
	assert_int_equal(flow_text_parse_op("\x1b[1m=3", 6, &rule, &err), -EINVAL);
	assert_string_equal(err.text, "column 1: unknown field '?[1m'");
}

static void
test_random(void **state)
{
	struct flow_model model;

	for (uint32_t seed = 1; seed <= 20000; seed++) {
		flow_model_make(&model, seed);
		check_rule(model.text, model.json, NULL);
		json_decref(model.json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_text_errors),
		cmocka_unit_test(test_json_errors),
		cmocka_unit_test(test_json_loose),
		cmocka_unit_test(test_match_only),
		cmocka_unit_test(test_untagged),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
