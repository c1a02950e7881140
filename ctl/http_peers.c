/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ctl/http_priv.h"

#define LOOK_S 1

static void peers_look(evutil_socket_t fd, short what, void *arg);

static void
look_in(struct http_peers *peers, time_t seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	(void)event_add(peers->look, &tv);
}

int
http_peers_init(struct http_peers *peers, struct event_base *base)
{
	*peers = (struct http_peers){.base = base};
	TAILQ_INIT(&peers->list);
	peers->look = evtimer_new(base, peers_look, peers);
	return peers->look == NULL ? -ENOMEM : 0;
}

static void
peer_forget(struct http_peers *peers, struct http_peer *peer)
{
	TAILQ_REMOVE(&peers->list, peer, link);
	peers->n_open -= !peer->cut;
	(void)bufferevent_decref(peer->bev);
	free(peer);
}

void
http_peers_fini(struct http_peers *peers)
{
	struct http_peer *peer;

	while ((peer = TAILQ_FIRST(&peers->list)) != NULL) {
		peer_forget(peers, peer);
	}
	if (peers->look != NULL) {
		event_free(peers->look);
	}
}

/* evhttp takes its callbacks back when it has done with a connection, and at no other time. */
static bool
has_ended(const struct http_peer *peer)
{
	bufferevent_event_cb event_cb = NULL;

	bufferevent_getcb(peer->bev, NULL, NULL, &event_cb, NULL);
	return event_cb == NULL;
}

void
http_peers_sweep(struct http_peers *peers)
{
	struct http_peer *next;

	for (struct http_peer *peer = TAILQ_FIRST(&peers->list); peer != NULL; peer = next) {
		next = TAILQ_NEXT(peer, link);
		/* one that is being accepted has no callbacks yet, and no socket either */
		if (has_ended(peer) && bufferevent_getfd(peer->bev) >= 0) {
			peer_forget(peers, peer);
		}
	}
}

/* evhttp sees the end of the stream and frees the connection; not here, where a caller of ours may
 * be at work on it. */
static void
peer_cut(struct http_peers *peers, struct http_peer *peer)
{
	if (!peer->cut) {
		peer->cut = true;
		peers->n_open--;
		peers->n_cut++;
		(void)shutdown(bufferevent_getfd(peer->bev), SHUT_RDWR);
	}
}

void
http_peers_cut_all(struct http_peers *peers)
{
	struct http_peer *peer;

	http_peers_sweep(peers);
	TAILQ_FOREACH (peer, &peers->list, link) {
		peer_cut(peers, peer);
	}
}

/* Seconds that it may stay as it is. */
static uint64_t
patience(const struct http_peer *peer)
{
	if (peer->route != NULL) {
		return HTTP_ANSWER_S;
	}
	return peer->asked ? HTTP_IDLE_S : HTTP_HEADER_S;
}

static void
peers_look(evutil_socket_t fd, short what, void *arg)
{
	struct http_peers *peers = arg;
	uint64_t now = clock_now();
	struct http_peer *peer;

	role_assert(&role_main);
	http_peers_sweep(peers);
	TAILQ_FOREACH (peer, &peers->list, link) {
		if (!peer->stream && now - peer->since > patience(peer) * CLOCK_S) {
			peer_cut(peers, peer);
		}
	}
	if (!TAILQ_EMPTY(&peers->list)) {
		look_in(peers, LOOK_S);
	}
}

/* Make room for one more. False: all are being served. */
static bool
make_room(struct http_peers *peers) ON_MAIN
{
	struct http_peer *oldest = NULL;
	struct http_peer *peer;

	http_peers_sweep(peers);
	if (peers->n_open < HTTP_CONNECTIONS_MAX) {
		return true;
	}
	TAILQ_FOREACH (peer, &peers->list, link) {
		if (peer->route == NULL && !peer->cut &&
			(oldest == NULL || peer->since < oldest->since)) {
			oldest = peer;
		}
	}
	if (oldest == NULL) {
		return false;
	}
	peer_cut(peers, oldest);
	return true;
}

struct bufferevent *
http_peers_accept(struct event_base *base, void *arg)
{
	struct http_peers *peers = arg;
	struct http_peer *peer = must_calloc(1, sizeof(*peer));
	bool room;

	role_assert(&role_main);
	room = make_room(peers);
	peer->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (peer->bev == NULL) {
		abort(); /* of so small a piece there is nothing to do without */
	}
	/* what a client sends while it is not listened to waits in the kernel */
	bufferevent_setwatermark(peer->bev, EV_READ, 0, HTTP_BODY_MAX + HTTP_HEADERS_MAX);
	bufferevent_incref(peer->bev);
	/* the socket is not in it yet: without room, the next look closes it */
	peer->since = room ? clock_now() : 0;
	TAILQ_INSERT_TAIL(&peers->list, peer, link);
	peers->n_open++;
	look_in(peers, room ? LOOK_S : 0);
	return peer->bev;
}

struct http_peer *
http_peers_find(struct http_peers *peers, struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct bufferevent *bev;
	struct http_peer *peer;

	if (connection == NULL) {
		return NULL;
	}
	bev = evhttp_connection_get_bufferevent(connection);
	TAILQ_FOREACH (peer, &peers->list, link) {
		if (peer->bev == bev) {
			return peer;
		}
	}
	return NULL;
}

size_t
http_peers_serving(const struct http_peers *peers, const struct http_route *route)
{
	struct http_peer *peer;
	size_t n = 0;

	TAILQ_FOREACH (peer, &peers->list, link) {
		n += peer->route == route && !has_ended(peer);
	}
	return n;
}

void
http_peer_begin(struct http_peer *peer, const struct http_route *route)
{
	peer->route = route;
	peer->since = clock_now();
	peer->asked = true;
}

void
http_peer_end(struct http_peers *peers, struct http_peer *peer)
{
	peer->route = NULL;
	peer->since = clock_now();
	peer->stream = false;
	look_in(peers, 0);
}
