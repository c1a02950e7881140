/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/rpc_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

struct place {
	char folder[64];
	char path[108];
};

static int setup(void **state) ROLE_ATTR(no_thread_safety_analysis);
static int teardown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static int
setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	role_enter(&role_main);
	if (place == NULL) {
		return -1;
	}
	(void)str_copy(place->folder, "/tmp/vsw-listen-test-XXXXXX", sizeof(place->folder));
	if (mkdtemp(place->folder) == NULL) {
		return -1;
	}
	(void)snprintf(place->path, sizeof(place->path), "%s/sock", place->folder);
	*state = place;
	return 0;
}

static int
teardown(void **state)
{
	struct place *place = *state;

	(void)unlink(place->path);
	if (rmdir(place->folder) != 0) {
		return -1;
	}
	free(place);
	role_leave(&role_main);
	return 0;
}

static int
start(struct place *place, struct rpc_listen *listener, struct err *err)
{
	role_assert(&role_main);
	return rpc_listen_init(listener, place->path, 0660, (gid_t)-1, err);
}

static void
test_mode_and_group(void **state)
{
	struct place *place = *state;
	struct rpc_listen listener;
	struct err err = ERR_INIT;
	struct stat st;
	mode_t before = umask(0);

	role_assert(&role_main);
	assert_int_equal(rpc_listen_init(&listener, place->path, 0640, getegid(), &err), 0);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0640);
	assert_int_equal(st.st_gid, getegid());
	assert_int_equal(umask(before), 0);
	rpc_listen_fini(&listener);
	assert_int_equal(access(place->path, F_OK), -1);
	rpc_listen_fini(&listener);
}

static void
test_stale_socket_is_replaced(void **state)
{
	struct place *place = *state;
	struct rpc_listen killed;
	struct rpc_listen listener;
	struct err err = ERR_INIT;

	assert_int_equal(start(place, &killed, &err), 0);
	(void)close(killed.fd); /* as kill -9 does: the file stays */
	assert_int_equal(access(place->path, F_OK), 0);
	assert_int_equal(start(place, &listener, &err), 0);
	role_assert(&role_main);
	rpc_listen_fini(&listener);
}

static void
test_live_socket_is_refused(void **state)
{
	struct place *place = *state;
	struct rpc_listen listener;
	struct rpc_listen second;
	struct err err = ERR_INIT;

	assert_int_equal(start(place, &listener, &err), 0);
	assert_int_equal(start(place, &second, &err), -EBUSY);
	assert_int_equal(err.kind, ERR_IN_USE);
	assert_non_null(strstr(err.text, place->path));
	assert_int_equal(access(place->path, F_OK), 0);
	role_assert(&role_main);
	rpc_listen_fini(&second);
	rpc_listen_fini(&listener);
}

static void
test_other_files_are_left_alone(void **state)
{
	struct place *place = *state;
	struct rpc_listen listener;
	struct err err = ERR_INIT;
	struct stat st;
	int fd = open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(start(place, &listener, &err), -EEXIST);
	assert_non_null(strstr(err.text, place->path));
	assert_int_equal(stat(place->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	(void)unlink(place->path);
	/* nor is a link followed */
	assert_int_equal(symlink("/dev/null", place->path), 0);
	assert_int_equal(start(place, &listener, &err), -EEXIST);
	assert_int_equal(lstat(place->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void
test_path_length(void **state)
{
	char path[256];
	struct rpc_listen listener;
	struct err err = ERR_INIT;

	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[108] = '\0';
	role_assert(&role_main);
	assert_int_equal(rpc_listen_init(&listener, path, 0600, (gid_t)-1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "108"));
	assert_non_null(strstr(err.text, "107"));
	assert_int_equal(rpc_listen_init(&listener, "", 0600, (gid_t)-1, &err), -EINVAL);
	path[107] = '\0';
	assert_int_equal(rpc_listen_init(&listener, path, 0600, (gid_t)-1, &err), 0);
	rpc_listen_fini(&listener);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_missing_folder(void **state)
{
	struct rpc_listen listener;
	struct err err = ERR_INIT;

	role_assert(&role_main);
	assert_int_equal(rpc_listen_init(&listener, "/tmp/vsw/no/such/sock", 0600, (gid_t)-1, &err),
		-ENOENT);
	assert_non_null(strstr(err.text, "/tmp/vsw/no/such"));
}

static void
test_only_our_own_file_is_removed(void **state)
{
	struct place *place = *state;
	struct rpc_listen listener;
	struct rpc_listen successor;
	struct err err = ERR_INIT;

	assert_int_equal(start(place, &listener, &err), 0);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(start(place, &successor, &err), 0);
	role_assert(&role_main);
	rpc_listen_fini(&listener);
	assert_int_equal(access(place->path, F_OK), 0);
	rpc_listen_fini(&successor);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_mode_and_group),
		CASE(test_stale_socket_is_replaced),
		CASE(test_live_socket_is_refused),
		CASE(test_other_files_are_left_alone),
		CASE(test_path_length),
		CASE(test_missing_folder),
		CASE(test_only_our_own_file_is_removed),
	};

	return cmocka_run_group_tests_name("rpc_listen", tests, NULL, NULL);
}
