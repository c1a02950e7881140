/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type fake: a port that receives what main injects and keeps what it should send until main
 * collects it. No device, no privileges, no EAL. Shipped, because with it a whole switch runs in a
 * test on one thread, and an operator can see what a bridge does with a frame.
 *
 * It lends its frames as the native vhost back end does: a private head copy, the rest as segments.
 *
 * Threads: fake_inject and fake_collect on main while a worker polls the port; a frame passes
 * between them through single-producer rings.
 */
#ifndef VSW_PORTS_FAKE_FAKE_H
#define VSW_PORTS_FAKE_FAKE_H

#include "ports/port.h"

#define FAKE_RING 128 /* frames waiting in each direction of a queue, a power of two */
#define FAKE_FRAME_MAX 9728 /* bytes of a frame; longer ones are refused */

extern const struct port_ops port_fake_ops;

/* Is this port a fake one? */
bool port_is_fake(const struct port *port);

/* Put a frame on a queue. ERR_LIMIT: FAKE_RING frames wait; ERR_INVALID: too long, no such queue.
 */
int fake_inject(struct port *port, uint16_t queue, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *ol, struct err *err) ON_MAIN;

/* Take the oldest frame that was sent on a queue: its length, or 0 if there is none. `buf` holds
 * FAKE_FRAME_MAX bytes; `ol` may be NULL. */
uint32_t
fake_collect(struct port *port, uint16_t queue, uint8_t *buf, struct pkt_offload *ol) ON_MAIN;

#endif
