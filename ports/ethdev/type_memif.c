/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type memif: shared-memory packet rings with VPP, or with another process that speaks memif.
 *
 * The memory that is shared is the interface's own; packets are copied in and out. A zero-copy
 * client would show the peer all packet memory of the daemon: only with trusted=true, and only
 * where that memory is one file (hugepages).
 *
 * The driver trusts what the peer writes into the shared rings: a peer is never quite a stranger.
 */
#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_jhash.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/ethdev/ethdev.h"
#include "ports/ethdev/types.h"

#define MTU_SMALL 1998
#define BUFFER_SMALL 2048 /* of the client's rings; the client decides for both sides */
#define BUFFER_LARGE 9728
#define RING_LOG2 10

static int
check_folder(const char *path, struct err *err)
{
	char folder[PORT_SOCKET_PATH_MAX + 1];
	char *slash;

	str_copy(folder, path, sizeof(folder));
	slash = strrchr(folder, '/');
	slash[slash == folder ? 1 : 0] = '\0';
	if (access(folder, R_OK | W_OK | X_OK) != 0) {
		return err_set(err, errno == ENOENT ? ERR_MISSING : ERR_DENIED, "socket",
			"the folder '%s': %s", folder, strerror(errno));
	}
	return 0;
}

static int
memif_check(const struct port_conf *conf, struct err *err)
{
	struct stat st;
	int rc;

	/*
	 * The driver (22.11) miscounts a full ring when a frame spans several buffers, and hands
	 * the peer millions of frames that nobody sent. A client makes its buffers large enough; a
	 * server has to take the client's, which are of 2 KiB as a rule.
	 */
	if (!conf->client && conf->mtu > MTU_SMALL) {
		return err_set(err, ERR_UNSUPPORTED, "mtu",
			"a memif server takes an mtu of at most %d; use role=client for more",
			MTU_SMALL);
	}
	if (!str_given(conf->socket)) {
		return err_set(err, ERR_MISSING, "socket",
			"give the path of the socket that both sides meet at");
	}
	if (conf->socket[0] != '/') {
		return err_set(
			err, ERR_INVALID, "socket", "'%s' is not an absolute path", conf->socket);
	}
	if (strlen(conf->socket) > PORT_SOCKET_PATH_MAX) {
		return err_set(err, ERR_TOO_BIG, "socket",
			"the path is %zu characters long; a socket path can have %d",
			strlen(conf->socket), PORT_SOCKET_PATH_MAX);
	}
	rc = ethdev_check_value(conf->socket, "socket", err);
	if (rc != 0) {
		return rc;
	}
	if (lstat(conf->socket, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		return err_set(err, ERR_IN_USE, "socket",
			"'%s' exists and is not a socket: remove it or choose another path",
			conf->socket);
	}
	return check_folder(conf->socket, err);
}

/*
 * A socket left by a process that died would make the server's bind fail. One that answers is
 * another port's of this daemon, which may share it, or somebody else's, which the bind reports.
 */
static void
remove_stale(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	str_copy(sun.sun_path, path, sizeof(sun.sun_path));
	if (fd >= 0) {
		if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 &&
			errno == ECONNREFUSED) {
			(void)unlink(path);
		}
		(void)close(fd);
	}
}

/*
 * Keep the listener of this socket for good. When the last server on a socket is removed, the
 * driver (22.11) frees the listener's handle but leaves it with EAL's interrupt thread, which ends
 * the process when it next looks at it. So each socket gets a further device that is never started
 * and never removed. The next daemon finds the file stale.
 */
static int
keep_listener(const char *path, struct err *err) ON_MAIN
{
	char args[ETHDEV_ARGS_SIZE] = "";
	char name[64] = "";
	uint16_t id;

	str_appendf(name, sizeof(name), "net_memif_keep_%08x",
		rte_jhash(path, (uint32_t)strlen(path), 0));
	if (rte_eth_dev_get_port_by_name(name, &id) == 0) {
		return 0;
	}
	if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS) {
		return ethdev_limit(err);
	}
	remove_stale(path);
	str_appendf(args, sizeof(args), "%s,role=server,id=%u,socket=%s,socket-abstract=no", name,
		UINT32_MAX, path);
	if (rte_dev_probe(args) != 0) {
		return err_set(err, ERR_FAILED, "socket",
			"cannot listen on '%s': does another process?", path);
	}
	return 0;
}

static int
memif_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	/* The driver refuses a peer that transmits on more rings than we receive from. */
	struct ethdev_spec spec = {.ops = &port_memif_ops,
		.leaf = "socket",
		.paired = true,
		.soft_mtu = true,
		.interrupts = true,
		.reconnect = conf->client};
	bool zero_copy = conf->trusted && conf->client && env->hugepages;
	int rc;

	spec.bufferless = !zero_copy;

	role_assert(&role_main);
	rc = conf->client ? 0 : keep_listener(conf->socket, err);
	if (rc != 0) {
		return rc;
	}
	str_appendf(spec.down, sizeof(spec.down), "waiting for the memif %s on %s, id %u",
		conf->client ? "server" : "client", conf->socket, conf->id);
	ethdev_name(&spec, "net_memif");
	str_appendf(spec.devargs, sizeof(spec.devargs),
		",role=%s,id=%u,socket=%s,socket-abstract=no,rsize=%u,bsize=%u%s",
		conf->client ? "client" : "server", conf->id, conf->socket, RING_LOG2,
		conf->mtu > MTU_SMALL ? BUFFER_LARGE : BUFFER_SMALL,
		zero_copy ? ",zero-copy=yes" : "");
	return ethdev_open(&spec, conf, env, port, err);
}

const struct port_ops port_memif_ops = {
	.type = "memif",
	.check = memif_check,
	.open = memif_open,
	.close = ethdev_close,
	.change = ethdev_change,
	.status = ethdev_status,
	.poll = ethdev_poll,
	.missed = ethdev_missed,
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
};
