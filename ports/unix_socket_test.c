/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets of a port's own: rights of the file, whose it is, connections that never wait. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ports/unix_socket.h"

static char scratch[] = "/tmp/unix_socket_test_XXXXXX";

static unsigned int
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 0777;
}

static void
path_of(const struct port_conf *conf, char *path) ON_MAIN
{
	assert_int_equal(unix_socket_path(conf, scratch, path, PORT_SOCKET_PATH_MAX + 1, NULL), 0);
}

static void
test_listen_and_connect(void **ctx) ON_MAIN
{
	struct port_conf conf = {.name = "vm1", .permissions = PORT_PERMISSIONS_DEFAULT};
	struct unix_listener listener;
	char path[PORT_SOCKET_PATH_MAX + 1];
	char byte = 'x';
	int server;
	int client;

	(void)ctx;
	path_of(&conf, path);
	assert_int_equal(unix_socket_connect(path), -ENOENT);
	assert_int_equal(unix_socket_listen(&conf, path, &listener, NULL), 0);
	assert_int_equal(mode_of(path), 0660);
	assert_int_equal(unix_socket_accept(&listener), -EAGAIN);
	client = unix_socket_connect(path);
	assert_true(client >= 0);
	server = unix_socket_accept(&listener);
	assert_true(server >= 0);
	assert_int_equal(read(server, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(read(client, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(client, &byte, 1), 1);
	assert_int_equal(read(server, &byte, 1), 1);
	close(server);
	close(client);
	unix_socket_unlisten(&listener, path);
	assert_int_equal(access(path, F_OK), -1);
}

/* The default folder has its mode whatever the daemon was started with. */
static void
test_umask(void **ctx) ON_MAIN
{
	struct port_conf conf = {.name = "vm4", .permissions = PORT_PERMISSIONS_DEFAULT};
	struct unix_listener listener;
	char path[PORT_SOCKET_PATH_MAX + 1];
	char other[64];
	mode_t mask = umask(0077);

	(void)ctx;
	(void)snprintf(other, sizeof(other), "%s/umask", scratch);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(unix_socket_path(&conf, other, path, sizeof(path), NULL), 0);
	assert_int_equal(unix_socket_listen(&conf, path, &listener, NULL), 0);
	(void)umask(mask);
	assert_int_equal(mode_of(path), 0660);
	unix_socket_unlisten(&listener, path);
	*strrchr(path, '/') = '\0';
	assert_int_equal(mode_of(path), 0750);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(other), 0);
}

/* A full queue of connections that nobody accepts is no reason to wait either. */
static void
test_connect_never_waits(void **ctx) ON_MAIN
{
	struct port_conf conf = {.name = "busy", .permissions = PORT_PERMISSIONS_DEFAULT};
	struct unix_listener listener;
	char path[PORT_SOCKET_PATH_MAX + 1];
	int fds[200];
	unsigned int n = 0;
	int rc = 0;

	(void)ctx;
	path_of(&conf, path);
	assert_int_equal(unix_socket_listen(&conf, path, &listener, NULL), 0);
	while (n < ARRAY_LEN(fds) && (rc = unix_socket_connect(path)) >= 0) {
		fds[n++] = rc;
	}
	assert_int_equal(rc, -EAGAIN);
	while (n > 0) {
		close(fds[--n]);
	}
	unix_socket_unlisten(&listener, path);
}

static void
test_rights(void **ctx) ON_MAIN
{
	struct port_conf conf = {.name = "vm2", .permissions = 0600, .owner = "1234"};
	struct unix_listener listener;
	struct err err = ERR_INIT;
	char path[PORT_SOCKET_PATH_MAX + 1];
	struct stat st;
	int rc;

	(void)ctx;
	path_of(&conf, path);
	rc = unix_socket_listen(&conf, path, &listener, &err);
	if (geteuid() != 0) {
		/* nobody else may give files away; and nothing is left behind */
		assert_int_equal(rc, -EACCES);
		assert_string_equal(err.path, "owner");
		assert_int_equal(access(path, F_OK), -1);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(mode_of(path), 0600);
	conf.permissions = 0666;
	assert_int_equal(unix_socket_publish(&conf, path, NULL), 0);
	assert_int_equal(mode_of(path), 0666);
	conf.permissions = 0; /* nobody but root, not a default */
	assert_int_equal(unix_socket_publish(&conf, path, NULL), 0);
	assert_int_equal(mode_of(path), 0);
	unix_socket_unlisten(&listener, path);
}

static void
test_whose_file(void **ctx) ON_MAIN
{
	struct port_conf conf = {.name = "vm3", .permissions = PORT_PERMISSIONS_DEFAULT};
	struct unix_listener listener;
	struct unix_listener second;
	struct err err = ERR_INIT;
	char path[PORT_SOCKET_PATH_MAX + 1];
	int fd;

	(void)ctx;
	path_of(&conf, path);
	assert_int_equal(unix_socket_listen(&conf, path, &listener, NULL), 0);
	assert_int_equal(unix_socket_listen(&conf, path, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, "listens"));
	assert_int_equal(access(path, F_OK), 0);
	/* one that died is replaced */
	close(listener.fd);
	assert_int_equal(unix_socket_listen(&conf, path, &second, NULL), 0);
	/* what somebody else has put there stays */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	unix_socket_unlisten(&second, path);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unix_socket_listen(&conf, path, &listener, &err), -EBUSY);
	assert_non_null(strstr(err.text, "not a socket"));
	assert_int_equal(unlink(path), 0);
}

static int
start(void **ctx)
{
	(void)ctx;
	return mkdtemp(scratch) == NULL ? -1 : 0;
}

static int
stop(void **ctx)
{
	char folder[64] = "";

	(void)ctx;
	str_appendf(folder, sizeof(folder), "%s/vhost", scratch);
	return rmdir(folder) != 0 ? -1 : rmdir(scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen_and_connect),
		cmocka_unit_test(test_connect_never_waits),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_umask),
		cmocka_unit_test(test_whose_file),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("unix-socket", tests, start, stop);
	role_leave(&role_main);
	return rc;
}
