/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits that are reached, as events and as lines of the log.
 *
 * Topic limit: {topic, time, bridge, severity, event, text, count, port, worker}. `event` names the
 * limit (limit_events.c has the table, docs/control.md explains it), `count` is how often it was
 * met since it was told last. Each is told once a second at most for each bridge, port or worker,
 * because that is how often counters are looked at; a line of the log for each comes at once and
 * then once in LIMIT_LOG_EACH at most.
 *
 * So what is met a million times a second costs nobody anything: whoever meets a limit counts, as
 * it always did. Looking at all ports is spread over the second.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_LIMIT_EVENTS_H
#define VSW_VSWITCHD_LIMIT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "ctl/events.h"
#include "ctl/rpc_server.h"
#include "vswitchd/world.h"

#define LIMIT_LOOK CLOCK_S /* between looks at one counter */
#define LIMIT_LOG_EACH (60 * CLOCK_S)

/* A counter that is watched. */
struct limit_gauge {
	uint64_t seen; /* its value at the last look */
	uint64_t quiet; /* counted since the last line of the log */
	uint64_t log_at; /* no line before */
};

struct limit_events;

/* NULL without memory. Strings and objects are borrowed. `rpc` may be NULL, `events` too. */
struct limit_events *limit_events_create(const struct world *world) ON_MAIN;
void limit_events_destroy(struct limit_events *limits) ON_MAIN; /* NULL is legal */

/* Who is told, and what else is watched; NULL: nobody, nothing. */
void limit_events_connect(
	struct limit_events *limits, struct events *events, const struct rpc_server *rpc) ON_MAIN;

/* From main's timer, at least ten times in LIMIT_LOOK. */
void limit_events_step(struct limit_events *limits, uint64_t now) ON_MAIN;

/* How much a counter has grown since the last look; all of it, if it began anew. */
uint64_t limit_gauge_look(struct limit_gauge *gauge, uint64_t value);

/* May a line be logged now? Then *count becomes all that happened since the last one. */
bool limit_gauge_log(struct limit_gauge *gauge, uint64_t now, uint64_t *count);

#endif
