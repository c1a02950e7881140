/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least that a switch can be: a thread that moves frames from the transmit rings of lanes to
 * the receive rings of the ports they are for, with one copy, no lookup, no drop and no system
 * call. What the generator reaches against it is what it could reach at most.
 *
 * A frame for which there are no receive buffers stays where it is. Start and stop belong to the
 * thread that polls the lanes; between them the device's side of all their rings belongs to the
 * thread that was started, and only that side.
 */
#ifndef VSW_PERF_LOADGEN_CEILING_H
#define VSW_PERF_LOADGEN_CEILING_H

#include "base/err.h"

struct ceiling;
struct lane;

/* `cpu` < 0: wherever. The lanes stay where they are until ceiling_stop(). */
int ceiling_start(struct ceiling **out, const struct lane *lanes, unsigned int n_lanes, int cpu,
	struct err *err);

/* NULL is legal. */
void ceiling_stop(struct ceiling *ceiling);

#endif
