/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_limits.h"

#include <string.h>

#include "datapath/dp/dp_priv.h"

static const struct {
	enum drop_reason reason;
	enum dp_port_limit limit;
} reasons[] = {
	{DROP_RX_NO_MEMORY, DP_LIMIT_BUFFERS},
	{DROP_TX_NO_MEMORY, DP_LIMIT_BUFFERS},
	{DROP_MISS_BUDGET, DP_LIMIT_FLOWS},
	{DROP_STORM_BROADCAST, DP_LIMIT_STORM},
	{DROP_STORM_MULTICAST, DP_LIMIT_STORM},
	{DROP_STORM_UNKNOWN, DP_LIMIT_STORM},
};

bool
dp_port_limits(const struct dp *dp, uint32_t id, uint64_t counts[DP_PORT_LIMITS])
{
	const struct dp_port *port = dp_port_by_id(dp, id);

	if (port == NULL || port->device == NULL) {
		return false;
	}
	memset(counts, 0, DP_PORT_LIMITS * sizeof(counts[0]));
	if (port->bridge != NULL) {
		counts[DP_LIMIT_MACS] = fdb_port_limited(port->bridge->fdb, id);
	}
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct port_counters *c = &dp->workers[w]->burst->ports[id];

		for (size_t i = 0; i < RTE_DIM(reasons); i++) {
			counts[reasons[i].limit] +=
				__atomic_load_n(&c->drops[reasons[i].reason], __ATOMIC_RELAXED);
		}
	}
	return true;
}
