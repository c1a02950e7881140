/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to ports (struct port_event) as lines of the log and as events.
 *
 * Topic port: {topic, time, bridge, severity, event, text, port, queue, oper-status}. `event` is
 * up, down, attached, detached, stopped, failed or recovered (port_change.h), then with
 * oper-status, or deleted, or the port type's word, such as guest-connected or queue-stopped;
 * `queue` is left out when it is about the whole port, `bridge` when the port belongs to none.
 *
 * A peer that connects ten thousand times must not fill the disk: of each port PORT_LOG_BURST lines
 * are logged at once and one more each PORT_LOG_EACH; how many were left out is said with the next.
 * Subscribers get all.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_PORT_EVENTS_H
#define VSW_VSWITCHD_PORT_EVENTS_H

#include <jansson.h>

#include "ctl/events.h"
#include "vswitchd/world.h"

#define PORT_LOG_BURST 20
#define PORT_LOG_EACH CLOCK_S

struct port_events {
	const struct world *world;
	struct events *events; /* NULL: there is nobody to tell yet, or any more */
};

/* For port_env.event; `arg` is the struct port_events. */
void port_events_take(void *arg, const struct port_event *event);

/* The members of the event that follow its bridge, and what it is about. */
json_t *port_event_json(const struct world *world, const struct port_event *event,
	struct event_about *about) ON_MAIN;

/* May a line be logged now? Then *quiet is how many could not since the last one. */
bool port_log_may(struct port_log *log, uint64_t now, uint32_t *quiet) ON_MAIN;

#endif
