/* SPDX-License-Identifier: BSD-3-Clause */
/* Room for lines whose calls have not ended: each keeps the whole line as JSON. */
#include <stdlib.h>

#include "base/memory.h"
#include "ctl/rpc_priv.h"

bool
held_room(struct rpc_peer *peer, size_t bytes)
{
	struct rpc_server *server = peer->server;
	size_t own = peer->n_held + bytes;

	if ((peer->n_held == 0 || own <= RPC_HELD_PEER) &&
		(server->n_held + bytes <= RPC_HELD_MAX || own <= RPC_HELD_FAIR)) {
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
	if (--held->refs > 0) {
		return;
	}
	if (held->peer != NULL) {
		held->peer->n_held -= held->bytes;
	}
	if (held->server != NULL) {
		LIST_REMOVE(held, link);
		held->server->n_held -= held->bytes;
		wake(held->server);
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
		LIST_REMOVE(held, link);
		held->server = NULL;
	}
}
