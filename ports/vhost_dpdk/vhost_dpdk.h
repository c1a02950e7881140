/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port type "vhost-user" with backend=dpdk: virtual machines through librte_vhost.
 *
 * The library's own enqueue and dequeue copy between the guest's buffers and mbufs, two copies from
 * guest to guest. It is meant for trusted guests: the library reads messages of all ports on one
 * blocking thread, and its ring code has known weaknesses (docs/architecture.md, "vhost").
 *
 * One port is one socket is at most one guest. A second front end on the same socket is closed at
 * once and counted.
 */
#ifndef VSW_PORTS_VHOST_DPDK_VHOST_DPDK_H
#define VSW_PORTS_VHOST_DPDK_VHOST_DPDK_H

#include "ports/port.h"

extern const struct port_ops port_vhost_dpdk_ops;

#endif
