/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port type af-xdp: a kernel interface, NIC or veth, whose frames are taken before the kernel's own
 * stack by an XDP program, and shared with it queue by queue.
 *
 * Own sockets and own program instead of DPDK's net_af_xdp, because that one (22.11) leaves its
 * sockets open when a port is closed, so that the same interface cannot be opened again; needs a
 * bpffs for libxdp's dispatcher; and copies by the total length out of the first buffer of a chain.
 *
 * A received frame stays where the kernel put it: the packet's head is the frame in the shared
 * memory, lent until rx_release. Sending copies once, into a frame of the transmit half.
 */
#ifndef VSW_PORTS_XDP_TYPES_H
#define VSW_PORTS_XDP_TYPES_H

#include "ports/port.h"

extern const struct port_ops port_af_xdp_ops;

#endif
