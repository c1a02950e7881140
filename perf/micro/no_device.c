/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/no_device.h"

#include "perf/micro/bench.h"

void
no_device_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n)
{
	(void)port;
	(void)queue;
	(void)n;
	bench_keep(pkts);
}

void
no_device_tx(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	uint64_t bytes = 0;

	(void)port;
	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		bytes += items[i].len;
	}
	port_count(&count->tx_packets, n);
	port_count(&count->tx_bytes, bytes);
}
