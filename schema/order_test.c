/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access lists in the datastore: the order of their entries is what the user made it, and nobody
 * takes away what others name.
 */
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

#define ROOT "/vswitch:vswitch"
#define ACL ROOT "/acl[name='a']"
#define ACE(name) ACL "/ace[name='" name "']"
#define BR0 ROOT "/bridge[name='br0']"

static const char *const start =
	"{'vswitch:vswitch': {'acl': [{'name': 'a', 'ace': ["
	"{'name': 'm', 'forwarding': 'drop'}, {'name': 'c', 'forwarding': 'drop'},"
	"{'name': 'x', 'forwarding': 'drop'}]}]}}";

/* Names of the list's entries one behind the other, then + or - for what each of them does. */
static void
entries_text(struct backend *b, char *buf, size_t size) ON_MAIN
{
	struct ds_get_options options = {.path = ACL, .content = DS_CONTENT_CONFIG};
	char verdicts[64] = " ";
	json_t *got;
	json_t *ace;
	size_t i;

	assert_int_equal(ds_get(b->ds, &options, &got, NULL), 0);
	ace = json_object_get(
		json_array_get(json_object_get(json_object_get(got, "vswitch:vswitch"), "acl"), 0),
		"ace");
	buf[0] = '\0';
	for (i = 0; i < json_array_size(ace); i++) {
		const json_t *entry = json_array_get(ace, i);

		(void)str_append(buf, json_string_value(json_object_get(entry, "name")), size);
		(void)str_appendf(verdicts, sizeof(verdicts), "%c",
			json_string_value(json_object_get(entry, "forwarding"))[0] == 'a' ? '+'
											  : '-');
	}
	(void)str_append(buf, verdicts, size);
	json_decref(got);
}

#define ACCEPT "{'forwarding': 'accept'}"

/* One operation on m, c, x, all of them drop; what comes of it, or why it is refused. */
static const struct {
	const char *operation; /* without its braces */
	const char *end; /* NULL: refused */
	enum err_kind kind;
	const char *says;
} cases[] = {
	{"'op': 'create', 'path': \"" ACE("a") "\", 'value': " ACCEPT, "mcxa ---+"},
	{"'op': 'merge', 'path': \"" ACE("b") "\", 'value': " ACCEPT, "mcxb ---+"},
	{"'op': 'merge', 'path': \"" ACE("c") "\", 'value': " ACCEPT, "mcx -+-"},
	{"'op': 'replace', 'path': \"" ACE("m") "\", 'value': " ACCEPT, "mcx +--"},
	{"'op': 'delete', 'path': \"" ACE("c") "\"", "mx --"},
	{"'op': 'create', 'path': \"" ACE("c") "\", 'value': " ACCEPT, NULL, ERR_EXISTS,
		"exists already"},
	{"'op': 'merge', 'path': \"" ACE("c") "/forwarding\", 'value': 'accept'", "mcx -+-"},
	{"'op': 'merge', 'path': \"" ACL "\", 'value': {'ace': [{'name': 'b', 'forwarding': "
	 "'accept'}, {'name': 'x', 'forwarding': 'accept'}]}",
		"mcxb --++"},
	{"'op': 'replace', 'path': \"" ACL "\", 'value': {'ace': [{'name': 'x', 'forwarding': "
	 "'accept'}, {'name': 'c', 'forwarding': 'drop'}]}",
		"xc +-"},
	{"'op': 'merge', 'path': \"" ACL "\", 'value': {'ace': [{'name': 'b', 'forwarding': "
	 "'accept'}, {'name': 'a'}, {'name': 'b'}]}",
		NULL, ERR_INVALID, "two entries with these keys"},
	/* insert: create with a place */
	{"'op': 'insert', 'path': \"" ACE("a") "\", 'value': " ACCEPT, "mcxa ---+"},
	{"'op': 'insert', 'path': \"" ACE("a") "\", 'value': " ACCEPT ", 'where': 'last'",
		"mcxa ---+"},
	{"'op': 'insert', 'path': \"" ACE("a") "\", 'value': " ACCEPT ", 'where': 'first'",
		"amcx +---"},
	{"'op': 'insert', 'path': \"" ACE("a") "\", 'value': " ACCEPT
					       ", 'where': 'before', 'point': \"" ACE("c") "\"",
		"macx -+--"},
	{"'op': 'insert', 'path': \"" ACE("a") "\", 'value': " ACCEPT
					       ", 'where': 'after', 'point': \"" ACE("x") "\"",
		"mcxa ---+"},
	{"'op': 'insert', 'path': \"" ACE("c") "\", 'value': " ACCEPT, NULL, ERR_EXISTS,
		"exists already; use move"},
	{"'op': 'insert', 'path': \"" ACE("a") "\", 'value': " ACCEPT
					       ", 'where': 'after', 'point': \"" ACE("y") "\"",
		NULL, ERR_MISSING, "beside an entry that does not exist"},
	{"'op': 'insert', 'path': \"" ACE("a") "\"", NULL, ERR_INVALID, "'forwarding' is missing"},
	/* move */
	{"'op': 'move', 'path': \"" ACE("m") "\"", "cxm ---"},
	{"'op': 'move', 'path': \"" ACE("x") "\", 'where': 'first'", "xmc ---"},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'where': 'after', 'point': \"" ACE("c") "\"",
		"cmx ---"},
	{"'op': 'move', 'path': \"" ACE("x") "\", 'where': 'before', 'point': \"" ACE("c") "\"",
		"mxc ---"},
	{"'op': 'move', 'path': \"" ACE("a") "\"", NULL, ERR_MISSING, "cannot be moved"},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'value': " ACCEPT, NULL, ERR_MALFORMED,
		"move takes no \"value\""},
	/* places that are none */
	{"'op': 'move', 'path': \"" ACE("m") "\", 'where': 'before'", NULL, ERR_MALFORMED,
		"needs a \"point\""},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'point': \"" ACE("c") "\"", NULL, ERR_MALFORMED,
		"goes with \"where\" before or after"},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'where': 'before', 'point': \"" ACE("m") "\"",
		NULL, ERR_INVALID, "another entry than the one"},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'where': 'before', 'point': \"" ROOT
					     "/acl[name='b']/ace[name='c']\"",
		NULL, ERR_INVALID, "another entry of the same list"},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'where': 'before', 'point': '/'", NULL,
		ERR_INVALID, "another entry of the same list"},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'where': 'before', 'point': 3", NULL,
		ERR_MALFORMED, "has to be a path"},
	{"'op': 'move', 'path': \"" ACE("m") "\", 'where': 'middle'", NULL, ERR_MALFORMED,
		"first, last, before or after"},
	{"'op': 'move', 'path': \"" ACL "\"", NULL, ERR_INVALID, "order is the user's"},
	{"'op': 'insert', 'path': '/', 'value': {}", NULL, ERR_INVALID, "order is the user's"},
	{"'op': 'merge', 'path': \"" ACE("m") "\", 'value': {}, 'where': 'first'", NULL,
		ERR_MALFORMED, "go with insert and move"},
};

/* In the cases, ' stands for " but in paths, which are in " themselves: there it stays. */
static json_t *
operation_of(const char *text)
{
	char json[1024] = "{";
	size_t used = 1;
	bool path = false;
	json_t *operation;

	for (; *text != '\0' && used < sizeof(json) - 2; text++) {
		path = *text == '"' ? !path : path;
		json[used++] = *text == '\'' && !path ? '"' : *text;
	}
	json[used++] = '}';
	json[used] = '\0';
	operation = json_loads(json, 0, NULL);
	assert_non_null(operation);
	return operation;
}

static void
test_order(void **state)
{
	struct backend b = {0};
	char text[64];

	(void)state;
	role_enter(&role_main);
	backend_start(&b, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *params = json_pack("{s:[o]}", "edits", operation_of(cases[i].operation));
		const char *end = cases[i].end == NULL ? "mcx ---" : cases[i].end;
		struct outcome o = {0};

		do_op(&b, "replace", "/", start);
		ds_edit(b.ds, params, NULL, outcome_done, &o);
		if ((o.rc == 0) != (cases[i].end != NULL) ||
			(o.rc != 0 &&
				(o.err.kind != cases[i].kind ||
					strstr(o.err.text, cases[i].says) == NULL))) {
			fail_msg("%s: %d %s", cases[i].operation, o.rc, o.err.text);
		}
		entries_text(&b, text, sizeof(text));
		if (strcmp(text, end) != 0) {
			fail_msg("%s: %s, not %s", cases[i].operation, text, end);
		}
		assert_int_equal(ds_validate_full(b.ds, NULL), 0);
		outcome_clear(&o);
		json_decref(params);
	}
	backend_stop(&b);
	role_leave(&role_main);
}

/* --- at random -------------------------------------------------------------------------------- */

#define NAMES 8

/* The list as a string of letters: where a new or moved one goes. */
static void
model_place(char *list, char name, const char *where, char point)
{
	size_t at = strlen(list);

	if (strcmp(where, "first") == 0) {
		at = 0;
	} else if (strcmp(where, "last") != 0) {
		at = (size_t)(strchr(list, point) - list) + (strcmp(where, "after") == 0);
	}
	memmove(list + at + 1, list + at, strlen(list + at) + 1);
	list[at] = name;
}

static void
model_remove(char *list, char name)
{
	char *at = strchr(list, name);

	memmove(at, at + 1, strlen(at));
}

/* One operation on the model: false, and nothing happens, if it has to be refused. */
static bool
model_step(char *list, const char *op, char name, const char *where, char point)
{
	const bool there = strchr(list, name) != NULL;
	const bool beside = strcmp(where, "before") == 0 || strcmp(where, "after") == 0;

	if (strcmp(op, "delete") == 0) {
		if (there) {
			model_remove(list, name);
		}
		return there;
	}
	if (there != (strcmp(op, "move") == 0) ||
		(beside && (point == name || strchr(list, point) == NULL))) {
		return false;
	}
	if (there) {
		model_remove(list, name);
	}
	model_place(list, name, where, point);
	return true;
}

static void
test_random(void **state)
{
	static const char *const ops[] = {"insert", "move", "delete"};
	static const char *const wheres[] = {"first", "last", "before", "after"};
	struct backend b = {0};
	char list[NAMES + 1] = "";
	unsigned int seed = 7;
	unsigned int done = 0;

	(void)state;
	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "create", ACL, "{}");
	for (int i = 0; i < 3000; i++) {
		const char *op = ops[rand_r(&seed) % 3];
		const char *where = wheres[rand_r(&seed) % 4];
		const char name = (char)('a' + rand_r(&seed) % NAMES);
		const char point = (char)('a' + rand_r(&seed) % NAMES);
		const bool beside = where[0] == 'b' || where[0] == 'a';
		struct outcome o = {0};
		char wanted[32];
		char text[64];
		char json[512];
		json_t *params;

		(void)snprintf(json, sizeof(json), "'op': '%s', 'path': \"" ACL "/ace[name='%c']\"",
			op, name);
		if (op[0] == 'i') {
			(void)str_append(json, ", 'value': " ACCEPT, sizeof(json));
		}
		if (op[0] != 'd') {
			(void)str_appendf(json, sizeof(json), ", 'where': '%s'", where);
		}
		if (op[0] != 'd' && beside) {
			(void)str_appendf(
				json, sizeof(json), ", 'point': \"" ACL "/ace[name='%c']\"", point);
		}
		params = json_pack("{s:[o]}", "edits", operation_of(json));
		ds_edit(b.ds, params, NULL, outcome_done, &o);
		if ((o.rc == 0) != model_step(list, op, name, where, point)) {
			fail_msg("%s on %s: %d %s", json, list, o.rc, o.err.text);
		}
		done += o.rc == 0;
		(void)snprintf(
			wanted, sizeof(wanted), "%s %.*s", list, (int)strlen(list), "++++++++");
		entries_text(&b, text, sizeof(text));
		assert_string_equal(text, wanted);
		outcome_clear(&o);
		json_decref(params);
		(void)json_array_clear(b.log);
	}
	assert_in_range(done, 500, 2500);
	backend_stop(&b);
	role_leave(&role_main);
}

/* Another order is another configuration, and the file keeps it. */
static void
test_order_is_kept(void **state)
{
	struct backend b = {0};
	char folder[256];
	char file[300];
	char text[64];

	(void)state;
	role_enter(&role_main);
	make_folder(folder, sizeof(folder));
	(void)snprintf(file, sizeof(file), "%s/config.json", folder);
	backend_start(&b, file);
	do_op(&b, "replace", "/", start);
	assert_int_equal(ds_revision(b.ds), 1);
	do_op(&b, "replace", ACL,
		"{'ace': [{'name': 'm', 'forwarding': 'drop'}, {'name': 'x', 'forwarding': 'drop'},"
		"{'name': 'c', 'forwarding': 'drop'}]}");
	assert_int_equal(ds_revision(b.ds), 2);
	backend_stop(&b);
	backend_start(&b, file);
	entries_text(&b, text, sizeof(text));
	assert_string_equal(text, "mxc ---");
	backend_stop(&b);
	remove_folder(folder);
	role_leave(&role_main);
}

static void
test_who_names_access_lists(void **state)
{
	struct backend b = {0};

	(void)state;
	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "replace", "/", start);
	no_op(&b, "create", ROOT "/port[name='p']", "{'type': 'fake', 'acl-in': 'b'}", ERR_MISSING,
		ROOT "/port[name='p']/acl-in", "there is no acl 'b'");
	no_op(&b, "create", ROOT "/port[name='p']", "{'type': 'fake', 'acl-out': 'b'}", ERR_MISSING,
		ROOT "/port[name='p']/acl-out", "there is no acl 'b'");
	do_op(&b, "create", ROOT "/port[name='p']",
		"{'type': 'fake', 'acl-in': 'a', 'acl-out': 'a'}");
	no_op(&b, "delete", ACL, NULL, ERR_IN_USE, ACL, "access list 'a' is used by 1 port: p;");
	do_op(&b, "delete", ROOT "/port[name='p']/acl-in", NULL);
	no_op(&b, "delete", ACL, NULL, ERR_IN_USE, ACL, "is used by 1 port: p;");
	do_op(&b, "replace", ACL, "{}");
	do_op(&b, "replace", "/", "{'vswitch:vswitch': {}}");
	do_op(&b, "replace", "/", start);
	do_op(&b, "delete", ACL, NULL);
	backend_stop(&b);
	role_leave(&role_main);
}

static void
test_who_watches_ports(void **state)
{
	struct backend b = {0};

	(void)state;
	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "replace", "/",
		"{'vswitch:vswitch': {'bridge': [{'name': 'br0'}, {'name': 'br1'}], 'port': ["
		"{'name': 'p', 'type': 'fake', 'bridge': 'br0'},"
		"{'name': 'q', 'type': 'fake', 'bridge': 'br1'}]}}");
	no_op(&b, "create", BR0 "/group[id='1']",
		"{'type': 'all', 'bucket': [{'id': 7, 'actions': 'drop', 'watch-port': 'q'}]}",
		ERR_INVALID, BR0 "/group[id='1']/bucket[id='7']/watch-port",
		"port 'q' belongs to bridge 'br1', not to 'br0'");
	no_op(&b, "create", BR0 "/group[id='1']",
		"{'type': 'all', 'bucket': [{'id': 7, 'actions': 'drop', 'watch-port': 'r'}]}",
		ERR_MISSING, NULL, "there is no port 'r'");
	do_op(&b, "create", BR0 "/group[id='1']",
		"{'type': 'all', 'bucket': [{'id': 7, 'actions': 'drop', 'watch-port': 'p'},"
		"{'id': 8, 'actions': 'drop'}]}");
	no_op(&b, "delete", ROOT "/port[name='p']", NULL, ERR_IN_USE, NULL,
		"a bucket of bridge 'br0' watches port 'p'; delete its leaf watch-port first");
	no_op(&b, "delete", ROOT "/port[name='p']/bridge", NULL, ERR_IN_USE, NULL,
		"a bucket of bridge 'br0' watches");
	do_op(&b, "delete", BR0 "/group[id='1']/bucket[id='7']", NULL);
	do_op(&b, "delete", ROOT "/port[name='p']", NULL);
	backend_stop(&b);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_order_is_kept),
		cmocka_unit_test(test_who_names_access_lists),
		cmocka_unit_test(test_who_watches_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
