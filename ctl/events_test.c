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
};

static bool
bridge_exists(void *ctx, const char *name)
{
	return strncmp(name, "br", 2) == 0;
}

static int setup(void **state) ROLE_ATTR(no_thread_safety_analysis);
static int teardown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static int
setup(void **state)
{
	const struct events_conf conf = {.bridge_exists = bridge_exists};
	struct events_world *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return -1;
	}
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

	events_emit(events, topic, bridge, json_pack("{s:i}", "n", n));
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
			"subscribe: there is no topic 'pumt' (there are punt, sample, port); did "
			"you "
			"mean 'punt'?"},
		{"unsubscribe", "{\"topics\":[\"all\"]}",
			"unsubscribe: there is no topic 'all' (there are punt, sample, port)"},
		{"subscribe", "{\"topics\":[\"punt\",1]}",
			"subscribe: the param 'topics' must be an array of strings"},
		{"subscribe", "{\"topics\":\"punt\"}",
			"subscribe: the param 'topics' must be an array"},
		{"subscribe", "{\"topics\":[]}", "subscribe: the param 'topics' is empty"},
		{"unsubscribe", "{\"topics\":[]}", "unsubscribe: the param 'topics' is empty"},
		{"subscribe", NULL, "subscribe needs the param 'topics'"},
		{"subscribe", "{\"topics\":[\"punt\"],\"bridge\":\"\"}",
			"subscribe: the param 'bridge' is empty; without it all bridges are meant"},
		{"subscribe", "{\"topic\":\"punt\"}",
			"subscribe has no param 'topic' (it takes topics, bridge); did you mean "
			"'topics'?"},
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
		cmocka_unit_test_setup_teardown(test_unsubscribe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subscriptions_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peers_that_go_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_does_not_read_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_daemon_without_events, setup, teardown),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
