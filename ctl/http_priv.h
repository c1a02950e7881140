/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What http_server.c (requests and answers) and http_peers.c (connections and their bounds) share.
 * Main only.
 */
#ifndef VSW_CTL_HTTP_PRIV_H
#define VSW_CTL_HTTP_PRIV_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <sys/queue.h>

#include "ctl/http_server.h"

#define HTTP_NAME_SIZE 256

/* A connection, as long as evhttp has it and until the next look after that. */
struct http_peer {
	TAILQ_ENTRY(http_peer) link;
	struct bufferevent *bev; /* a reference of our own */
	const struct http_route *route; /* of the request that is being served; NULL: none is */
	uint64_t since; /* it was accepted, or its request began or ended */
	bool asked; /* it has sent a request before */
	bool stream;
	bool cut; /* shut down by us: it is about to end */
};

TAILQ_HEAD(http_peer_list, http_peer);

struct http_peers {
	struct event_base *base;
	struct http_peer_list list;
	size_t n_open; /* not cut */
	struct event *look; /* timer */
	uint64_t n_cut;
};

struct http_server {
	struct evhttp *http;
	struct evhttp_bound_socket *bound; /* NULL: listens on nothing */
	struct event *listen_later; /* timer: descriptors were exhausted */
	const struct http_route *routes;
	void *ctx;
	struct http_peers peers;
	size_t n_open; /* requests that are not answered */
	uint64_t n_requests;
	uint64_t n_refused;
	char own_name[HTTP_NAME_SIZE]; /* of this machine */
};

/* --- http_peers.c ---------------------------------------------------------------------------- */

int http_peers_init(struct http_peers *peers, struct event_base *base) ON_MAIN;
void http_peers_fini(struct http_peers *peers) ON_MAIN; /* after evhttp has gone */

/* For evhttp_set_bevcb: the connection that comes. `arg` is the peers. */
struct bufferevent *http_peers_accept(struct event_base *base, void *arg);

/* The connection of a request, NULL if it has gone. */
struct http_peer *http_peers_find(struct http_peers *peers, struct evhttp_request *request) ON_MAIN;

/* Requests of a route that are being served. */
size_t http_peers_serving(const struct http_peers *peers, const struct http_route *route) ON_MAIN;

/* A request of this peer begins, or has been answered to the last byte. */
void http_peer_begin(struct http_peer *peer, const struct http_route *route) ON_MAIN;
void http_peer_end(struct http_peers *peers, struct http_peer *peer) ON_MAIN;

/* End all connections. */
void http_peers_cut_all(struct http_peers *peers) ON_MAIN;

/* Forget those that have ended. */
void http_peers_sweep(struct http_peers *peers) ON_MAIN;

#endif
