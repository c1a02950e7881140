/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers that stall and run again, as events and as lines of the log.
 *
 * Topic worker: {topic, time, severity, event, text, worker, stalled-ms, port, queue, thread-state,
 * snapshots, deleted-ports}. `event` is stalled or running; `port` and `queue` are what it has in
 * hand, left out if that is nothing; thread-state is the letter of proc(5): R it runs or waits for
 * a CPU, S or D it waits in the kernel, t a debugger has stopped it. The last two are how much
 * waits for it to come round.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_WORKER_EVENTS_H
#define VSW_VSWITCHD_WORKER_EVENTS_H

#include <jansson.h>

#include "ctl/events.h"
#include "datapath/dp/dp_workers.h"

struct worker_events {
	struct events *events; /* NULL: there is nobody to tell yet, or any more */
};

/* For dp_options.worker; `arg` is the struct worker_events. */
void worker_events_take(void *arg, const struct dp_worker_event *event);

/* The members of the event that follow its time. */
json_t *worker_event(const struct dp_worker_event *event) ON_MAIN;

#endif
