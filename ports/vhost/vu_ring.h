/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One ring of a device: can it run, and where does it lie.
 *
 * Features, memory, size, addresses, base and in-flight area are looked at together, each time a
 * view is made: what one message has told may not fit what another one tells later.
 *
 * Threads: main.
 */
#ifndef VSW_PORTS_VHOST_VU_RING_H
#define VSW_PORTS_VHOST_VU_RING_H

#include "base/role.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vu_device.h"

/* NULL, and the zeroed `view` becomes what workers need; or why the ring cannot run, a phrase. */
const char *
vu_ring_view(const struct vu_device *device, uint16_t ring, struct vq_view *view) ON_MAIN;

/* What the guest has said it takes (GUEST_* features), as capabilities of an output. */
uint32_t vu_ring_takes(const struct vu_device *device) ON_MAIN;

#endif
