/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own rings (ports/vhost/vq.h) as the back end of a guest in this process: no socket, but its
 * memory is mapped a second time, as it is in earnest.
 *
 * What the guest sends goes back to it: from its transmit ring to its receive ring, one copy.
 */
#ifndef VSW_PERF_MICRO_NATIVE_H
#define VSW_PERF_MICRO_NATIVE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "perf/micro/bench.h"
#include "perf/micro/guest.h"
#include "ports/vhost/vq.h"

struct native {
	struct vq rx; /* the guest transmits on it */
	struct vq tx;
	struct vq_view rx_view;
	struct vq_view tx_view;
	const struct vq_ops *ops; /* the fastest at first */
	struct port_counters count;
	struct gmem *gmem;
	atomic_bool gone;
	struct pkt pkts[PKT_BURST];
	struct tx_item items[PKT_BURST];
};

/* Serve a guest that was opened without a back end. Close it also when this fails. */
int native_open(struct native *native, struct guest *guest, const struct guest_kind *kind,
	struct err *err) ON_MAIN;
void native_close(struct native *native) ON_MAIN;

/* A burst that goes nowhere; how many frames. */
static inline uint16_t
native_receive(struct native *native, uint16_t max)
{
	const uint16_t n = native->ops->rx(
		&native->rx, &native->rx_view, native->pkts, max, NULL, &native->count);

	bench_keep(native->pkts);
	native->ops->release(&native->rx, &native->rx_view, native->pkts, n);
	return n;
}

/* A burst to the other ring; how many frames. */
static inline uint16_t
native_forward(struct native *native, uint16_t max)
{
	const uint16_t n = native->ops->rx(
		&native->rx, &native->rx_view, native->pkts, max, NULL, &native->count);

	if (n == 0) {
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		pkt_item(&native->pkts[i], &native->items[i]);
	}
	native->ops->tx(&native->tx, &native->tx_view, native->items, n, &native->count);
	native->ops->release(&native->rx, &native->rx_view, native->pkts, n);
	return n;
}

#endif
