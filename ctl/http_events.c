/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /events: what a subscription says, as server-sent events. */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/http_rpc_priv.h"

#define BAD_REQUEST 400
#define UNAVAILABLE 503
#define TICK_MS 250 /* how often a client that did not read is looked at again */
#define QUIET_TICKS (HTTP_EVENTS_ALIVE_S * 1000 / TICK_MS)
#define WAITING_MAX (64U << 10) /* bytes that wait for the client, before it gets no more */

static void
send_text(struct http_call *call, const char *before, const char *text, const char *after) ON_MAIN
{
	struct evbuffer *piece = evbuffer_new();

	if (piece != NULL) {
		(void)evbuffer_add(piece, before, strlen(before));
		(void)evbuffer_add(piece, text, strlen(text));
		(void)evbuffer_add(piece, after, strlen(after));
		http_stream_send(call->request, piece);
		evbuffer_free(piece);
		call->quiet = 0;
	}
}

/* A notification of the server: its params are the event. */
static void
send_event(struct http_call *call, const json_t *message) ON_MAIN
{
	char *text = json_dumps(json_object_get(message, "params"), JSON_COMPACT);

	if (text != NULL) {
		send_text(call, "data: ", text, "\n\n");
		free(text);
	}
}

static void
stream_gone(void *arg)
{
	role_assert(&role_main);
	http_call_close(arg);
}

/* The answer to `subscribe`. False: it was refused, and the call is over. */
static bool
begin_stream(struct http_call *call, const json_t *answer) ON_MAIN
{
	const json_t *error = json_object_get(answer, "error");
	const char *text = json_string_value(json_object_get(error, "message"));

	if (json_object_get(answer, "result") == NULL) {
		http_say(call->request, BAD_REQUEST, text == NULL ? "refused" : text);
		http_call_close(call);
		return false;
	}
	call->streams = true;
	http_stream(call->request, "text/event-stream", stream_gone, call);
	send_text(call, ": ", "subscribed", "\n\n");
	return true;
}

static void
events_readable(struct http_call *call) ON_MAIN
{
	const char *line;
	size_t len;

	while ((line = http_call_line(call, &len)) != NULL) {
		json_t *message = json_loadb(line, len, 0, NULL);
		bool goes_on = true;

		http_call_drop_line(call, len);
		if (!call->streams) {
			goes_on = begin_stream(call, message);
		} else {
			send_event(call, message);
		}
		json_decref(message);
		if (!goes_on) {
			return;
		}
		if (http_stream_waiting(call->request) > WAITING_MAX) {
			(void)bufferevent_disable(call->bev, EV_READ);
			return;
		}
	}
}

static void
events_ended(struct http_call *call) ON_MAIN
{
	if (call->streams) {
		http_stream_end(call->request);
	} else {
		http_say(call->request, UNAVAILABLE, "the switch has closed the connection");
	}
	http_call_close(call);
}

static void
events_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http_call *call = arg;

	role_assert(&role_main);
	if (!call->streams) {
		return;
	}
	if (++call->quiet >= QUIET_TICKS) {
		send_text(call, ":", "", "\n\n");
	}
	if (http_stream_waiting(call->request) <= WAITING_MAX / 2 &&
		(bufferevent_get_enabled(call->bev) & EV_READ) == 0) {
		(void)bufferevent_enable(call->bev, EV_READ);
		events_readable(call);
	}
}

/* The `subscribe` that the query asks for; NULL: a part of it has no meaning. */
static json_t *
subscribe_of(const char *query)
{
	json_t *topics = json_array();
	json_t *params = json_pack("{s:o}", "topics", topics);
	struct evkeyvalq words;
	struct evkeyval *word;
	bool good = true;

	if (params == NULL || evhttp_parse_query_str(query, &words) != 0) {
		json_decref(params);
		return NULL;
	}
	TAILQ_FOREACH (word, &words, next) {
		json_t *value = json_string(word->value); /* NULL: not UTF-8 */

		if (strcmp(word->key, "topic") == 0) {
			good = json_array_append_new(topics, value) == 0 && good;
		} else if (strcmp(word->key, "bridge") == 0 || strcmp(word->key, "port") == 0) {
			good = json_object_set_new(params, word->key, value) == 0 && good;
		} else {
			json_decref(value);
			good = false;
		}
	}
	evhttp_clear_headers(&words);
	if (!good || json_array_size(topics) == 0) {
		json_decref(params);
		return NULL;
	}
	return json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", "subscribe",
		"params", params);
}

void
http_rpc_events(struct http_rpc *rpc, struct http_request *request)
{
	static const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	json_t *subscribe = subscribe_of(http_query(request));
	struct http_call *call;
	char *text;

	if (subscribe == NULL) {
		http_say(request, BAD_REQUEST,
			"say what to hear of: /events?topic=port&topic=config, and maybe "
			"&bridge=br0");
		return;
	}
	text = json_dumps(subscribe, JSON_COMPACT);
	json_decref(subscribe);
	if (text == NULL) {
		http_say(request, UNAVAILABLE, "out of memory");
		return;
	}
	call = http_call_open(rpc, request);
	if (call != NULL) {
		call->readable = events_readable;
		call->ended = events_ended;
		call->timer = event_new(rpc->base, -1, EV_PERSIST, events_tick, call);
		if (call->timer != NULL) {
			(void)event_add(call->timer, &tick);
		}
		(void)bufferevent_write(call->bev, text, strlen(text));
		(void)bufferevent_write(call->bev, "\n", 1);
	}
	free(text);
}
