/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/http_server.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "ctl/http_origin.h"
#include "ctl/http_priv.h"

LOG_MODULE("http");

#define HTTP_FORBIDDEN 403 /* which evhttp has no name for */
#define STREAM_WRITE_S 30 /* without a byte taken from a stream */
#define LISTEN_LATER_S 1

struct http_request {
	struct http_server *server;
	struct evhttp_request *request;
	void (*gone)(void *arg); /* of a stream */
	void *gone_arg;
};

static void take_request(struct evhttp_request *request, void *arg);

/* --- the server ------------------------------------------------------------------------------ */

static void
listen_again(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;

	role_assert(&role_main);
	if (server->bound != NULL) {
		(void)evconnlistener_enable(evhttp_bound_socket_get_listener(server->bound));
	}
}

/* Most likely descriptors have run out: without a pause the loop would run hot. */
static void
listen_failed(struct evconnlistener *listener, void *arg)
{
	static const struct timeval later = {LISTEN_LATER_S, 0};
	struct http_server *server = arg;

	role_assert(&role_main);
	log_warn("a connection cannot be accepted: %s", strerror(EVUTIL_SOCKET_ERROR()));
	(void)evconnlistener_disable(listener);
	(void)event_add(server->listen_later, &later);
}

int
http_server_create(struct event_base *base, const struct http_route *routes, void *ctx,
	struct http_server **out, struct err *err)
{
	struct http_server *server = must_calloc(1, sizeof(*server));

	server->routes = routes;
	server->ctx = ctx;
	server->http = evhttp_new(base);
	server->listen_later = evtimer_new(base, listen_again, server);
	if (http_peers_init(&server->peers, base) != 0 || server->http == NULL ||
		server->listen_later == NULL) {
		http_server_destroy(server);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	(void)gethostname(server->own_name, sizeof(server->own_name) - 1);
	evhttp_set_max_headers_size(server->http, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(server->http, HTTP_BODY_MAX);
	evhttp_set_timeout(server->http, HTTP_IDLE_S);
	evhttp_set_default_content_type(server->http, NULL);
	evhttp_set_allowed_methods(
		server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
	evhttp_set_bevcb(server->http, http_peers_accept, &server->peers);
	evhttp_set_gencb(server->http, take_request, server);
	*out = server;
	return 0;
}

void
http_server_destroy(struct http_server *server)
{
	if (server == NULL) {
		return;
	}
	assert(server->n_open == 0);
	if (server->http != NULL) {
		evhttp_free(server->http);
	}
	http_peers_fini(&server->peers);
	if (server->listen_later != NULL) {
		event_free(server->listen_later);
	}
	free(server);
}

int
http_server_listen(struct http_server *server, int fd, struct err *err)
{
	struct evconnlistener *listener = NULL;

	if (fd >= 0) {
		listener = evconnlistener_new(server->peers.base, NULL, NULL,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
		if (listener == NULL) {
			(void)close(fd);
			return err_set(err, ERR_LIMIT, NULL, "out of memory");
		}
	}
	if (server->bound != NULL) {
		evhttp_del_accept_socket(server->http, server->bound);
		server->bound = NULL;
	}
	http_peers_cut_all(&server->peers);
	if (listener != NULL) {
		server->bound = evhttp_bind_listener(server->http, listener);
		if (server->bound == NULL) {
			evconnlistener_free(listener);
			return err_set(err, ERR_LIMIT, NULL, "out of memory");
		}
		evconnlistener_set_error_cb(listener, listen_failed);
	}
	return 0;
}

void
http_server_cut(struct http_server *server)
{
	http_peers_cut_all(&server->peers);
}

void
http_server_stats(struct http_server *server, struct http_server_stats *stats)
{
	http_peers_sweep(&server->peers);
	stats->connections = server->peers.n_open;
	stats->requests = server->n_requests;
	stats->refused = server->n_refused + server->peers.n_cut;
}

/* --- requests -------------------------------------------------------------------------------- */

static unsigned int
method_of(const struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
		return HTTP_GET;
	case EVHTTP_REQ_HEAD:
		return HTTP_HEAD;
	case EVHTTP_REQ_POST:
		return HTTP_POST;
	default:
		return 0;
	}
}

static const struct http_route *
find_route(const struct http_server *server, const struct evhttp_request *request)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);

	for (const struct http_route *route = server->routes; route->path != NULL; route++) {
		if (path != NULL && strcmp(route->path, path) == 0) {
			return route;
		}
	}
	return NULL;
}

static void
refuse(struct http_request *request, int status, const char *text) ON_MAIN
{
	request->server->n_refused++;
	http_say(request, status, text);
}

static void
refuse_unknown(struct http_request *request) ON_MAIN
{
	char text[256] = "no such page; there are:";

	for (const struct http_route *r = request->server->routes; r->path != NULL; r++) {
		(void)str_appendf(text, sizeof(text), " %s", r->path);
	}
	refuse(request, HTTP_NOTFOUND, text);
}

static void
refuse_method(struct http_request *request, const struct http_route *route) ON_MAIN
{
	static const char *const names[] = {"GET", "HEAD", "POST"};
	char allow[32] = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if ((route->methods & 1U << i) != 0) {
			(void)str_appendf(allow, sizeof(allow), "%s%s",
				allow[0] == '\0' ? "" : ", ", names[i]);
		}
	}
	http_set(request, "Allow", allow);
	refuse(request, HTTP_BADMETHOD, "this page is not asked that way");
}

/*
 * Is it clear where the request ends (RFC 9112, 6.3)? libevent reads no body of GET and HEAD: what
 * follows would be taken for the next request, past a proxy that has judged the first only.
 */
static bool
is_framed(const struct http_request *request)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request->request);
	const struct evkeyval *header;
	unsigned int n = 0;

	for (header = headers->tqh_first; header != NULL; header = header->next.tqe_next) {
		const bool coded = evutil_ascii_strcasecmp(header->key, "Transfer-Encoding") == 0;

		if (!coded && evutil_ascii_strcasecmp(header->key, "Content-Length") != 0) {
			continue;
		}
		n++;
		if (coded && evutil_ascii_strcasecmp(header->value, "chunked") != 0) {
			return false;
		}
		if (evhttp_request_get_command(request->request) != EVHTTP_REQ_POST &&
			(coded || strcmp(header->value, "0") != 0)) {
			return false;
		}
	}
	return n <= 1;
}

/* Serve the request, or say why not. */
static void
route_request(struct http_request *request, struct http_peer *peer) ON_MAIN
{
	struct http_server *server = request->server;
	const struct http_route *route = find_route(server, request->request);
	const struct http_origin headers = {.host = http_header(request, "Host"),
		.origin = http_header(request, "Origin"),
		.site = http_header(request, "Sec-Fetch-Site")};
	const char *why;

	if (!is_framed(request)) {
		http_set(request, "Connection", "close");
		refuse(request, HTTP_BADREQUEST,
			"a body comes with POST only, and with one Content-Length or chunked");
		return;
	}
	if (route == NULL) {
		refuse_unknown(request);
		return;
	}
	if ((route->methods & method_of(request->request)) == 0) {
		refuse_method(request, route);
		return;
	}
	why = route->page ? http_origin_refused(&headers, server->own_name) : NULL;
	if (why != NULL) {
		refuse(request, HTTP_FORBIDDEN, why);
		return;
	}
	if (route->limit > 0 && http_peers_serving(&server->peers, route) >= route->limit) {
		http_set(request, "Retry-After", "1");
		refuse(request, HTTP_SERVUNAVAIL, "too many of these at once; come again");
		return;
	}
	http_peer_begin(peer, route);
	route->run(server->ctx, request);
}

static void
request_sent(struct evhttp_request *request, void *arg)
{
	struct http_server *server = arg;
	struct http_peer *peer;

	role_assert(&role_main);
	peer = http_peers_find(&server->peers, request);
	if (peer != NULL) {
		http_peer_end(&server->peers, peer);
	}
}

static void
take_request(struct evhttp_request *request, void *arg)
{
	struct http_server *server = arg;
	struct http_request *ours = must_calloc(1, sizeof(*ours));
	struct http_peer *peer;

	role_assert(&role_main);
	peer = http_peers_find(&server->peers, request);
	assert(peer != NULL); /* each connection was made by http_peers_accept */
	ours->server = server;
	ours->request = request;
	server->n_requests++;
	server->n_open++;
	evhttp_request_set_on_complete_cb(request, request_sent, server);
	route_request(ours, peer);
}

const char *
http_header(struct http_request *request, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(request->request), name);
}

const char *
http_query(struct http_request *request)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request->request);
	const char *query = uri == NULL ? NULL : evhttp_uri_get_query(uri);

	return query == NULL ? "" : query;
}

const char *
http_body(struct http_request *request, size_t *len)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request->request);

	*len = evbuffer_get_length(body);
	return *len == 0 ? NULL : (const char *)evbuffer_pullup(body, -1);
}

void
http_from(struct http_request *request, char buf[HTTP_FROM_SIZE])
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request->request);
	char *address = NULL;
	uint16_t port = 0;

	buf[0] = '\0';
	if (connection != NULL) {
		evhttp_connection_get_peer(connection, &address, &port);
		(void)snprintf(buf, HTTP_FROM_SIZE,
			strchr(address, ':') == NULL ? "%s:%u" : "[%s]:%u", address, port);
	}
}

/* --- answers --------------------------------------------------------------------------------- */

void
http_set(struct http_request *request, const char *name, const char *value)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request->request);

	(void)evhttp_remove_header(headers, name);
	(void)evhttp_add_header(headers, name, value);
}

/* For all answers: a browser is to take them for what they are, and not to keep them. */
static void
set_common(struct http_request *request, const char *type) ON_MAIN
{
	if (type != NULL) {
		http_set(request, "Content-Type", type);
	}
	http_set(request, "X-Content-Type-Options", "nosniff");
	http_set(request, "Cache-Control", "no-store");
}

static void
request_free(struct http_request *request)
{
	request->server->n_open--;
	free(request);
}

void
http_reply(struct http_request *request, int status, const char *type, struct evbuffer *body)
{
	char length[24];

	set_common(request, type);
	if (method_of(request->request) == HTTP_HEAD) {
		(void)snprintf(length, sizeof(length), "%zu",
			body == NULL ? 0 : evbuffer_get_length(body));
		http_set(request, "Content-Length", length);
		body = NULL;
	}
	evhttp_send_reply(request->request, status, NULL, body);
	request_free(request);
}

void
http_say(struct http_request *request, int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body != NULL) {
		(void)evbuffer_add(body, text, strlen(text));
		(void)evbuffer_add(body, "\n", 1);
	}
	http_reply(request, status, "text/plain; charset=utf-8", body);
	if (body != NULL) {
		evbuffer_free(body);
	}
}

static void
stream_closed(struct evhttp_connection *connection, void *arg)
{
	struct http_request *request = arg;

	role_assert(&role_main);
	request->gone(request->gone_arg);
	/* evhttp has left it to us */
	evhttp_send_reply_end(request->request);
	request_free(request);
}

void
http_stream(struct http_request *request, const char *type, void (*gone)(void *arg), void *arg)
{
	static const struct timeval patience = {STREAM_WRITE_S, 0};
	struct evhttp_connection *connection = evhttp_request_get_connection(request->request);
	struct http_peer *peer = http_peers_find(&request->server->peers, request->request);

	request->gone = gone;
	request->gone_arg = arg;
	set_common(request, type);
	http_set(request, "Connection", "close");
	evhttp_send_reply_start(request->request, HTTP_OK, NULL);
	if (peer != NULL) {
		peer->stream = true;
		bufferevent_set_timeouts(peer->bev, NULL, &patience);
		evhttp_connection_set_closecb(connection, stream_closed, request);
	}
}

void
http_stream_send(struct http_request *request, struct evbuffer *piece)
{
	evhttp_send_reply_chunk(request->request, piece);
}

size_t
http_stream_waiting(struct http_request *request)
{
	struct http_peer *peer = http_peers_find(&request->server->peers, request->request);

	return peer == NULL ? 0 : evbuffer_get_length(bufferevent_get_output(peer->bev));
}

void
http_stream_end(struct http_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request->request);

	if (connection != NULL) {
		evhttp_connection_set_closecb(connection, NULL, NULL);
	}
	evhttp_send_reply_end(request->request);
	request_free(request);
}
