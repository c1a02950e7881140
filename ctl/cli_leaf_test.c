/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_leaf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static const struct cli_leaf *
port_leaf(const char *name)
{
	return cli_leaf_find(CLI_WORD_PORT_LEAF, name, strlen(name));
}

static void
expect_json(const char *leaf, const char *text, const char *json)
{
	json_t *value = cli_leaf_value(port_leaf(leaf), text);
	char *dump = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(dump);
	assert_string_equal(dump, json);
	free(dump);
	json_decref(value);
}

static void
test_values(void **state)
{
	expect_json("mtu", "9000", "9000");
	expect_json("mtu", "0", "0");
	expect_json("mtu", "9223372036854775807", "9223372036854775807");
	/* what is no number goes to the daemon as it is */
	expect_json("mtu", "9223372036854775808", "\"9223372036854775808\"");
	expect_json("mtu", "9k", "\"9k\"");
	expect_json("mtu", "-1", "-1");
	expect_json("mtu", "--1", "\"--1\"");
	expect_json("mtu", "-", "\"-\"");
	expect_json("enabled", "true", "true");
	expect_json("enabled", "No", "false");
	expect_json("enabled", "on", "true");
	expect_json("enabled", "1", "\"1\"");
	expect_json("trunk", "10,20-30", "[\"10\",\"20-30\"]");
	expect_json("trunk", "10", "[\"10\"]");
	expect_json("trunk", ",10,,20,", "[\"10\",\"20\"]");
	expect_json("peer-uid", "64055", "[64055]");
	expect_json("peer-uid", "0,64055,qemu,-1", "[0,64055,\"qemu\",-1]");
	expect_json("peer-uid", "123456789012345678901234", "[\"123456789012345678901234\"]");
	expect_json("disable-feature", "tso,packed", "[\"tso\",\"packed\"]");
	expect_json("require-seals", "yes", "true");
	expect_json("permissions", "0660", "\"0660\"");
	expect_json("no-such-leaf", "7", "\"7\"");
	expect_json("description", "a=b,c", "\"a=b,c\"");
	assert_null(cli_leaf_value(port_leaf("socket"), "\xff"));
	assert_null(cli_leaf_value(port_leaf("trunk"), "1,\xff"));
}

static void
test_find(void **state)
{
	assert_non_null(port_leaf("mtu"));
	assert_null(port_leaf("mt"));
	assert_null(port_leaf("mtux"));
	assert_null(port_leaf("aging-time"));
	assert_non_null(cli_leaf_find(CLI_WORD_BRIDGE_LEAF, "aging-time=60", 10));
	assert_true(cli_leaf_word(CLI_WORD_PORT_LEAF));
	assert_false(cli_leaf_word(CLI_WORD_PORT));
}

/* The table is read by help and completion: no row may miss what they print. */
static void
test_table_is_complete(void **state)
{
	for (const struct cli_leaf *leaf = cli_leaves; leaf->name != NULL; leaf++) {
		assert_true(cli_leaf_word(leaf->word));
		assert_true(str_given(leaf->value));
		assert_true(str_given(leaf->help));
		assert_true(leaf->kind != CLI_LEAF_BOOL || str_given(leaf->values));
		assert_ptr_equal(cli_leaf_find(leaf->word, leaf->name, strlen(leaf->name)), leaf);
	}
}

static enum cli_status
parse(const char *const *words, size_t n, json_t *values, json_t *removed, char **message)
{
	size_t size;
	FILE *err = open_memstream(message, &size);
	struct cli cli = {.out = err, .err = err};
	char *args[8];
	enum cli_status status;

	for (size_t i = 0; i < n; i++) {
		args[i] = str_dup(words[i]);
	}
	status = cli_leaf_parse(&cli, CLI_WORD_PORT_LEAF, args, n, values, removed);
	for (size_t i = 0; i < n; i++) {
		free(args[i]);
	}
	(void)fclose(err);
	return status;
}

static void
test_parse(void **state)
{
	static const char *const words[] = {"mtu=9000", "vlan=", "trunk=1,2", "x=y=z"};
	json_t *values = json_object();
	json_t *removed = json_array();
	char *message;
	char *dump;

	assert_int_equal(parse(words, 4, values, removed, &message), CLI_OK);
	dump = json_dumps(values, JSON_COMPACT);
	assert_string_equal(dump, "{\"mtu\":9000,\"trunk\":[\"1\",\"2\"],\"x\":\"y=z\"}");
	free(dump);
	assert_int_equal(json_array_size(removed), 1);
	assert_string_equal(json_string_value(json_array_get(removed, 0)), "vlan");
	free(message);
	json_decref(values);
	json_decref(removed);
}

static void
test_parse_errors(void **state)
{
	static const struct {
		const char *words[2];
		const char *message;
	} cases[] = {
		{{"mtu", "a=b"}, "'mtu' is not of the form key=value"},
		{{"=1", "a=b"}, "'=1' is not of the form key=value"},
		{{"a=b", "a=c"}, "the key a is given twice"},
		{{"mtu=", "a=b"}, "the key mtu has no value"},
		{{"a=\xff", "b=c"}, "'a' is not valid UTF-8"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *values = json_object();
		char *message;

		assert_int_equal(parse(cases[i].words, 2, values, NULL, &message), CLI_USAGE);
		assert_non_null(strstr(message, cases[i].message));
		free(message);
		json_decref(values);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_table_is_complete),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_errors),
	};

	return cmocka_run_group_tests_name("cli_leaf", tests, NULL, NULL);
}
