/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/events.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/suggest.h"
#include "ctl/params.h"

#define BRIDGE_NAME_SIZE 64 /* of the schema's type "name", terminated */

static const char *const topic_names[EVENT_TOPICS] = {
	[EVENT_PUNT] = "punt",
	[EVENT_SAMPLE] = "sample",
	[EVENT_PORT] = "port",
};

struct subscription {
	enum event_topic topic;
	char bridge[BRIDGE_NAME_SIZE]; /* "": all, and what is about none */
};

/* A peer with at least one subscription. */
struct subscriber {
	TAILQ_ENTRY(subscriber) link;
	struct rpc_peer *peer;
	uint64_t lost; /* events since it was told last; > 0: it does not read */
	size_t n;
	struct subscription subscriptions[EVENTS_SUBSCRIPTIONS_MAX];
};

struct events {
	struct events_conf conf;
	TAILQ_HEAD(, subscriber) subscribers;
	size_t n_wanted[EVENT_TOPICS]; /* subscriptions of all peers */
};

/* The params of a method, taken apart. */
struct wish {
	bool topics[EVENT_TOPICS];
	const char *bridge; /* "": none was named */
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
			abort(); /* 4 KiB */
		}
		subscriber->peer = peer;
		TAILQ_INSERT_TAIL(&events->subscribers, subscriber, link);
	}
	return subscriber;
}

static void
subscriber_free(struct events *events, struct subscriber *subscriber)
{
	TAILQ_REMOVE(&events->subscribers, subscriber, link);
	free(subscriber);
}

/* The subscription for exactly this, or NULL. */
static const struct subscription *
subscription_find(const struct subscriber *subscriber, enum event_topic topic, const char *bridge)
{
	for (size_t i = 0; i < subscriber->n; i++) {
		const struct subscription *s = &subscriber->subscriptions[i];

		if (s->topic == topic && strcmp(s->bridge, bridge) == 0) {
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
			(wish->bridge[0] == '\0' || strcmp(s->bridge, wish->bridge) == 0)) {
			events->n_wanted[s->topic]--;
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
		struct wish all = {.bridge = ""};

		memset(all.topics, true, sizeof(all.topics));
		subscriptions_drop(events, subscriber, &all);
		subscriber_free(events, subscriber);
	}
}

/* --- the methods ----------------------------------------------------------------------------- */

static int
topic_parse(const char *method, const json_t *value, enum event_topic *topic, struct err *err)
{
	const char *name = json_string_value(value);
	struct suggest suggest;
	char known[256] = "";

	if (name == NULL) {
		return err_set(err, ERR_MALFORMED, NULL,
			"%s: the param 'topics' must be an array of strings", method);
	}
	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; i < EVENT_TOPICS; i++) {
		if (strcmp(name, topic_names[i]) == 0) {
			*topic = (enum event_topic)i;
			return 0;
		}
		suggest_offer(&suggest, topic_names[i]);
		(void)str_appendf(known, sizeof(known), "%s%s", i == 0 ? "" : ", ", topic_names[i]);
	}
	return err_set(err, ERR_MALFORMED, NULL, "%s: there is no topic '%.64s' (there are %s)%s",
		method, name, known, suggest_text(&suggest));
}

static int
topics_parse(const char *method, const json_t *topics, struct wish *wish, struct err *err)
{
	const json_t *value;
	size_t i;

	if (topics == NULL) {
		memset(wish->topics, true, sizeof(wish->topics));
		return 0;
	}
	if (json_array_size(topics) == 0) {
		return err_set(err, ERR_MALFORMED, NULL, "%s: the param 'topics' is empty", method);
	}
	json_array_foreach (topics, i, value) {
		enum event_topic topic = EVENT_TOPICS;
		int rc = topic_parse(method, value, &topic, err);

		if (rc != 0) {
			return rc;
		}
		wish->topics[topic] = true;
	}
	return 0;
}

static int
wish_parse(const char *method, const json_t *params, struct wish *wish, struct err *err)
{
	const struct param table[] = {
		{"topics", PARAM_ARRAY, .required = strcmp(method, "subscribe") == 0},
		{"bridge", PARAM_STRING},
		{NULL},
	};
	const char *bridge = json_string_value(json_object_get(params, "bridge"));
	int rc = params_check(params, table, method, err);

	if (rc != 0) {
		return rc;
	}
	*wish = (struct wish){.bridge = bridge == NULL ? "" : bridge};
	if (bridge != NULL && bridge[0] == '\0') {
		return err_set(err, ERR_MALFORMED, NULL,
			"%s: the param 'bridge' is empty; without it all bridges are meant",
			method);
	}
	return topics_parse(method, json_object_get(params, "topics"), wish, err);
}

static json_t *
subscriptions_json(const struct subscriber *subscriber)
{
	json_t *list = json_array();

	for (size_t i = 0; subscriber != NULL && i < subscriber->n; i++) {
		const struct subscription *s = &subscriber->subscriptions[i];
		json_t *entry = json_pack("{s:s}", "topic", topic_names[s->topic]);

		if (s->bridge[0] != '\0') {
			(void)json_object_set_new(entry, "bridge", json_string(s->bridge));
		}
		(void)json_array_append_new(list, entry);
	}
	return json_pack("{s:o}", "subscriptions", list);
}

/* All that is wished for, or nothing and why. */
static int
subscribe(struct events *events, struct subscriber *subscriber, const struct wish *wish,
	struct err *err)
{
	const struct events_conf *conf = &events->conf;
	size_t n = subscriber->n;

	if (wish->bridge[0] != '\0' &&
		(strlen(wish->bridge) >= BRIDGE_NAME_SIZE ||
			(conf->bridge_exists != NULL &&
				!conf->bridge_exists(conf->ctx, wish->bridge)))) {
		return err_set(
			err, ERR_MISSING, "bridge", "there is no bridge '%.64s'", wish->bridge);
	}
	for (size_t t = 0; t < EVENT_TOPICS; t++) {
		struct subscription *s = &subscriber->subscriptions[n];

		if (!wish->topics[t] ||
			subscription_find(subscriber, (enum event_topic)t, wish->bridge) != NULL) {
			continue;
		}
		if (n == EVENTS_SUBSCRIPTIONS_MAX) {
			return err_set(err, ERR_LIMIT, NULL,
				"a connection has up to %d subscriptions; leave out 'bridge' to "
				"hear of all",
				EVENTS_SUBSCRIPTIONS_MAX);
		}
		s->topic = (enum event_topic)t;
		(void)str_copy(s->bridge, wish->bridge, sizeof(s->bridge));
		n++;
	}
	for (; subscriber->n < n; subscriber->n++) {
		events->n_wanted[subscriber->subscriptions[subscriber->n].topic]++;
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

/* --- events ---------------------------------------------------------------------------------- */

/* {"jsonrpc":"2.0","method":"event","params":{topic, time, bridge?, ...body}}; takes `body`. */
static char *
event_text(const char *topic, const char *bridge, json_t *body)
{
	struct timespec ts;
	struct tm tm;
	char date[32];
	char time[48];
	json_t *params;
	json_t *event;
	char *text;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(
		time, sizeof(time), "%s.%06uZ", date, (unsigned int)(ts.tv_nsec / (long)CLOCK_US));
	params = json_pack("{s:s, s:s}", "topic", topic, "time", time);
	if (bridge != NULL) {
		(void)json_object_set_new(params, "bridge", json_string(bridge));
	}
	(void)json_object_update(params, body);
	json_decref(body);
	event = jsonrpc_request_new(0, "event", params);
	text = json_dumps(event, JSON_COMPACT);
	json_decref(event);
	if (text == NULL) {
		abort(); /* without memory for a few KiB */
	}
	return text;
}

static bool
subscriber_wants(const struct subscriber *subscriber, enum event_topic topic, const char *bridge)
{
	return subscription_find(subscriber, topic, "") != NULL ||
		(bridge != NULL && subscription_find(subscriber, topic, bridge) != NULL);
}

/* May the peer have another event? Counts the one that it may not. */
static bool
subscriber_reads(struct subscriber *subscriber) ON_MAIN
{
	size_t limit = subscriber->lost == 0 ? EVENTS_WAITING_MAX : EVENTS_WAITING_MAX / 2;
	char *text;

	if (rpc_peer_waiting(subscriber->peer) > limit) {
		subscriber->lost++;
		return false;
	}
	if (subscriber->lost > 0) {
		text = event_text(
			"overflow", NULL, json_pack("{s:I}", "lost", (json_int_t)subscriber->lost));
		rpc_peer_notify(subscriber->peer, text, strlen(text));
		free(text);
		subscriber->lost = 0;
	}
	return true;
}

void
events_emit(struct events *events, enum event_topic topic, const char *bridge, json_t *body)
{
	struct subscriber *subscriber;
	char *text = NULL;

	/* One text for all, made for the first. */
	TAILQ_FOREACH (subscriber, &events->subscribers, link) {
		if (!subscriber_wants(subscriber, topic, bridge) || !subscriber_reads(subscriber)) {
			continue;
		}
		if (text == NULL) {
			text = event_text(topic_names[topic], bridge, json_incref(body));
		}
		rpc_peer_notify(subscriber->peer, text, strlen(text));
	}
	free(text);
	json_decref(body);
}
