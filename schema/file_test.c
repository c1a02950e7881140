/* SPDX-License-Identifier: BSD-3-Clause */
/* The saved configuration: what a restart finds, after an orderly end and after a crash. */
#include "schema/file.h"

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
	assert_int_equal(access(path, F_OK), -1); /* created by the first edit */
	do_op(&b, "merge", ROOT,
		"{'port': [{'name': 'vm10', 'type': 'tap', 'trunk': ['2', '1']}]}");
	do_op(&b, "merge", ROOT,
		"{'system': {'description': 'lab'}, 'bridge': [{'name': 'br0'}],"
		"'port': [{'name': 'vm2', 'type': 'tap', 'bridge': 'br0'}]}");
	saved = read_text(path);
	assert_string_equal(saved, text);
	free(saved);
	assert_int_equal(mode_of(path), 0640);
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
	saved = read_text(path);
	assert_string_equal(saved, "{\n  \"vswitch:vswitch\": {}\n}\n");
	free(saved);
	backend_stop(&b);
	role_leave(&role_main);
}

/* A crash after prepare, and one within commit before the rename: the old text is what is found. */
static void
test_crash(void **state)
{
	struct file *file;
	json_t *document;
	char *text;

	assert_int_equal(file_open(path, &file, NULL), 0);
	assert_int_equal(file_prepare(file, "{\"a\": 1}\n", 9, NULL), 0);
	assert_int_equal(file_commit(file, 1, NULL), 0);
	assert_int_equal(file_prepare(file, "{\"a\": 2", 7, NULL), 0);
	file_close(file); /* as a kill does: the lock goes, the files stay */
	assert_int_equal(access(sibling(".new"), F_OK), 0);

	assert_int_equal(file_open(path, &file, NULL), 0);
	assert_int_equal(access(sibling(".new"), F_OK), -1);
	assert_int_equal(file_read(file, &document, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(document, "a")), 1);
	assert_int_equal(file_revision(file), 1);
	json_decref(document);

	/* The number is on disk before the name is: then nobody reuses it. */
	text = read_text(sibling(".d/revision"));
	assert_string_equal(text, "00000000000000000001\n");
	free(text);
	write_text(sibling(".d/revision"), "00000000000000000002\n");
	file_close(file);
	assert_int_equal(file_open(path, &file, NULL), 0);
	assert_int_equal(file_revision(file), 2);
	file_close(file);
}

static void
test_commit_undone(void **state)
{
	struct err err = ERR_INIT;
	struct file *file;
	char *text;

	assert_int_equal(file_open(path, &file, NULL), 0);
	assert_int_equal(file_prepare(file, "{}\n", 3, NULL), 0);
	assert_int_equal(file_commit(file, 1, NULL), 0);
	assert_int_equal(file_prepare(file, "[]\n", 3, NULL), 0);
	assert_int_equal(unlink(sibling(".new")), 0); /* the rename has to fail */
	assert_true(file_commit(file, 2, &err) < 0);
	assert_non_null(strstr(err.text, "cannot be replaced"));
	text = read_text(path);
	assert_string_equal(text, "{}\n");
	free(text);
	assert_int_equal(access(sibling(".old"), F_OK), -1);
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

static void
test_damaged_revision(void **state)
{
	struct file *file;

	assert_int_equal(file_open(path, &file, NULL), 0);
	file_close(file);
	write_text(sibling(".d/revision"), "rubbish");
	assert_int_equal(file_open(path, &file, NULL), 0);
	assert_int_equal(file_revision(file), 0);
	file_close(file);
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

/* The backend's refusal leaves file and revision as they were, and nothing beside them. */
static void
test_refused_edit(void **state)
{
	struct backend b = {0};
	char *before;
	char *after;

	role_enter(&role_main);
	backend_start(&b, path);
	do_op(&b, "create", ROOT "/bridge[name='br0']", NULL);
	before = read_text(path);
	b.refuse_prepare = true;
	no_op(&b, "create", ROOT "/bridge[name='br1']", NULL, ERR_FAILED, "/somewhere", "on fire");
	after = read_text(path);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_survives_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commit_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_revision, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_edit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
