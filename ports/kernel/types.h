/* SPDX-License-Identifier: BSD-3-Clause */
/* Port types made of the kernel's own interfaces. */
#ifndef VSW_PORTS_KERNEL_TYPES_H
#define VSW_PORTS_KERNEL_TYPES_H

#include "ports/port.h"

extern const struct port_ops port_tap_ops;
extern const struct port_ops port_af_packet_ops;

#endif
