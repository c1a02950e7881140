/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods, over a real server and a stub of the datastore. */
#include "ctl/methods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/ds_stub.h"
#include "ctl/rpc_test_world.h"

struct methods_world {
	struct world world; /* first: the world's functions take it */
	struct datastore ds;
	struct methods methods;
	int fd;
	int actions_ctx;
};

static int
action_double(void *ctx, json_t *input, json_t **output, struct err *err)
{
	json_int_t n = json_integer_value(json_object_get(input, "n"));

	*(int *)ctx += 1;
	if (n == 0) {
		return err_set(err, ERR_INVALID, "n", "n must not be 0");
	}
	*output = json_pack("{s:I}", "n", 2 * n);
	return 0;
}

static int
action_quiet(void *ctx, json_t *input, json_t **output, struct err *err)
{
	assert_true(json_is_object(input));
	*(int *)ctx += 1;
	return 0;
}

/* Who waits for action_finish. */
static struct {
	rpc_action_done done;
	void *arg;
} waiting;

static void
action_wait(void *ctx, json_t *input, rpc_action_done done, void *arg)
{
	assert_true(json_is_object(input));
	*(int *)ctx += 1;
	waiting.done = done;
	waiting.arg = arg;
}

static int
action_finish(void *ctx, json_t *input, json_t **output, struct err *err)
{
	struct err refusal = ERR_INIT;

	*(int *)ctx += 1;
	if (json_object_get(input, "error") == NULL) {
		waiting.done(waiting.arg, json_pack("{s:i}", "waited", 1), NULL);
	} else {
		(void)err_set(&refusal, ERR_LIMIT, NULL, "nobody came");
		waiting.done(waiting.arg, NULL, &refusal);
	}
	return 0;
}

static const struct rpc_action actions[] = {
	{"double", action_double},
	{"fdb-flush", action_quiet},
	{"wait", .start = action_wait},
	{"finish", action_finish},
	{NULL, NULL},
};

static int setup(void **state) ROLE_ATTR(no_thread_safety_analysis);
static int teardown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static int
setup(void **state)
{
	struct methods_world *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return -1;
	}
	w->methods = (struct methods){
		.ds = &w->ds,
		.actions = actions,
		.actions_ctx = &w->actions_ctx,
		.versions = json_pack("{s:s}", "vswitchd", "1.2.3"),
		.started = clock_now() - 100 * CLOCK_S,
	};
	w->ds.data = json_pack("{s:{}}", "vswitch:vswitch");
	w->ds.edit_result = json_pack("{s:[], s:i}", "changes", "revision", 7);
	if (world_init(&w->world, methods_table, &w->methods) != 0) {
		return -1;
	}
	w->fd = world_connect(&w->world);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct methods_world *w = *state;
	int rc;

	(void)close(w->fd);
	rc = world_fini(&w->world);
	ds_stub_fini(&w->ds);
	json_decref(w->methods.versions);
	free(w);
	return rc;
}

static void
expect_result(struct methods_world *w, const char *method, const char *params, const char *result)
{
	json_t *answer = world_call(&w->world, w->fd, method, params);
	char *text = json_dumps(json_object_get(answer, "result"), JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, result);
	free(text);
	json_decref(answer);
}

/* `words`: what the message must contain. */
static void
expect_error(struct methods_world *w, const char *method, const char *params, int code,
	const char *words)
{
	json_t *answer = world_call(&w->world, w->fd, method, params);
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	assert_non_null(message);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	if (strstr(message, words) == NULL) {
		fail_msg("\"%s\" is not in: %s", words, message);
	}
	json_decref(answer);
}

/* ---- get ---- */

static void
test_get_defaults(void **state)
{
	struct methods_world *w = *state;

	expect_result(w, "get", NULL, "{\"vswitch:vswitch\":{}}");
	assert_string_equal(w->ds.path, "(null)");
	assert_int_equal(w->ds.options.content, DS_CONTENT_ALL);
	assert_int_equal(w->ds.options.depth, 0);
	assert_int_equal(w->ds.options.page.limit, 0);
	assert_string_equal(w->ds.after, "(null)");
	assert_false(w->ds.options.with_defaults);
	expect_result(w, "get", "{}", "{\"vswitch:vswitch\":{}}");
}

static void
test_get_params(void **state)
{
	struct methods_world *w = *state;

	expect_result(w, "get",
		"{\"path\":\"/"
		"a\",\"content\":\"config\",\"depth\":3,\"limit\":10000,\"after\":\"x\","
		"\"with-defaults\":true}",
		"{\"vswitch:vswitch\":{}}");
	assert_string_equal(w->ds.path, "/a");
	assert_int_equal(w->ds.options.content, DS_CONTENT_CONFIG);
	assert_int_equal(w->ds.options.depth, 3);
	assert_int_equal(w->ds.options.page.limit, 10000);
	assert_string_equal(w->ds.after, "x");
	assert_true(w->ds.options.with_defaults);
	expect_result(w, "get", "{\"content\":\"state\"}", "{\"vswitch:vswitch\":{}}");
	assert_int_equal(w->ds.options.content, DS_CONTENT_STATE);
	expect_result(w, "get", "{\"content\":\"all\"}", "{\"vswitch:vswitch\":{}}");
	assert_int_equal(w->ds.options.content, DS_CONTENT_ALL);
}

static void
test_get_bad_params(void **state)
{
	static const struct {
		const char *params;
		const char *words;
	} cases[] = {
		{"{\"pat\":\"/\"}", "no param 'pat'"},
		{"{\"pat\":\"/\"}", "did you mean 'path'?"},
		{"{\"path\":1}", "'path' must be a string"},
		{"{\"path\":null}", "'path' must be a string"},
		{"{\"content\":\"most\"}", "one of all, config, state"},
		{"{\"content\":[]}", "'content' must be a string"},
		{"{\"depth\":-1}", "'depth' must be a whole number"},
		{"{\"depth\":1.0}", "'depth' must be a whole number"},
		{"{\"depth\":\"1\"}", "'depth' must be a whole number"},
		{"{\"depth\":4294967296}", "at most 4294967295"},
		{"{\"limit\":10001}", "at most 10000"},
		{"{\"after\":1}", "'after' must be a string"},
		{"{\"with-defaults\":1}", "'with-defaults' must be true or false"},
		{"[]", "must be an object"},
		{"null", "must be an object"},
	};
	struct methods_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		expect_error(w, "get", cases[i].params, RPC_INVALID_PARAMS, cases[i].words);
	}
	assert_string_equal(w->ds.path, "");
}

static void
test_get_page(void **state)
{
	struct methods_world *w = *state;

	(void)str_copy(w->ds.next, "cursor", sizeof(w->ds.next));
	expect_result(w, "get", NULL, "{\"vswitch:vswitch\":{},\"next\":\"cursor\"}");
}

static void
test_get_refused(void **state)
{
	struct methods_world *w = *state;
	json_t *answer;
	char *text;

	w->ds.get_error = ERR_MISSING;
	answer = world_call(&w->world, w->fd, "get", "{\"path\":\"/x\"}");
	text = json_dumps(json_object_get(answer, "error"), JSON_COMPACT);
	assert_string_equal(text,
		"{\"code\":-32000,\"message\":\"cannot be had\",\"data\":{\"error-tag\":"
		"\"data-missing\",\"error-path\":\"/x\",\"error-message\":\"cannot be had\"}}");
	free(text);
	json_decref(answer);
}

/* ---- edit ---- */

static void
test_edit(void **state)
{
	struct methods_world *w = *state;
	char *text;

	expect_result(w, "edit",
		"{\"edits\":[],\"comment\":\"c\",\"base-revision\":3,"
		"\"dry-run\":false}",
		"{\"changes\":[],\"revision\":7}");
	text = json_dumps(w->ds.params, JSON_COMPACT);
	assert_string_equal(
		text, "{\"edits\":[],\"comment\":\"c\",\"base-revision\":3,\"dry-run\":false}");
	free(text);
	assert_int_equal(w->ds.edit_result->refcount, 1);
}

static void
test_edit_refused(void **state)
{
	static const struct {
		enum err_kind kind;
		int code;
	} cases[] = {
		{ERR_INVALID, RPC_REFUSED},
		{ERR_CONFLICT, RPC_CONFLICT},
		{ERR_MALFORMED, RPC_INVALID_PARAMS},
		{ERR_LIMIT, RPC_LIMIT},
	};
	struct methods_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		w->ds.edit_error = cases[i].kind;
		expect_error(w, "edit", "{\"edits\":[]}", cases[i].code, "no such thing");
	}
}

static void
test_edit_bad_params(void **state)
{
	struct methods_world *w = *state;

	expect_error(w, "edit", NULL, RPC_INVALID_PARAMS, "needs the param 'edits'");
	expect_error(w, "edit", "{}", RPC_INVALID_PARAMS, "needs the param 'edits'");
	expect_error(w, "edit", "{\"edits\":{}}", RPC_INVALID_PARAMS, "must be an array");
	expect_error(w, "edit", "{\"edits\":[],\"dryrun\":true}", RPC_INVALID_PARAMS,
		"did you mean 'dry-run'?");
	expect_error(w, "edit", "{\"edits\":[],\"confirm-timeout\":86401}", RPC_INVALID_PARAMS,
		"at most 86400");
	assert_null(w->ds.params);
}

/* The others that change the configuration. */
static void
test_confirm_and_rollback(void **state)
{
	struct methods_world *w = *state;

	expect_result(w, "confirm", NULL, "{\"changes\":[],\"revision\":7}");
	assert_string_equal(w->ds.called, "confirm");
	assert_true(w->ds.user[0] != '\0');
	assert_memory_equal(w->ds.from, "unix, pid ", 10);
	expect_error(w, "confirm", "{\"revision\":1}", RPC_INVALID_PARAMS, "takes no params");
	expect_result(w, "rollback", NULL, "{\"changes\":[],\"revision\":7}");
	assert_string_equal(w->ds.called, "rollback");
	assert_null(w->ds.params);
	expect_result(w, "rollback",
		"{\"revision\":3,\"base-revision\":6,\"comment\":\"c\",\"dry-run\":true,"
		"\"confirm-timeout\":86400}",
		"{\"changes\":[],\"revision\":7}");
	assert_int_equal(json_integer_value(json_object_get(w->ds.params, "revision")), 3);
	expect_error(w, "rollback", "{\"revision\":\"3\"}", RPC_INVALID_PARAMS,
		"'revision' must be a whole number");
	expect_error(w, "rollback", "{\"edits\":[]}", RPC_INVALID_PARAMS, "no param 'edits'");
	w->ds.edit_error = ERR_CONFLICT;
	expect_error(w, "rollback", "{}", RPC_CONFLICT, "no such thing");
	expect_error(w, "confirm", "{}", RPC_CONFLICT, "no such thing");
}

static void
test_history_and_diff(void **state)
{
	struct methods_world *w = *state;

	expect_result(w, "history", NULL, "{\"revisions\":[]}");
	assert_int_equal(w->ds.history.limit, 0);
	expect_result(w, "history", "{\"limit\":5,\"before\":9}", "{\"revisions\":[]}");
	assert_int_equal(w->ds.history.limit, 5);
	assert_int_equal(w->ds.history.before, 9);
	expect_error(w, "history", "{\"limit\":1001}", RPC_INVALID_PARAMS, "at most 1000");
	expect_result(w, "diff", NULL, "{\"changes\":[]}");
	assert_false(w->ds.diff.has_from || w->ds.diff.has_to);
	assert_null(w->ds.diff.document);
	expect_result(w, "diff", "{\"from\":0,\"to\":2}", "{\"changes\":[]}");
	assert_true(w->ds.diff.has_from && w->ds.diff.has_to);
	assert_int_equal(w->ds.diff.to, 2);
	expect_result(w, "diff", "{\"document\":{}}", "{\"changes\":[]}");
	assert_non_null(w->ds.diff.document);
	expect_error(w, "diff", "{\"document\":{},\"to\":1}", RPC_INVALID_PARAMS, "or 'document'");
	expect_error(w, "diff", "{\"document\":[]}", RPC_INVALID_PARAMS, "must be an object");
	expect_result(w, "check", "{\"document\":{}}", "{}");
	expect_error(w, "check", "{}", RPC_INVALID_PARAMS, "needs the param 'document'");
	w->ds.edit_error = ERR_MISSING;
	expect_error(w, "diff", "{\"to\":4}", RPC_REFUSED, "no such thing");
	expect_error(w, "check", "{\"document\":{}}", RPC_REFUSED, "no such thing");
}

static void
test_edit_that_takes_its_time(void **state)
{
	struct methods_world *w = *state;
	char *line;

	w->ds.edit_later = true;
	world_say(&w->world, w->fd,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"edit\",\"params\":{\"edits\":[]}}");
	world_expect_silence(&w->world, w->fd);
	role_assert(&role_main);
	ds_stub_end_edit(&w->ds);
	line = world_hear(&w->world, w->fd);
	assert_string_equal(
		line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"changes\":[],\"revision\":7}}");
	free(line);
	/* and one whose peer has gone meanwhile */
	world_say(&w->world, w->fd,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"edit\",\"params\":{\"edits\":[]}}");
	world_step(&w->world);
	(void)close(w->fd);
	world_step(&w->world);
	ds_stub_end_edit(&w->ds);
	w->fd = world_connect(&w->world);
	expect_result(w, "get", NULL, "{\"vswitch:vswitch\":{}}");
}

/* ---- the others ---- */

static void
test_schema(void **state)
{
	struct methods_world *w = *state;

	expect_result(w, "schema", NULL, "{\"name\":\"vswitch\",\"yang\":\"module vswitch {}\"}");
	expect_result(w, "schema", "{\"name\":\"vswitch\"}",
		"{\"name\":\"vswitch\",\"yang\":\"module vswitch {}\"}");
	expect_error(w, "schema", "{\"name\":\"nix\"}", RPC_REFUSED, "no YANG module 'nix'");
	expect_error(w, "schema", "{\"name\":1}", RPC_INVALID_PARAMS, "must be a string");
}

static void
test_version_and_ping(void **state)
{
	struct methods_world *w = *state;
	json_int_t uptime;
	json_t *answer;

	expect_result(w, "version", NULL, "{\"vswitchd\":\"1.2.3\"}");
	expect_result(w, "version", "{}", "{\"vswitchd\":\"1.2.3\"}");
	expect_error(w, "version", "{\"x\":1}", RPC_INVALID_PARAMS, "takes no params");
	answer = world_call(&w->world, w->fd, "ping", NULL);
	assert_true(json_is_true(json_object_get(json_object_get(answer, "result"), "pong")));
	uptime = json_integer_value(json_object_get(json_object_get(answer, "result"), "uptime"));
	assert_in_range(uptime, 100, 200);
	json_decref(answer);
	expect_error(w, "ping", "{\"x\":1}", RPC_INVALID_PARAMS, "takes no params");
}

/* An action that answers later does not hold up those behind it. */
static void
test_late_action(void **state)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"action\",\"params\":{\"name\":\"wait\"}"
		"}",
		"{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"action\",\"params\":{\"name\":"
		"\"finish\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"action\",\"params\":{\"name\":\"wait\"}"
		"}",
		"{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"action\",\"params\":{\"name\":"
		"\"finish\","
		"\"input\":{\"error\":1}}}",
	};
	static const char *const answers[] = {"\"id\":7", "\"id\":8", "\"id\":9", "\"id\":10"};
	static const char *const words[] = {"\"waited\":1", "{}", "nobody came", "{}"};
	struct methods_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		world_say(&w->world, w->fd, lines[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char *line = world_hear(&w->world, w->fd);

		assert_non_null(line);
		assert_non_null(strstr(line, answers[i]));
		assert_non_null(strstr(line, words[i]));
		free(line);
	}
	assert_int_equal(w->actions_ctx, 4);
}

static void
test_actions(void **state)
{
	struct methods_world *w = *state;

	expect_result(w, "action", "{\"name\":\"double\",\"input\":{\"n\":21}}", "{\"n\":42}");
	expect_result(w, "action", "{\"name\":\"fdb-flush\"}", "{}");
	assert_int_equal(w->actions_ctx, 2);
	expect_error(w, "action", "{\"name\":\"double\"}", RPC_REFUSED, "n must not be 0");
	expect_error(
		w, "action", "{\"name\":\"fdb-flsh\"}", RPC_REFUSED, "did you mean 'fdb-flush'?");
	expect_error(w, "action", "{\"name\":\"x\"}", RPC_REFUSED,
		"there are: double, fdb-flush, wait, finish");
	expect_error(w, "action", "{}", RPC_INVALID_PARAMS, "needs the param 'name'");
	expect_error(w, "action", "{\"name\":\"double\",\"input\":[]}", RPC_INVALID_PARAMS,
		"must be an object");
	expect_error(w, "action", "{\"name\":\"double\",\"inputs\":{}}", RPC_INVALID_PARAMS,
		"did you mean 'input'?");
	w->methods.actions = NULL;
	expect_error(w, "action", "{\"name\":\"double\"}", RPC_REFUSED, "no action 'double'");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_get_defaults),
		CASE(test_get_params),
		CASE(test_get_bad_params),
		CASE(test_get_page),
		CASE(test_get_refused),
		CASE(test_edit),
		CASE(test_edit_refused),
		CASE(test_edit_bad_params),
		CASE(test_confirm_and_rollback),
		CASE(test_history_and_diff),
		CASE(test_edit_that_takes_its_time),
		CASE(test_schema),
		CASE(test_version_and_ping),
		CASE(test_actions),
		CASE(test_late_action),
	};

	return cmocka_run_group_tests_name("methods", tests, NULL, NULL);
}
