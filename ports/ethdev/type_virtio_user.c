/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type virtio-user: the front end of somebody else's vhost back end, the kernel's vhost-net or a
 * vhost-user socket of another switch.
 *
 * To a vhost-user peer the daemon's packet memory is what a guest's is to us: it can read and write
 * all of it. So that needs trusted=true. The kernel may anyway.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/ethdev/courier.h"
#include "ports/ethdev/ethdev.h"
#include "ports/ethdev/ethdev_priv.h"
#include "ports/ethdev/types.h"

#define VHOST_NET "/dev/vhost-net"
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

/* The device string, under a name that is free now. */
static void
device_string(struct ethdev_spec *spec, const struct port_conf *conf, const char *path) ON_MAIN
{
	ethdev_name(spec, "net_virtio_user");
	str_appendf(spec->devargs, sizeof(spec->devargs), ",path=%s,queues=%u,queue_size=1024",
		path, conf->queues == 0 ? 1U : conf->queues);
}

static int
virtio_user_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct ethdev_spec spec = {
		.ops = &port_virtio_user_ops, .leaf = "path", .lro = true, .reopen = true};
	struct courier *courier;
	int rc;

	role_assert(&role_main);
	/* Looked at again: the driver's own failures say little. */
	rc = check_path(conf->path, err);
	if (rc != 0) {
		return rc;
	}
	str_appendf(spec.down, sizeof(spec.down),
		"the back end at %s has closed the connection or reports no link", conf->path);
	if (strcmp(conf->path, VHOST_NET) == 0) {
		device_string(&spec, conf, conf->path);
		return ethdev_open(&spec, conf, env, port, err);
	}
	rc = courier_create(conf->path, env->run_dir, &courier, err);
	if (rc != 0) {
		return rc;
	}
	rc = ethdev_promise(&spec, conf, env, port, err);
	if (rc != 0) {
		courier_destroy(courier);
		return rc;
	}
	ethdev_port(*port)->courier = courier;
	return 0;
}

static void
virtio_user_close(struct port *port, enum port_close why)
{
	struct courier *courier = ethdev_port(port)->courier;

	role_assert(&role_main);
	ethdev_close(port, why);
	courier_destroy(courier);
}

static void
virtio_user_poll(struct port *port, uint64_t now)
{
	struct ethdev_port *ep = ethdev_port(port);
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (!ep->attached && ep->why[0] == '\0' && courier_state(ep->courier) == COURIER_READY) {
		device_string(&ep->spec, &ep->conf, courier_path(ep->courier));
		if (ethdev_attach(ep, &err) != 0) {
			str_copy(ep->why, err.text, sizeof(ep->why));
		}
	}
	if (ep->attached) {
		ethdev_poll(port, now);
	}
}

static void
virtio_user_status(const struct port *port, struct port_status *status)
{
	const struct ethdev_port *ep = (const struct ethdev_port *)port;
	enum courier_state state;

	role_assert(&role_main);
	state = ep->courier == NULL ? COURIER_READY : courier_state(ep->courier);
	*status =
		(struct port_status){.oper = PORT_DOWN, .n_rxq = port->n_rxq, .n_txq = port->n_txq};
	if (state == COURIER_GONE) {
		status->oper = PORT_FAILED;
		str_copy(status->reason, ep->spec.down, sizeof(status->reason));
	} else if (ep->why[0] != '\0') {
		status->oper = PORT_FAILED;
		str_copy(status->reason, ep->why, sizeof(status->reason));
	} else if (ep->attached) {
		ethdev_status(port, status);
	} else if (state == COURIER_SILENT) {
		str_appendf(status->reason, sizeof(status->reason),
			"no vhost-user back end answers on '%s' within %d ms; it is asked again",
			ep->conf.path, COURIER_ANSWER_MS);
	} else {
		str_appendf(status->reason, sizeof(status->reason),
			"waiting for an answer of the back end at '%s'", ep->conf.path);
	}
}

const struct port_ops port_virtio_user_ops = {
	.type = "virtio-user",
	.check = virtio_user_check,
	.open = virtio_user_open,
	.close = virtio_user_close,
	.change = ethdev_change,
	.status = virtio_user_status,
	.poll = virtio_user_poll,
	.missed = ethdev_missed,
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
};
