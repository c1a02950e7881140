/* SPDX-License-Identifier: BSD-3-Clause */
/* The saved configuration: what a restart finds, after an orderly end and after a crash. */
#include "schema/file.h"

#include <errno.h>
#include <fcntl.h>
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
#include "schema/journal.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"

static const struct ds_get_options config = {.content = DS_CONTENT_CONFIG};

static char folder[256];
static char path[300];

static int
setup(void **state)
{
	make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/sub/dir/config.json", folder);
	return 0;
}

static int
teardown(void **state)
{
	remove_folder(folder);
	return 0;
}

/* The sibling of the file with this suffix. */
static const char *
sibling(const char *suffix)
{
	static char text[400];

	(void)snprintf(text, sizeof(text), "%s%s", path, suffix);
	return text;
}

static char *
read_text(const char *name)
{
	char *text = calloc(1, 65536);
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, text, 65535) >= 0);
	(void)close(fd);
	return text;
}

static void
write_text(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

static void
test_survives_restart(void **state)
{
	static const char *const text = "{\n"
					"  \"vswitch:vswitch\": {\n"
					"    \"system\": {\n"
					"      \"description\": \"lab\"\n"
					"    },\n"
					"    \"bridge\": [\n"
					"      {\n"
					"        \"name\": \"br0\"\n"
					"      }\n"
					"    ],\n"
					"    \"port\": [\n"
					"      {\n"
					"        \"name\": \"vm2\",\n"
					"        \"type\": \"tap\",\n"
					"        \"bridge\": \"br0\"\n"
					"      },\n"
					"      {\n"
					"        \"name\": \"vm10\",\n"
					"        \"type\": \"tap\",\n"
					"        \"trunk\": [\n"
					"          \"1\",\n"
					"          \"2\"\n"
					"        ]\n"
					"      }\n"
					"    ]\n"
					"  }\n"
					"}\n";
	struct backend b = {0};
	char dir[300];
	char *saved;

	role_enter(&role_main);
	(void)umask(077); /* the modes are ours whatever the umask */
	backend_start(&b, path);
	assert_int_equal(access(path, F_OK), -1); /* created for the first edit */
	do_op(&b, "merge", ROOT,
		"{'port': [{'name': 'vm10', 'type': 'tap', 'trunk': ['2', '1']}]}");
	do_op(&b, "merge", ROOT,
		"{'system': {'description': 'lab'}, 'bridge': [{'name': 'br0'}],"
		"'port': [{'name': 'vm2', 'type': 'tap', 'bridge': 'br0'}]}");
	assert_int_equal(access(path, F_OK), -1); /* it follows a little later */
	backend_settle(&b);
	saved = read_text(path);
	assert_string_equal(saved, text);
	free(saved);
	assert_int_equal(mode_of(path), 0640);
	assert_int_equal(mode_of(sibling(".d/journal.00000000000000000000")), 0640);
	(void)snprintf(dir, sizeof(dir), "%s/sub/dir", folder);
	assert_int_equal(mode_of(dir), 0750);
	(void)umask(022);
	backend_stop(&b);

	backend_start(&b, path);
	saved = backend_log(&b);
	assert_string_equal(saved,
		"validate-loading; prepare; create bridge br0; create port vm2; create port vm10; "
		"modify system ; apply");
	free(saved);
	assert_int_equal(ds_revision(b.ds), 2);
	expect_get(&b, config,
		"{'vswitch:vswitch': {'system': {'description': 'lab'},"
		"'bridge': [{'name': 'br0'}], 'port': ["
		"{'name': 'vm2', 'type': 'tap', 'bridge': 'br0'},"
		"{'name': 'vm10', 'type': 'tap', 'trunk': ['1', '2']}]}}");
	saved = read_text(path);
	assert_string_equal(saved, text);
	free(saved);
	do_op(&b, "delete", ROOT, NULL);
	assert_int_equal(ds_revision(b.ds), 3);
	backend_stop(&b); /* an orderly end writes it at once */
	saved = read_text(path);
	assert_string_equal(saved, "{\n  \"vswitch:vswitch\": {}\n}\n");
	free(saved);
	role_leave(&role_main);
}

static void
test_replace(void **state)
{
	struct err err = ERR_INIT;
	struct file *file;
	json_t *document;
	uint64_t hash;
	char *text;

	assert_int_equal(file_open(path, &file, NULL), 0);
	assert_int_equal(file_read(file, &document, &hash, NULL), 0);
	assert_null(document);
	assert_int_equal(hash, 0);
	assert_int_equal(file_replace(file, "{}\n", 3, NULL), 0);
	assert_int_equal(access(sibling(".new"), F_OK), -1);
	assert_int_equal(mkdir(sibling(".new"), 0700), 0);
	assert_true(file_replace(file, "[]\n", 3, &err) < 0);
	assert_non_null(strstr(err.text, "cannot be created"));
	assert_int_equal(rmdir(sibling(".new")), 0);
	text = read_text(path);
	assert_string_equal(text, "{}\n");
	free(text);
	assert_int_equal(file_read(file, &document, &hash, NULL), 0);
	assert_true(hash == journal_hash("{}\n", 3));
	json_decref(document);
	file_close(file);
}

static void
test_locked(void **state)
{
	struct err err = ERR_INIT;
	struct file *one;
	struct file *two = NULL;

	assert_int_equal(file_open(path, &one, NULL), 0);
	assert_int_equal(file_open(path, &two, &err), err_errno(ERR_IN_USE));
	assert_non_null(strstr(err.text, "another vswitchd uses"));
	assert_null(two);
	file_close(one);
	assert_int_equal(file_open(path, &two, NULL), 0);
	file_close(two);
}

/* Files that must stop the daemon: kind, path and words of the error; the file stays as it is. */
static const struct {
	const char *text;
	const char *path; /* NULL: the file's */
	const char *says;
} bad[] = {
	{"", NULL, "line 1"},
	{"{\n  \"vswitch:vswitch\": {\n    \"port\": [}\n}}\n", NULL, "line 3, column 14"},
	{"{\"a\": 1, \"a\": 2}", NULL, "duplicate"},
	{"{\"a\": \"\xff\"}", NULL, "line 1"},
	{"[]", "/", "a configuration is an object"},
	{"{\"vswitch\": {}}", "/", "only \"vswitch:vswitch\""},
	{"{\"vswitch:vswitch\": {\"port\": [{\"name\": \"a\", \"type\": \"tap\", \"mtu\": 5}]}}",
		ROOT "/port[name='a']/mtu", "68..9702"},
	{"{\"vswitch:vswitch\": {\"port\": [{\"name\": \"a\", \"type\": \"pci\"}]}}",
		ROOT "/port[name='a']/pci", "needs the leaf 'pci'"},
	{"{\"vswitch:vswitch\": {\"port\": [{\"name\": \"a\", \"type\": \"tap\","
	 " \"bridge\": \"b\"}]}}",
		ROOT "/port[name='a']/bridge", "there is no bridge 'b'"},
	{"{\"vswitch:vswitch\": {\"port\": [{\"type\": \"tap\"}]}}", ROOT "/port[1]",
		"needs its key 'name'"},
};

static void
test_bad_files(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct backend b = {.log = json_array()};
		struct ds_options options = {.file = path, .ops = &backend_ops, .ctx = &b};
		struct outcome o = {0};
		char *text;

		role_enter(&role_main);
		backend_start(&b, path); /* makes the folder */
		ds_destroy(b.ds);
		write_text(path, bad[i].text);
		assert_int_equal(ds_create(&options, &b.ds, NULL), 0);
		ds_load(b.ds, outcome_done, &o);
		if (o.calls != 1 || o.rc == 0 || strstr(o.err.text, bad[i].says) == NULL ||
			strstr(o.err.text, path) == NULL ||
			strcmp(o.err.path, bad[i].path == NULL ? path : bad[i].path) != 0) {
			fail_msg("%s: %d at '%s': %s", bad[i].text, o.rc, o.err.path, o.err.text);
		}
		text = read_text(path);
		assert_string_equal(text, bad[i].text);
		free(text);
		assert_int_equal(unlink(path), 0);
		backend_stop(&b);
		role_leave(&role_main);
	}
}

/* The backend's refusal leaves the journal as it was, and nothing beside it. */
static void
test_refused_edit(void **state)
{
	struct backend b = {0};
	char *before;
	char *after;

	role_enter(&role_main);
	backend_start(&b, path);
	do_op(&b, "create", ROOT "/bridge[name='br0']", NULL);
	backend_settle(&b);
	before = read_text(sibling(".d/journal.00000000000000000000"));
	b.refuse_prepare = true;
	no_op(&b, "create", ROOT "/bridge[name='br1']", NULL, ERR_FAILED, "/somewhere", "on fire");
	after = read_text(sibling(".d/journal.00000000000000000000"));
	assert_string_equal(before, after);
	assert_int_equal(access(sibling(".new"), F_OK), -1);
	free(before);
	free(after);
	backend_stop(&b);
	b.refuse_prepare = false;
	backend_start(&b, path);
	assert_int_equal(ds_revision(b.ds), 1);
	backend_stop(&b);
	role_leave(&role_main);
}

/* Somebody wrote the file while no daemon ran: it wins, and is a revision. */
static void
test_foreign_file(void **state)
{
	struct ds_history_options options = {0};
	struct backend b = {0};
	struct outcome o = {0};
	json_t *history;
	json_t *list;

	role_enter(&role_main);
	backend_start(&b, path);
	do_op(&b, "create", ROOT "/bridge[name='br0']", NULL);
	do_op(&b, "create", ROOT "/bridge[name='br1']", NULL);
	backend_stop(&b);
	write_text(path, "{\"vswitch:vswitch\": {\"bridge\": [{\"name\": \"mine\"}]}}");
	assert_int_equal(unlink(sibling(".d/written")), 0);
	for (int start = 0; start < 2; start++) {
		backend_start(&b, path);
		expect_get(&b, config, "{'vswitch:vswitch': {'bridge': [{'name': 'mine'}]}}");
		assert_int_equal(ds_revision(b.ds), 3);
		backend_stop(&b);
	}
	backend_start(&b, path);
	history = ds_history(b.ds, &options);
	list = json_object_get(history, "revisions");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 0), "change")), "file");
	json_decref(history);
	rollback_f(&b, &o, "{'revision': 1}");
	expect_refusal(&o, ERR_MISSING, "revision 3 is a file that somebody wrote");
	do_op(&b, "delete", ROOT "/bridge[name='mine']", NULL);
	rollback_f(&b, &o, "{'revision': 3}");
	expect_revision(&o, 5);
	backend_stop(&b);
	/* To take it away is to begin anew; the numbers go on. */
	assert_int_equal(unlink(path), 0);
	backend_start(&b, path);
	expect_get(&b, config, "{'vswitch:vswitch': {}}");
	assert_int_equal(ds_revision(b.ds), 6);
	backend_stop(&b);
	role_leave(&role_main);
}

/* What somebody changed in the file is known, as long as what it was is. */
static void
test_foreign_changes(void **state)
{
	struct ds_diff_options last = {0};
	struct backend b = {0};
	struct outcome o = {0};
	json_t *wanted;
	json_t *diff;
	char *text;

	role_enter(&role_main);
	backend_start(&b, path);
	do_op(&b, "create", ROOT "/bridge[name='br0']", "{'aging-time': 10}");
	backend_settle(&b);
	do_op(&b, "create", ROOT "/bridge[name='br1']", NULL);
	do_op(&b, "merge", ROOT "/bridge[name='br0']", "{'description': 'x'}");
	backend_stop(&b);
	text = read_text(path);
	write_text(path,
		"{\"vswitch:vswitch\": {\"bridge\": [{\"name\": \"mine\"}, {\"name\": "
		"\"br0\", \"aging-time\": 20, \"description\": \"x\"}]}}");
	for (int start = 0; start < 2; start++) {
		backend_start(&b, path);
		assert_int_equal(ds_revision(b.ds), 4);
		assert_int_equal(ds_diff(b.ds, &last, &diff, NULL), 0);
		wanted = json_of("[{'op': 'modify', 'path': '/vswitch:vswitch/bridge[name=`br0`]',"
				 "'before': {'name': 'br0', 'aging-time': 10, 'description': 'x'},"
				 "'after': {'name': 'br0', 'aging-time': 20, 'description': 'x'}},"
				 "{'op': 'delete', 'path': '/vswitch:vswitch/bridge[name=`br1`]',"
				 "'before': {'name': 'br1'}},"
				 "{'op': 'create', 'path': '/vswitch:vswitch/bridge[name=`mine`]',"
				 "'after': {'name': 'mine'}}]");
		assert_true(json_equal(json_object_get(diff, "changes"), wanted));
		json_decref(wanted);
		json_decref(diff);
		backend_stop(&b);
	}
	backend_start(&b, path);
	rollback_f(&b, &o, "{'revision': 2}");
	expect_revision(&o, 5);
	expect_get(&b, config,
		"{'vswitch:vswitch': {'bridge': [{'name': 'br0', 'aging-time': 10},"
		"{'name': 'br1'}]}}");
	rollback_f(&b, &o, "{'revision': 3}");
	expect_revision(&o, 6);
	backend_stop(&b);
	/* The same in other words is no revision. */
	(void)truncate(path, (off_t)strlen(text) - 1);
	free(text);
	backend_start(&b, path);
	assert_int_equal(ds_revision(b.ds), 6);
	do_op(&b, "create", ROOT "/bridge[name='br2']", NULL);
	backend_stop(&b);
	/* A copy that is not what the daemon wrote is of no use. */
	write_text(path, "{}");
	write_text(sibling(".d/written"), "{}");
	backend_start(&b, path);
	assert_int_equal(ds_revision(b.ds), 8);
	rollback_f(&b, &o, "{'revision': 7}");
	expect_refusal(&o, ERR_MISSING, "revision 8 is a file that somebody wrote");
	backend_stop(&b);
	role_leave(&role_main);
}

/* What is in force in the end is what was provisional: all that changed is known, which is nothing.
 */
static void
test_foreign_equal(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	role_enter(&role_main);
	backend_start(&b, path);
	do_op(&b, "create", ROOT "/bridge[name='br0']", NULL);
	backend_settle(&b);
	edit_f(&b, &o,
		"{'confirm-timeout': 9, 'edits': [{'op': 'create', 'path': '" ROOT
		"/bridge[name=`br1`]'}]}");
	expect_revision(&o, 2);
	backend_stop(&b);
	write_text(path,
		"{\"vswitch:vswitch\": {\"bridge\": [{\"name\": \"br0\"}, {\"name\": \"br1\"}]}}");
	for (int start = 0; start < 2; start++) {
		backend_start(&b, path);
		assert_int_equal(ds_revision(b.ds), 3);
		rollback_f(&b, &o, "{'revision': 1, 'dry-run': true}");
		expect_revision(&o, 3);
		backend_stop(&b);
	}
	role_leave(&role_main);
}

/* An old copy of the file is a file that somebody wrote, and not the revision that it once was. */
static void
test_old_copy(void **state)
{
	struct backend b = {0};
	char *old;

	role_enter(&role_main);
	backend_start(&b, path);
	do_op(&b, "create", ROOT "/bridge[name='br0']", NULL);
	backend_settle(&b);
	old = read_text(path);
	do_op(&b, "create", ROOT "/bridge[name='br1']", NULL);
	backend_stop(&b);
	write_text(path, old);
	free(old);
	backend_start(&b, path);
	expect_get(&b, config, "{'vswitch:vswitch': {'bridge': [{'name': 'br0'}]}}");
	assert_int_equal(ds_revision(b.ds), 3);
	backend_stop(&b);
	role_leave(&role_main);
}

/* Lines that lie between what the file is and the end may not be missing. */
static void
test_gap(void **state)
{
	struct ds_options options = {.file = path, .ops = &backend_ops};
	struct backend b = {0};
	struct outcome o = {0};
	const char *journal;
	char *text;
	char *at;

	role_enter(&role_main);
	backend_start(&b, path);
	do_op(&b, "create", ROOT "/bridge[name='br0']", NULL);
	backend_settle(&b);
	text = read_text(path);
	do_op(&b, "create", ROOT "/bridge[name='br1']", NULL);
	do_op(&b, "create", ROOT "/bridge[name='br2']", NULL);
	backend_stop(&b);
	write_text(path, text);
	free(text);
	journal = sibling(".d/journal.00000000000000000000");
	text = read_text(journal);
	/* As if a crash had come before the last checkpoint: its two lines are not there. */
	at = strstr(text, "br2");
	assert_non_null(at);
	*(strchr(at, '\n') + 1) = '\0';
	at = strstr(text, "br1");
	at[0] = 'x';
	write_text(journal, text);
	free(text);
	b.log = json_array();
	options.ctx = &b;
	assert_int_equal(ds_create(&options, &b.ds, NULL), 0);
	ds_load(b.ds, outcome_done, &o);
	expect_refusal(&o, ERR_MISSING, "alone, revision 1, move");
	backend_stop(&b);
	role_leave(&role_main);
}

/* Whatever is not a file is left alone, and nothing waits for it. */
static void
test_no_file(void **state)
{
	role_enter(&role_main);
	(void)snprintf(path, sizeof(path), "%s/config.json", folder);
	for (int i = 0; i < 3; i++) {
		struct backend b = {.log = json_array()};
		struct ds_options options = {.file = path, .ops = &backend_ops, .ctx = &b};
		struct outcome o = {0};

		assert_int_equal(i == 0  ? mkfifo(path, 0600)
				: i == 1 ? mkdir(path, 0700)
					 : symlink("/dev/null", path),
			0);
		assert_int_equal(ds_create(&options, &b.ds, NULL), 0);
		ds_load(b.ds, outcome_done, &o);
		expect_refusal(&o, ERR_FAILED, "cannot be read");
		backend_stop(&b);
		assert_int_equal(remove(path), 0);
	}
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_survives_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_edit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_equal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
