/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/punt_events.h"

static enum event_topic
topic_of(const struct punted *punted)
{
	return punted->reason == PUNT_SAMPLE ? EVENT_SAMPLE : EVENT_PUNT;
}

static const char *
bridge_name(const struct world *world, uint32_t id) ON_MAIN
{
	const struct dp_bridge *dp = dp_bridge_by_id(world->dp, id);
	const struct world_bridge *bridge;

	TAILQ_FOREACH (bridge, &world->bridges, link) {
		if (bridge->dp == dp) {
			return bridge->name;
		}
	}
	return NULL;
}

static json_t *
hex(const uint8_t *bytes, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * PUNT_BYTES_MAX];

	for (uint32_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	return json_stringn(text, 2 * (size_t)len);
}

json_t *
punt_event(const struct world *world, const struct punted *punted, struct event_about *about)
{
	static const char *const reasons[] = {
		[PUNT_ACTION] = "action",
		[PUNT_NO_MATCH] = "no-match",
		[PUNT_INVALID_TTL] = "invalid-ttl",
		[PUNT_SAMPLE] = "sample",
	};
	const struct dp_port *port = dp_port_by_id(world->dp, punted->in_port);
	json_t *body = json_object();

	*about = (struct event_about){.bridge = bridge_name(world, punted->bridge)};
	if (port != NULL && dp_port_device(port) != NULL) {
		about->port = dp_port_device(port)->name;
		(void)json_object_set_new(body, "in-port", json_string(about->port));
	}
	(void)json_object_set_new(body, "reason", json_string(reasons[punted->reason]));
	if (punted->reason == PUNT_SAMPLE) {
		(void)json_object_set_new(body, "probability", json_integer(punted->probability));
		(void)json_object_set_new(
			body, "collector-set-id", json_integer(punted->collector_set));
		(void)json_object_set_new(
			body, "observation-domain-id", json_integer(punted->domain));
		(void)json_object_set_new(
			body, "observation-point-id", json_integer(punted->point));
	}
	(void)json_object_set_new(body, "length", json_integer(punted->frame_len));
	(void)json_object_set_new(body, "frame", hex(punted->bytes, punted->len));
	return body;
}

void
punt_events_take(void *arg, const struct punted *punted)
{
	struct punt_events *punts = arg;
	enum event_topic topic = topic_of(punted);
	struct event_about about;
	json_t *body;

	role_assert(&role_main);
	if (punts->events != NULL && events_wanted(punts->events, topic)) {
		body = punt_event(punts->world, punted, &about);
		events_emit(punts->events, topic, &about, body);
	}
}

bool
punt_events_wanted(const struct punt_events *punts)
{
	return punts->events != NULL &&
		(events_wanted(punts->events, EVENT_PUNT) ||
			events_wanted(punts->events, EVENT_SAMPLE));
}
