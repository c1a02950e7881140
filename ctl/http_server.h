/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HTTP/1.1 server: libevent's evhttp, with the bounds that it leaves to its user.
 *
 * What it is. Routes are rows of the owner's table; whoever serves one gets a struct http_request
 * and answers now or later, exactly once, with one answer or with a stream of pieces. The socket
 * to listen on is the owner's too: it can be changed at any time, which ends all connections.
 *
 * Nobody's input is trusted. Headers and bodies are bounded below; only GET, HEAD and POST are
 * served. A connection that does not send a whole request in HTTP_HEADER_S seconds, that idles for
 * HTTP_IDLE_S or does not take its answer in HTTP_ANSWER_S is closed. Of HTTP_CONNECTIONS_MAX
 * connections at once, a new one takes the place of the one that has waited longest for its next
 * request, so that idle ones cannot keep others out; if all of them are being served, it is closed.
 * Each route says how many of its requests are served at once: the next one is told to come again
 * (503).
 *
 * Browsers. A route with `page` is for pages of our own only: Host must be an address, localhost
 * or this machine's name, so that no name that somebody points at us (DNS rebinding) reaches it;
 * Origin, if there is one, must be that same Host; and a browser that says that another site asks
 * (Sec-Fetch-Site) is refused.
 *
 * Connections are counted by holding on to their bufferevents, since evhttp 2.1 does not tell when
 * one ends: one whose callbacks evhttp has taken back is over.
 *
 * Main only. All callbacks come from the libevent loop that was handed in.
 */
#ifndef VSW_CTL_HTTP_SERVER_H
#define VSW_CTL_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

struct event_base;
struct evbuffer;
struct http_server;
struct http_request;

#define HTTP_HEADERS_MAX (16U << 10) /* bytes of request line and headers */
#define HTTP_BODY_MAX (256U << 10) /* bytes of a POST */
#define HTTP_CONNECTIONS_MAX 64
#define HTTP_HEADER_S 10 /* for the first request of a connection */
#define HTTP_IDLE_S 75 /* for the next one; Prometheus asks each minute at most */
#define HTTP_ANSWER_S 60 /* to make and to take an answer */
#define HTTP_FROM_SIZE 64

enum http_methods {
	HTTP_GET = 1,
	HTTP_HEAD = 2, /* as GET, without the body */
	HTTP_POST = 4,
};

struct http_route {
	const char *path;
	unsigned int methods; /* of enum http_methods */
	bool page; /* only for our own page, see above */
	unsigned int limit; /* requests at once; 0: no limit of its own */
	/* Answers once, now or later. */
	void (*run)(void *ctx, struct http_request *request);
};

struct http_server_stats {
	size_t connections; /* now */
	uint64_t requests;
	uint64_t refused; /* of these, those that no route was asked for; and connections cut */
};

/* `routes` ends with a NULL path and outlives the server, as does `ctx`. Listens on nothing yet. */
int http_server_create(struct event_base *base, const struct http_route *routes, void *ctx,
	struct http_server **out, struct err *err) ON_MAIN;

/* All requests have been answered, all streams ended. NULL is legal. */
void http_server_destroy(struct http_server *server) ON_MAIN;

/* Serve this listening socket, which is taken, from now on and no other; -1: none. Connections that
 * there are end. */
int http_server_listen(struct http_server *server, int fd, struct err *err) ON_MAIN;

/* End all connections; new ones are welcome. */
void http_server_cut(struct http_server *server) ON_MAIN;

void http_server_stats(struct http_server *server, struct http_server_stats *stats) ON_MAIN;

/* A socket bound to an IPv4 or IPv6 address and listening: *fd. ERR_IN_USE names address and
 * port. `old`, if not -1, is one that will be closed for it: it may have the same port. */
int http_listen(const char *address, uint16_t port, int old, int *fd, struct err *err) ON_MAIN;

/* --- a request, until it is answered -------------------------------------------------------- */

/* NULL if there is none. */
const char *http_header(struct http_request *request, const char *name) ON_MAIN;

/* Text behind the ?, "" if there is none; not decoded. */
const char *http_query(struct http_request *request) ON_MAIN;

/* The body, contiguous; NULL if it is empty. */
const char *http_body(struct http_request *request, size_t *len) ON_MAIN;

bool http_is_post(struct http_request *request) ON_MAIN;

/* "192.0.2.1:50000"; "" of a connection that has gone. */
void http_from(struct http_request *request, char buf[HTTP_FROM_SIZE]) ON_MAIN;

/* A header of the answer; before http_reply or http_stream. */
void http_set(struct http_request *request, const char *name, const char *value) ON_MAIN;

/* --- the answer: one of these, once --------------------------------------------------------- */

/* Takes what is in `body`; NULL: nothing. The request is over. */
void http_reply(
	struct http_request *request, int status, const char *type, struct evbuffer *body) ON_MAIN;

/* The same with a text, a newline added. */
void http_say(struct http_request *request, int status, const char *text) ON_MAIN;

/* Begin to answer with pieces. `gone` is told when the connection ends before the stream does: then
 * the request is over. */
void http_stream(
	struct http_request *request, const char *type, void (*gone)(void *arg), void *arg) ON_MAIN;
void http_stream_send(struct http_request *request, struct evbuffer *piece) ON_MAIN;

/* Bytes that wait for the client to read. */
size_t http_stream_waiting(struct http_request *request) ON_MAIN;
void http_stream_end(struct http_request *request) ON_MAIN;

#endif
