/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room for lines whose calls have not ended: each keeps the whole line as JSON. Bounded for a peer,
 * a user of the host and the server, see RPC_HELD_MAX. For rpc_priv.h and who includes that. Main
 * only.
 */
#ifndef VSW_CTL_RPC_HELD_H
#define VSW_CTL_RPC_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/role.h"

struct rpc_peer;
struct rpc_server;

/* What the lines of one user take; gone with the last of them. */
struct rpc_share {
	LIST_ENTRY(rpc_share) link; /* in server->shares */
	uid_t uid;
	size_t bytes;
};

/* A line whose calls have not all ended; freed with the last of them. */
struct rpc_held {
	LIST_ENTRY(rpc_held) link; /* in server->held */
	struct rpc_server *server; /* NULL: gone */
	struct rpc_peer *peer; /* NULL: gone */
	struct rpc_share *share; /* while there is a server */
	size_t bytes;
	size_t refs; /* calls, and one until all are started */
};

LIST_HEAD(rpc_held_list, rpc_held);
LIST_HEAD(rpc_share_list, rpc_share);

/* May a line that takes so many bytes of memory be parsed? If not, the peer is told when it may. */
bool held_room(struct rpc_peer *peer, size_t bytes) ON_MAIN;

/* With one reference. */
struct rpc_held *held_new(struct rpc_peer *peer, size_t bytes) ON_MAIN;
void held_put(struct rpc_held *held) ON_MAIN;

/* The peer, or the server, has gone. */
void held_peer_gone(struct rpc_peer *peer) ON_MAIN;
void held_server_gone(struct rpc_server *server) ON_MAIN;

#endif
