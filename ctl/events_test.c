/* SPDX-License-Identifier: BSD-3-Clause */
/* Events over a real server: who hears what, and what becomes of those who do not listen. */
#include "ctl/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/ds_stub.h"
#include "ctl/methods.h"
#include "ctl/rpc_test_world.h"

struct events_world {
	struct world world; /* first: the world's functions take it */
	struct datastore ds;
	struct methods methods;
	bool wanted[EVENT_TOPICS]; /* as the owner was told */
};

static bool
bridge_exists(void *ctx, const char *name)
{
	return strncmp(name, "br", 2) == 0;
}

static bool
port_exists(void *ctx, const char *name)
{
	return name[0] == 'p';
}

static void
note_wanted(void *ctx, enum event_topic topic, bool wanted)
{
	struct events_world *w = ctx;

	assert_true(w->wanted[topic] != wanted);
	w->wanted[topic] = wanted;
}

static int setup(void **state) ROLE_ATTR(no_thread_safety_analysis);
static int teardown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static int
setup(void **state)
{
	struct events_conf conf = {
		.bridge_exists = bridge_exists, .port_exists = port_exists, .wanted = note_wanted};
	struct events_world *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return -1;
	}
	conf.ctx = w;
	w->methods = (struct methods){.ds = &w->ds, .events = events_create(&conf)};
	if (world_init(&w->world, methods_table, &w->methods) != 0) {
		return -1;
	}
	rpc_server_on_gone(w->world.server, events_peer_gone, w->methods.events);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct events_world *w = *state;
	int rc = world_fini(&w->world);

	/* The server has told of all peers, or this asserts. */
	events_destroy(w->methods.events);
	ds_stub_fini(&w->ds);
	free(w);
	return rc;
}

static struct events *
events_of(const struct events_world *w) ROLE_ATTR(assert_capability(role_main))
{
	role_assert(&role_main);
	return w->methods.events;
}

/* Call `method` and expect this result, or this error object. */
static void
ask(struct events_world *w, int fd, const char *method, const char *params, const char *member,
	const char *answer)
{
	char request[512];
	char expected[1024];

	(void)snprintf(request, sizeof(request),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s%s}", method,
		params == NULL ? "" : ",\"params\":", params == NULL ? "" : params);
	(void)snprintf(expected, sizeof(expected), "{\"jsonrpc\":\"2.0\",\"id\":1,\"%s\":%s}",
		member, answer);
	world_ask(&w->world, fd, request, expected);
}

static void
subscribe(struct events_world *w, int fd, const char *params, const char *subscriptions)
{
	char result[512];

	(void)snprintf(result, sizeof(result), "{\"subscriptions\":%s}", subscriptions);
	ask(w, fd, "subscribe", params, "result", result);
}

/* The params of the next event, to be released; NULL: it is the answer of a ping. */
static json_t *
hear(struct events_world *w, int fd)
{
	char *line = world_hear(&w->world, fd);
	json_t *event;
	json_t *params;

	assert_non_null(line);
	event = json_loads(line, 0, NULL);
	free(line);
	if (json_object_get(event, "id") == NULL) {
		assert_string_equal(json_string_value(json_object_get(event, "method")), "event");
	} else {
		assert_non_null(json_object_get(json_object_get(event, "result"), "pong"));
	}
	params = json_incref(json_object_get(event, "params"));
	json_decref(event);
	return params;
}

/* The next event without its time, as text. */
static void
expect_event(struct events_world *w, int fd, const char *expected)
{
	json_t *params = hear(w, fd);
	char *text;

	assert_int_equal(json_object_del(params, "time"), 0);
	text = json_dumps(params, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(params);
}

/* An event that is known by its number. */
static void
emit(struct events_world *w, enum event_topic topic, const char *bridge, int n)
{
	struct events *events = events_of(w);

	events_emit(
		events, topic, &(struct event_about){.bridge = bridge}, json_pack("{s:i}", "n", n));
}

static void
test_hears_what_it_asked_for(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);
	int other = world_connect(&w->world);
	struct events *events = events_of(w);
	json_t *params;
	const char *time;
	unsigned int part;
	int end = 0;

	assert_false(events_wanted(events, EVENT_PUNT));
	emit(w, EVENT_PUNT, "br0", 0);
	subscribe(w, fd, "{\"topics\":[\"punt\"]}", "[{\"topic\":\"punt\"}]");
	assert_true(events_wanted(events, EVENT_PUNT));
	assert_false(events_wanted(events, EVENT_SAMPLE));
	emit(w, EVENT_SAMPLE, "br0", 1);
	emit(w, EVENT_PUNT, "br0", 2);
	emit(w, EVENT_PUNT, NULL, 3);
	expect_event(w, fd, "{\"topic\":\"punt\",\"bridge\":\"br0\",\"n\":2}");
	params = hear(w, fd);
	assert_null(json_object_get(params, "bridge"));
	time = json_string_value(json_object_get(params, "time"));
	assert_int_equal(sscanf(time, "20%2u-%2u-%2uT%2u:%2u:%2u.%6uZ%n", &part, &part, &part,
				 &part, &part, &part, &part, &end),
		7);
	assert_int_equal(end, strlen(time));
	json_decref(params);
	world_expect_silence(&w->world, fd);
	world_expect_silence(&w->world, other);
	(void)close(fd);
	(void)close(other);
}

static void
test_topics_are_refused_by_name(void **state)
{
	static const struct {
		const char *method;
		const char *params;
		const char *text;
	} cases[] = {
		{"subscribe", "{\"topics\":[\"punt\",\"pumt\"]}",
			"subscribe: there is no topic 'pumt' (there are "
			"punt, sample, mac, port, config, limit, worker, all); did you mean "
			"'punt'?"},
		{"unsubscribe", "{\"topics\":[\"\"]}",
			"unsubscribe: there is no topic '' (there are "
			"punt, sample, mac, port, config, limit, worker, all)"},
		{"subscribe", "{\"topics\":[\"all\",\"everything\"]}",
			"subscribe: there is no topic 'everything' (there are "
			"punt, sample, mac, port, config, limit, worker, all)"},
		{"subscribe", "{\"topics\":[\"punt\",1]}",
			"subscribe: the param 'topics' must be an array of strings"},
		{"subscribe", "{\"topics\":\"punt\"}",
			"subscribe: the param 'topics' must be an array"},
		{"subscribe", "{\"topics\":[]}", "subscribe: the param 'topics' is empty"},
		{"unsubscribe", "{\"topics\":[]}", "unsubscribe: the param 'topics' is empty"},
		{"subscribe", NULL, "subscribe needs the param 'topics'"},
		{"subscribe", "{\"topics\":[\"punt\"],\"bridge\":\"\"}",
			"subscribe: the param 'bridge' is empty; without it all bridges are meant"},
		{"subscribe", "{\"topics\":[\"punt\"],\"port\":\"\"}",
			"subscribe: the param 'port' is empty; without it all ports are meant"},
		{"subscribe", "{\"topics\":[\"punt\"],\"port\":7}",
			"subscribe: the param 'port' must be a string"},
		{"subscribe", "{\"topic\":\"punt\"}",
			"subscribe has no param 'topic' (it takes topics, bridge, port); did you "
			"mean 'topics'?"},
	};
	struct events_world *w = *state;
	int fd = world_connect(&w->world);
	char error[512];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(error, sizeof(error), "{\"code\":%d,\"message\":\"%s\"}",
			RPC_INVALID_PARAMS, cases[i].text);
		ask(w, fd, cases[i].method, cases[i].params, "error", error);
		assert_false(events_wanted(events_of(w), EVENT_PUNT));
	}
	(void)close(fd);
}

static void
test_bridges(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);

	ask(w, fd, "subscribe", "{\"topics\":[\"punt\"],\"bridge\":\"nix\"}", "error",
		"{\"code\":-32000,\"message\":\"there is no bridge 'nix'\",\"data\":{\"error-tag\":"
		"\"data-missing\",\"error-path\":\"bridge\",\"error-message\":\"there is no bridge "
		"'nix'\"}}");
	subscribe(w, fd, "{\"topics\":[\"sample\",\"punt\"],\"bridge\":\"br1\"}",
		"[{\"topic\":\"punt\",\"bridge\":\"br1\"},"
		"{\"topic\":\"sample\",\"bridge\":\"br1\"}]");
	emit(w, EVENT_PUNT, "br0", 1);
	emit(w, EVENT_PUNT, NULL, 2);
	emit(w, EVENT_PUNT, "br10", 3);
	emit(w, EVENT_PUNT, "br1", 4);
	expect_event(w, fd, "{\"topic\":\"punt\",\"bridge\":\"br1\",\"n\":4}");
	/* All, too: each is heard once. */
	subscribe(w, fd, "{\"topics\":[\"punt\"]}",
		"[{\"topic\":\"punt\",\"bridge\":\"br1\"},"
		"{\"topic\":\"sample\",\"bridge\":\"br1\"},{\"topic\":\"punt\"}]");
	subscribe(w, fd, "{\"topics\":[\"punt\"]}",
		"[{\"topic\":\"punt\",\"bridge\":\"br1\"},"
		"{\"topic\":\"sample\",\"bridge\":\"br1\"},{\"topic\":\"punt\"}]");
	emit(w, EVENT_PUNT, "br1", 5);
	emit(w, EVENT_PUNT, "br0", 6);
	expect_event(w, fd, "{\"topic\":\"punt\",\"bridge\":\"br1\",\"n\":5}");
	expect_event(w, fd, "{\"topic\":\"punt\",\"bridge\":\"br0\",\"n\":6}");
	world_expect_silence(&w->world, fd);
	(void)close(fd);
}

static void
emit_about(struct events_world *w, const char *bridge, const char *port, const char *other, int n)
{
	events_emit(events_of(w), EVENT_MAC,
		&(struct event_about){.bridge = bridge, .port = port, .other_port = other},
		json_pack("{s:i}", "n", n));
}

static void
test_ports(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);

	ask(w, fd, "subscribe", "{\"topics\":[\"mac\"],\"port\":\"nix\"}", "error",
		"{\"code\":-32000,\"message\":\"there is no port 'nix'\",\"data\":{\"error-tag\":"
		"\"data-missing\",\"error-path\":\"port\",\"error-message\":\"there is no port "
		"'nix'\"}}");
	subscribe(w, fd, "{\"topics\":[\"mac\"],\"port\":\"p1\"}",
		"[{\"topic\":\"mac\",\"port\":\"p1\"}]");
	emit_about(w, "br0", "p2", NULL, 1);
	emit_about(w, "br0", NULL, NULL, 2);
	emit_about(w, "br0", "p1", NULL, 3);
	emit_about(w, "br0", "p2", "p1", 4);
	expect_event(w, fd, "{\"topic\":\"mac\",\"bridge\":\"br0\",\"n\":3}");
	expect_event(w, fd, "{\"topic\":\"mac\",\"bridge\":\"br0\",\"n\":4}");
	/* A port and a bridge: both must fit. */
	ask(w, fd, "unsubscribe", "{\"port\":\"p1\"}", "result", "{\"subscriptions\":[]}");
	subscribe(w, fd, "{\"topics\":[\"mac\"],\"port\":\"p1\",\"bridge\":\"br1\"}",
		"[{\"topic\":\"mac\",\"bridge\":\"br1\",\"port\":\"p1\"}]");
	emit_about(w, "br0", "p1", NULL, 5);
	emit_about(w, "br1", "p2", NULL, 6);
	emit_about(w, NULL, "p1", NULL, 7);
	emit_about(w, "br1", "p1", NULL, 8);
	expect_event(w, fd, "{\"topic\":\"mac\",\"bridge\":\"br1\",\"n\":8}");
	world_expect_silence(&w->world, fd);
	(void)close(fd);
}

static void
test_all_topics(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);

	subscribe(w, fd, "{\"topics\":[\"all\"]}",
		"[{\"topic\":\"punt\"},{\"topic\":\"sample\"},{\"topic\":\"mac\"},{\"topic\":"
		"\"port\"},{\"topic\":\"config\"},{\"topic\":\"limit\"},{\"topic\":\"worker\"}]");
	for (int t = 0; t < EVENT_TOPICS; t++) {
		char expected[128];

		assert_true(w->wanted[t]);
		emit(w, (enum event_topic)t, "br0", t);
		(void)snprintf(expected, sizeof(expected),
			"{\"topic\":\"%s\",\"bridge\":\"br0\",\"n\":%d}",
			event_topic_name((enum event_topic)t), t);
		expect_event(w, fd, expected);
	}
	ask(w, fd, "unsubscribe", "{\"topics\":[\"all\"]}", "result", "{\"subscriptions\":[]}");
	for (int t = 0; t < EVENT_TOPICS; t++) {
		assert_false(w->wanted[t]);
	}
	(void)close(fd);
}

static void
test_unsubscribe(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);
	struct events *events = events_of(w);

	ask(w, fd, "unsubscribe", NULL, "result", "{\"subscriptions\":[]}");
	subscribe(w, fd, "{\"topics\":[\"sample\",\"punt\"],\"bridge\":\"br1\"}",
		"[{\"topic\":\"punt\",\"bridge\":\"br1\"},"
		"{\"topic\":\"sample\",\"bridge\":\"br1\"}]");
	subscribe(w, fd, "{\"topics\":[\"punt\"],\"bridge\":\"br2\"}",
		"[{\"topic\":\"punt\",\"bridge\":\"br1\"},"
		"{\"topic\":\"sample\",\"bridge\":\"br1\"},"
		"{\"topic\":\"punt\",\"bridge\":\"br2\"}]");
	ask(w, fd, "unsubscribe", "{\"bridge\":\"br1\",\"topics\":[\"punt\"]}", "result",
		"{\"subscriptions\":[{\"topic\":\"sample\",\"bridge\":\"br1\"},"
		"{\"topic\":\"punt\",\"bridge\":\"br2\"}]}");
	emit(w, EVENT_PUNT, "br1", 1);
	emit(w, EVENT_PUNT, "br2", 2);
	expect_event(w, fd, "{\"topic\":\"punt\",\"bridge\":\"br2\",\"n\":2}");
	assert_true(events_wanted(events, EVENT_PUNT));
	ask(w, fd, "unsubscribe", "{\"topics\":[\"punt\"]}", "result",
		"{\"subscriptions\":[{\"topic\":\"sample\",\"bridge\":\"br1\"}]}");
	assert_false(events_wanted(events, EVENT_PUNT));
	assert_true(events_wanted(events, EVENT_SAMPLE));
	ask(w, fd, "unsubscribe", NULL, "result", "{\"subscriptions\":[]}");
	assert_false(events_wanted(events, EVENT_SAMPLE));
	emit(w, EVENT_SAMPLE, "br1", 3);
	world_expect_silence(&w->world, fd);
	(void)close(fd);
}

/* Both of the last request's topics, or none of them. */
static void
test_subscriptions_are_bounded(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);
	char params[128];
	char *line;

	for (int i = 0; i < EVENTS_SUBSCRIPTIONS_MAX - 1; i++) {
		(void)snprintf(params, sizeof(params),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\",\"params\":"
			"{\"topics\":[\"punt\"],\"bridge\":\"br%d\"}}",
			i);
		world_say(&w->world, fd, params);
		line = world_hear(&w->world, fd);
		assert_non_null(strstr(line, "\"result\""));
		free(line);
	}
	world_say(&w->world, fd,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\",\"params\":{\"topics\":"
		"[\"punt\",\"sample\"]}}");
	line = world_hear(&w->world, fd);
	assert_non_null(strstr(line, "\"code\":-32001"));
	assert_non_null(strstr(line, "up to 64 subscriptions"));
	free(line);
	emit(w, EVENT_PUNT, "brx", 1);
	world_expect_silence(&w->world, fd);
	assert_false(events_wanted(events_of(w), EVENT_SAMPLE));
	(void)close(fd);
}

static void
test_peers_that_go_are_forgotten(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);
	int other = world_connect(&w->world);
	struct events *events = events_of(w);

	subscribe(w, fd, "{\"topics\":[\"punt\",\"sample\"]}",
		"[{\"topic\":\"punt\"},{\"topic\":\"sample\"}]");
	subscribe(w, other, "{\"topics\":[\"sample\"]}", "[{\"topic\":\"sample\"}]");
	(void)close(fd);
	/* The server does not know yet. */
	emit(w, EVENT_PUNT, NULL, 1);
	world_step(&w->world);
	assert_false(events_wanted(events, EVENT_PUNT));
	assert_true(events_wanted(events, EVENT_SAMPLE));
	emit(w, EVENT_SAMPLE, NULL, 2);
	expect_event(w, other, "{\"topic\":\"sample\",\"n\":2}");
	(void)close(other);
	world_step(&w->world);
	assert_false(events_wanted(events, EVENT_SAMPLE));
	/* One that is there when the server ends is told of as well, see teardown. */
	fd = world_connect(&w->world);
	subscribe(w, fd, "{\"topics\":[\"punt\"]}", "[{\"topic\":\"punt\"}]");
	(void)close(fd);
}

#define FLOOD 20000

/* Hear events with rising numbers, and the answer of a ping, until nothing comes; returns the last
 * number. */
static int
hear_all(struct events_world *w, int fd, int last, bool *answered)
{
	char byte;

	for (;;) {
		json_t *params;

		world_step(&w->world);
		if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
			return last;
		}
		params = hear(w, fd);
		if (params == NULL) {
			*answered = true;
			continue;
		}
		assert_int_equal(json_integer_value(json_object_get(params, "n")), last + 1);
		last++;
		json_decref(params);
	}
}

static void
test_who_does_not_read_is_told(void **state)
{
	struct events_world *w = *state;
	int slow = world_connect(&w->world);
	int quick = world_connect(&w->world);
	char overflow[64];
	bool answered = false;
	int last;

	subscribe(w, slow, "{\"topics\":[\"punt\"]}", "[{\"topic\":\"punt\"}]");
	subscribe(w, quick, "{\"topics\":[\"punt\"]}", "[{\"topic\":\"punt\"}]");
	for (int i = 1; i <= FLOOD; i++) {
		emit(w, EVENT_PUNT, "br0", i);
		if (i % 100 == 0) {
			assert_int_equal(hear_all(w, quick, i - 100, &answered), i);
		}
	}
	/* Requests are served all the same; their answers wait behind the events. */
	world_say(&w->world, slow, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
	/* A little that was read is not enough for more. */
	for (last = 0; last < 300; last++) {
		json_decref(hear(w, slow));
	}
	emit(w, EVENT_PUNT, "br0", FLOOD + 1);
	last = hear_all(w, slow, last, &answered);
	assert_true(answered);
	assert_true(last > 1000);
	assert_true(last < FLOOD);
	emit(w, EVENT_PUNT, "br0", FLOOD + 2);
	(void)snprintf(overflow, sizeof(overflow), "{\"topic\":\"overflow\",\"lost\":%d}",
		FLOOD + 1 - last);
	expect_event(w, slow, overflow);
	expect_event(w, slow, "{\"topic\":\"punt\",\"bridge\":\"br0\",\"n\":20002}");
	emit(w, EVENT_PUNT, "br0", FLOOD + 3);
	expect_event(w, slow, "{\"topic\":\"punt\",\"bridge\":\"br0\",\"n\":20003}");
	(void)close(slow);
	(void)close(quick);
}

/* Bulky topics leave room for the others, which are told what was lost before them. */
static void
test_floods_leave_room(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);
	bool answered = false;
	char expected[64];
	int last;

	subscribe(w, fd, "{\"topics\":[\"mac\",\"port\"]}",
		"[{\"topic\":\"mac\"},{\"topic\":\"port\"}]");
	for (int i = 1; i <= FLOOD; i++) {
		emit(w, EVENT_MAC, "br0", i);
	}
	emit(w, EVENT_PORT, "br0", FLOOD + 1);
	emit(w, EVENT_MAC, "br0", FLOOD + 2);
	for (last = 0;; last++) {
		json_t *event = hear(w, fd);
		bool flood = json_integer_value(json_object_get(event, "n")) == last + 1;

		if (!flood) {
			assert_string_equal(
				json_string_value(json_object_get(event, "topic")), "overflow");
			assert_int_equal(
				json_integer_value(json_object_get(event, "lost")), FLOOD - last);
		}
		json_decref(event);
		if (!flood) {
			break;
		}
	}
	assert_in_range(last, 1000, FLOOD - 1);
	(void)snprintf(expected, sizeof(expected),
		"{\"topic\":\"port\",\"bridge\":\"br0\",\"n\":%d}", FLOOD + 1);
	expect_event(w, fd, expected);
	world_expect_silence(&w->world, fd);
	/* The last one was lost as well, which is told without another event. */
	events_step(events_of(w), 1000 * CLOCK_S);
	expect_event(w, fd, "{\"topic\":\"overflow\",\"lost\":1}");
	assert_int_equal(hear_all(w, fd, 0, &answered), 0);
	(void)close(fd);
}

/* Read all that comes at once. */
static void
drain(struct events_world *w, int fd)
{
	char byte;

	world_step(&w->world);
	while (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
		json_decref(hear(w, fd));
		world_step(&w->world);
	}
}

static void
test_who_never_reads_is_cut_off(void **state)
{
	struct events_world *w = *state;
	int slow = world_connect(&w->world);
	int other = world_connect(&w->world);
	struct events *events = events_of(w);
	uint64_t now = 1000 * CLOCK_S;
	struct events_stats stats;
	json_t *event;

	subscribe(w, slow, "{\"topics\":[\"punt\",\"limit\"]}",
		"[{\"topic\":\"punt\"},{\"topic\":\"limit\"}]");
	subscribe(w, other, "{\"topics\":[\"limit\"]}", "[{\"topic\":\"limit\"}]");
	for (int i = 1; i <= FLOOD; i++) {
		emit(w, EVENT_PUNT, "br0", i);
		if (i % 100 == 0) {
			world_step(&w->world);
		}
	}
	events_step(events, now);
	event = hear(w, other);
	assert_string_equal(json_string_value(json_object_get(event, "event")), "events-lost");
	events_get_stats(events, &stats);
	assert_int_equal(
		json_integer_value(json_object_get(event, "count")), (json_int_t)stats.lost);
	json_decref(event);
	/* Not told again, and nobody is cut off before the time. */
	events_step(events, now + EVENTS_PATIENCE - 1);
	world_expect_silence(&w->world, other);
	assert_int_equal(stats.subscribers, 2);
	/* It reads: patience begins anew. */
	drain(w, slow);
	now += EVENTS_PATIENCE - 1 + EVENTS_LOOK;
	events_step(events, now);
	for (int i = 1; i <= FLOOD; i++) {
		emit(w, EVENT_PUNT, "br0", i);
	}
	now += EVENTS_PATIENCE - 1;
	events_step(events, now);
	events_get_stats(events, &stats);
	assert_int_equal(stats.cut_off, 0);
	events_step(events, now + EVENTS_PATIENCE);
	events_get_stats(events, &stats);
	assert_int_equal(stats.cut_off, 1);
	do {
		event = hear(w, other);
		if (strcmp(json_string_value(json_object_get(event, "event")),
			    "subscriber-cut-off") == 0) {
			break;
		}
		json_decref(event);
	} while (true);
	assert_non_null(json_object_get(event, "user"));
	assert_true(json_integer_value(json_object_get(event, "count")) > 0);
	json_decref(event);
	world_expect_close(&w->world, slow);
	assert_false(events_wanted(events, EVENT_PUNT));
	(void)close(slow);
	(void)close(other);
}

static void
test_daemon_without_events(void **state)
{
	struct events_world *w = *state;
	int fd = world_connect(&w->world);
	struct events *events = w->methods.events;

	w->methods.events = NULL;
	ask(w, fd, "subscribe", "{\"topics\":[\"punt\"]}", "error",
		"{\"code\":-32601,\"message\":\"this daemon has no events\"}");
	ask(w, fd, "unsubscribe", NULL, "error",
		"{\"code\":-32601,\"message\":\"this daemon has no events\"}");
	w->methods.events = events;
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hears_what_it_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_topics_are_refused_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_topics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsubscribe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subscriptions_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peers_that_go_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_does_not_read_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_floods_leave_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_never_reads_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_daemon_without_events, setup, teardown),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
