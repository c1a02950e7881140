/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fake port that calls itself "tap" and holds its interface's name: a second opening of the same
 * name is refused, as a kernel would. It can be told to refuse or to vanish. One per process, main
 * only.
 */
#ifndef VSW_TESTS_WORLD_HELD_PORT_H
#define VSW_TESTS_WORLD_HELD_PORT_H

#include <stdbool.h>

#include "ports/port.h"

extern const struct port_ops held_port_ops;

/* Forget everything between two cases. */
void held_port_reset(void);

/* open() of this interface fails from now on, or no longer. */
void held_port_refuse(const char *ifname, bool refuse);

/* The device behind this interface has gone: status says failed. */
void held_port_vanish(const char *ifname, bool gone);

/* How many devices are open for this name: 0 or 1. */
unsigned int held_port_count(const char *ifname);

#endif
