/* SPDX-License-Identifier: BSD-3-Clause */
/* While the disk hangs, or is slow: main goes on, waits for nothing without end, and does not spin.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "schema/crash_disk.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"

static char folder[256];
static char path[300];

static int
setup(void **state)
{
	(void)state;
	memset(&disk, 0, sizeof(disk));
	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/c.json", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remove_folder(folder);
	return 0;
}

/* An edit that has another effect than the last. */
static void begin_edit(struct backend *b, struct outcome *o) ON_MAIN;

static void
begin_edit(struct backend *b, struct outcome *o)
{
	static int age;

	edit_f(b, o,
		"{'edits': [{'op': 'merge', 'path': '/vswitch:vswitch/bridge[name=`br0`]', "
		"'value': "
		"{'aging-time': %d}}]}",
		100 + age++ % 1000);
}

static void one_edit(struct backend *b) ON_MAIN;

static void
one_edit(struct backend *b)
{
	struct outcome o = {0};

	begin_edit(b, &o);
	backend_wait(b, &o);
	assert_int_equal(o.rc, 0);
	outcome_clear(&o);
}

/* At each of the syncs that FILE takes: what main waits for is no step that it makes at once. */
static void
test_file_hangs(void **state)
{
	(void)state;
	role_enter(&role_main);
	for (int sync = 0; sync < 3; sync++) {
		struct backend b = {.threads = true};

		backend_start(&b, path);
		one_edit(&b);
		disk.at = atomic_load(&disk.calls) + 2 * sync;
		disk.fault = FAULT_HANG;
		for (uint64_t later = 2 * STORE_QUIET_NS; !crash_hangs(); later++) {
			(void)ds_step(b.ds, clock_now() + later);
			(void)usleep(200);
		}
		if (sync > 0) {
			/* FILE hangs, the journal does not; this makes FILE due again. */
			disk.at = LONG_MAX;
			one_edit(&b);
		}
		assert_true(ds_step(b.ds, clock_now() + 20 * STORE_QUIET_NS) > 0);
		crash_go_on();
		backend_settle(&b);
		backend_stop(&b);
	}
	role_leave(&role_main);
}

/* A disk that refuses is not asked again at once. */
static void
test_refused_file(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	(void)state;
	role_enter(&role_main);
	backend_start(&b, path);
	one_edit(&b);
	edit_f(&b, &o,
		"{'confirm-timeout': 9, 'edits': [{'op': 'create', 'path': '" ROOT
		"/bridge[name=`br1`]'}]}");
	expect_revision(&o, 2);
	disk.fault = FAULT_FULL;
	rollback_f(&b, &o, "{}");
	expect_revision(&o, 3);
	assert_true(ds_step(b.ds, clock_now() + 2 * STORE_QUIET_NS) > 0);
	assert_true(ds_step(b.ds, clock_now() + 3 * STORE_QUIET_NS) > 0);
	disk.fault = FAULT_NONE;
	(void)ds_step(b.ds, clock_now() + 20 * STORE_QUIET_NS);
	backend_settle(&b);
	backend_stop(&b);
	role_leave(&role_main);
}

/* The end does not wait for a disk that hangs. FILE comes from the journal at the next start. */
static void
test_end(void **state)
{
	struct backend b = {.threads = true};
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(30);
		role_enter(&role_main);
		backend_start(&b, path);
		one_edit(&b);
		disk.fault = FAULT_HANG;
		backend_stop(&b);
		_exit(crash_hangs() ? 7 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	role_enter(&role_main);
	backend_start(&b, path);
	assert_int_equal(ds_revision(b.ds), 1);
	backend_stop(&b);
	role_leave(&role_main);
}

static unsigned int
journal_files(void)
{
	char command[400];
	unsigned int n = 0;
	FILE *out;

	(void)snprintf(command, sizeof(command), "ls %s.d/journal.* | wc -l", path);
	out = popen(command, "r");
	assert_non_null(out);
	assert_int_equal(fscanf(out, "%u", &n), 1);
	(void)pclose(out);
	return n;
}

/* The room that an edit was promised stays its own: the journal's next file waits for it. */
static void
test_room_stays(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	(void)state;
	role_enter(&role_main);
	backend_start(&b, path);
	for (int i = 0; i < 60; i++) {
		one_edit(&b);
	}
	b.slow = true;
	begin_edit(&b, &o);
	backend_settle(&b);
	assert_int_equal(journal_files(), 1);
	b.held_rc = -EIO;
	backend_continue(&b);
	backend_continue(&b);
	assert_int_equal(o.rc, -EIO);
	/* It is not needed any more. */
	assert_int_equal(journal_files(), 2);
	outcome_clear(&o);
	b.slow = false;
	backend_stop(&b);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room_stays, setup, teardown),
	};

	/* The disk is not really needed, and would take its time. */
	if (access("/dev/shm", W_OK) == 0) {
		(void)setenv("TMPDIR", "/dev/shm", 0);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
