/* SPDX-License-Identifier: BSD-3-Clause */
/* What ports without a device do with packets: as little as a port can. */
#ifndef VSW_PERF_MICRO_NO_DEVICE_H
#define VSW_PERF_MICRO_NO_DEVICE_H

#include <stdint.h>

#include "ports/port.h"

/* The packets' memory is the benchmark's own. */
void no_device_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n);

/* Counts, and looks at no byte. */
void no_device_tx(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count);

#endif
