/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that were for a port and that the kernel or the device lost before the switch had them.
 *
 * They are in no other counter: not received, not dropped, and no part of received + copies = sent
 * + dropped. One list gives the enum, the leaf /port/statistics/missed/<name> of the schema (a lint
 * compares the two) and the sentence of the documentation.
 *
 * A port type reads them where the kernel or the device keeps them, so they cost packets nothing.
 * Counts only grow, for as long as the port is open. What waits in the kernel when a port is closed
 * is lost too, and counted by nobody.
 */
#ifndef VSW_PORTS_MISSED_H
#define VSW_PORTS_MISSED_H

#include <stdint.h>

#define PORT_MISSES(X)                                                                        \
	X(MISSED_SOCKET_FULL, "socket-full", "the packet socket's buffer was full")           \
	X(MISSED_TAP_FULL, "tap-full", "the tap's queue was full")                            \
	X(MISSED_XDP_NO_FRAME, "xdp-no-frame", "the AF_XDP socket had no free frame")         \
	X(MISSED_XDP_RING_FULL, "xdp-ring-full", "the AF_XDP socket's receive ring was full") \
	X(MISSED_XDP_REFUSED, "xdp-refused", "the frame is too long for the AF_XDP socket")   \
	X(MISSED_DEVICE_FULL, "device-full", "the device had no free receive descriptor")     \
	X(MISSED_DEVICE_ERROR, "device-error", "the device or its driver found the frame broken")

enum missed_reason {
#define X(id, name, doc) id,
	PORT_MISSES(X)
#undef X
		MISSED_N
};

struct port_missed {
	uint64_t frames[MISSED_N];
	/* Not frames. Times that no free buffer was there for the device; frames are lost for it
	 * only if it goes on. */
	uint64_t no_buffer;
	uint64_t invalid_buffers; /* that the kernel did not take from us: a fault of the switch */
};

/* Schema name of a reason, and what it means; never NULL. Any thread. */
const char *missed_name(enum missed_reason reason);
const char *missed_text(enum missed_reason reason);

/* sum += more, and sum -= less. Any thread. */
void port_missed_add(struct port_missed *sum, const struct port_missed *more);
void port_missed_sub(struct port_missed *sum, const struct port_missed *less);

/* What has been read must not be less than what was read before: *sum = max(*sum, now). */
void port_missed_raise(struct port_missed *sum, const struct port_missed *now);

#endif
