/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our XDP program on an interface (steer.bpf.c, inside the binary).
 *
 * It hangs on a BPF link, so the kernel takes it off when the daemon ends, however that happens.
 *
 * Threads: main.
 */
#ifndef VSW_PORTS_XDP_XDP_PROG_H
#define VSW_PORTS_XDP_XDP_PROG_H

#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

struct xdp_prog;

/* Load and attach. Errors name the leaf ifname. */
int xdp_prog_open(const char *ifname, int ifindex, struct xdp_prog **out, struct err *err) ON_MAIN;

/* Frames of this receive queue go to the socket. -errno. */
int xdp_prog_steer(struct xdp_prog *prog, uint32_t queue, int socket) ON_MAIN;

/* Frames go to the kernel again. NULL is allowed. */
void xdp_prog_close(struct xdp_prog *prog) ON_MAIN;

#endif
