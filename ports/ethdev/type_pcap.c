/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type pcap: receives the frames of one capture file, once, and writes what it is sent to another.
 * It reads and writes files on the packet path: for replay and tests, not beside real traffic.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/ethdev/ethdev.h"
#include "ports/ethdev/types.h"

/* Opening a FIFO or a device may wait for long, and reading one on the packet path too. */
static int
check_regular(const char *file, const char *leaf, struct err *err)
{
	struct stat st;

	if (stat(file, &st) != 0) {
		return err_set(err, errno == ENOENT ? ERR_MISSING : ERR_DENIED, leaf, "'%s': %s",
			file, strerror(errno));
	}
	return S_ISREG(st.st_mode)
		? 0
		: err_set(err, ERR_INVALID, leaf,
			  "'%s' is not a regular file; give the path of one", file);
}

/* Can the file be made, or written if it is there? */
static int
check_writable(const char *file, struct err *err)
{
	char folder[sizeof(((struct port_conf *)NULL)->tx_file)];
	char *slash;

	if (access(file, F_OK) == 0) {
		return access(file, W_OK) == 0
			? check_regular(file, "tx-file", err)
			: err_set(err, ERR_DENIED, "tx-file", "'%s': %s", file, strerror(errno));
	}
	str_copy(folder, file, sizeof(folder));
	slash = strrchr(folder, '/');
	if (slash == NULL) {
		str_copy(folder, ".", sizeof(folder));
	} else {
		slash[slash == folder ? 1 : 0] = '\0';
	}
	if (access(folder, W_OK | X_OK) != 0) {
		return err_set(err, ERR_DENIED, "tx-file", "'%s' cannot be made in '%s': %s", file,
			folder, strerror(errno));
	}
	return 0;
}

static int
pcap_check(const struct port_conf *conf, struct err *err)
{
	int rc;

	if (!str_given(conf->rx_file) && !str_given(conf->tx_file)) {
		return err_set(err, ERR_MISSING, "rx-file",
			"a pcap port needs rx-file (to receive from), tx-file (to write to), or "
			"both");
	}
	if (conf->queues > 1) {
		return err_set(err, ERR_INVALID, "queues", "a pcap port has one queue");
	}
	if (str_given(conf->rx_file)) {
		rc = ethdev_check_value(conf->rx_file, "rx-file", err);
		if (rc != 0) {
			return rc;
		}
		if (access(conf->rx_file, R_OK) != 0) {
			return err_set(err, errno == ENOENT ? ERR_MISSING : ERR_DENIED, "rx-file",
				"'%s': %s", conf->rx_file, strerror(errno));
		}
		rc = check_regular(conf->rx_file, "rx-file", err);
		if (rc != 0) {
			return rc;
		}
	}
	if (str_given(conf->tx_file)) {
		rc = ethdev_check_value(conf->tx_file, "tx-file", err);
		return rc != 0 ? rc : check_writable(conf->tx_file, err);
	}
	return 0;
}

static int
pcap_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct ethdev_spec spec = {.ops = &port_pcap_ops,
		.leaf = str_given(conf->rx_file) ? "rx-file" : "tx-file",
		.soft_mtu = true,
		.bufferless = true};

	int rc = pcap_check(conf, err); /* a port that is retried is opened without a check */

	role_assert(&role_main);
	if (rc != 0) {
		return rc;
	}
	ethdev_name(&spec, "net_pcap");
	if (str_given(conf->rx_file)) {
		str_appendf(spec.devargs, sizeof(spec.devargs), ",rx_pcap=%s", conf->rx_file);
	}
	if (str_given(conf->tx_file)) {
		str_appendf(spec.devargs, sizeof(spec.devargs), ",tx_pcap=%s", conf->tx_file);
	}
	return ethdev_open(&spec, conf, env, port, err);
}

const struct port_ops port_pcap_ops = {
	.type = "pcap",
	.check = pcap_check,
	.open = pcap_open,
	.close = ethdev_close,
	.change = ethdev_change,
	.status = ethdev_status,
	.poll = ethdev_poll,
	.missed = ethdev_missed,
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
};
