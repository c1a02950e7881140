/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/test_dp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

struct dp *
test_dp_create(unsigned int n_workers)
{
	const struct dp_options options = {.n_workers = n_workers, .seed = 1};
	struct err err = ERR_INIT;
	struct dp *dp;

	role_assert(&role_main);
	role_assert(&role_worker);
	memset(&lives, 0, sizeof(lives));
	if (dp_create(&options, &dp, &err) != 0) {
		fail_msg("%s", err.text);
	}
	(void)dp_step(dp, TEST_DP_NOW);
	return dp;
}

struct dp_port *
test_dp_port_named(struct dp *dp, const char *name, uint16_t queues)
{
	struct port_conf conf = {.queues = queues};
	struct err err = ERR_INIT;
	struct dp_port *port;

	(void)str_copy(conf.name, name, sizeof(conf.name));
	if (dp_port_open(dp, &device_ops, &conf, &port, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return port;
}

struct dp_port *
test_dp_port(struct dp *dp, uint16_t queues)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "d%u", lives.n_open);
	return test_dp_port_named(dp, name, queues);
}

struct dp_bridge *
test_dp_bridge(struct dp *dp)
{
	const struct dp_bridge_conf conf = {.fdb = {.limit = 100, .aging_s = 300}};
	struct err err = ERR_INIT;
	struct dp_bridge *bridge;

	if (dp_bridge_create(dp, &conf, &bridge, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return bridge;
}

struct dp_port_fwd
test_dp_fwd(struct dp_bridge *bridge)
{
	struct dp_port_fwd fwd = {
		.bridge = bridge, .enabled = true, .mtu = 1500, .vlan = {.mode = VLAN_TRUNK}};

	memset(&fwd.vlan.trunk, 0xff, sizeof(fwd.vlan.trunk));
	return fwd;
}
