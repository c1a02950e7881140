/* SPDX-License-Identifier: BSD-3-Clause */
/* Events on their way to those who asked, and what becomes of those who do not read them. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "ctl/events_priv.h"

LOG_MODULE("events");

/* {"jsonrpc":"2.0","method":"event","params":{topic, time, bridge?, ...body}}; takes `body`. */
static char *
event_text(const char *topic, const char *bridge, json_t *body)
{
	struct timespec ts;
	char time[DATE_SIZE];
	json_t *params;
	json_t *event;
	char *text;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)date_text_us((uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec, time);
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

json_t *
event_body(enum event_severity severity, const char *word, const char *text)
{
	static const char *const names[] = {
		[EVENT_INFO] = "info",
		[EVENT_NOTICE] = "notice",
		[EVENT_WARNING] = "warning",
		[EVENT_ERROR] = "error",
	};
	json_t *body = json_pack("{s:s, s:s}", "severity", names[severity], "event", word);

	/* A text that is no UTF-8 is left out: it may quote what a stranger has sent. */
	(void)json_object_set_new(body, "text", json_string(text));
	return body;
}

void
events_tell_peer(struct rpc_peer *peer, const char *topic, json_t *body)
{
	char *text = event_text(topic, NULL, body);

	rpc_peer_notify(peer, text, strlen(text));
	free(text);
}

static bool
name_fits(const char *wanted, const char *name)
{
	return wanted[0] == '\0' || (name != NULL && strcmp(wanted, name) == 0);
}

static bool
subscriber_wants(const struct subscriber *subscriber, enum event_topic topic,
	const struct event_about *about)
{
	for (size_t i = 0; i < subscriber->n; i++) {
		const struct subscription *s = &subscriber->subscriptions[i];

		if (s->topic == topic && name_fits(s->bridge, about->bridge) &&
			(name_fits(s->port, about->port) ||
				name_fits(s->port, about->other_port))) {
			return true;
		}
	}
	return false;
}

static void
tell_overflow(struct subscriber *subscriber) ON_MAIN
{
	events_tell_peer(subscriber->peer, "overflow",
		json_pack("{s:I}", "lost", (json_int_t)subscriber->lost));
	subscriber->lost = 0;
}

/* Is there room for another event of this kind? */
static bool
subscriber_reads(struct subscriber *subscriber, bool bulky) ON_MAIN
{
	size_t limit = bulky ? EVENTS_WAITING_MAX / 2 : EVENTS_WAITING_MAX;

	if (subscriber->choked[bulky]) {
		limit /= 2;
	} else if (rpc_peer_waiting(subscriber->peer) > limit) {
		/* Many events came at once; that is not the reader's fault. */
		rpc_peer_flush(subscriber->peer);
	}
	subscriber->choked[bulky] = rpc_peer_waiting(subscriber->peer) > limit;
	return !subscriber->choked[bulky];
}

static void
emit(struct events *events, enum event_topic topic, const struct event_about *about, json_t *body,
	bool count_lost) ON_MAIN
{
	bool bulky = event_topic_is_bulky(topic);
	struct subscriber *subscriber;
	char *text = NULL;

	/* One text for all, made for the first. */
	TAILQ_FOREACH (subscriber, &events->subscribers, link) {
		if (subscriber->cut || !subscriber_wants(subscriber, topic, about)) {
			continue;
		}
		if (!subscriber_reads(subscriber, bulky)) {
			subscriber->lost += count_lost;
			subscriber->lost_ever += count_lost;
			subscriber->behind = true;
			events->stats.lost += count_lost;
			continue;
		}
		if (subscriber->lost > 0) {
			tell_overflow(subscriber);
		}
		if (text == NULL) {
			text = event_text(
				event_topic_name(topic), about->bridge, json_incref(body));
		}
		rpc_peer_notify(subscriber->peer, text, strlen(text));
	}
	free(text);
	json_decref(body);
}

void
events_emit(struct events *events, enum event_topic topic, const struct event_about *about,
	json_t *body)
{
	emit(events, topic, about, body, true);
}

/* --- who does not read ----------------------------------------------------------------------- */

/* Of limits that this file itself reaches. Who cannot take it does not lose more by it. */
static void
emit_limit(struct events *events, json_t *body) ON_MAIN
{
	emit(events, EVENT_LIMIT, &(struct event_about){.bridge = NULL}, body, false);
}

static void
cut_off(struct events *events, struct subscriber *subscriber) ON_MAIN
{
	const struct rpc_who *who = rpc_peer_who(subscriber->peer);
	char name[RPC_NAME_SIZE];
	char text[512];
	json_t *body;

	(void)snprintf(text, sizeof(text),
		"a subscriber, %s, has read nothing for %d s and lost %" PRIu64
		" events: its connection is closed",
		rpc_who_text(who, name), (int)(EVENTS_PATIENCE / CLOCK_S), subscriber->lost_ever);
	log_warn("%s", text);
	subscriber->cut = true;
	events->stats.cut_off++;
	body = event_body(EVENT_WARNING, "subscriber-cut-off", text);
	(void)json_object_set_new(body, "user", json_string(who->user));
	(void)json_object_set_new(body, "from", json_string(who->from));
	(void)json_object_set_new(body, "count", json_integer((json_int_t)subscriber->lost_ever));
	rpc_peer_end(subscriber->peer, "events are not read; the connection is closed");
	emit_limit(events, body);
}

static void
subscriber_look(struct events *events, struct subscriber *subscriber, uint64_t now) ON_MAIN
{
	size_t waiting = rpc_peer_waiting(subscriber->peer);
	uint64_t sent = rpc_peer_sent(subscriber->peer);

	if (subscriber->lost > 0 && waiting <= EVENTS_WAITING_MAX / 4) {
		tell_overflow(subscriber);
	}
	if (sent != subscriber->sent || waiting == 0 || !subscriber->behind ||
		subscriber->read_at == 0) {
		subscriber->sent = sent;
		subscriber->read_at = now;
		subscriber->behind = subscriber->lost > 0;
	} else if (now - subscriber->read_at >= EVENTS_PATIENCE) {
		cut_off(events, subscriber);
	}
}

static void
tell_lost(struct events *events) ON_MAIN
{
	uint64_t lost = events->stats.lost - events->lost_told;
	char text[128];
	json_t *body;

	events->lost_told = events->stats.lost;
	(void)snprintf(text, sizeof(text),
		"subscribers that read too slowly have lost %" PRIu64 " events", lost);
	body = event_body(EVENT_WARNING, "events-lost", text);
	(void)json_object_set_new(body, "count", json_integer((json_int_t)lost));
	emit_limit(events, body);
}

void
events_step(struct events *events, uint64_t now)
{
	struct subscriber *subscriber;

	if (now - events->looked_at < EVENTS_LOOK) {
		return;
	}
	events->looked_at = now;
	TAILQ_FOREACH (subscriber, &events->subscribers, link) {
		if (!subscriber->cut) {
			subscriber_look(events, subscriber, now);
		}
	}
	if (events->stats.lost > events->lost_told) {
		tell_lost(events);
	}
}
