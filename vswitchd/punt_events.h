/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Punted and sampled packets as events: ids become names, bytes become hex.
 *
 * Topic punt: {topic, time, bridge, in-port, reason, length, frame}. `reason` is action, no-match
 * or invalid-ttl; `length` is that of the whole frame, `frame` as much of it as was kept, as it was
 * when the rule punted it: a checksum that the sender has left to the switch is not filled in, a
 * large segment not cut. in-port is left out if the port has gone since.
 *
 * Topic sample: the same with reason sample, and probability (of 65535), collector-set-id,
 * observation-domain-id and observation-point-id as the rule has them.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_PUNT_EVENTS_H
#define VSW_VSWITCHD_PUNT_EVENTS_H

#include <jansson.h>

#include "ctl/events.h"
#include "vswitchd/world.h"

struct punt_events {
	const struct world *world;
	struct events *events; /* NULL: there is nobody to tell yet, or any more */
};

/* For dp_options.punt; `arg` is the struct punt_events. */
void punt_events_take(void *arg, const struct punted *punted);

/* Does anybody wait for packets? Then dp_step wants to be called each DP_STEP_PUNT. */
bool punt_events_wanted(const struct punt_events *punts) ON_MAIN;

/* The members of the event that follow its bridge, and what it is about. */
json_t *punt_event(
	const struct world *world, const struct punted *punted, struct event_about *about) ON_MAIN;

#endif
