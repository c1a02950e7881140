/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/rpc_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

/* A starter holds the folder for well under a millisecond; one that is stuck must not stop us. */
#define LOCK_TRIES 100
#define LOCK_PAUSE_NS (10 * CLOCK_MS)

static int folder_lock(const char *path, int *lock_fd, struct err *err);
static int place_clear(const char *path, struct err *err);
static int socket_bind(struct rpc_listen *listener, mode_t mode, gid_t group, struct err *err);

int
rpc_listen_init(
	struct rpc_listen *listener, const char *path, mode_t mode, gid_t group, struct err *err)
{
	int lock_fd = -1;
	int rc;

	listener->fd = -1;
	if (!str_copy(listener->path, path, sizeof(listener->path)) || path[0] == '\0') {
		return err_set(err, ERR_INVALID, NULL,
			"control socket path of %zu bytes: the system allows 1 to %d; choose a "
			"shorter one: %s",
			strlen(path), RPC_PATH_MAX, path);
	}
	rc = folder_lock(path, &lock_fd, err);
	if (rc != 0) {
		return rc;
	}
	rc = place_clear(path, err);
	if (rc == 0) {
		rc = socket_bind(listener, mode, group, err);
	}
	(void)close(lock_fd);
	return rc;
}

void
rpc_listen_fini(struct rpc_listen *listener)
{
	struct stat st;

	if (listener->fd < 0) {
		return;
	}
	if (lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
		st.st_ino == listener->ino) {
		(void)unlink(listener->path);
	}
	(void)close(listener->fd);
	listener->fd = -1;
}

static int
folder_lock(const char *path, int *lock_fd, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
	char copy[RPC_PATH_MAX + 1];
	const char *folder;
	int fd;

	(void)str_copy(copy, path, sizeof(copy));
	folder = dirname(copy);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return err_set(err, errno == ENOENT ? ERR_MISSING : ERR_DENIED, NULL,
			"folder %s of the control socket: %s", folder, strerror(errno));
	}
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (i == LOCK_TRIES) {
			(void)close(fd);
			return err_set(err, ERR_IN_USE, NULL,
				"folder %s of the control socket stays locked by another process",
				folder);
		}
		(void)nanosleep(&pause, NULL);
	}
	*lock_fd = fd;
	return 0;
}

static int
address_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0) {
		return -errno;
	}
	(void)str_copy(address.sun_path, path, sizeof(address.sun_path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		rc = -errno;
	}
	(void)close(fd);
	return rc;
}

/* Make sure that nothing is at `path`, or say what is. */
static int
place_clear(const char *path, struct err *err)
{
	struct stat st;
	int rc;

	if (lstat(path, &st) != 0) {
		return errno == ENOENT ? 0
				       : err_set(err, ERR_FAILED, NULL, "control socket %s: %s",
						 path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode)) {
		return err_set(err, ERR_EXISTS, NULL,
			"%s exists and is not a socket; it is left alone: choose another path for "
			"the control socket or move the file away",
			path);
	}
	rc = address_connect(path);
	switch (rc) {
	case -ENOENT:
		return 0;
	case -ECONNREFUSED:
		if (unlink(path) != 0 && errno != ENOENT) {
			return err_set(err, ERR_DENIED, NULL,
				"stale socket %s cannot be removed: %s", path, strerror(errno));
		}
		return 0;
	case 0:
	case -EAGAIN: /* somebody listens and is too busy to accept */
	case -EPROTOTYPE: /* somebody's datagram socket */
		return err_set(err, ERR_IN_USE, NULL,
			"another process listens on %s; stop it or choose another path", path);
	default:
		return err_set(err, ERR_DENIED, NULL,
			"socket %s exists and cannot be probed: %s; remove it if nobody uses it",
			path, strerror(-rc));
	}
}

static int
socket_bind(struct rpc_listen *listener, mode_t mode, gid_t group, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = listener->path;
	struct stat st = {.st_ino = 0};
	const char *step = "bind";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool bound = false;
	mode_t mask;
	int rc;

	if (fd < 0) {
		return err_set(err, ERR_FAILED, NULL, "control socket: %s", strerror(errno));
	}
	(void)str_copy(address.sun_path, path, sizeof(address.sun_path));
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&address, sizeof(address));
	bound = rc == 0;
	(void)umask(mask);
	if (rc == 0 && group != (gid_t)-1) {
		step = "change its group";
		rc = lchown(path, (uid_t)-1, group);
	}
	if (rc == 0) {
		step = "change its mode";
		rc = chmod(path, mode);
	}
	if (rc == 0) {
		step = "stat";
		rc = lstat(path, &st);
	}
	if (rc == 0) {
		step = "listen";
		rc = listen(fd, SOMAXCONN);
	}
	if (rc != 0) {
		rc = err_set(err, errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_FAILED, NULL,
			"control socket %s: %s: %s", path, step, strerror(errno));
		if (bound) {
			(void)unlink(path);
		}
		(void)close(fd);
		return rc;
	}
	listener->fd = fd;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return 0;
}
