/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/unix_socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

#define DEFAULT_FOLDER_MODE 0750
#define LISTEN_BACKLOG 64
#define ID_UNCHANGED ((uint64_t)UINT32_MAX) /* chown(2): -1 leaves it */

static int
find_owner(const struct port_conf *conf, uid_t *uid, struct err *err)
{
	const struct passwd *pw;
	uint64_t id;

	*uid = (uid_t)ID_UNCHANGED;
	if (!str_given(conf->owner)) {
		return 0;
	}
	pw = getpwnam(conf->owner);
	if (pw != NULL) {
		*uid = pw->pw_uid;
		return 0;
	}
	if (str_to_u64(conf->owner, 0, ID_UNCHANGED - 1, &id) == 0) {
		*uid = (uid_t)id;
		return 0;
	}
	return err_set(err, ERR_INVALID, "owner",
		"there is no user '%s' on this host: give a user name or a number", conf->owner);
}

static int
find_group(const struct port_conf *conf, gid_t *gid, struct err *err)
{
	const struct group *gr;
	uint64_t id;

	*gid = (gid_t)ID_UNCHANGED;
	if (!str_given(conf->group)) {
		return 0;
	}
	gr = getgrnam(conf->group);
	if (gr != NULL) {
		*gid = gr->gr_gid;
		return 0;
	}
	if (str_to_u64(conf->group, 0, ID_UNCHANGED - 1, &id) == 0) {
		*gid = (gid_t)id;
		return 0;
	}
	return err_set(err, ERR_INVALID, "group",
		"there is no group '%s' on this host: give a group name or a number", conf->group);
}

static int
check_length(const char *path, struct err *err)
{
	size_t len = strlen(path);

	if (len > PORT_SOCKET_PATH_MAX) {
		return err_set(err, ERR_TOO_BIG, "socket",
			"'%.32s...' is %zu characters long; a socket path can have %d", path, len,
			PORT_SOCKET_PATH_MAX);
	}
	return 0;
}

static int
check_not_a_file(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		return err_set(err, ERR_IN_USE, "socket",
			"'%s' exists and is not a socket: remove it or choose another path", path);
	}
	return 0;
}

int
unix_socket_check(const struct port_conf *conf, struct err *err)
{
	uid_t uid;
	gid_t gid;
	int rc;

	if (conf->client && (str_given(conf->owner) || str_given(conf->group))) {
		return err_set(err, ERR_INVALID, str_given(conf->owner) ? "owner" : "group",
			"in mode client the socket file belongs to its server: set this there");
	}
	if (conf->client && !str_given(conf->socket)) {
		return err_set(err, ERR_MISSING, "socket",
			"mode client needs the path of the socket to connect to");
	}
	if ((conf->permissions & ~(mode_t)0777) != 0) {
		return err_set(err, ERR_INVALID, "permissions",
			"%o is not a set of rwx bits between 0 and 777",
			(unsigned int)conf->permissions);
	}
	if (str_given(conf->socket)) {
		if (conf->socket[0] != '/') {
			return err_set(err, ERR_INVALID, "socket", "'%s' is not an absolute path",
				conf->socket);
		}
		rc = check_length(conf->socket, err);
		if (rc != 0) {
			return rc;
		}
		rc = check_not_a_file(conf->socket, err);
		if (rc != 0) {
			return rc;
		}
	}
	rc = find_owner(conf, &uid, err);
	return rc != 0 ? rc : find_group(conf, &gid, err);
}

int
unix_socket_path(
	const struct port_conf *conf, const char *run_dir, char *path, size_t size, struct err *err)
{
	char whole[PATH_MAX] = "";

	if (str_given(conf->socket)) {
		str_copy(whole, conf->socket, sizeof(whole));
	} else {
		str_appendf(whole, sizeof(whole), "%s/vhost/%s.sock", run_dir, conf->name);
	}
	if (check_length(whole, err) != 0) {
		return -E2BIG;
	}
	str_copy(path, whole, size);
	return 0;
}

/* The default folder is ours to make; another one is the user's, who may want other rights on it.
 */
static int
make_folder(const struct port_conf *conf, const char *path, struct err *err)
{
	char folder[PATH_MAX];
	struct stat st;
	char *slash;

	str_copy(folder, path, sizeof(folder));
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder) {
		return 0;
	}
	*slash = '\0';
	/* chmod: whatever the umask */
	if (!str_given(conf->socket) &&
		(mkdir(folder, DEFAULT_FOLDER_MODE) != 0
				? errno != EEXIST
				: chmod(folder, DEFAULT_FOLDER_MODE) != 0)) {
		return err_set(err, ERR_FAILED, "socket", "cannot make the folder '%s': %s", folder,
			strerror(errno));
	}
	if (stat(folder, &st) != 0) {
		return err_set(
			err, ERR_MISSING, "socket", "the folder '%s': %s", folder, strerror(errno));
	}
	if (!S_ISDIR(st.st_mode)) {
		return err_set(err, ERR_INVALID, "socket", "'%s' is not a folder", folder);
	}
	return 0;
}

static int
open_unix(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	str_copy(sun->sun_path, path, sizeof(sun->sun_path));
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int
remove_stale(const char *path, struct err *err)
{
	struct sockaddr_un sun;
	struct stat st;
	int rc;
	int fd;

	if (lstat(path, &st) != 0) {
		return 0;
	}
	rc = check_not_a_file(path, err);
	if (rc != 0) {
		return rc;
	}
	fd = open_unix(path, &sun);
	if (fd < 0) {
		return err_set(err, ERR_LIMIT, "socket", "no socket: %s", strerror(errno));
	}
	rc = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	close(fd);
	if (rc == 0 || rc == EAGAIN) {
		return err_set(
			err, ERR_IN_USE, "socket", "another process or port listens on '%s'", path);
	}
	if (rc != ECONNREFUSED) {
		return err_set(err, ERR_IN_USE, "socket",
			"'%s' exists and cannot be told to be stale: %s", path, strerror(rc));
	}
	if (unlink(path) != 0) {
		return err_set(err, ERR_DENIED, "socket", "cannot remove the stale '%s': %s", path,
			strerror(errno));
	}
	return 0;
}

/* A bound socket, or -errno. */
static int
bind_unix(const char *path, struct err *err)
{
	struct sockaddr_un sun;
	int fd = open_unix(path, &sun);
	int rc;

	if (fd < 0) {
		return err_set(err, ERR_LIMIT, "socket", "no socket: %s", strerror(errno));
	}
	rc = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	if (rc != 0) {
		close(fd);
		return err_set(err, rc == EACCES ? ERR_DENIED : ERR_FAILED, "socket",
			"cannot make the socket '%s': %s", path, strerror(rc));
	}
	return fd;
}

/* The library closes a descriptor twice when its own bind fails, so it must not fail. */
static int
try_bind(const char *path, struct err *err)
{
	int fd = bind_unix(path, err);

	if (fd < 0) {
		return fd;
	}
	close(fd);
	(void)unlink(path);
	return 0;
}

static int
make_room(const struct port_conf *conf, const char *path, struct err *err)
{
	int rc = make_folder(conf, path, err);

	return rc != 0 ? rc : remove_stale(path, err);
}

int
unix_socket_prepare(const struct port_conf *conf, const char *path, struct err *err)
{
	mode_t mask;
	int rc;

	if (conf->client) {
		return 0;
	}
	rc = make_room(conf, path, err);
	if (rc == 0) {
		mask = unix_socket_narrow();
		rc = try_bind(path, err);
		(void)umask(mask);
	}
	return rc;
}

mode_t
unix_socket_narrow(void)
{
	/* The mask is the whole process's: a file that another thread makes now gets fewer rights,
	 * never more. */
	return umask(0777);
}

int
unix_socket_publish(const struct port_conf *conf, const char *path, struct err *err)
{
	char self[64] = "";
	struct stat st;
	uid_t uid;
	gid_t gid;
	int rc;
	int fd;

	if (conf->client) {
		return 0;
	}
	rc = find_owner(conf, &uid, err);
	if (rc == 0) {
		rc = find_group(conf, &gid, err);
	}
	if (rc != 0) {
		return rc;
	}
	/* By descriptor, so that a link put in its place is not followed. */
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		rc = err_set(
			err, ERR_FAILED, "socket", "'%s' was replaced while it was made", path);
	} else if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0) {
		rc = err_set(err, ERR_DENIED, str_given(conf->owner) ? "owner" : "group",
			"cannot give '%s' to %s:%s: %s", path, conf->owner, conf->group,
			strerror(errno));
	} else {
		str_appendf(self, sizeof(self), "/proc/self/fd/%d", fd);
		if (chmod(self, conf->permissions) != 0) {
			rc = err_set(err, ERR_DENIED, "permissions", "cannot set %03o on '%s': %s",
				(unsigned int)conf->permissions, path, strerror(errno));
		}
	}
	if (fd >= 0) {
		close(fd);
	}
	return rc;
}

int
unix_socket_republish(const struct port_conf *old, const struct port_conf *conf, const char *path,
	struct err *err)
{
	return conf->permissions != old->permissions || strcmp(conf->owner, old->owner) != 0 ||
			strcmp(conf->group, old->group) != 0
		? unix_socket_publish(conf, path, err)
		: 0;
}

int
unix_socket_listen(const struct port_conf *conf, const char *path, struct unix_listener *listener,
	struct err *err)
{
	struct stat st;
	mode_t mask;
	int rc = make_room(conf, path, err);
	int fd;

	if (rc != 0) {
		return rc;
	}
	mask = unix_socket_narrow();
	fd = bind_unix(path, err);
	(void)umask(mask);
	if (fd < 0) {
		return fd;
	}
	if (lstat(path, &st) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
		rc = err_set(err, ERR_FAILED, "socket", "cannot listen on '%s': %s", path,
			strerror(errno));
		close(fd);
		(void)unlink(path);
		return rc;
	}
	*listener = (struct unix_listener){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
	rc = unix_socket_publish(conf, path, err);
	if (rc != 0) {
		unix_socket_unlisten(listener, path);
	}
	return rc;
}

void
unix_socket_unlisten(struct unix_listener *listener, const char *path)
{
	struct stat st;

	close(listener->fd);
	listener->fd = -1;
	if (lstat(path, &st) == 0 && st.st_dev == listener->dev && st.st_ino == listener->ino) {
		(void)unlink(path);
	}
}

int
unix_socket_accept(const struct unix_listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

int
unix_socket_connect(const char *path)
{
	struct sockaddr_un sun;
	int fd = open_unix(path, &sun);
	int rc;

	if (fd < 0) {
		return -errno;
	}
	/* unix(7): no connect of this family is left in progress. */
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		return fd;
	}
	rc = -errno;
	close(fd);
	return rc;
}

static bool
is_live_connection(int fd, const char *path)
{
	struct pollfd pfd = {.fd = fd, .events = POLLRDHUP};
	struct sockaddr_un sun = {0};
	socklen_t len = sizeof(sun);
	int listening = 0;
	socklen_t int_len = sizeof(listening);

	return getsockname(fd, (struct sockaddr *)&sun, &len) == 0 && sun.sun_family == AF_UNIX &&
		strncmp(sun.sun_path, path, sizeof(sun.sun_path)) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_len) == 0 &&
		listening == 0 && poll(&pfd, 1, 0) == 0;
}

unsigned int
unix_socket_alive(const char *path)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned int n = 0;
	uint64_t fd;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (str_to_u64(entry->d_name, 0, INT_MAX, &fd) == 0 &&
			is_live_connection((int)fd, path)) {
			n++;
		}
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
	return n;
}
