/* SPDX-License-Identifier: BSD-3-Clause */
/* What differs within an entry: no more, no less, on both sides. */
#include "schema/delta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/test_backend.h"

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

static void
expect_json(const json_t *got, const char *wanted, const char *what)
{
	json_t *json = json_of(wanted);

	if (!json_equal(got, json)) {
		fail_msg("%s: got %s, wanted %s", what, json_dumps(got, JSON_COMPACT), wanted);
	}
	json_decref(json);
}

static void
test_parts(void **state)
{
	static const struct {
		const char *list;
		const char *before;
		const char *after;
		const char *less_before;
		const char *less_after;
	} cases[] = {
		{"port", "{'name': 'a'}", "{'name': 'a'}", "{}", "{}"},
		{"port", "{'name': 'a', 'mtu': 1, 'vlan': 2, 'trunk': ['1', '2']}",
			"{'name': 'a', 'mtu': 1, 'queues': 3, 'trunk': ['1', '3']}",
			"{'vlan': 2, 'trunk': ['1', '2']}", "{'queues': 3, 'trunk': ['1', '3']}"},
		/* containers are cut down too */
		{"system", "{'http': {'enabled': true, 'port': 1}}",
			"{'http': {'enabled': true, 'port': 2}}", "{'http': {'port': 1}}",
			"{'http': {'port': 2}}"},
		{"system", "{}", "{'http': {'port': 2}}", "{}", "{'http': {'port': 2}}"},
		/* sorted lists: what came, went or differs */
		{"bridge", "{'meter': [{'id': 1, 'bit-rate': 1}, {'id': 2}, {'id': 3}, {'id': 5}]}",
			"{'meter': [{'id': 1, 'bit-rate': 2}, {'id': 3}, {'id': 4}, {'id': 5}]}",
			"{'meter': [{'id': 1, 'bit-rate': 1}, {'id': 2}]}",
			"{'meter': [{'id': 1, 'bit-rate': 2}, {'id': 4}]}"},
		{"bridge", "{'meter': [{'id': 1}, {'id': 2}]}", "{'meter': [{'id': 2}]}",
			"{'meter': [{'id': 1}]}", "{'meter': []}"},
		{"bridge", "{'meter': [{'id': 1}]}", "{}", "{'meter': [{'id': 1}]}", "{}"},
		/* the user's order: the same with nothing moved ... */
		{"acl",
			"{'ace': [{'name': 'z'}, {'name': 'a', 'forwarding': 'drop'}, {'name': "
			"'k'}, "
			"{'name': 'b', 'forwarding': 'drop'}]}",
			"{'ace': [{'name': 'z'}, {'name': 'a', 'forwarding': 'accept'}, {'name': "
			"'k'}"
			", {'name': 'b', 'forwarding': 'accept'}]}",
			"{'ace': [{'name': 'a', 'forwarding': 'drop'}, {'name': 'b', 'forwarding': "
			"'drop'}]}",
			"{'ace': [{'name': 'a', 'forwarding': 'accept'}, {'name': 'b', "
			"'forwarding': 'accept'}]}"},
		{"acl", "{'ace': [{'name': 'z'}, {'name': 'a'}]}",
			"{'ace': [{'name': 'z'}, {'name': 'm'}, {'name': 'a'}]}", "{'ace': []}",
			"{'ace': [{'name': 'm'}]}"},
		/* ... and what lies between, if something has */
		{"acl", "{'ace': [{'name': 'z'}, {'name': 'a'}, {'name': 'b'}, {'name': 'c'}]}",
			"{'ace': [{'name': 'z'}, {'name': 'b'}, {'name': 'a'}, {'name': 'c'}]}",
			"{'ace': [{'name': 'a'}, {'name': 'b'}]}",
			"{'ace': [{'name': 'b'}, {'name': 'a'}]}"},
		/* the same entry at both ends of what is left */
		{"acl", "{'ace': [{'name': 'a'}]}", "{'ace': [{'name': 'b'}, {'name': 'a'}]}",
			"{'ace': []}", "{'ace': [{'name': 'b'}]}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct lysc_node *node =
			model_child(model->root, cases[i].list, strlen(cases[i].list));
		json_t *before = json_of(cases[i].before);
		json_t *after = json_of(cases[i].after);
		json_t *less_before;
		json_t *less_after;

		/* There and back: neither side is special. */
		delta_make(node, before, after, &less_before, &less_after);
		expect_json(less_before, cases[i].less_before, cases[i].before);
		expect_json(less_after, cases[i].less_after, cases[i].after);
		json_decref(less_before);
		json_decref(less_after);
		delta_make(node, after, before, &less_after, &less_before);
		expect_json(less_before, cases[i].less_before, cases[i].before);
		expect_json(less_after, cases[i].less_after, cases[i].after);
		json_decref(less_before);
		json_decref(less_after);
		json_decref(before);
		json_decref(after);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
