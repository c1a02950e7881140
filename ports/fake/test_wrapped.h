/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For types of tests that are fake ports with something of their own: what they leave alone.
 * port_fake_ops is no constant expression, so a table cannot have its members.
 */
#ifndef VSW_PORTS_FAKE_TEST_WRAPPED_H
#define VSW_PORTS_FAKE_TEST_WRAPPED_H

#include "ports/fake/fake.h"

static inline int
wrapped_check(const struct port_conf *conf, struct err *err)
{
	return port_fake_ops.check(conf, err);
}

static inline uint16_t
wrapped_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	return port_fake_ops.rx_burst(port, queue, pkts, max, count);
}

static inline void
wrapped_rx_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n)
{
	port_fake_ops.rx_release(port, queue, pkts, n);
}

static inline void
wrapped_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	port_fake_ops.tx_burst(port, queue, items, n, count);
}

#endif
