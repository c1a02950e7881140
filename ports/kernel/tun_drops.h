/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel dropped that it should have handed to the reader of a tun device: frames that
 * found the queue full, or nobody attached (drivers/net/tun.c counts them as the interface's
 * tx_dropped, and reports no other loss there).
 *
 * A socket in the interface's namespace asks, which costs microseconds; the device keeps that
 * namespace anyway. An interface that has been moved elsewhere is followed, for ten times that.
 *
 * Threads: main. Nothing here waits.
 */
#ifndef VSW_PORTS_KERNEL_TUN_DROPS_H
#define VSW_PORTS_KERNEL_TUN_DROPS_H

#include <stdint.h>

struct tun_drops {
	int device; /* any queue, borrowed: it knows the interface wherever that is */
	int netlink; /* -1: none */
	unsigned int ifindex; /* where it was at first */
	uint64_t before; /* what the interface had counted by then */
	uint64_t frames; /* since then, as read so far */
};

/* With the interface's namespace entered. `device` outlives it. */
void tun_drops_open(struct tun_drops *drops, int device, const char *ifname);
void tun_drops_close(struct tun_drops *drops);

/* Frames since tun_drops_open; what was read last if it cannot be had. */
uint64_t tun_drops_read(struct tun_drops *drops);

#endif
