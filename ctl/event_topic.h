/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Topics of events: their names, and how `topics` of a request is read. Any thread.
 */
#ifndef VSW_CTL_EVENT_TOPIC_H
#define VSW_CTL_EVENT_TOPIC_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

enum event_topic {
	EVENT_PUNT, /* a packet that a rule sent to controllers */
	EVENT_SAMPLE, /* one that a rule sampled */
	EVENT_MAC, /* an address was learned, moved, aged out */
	EVENT_PORT, /* something happened to a port: up, down, a guest came, a queue was stopped */
	EVENT_CONFIG, /* there is another revision of the configuration */
	EVENT_LIMIT, /* something is full, or more comes than is let through */
	EVENT_WORKER, /* a worker has stalled, or runs again */
	EVENT_TOPICS,
};

const char *event_topic_name(enum event_topic topic);

/* May traffic alone bring thousands a second? Such topics leave room for the others. */
bool event_topic_is_bulky(enum event_topic topic);

/*
 * Set wanted[] from an array of names; "all" among them is all. `topics` NULL: all, too. Errors are
 * ERR_MALFORMED and name the method.
 */
int event_topics_parse(
	const char *method, const json_t *topics, bool wanted[EVENT_TOPICS], struct err *err);

#endif
