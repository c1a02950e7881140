/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/test_backend.h"

/* A module with one container and this in it. */
#define MODULE(body)                                                         \
	"module vswitch { yang-version 1.1; namespace \"urn:x\"; prefix vs;" \
	" extension apply { argument class; } container vswitch { " body " } }"

/* Schemas that would promise what check.c does not do, or are none. */
static const struct {
	const char *text;
	const char *says;
} bad[] = {
	{MODULE("leaf a { type string; when \"true()\"; vs:apply live; }"), "must and when at 'a'"},
	{MODULE("leaf a { type string; must \"true()\"; vs:apply live; }"), "must and when at 'a'"},
	{MODULE("leaf a { type string; }"), "a leaf without vs:apply at 'a'"},
	{MODULE("leaf a { type decimal64 { fraction-digits 1; } vs:apply live; }"), "this type"},
	{MODULE("leaf a { type empty; vs:apply live; }"), "this type"},
	{MODULE("choice c { leaf a { type string; vs:apply live; } }"), "anything but container"},
	{MODULE("container c { presence \"x\"; }"), "anything but container"},
	{MODULE("anydata a;"), "anything but container"},
	{MODULE("list l { key a; max-elements 2; leaf a { type string; vs:apply live; } }"),
		"max-elements"},
	{MODULE("list l { key a; ordered-by user; leaf a { type string; vs:apply live; } }"),
		"ordered-by user of a list at the top"},
	{MODULE("container c { list l { key a; unique b; leaf a { type string; vs:apply live; }"
		" leaf b { type string; vs:apply live; } } }"),
		"unique"},
	{"module vswitch {", "does not compile"},
	{"", "is not a YANG text"},
};

static void
write_schema(const char *folder, const char *text)
{
	char path[400];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/vswitch.yang", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void
test_refused(void **state)
{
	struct err err = ERR_INIT;
	struct model *model = NULL;
	char folder[256];

	make_folder(folder, sizeof(folder));
	assert_int_equal(model_create(folder, &model, &err), err_errno(ERR_FAILED));
	assert_non_null(strstr(err.text, "cannot be read"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		write_schema(folder, bad[i].text);
		if (model_create(folder, &model, &err) == 0 ||
			strstr(err.text, bad[i].says) == NULL) {
			fail_msg("%s: %s", bad[i].text, err.text);
		}
		assert_null(model);
	}
	remove_folder(folder);
}

static void
test_folder(void **state)
{
	struct model *model;
	char folder[256];

	make_folder(folder, sizeof(folder));
	write_schema(folder, MODULE("leaf a { type string; vs:apply restart-port; }"));
	assert_int_equal(model_create(folder, &model, NULL), 0);
	assert_int_equal(
		model_apply_class(model_child(model->root, "a", 1)), MODEL_APPLY_RESTART_PORT);
	model_destroy(model);
	remove_folder(folder);
}

static void
test_nodes(void **state)
{
	const struct lysc_node *bridge;
	const struct lysc_node *port;
	struct model *model;

	assert_int_equal(model_create(NULL, &model, NULL), 0);
	bridge = model_child(model->root, "bridge", 6);
	port = model_child(model->root, "port", 4);
	assert_null(model_child(model->root, "por", 3));
	assert_ptr_equal(model_child(model->root, "portal", 4), port);
	assert_true(model_is_paged(model_child(bridge, "fdb", 3)));
	assert_false(model_is_paged(model_child(bridge, "static-mac", 10)));
	assert_true(
		model_is_user_ordered(model_child(model_child(model->root, "acl", 3), "ace", 3)));
	assert_false(model_is_user_ordered(model_child(bridge, "static-mac", 10)));
	assert_true(model_is_config(model_child(port, "mtu", 3)));
	assert_false(model_is_config(model_child(port, "reason", 6)));
	assert_string_equal(model_key(port, 0)->name, "name");
	assert_null(model_key(port, 1));
	assert_string_equal(model_key(model_child(bridge, "static-mac", 10), 1)->name, "vlan");
	assert_string_equal(model_default(model_child(port, "mtu", 3)), "1500");
	assert_null(model_default(model_child(port, "socket", 6)));
	/* a reference has the type of what it refers to */
	assert_int_equal(model_type(model_child(port, "bridge", 6))->basetype, LY_TYPE_STRING);
	assert_non_null(model_child(model_rpc_input(model, "fdb-flush"), "bridge", 6));
	assert_null(model_rpc_input(model, "fdb-fluhs"));
	model_destroy(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
