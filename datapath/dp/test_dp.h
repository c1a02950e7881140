/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of the datapath begin with: one that is stepped by hand, its devices and bridges. */
#ifndef VSW_DATAPATH_DP_TEST_DP_H
#define VSW_DATAPATH_DP_TEST_DP_H

#include "base/clock.h"
#include "datapath/dp/dp.h"
#include "datapath/dp/test_device.h"

#define TEST_DP_NOW (100 * CLOCK_S)

/* At TEST_DP_NOW, without threads; devices are counted anew. This thread is main and all workers.
 */
struct dp *test_dp_create(unsigned int n_workers) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker));

/* A device, not yet forwarding. Without a name it is the next of "d0", "d1" and so on. */
struct dp_port *test_dp_port_named(struct dp *dp, const char *name, uint16_t queues) ON_MAIN;
struct dp_port *test_dp_port(struct dp *dp, uint16_t queues) ON_MAIN;

/* An FDB of 100 that forgets after 300 s. */
struct dp_bridge *test_dp_bridge(struct dp *dp) ON_MAIN;

/* Enabled, all VLANs, tagged. */
struct dp_port_fwd test_dp_fwd(struct dp_bridge *bridge);

#endif
