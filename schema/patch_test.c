/* SPDX-License-Identifier: BSD-3-Clause */
/* Patches both ways, and revisions of a long list: their differences, ways back and new starts. */
#include "schema/patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/datastore_history.h"
#include "schema/jx.h"
#include "schema/test_backend.h"

#define ACL "/vswitch:vswitch/acl[name='a']"
#define ACES 200
#define ROUNDS 300
#define ROUNDS_STORE 200

static uint32_t
rnd(uint64_t *seed, size_t n)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(*seed >> 33) % (uint32_t)n;
}

/* --- patches --------------------------------------------------------------------------------- */

/* {"n": number, "in": {"x": number}, "list": [number...], "other": ...}, any of them missing. */
static json_t *
random_object(uint64_t *seed)
{
	json_t *object = jx_object();
	json_t *list = jx_array();
	json_t *in = jx_object();

	for (uint32_t n = rnd(seed, 200); n > 0; n--) {
		jx_append(list, jx_integer(rnd(seed, 50)));
	}
	jx_set(in, "x", jx_integer(rnd(seed, 2)));
	jx_set(object, "n", jx_integer(rnd(seed, 3)));
	jx_set(object, "list", list);
	jx_set(object, "in", in);
	jx_set(object, "other", rnd(seed, 2) == 0 ? jx_string("text") : jx_array());
	for (const char *const *name = (const char *const[]){"n", "list", "in", "other", NULL};
		*name != NULL; name++) {
		if (rnd(seed, 5) == 0) {
			(void)json_object_del(object, *name);
		}
	}
	return object;
}

/* A few elements of the list come, go or change. */
static json_t *
random_next(uint64_t *seed, const json_t *object)
{
	json_t *next = rnd(seed, 4) == 0 ? random_object(seed) : jx_copy(object);
	json_t *list = json_object_get(next, "list");

	for (uint32_t n = rnd(seed, 5); json_array_size(list) > 0 && n > 0; n--) {
		const size_t at = rnd(seed, json_array_size(list));

		switch (rnd(seed, 3)) {
		case 0:
			jx_insert(list, at, jx_integer(rnd(seed, 50)));
			break;
		case 1:
			(void)json_array_remove(list, at);
			break;
		default:
			(void)json_array_set_new(list, at, jx_integer(rnd(seed, 50)));
			break;
		}
	}
	return next;
}

static void
test_patches_lead_both_ways(void **state)
{
	uint64_t seed = 1;
	json_t *a = random_object(&seed);

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		json_t *b = random_next(&seed, a);
		json_t *patch = patch_make(a, b);
		char *text = json_dumps(patch, JSON_COMPACT);
		json_t *read = json_loads(text, 0, NULL);
		json_t *forward = patch_apply(a, read, PATCH_FORWARD);
		json_t *backward = patch_apply(b, read, PATCH_BACKWARD);

		if (!json_equal(forward, b) || !json_equal(backward, a)) {
			fail_msg("%s", text);
		}
		json_decref(forward);
		json_decref(backward);
		json_decref(read);
		json_decref(patch);
		json_decref(a);
		free(text);
		a = b;
	}
	json_decref(a);
}

static void
test_patches_of_something_else(void **state)
{
	static const char *const cases[][2] = {
		{"{'list': [1, 2, 3]}", "{'list': {'at': [[1, [9], [4]]]}}"},
		{"{'list': [1, 2, 3]}", "{'list': {'at': [[3, [3], []]]}}"},
		{"{'list': [1, 2, 3]}", "{'list': {'at': [[7, [], [4]]]}}"},
		{"{'list': [1, 2, 3]}", "{'list': {'at': [[-1, [], [4]]]}}"},
		{"{'list': [1, 2, 3]}", "{'list': {'at': [[2, [3], []], [0, [1], []]]}}"},
		{"{'list': [1, 2, 3]}", "{'list': {'at': [[0, 1, 2]]}}"},
		{"{'list': [1, 2, 3]}", "{'list': {'at': 3}}"},
		{"{'list': [1, 2, 3]}", "{'list': 3}"},
		{"{'list': [1, 2, 3]}", "{'list': {'of': {}}}"},
		{"{'n': 1}", "{'n': [2, 3]}"},
		{"{'n': 1}", "{'m': [2, 3]}"},
		{"{'n': 1}", "{'n': [null, 3]}"},
		{"{'n': 1}", "{'n': [1]}"},
		{"{'in': {'x': 1}}", "{'in': {'of': {'x': [2, 1]}}}"},
		{"{'in': {'x': 1}}", "[]"},
		{"[]", "{}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *object = json_of(cases[i][0]);
		json_t *patch = json_of(cases[i][1]);

		if (patch_apply(object, patch, PATCH_FORWARD) != NULL) {
			fail_msg("%s", cases[i][1]);
		}
		json_decref(object);
		json_decref(patch);
	}
	assert_null(patch_apply(NULL, NULL, PATCH_FORWARD));
}

static void
test_a_patch_is_short(void **state)
{
	json_t *a = jx_object();
	json_t *list = jx_array();
	json_t *patch;
	json_t *b;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		jx_append(list, jx_integer(i));
	}
	jx_set(a, "list", list);
	assert_true(patch_pays(a));
	b = jx_copy(a);
	list = json_object_get(b, "list");
	(void)json_array_set_new(list, 5000, jx_integer(-1));
	(void)json_array_remove(list, 10);
	jx_insert(list, 9000, jx_integer(-2));
	patch = patch_make(a, b);
	assert_int_equal(json_array_size(json_object_get(json_object_get(patch, "list"), "at")), 3);
	assert_true(json_dumpb(patch, NULL, 0, JSON_COMPACT) < 100);
	json_decref(patch);
	json_decref(a);
	json_decref(b);
}

/* --- revisions ------------------------------------------------------------------------------- */

struct story {
	struct backend *b;
	uint64_t seed;
	char file[512];
	json_t *documents; /* by revision, from 0 on */
};

static json_t *
document(struct story *story) ON_MAIN
{
	struct ds_get_options options = {.content = DS_CONTENT_CONFIG};
	json_t *out = NULL;

	assert_int_equal(ds_get(story->b->ds, &options, &out, NULL), 0);
	return out;
}

static void
note_revision(struct story *story) ON_MAIN
{
	assert_int_equal(json_array_size(story->documents), ds_revision(story->b->ds));
	jx_append(story->documents, document(story));
}

static const json_t *
acl_of(const json_t *doc)
{
	return json_array_get(json_object_get(json_object_get(doc, "vswitch:vswitch"), "acl"), 0);
}

static json_t *
ace_named(uint32_t number, const char *forwarding)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "e%u", number);
	return json_pack("{s:s, s:s}", "name", name, "forwarding", forwarding);
}

/* An edit of a few entries of the list; it may change nothing. */
static json_t *
random_edit(struct story *story) ON_MAIN
{
	json_t *edits = jx_array();

	for (uint32_t n = 1 + rnd(&story->seed, 3); n > 0; n--) {
		const uint32_t number = rnd(&story->seed, 2 * ACES);
		const char *verdict = rnd(&story->seed, 2) == 0 ? "accept" : "drop";
		const char *op = rnd(&story->seed, 3) == 0 ? "remove" : "merge";
		char path[128];
		json_t *edit = json_pack("{s:s}", "op", op);

		(void)snprintf(path, sizeof(path), ACL "/ace[name='e%u']", number);
		if (rnd(&story->seed, 10) == 0) {
			(void)snprintf(path, sizeof(path), ACL "/description");
			jx_set(edit, "value", jx_string(verdict));
			jx_set(edit, "op", jx_string("merge"));
		} else if (strcmp(op, "merge") == 0) {
			jx_set(edit, "value", ace_named(number, verdict));
		}
		jx_set(edit, "path", jx_string(path));
		jx_append(edits, edit);
	}
	return edits;
}

static void
carry_out(struct story *story, json_t *edits, unsigned int confirm) ON_MAIN
{
	json_t *params = json_pack("{s:o}", "edits", edits);
	struct outcome o = {0};

	if (confirm != 0) {
		jx_set(params, "confirm-timeout", jx_integer(confirm));
	}
	ds_edit(story->b->ds, params, &backend_author, outcome_done, &o);
	if (o.rc != 0) {
		fail_msg("%s: %s", o.err.path, o.err.text);
	}
	outcome_clear(&o);
	json_decref(params);
}

/* The change of the list between two revisions is what the documents say. */
static void
check_diff(struct story *story, uint64_t from, uint64_t to) ON_MAIN
{
	const struct ds_diff_options options = {
		.has_from = true, .from = from, .has_to = true, .to = to};
	const json_t *before = acl_of(json_array_get(story->documents, from));
	const json_t *after = acl_of(json_array_get(story->documents, to));
	struct err err = ERR_INIT;
	const json_t *change;
	json_t *out = NULL;

	if (ds_diff(story->b->ds, &options, &out, &err) != 0) {
		fail_msg("%s", err.text);
	}
	change = json_array_get(json_object_get(out, "changes"), 0);
	if (before == after || (before != NULL && after != NULL && json_equal(before, after))) {
		assert_null(change);
	} else {
		const json_t *x = json_object_get(change, "before");
		const json_t *y = json_object_get(change, "after");

		assert_true(x == before || json_equal(x, before));
		assert_true(y == after || json_equal(y, after));
	}
	json_decref(out);
}

/* Ends with the file behind the journal, and an edit that nobody has confirmed. */
static void
start_again(struct story *story) ON_MAIN
{
	const uint64_t was = ds_revision(story->b->ds);
	json_t *now = document(story);
	json_t *then;

	carry_out(story, random_edit(story), 1000);
	carry_out(story, random_edit(story), 1000);
	while (json_array_size(story->documents) <= ds_revision(story->b->ds)) {
		jx_append(story->documents, json_null()); /* not looked at */
	}
	backend_stop(story->b);
	backend_start(story->b, story->file);
	then = document(story);
	assert_true(json_equal(now, then));
	json_decref(then);
	while (json_array_size(story->documents) < ds_revision(story->b->ds)) {
		jx_append(story->documents, json_null());
	}
	if (ds_revision(story->b->ds) > was) {
		jx_append(story->documents, document(story));
	}
	json_decref(now);
}

static void
go_back(struct story *story, uint64_t target) ON_MAIN
{
	char params[64];
	struct outcome o = {0};
	json_t *now;

	(void)snprintf(params, sizeof(params), "{'revision': %u}", (unsigned int)target);
	rollback_f(story->b, &o, params);
	assert_int_equal(o.rc, 0);
	outcome_clear(&o);
	now = document(story);
	assert_true(json_equal(now, json_array_get(story->documents, target)));
	json_decref(now);
}

static uint64_t
some_revision(struct story *story) ON_MAIN
{
	const uint64_t now = ds_revision(story->b->ds);
	const uint64_t first = now < 80 ? 0 : now - 80;
	uint64_t found;

	do {
		found = first + rnd(&story->seed, now - first + 1);
	} while (!json_is_object(json_array_get(story->documents, found)));
	return found;
}

static void
test_revisions_of_a_long_list(void **state)
{
	struct story story = {.seed = 7, .documents = jx_array()};
	char folder[256];
	json_t *aces = jx_array();

	(void)state;
	role_enter(&role_main);
	story.b = calloc(1, sizeof(*story.b));
	assert_non_null(story.b);
	make_folder(folder, sizeof(folder));
	(void)snprintf(story.file, sizeof(story.file), "%s/config.json", folder);
	backend_start(story.b, story.file);
	note_revision(&story);
	for (uint32_t i = 0; i < ACES; i++) {
		jx_append(aces, ace_named(i, "drop"));
	}
	carry_out(&story,
		json_pack(
			"[{s:s, s:s, s:{s:o}}]", "op", "create", "path", ACL, "value", "ace", aces),
		0);
	note_revision(&story);
	for (int round = 0; round < ROUNDS_STORE; round++) {
		const uint64_t before = ds_revision(story.b->ds);
		uint64_t target;

		switch (rnd(&story.seed, 20)) {
		case 0:
		case 4:
			start_again(&story);
			break;
		case 1:
			do {
				target = some_revision(&story);
			} while (acl_of(json_array_get(story.documents, target)) == NULL);
			go_back(&story, target);
			break;
		case 2:
			carry_out(
				&story, json_pack("[{s:s, s:s}]", "op", "remove", "path", ACL), 0);
			go_back(&story, before);
			while (json_array_size(story.documents) < ds_revision(story.b->ds)) {
				jx_append(story.documents, json_null());
			}
			break;
		case 3:
		case 5:
			/* From here on a start has patches of a list that the file has. */
			backend_settle(story.b);
			break;
		default:
			carry_out(&story, random_edit(&story), 0);
			break;
		}
		if (json_array_size(story.documents) == ds_revision(story.b->ds)) {
			note_revision(&story);
		}
		check_diff(&story, some_revision(&story), some_revision(&story));
	}
	backend_stop(story.b);
	free(story.b);
	json_decref(story.documents);
	remove_folder(folder);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patches_lead_both_ways),
		cmocka_unit_test(test_patches_of_something_else),
		cmocka_unit_test(test_a_patch_is_short),
		cmocka_unit_test(test_revisions_of_a_long_list),
	};

	return cmocka_run_group_tests_name("patch", tests, NULL, NULL);
}
