/* SPDX-License-Identifier: BSD-3-Clause */
/* Revisions: who made them, what lies between them, the way back, how many are kept. */
#include "schema/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/datastore_history.h"
#include "schema/jx.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define BR0 ROOT "/bridge[name='br0']"
#define P1 ROOT "/port[name='p1']"
#define J_P1 ROOT "/port[name=`p1`]"

static const struct ds_get_options config = {.content = DS_CONTENT_CONFIG};

static int
enter(void **state) ROLE_ATTR(no_thread_safety_analysis)
{
	struct backend *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	role_enter(&role_main);
	backend_start(b, NULL);
	*state = b;
	return 0;
}

static int
leave(void **state) ROLE_ATTR(no_thread_safety_analysis)
{
	backend_stop(*state);
	free(*state);
	role_leave(&role_main);
	return 0;
}

/* Three revisions: br0, p1 in it, p1's MTU. */
static void
make_three(struct backend *b) ON_MAIN
{
	struct outcome o = {0};

	do_op(b, "create", BR0, NULL);
	do_op(b, "create", P1, "{'type': 'tap', 'bridge': 'br0'}");
	edit_f(b, &o,
		"{'comment': 'larger', 'edits': [{'op': 'merge', 'path': '" J_P1
		"/mtu', 'value': 9000}]}");
	expect_revision(&o, 3);
}

static void
expect_diff(struct backend *b, struct ds_diff_options options, const char *wanted) ON_MAIN
{
	json_t *json = json_of(wanted);
	struct err err = ERR_INIT;
	json_t *got = NULL;

	if (ds_diff(b->ds, &options, &got, &err) != 0) {
		fail_msg("diff: %s", err.text);
	}
	if (!json_equal(got, json)) {
		fail_msg("got %s", json_dumps(got, JSON_COMPACT));
	}
	json_decref(got);
	json_decref(json);
}

static void
no_diff(struct backend *b, struct ds_diff_options options, enum err_kind kind,
	const char *text) ON_MAIN
{
	struct err err = ERR_INIT;
	json_t *got = NULL;

	assert_int_equal(ds_diff(b->ds, &options, &got, &err), err_errno(kind));
	if (strstr(err.text, text) == NULL) {
		fail_msg("%s", err.text);
	}
	assert_null(got);
}

/* Member of a revision in a list of ds_history. */
static const char *
text_of(const json_t *list, size_t i, const char *name)
{
	const char *text = json_string_value(json_object_get(json_array_get(list, i), name));

	return text == NULL ? "" : text;
}

static void
test_list(void **state)
{
	struct ds_history_options options = {0};
	struct backend *b = *state;
	json_t *result;
	json_t *list;

	role_assert(&role_main);
	result = ds_history(b->ds, &options);
	assert_int_equal(json_array_size(json_object_get(result, "revisions")), 0);
	json_decref(result);
	make_three(b);
	result = ds_history(b->ds, &options);
	list = json_object_get(result, "revisions");
	assert_int_equal(json_array_size(list), 3);
	assert_null(json_object_get(result, "next"));
	assert_string_equal(text_of(list, 0, "user"), "alice");
	assert_string_equal(text_of(list, 0, "from"), "test");
	assert_string_equal(text_of(list, 0, "comment"), "larger");
	assert_string_equal(text_of(list, 0, "change"), "commit");
	assert_int_equal(strlen(text_of(list, 0, "time")), strlen("2026-11-21T17:42:00Z"));
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 2), "revision")), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 0), "changes")), 1);
	json_decref(result);
	options = (struct ds_history_options){.limit = 1, .before = 3};
	result = ds_history(b->ds, &options);
	list = json_object_get(result, "revisions");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 0), "revision")), 2);
	assert_int_equal(json_integer_value(json_object_get(result, "next")), 2);
	json_decref(result);
}

static void
test_told(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};
	json_t *params;
	json_t *edits;

	role_assert(&role_main);
	make_three(b);
	assert_int_equal(b->n_revised, 3);
	assert_string_equal(json_string_value(json_object_get(b->revised, "user")), "alice");
	assert_string_equal(json_string_value(json_object_get(b->revised, "change")), "commit");
	assert_int_equal(json_array_size(json_object_get(b->revised, "changes")), 1);
	assert_null(json_object_get(b->revised, "more"));
	/* Nothing happened: nothing is told. */
	edit_f(b, &o, "{'edits': []}");
	expect_revision(&o, 3);
	edit_f(b, &o, "{'dry-run': true, 'edits': [{'op': 'delete', 'path': '" J_P1 "'}]}");
	expect_revision(&o, 3);
	b->refuse_prepare = true;
	edit_f(b, &o, "{'edits': [{'op': 'delete', 'path': '" J_P1 "'}]}");
	expect_refusal(&o, ERR_FAILED, "on fire");
	b->refuse_prepare = false;
	assert_int_equal(b->n_revised, 3);
	/* A long list is cut. */
	edits = jx_array();
	for (int i = 0; i < DS_REVISED_MAX + 7; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), ROOT "/bridge[name='b%d']", i);
		jx_append(edits, json_pack("{ss ss}", "op", "create", "path", path));
	}
	params = json_pack("{so}", "edits", edits);
	ds_edit(b->ds, params, NULL, outcome_done, &o);
	expect_revision(&o, 4);
	json_decref(params);
	assert_int_equal(json_array_size(json_object_get(b->revised, "changes")), DS_REVISED_MAX);
	assert_int_equal(json_integer_value(json_object_get(b->revised, "more")), 7);
	assert_string_equal(json_string_value(json_object_get(b->revised, "user")), "vswitchd");
}

/* Names come from certificates and hosts, whatever they hold. */
static void
test_odd_author(void **state)
{
	static const struct ds_author odd = {.user = "al\xff\xc3\xa9\n", .from = "\xc3\xa9"};
	struct backend *b = *state;
	struct outcome o = {0};
	json_t *params =
		json_of("{'edits': [{'op': 'create', 'path': '" ROOT "/bridge[name=`b`]'}]}");

	role_assert(&role_main);
	ds_edit(b->ds, params, &odd, outcome_done, &o);
	expect_revision(&o, 1);
	json_decref(params);
	assert_string_equal(json_string_value(json_object_get(b->revised, "user")), "al???\n");
	assert_string_equal(json_string_value(json_object_get(b->revised, "from")), "\xc3\xa9");
}

#define MTU_BEFORE "{'name': 'p1', 'type': 'tap', 'bridge': 'br0'}"
#define MTU_AFTER "{'name': 'p1', 'type': 'tap', 'bridge': 'br0', 'mtu': 9000}"

static void
test_diff(void **state)
{
	struct backend *b = *state;
	json_t *document;

	role_assert(&role_main);
	expect_diff(b, (struct ds_diff_options){0}, "{'from': 0, 'to': 0, 'changes': []}");
	make_three(b);
	expect_diff(b, (struct ds_diff_options){0},
		"{'from': 2, 'to': 3, 'changes': [{'op': 'modify', 'path': '" J_P1
		"', 'before': " MTU_BEFORE ", 'after': " MTU_AFTER "}]}");
	expect_diff(b,
		(struct ds_diff_options){.has_from = true, .from = 3, .has_to = true, .to = 1},
		"{'from': 3, 'to': 1, 'changes': [{'op': 'delete', 'path': '" J_P1
		"', 'before': " MTU_AFTER "}]}");
	/* What happened in between does not show. */
	expect_diff(b, (struct ds_diff_options){.has_from = true, .from = 1},
		"{'from': 1, 'to': 3, 'changes': [{'op': 'create', 'path': '" J_P1
		"', 'after': " MTU_AFTER "}]}");
	expect_diff(b, (struct ds_diff_options){.has_to = true, .to = 1},
		"{'from': 0, 'to': 1, 'changes': [{'op': 'create', 'path': '" ROOT
		"/bridge[name=`br0`]', 'after': {'name': 'br0'}}]}");
	expect_diff(b,
		(struct ds_diff_options){.has_from = true, .from = 2, .has_to = true, .to = 2},
		"{'from': 2, 'to': 2, 'changes': []}");
	no_diff(b, (struct ds_diff_options){.has_to = true, .to = 4}, ERR_MISSING,
		"there is no revision 4; the newest is 3");
	document = json_of("{'vswitch:vswitch': {'bridge': [{'name': 'br0'}]}}");
	expect_diff(b, (struct ds_diff_options){.document = document},
		"{'changes': [{'op': 'delete', 'path': '" J_P1 "', 'before': " MTU_AFTER "}]}");
	json_decref(document);
	document = json_of("{'vswitch:vswitch': {'bridge': 7}}");
	no_diff(b, (struct ds_diff_options){.document = document}, ERR_INVALID, "bridge");
	json_decref(document);
}

static void
test_rollback(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};

	role_assert(&role_main);
	rollback_f(b, &o, "{}");
	expect_refusal(&o, ERR_MISSING, "no revision to go back to");
	make_three(b);
	rollback_f(b, &o, "{'dry-run': true, 'revision': 1}");
	assert_true(json_is_true(json_object_get(o.result, "dry-run")));
	expect_revision(&o, 3);
	rollback_f(b, &o, "{}");
	expect_revision(&o, 4);
	expect_get(b, config,
		"{'vswitch:vswitch': {'bridge': [{'name': 'br0'}], 'port': [" MTU_BEFORE "]}}");
	assert_string_equal(json_string_value(json_object_get(b->revised, "change")), "rollback");
	assert_string_equal(
		json_string_value(json_object_get(b->revised, "comment")), "back to revision 2");
	/* The revision before that one is 3: a rollback is undone by another. */
	rollback_f(b, &o, "{'comment': 'no'}");
	expect_revision(&o, 5);
	assert_string_equal(json_string_value(json_object_get(b->revised, "comment")), "no");
	expect_get(b, config,
		"{'vswitch:vswitch': {'bridge': [{'name': 'br0'}], 'port': [" MTU_AFTER "]}}");
	rollback_f(b, &o, "{'revision': 0}");
	expect_revision(&o, 6);
	expect_get(b, config, "{'vswitch:vswitch': {}}");
	rollback_f(b, &o, "{'revision': 6}");
	expect_revision(&o, 6);
	rollback_f(b, &o, "{'revision': 2, 'base-revision': 6}");
	expect_revision(&o, 7);
	rollback_f(b, &o, "{'revision': 1, 'base-revision': 6}");
	expect_refusal(&o, ERR_CONFLICT, "at revision 7 by alice (test)");
	rollback_f(b, &o, "{'revision': 99}");
	expect_refusal(&o, ERR_MISSING, "no revision 99; the newest is 7");
	rollback_f(b, &o, "{'revision': -1}");
	expect_refusal(&o, ERR_MALFORMED, "\"revision\" has to be");
	rollback_f(b, &o, "{'edits': []}");
	expect_refusal(&o, ERR_MALFORMED, "a rollback has no parameter \"edits\"");
	rollback_f(b, &o, "{'revisoin': 1}");
	expect_refusal(&o, ERR_MALFORMED, "did you mean");
	/* The backend may refuse one as any edit. */
	b->refuse_prepare = true;
	rollback_f(b, &o, "{'revision': 1}");
	expect_refusal(&o, ERR_FAILED, "on fire");
	b->refuse_prepare = false;
	assert_int_equal(ds_revision(b->ds), 7);
}

static void
test_kept(void **state)
{
	struct ds_history_options options = {.limit = 1000};
	struct backend *b = *state;
	struct outcome o = {0};
	json_t *result;
	json_t *list;

	role_assert(&role_main);
	do_op(b, "create", BR0, NULL);
	for (int i = 0; i < HISTORY_MAX + 20; i++) {
		edit_f(b, &o,
			"{'edits': [{'op': 'replace', 'path': '" ROOT
			"/bridge[name=`br0`]/aging-time', 'value': %d}]}",
			20 + i);
		expect_revision(&o, (unsigned int)i + 2);
	}
	result = ds_history(b->ds, &options);
	list = json_object_get(result, "revisions");
	assert_int_equal(json_array_size(list), HISTORY_MAX);
	assert_null(json_object_get(result, "next"));
	json_decref(result);
	rollback_f(b, &o, "{'revision': 20}");
	expect_refusal(&o, ERR_MISSING, "revision 20 is not kept any more");
	no_diff(b, (struct ds_diff_options){.has_to = true, .to = 1}, ERR_MISSING, "not kept");
	/* The state before the oldest that is kept can be had. */
	rollback_f(b, &o, "{'revision': 21}");
	expect_revision(&o, HISTORY_MAX + 22);
	expect_get(
		b, config, "{'vswitch:vswitch': {'bridge': [{'name': 'br0', 'aging-time': 39}]}}");
}

/* Over starts, with files of the journal coming and going. */
static void
test_on_disk(void **state)
{
	struct ds_history_options options = {.limit = 1000};
	struct backend b = {0};
	struct outcome o = {0};
	char folder[256];
	char path[300];
	json_t *result;
	int n = 0;

	role_assert(&role_main);
	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	for (int start = 0; start < 4; start++) {
		backend_start(&b, path);
		assert_int_equal(ds_revision(b.ds), n);
		result = ds_history(b.ds, &options);
		assert_int_equal(json_array_size(json_object_get(result, "revisions")),
			n < HISTORY_MAX ? n : HISTORY_MAX);
		json_decref(result);
		for (int i = 0; i < 80; i++) {
			n++;
			edit_f(&b, &o,
				"{'edits': [{'op': 'replace', 'path': '" ROOT
				"/system/description', 'value': 'r%d'}]}",
				n);
			expect_revision(&o, (unsigned int)n);
			if (i % 30 == 29) {
				backend_settle(&b);
			}
		}
		backend_stop(&b);
	}
	(void)snprintf(path, sizeof(path), "%s/c.json.d/journal.00000000000000000000", folder);
	assert_int_equal(access(path, F_OK), -1); /* nobody needs the first any more */
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	backend_start(&b, path);
	rollback_f(&b, &o, "{'revision': 222}");
	expect_revision(&o, 321);
	expect_get(&b, config, "{'vswitch:vswitch': {'system': {'description': 'r222'}}}");
	backend_stop(&b);
	remove_folder(folder);
}

static void
copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "re");
	FILE *out = fopen(to, "we");
	int c;

	assert_non_null(in);
	assert_non_null(out);
	while ((c = getc(in)) != EOF) {
		assert_int_equal(putc(c, out), c);
	}
	assert_int_equal(fclose(out), 0);
	assert_int_equal(fclose(in), 0);
}

/* A daemon that was killed long before it wrote its file: more revisions lead to the last one than
 * are kept. */
static void
test_far_behind(void **state)
{
	const int last = 2 * HISTORY_MAX + 50;
	struct ds_history_options options = {.limit = 1000};
	struct backend b = {0};
	struct outcome o = {0};
	char folder[256];
	char path[300];
	char copy[300];
	char text[128];
	json_t *result;

	role_assert(&role_main);
	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	backend_start(&b, path);
	for (int n = 1; n <= last; n++) {
		edit_f(&b, &o,
			"{'edits': [{'op': 'replace', 'path': '" ROOT
			"/system/description', 'value': 'r%d'}]}",
			n);
		expect_revision(&o, (unsigned int)n);
	}
	/* what a crash here would leave */
	(void)snprintf(copy, sizeof(copy), "%s/copy.json.d", folder);
	assert_int_equal(mkdir(copy, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/c.json.d/journal.%020d", folder, 0);
	(void)snprintf(copy, sizeof(copy), "%s/copy.json.d/journal.%020d", folder, 0);
	copy_file(path, copy);
	backend_stop(&b);
	(void)snprintf(copy, sizeof(copy), "%s/copy.json", folder);
	backend_start(&b, copy);
	assert_int_equal(ds_revision(b.ds), last);
	(void)snprintf(text, sizeof(text),
		"{'vswitch:vswitch': {'system': {'description': 'r%d'}}}", last);
	expect_get(&b, config, text);
	result = ds_history(b.ds, &options);
	assert_int_equal(json_array_size(json_object_get(result, "revisions")), HISTORY_MAX);
	json_decref(result);
	backend_stop(&b);
	remove_folder(folder);
}

/* What cannot be a record is none. */
static void
test_bad_records(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{'revision': 0, 'time': '', 'user': '', 'from': '', 'change': '', 'changes': []}",
		"{'revision': 1, 'time': '', 'user': '', 'from': '', 'change': '', 'changes': {}}",
		"{'revision': 1, 'time': '', 'user': 1, 'from': '', 'change': '', 'changes': []}",
	};
	struct history *history;

	history_create(&history);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *record = json_of(bad[i]);

		assert_false(history_add(history, record, "x", 1));
		json_decref(record);
	}
	assert_int_equal(history_last(history), 0);
	history_destroy(history);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, enter, leave),
		cmocka_unit_test_setup_teardown(test_told, enter, leave),
		cmocka_unit_test_setup_teardown(test_odd_author, enter, leave),
		cmocka_unit_test_setup_teardown(test_diff, enter, leave),
		cmocka_unit_test_setup_teardown(test_rollback, enter, leave),
		cmocka_unit_test_setup_teardown(test_kept, enter, leave),
		cmocka_unit_test_setup_teardown(test_on_disk, enter, leave),
		cmocka_unit_test_setup_teardown(test_far_behind, enter, leave),
		cmocka_unit_test_setup_teardown(test_bad_records, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
