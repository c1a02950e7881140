/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel dropped that it should have handed to the reader of a tun device: frames that
 * found the queue full, or nobody attached (drivers/net/tun.c counts them as the interface's
 * tx_dropped, and reports no other loss there).
 *
 * Threads: main. Some ten system calls, none of which waits.
 */
#ifndef VSW_PORTS_KERNEL_TUN_DROPS_H
#define VSW_PORTS_KERNEL_TUN_DROPS_H

#include <stdint.h>

/*
 * Frames since the interface was made. `fd` is any queue of the device: it tells which interface,
 * and in which network namespace, wherever that has been moved. -errno.
 */
int tun_drops(int fd, uint64_t *frames);

#endif
