/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type null: takes every frame and receives none. For benchmarks.
 *
 * The driver can also receive, but then hands out buffers as they are: other ports' old frames.
 */
#include "base/str.h"
#include "ports/ethdev/ethdev.h"
#include "ports/ethdev/types.h"

static int
null_check(const struct port_conf *conf, struct err *err)
{
	(void)conf;
	(void)err;
	return 0;
}

static int
null_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct ethdev_spec spec = {
		.ops = &port_null_ops, .leaf = "type", .soft_mtu = true, .bufferless = true};

	role_assert(&role_main);
	ethdev_name(&spec, "net_null");
	str_append(spec.devargs, ",copy=0,no-rx=1", sizeof(spec.devargs));
	return ethdev_open(&spec, conf, env, port, err);
}

const struct port_ops port_null_ops = {
	.type = "null",
	.check = null_check,
	.open = null_open,
	.close = ethdev_close,
	.change = ethdev_change,
	.status = ethdev_status,
	.poll = ethdev_poll,
	.missed = ethdev_missed,
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
};
