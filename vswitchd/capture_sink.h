/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the bytes of a capture go: a descriptor of the peer's, or events to the peer itself.
 *
 * Nothing blocks: bytes wait in a buffer of CAPTURE_SINK_SIZE, and whoever writes asks for room
 * first. A descriptor is a UNIX stream socket. All else is refused: writing to it may take any
 * time. As events (topic capture, {id, data} with base64) bytes go to the peer that called, no more
 * than EVENTS_WAITING_MAX at once. Main only.
 */
#ifndef VSW_VSWITCHD_CAPTURE_SINK_H
#define VSW_VSWITCHD_CAPTURE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

#define CAPTURE_SINK_SIZE (1U << 20)

struct rpc_peer;

struct capture_sink {
	int fd; /* owned; -1: events */
	const void *owner; /* of the descriptor that came, for foreign_fd.h */
	struct rpc_peer *peer; /* of events; must be there */
	uint32_t id; /* that events name */
	uint8_t *bytes; /* owned, CAPTURE_SINK_SIZE */
	size_t begin; /* of those that wait */
	size_t end;
};

/* Takes `fd`, also when it fails; -1: events to `peer`. */
int capture_sink_open(struct capture_sink *sink, int fd, struct rpc_peer *peer, uint32_t id,
	struct err *err) ON_MAIN;
void capture_sink_close(struct capture_sink *sink) ON_MAIN;

/* Where bytes can be written, and how many. */
uint8_t *capture_sink_room(struct capture_sink *sink, size_t *room) ON_MAIN;

/* `n` have been. */
void capture_sink_wrote(struct capture_sink *sink, size_t n) ON_MAIN;

/* Send what can be sent now. False: nobody reads any more. */
bool capture_sink_flush(struct capture_sink *sink) ON_MAIN;

/* Bytes that wait. */
static inline size_t
capture_sink_waiting(const struct capture_sink *sink)
{
	return sink->end - sink->begin;
}

#endif
