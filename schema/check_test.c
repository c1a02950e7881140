/* SPDX-License-Identifier: BSD-3-Clause */
/* Values against the schema: what is refused, where, and in which words; what comes out. */
#include "schema/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/jx.h"
#include "schema/test_backend.h"
#include "schema/value.h"

#define ROOT "/vswitch:vswitch"

static struct model *model;

static int
setup(void **state)
{
	return model_create(NULL, &model, NULL);
}

static int
teardown(void **state)
{
	model_destroy(model);
	return 0;
}

static const struct lysc_node *
node_of(const char *name)
{
	return model_child(model->root, name, strlen(name));
}

static int
check(const char *list, const char *text, json_t **out, struct err *err)
{
	json_t *in = json_of(text);
	int rc = check_value(node_of(list), "/x", CHECK_ENTRY, CHECK_FULL, in, out, err);

	json_decref(in);
	return rc;
}

static const struct {
	const char *list;
	const char *in;
	enum err_kind kind;
	const char *path;
	const char *says;
} bad[] = {
	{"port", "[]", ERR_INVALID, "/x", "'port' takes an object, not []"},
	{"port", "{'name': 'a'}", ERR_INVALID, "/x/type", "'type' is missing; it takes one of"},
	{"port", "{'name': 'a', 'type': 'tpa'}", ERR_INVALID, "/x/type", "did you mean 'tap'?"},
	{"port", "{'name': 'a', 'type': 'tap', 'mut': 1}", ERR_UNKNOWN, "/x",
		"there is no \"mut\" in 'port'; did you mean 'mtu'?"},
	{"port", "{'name': 'a', 'type': 'tap', 'mtu': 67}", ERR_INVALID, "/x/mtu",
		"'mtu' cannot be 67; it takes a number, 68..9702"},
	{"port", "{'name': 'a', 'type': 'tap', 'mtu': 4294967296}", ERR_INVALID, "/x/mtu",
		"cannot be 4294967296"},
	{"port", "{'name': 'a', 'type': 'tap', 'mtu': -1}", ERR_INVALID, "/x/mtu", "cannot be -1"},
	{"port", "{'name': 'a', 'type': 'tap', 'mtu': '1500'}", ERR_INVALID, "/x/mtu",
		"not \"1500\"; write it without quotes"},
	{"port", "{'name': 'a', 'type': 'tap', 'mtu': 1500.0}", ERR_INVALID, "/x/mtu",
		"without fraction"},
	{"port", "{'name': 'a', 'type': 'tap', 'mtu': null}", ERR_INVALID, "/x/mtu",
		"use the operation delete or remove"},
	{"port", "{'name': 'a', 'type': 'tap', 'enabled': 'true'}", ERR_INVALID, "/x/enabled",
		"true or false, not \"true\"; write it without quotes"},
	{"port", "{'name': 'a', 'type': 'tap', 'enabled': 1}", ERR_INVALID, "/x/enabled",
		"true or false"},
	{"port", "{'name': 'a', 'type': 'tap', 'trunk': '10'}", ERR_INVALID, "/x/trunk",
		"takes an array of values"},
	{"port", "{'name': 'a', 'type': 'tap', 'trunk': [10]}", ERR_INVALID, "/x/trunk",
		"write it in quotes"},
	{"port", "{'name': 'a', 'type': 'tap', 'trunk': ['010']}", ERR_INVALID, "/x/trunk",
		"\"20-30\""},
	{"port", "{'name': 'a', 'type': 'tap', 'trunk': ['5', '10', '5']}", ERR_INVALID, "/x/trunk",
		"\"5\" is twice"},
	{"port", "{'name': 'a', 'type': 'tap', 'oper-status': 'up'}", ERR_INVALID, "/x",
		"'oper-status' is state"},
	{"port", "{'name': 'a', 'type': 'tap', '@mtu': {}}", ERR_UNSUPPORTED, "/x", "metadata"},
	{"port", "{'name': 'a', 'type': 'tap', 'mtu': 68, 'vswitch:mtu': 69}", ERR_INVALID, "/x",
		"'mtu' is given twice"},
	{"port", "{'name': 'a', 'type': 'tap', 'ifname': 'has space'}", ERR_INVALID, "/x/ifname",
		"no space"},
	{"port", "{'name': 'a', 'type': 'tap', 'ifname': 'sixteen-letters-'}", ERR_INVALID,
		"/x/ifname", "1..15 characters"},
	{"port", "{'name': 'a', 'type': 'tap', 'description': 'a\\u0001'}", ERR_INVALID,
		"/x/description", "control character"},
	{"bridge", "{'name': 'b', 'aging-time': 9}", ERR_INVALID, "/x/aging-time",
		"0 or 10..60000"},
	{"bridge", "{'name': 'b', 'static-mac': {}}", ERR_INVALID, "/x/static-mac",
		"takes an array of objects"},
	{"bridge",
		"{'name': 'b', 'static-mac': [{'vlan': 1, 'mac': "
		"'0123456789012345678901234567890123456789012345678901234567890123x'}]}",
		ERR_INVALID, "/x/static-mac[1]/mac", "six pairs of hex digits"},
	{"bridge", "{'name': 'b', 'static-mac': [{'vlan': 1}]}", ERR_INVALID, "/x/static-mac[1]",
		"needs its key 'mac'"},
	{"bridge", "{'name': 'b', 'static-mac': [{'mac': '52:00:00:00:00:01', 'vlan': 1}]}",
		ERR_INVALID, "/x/static-mac[mac='52:00:00:00:00:01'][vlan='1']/port",
		"'port' is missing"},
	{"bridge",
		"{'name': 'b', 'static-mac': ["
		"{'mac': '52:00:00:00:00:0a', 'vlan': 1, 'port': 'p'},"
		"{'mac': '52:00:00:00:00:0A', 'vlan': 1, 'port': 'q'}]}",
		ERR_INVALID, "/x/static-mac[mac='52:00:00:00:00:0a'][vlan='1']",
		"two entries with these keys"},
	{"bridge", "{'name': 'b', 'static-mac': [{'mac': '52:00:00:00:00:0g', 'vlan': 1}]}",
		ERR_INVALID, "/x/static-mac[mac='52:00:00:00:00:0g'][vlan='1']/mac",
		"six pairs of hex digits"},
};

static void
test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		json_t *out = NULL;
		int rc = check(bad[i].list, bad[i].in, &out, &err);

		if (rc != err_errno(bad[i].kind) || err.kind != bad[i].kind ||
			strcmp(err.path, bad[i].path) != 0 ||
			strstr(err.text, bad[i].says) == NULL) {
			fail_msg("%s: %s at '%s': %s", bad[i].in, err_tag(err.kind), err.path,
				err.text);
		}
		assert_null(out);
	}
}

static void
test_canonical(void **state)
{
	json_t *out;
	char *text;

	assert_int_equal(check("bridge",
				 "{'static-mac': [{'port': 'p', 'vlan': 10, 'mac': "
				 "'52:00:00:00:00:AB'}, {'port': 'p', 'vlan': 9, 'mac': "
				 "'52:00:00:00:00:ab'}], 'vswitch:aging-time': 60, 'name': 'b'}",
				 &out, NULL),
		0);
	text = json_dumps(out, JSON_COMPACT);
	assert_string_equal(text,
		"{\"name\":\"b\",\"aging-time\":60,\"static-mac\":["
		"{\"mac\":\"52:00:00:00:00:ab\",\"vlan\":9,\"port\":\"p\"},"
		"{\"mac\":\"52:00:00:00:00:ab\",\"vlan\":10,\"port\":\"p\"}]}");
	free(text);
	json_decref(out);
	assert_int_equal(
		check("port", "{'trunk': ['100', '9', '20-30'], 'type': 'tap', 'cvlan': []}", &out,
			NULL),
		0);
	text = json_dumps(out, JSON_COMPACT);
	assert_string_equal(text, "{\"type\":\"tap\",\"trunk\":[\"9\",\"20-30\",\"100\"]}");
	free(text);
	json_decref(out);
	/* The order of entries of an access list is the user's. */
	assert_int_equal(check("acl",
				 "{'ace': [{'forwarding': 'drop', 'name': 'z', 'matches': {}},"
				 "{'name': 'a', 'forwarding': 'accept'}]}",
				 &out, NULL),
		0);
	text = json_dumps(out, JSON_COMPACT);
	assert_string_equal(text,
		"{\"ace\":[{\"name\":\"z\",\"forwarding\":\"drop\"},"
		"{\"name\":\"a\",\"forwarding\":\"accept\"}]}");
	free(text);
	json_decref(out);
}

static void
test_defaults(void **state)
{
	json_t *in = json_of("{'name': 'a', 'type': 'tap', 'mtu': 9000}");
	json_t *wanted = json_of("{'name': 'a', 'type': 'tap', 'mtu': 9000, 'enabled': true,"
				 "'queues': 1, 'mac-limit': 0, 'storm-broadcast': 0,"
				 "'storm-multicast': 0, 'storm-unknown-unicast': 0,"
				 "'protected': false}");
	json_t *out = check_with_defaults(node_of("port"), in);

	assert_true(json_equal(out, wanted));
	json_decref(in);
	json_decref(wanted);
	json_decref(out);
}

/* JSON values of which each leaf has to refuse some, whatever its type. */
static const char *const strange[] = {"null", "[]", "{}", "[null]", "1.5", "-7", "99999999999",
	"''", "'no such thing /'", "true", "'\\u0007'", "'\\uffff'"};

/*
 * Every leaf that can be configured: what libyang would not take is refused at the leaf's path,
 * with its name in the sentence; what is taken is taken again in the form that came out.
 */
static size_t
check_leaves(const struct lysc_node *parent, const char *path)
{
	size_t n = 0;

	for (const struct lysc_node *leaf = model_first(parent); leaf != NULL; leaf = leaf->next) {
		char here[256];
		size_t refused = 0;

		(void)snprintf(here, sizeof(here), "%s/%s", path, leaf->name);
		if (!model_is_config(leaf)) {
			continue;
		}
		if (!model_is_leaf(leaf)) {
			n += check_leaves(leaf, here);
			continue;
		}
		n++;
		for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
			json_t *in = json_of(strange[i]);
			struct err err = ERR_INIT;
			json_t *out = NULL;
			json_t *again = NULL;

			if (check_value(leaf, here, CHECK_ENTRY, CHECK_FULL, in, &out, &err) != 0) {
				refused++;
				assert_string_equal(err.path, here);
				assert_non_null(strstr(err.text, leaf->name));
				assert_int_equal(err.kind, ERR_INVALID);
			} else {
				assert_int_equal(check_value(leaf, here, CHECK_ENTRY, CHECK_FULL,
							 out, &again, NULL),
					0);
				assert_true(json_equal(out, again));
			}
			json_decref(in);
			json_decref(out);
			json_decref(again);
		}
		assert_true(refused >= 7);
	}
	return n;
}

static void
test_every_leaf(void **state)
{
	assert_true(check_leaves(model->root, ROOT) >= 40);
}

/* The words of each type hold what they are to hold, and fit. */
static void
test_describe(void **state)
{
	static const struct {
		const char *leaf;
		const char *words;
	} cases[] = {
		{"mtu", "a number, 68..9702"},
		{"enabled", "true or false"},
		{"mode", "one of server, client"},
		{"backend", "one of native, dpdk"},
		{"disable-feature",
			"one of checksum, tso, ecn, uso, mergeable, indirect, event-index, "
			"in-order, packed"},
		{"id", "a number, 0..4294967295"},
		{"permissions", "a string; octal permissions such as \"0660\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct lysc_node *leaf =
			model_child(node_of("port"), cases[i].leaf, strlen(cases[i].leaf));
		char text[512];

		assert_string_equal(value_describe(leaf, text, sizeof(text)), cases[i].words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_leaf),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
