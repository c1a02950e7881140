/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/events_priv.h"
#include "ctl/params.h"

/* The params of a method, taken apart. */
struct wish {
	bool topics[EVENT_TOPICS];
	const char *bridge; /* "": none was named */
	const char *port; /* likewise */
};

struct events *
events_create(const struct events_conf *conf)
{
	struct events *events = calloc(1, sizeof(*events));

	if (events != NULL) {
		events->conf = *conf;
		TAILQ_INIT(&events->subscribers);
	}
	return events;
}

void
events_destroy(struct events *events)
{
	assert(events == NULL || TAILQ_EMPTY(&events->subscribers));
	free(events);
}

bool
events_wanted(const struct events *events, enum event_topic topic)
{
	return events->n_wanted[topic] > 0;
}

/* --- who has asked for what ------------------------------------------------------------------ */

static void
wanted_add(struct events *events, enum event_topic topic)
{
	if (events->n_wanted[topic]++ == 0 && events->conf.wanted != NULL) {
		events->conf.wanted(events->conf.ctx, topic, true);
	}
}

static void
wanted_sub(struct events *events, enum event_topic topic)
{
	if (--events->n_wanted[topic] == 0 && events->conf.wanted != NULL) {
		events->conf.wanted(events->conf.ctx, topic, false);
	}
}

static struct subscriber *
subscriber_find(struct events *events, const struct rpc_peer *peer)
{
	struct subscriber *subscriber;

	TAILQ_FOREACH (subscriber, &events->subscribers, link) {
		if (subscriber->peer == peer) {
			return subscriber;
		}
	}
	return NULL;
}

static struct subscriber *
subscriber_need(struct events *events, struct rpc_peer *peer)
{
	struct subscriber *subscriber = subscriber_find(events, peer);

	if (subscriber == NULL) {
		subscriber = calloc(1, sizeof(*subscriber));
		if (subscriber == NULL) {
			abort(); /* 10 KiB */
		}
		subscriber->peer = peer;
		TAILQ_INSERT_TAIL(&events->subscribers, subscriber, link);
		events->stats.subscribers++;
	}
	return subscriber;
}

static void
subscriber_free(struct events *events, struct subscriber *subscriber)
{
	TAILQ_REMOVE(&events->subscribers, subscriber, link);
	events->stats.subscribers--;
	free(subscriber);
}

/* The subscription for exactly this, or NULL. */
static const struct subscription *
subscription_find(
	const struct subscriber *subscriber, enum event_topic topic, const struct wish *wish)
{
	for (size_t i = 0; i < subscriber->n; i++) {
		const struct subscription *s = &subscriber->subscriptions[i];

		if (s->topic == topic && strcmp(s->bridge, wish->bridge) == 0 &&
			strcmp(s->port, wish->port) == 0) {
			return s;
		}
	}
	return NULL;
}

/* Drop the subscriptions that the wish names. */
static void
subscriptions_drop(struct events *events, struct subscriber *subscriber, const struct wish *wish)
{
	size_t kept = 0;

	for (size_t i = 0; i < subscriber->n; i++) {
		const struct subscription *s = &subscriber->subscriptions[i];

		if (wish->topics[s->topic] &&
			(wish->bridge[0] == '\0' || strcmp(s->bridge, wish->bridge) == 0) &&
			(wish->port[0] == '\0' || strcmp(s->port, wish->port) == 0)) {
			wanted_sub(events, s->topic);
		} else {
			subscriber->subscriptions[kept++] = *s;
		}
	}
	subscriber->n = kept;
}

void
events_peer_gone(void *arg, struct rpc_peer *peer)
{
	struct events *events = arg;
	struct subscriber *subscriber = subscriber_find(events, peer);

	if (subscriber != NULL) {
		struct wish all = {.bridge = "", .port = ""};

		memset(all.topics, true, sizeof(all.topics));
		subscriptions_drop(events, subscriber, &all);
		subscriber_free(events, subscriber);
	}
}

/* --- the methods ----------------------------------------------------------------------------- */

/* The name that a param gives; "" if there is none. */
static int
name_parse(const char *method, const json_t *params, const char *param, const char **name,
	struct err *err)
{
	const json_t *value = json_object_get(params, param);

	*name = value == NULL ? "" : json_string_value(value);
	if (value != NULL && (*name)[0] == '\0') {
		return err_set(err, ERR_MALFORMED, NULL,
			"%s: the param '%s' is empty; without it all %ss are meant", method, param,
			param);
	}
	return 0;
}

static int
wish_parse(const char *method, const json_t *params, struct wish *wish, struct err *err)
{
	const struct param table[] = {
		{"topics", PARAM_ARRAY, .required = strcmp(method, "subscribe") == 0},
		{"bridge", PARAM_STRING},
		{"port", PARAM_STRING},
		{NULL},
	};
	int rc = params_check(params, table, method, err);

	rc = rc != 0 ? rc : name_parse(method, params, "bridge", &wish->bridge, err);
	rc = rc != 0 ? rc : name_parse(method, params, "port", &wish->port, err);
	return rc != 0
		? rc
		: event_topics_parse(method, json_object_get(params, "topics"), wish->topics, err);
}

static json_t *
subscriptions_json(const struct subscriber *subscriber)
{
	json_t *list = json_array();

	for (size_t i = 0; subscriber != NULL && i < subscriber->n; i++) {
		const struct subscription *s = &subscriber->subscriptions[i];
		json_t *entry = json_pack("{s:s}", "topic", event_topic_name(s->topic));

		if (s->bridge[0] != '\0') {
			(void)json_object_set_new(entry, "bridge", json_string(s->bridge));
		}
		if (s->port[0] != '\0') {
			(void)json_object_set_new(entry, "port", json_string(s->port));
		}
		(void)json_array_append_new(list, entry);
	}
	return json_pack("{s:o}", "subscriptions", list);
}

static int
name_check(const struct events *events, const char *kind, const char *name,
	bool (*exists)(void *ctx, const char *name), struct err *err)
{
	if (name[0] != '\0' &&
		(strlen(name) >= EVENTS_NAME_SIZE ||
			(exists != NULL && !exists(events->conf.ctx, name)))) {
		return err_set(err, ERR_MISSING, kind, "there is no %s '%.64s'", kind, name);
	}
	return 0;
}

/* All that is wished for, or nothing and why. */
static int
subscribe(struct events *events, struct subscriber *subscriber, const struct wish *wish,
	struct err *err)
{
	size_t n = subscriber->n;
	int rc = name_check(events, "bridge", wish->bridge, events->conf.bridge_exists, err);

	rc = rc != 0 ? rc : name_check(events, "port", wish->port, events->conf.port_exists, err);
	if (rc != 0) {
		return rc;
	}
	for (size_t t = 0; t < EVENT_TOPICS; t++) {
		struct subscription *s = &subscriber->subscriptions[n];

		if (!wish->topics[t] ||
			subscription_find(subscriber, (enum event_topic)t, wish) != NULL) {
			continue;
		}
		if (n == EVENTS_SUBSCRIPTIONS_MAX) {
			return err_set(err, ERR_LIMIT, NULL,
				"a connection has up to %d subscriptions; leave out 'bridge' and "
				"'port' to hear of all",
				EVENTS_SUBSCRIPTIONS_MAX);
		}
		s->topic = (enum event_topic)t;
		(void)str_copy(s->bridge, wish->bridge, sizeof(s->bridge));
		(void)str_copy(s->port, wish->port, sizeof(s->port));
		n++;
	}
	for (; subscriber->n < n; subscriber->n++) {
		wanted_add(events, subscriber->subscriptions[subscriber->n].topic);
	}
	return 0;
}

/* What both methods begin with; NULL: the call has been answered, or nobody is there any more. */
static struct rpc_peer *
method_begin(const struct events *events, const char *method, struct rpc_call *call,
	const json_t *params, struct wish *wish) ON_MAIN
{
	struct err err = ERR_INIT;

	if (events == NULL) {
		rpc_call_fail(call, RPC_METHOD_NOT_FOUND, "this daemon has no events");
		return NULL;
	}
	if (wish_parse(method, params, wish, &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
		return NULL;
	}
	if (rpc_call_peer(call) == NULL) {
		rpc_call_reply(call, json_null());
		return NULL;
	}
	return rpc_call_peer(call);
}

/* Frames are what guests send: not for everybody who may look at the switch. */
static const enum event_topic frames[] = {EVENT_PUNT, EVENT_SAMPLE};

/* For others "all" is all but these. */
static bool
frames_permitted(const struct rpc_call *call, const json_t *topics, struct wish *wish,
	struct err *err) ON_MAIN
{
	const char *name;
	json_t *topic;
	size_t i;

	if (rpc_call_who(call)->role >= RPC_ROLE_OPERATE) {
		return true;
	}
	for (size_t f = 0; f < ARRAY_LEN(frames); f++) {
		char what[64];

		wish->topics[frames[f]] = false;
		name = event_topic_name(frames[f]);
		(void)snprintf(what, sizeof(what), "subscribe to %s", name);
		json_array_foreach (topics, i, topic) {
			if (strcmp(json_string_value(topic), name) == 0) {
				return rpc_call_permits(call, RPC_ROLE_OPERATE, what, err);
			}
		}
	}
	return true;
}

void
events_recheck(struct events *events, struct rpc_peer *peer, enum rpc_role role)
{
	struct subscriber *subscriber = subscriber_find(events, peer);

	for (size_t f = 0; f < ARRAY_LEN(frames) && subscriber != NULL; f++) {
		struct wish wish = {.bridge = "", .port = ""};
		size_t before = subscriber->n;

		wish.topics[frames[f]] = role < RPC_ROLE_OPERATE;
		subscriptions_drop(events, subscriber, &wish);
		if (subscriber->n != before) {
			events_tell_peer(peer, event_topic_name(frames[f]),
				event_body(EVENT_WARNING, "ended",
					"the rules of /system/access have changed: the "
					"subscription needs role operate, and has ended"));
		}
	}
	if (subscriber != NULL && subscriber->n == 0) {
		subscriber_free(events, subscriber);
	}
}

void
events_subscribe(struct events *events, struct rpc_call *call, json_t *params)
{
	struct wish wish;
	struct rpc_peer *peer = method_begin(events, "subscribe", call, params, &wish);
	struct subscriber *subscriber;
	struct err err = ERR_INIT;
	json_t *result = NULL;
	int rc;

	if (peer == NULL) {
		return;
	}
	if (!frames_permitted(call, json_object_get(params, "topics"), &wish, &err)) {
		rpc_call_refuse(call, &err);
		return;
	}
	subscriber = subscriber_need(events, peer);
	rc = subscribe(events, subscriber, &wish, &err);
	result = subscriptions_json(subscriber);
	if (subscriber->n == 0) {
		subscriber_free(events, subscriber);
	}
	if (rc != 0) {
		json_decref(result);
		rpc_call_refuse(call, &err);
		return;
	}
	rpc_call_reply(call, result);
}

void
events_unsubscribe(struct events *events, struct rpc_call *call, json_t *params)
{
	struct wish wish;
	struct rpc_peer *peer = method_begin(events, "unsubscribe", call, params, &wish);
	struct subscriber *subscriber;
	json_t *result;

	if (peer == NULL) {
		return;
	}
	subscriber = subscriber_find(events, peer);
	if (subscriber != NULL) {
		subscriptions_drop(events, subscriber, &wish);
	}
	result = subscriptions_json(subscriber);
	if (subscriber != NULL && subscriber->n == 0) {
		subscriber_free(events, subscriber);
	}
	rpc_call_reply(call, result);
}

void
events_get_stats(const struct events *events, struct events_stats *stats)
{
	*stats = events->stats;
}
