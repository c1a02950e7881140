/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon that ends, or a disk that refuses, at each of the calls that change the disk.
 *
 * A child runs a fixed list of edits, confirms, rollbacks and writes of the file, and tells through
 * a pipe which step it has been answered. At the n-th call that changes the disk, n going up until
 * the list gets through, it ends: as a process does that is killed, or as a machine does that loses
 * its power, whose disk has only what was brought to it. The next start must find the state of the
 * last answered step or of the one after it, and never a mix. All of that with the disk's threads,
 * and without.
 *
 * The disk is crash_disk.h's.
 */
#include "schema/crash_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "schema/jx.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"

/* --- the steps ------------------------------------------------------------------------------ */

/*
 * A state is a number: the description, the MTU of a port and the age of a bridge all say it. 0 is
 * the empty configuration.
 */
static const struct step {
	enum { EDIT, TRY, CONFIRM, BACK, SAVE, RESTART } what;
	int lasts; /* the state that a start finds after it */
	int shows; /* the state that it shows while it runs */
} steps[] = {
	{EDIT, 1, 1},
	{SAVE, 1, 1},
	{EDIT, 2, 2},
	{EDIT, 3, 3},
	{TRY, 3, 4},
	{TRY, 3, 5},
	{CONFIRM, 5, 5},
	{TRY, 5, 6},
	{BACK, 5, 5},
	{EDIT, 7, 7},
	{SAVE, 7, 7},
	{BACK, 5, 5},
	{RESTART, 5, 5},
	{EDIT, 8, 8},
	{TRY, 8, 9},
	{RESTART, 8, 8},
	{EDIT, 10, 10},
	{SAVE, 10, 10},
};

/* The journal begins another file: there are WARM edits before these, without faults. */
#define WARM 52
static const struct step rotation[] = {
	{EDIT, 1, 1},
	{SAVE, 1, 1},
	{EDIT, 2, 2},
	{TRY, 2, 3},
	{RESTART, 2, 2},
	{EDIT, 4, 4},
	{SAVE, 4, 4},
};

struct scenario {
	int warm;
	bool threads;
	const struct step *steps;
	size_t n_steps;
};

static const struct scenario plain = {.steps = steps, .n_steps = ARRAY_LEN(steps)};
static const struct scenario plain_threads = {
	.threads = true, .steps = steps, .n_steps = ARRAY_LEN(steps)};
static const struct scenario rotating = {
	.warm = WARM, .steps = rotation, .n_steps = ARRAY_LEN(rotation)};
static const struct scenario rotating_threads = {
	.warm = WARM, .threads = true, .steps = rotation, .n_steps = ARRAY_LEN(rotation)};

static json_t *
edits_for(int state)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "n%d", state);
	return json_pack("{s[{ss ss ss}{ss ss s{ss si}}{ss ss s{si}}]}", "edits", "op", "replace",
		"path", ROOT "/system/description", "value", path, "op", "replace", "path",
		ROOT "/port[name='p']", "value", "type", "tap", "mtu", 1000 + state, "op",
		"replace", "path", ROOT "/bridge[name='b']", "value", "aging-time", 100 + state);
}

static int state_of(struct backend *b) ON_MAIN;

static int
state_of(struct backend *b)
{
	static const struct ds_get_options config = {.content = DS_CONTENT_CONFIG};
	struct ds_get_options options = config;
	json_t *got = NULL;
	const char *text;
	json_t *root;
	int mtu;
	int age;
	int n;

	assert_int_equal(ds_get(b->ds, &options, &got, NULL), 0);
	root = json_object_get(got, "vswitch:vswitch");
	text = json_string_value(json_object_get(json_object_get(root, "system"), "description"));
	if (text == NULL) {
		assert_null(json_object_get(root, "port"));
		json_decref(got);
		return 0;
	}
	assert_int_equal(sscanf(text, "n%d", &n), 1);
	mtu = (int)json_integer_value(
		json_object_get(json_array_get(json_object_get(root, "port"), 0), "mtu"));
	age = (int)json_integer_value(
		json_object_get(json_array_get(json_object_get(root, "bridge"), 0), "aging-time"));
	assert_int_equal(mtu, 1000 + n);
	assert_int_equal(age, 100 + n);
	json_decref(got);
	return n;
}

static void
run_step(struct backend *b, const struct step *step, const char *path, struct outcome *o) ON_MAIN;

static void
run_step(struct backend *b, const struct step *step, const char *path, struct outcome *o)
{
	json_t *params;

	outcome_clear(o);
	switch (step->what) {
	case EDIT:
	case TRY:
		params = edits_for(step->shows);
		if (step->what == TRY) {
			jx_set(params, "confirm-timeout", jx_integer(600));
		}
		ds_edit(b->ds, params, NULL, outcome_done, o);
		json_decref(params);
		backend_wait(b, o);
		break;
	case CONFIRM:
		ds_confirm(b->ds, NULL, outcome_done, o);
		backend_wait(b, o);
		break;
	case BACK:
		ds_rollback(b->ds, NULL, NULL, outcome_done, o);
		backend_wait(b, o);
		break;
	case SAVE:
		backend_settle(b);
		break;
	case RESTART:
		backend_stop(b);
		backend_start(b, path);
		break;
	}
}

static void warm_up(struct backend *b, int n_edits) ON_MAIN;

static void
warm_up(struct backend *b, int n_edits)
{
	for (int i = 1; i <= n_edits; i++) {
		struct outcome o = {0};
		json_t *params = edits_for(100 + i);

		ds_edit(b->ds, params, NULL, outcome_done, &o);
		json_decref(params);
		backend_wait(b, &o);
		outcome_clear(&o);
	}
}

/* The child's part of FAULT_KILL and FAULT_POWER. */
static void run_steps(const struct scenario *scenario, const char *path, enum fault fault, long at,
	int pipe_fd) ON_MAIN;

static void
run_steps(const struct scenario *scenario, const char *path, enum fault fault, long at, int pipe_fd)
{
	struct backend b = {.threads = scenario->threads};
	struct outcome o = {0};
	char answered = 0;

	memset(&disk, 0, sizeof(disk));
	if (scenario->warm == 0) {
		disk.at = at;
		disk.fault = fault;
	}
	backend_start(&b, path);
	if (scenario->warm != 0) {
		warm_up(&b, scenario->warm);
		disk.at = at + atomic_load(&disk.calls);
		disk.fault = fault;
	}
	for (size_t i = 0; i < scenario->n_steps; i++) {
		const struct step *step = &scenario->steps[i];

		run_step(&b, step, path, &o);
		if (o.rc != 0 || state_of(&b) != step->shows) {
			_exit(1);
		}
		answered++;
		if (write(pipe_fd, &answered, 1) != 1) {
			_exit(2);
		}
	}
	backend_stop(&b);
	outcome_clear(&o);
}

/* Number of the steps that were answered; *ended: it ran through. */
static size_t run_child(const struct scenario *scenario, const char *path, enum fault fault,
	long at, bool *ended) ON_MAIN;

static size_t
run_child(const struct scenario *scenario, const char *path, enum fault fault, long at, bool *ended)
{
	char answered = 0;
	int fds[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[0]);
		run_steps(scenario, path, fault, at, fds[1]);
		_exit(0);
	}
	(void)close(fds[1]);
	while (read(fds[0], &answered, 1) == 1) {
	}
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 9) {
		fail_msg("call %ld: step %d went wrong", at, answered + 1);
	}
	*ended = WEXITSTATUS(status) == 0;
	return (size_t)answered;
}

/* What a start may find after so many answered steps. */
static bool
may_be(const struct scenario *scenario, size_t answered, int state)
{
	int before = scenario->warm == 0 ? 0 : 100 + scenario->warm;

	if (answered > 0) {
		before = scenario->steps[answered - 1].lasts;
	}
	return state == before ||
		(answered < scenario->n_steps && state == scenario->steps[answered].lasts);
}

/* The start has not taken FILE for one that somebody else wrote. */
static bool knows_its_file(struct backend *b) ON_MAIN;

static bool
knows_its_file(struct backend *b)
{
	return !b->ds->content.foreign;
}

static void
check_start(const struct scenario *scenario, const char *path, long at, size_t answered) ON_MAIN;

static void
check_start(const struct scenario *scenario, const char *path, long at, size_t answered)
{
	/* Twice: what a start mends, it mends for good. */
	for (int start = 0; start < 2; start++) {
		struct backend b = {0};
		uint64_t revision;
		int state;

		backend_start(&b, path);
		state = state_of(&b);
		if (!may_be(scenario, answered, state)) {
			fail_msg("call %ld, %zu steps answered: state %d", at, answered, state);
		}
		revision = ds_revision(b.ds);
		assert_true(knows_its_file(&b));
		do_op(&b, "merge", ROOT "/bridge[name='me']", "{}");
		assert_int_equal(ds_revision(b.ds), revision + (start == 0));
		backend_stop(&b);
	}
}

static void crash_everywhere(const struct scenario *scenario, enum fault fault, long least) ON_MAIN;

static void
crash_everywhere(const struct scenario *scenario, enum fault fault, long least)
{
	bool ended = false;
	long at;

	for (at = 0; !ended; at++) {
		char folder[256];
		char path[300];

		make_folder(folder, sizeof(folder));
		(void)snprintf(path, sizeof(path), "%s/c.json", folder);
		check_start(scenario, path, at, run_child(scenario, path, fault, at, &ended));
		remove_folder(folder);
	}
	print_message("# ended at each of %ld calls\n", at - 1);
	assert_true(at > least); /* there were as many calls to end at */
}

static void
test_kill(void **state)
{
	role_enter(&role_main);
	crash_everywhere(&plain, FAULT_KILL, 60);
	crash_everywhere(&rotating, FAULT_KILL, 25);
	role_leave(&role_main);
}

static void
test_kill_threads(void **state)
{
	role_enter(&role_main);
	crash_everywhere(&plain_threads, FAULT_KILL, 60);
	crash_everywhere(&rotating_threads, FAULT_KILL, 25);
	role_leave(&role_main);
}

static void
test_power(void **state)
{
	role_enter(&role_main);
	crash_everywhere(&plain, FAULT_POWER, 60);
	crash_everywhere(&rotating, FAULT_POWER, 25);
	crash_everywhere(&plain, FAULT_POWER_RENAMED, 60);
	role_leave(&role_main);
}

static void
test_power_threads(void **state)
{
	role_enter(&role_main);
	crash_everywhere(&rotating_threads, FAULT_POWER, 25);
	role_leave(&role_main);
}

/*
 * The disk refuses: each step is taken or refused as a whole, what runs is what was answered, and
 * so is what the next start finds.
 */
enum ending { END_AT_REFUSAL, END_CRASH, END_ORDERLY, ENDINGS };

struct trouble {
	enum fault fault;
	long more; /* FAULT_REFUSE */
	long ends; /* the process ends so many calls after the last refusal; 0: by itself */
	bool threads;
	bool rotates; /* a file of the journal is begun, and FILE written, with faults too */
	long last; /* calls that it is tried at */
};

/* What the child was doing, for who sees it end. */
static struct {
	int running; /* the last state that was answered */
	int trying;
} * progress;

/* Edit and see that what runs is what was answered; false: it is not. */
static bool try_edit(struct backend *b, int n, struct outcome *o) ON_MAIN;

static bool
try_edit(struct backend *b, int n, struct outcome *o)
{
	json_t *params = edits_for(n);

	outcome_clear(o);
	progress->trying = n;
	ds_edit(b->ds, params, NULL, outcome_done, o);
	json_decref(params);
	backend_wait(b, o);
	if (o->rc == 0) {
		progress->running = n;
	}
	progress->trying = progress->running;
	return state_of(b) == progress->running;
}

/* The child's part: 0, or what went wrong. */
static int
refused_edits(const char *path, const struct trouble *trouble, long at, enum ending ending) ON_MAIN;

static int
refused_edits(const char *path, const struct trouble *trouble, long at, enum ending ending)
{
	struct backend b = {.threads = trouble->threads};
	struct outcome o = {0};

	progress->running = progress->trying = trouble->rotates ? 100 + WARM : 0;
	memset(&disk, 0, sizeof(disk));
	backend_start(&b, path);
	warm_up(&b, trouble->rotates ? WARM : 0);
	disk.at = at + atomic_load(&disk.calls);
	disk.more = trouble->more;
	disk.ends_at = trouble->ends == 0 ? 0 : disk.at + disk.more + trouble->ends;
	disk.fault = trouble->fault;
	for (int n = 1; n <= 8; n++) {
		if (!try_edit(&b, n, &o)) {
			return 1;
		}
		if (o.rc != 0 && ending == END_AT_REFUSAL) {
			break;
		}
		if (trouble->rotates && n % 3 == 1) {
			backend_settle(&b);
		} else if (trouble->fault == FAULT_REFUSE && n % 3 == 0) {
			/* A write of the file would go on trying. */
			disk.fault = FAULT_NONE;
			backend_settle(&b);
			disk.fault = trouble->fault;
		}
	}
	if (trouble->fault == FAULT_FULL && ending != END_AT_REFUSAL &&
		(o.rc != err_errno(ERR_LIMIT) || strstr(o.err.text, "cannot be written") == NULL)) {
		return 2;
	}
	if (trouble->fault == FAULT_LOSE && ending != END_ORDERLY) {
		crash_lose_power();
	}
	if (ending == END_ORDERLY) {
		disk.fault = FAULT_NONE;
		backend_stop(&b);
	}
	return 0;
}

static void refuse_at(const struct trouble *trouble, long at, enum ending ending) ON_MAIN;

static void
refuse_at(const struct trouble *trouble, long at, enum ending ending)
{
	struct backend b = {0};
	char folder[256];
	char path[300];
	int found;
	int status;
	pid_t pid;

	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(refused_edits(path, trouble, at, ending));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	backend_start(&b, path);
	found = knows_its_file(&b) ? state_of(&b) : -1;
	if ((WEXITSTATUS(status) != 0 && (trouble->ends == 0 || WEXITSTATUS(status) != 9)) ||
		(found != progress->running && found != progress->trying)) {
		fail_msg("call %ld and %ld more, end %d after %ld: %d, state %d, was %d or %d", at,
			trouble->more, (int)ending, trouble->ends, WEXITSTATUS(status), found,
			progress->running, progress->trying);
	}
	backend_stop(&b);
	remove_folder(folder);
}

static void refuse_everywhere(const struct trouble *trouble) ON_MAIN;

static void
refuse_everywhere(const struct trouble *trouble)
{
	for (long at = 0; at < trouble->last; at++) {
		/* What could not be cut off either is there when it ends at that. */
		int ending = trouble->more == 0 ? END_AT_REFUSAL : END_CRASH;

		for (; ending < ENDINGS; ending++) {
			refuse_at(trouble, at, (enum ending)ending);
		}
	}
}

static void
test_refused(void **state)
{
	static const struct trouble once = {.fault = FAULT_REFUSE, .last = 24};
	static const struct trouble threads = {.fault = FAULT_REFUSE, .threads = true, .last = 12};

	role_enter(&role_main);
	refuse_everywhere(&once);
	refuse_everywhere(&threads);
	role_leave(&role_main);
}

/* What is done about a fault fails too: what is left must do no harm. */
static void
test_refused_again(void **state)
{
	struct trouble trouble = {.fault = FAULT_REFUSE, .last = 24};

	role_enter(&role_main);
	for (trouble.more = 1; trouble.more <= 2; trouble.more++) {
		trouble.rotates = false;
		refuse_everywhere(&trouble);
		trouble.rotates = true;
		refuse_everywhere(&trouble);
	}
	role_leave(&role_main);
}

/* The journal's next file cannot be begun nor deleted again, and later the process ends. */
static void
test_leftover(void **state)
{
	struct trouble trouble = {.fault = FAULT_REFUSE, .more = 1, .rotates = true};

	role_enter(&role_main);
	for (long at = 11; at < 15; at++) {
		for (trouble.ends = 1; trouble.ends < 24; trouble.ends++) {
			refuse_at(&trouble, at, END_CRASH);
		}
	}
	role_leave(&role_main);
}

/* A sync that has failed is not tried again and believed. */
static void
test_lost(void **state)
{
	static const struct trouble plain_edits = {.fault = FAULT_LOSE, .last = 20};
	static const struct trouble rotates = {.fault = FAULT_LOSE, .rotates = true, .last = 28};
	static const struct trouble threads = {
		.fault = FAULT_LOSE, .rotates = true, .threads = true, .last = 20};

	role_enter(&role_main);
	refuse_everywhere(&plain_edits);
	refuse_everywhere(&rotates);
	refuse_everywhere(&threads);
	role_leave(&role_main);
}

static void
test_full(void **state)
{
	static const struct trouble full = {.fault = FAULT_FULL, .last = 12};

	role_enter(&role_main);
	refuse_everywhere(&full);
	role_leave(&role_main);
}

/* The time of provisional edits ends while the disk is full: they go all the same. */
static void
test_timeout_on_full_disk(void **state)
{
	static const struct step try = {TRY, 1, 2};
	static const struct step edit = {EDIT, 1, 1};
	static const struct step next = {EDIT, 3, 3};
	struct backend b = {0};
	struct outcome o = {0};
	char folder[256];
	char path[300];

	role_enter(&role_main);
	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	for (int mended = 0; mended < 2; mended++) {
		backend_start(&b, path);
		run_step(&b, &edit, path, &o);
		run_step(&b, &try, path, &o);
		expect_revision(&o, mended == 0 ? 2 : 6);
		disk.fault = FAULT_FULL;
		disk.at = 0;
		ds_rollback(b.ds, NULL, NULL, outcome_done, &o);
		expect_revision(&o, mended == 0 ? 3 : 7);
		assert_int_equal(state_of(&b), 1);
		if (mended == 1) {
			/* What could not be written goes before what can. */
			run_step(&b, &next, path, &o);
			assert_int_equal(o.rc, err_errno(ERR_LIMIT));
			disk.fault = FAULT_NONE;
			run_step(&b, &next, path, &o);
			expect_revision(&o, 8);
			backend_stop(&b);
		} else {
			/* Or never: a start finds the same. */
			backend_stop(&b);
			disk.fault = FAULT_NONE;
			backend_start(&b, path);
			assert_int_equal(state_of(&b), 1);
			assert_int_equal(ds_revision(b.ds), 3);
			run_step(&b, &next, path, &o);
			expect_revision(&o, 4);
			backend_stop(&b);
		}
	}
	backend_start(&b, path);
	assert_int_equal(state_of(&b), 3);
	assert_int_equal(ds_revision(b.ds), 8);
	backend_stop(&b);
	remove_folder(folder);
	outcome_clear(&o);
	role_leave(&role_main);
}

static void expect_state(struct backend *b, int state) ON_MAIN;

static void
expect_state(struct backend *b, int state)
{
	(void)ds_step(b->ds, clock_now());
	assert_int_equal(state_of(b), state);
}

/* While the disk hangs main goes on: edits wait in their order, all else is answered. */
static void
test_hanging(void **state)
{
	static const struct step first = {EDIT, 1, 1};
	struct backend b = {.threads = true};
	struct outcome o[4] = {{0}};
	json_t *params;
	char folder[256];
	char path[300];

	role_enter(&role_main);
	memset(&disk, 0, sizeof(disk));
	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	backend_start(&b, path);
	run_step(&b, &first, path, &o[0]);
	disk.fault = FAULT_HANG;
	for (int n = 2; n <= 3; n++) {
		params = edits_for(n);
		if (n == 3) {
			jx_set(params, "confirm-timeout", jx_integer(600));
		}
		ds_edit(b.ds, params, NULL, outcome_done, &o[n - 1]);
		json_decref(params);
	}
	ds_confirm(b.ds, NULL, outcome_done, &o[3]);
	crash_await();
	expect_state(&b, 1);
	assert_int_equal(ds_revision(b.ds), 1);
	assert_true(ds_busy(b.ds));
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(o[i].calls, 0);
	}
	crash_go_on();
	backend_wait(&b, &o[3]);
	expect_state(&b, 3);
	expect_revision(&o[1], 2);
	expect_revision(&o[2], 3);
	expect_revision(&o[3], 3);
	backend_stop(&b);
	backend_start(&b, path);
	expect_state(&b, 3);
	backend_stop(&b);
	remove_folder(folder);
	outcome_clear(&o[0]);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_kill_threads),
		cmocka_unit_test(test_power_threads),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_again),
		cmocka_unit_test(test_leftover),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_timeout_on_full_disk),
		cmocka_unit_test(test_hanging),
	};

	/* The disk is not really needed, and would take its time. */
	if (access("/dev/shm", W_OK) == 0) {
		(void)setenv("TMPDIR", "/dev/shm", 0);
	}
	progress = mmap(
		NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED) {
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
