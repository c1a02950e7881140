/* SPDX-License-Identifier: BSD-3-Clause */
/* Edits that have to be confirmed: that they stay, and everything that takes them back. */
#include "schema/datastore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "schema/datastore_history.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define P1 ROOT "/port[name='p1']"
#define J_P1 ROOT "/port[name=`p1`]"
#define MTU(n) "[{'op': 'replace', 'path': '" J_P1 "/mtu', 'value': " #n "}]"

static const struct ds_get_options config = {.content = DS_CONTENT_CONFIG};

static char folder[256];
static char path[300];

static int
enter(void **state) ROLE_ATTR(no_thread_safety_analysis)
{
	struct backend *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	role_enter(&role_main);
	backend_start(b, path);
	do_op(b, "create", P1, "{'type': 'tap', 'mtu': 1000}");
	free(backend_log(b));
	*state = b;
	return 0;
}

static int
leave(void **state) ROLE_ATTR(no_thread_safety_analysis)
{
	backend_stop(*state);
	free(*state);
	role_leave(&role_main);
	remove_folder(folder);
	return 0;
}

static void expect_mtu(struct backend *b, int mtu) ON_MAIN;

static void
expect_mtu(struct backend *b, int mtu)
{
	char text[200];

	(void)snprintf(text, sizeof(text),
		"{'vswitch:vswitch': {'port': [{'name': 'p1', 'type': 'tap', 'mtu': %d}]}}", mtu);
	expect_get(b, config, text);
}

/* A member of the newest revision. New reference, NULL if there is none. */
static json_t *newest(struct backend *b, const char *name) ON_MAIN;

static json_t *
newest(struct backend *b, const char *name)
{
	struct ds_history_options options = {.limit = 1};
	json_t *result = ds_history(b->ds, &options);
	json_t *revision = json_array_get(json_object_get(result, "revisions"), 0);
	json_t *member = json_incref(json_object_get(revision, name));

	json_decref(result);
	return member;
}

static void expect_newest(struct backend *b, const char *name, const char *text) ON_MAIN;

static void
expect_newest(struct backend *b, const char *name, const char *text)
{
	json_t *member = newest(b, name);

	assert_non_null(member);
	assert_string_equal(json_string_value(member), text);
	json_decref(member);
}

static void provisional(struct backend *b, int mtu, unsigned int revision) ON_MAIN;

static void
provisional(struct backend *b, int mtu, unsigned int revision)
{
	struct outcome o = {0};

	edit_f(b, &o,
		"{'confirm-timeout': 60, 'edits': [{'op': 'replace', 'path': '" J_P1
		"/mtu', 'value': %d}]}",
		mtu);
	assert_non_null(json_object_get(o.result, "confirm-by"));
	expect_revision(&o, revision);
	expect_mtu(b, mtu);
}

static void
test_confirm(void **state)
{
	static const struct ds_author bob = {.user = "bob", .from = "a desk"};
	struct backend *b = *state;
	struct outcome o = {0};
	json_t *member;
	json_t *at;

	role_assert(&role_main);
	confirm_f(b, &o);
	expect_refusal(&o, ERR_MISSING, "nothing to confirm");
	provisional(b, 2000, 2);
	member = newest(b, "provisional");
	assert_true(json_is_true(member));
	json_decref(member);
	assert_string_equal(
		json_string_value(json_object_get(b->revised, "change")), "provisional");
	/* Others wait; who knows what it does may join. */
	edit_f(b, &o, "{'edits': " MTU(3000) "}");
	expect_refusal(&o, ERR_CONFLICT, "revision 2 by alice (test)");
	edit_f(b, &o, "{'dry-run': true, 'edits': " MTU(3000) "}");
	expect_refusal(&o, ERR_CONFLICT, "first confirm it, or take it back with rollback");
	provisional(b, 3000, 3);
	ds_confirm(b->ds, &bob, outcome_done, &o);
	expect_revision(&o, 3);
	assert_string_equal(json_string_value(json_object_get(b->revised, "change")), "confirm");
	assert_null(newest(b, "provisional"));
	assert_null(newest(b, "confirm-by"));
	expect_newest(b, "change", "commit");
	expect_newest(b, "confirmed-by", "bob");
	assert_true(ds_step(b->ds, clock_now() + 3600 * CLOCK_S) > 0);
	expect_mtu(b, 3000);
	at = newest(b, "confirmed-at");
	assert_true(json_is_string(at));
	for (int start = 0; start < 2; start++) {
		expect_newest(b, "confirmed-by", "bob");
		expect_newest(b, "confirmed-from", "a desk");
		member = newest(b, "confirmed-at");
		assert_true(json_equal(member, at));
		json_decref(member);
		backend_stop(b);
		backend_start(b, path);
	}
	json_decref(at);
	edit_f(b, &o, "{'edits': " MTU(4000) "}");
	expect_revision(&o, 4);
	assert_null(newest(b, "confirmed-by"));
	backend_stop(b);
	backend_start(b, path);
	expect_mtu(b, 4000);
	assert_int_equal(ds_revision(b->ds), 4);
	/* Confirmed ones are as good as others after a start, too. */
	rollback_f(b, &o, "{'revision': 2}");
	expect_revision(&o, 5);
	expect_mtu(b, 2000);
}

static void
test_timeout(void **state)
{
	struct backend *b = *state;
	uint64_t now = clock_now();
	char *log;

	role_assert(&role_main);
	provisional(b, 2000, 2);
	provisional(b, 3000, 3);
	free(backend_log(b));
	(void)ds_step(b->ds, now + 59 * CLOCK_S);
	expect_mtu(b, 3000);
	(void)ds_step(b->ds, clock_now() + 61 * CLOCK_S);
	expect_mtu(b, 1000);
	log = backend_log(b);
	/* With `loading`: a device that has gone must not prevent it. */
	assert_string_equal(log, "validate-loading; prepare; modify port p1; apply");
	free(log);
	assert_int_equal(ds_revision(b->ds), 4);
	expect_newest(b, "change", "timeout");
	expect_newest(b, "user", "vswitchd");
	assert_string_equal(json_string_value(json_object_get(b->revised, "change")), "timeout");
	backend_stop(b);
	backend_start(b, path);
	expect_mtu(b, 1000);
	assert_int_equal(ds_revision(b->ds), 4);
}

/* An edit that changes nothing still sets the time anew. */
static void
test_more_time(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};

	role_assert(&role_main);
	provisional(b, 2000, 2);
	edit_f(b, &o, "{'confirm-timeout': 600, 'edits': []}");
	assert_non_null(json_object_get(o.result, "confirm-by"));
	expect_revision(&o, 2);
	(void)ds_step(b->ds, clock_now() + 500 * CLOCK_S);
	expect_mtu(b, 2000);
	(void)ds_step(b->ds, clock_now() + 601 * CLOCK_S);
	expect_mtu(b, 1000);
	/* Nothing to change and nothing provisional: nothing to confirm. */
	edit_f(b, &o, "{'confirm-timeout': 600, 'edits': []}");
	assert_null(json_object_get(o.result, "confirm-by"));
	expect_revision(&o, 3);
	confirm_f(b, &o);
	expect_refusal(&o, ERR_MISSING, "nothing to confirm");
}

static void
test_rollback(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};

	role_assert(&role_main);
	provisional(b, 2000, 2);
	provisional(b, 3000, 3);
	rollback_f(b, &o, "{'confirm-timeout': 5}");
	expect_refusal(&o, ERR_INVALID, "nothing to confirm");
	rollback_f(b, &o, "{'revision': 2}");
	expect_refusal(&o, ERR_CONFLICT, "waits for its confirm");
	rollback_f(b, &o, "{'revision': 2, 'confirm-timeout': 5}");
	expect_revision(&o, 4);
	expect_mtu(b, 2000);
	rollback_f(b, &o, "{}");
	expect_revision(&o, 5);
	expect_mtu(b, 1000);
	expect_newest(b, "change", "rollback");
	confirm_f(b, &o);
	expect_refusal(&o, ERR_MISSING, "nothing to confirm");
	/* The revision before that is the one before all of them: there was none. */
	rollback_f(b, &o, "{}");
	expect_revision(&o, 6);
	expect_get(b, config, "{'vswitch:vswitch': {}}");
	/* A rollback may be provisional itself. */
	rollback_f(b, &o, "{'revision': 1, 'confirm-timeout': 60}");
	expect_revision(&o, 7);
	(void)ds_step(b->ds, clock_now() + 61 * CLOCK_S);
	expect_get(b, config, "{'vswitch:vswitch': {}}");
}

/* They come to nothing by themselves: they end all the same. */
static void
test_nothing_left(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};

	role_assert(&role_main);
	provisional(b, 2000, 2);
	provisional(b, 1000, 3);
	rollback_f(b, &o, "{}");
	expect_revision(&o, 4);
	edit_f(b, &o, "{'edits': " MTU(4000) "}");
	expect_revision(&o, 5);
	backend_stop(b);
	backend_start(b, path);
	expect_mtu(b, 4000);
}

/* An orderly end does not confirm. */
static void
test_end(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};

	role_assert(&role_main);
	provisional(b, 2000, 2);
	backend_stop(b);
	for (int start = 0; start < 2; start++) {
		backend_start(b, path);
		expect_mtu(b, 1000);
		/* No number means two things: 2 was used up. */
		assert_int_equal(ds_revision(b->ds), 3);
		expect_newest(b, "change", "rollback");
		edit_f(b, &o, "{'base-revision': 2, 'edits': " MTU(1500) "}");
		expect_refusal(&o, ERR_CONFLICT, "at revision 3 by vswitchd, ");
		backend_stop(b);
	}
	backend_start(b, path);
}

/* Nor does a crash. */
static void
test_crash(void **state)
{
	struct backend *b = *state;
	int status;
	pid_t pid;

	role_assert(&role_main);
	backend_stop(b);
	pid = fork();
	if (pid == 0) {
		backend_start(b, path);
		provisional(b, 2000, 2);
		provisional(b, 3000, 3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	backend_start(b, path);
	expect_mtu(b, 1000);
	assert_int_equal(ds_revision(b->ds), 4);
}

/* When it cannot be done it is tried again, until it can. */
static void
test_try_again(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};
	uint64_t now = clock_now();

	role_assert(&role_main);
	provisional(b, 2000, 2);
	b->refuse_prepare = true;
	(void)ds_step(b->ds, now + 61 * CLOCK_S);
	expect_mtu(b, 2000);
	rollback_f(b, &o, "{}");
	expect_refusal(&o, ERR_FAILED, "on fire");
	b->refuse_prepare = false;
	assert_int_equal(ds_step(b->ds, now + 61500 * CLOCK_MS), 500 * CLOCK_MS);
	expect_mtu(b, 2000);
	(void)ds_step(b->ds, now + 62 * CLOCK_S);
	expect_mtu(b, 1000);
	assert_int_equal(ds_revision(b->ds), 3);
}

/* The time ends while somebody's confirm is on its way, or the other way round: one of them wins.
 */
static void
test_race(void **state)
{
	struct backend *b = *state;
	struct outcome edit = {0};
	struct outcome o = {0};

	role_assert(&role_main);
	provisional(b, 2000, 2);
	b->slow = true;
	edit_f(b, &edit, "{'confirm-timeout': 60, 'edits': " MTU(3000) "}");
	confirm_f(b, &o);
	(void)ds_step(b->ds, clock_now() + 61 * CLOCK_S);
	backend_continue(b);
	backend_continue(b);
	expect_revision(&edit, 3);
	expect_revision(&o, 3);
	assert_false(ds_busy(b->ds));
	expect_mtu(b, 3000);

	edit_f(b, &edit, "{'confirm-timeout': 60, 'edits': " MTU(4000) "}");
	backend_continue(b);
	backend_continue(b);
	expect_revision(&edit, 4);
	(void)ds_step(b->ds, clock_now() + 61 * CLOCK_S);
	confirm_f(b, &o);
	backend_continue(b);
	backend_continue(b);
	expect_refusal(&o, ERR_MISSING, "nothing to confirm");
	expect_mtu(b, 3000);

	/* Whoever joins in time has set the time anew. */
	edit_f(b, &edit, "{'confirm-timeout': 60, 'edits': " MTU(4000) "}");
	backend_continue(b);
	backend_continue(b);
	edit_f(b, &edit, "{'confirm-timeout': 600, 'edits': " MTU(5000) "}");
	(void)ds_step(b->ds, clock_now() + 61 * CLOCK_S);
	backend_continue(b);
	backend_continue(b);
	expect_revision(&edit, 7);
	assert_false(ds_busy(b->ds));
	expect_mtu(b, 5000);
	b->slow = false;
}

/* As many as can be kept together. */
static void
test_limit(void **state)
{
	struct backend *b = *state;
	struct outcome o = {0};
	int n;

	role_assert(&role_main);
	for (n = 0; n < HISTORY_PROVISIONAL_MAX; n++) {
		provisional(b, 2000 + n, (unsigned int)n + 2);
	}
	edit_f(b, &o, "{'confirm-timeout': 60, 'edits': " MTU(4000) "}");
	expect_refusal(&o, ERR_LIMIT, "at most 64 provisional edits");
	expect_mtu(b, 2000 + n - 1);
	rollback_f(b, &o, "{}");
	expect_revision(&o, (unsigned int)n + 2);
	expect_mtu(b, 1000);
}

static void
test_bad_timeouts(void **state)
{
	static const char *const bad[] = {"0", "86401", "-1", "1.5", "'60'", "true", "null"};
	struct backend *b = *state;
	struct outcome o = {0};

	role_assert(&role_main);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		edit_f(b, &o, "{'confirm-timeout': %s, 'edits': []}", bad[i]);
		expect_refusal(&o, ERR_MALFORMED, "a number of seconds from 1 to 86400");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_confirm, enter, leave),
		cmocka_unit_test_setup_teardown(test_timeout, enter, leave),
		cmocka_unit_test_setup_teardown(test_more_time, enter, leave),
		cmocka_unit_test_setup_teardown(test_rollback, enter, leave),
		cmocka_unit_test_setup_teardown(test_nothing_left, enter, leave),
		cmocka_unit_test_setup_teardown(test_end, enter, leave),
		cmocka_unit_test_setup_teardown(test_crash, enter, leave),
		cmocka_unit_test_setup_teardown(test_try_again, enter, leave),
		cmocka_unit_test_setup_teardown(test_race, enter, leave),
		cmocka_unit_test_setup_teardown(test_limit, enter, leave),
		cmocka_unit_test_setup_teardown(test_bad_timeouts, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
