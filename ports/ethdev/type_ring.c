/* SPDX-License-Identifier: BSD-3-Clause */
/* Type ring: what is sent comes back, without a copy. For functions in the process, benchmarks. */
#include "ports/ethdev/ethdev.h"
#include "ports/ethdev/types.h"

#define RING_PAIRS 16 /* RTE_PMD_RING_MAX_RX_RINGS */

static int
ring_check(const struct port_conf *conf, struct err *err)
{
	if (conf->queues > RING_PAIRS) {
		return err_set(err, ERR_INVALID, "queues", "a ring port has at most %d queues",
			RING_PAIRS);
	}
	return 0;
}

static int
ring_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	/* The driver makes all pairs at once and frees those that were configured. */
	struct ethdev_spec spec = {.ops = &port_ring_ops,
		.leaf = "type",
		.queues_min = RING_PAIRS,
		.paired = true,
		.soft_mtu = true,
		.drain = true};

	role_assert(&role_main);
	ethdev_name(&spec, "net_ring");
	return ethdev_open(&spec, conf, env, port, err);
}

const struct port_ops port_ring_ops = {
	.type = "ring",
	.check = ring_check,
	.open = ring_open,
	.close = ethdev_close,
	.change = ethdev_change,
	.status = ethdev_status,
	.poll = ethdev_poll,
	.missed = ethdev_missed,
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
};
