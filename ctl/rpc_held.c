/* SPDX-License-Identifier: BSD-3-Clause */
/* Room for lines whose calls have not ended: each keeps the whole line as JSON. */
#include <stdlib.h>

#include "base/memory.h"
#include "ctl/rpc_priv.h"

static struct rpc_share *
share_find(const struct rpc_server *server, uid_t uid)
{
	struct rpc_share *share;

	LIST_FOREACH (share, &server->shares, link) {
		if (share->uid == uid) {
			return share;
		}
	}
	return NULL;
}

static void
share_add(struct rpc_held *held, uid_t uid)
{
	held->share = share_find(held->server, uid);
	if (held->share == NULL) {
		held->share = must_calloc(1, sizeof(*held->share));
		held->share->uid = uid;
		LIST_INSERT_HEAD(&held->server->shares, held->share, link);
	}
	held->share->bytes += held->bytes;
}

/* It holds nothing of the server's any more. */
static void
leave(struct rpc_held *held)
{
	LIST_REMOVE(held, link);
	held->server->n_held -= held->bytes;
	held->server = NULL;
	held->share->bytes -= held->bytes;
	if (held->share->bytes == 0) {
		LIST_REMOVE(held->share, link);
		free(held->share);
	}
}

/* Is the share of one user large enough? Those of other hosts have none, but places. */
static bool
user_has_room(const struct rpc_peer *peer, size_t bytes)
{
	const struct rpc_share *share;

	if (peer->who.uid == (uid_t)-1 || place_is_root(peer->server, &peer->who)) {
		return true;
	}
	share = share_find(peer->server, peer->who.uid);
	return share == NULL || share->bytes + bytes <= RPC_HELD_USER;
}

bool
held_room(struct rpc_peer *peer, size_t bytes)
{
	struct rpc_server *server = peer->server;
	size_t own = peer->n_held + bytes;

	if (own <= RPC_HELD_FAIR) {
		return true;
	}
	if ((peer->n_held == 0 || own <= RPC_HELD_PEER) && user_has_room(peer, bytes) &&
		server->n_held + bytes <= RPC_HELD_MAX) {
		return true;
	}
	server->n_starved += !peer->starved;
	peer->starved = true;
	return false;
}

struct rpc_held *
held_new(struct rpc_peer *peer, size_t bytes)
{
	struct rpc_held *held = must_calloc(1, sizeof(*held));

	held->server = peer->server;
	held->peer = peer;
	held->bytes = bytes;
	held->refs = 1;
	peer->n_held += bytes;
	peer->server->n_held += bytes;
	LIST_INSERT_HEAD(&peer->server->held, held, link);
	share_add(held, peer->who.uid);
	return held;
}

/* Those that wait for room try again. */
static void
wake(struct rpc_server *server) ON_MAIN
{
	struct rpc_peer *peer;

	if (server->n_starved == 0) {
		return;
	}
	server->n_starved = 0;
	TAILQ_FOREACH (peer, &server->peers, link) {
		if (peer->starved) {
			peer->starved = false;
			peer_resume(peer);
		}
	}
}

void
held_put(struct rpc_held *held)
{
	struct rpc_server *server = held->server;

	if (--held->refs > 0) {
		return;
	}
	if (held->peer != NULL) {
		held->peer->n_held -= held->bytes;
	}
	if (server != NULL) {
		leave(held);
		wake(server);
	}
	free(held);
}

void
held_peer_gone(struct rpc_peer *peer)
{
	struct rpc_held *held;

	LIST_FOREACH (held, &peer->server->held, link) {
		if (held->peer == peer) {
			held->peer = NULL;
		}
	}
	peer->server->n_starved -= peer->starved;
	peer->starved = false;
}

void
held_server_gone(struct rpc_server *server)
{
	struct rpc_held *held;

	while ((held = LIST_FIRST(&server->held)) != NULL) {
		leave(held);
	}
}
