/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon that ends, or a disk that refuses, at each of the calls that change the disk.
 *
 * A child runs a fixed list of edits, confirms, rollbacks and writes of the file, and tells through
 * a pipe which step it has been answered. At the n-th call that changes the disk, n going up until
 * the list gets through, it ends: as a process does that is killed, or as a machine does that loses
 * its power, whose disk has only what was brought to it. The next start must find the state of the
 * last answered step or of the one after it, and never a mix.
 *
 * The calls are those of disk.h, wrapped by the linker.
 */
#include "schema/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/jx.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define FDS_MAX 64

enum fault {
	FAULT_NONE,
	FAULT_KILL, /* before the call, or half way through a write */
	FAULT_POWER, /* the same, and what was not synced is lost */
	FAULT_POWER_RENAMED, /* the same, but a rename is not, as a file system may have it */
	FAULT_REFUSE, /* the call fails, once */
	FAULT_FULL, /* writes fail from this call on */
};

/* What the wrapped calls of this process do. Changed before any thread runs. */
static struct {
	enum fault fault;
	long at; /* number of the call */
	atomic_long calls;
	off_t synced[FDS_MAX]; /* bytes of the file that are on the disk, by descriptor */
	bool known[FDS_MAX];
	char renamed_to[400]; /* by a rename that is not on the disk; "" if none */
	char renamed_old[420]; /* what was there; a link of the test's own */
} disk = {.fault = FAULT_NONE};

int __real_disk_write(int fd, const char *text, size_t len, uint64_t offset);
int __real_disk_truncate(int fd, uint64_t size);
int __real_disk_rename(const char *from, const char *to);
int __real_disk_unlink(const char *path);
int __wrap_disk_write(int fd, const char *text, size_t len, uint64_t offset);
int __wrap_disk_truncate(int fd, uint64_t size);
int __wrap_disk_sync(int fd);
int __wrap_disk_sync_data(int fd);
int __wrap_disk_rename(const char *from, const char *to);
int __wrap_disk_unlink(const char *path);

/* --- the disk ------------------------------------------------------------------------------- */

static void
lose_power(void)
{
	for (int fd = 0; fd < FDS_MAX; fd++) {
		if (disk.known[fd]) {
			(void)ftruncate(fd, disk.synced[fd]);
		}
	}
	if (disk.renamed_to[0] != '\0' && disk.fault == FAULT_POWER) {
		/* A file that was not there before goes again. */
		if (access(disk.renamed_old, F_OK) == 0) {
			(void)rename(disk.renamed_old, disk.renamed_to);
		} else {
			(void)unlink(disk.renamed_to);
		}
	}
}

/* True if this is the call. Does not return if the process ends in it. */
static bool
hit(int fd, const char *text, size_t len, uint64_t offset)
{
	long call = atomic_fetch_add(&disk.calls, 1);

	if (disk.fault == FAULT_FULL) {
		return text != NULL && call >= disk.at;
	}
	if (disk.fault == FAULT_NONE || call != disk.at) {
		return false;
	}
	if (disk.fault == FAULT_REFUSE) {
		return true;
	}
	if (text != NULL) {
		(void)__real_disk_write(fd, text, len / 2, offset);
	}
	if (disk.fault == FAULT_POWER || disk.fault == FAULT_POWER_RENAMED) {
		lose_power();
	}
	_exit(9);
}

static void
is_synced(int fd)
{
	struct stat st;

	if (fd < FDS_MAX && fstat(fd, &st) == 0) {
		if (S_ISDIR(st.st_mode)) {
			disk.renamed_to[0] = '\0';
			(void)unlink(disk.renamed_old);
		} else {
			disk.synced[fd] = st.st_size;
			disk.known[fd] = true;
		}
	}
}

int
__wrap_disk_write(int fd, const char *text, size_t len, uint64_t offset)
{
	if (fd < FDS_MAX && (!disk.known[fd] || disk.synced[fd] > (off_t)offset)) {
		disk.known[fd] = true;
		disk.synced[fd] = (off_t)offset;
	}
	if (hit(fd, text, len, offset)) {
		(void)__real_disk_write(fd, text, len / 2, offset);
		errno = ENOSPC;
		return -1;
	}
	return __real_disk_write(fd, text, len, offset);
}

int
__wrap_disk_truncate(int fd, uint64_t size)
{
	if (hit(fd, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	return __real_disk_truncate(fd, size);
}

int
__wrap_disk_sync(int fd)
{
	if (hit(fd, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	is_synced(fd);
	return 0; /* what is lost is decided here, so nobody has to wait for the disk */
}

int
__wrap_disk_sync_data(int fd)
{
	if (hit(fd, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	is_synced(fd);
	return 0;
}

int
__wrap_disk_rename(const char *from, const char *to)
{
	if (hit(-1, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	(void)snprintf(disk.renamed_old, sizeof(disk.renamed_old), "%s.test-old", to);
	(void)unlink(disk.renamed_old);
	(void)link(to, disk.renamed_old);
	(void)str_copy(disk.renamed_to, to, sizeof(disk.renamed_to));
	return __real_disk_rename(from, to);
}

int
__wrap_disk_unlink(const char *path)
{
	if (hit(-1, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	return __real_disk_unlink(path);
}

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
	const struct step *steps;
	size_t n_steps;
};

static const struct scenario plain = {.steps = steps, .n_steps = ARRAY_LEN(steps)};
static const struct scenario rotating = {
	.warm = WARM, .steps = rotation, .n_steps = ARRAY_LEN(rotation)};

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
		break;
	case CONFIRM:
		ds_confirm(b->ds, NULL, outcome_done, o);
		break;
	case BACK:
		ds_rollback(b->ds, NULL, NULL, outcome_done, o);
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
		outcome_clear(&o);
	}
}

/* The child's part of FAULT_KILL and FAULT_POWER. */
static void run_steps(const struct scenario *scenario, const char *path, enum fault fault, long at,
	int pipe_fd) ON_MAIN;

static void
run_steps(const struct scenario *scenario, const char *path, enum fault fault, long at, int pipe_fd)
{
	struct backend b = {0};
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

static void
check_start(const struct scenario *scenario, const char *path, long at, size_t answered) ON_MAIN;

static void
check_start(const struct scenario *scenario, const char *path, long at, size_t answered)
{
	/* Twice: what a start mends, it mends for good. */
	for (int start = 0; start < 2; start++) {
		struct backend b = {0};
		const json_t *head;
		uint64_t revision;
		int state;

		backend_start(&b, path);
		state = state_of(&b);
		if (!may_be(scenario, answered, state)) {
			fail_msg("call %ld, %zu steps answered: state %d", at, answered, state);
		}
		revision = ds_revision(b.ds);
		/* It knows its own file. */
		head = history_head(b.ds->history, revision);
		assert_false(head != NULL &&
			strcmp(json_string_value(json_object_get(head, "change")), "file") == 0);
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
test_power(void **state)
{
	role_enter(&role_main);
	crash_everywhere(&plain, FAULT_POWER, 60);
	crash_everywhere(&rotating, FAULT_POWER, 25);
	crash_everywhere(&plain, FAULT_POWER_RENAMED, 60);
	role_leave(&role_main);
}

/*
 * The disk refuses: each step is taken or refused as a whole, what runs is what was answered, and
 * so is what the next start finds.
 */
enum ending { END_AT_REFUSAL, END_CRASH, END_ORDERLY };

/* The child's part. It ends with the number of the state that it was in. */
static int refused_edits(const char *path, enum fault fault, long at, enum ending ending) ON_MAIN;

static int
refused_edits(const char *path, enum fault fault, long at, enum ending ending)
{
	struct backend b = {0};
	struct outcome o = {0};
	int running = 0;

	memset(&disk, 0, sizeof(disk));
	backend_start(&b, path);
	disk.at = at + atomic_load(&disk.calls);
	disk.fault = fault;
	for (int n = 1; n <= 8; n++) {
		json_t *params = edits_for(n);

		outcome_clear(&o);
		ds_edit(b.ds, params, NULL, outcome_done, &o);
		json_decref(params);
		running = o.rc == 0 ? n : running;
		if (state_of(&b) != running) {
			return 100;
		}
		if (o.rc != 0 && ending == END_AT_REFUSAL) {
			return running;
		}
		if (fault == FAULT_REFUSE && n % 3 == 0) {
			/* A write of the file would go on trying. */
			disk.fault = FAULT_NONE;
			backend_settle(&b);
			disk.fault = fault;
		}
	}
	if (fault == FAULT_FULL &&
		(o.rc != err_errno(ERR_LIMIT) || strstr(o.err.text, "cannot be written") == NULL)) {
		return 101;
	}
	disk.fault = FAULT_NONE;
	if (ending == END_ORDERLY) {
		backend_stop(&b);
	}
	return running;
}

static void refuse_everywhere(enum fault fault, long last) ON_MAIN;

static void
refuse_everywhere(enum fault fault, long last)
{
	for (long i = 0; i < 3 * last; i++) {
		struct backend b = {0};
		char folder[256];
		char path[300];
		int status;
		pid_t pid;

		make_folder(folder, sizeof(folder));
		(void)snprintf(path, sizeof(path), "%s/c.json", folder);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			_exit(refused_edits(path, fault, i / 3, (enum ending)(i % 3)));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		backend_start(&b, path);
		if (state_of(&b) != WEXITSTATUS(status)) {
			fail_msg("call %ld, ending %ld: state %d, was %d", i / 3, i % 3,
				state_of(&b), WEXITSTATUS(status));
		}
		backend_stop(&b);
		remove_folder(folder);
	}
}

static void
test_refused(void **state)
{
	role_enter(&role_main);
	refuse_everywhere(FAULT_REFUSE, 24);
	role_leave(&role_main);
}

static void
test_full(void **state)
{
	role_enter(&role_main);
	refuse_everywhere(FAULT_FULL, 12);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_timeout_on_full_disk),
	};

	/* The disk is not really needed, and would take its time. */
	if (access("/dev/shm", W_OK) == 0) {
		(void)setenv("TMPDIR", "/dev/shm", 0);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
