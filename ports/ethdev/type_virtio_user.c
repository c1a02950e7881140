/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type virtio-user: the front end of somebody else's vhost back end, the kernel's vhost-net or a
 * vhost-user socket of another switch.
 *
 * To a vhost-user peer the daemon's packet memory is what a guest's is to us: it can read and write
 * all of it. So that needs trusted=true. The kernel may anyway.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/ethdev/ethdev.h"
#include "ports/ethdev/types.h"

#define VHOST_NET "/dev/vhost-net"
#define ANSWER_MS 1500 /* for a first answer: librte_vhost looks for new peers once a second */
#define QUEUES_MAX 8 /* VIRTIO_MAX_VIRTQUEUE_PAIRS of the driver */

static int
check_path(const char *path, struct err *err)
{
	struct stat st;

	if (strlen(path) > PORT_SOCKET_PATH_MAX) {
		return err_set(err, ERR_TOO_BIG, "path",
			"the path is %zu characters long; a socket path can have %d", strlen(path),
			PORT_SOCKET_PATH_MAX);
	}
	if (stat(path, &st) != 0) {
		return err_set(err, ERR_MISSING, "path", "'%s': %s%s", path, strerror(errno),
			strcmp(path, VHOST_NET) == 0 ? "; `modprobe vhost_net`" : "");
	}
	if (!S_ISSOCK(st.st_mode) && !S_ISCHR(st.st_mode)) {
		return err_set(err, ERR_INVALID, "path",
			"'%s' is neither a vhost-user socket nor " VHOST_NET, path);
	}
	if (access(path, R_OK | W_OK) != 0) {
		return err_set(err, ERR_DENIED, "path", "'%s': %s", path, strerror(errno));
	}
	return 0;
}

/*
 * The driver asks the back end with reads that block, on main: first ask once ourselves, with
 * patience that ends. GET_FEATURES of the vhost-user protocol (QEMU, docs/interop/vhost-user.rst):
 * request 1, version 1, no payload; answered by as much header and eight bytes.
 */
static int
check_answers(const char *path, struct err *err)
{
	static const uint32_t ask[3] = {1, 1, 0};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct pollfd pfd = {.events = POLLIN};
	uint8_t answer[20];
	bool ok;

	str_copy(sun.sun_path, path, sizeof(sun.sun_path));
	pfd.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ok = pfd.fd >= 0 && connect(pfd.fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
		write(pfd.fd, ask, sizeof(ask)) == (ssize_t)sizeof(ask) &&
		poll(&pfd, 1, ANSWER_MS) == 1 &&
		read(pfd.fd, answer, sizeof(answer)) == (ssize_t)sizeof(answer);
	if (pfd.fd >= 0) {
		(void)close(pfd.fd);
	}
	if (!ok) {
		return err_set(err, ERR_FAILED, "path",
			"no vhost-user back end answers on '%s' within %d ms", path, ANSWER_MS);
	}
	return 0;
}

static int
virtio_user_check(const struct port_conf *conf, struct err *err)
{
	int rc;

	if (!str_given(conf->path)) {
		return err_set(err, ERR_MISSING, "path",
			"give the path of a vhost-user socket, or " VHOST_NET);
	}
	rc = ethdev_check_value(conf->path, "path", err);
	if (rc != 0) {
		return rc;
	}
	if (strcmp(conf->path, VHOST_NET) != 0 && !conf->trusted) {
		return err_set(err, ERR_DENIED, "trusted",
			"whoever listens on '%s' will see all packet memory of this daemon: set "
			"trusted=true if that may be",
			conf->path);
	}
	if (conf->queues > QUEUES_MAX) {
		return err_set(err, ERR_INVALID, "queues",
			"a virtio-user port has at most %d queue pairs", QUEUES_MAX);
	}
	return check_path(conf->path, err);
}

static int
virtio_user_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct ethdev_spec spec = {
		.ops = &port_virtio_user_ops, .leaf = "path", .lro = true, .reopen = true};
	int rc;

	role_assert(&role_main);
	/* Looked at again: the driver's own failures say little. */
	rc = check_path(conf->path, err);
	if (rc == 0 && strcmp(conf->path, VHOST_NET) != 0) {
		rc = check_answers(conf->path, err);
	}
	if (rc != 0) {
		return rc;
	}
	str_appendf(spec.down, sizeof(spec.down),
		"the back end at %s has closed the connection or reports no link", conf->path);
	ethdev_name(&spec, "net_virtio_user");
	str_appendf(spec.devargs, sizeof(spec.devargs), ",path=%s,queues=%u,queue_size=1024",
		conf->path, conf->queues == 0 ? 1U : conf->queues);
	return ethdev_open(&spec, conf, env, port, err);
}

const struct port_ops port_virtio_user_ops = {
	.type = "virtio-user",
	.check = virtio_user_check,
	.open = virtio_user_open,
	.close = ethdev_close,
	.change = ethdev_change,
	.status = ethdev_status,
	.poll = ethdev_poll,
	.missed = ethdev_missed,
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
};
