/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revisions of the configuration as events.
 *
 * Topic config: {topic, time, severity, event, text, revision, user, from, comment, change,
 * changes, more}: the datastore's record of the revision (schema/datastore.h). `event` is its
 * `change`: commit, provisional, confirm, rollback or timeout. A record of more than
 * CONFIG_EVENT_MAX bytes is told without the entries before and after, with `shortened` true.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_CONFIG_EVENTS_H
#define VSW_VSWITCHD_CONFIG_EVENTS_H

#include <jansson.h>

#include "ctl/events.h"

#define CONFIG_EVENT_MAX (128U << 10)

struct config_events {
	struct events *events; /* NULL: there is nobody to tell yet, or any more */
};

/* For ds_options.revised; `arg` is the struct config_events. */
void config_events_take(void *arg, const json_t *record);

/* The members of the event that follow its time. */
json_t *config_event(const json_t *record) ON_MAIN;

#endif
