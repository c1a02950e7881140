/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what happens in the switch, told to the peers that asked.
 *
 *   subscribe    {topics: ["punt", ...], bridge?}  from now on, of all bridges or of one
 *   unsubscribe  {topics?, bridge?}                what was asked for; without topics all of them,
 *                                                  without a bridge those of all and of any
 *   both -> {subscriptions: [{topic, bridge?}, ...]}  all that the peer has now
 *
 *   event        {topic, time, bridge?, ...}       a notification for each; `time` as in RFC 3339,
 *                                                  the rest by topic
 *
 * A subscription ends with its connection. One for a bridge names a bridge that is there, outlives
 * it, and hears nothing of topics that are about no bridge. A peer with several that fit an event
 * gets it once.
 *
 * A peer that does not read. While EVENTS_WAITING_MAX bytes wait for it, it gets no more events:
 * they are counted, until half of those bytes are read. The next event then comes behind
 * {topic: "overflow", time, lost: N}. Answers are not concerned, nor is anybody else.
 *
 * Topics are rows of a table here (events.c); who makes the events is the owner's to know. To make
 * one costs nothing while nobody wants it: ask events_wanted first.
 *
 * Main only.
 */
#ifndef VSW_CTL_EVENTS_H
#define VSW_CTL_EVENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/role.h"
#include "ctl/rpc_server.h"

#define EVENTS_WAITING_MAX (256U << 10) /* far below RPC_OUTPUT_HIGH: requests go on */
#define EVENTS_SUBSCRIPTIONS_MAX 64 /* of one peer */

enum event_topic {
	EVENT_PUNT, /* a packet that a rule sent to controllers */
	EVENT_SAMPLE, /* one that a rule sampled */
	EVENT_PORT, /* something happened to a port: a guest came, a queue was stopped */
	EVENT_TOPICS,
};

struct events;

struct events_conf {
	/* Is there such a bridge? NULL: names are not checked. */
	bool (*bridge_exists)(void *ctx, const char *name);
	void *ctx;
};

/* NULL without memory. */
struct events *events_create(const struct events_conf *conf) ON_MAIN;
void events_destroy(struct events *events) ON_MAIN; /* after the server; NULL is legal */

/* The two methods; `events` NULL: the daemon has none. */
void events_subscribe(struct events *events, struct rpc_call *call, json_t *params) ON_MAIN;
void events_unsubscribe(struct events *events, struct rpc_call *call, json_t *params) ON_MAIN;

/* For rpc_server_on_gone: `arg` is the struct events. */
void events_peer_gone(void *arg, struct rpc_peer *peer);

/* Does anybody hear of this topic (of any bridge)? */
bool events_wanted(const struct events *events, enum event_topic topic) ON_MAIN;

/*
 * Tell those who asked. `bridge` is the name of the bridge that it is about, or NULL. Takes `body`,
 * an object with the members that follow topic, time and bridge.
 */
void events_emit(
	struct events *events, enum event_topic topic, const char *bridge, json_t *body) ON_MAIN;

#endif
