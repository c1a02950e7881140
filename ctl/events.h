/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what happens in the switch, told to the peers that asked.
 *
 *   subscribe    {topics: ["punt", ...], bridge?, port?}  from now on; "all" is all topics
 *   unsubscribe  {topics?, bridge?, port?}  what was asked for; without topics all of them, without
 *                                           a bridge those of all and of any, so for a port
 *   both -> {subscriptions: [{topic, bridge?, port?}, ...]}  all that the peer has now
 *
 *   event        {topic, time, bridge?, ...}  a notification for each; `time` as in RFC 3339, the
 *                                             rest by topic
 *
 * A subscription ends with its connection. One for a bridge or a port names one that is there,
 * outlives it, and hears nothing of what is about none. A peer with several that fit an event gets
 * it once.
 *
 * A peer that does not read. While EVENTS_WAITING_MAX bytes wait for it, it gets no more events:
 * they are counted, until half of those bytes are read. Then {topic: "overflow", time, lost: N}
 * tells it, with the next event or within EVENTS_LOOK. Topics that traffic can flood have half of
 * that room, so that they do not crowd out the others. Who has lost events and reads not one byte
 * for EVENTS_PATIENCE is cut off. Answers are not concerned, nor is anybody else.
 *
 * Topics are rows of a table (event_topic.c); who makes the events is the owner's to know. To make
 * one costs nothing while nobody wants it: ask events_wanted first.
 *
 * Main only.
 */
#ifndef VSW_CTL_EVENTS_H
#define VSW_CTL_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/role.h"
#include "ctl/event_topic.h"
#include "ctl/rpc_server.h"

#define EVENTS_WAITING_MAX (256U << 10) /* far below RPC_OUTPUT_HIGH: requests go on */
#define EVENTS_SUBSCRIPTIONS_MAX 64 /* of one peer */
#define EVENTS_LOOK CLOCK_S /* between looks at peers that have lost events */
#define EVENTS_PATIENCE (30 * CLOCK_S)

/* How much it matters; the levels of the log. */
enum event_severity { EVENT_INFO, EVENT_NOTICE, EVENT_WARNING, EVENT_ERROR };

/* What an event is about, for filters; strings are borrowed, NULL is none. */
struct event_about {
	const char *bridge; /* becomes a member of the event, too */
	const char *port;
	const char *other_port; /* that it concerns as well */
};

struct events;

struct events_conf {
	/* Is there such a bridge, such a port? NULL: names are not checked. */
	bool (*bridge_exists)(void *ctx, const char *name);
	bool (*port_exists)(void *ctx, const char *name);
	/* The first one who wants a topic has come, or the last one has gone; may be NULL. */
	void (*wanted)(void *ctx, enum event_topic topic, bool wanted);
	void *ctx;
};

/* Of all peers since the start. */
struct events_stats {
	uint64_t lost; /* events that a peer did not get because it did not read */
	uint64_t cut_off; /* peers */
	uint32_t subscribers; /* now */
};

/* NULL without memory. */
struct events *events_create(const struct events_conf *conf) ON_MAIN;
void events_destroy(struct events *events) ON_MAIN; /* after the server; NULL is legal */

/* The two methods; `events` NULL: the daemon has none. */
void events_subscribe(struct events *events, struct rpc_call *call, json_t *params) ON_MAIN;
void events_unsubscribe(struct events *events, struct rpc_call *call, json_t *params) ON_MAIN;

/* For rpc_server_on_gone: `arg` is the struct events. */
void events_peer_gone(void *arg, struct rpc_peer *peer);

/* Rules have changed, and this is the peer's role now: what it may not hear any more ends, and it
 * is told so ({topic, event: "ended"}). */
void events_recheck(struct events *events, struct rpc_peer *peer, enum rpc_role role) ON_MAIN;

/* Does anybody hear of this topic (of any bridge)? */
bool events_wanted(const struct events *events, enum event_topic topic) ON_MAIN;

/* The members that most topics begin with: {severity, event, text}. `word` is a stable name of what
 * happened, `text` a sentence. */
json_t *event_body(enum event_severity severity, const char *word, const char *text);

/* Tell one peer, whatever it has asked for. Takes `body`. */
void events_tell_peer(struct rpc_peer *peer, const char *topic, json_t *body) ON_MAIN;

/* Tell those who asked. Takes `body`, an object with the members that follow topic, time and
 * bridge. */
void events_emit(struct events *events, enum event_topic topic, const struct event_about *about,
	json_t *body) ON_MAIN;

/*
 * Look after peers that do not read: tell those who read again what they have lost, cut off those
 * who do not, and tell the others (topic limit). At most once in EVENTS_LOOK, however often it is
 * called.
 */
void events_step(struct events *events, uint64_t now) ON_MAIN;

void events_get_stats(const struct events *events, struct events_stats *stats) ON_MAIN;

#endif
