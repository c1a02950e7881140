/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/tree.h"

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

struct fixture {
	struct model *model;
	struct tree *tree;
	struct tree_list *system;
	struct tree_list *bridges;
	struct tree_list *ports;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(model_create(NULL, &f->model, NULL), 0);
	tree_create(f->model, &f->tree);
	f->system = tree_list_at(f->tree, 0);
	f->bridges = tree_list_at(f->tree, 1);
	f->ports = tree_list_at(f->tree, 3);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	tree_destroy(f->tree);
	model_destroy(f->model);
	free(f);
	return 0;
}

static void
put(struct tree_list *list, const char *key, const char *text)
{
	json_t *config = text == NULL ? NULL : json_of(text);

	tree_put(list, key, config);
	json_decref(config);
}

/* The text of the file is the document, whatever was put before. */
static void
expect_document(struct fixture *f, const char *text)
{
	json_t *wanted = json_of(text);
	json_t *document = tree_document(f->tree);
	json_t *parsed;
	size_t len;
	char *saved = tree_text(f->tree, &len);

	assert_int_equal(strlen(saved), len);
	parsed = json_loads(saved, 0, NULL);
	assert_non_null(parsed);
	assert_true(json_equal(document, wanted));
	assert_true(json_equal(parsed, document));
	json_decref(wanted);
	json_decref(document);
	json_decref(parsed);
	free(saved);
}

static void
test_lists(void **state)
{
	struct fixture *f = *state;
	char path[64];

	assert_string_equal(tree_list_name(f->system), "system");
	assert_string_equal(tree_list_name(f->bridges), "bridge");
	assert_string_equal(tree_list_name(f->ports), "port");
	assert_string_equal(tree_list_name(tree_list_at(f->tree, 2)), "acl");
	assert_string_equal(tree_list_name(tree_list_at(f->tree, 4)), "mirror");
	assert_null(tree_list_at(f->tree, 5));
	assert_ptr_equal(tree_find_list(f->tree, f->ports->node), f->ports);
	assert_null(tree_find_list(f->tree, f->model->root));
	assert_string_equal(
		tree_path(f->ports, "a", path, sizeof(path)), "/vswitch:vswitch/port[name='a']");
	assert_string_equal(
		tree_path(f->system, "", path, sizeof(path)), "/vswitch:vswitch/system");
	assert_non_null(tree_get(f->system, ""));
}

static int
stop_at(void *arg, const char *key, const json_t *config)
{
	char *seen = arg;

	(void)str_append(seen, key, 64);
	return strcmp(key, "vm10") == 0 ? 7 : 0;
}

static void
test_put(void **state)
{
	struct fixture *f = *state;
	char seen[64] = "";

	expect_document(f, "{'vswitch:vswitch': {}}");
	put(f->ports, "vm10", "{'name': 'vm10'}");
	put(f->ports, "vm9", "{'name': 'vm9'}");
	put(f->ports, "vm11", "{'name': 'vm11'}");
	put(f->bridges, "b", "{'name': 'b'}");
	assert_int_equal(f->ports->count, 3);
	assert_int_equal(tree_each(f->ports, stop_at, seen), 7);
	assert_string_equal(seen, "vm9vm10");
	expect_document(f,
		"{'vswitch:vswitch': {'bridge': [{'name': 'b'}], 'port': [{'name': 'vm9'},"
		"{'name': 'vm10'}, {'name': 'vm11'}]}}");
	put(f->ports, "vm9", "{'name': 'vm9', 'mtu': 70, 'trunk': ['1']}");
	put(f->ports, "vm11", NULL);
	put(f->ports, "vm12", NULL);
	put(f->system, "", "{'description': 'two\\nlines'}");
	assert_int_equal(f->ports->count, 2);
	assert_null(tree_get(f->ports, "vm11"));
	expect_document(f,
		"{'vswitch:vswitch': {'system': {'description': 'two\\nlines'},"
		"'bridge': [{'name': 'b'}], 'port': [{'name': 'vm9', 'mtu': 70, 'trunk': ['1']},"
		"{'name': 'vm10'}]}}");
}

/* Texts are made few at a time, once for each content of an entry. */
static void
test_make_text(void **state)
{
	struct fixture *f = *state;
	size_t len;
	char *early;
	char *text;

	while (!tree_make_text(f->tree, 1)) {
	}
	put(f->bridges, "br0", "{'name': 'br0'}");
	put(f->bridges, "br1", "{'name': 'br1', 'aging-time': 20}");
	put(f->system, "", "{'description': 'lab'}");
	text = tree_text(f->tree, &len);
	put(f->bridges, "br0", "{'name': 'br0'}");
	put(f->bridges, "br1", "{'name': 'br1', 'aging-time': 20}");
	put(f->system, "", "{'description': 'lab'}");
	assert_false(tree_make_text(f->tree, 1));
	assert_false(tree_make_text(f->tree, 1));
	assert_true(tree_make_text(f->tree, 1));
	assert_true(tree_make_text(f->tree, 0));
	/* It is the same text, however it came about. */
	early = tree_text(f->tree, &len);
	assert_string_equal(early, text);
	put(f->bridges, "br1", NULL);
	assert_true(tree_make_text(f->tree, 0));
	put(f->bridges, "br0", "{'name': 'br0', 'aging-time': 20}");
	assert_false(tree_make_text(f->tree, 0));
	free(early);
	free(text);
}

static void
test_suggest(void **state)
{
	struct fixture *f = *state;
	struct suggest suggest;

	put(f->ports, "web1", "{'name': 'web1'}");
	tree_suggest(f->ports, "wbe1", &suggest);
	assert_string_equal(suggest_text(&suggest), "; did you mean 'web1'?");
}

/* A value in a message is cut, but never within a character. */
static void
test_show_cut(void **state)
{
	for (size_t size = 8; size < 40; size++) {
		json_t *json = jx_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb4"
					 "abc\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb4");
		char shown[40];
		json_t *again;

		jx_show(json, shown, size);
		assert_true(strlen(shown) < size);
		again = json_string(shown); /* NULL if it is not UTF-8 */
		assert_non_null(again);
		json_decref(again);
		json_decref(json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put, setup, teardown),
		cmocka_unit_test_setup_teardown(test_make_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_suggest, setup, teardown),
		cmocka_unit_test(test_show_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
