/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static const struct rpc_who alice = {
	.user = "alice", .from = "192.0.2.1:50000", .role = RPC_ROLE_ADMIN};

static const struct {
	const char *request;
	const char *result; /* NULL: refused */
	const char *text; /* the refusal, or what the line must be */
	const char *line;
} cases[] = {
	{"{'method': 'edit', 'params': {'edits': [], 'comment': 'guest 7'}}",
		"{'revision': 12, 'changes': [{'op': 'create', 'path': '/a'}, {'op': 'delete'}]}",
		NULL,
		"alice (192.0.2.1:50000, role admin): edit, revision 12, 2 changes, first create "
		"\"/a\", comment \"guest 7\""},
	{"{'method': 'edit', 'params': {}}",
		"{'revision': 13, 'changes': [{'op': 'create', 'path': '/a'}],"
		"'confirm-by': '2026-11-22T01:02:03Z'}",
		NULL,
		"alice (192.0.2.1:50000, role admin): edit, revision 13, 1 change: create "
		"\"/a\", to be confirmed by 2026-11-22T01:02:03Z"},
	{"{'method': 'edit', 'params': {'edits': [{'op': 'merge', 'path': '/a/b'}]}}",
		"{'revision': 13, 'changes': [{'op': 'modify', 'path': '/a'}]}", NULL,
		"alice (192.0.2.1:50000, role admin): edit, revision 13, 1 change: merge "
		"\"/a/b\""},
	{"{'method': 'confirm'}", "{'revision': 13}", NULL,
		"alice (192.0.2.1:50000, role admin): confirm, revision 13"},
	{"{'method': 'program', 'params': {'bridge': 'br0'}}", "{'results': [{}, {}]}", NULL,
		"alice (192.0.2.1:50000, role admin): program \"br0\", 2 operations"},
	{"{'method': 'action', 'params': {'name': 'fdb-flush', 'input': {'bridge': 'br0'}}}",
		"{'flushed': 3}", NULL,
		"alice (192.0.2.1:50000, role admin): action \"fdb-flush\", input "
		"{\"bridge\":\"br0\"}"},
	{"{'method': 'edit', 'params': {}}", NULL, "no such port",
		"alice (192.0.2.1:50000, role admin): edit refused: \"no such port\""},
	/* nothing that a caller writes makes a second line, or an end of the quotes */
	{"{'method': 'edit', 'params': {'comment': 'a\\nb\\u007f\\u0022c'}}", "{'revision': 1}",
		NULL, "alice (192.0.2.1:50000, role admin): edit, revision 1, comment \"a?b??c\""},
	{"{'method': 'action', 'params': {'name': 'x\\r\\n'}}", NULL, "no\naction",
		"alice (192.0.2.1:50000, role admin): action \"x??\" refused: \"no?action\""},
	/* wrong kinds are no reason to fall over */
	{"{'method': 'edit', 'params': [1]}", "{'revision': 'x', 'changes': 7}", NULL,
		"alice (192.0.2.1:50000, role admin): edit, revision 0"},
	{"{}", "{}", NULL, "alice (192.0.2.1:50000, role admin): call"},
};

/* A certificate's name cannot be taken for more of the line. */
static void
odd_names(void **state)
{
	static const struct {
		const char *user;
		const char *begin;
	} names[] = {
		{"bob.o_x@y+z-1", "bob.o_x@y+z-1 (192.0.2.1:5, role none): "},
		{"Alice Smith", "\"Alice Smith\" (192.0.2.1:5, role none): "},
		{"root (unix, pid 1, role admin): edit",
			"\"root (unix, pid 1, role admin): edit\" (192.0.2.1:5, role none): "},
		{"a\" (b", "\"a? (b\" (192.0.2.1:5, role none): "},
		{"uid 0", "\"uid 0\" (192.0.2.1:5, role none): "},
		{"", "somebody (192.0.2.1:5, role none): "},
	};
	json_t *request = json_pack("{s:s}", "method", "edit");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct rpc_who who = {.from = "192.0.2.1:5", .uid = (uid_t)-1};
		const struct audit_end end = {.who = &who, .request = request, .refusal = "no"};
		char buf[AUDIT_TEXT];

		(void)str_copy(who.user, names[i].user, sizeof(who.user));
		(void)audit_text(&end, buf);
		assert_memory_equal(buf, names[i].begin, strlen(names[i].begin));
	}
	json_decref(request);
}

static json_t *
json_of(const char *text)
{
	char copy[1024];
	json_t *json;

	if (text == NULL) {
		return NULL;
	}
	assert_true(str_copy(copy, text, sizeof(copy)));
	for (char *c = copy; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	return json;
}

static void
lines(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *request = json_of(cases[i].request);
		json_t *result = json_of(cases[i].result);
		struct audit_end end = {.who = &alice,
			.request = request,
			.result = result,
			.refusal = cases[i].text};
		char text[AUDIT_TEXT];

		assert_string_equal(audit_text(&end, text), cases[i].line);
		json_decref(request);
		json_decref(result);
	}
}

static void
long_text_is_cut(void **state)
{
	json_t *request = json_of("{'method': 'edit', 'params': {}}");
	struct audit_end end = {.who = &alice, .request = request};
	char text[AUDIT_TEXT];
	char comment[8192];

	memset(comment, 'x', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	(void)json_object_set_new(
		json_object_get(request, "params"), "comment", json_string(comment));
	assert_in_range(strlen(audit_text(&end, text)), 200, 300);
	assert_non_null(strstr(text, "xxx...\""));
	json_decref(request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_names),
		cmocka_unit_test(lines),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
