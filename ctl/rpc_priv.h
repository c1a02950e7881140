/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rpc_server.c (accepting), rpc_peer.c (lines in, bytes out) and rpc_call.c (calls and
 * batches) share, and nobody else.
 *
 * Who frees what. The server owns its peers, a peer owns its buffers and the line being served; a
 * call belongs to nobody but its completion. A peer that goes cuts its calls and batches loose
 * (peer = NULL in them); completing such a call frees it and says nothing.
 *
 * Why a peer is never freed where it fails. A limit may be found deep inside a method that answers
 * at once, with the peer's own loop below it on the stack. So failing only sets flags and arms the
 * peer's turn timer; the event callbacks in rpc_peer.c free, as their last act.
 *
 * Why a batch is started request by request. A thousand requests in one line are a thousand lines'
 * worth of work, and others want their turn in between; and the limit of pending calls can pause a
 * batch in its middle instead of refusing its tail.
 *
 * Main only.
 */
#ifndef VSW_CTL_RPC_PRIV_H
#define VSW_CTL_RPC_PRIV_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "ctl/rpc_listen.h"
#include "ctl/rpc_server.h"

struct rpc_peer;

/* An answer as it goes on the wire, without the newline. */
struct rpc_text {
	char *bytes; /* owned, malloc */
	size_t len;
};

/* One request on its way. */
struct rpc_call {
	LIST_ENTRY(rpc_call) link; /* in peer->calls, while there is a peer */
	struct rpc_peer *peer; /* NULL: gone */
	struct rpc_batch *batch; /* NULL: a request on its own */
	size_t slot; /* its place in the batch */
	json_t *request; /* owned; keeps id and params alive */
	json_t *id; /* borrowed from request; NULL: a notification */
	struct rpc_who who; /* its role: what it may now */
	/* the server's; it may have gone */
	enum rpc_role (*role)(void *ctx, const struct rpc_who *who);
	void (*ended)(void *ctx, const struct rpc_end *end);
	void *ctx;
	enum rpc_role came_with; /* the role of its peer */
};

/* A batch collects the answers of its calls; freed with the last of them. */
struct rpc_batch {
	LIST_ENTRY(rpc_batch) link; /* in peer->batches, while there is a peer */
	struct rpc_peer *peer; /* NULL: gone */
	size_t n_open; /* calls not completed, plus one until all are started */
	size_t bytes; /* of all answers so far */
	size_t n_slots;
	struct rpc_text answers[]; /* bytes NULL: open, or a notification */
};

LIST_HEAD(rpc_call_list, rpc_call);
LIST_HEAD(rpc_batch_list, rpc_batch);

struct rpc_peer {
	TAILQ_ENTRY(rpc_peer) link;
	struct rpc_server *server;
	int fd;
	struct event *readable;
	struct event *writable;
	struct event *turn; /* timer: more to serve, or time to go */
	struct evbuffer *in;
	struct evbuffer *out;
	struct rpc_who who; /* its role: what it came with */
	int fds[RPC_FDS_MAX]; /* received and not taken, oldest first */
	size_t n_fds;
	uint64_t n_sent; /* bytes */
	size_t scanned; /* bytes of `in` known to hold no newline */

	struct jsonrpc_message message; /* the line being served; root NULL: none */
	size_t next_request; /* of message */
	struct rpc_batch *batch; /* of message; NULL: not a batch */

	size_t n_pending; /* calls started and not completed, while there is a peer */
	struct rpc_call_list calls;
	struct rpc_batch_list batches;

	bool served; /* it had a role when it asked for something */
	bool may_have_line; /* `in` has grown since it was searched */
	bool eof; /* nothing more will come */
	bool deaf; /* nobody reads our answers: they are thrown away */
	bool closing; /* serve and queue nothing more; go when `out` is empty */
	bool lingering; /* closing, and the turn timer now runs to the end of patience */
	bool dead; /* go now */
};

struct rpc_server {
	struct event_base *base;
	const struct rpc_method *methods;
	void *ctx;
	enum rpc_role (*role)(void *ctx, const struct rpc_who *who);
	void (*ended)(void *ctx, const struct rpc_end *end);
	struct rpc_listen listener;
	struct event *acceptable;
	struct event *accept_later; /* timer: descriptors were exhausted */
	bool accept_warned; /* of that, until a connection is accepted again */
	void (*gone)(void *arg, struct rpc_peer *peer); /* NULL: nobody wants to know */
	void *gone_arg;
	TAILQ_HEAD(, rpc_peer) peers;
	size_t n_peers;
	uint64_t n_refused; /* connections beyond RPC_PEERS_MAX */
	size_t n_in; /* bytes in the input buffers of all peers */
};

/* --- rpc_peer.c ------------------------------------------------------------------------------ */

/* Takes the descriptor, also when it fails. */
int peer_create(struct rpc_server *server, int fd, const struct rpc_who *who) ON_MAIN;
void peer_destroy(struct rpc_peer *peer) ON_MAIN;

/* Queue one line; takes the text. The peer may be marked, never freed. */
void peer_send(struct rpc_peer *peer, struct rpc_text text) ON_MAIN;

/* Serve nothing more and close once the answers are out. */
void peer_finish(struct rpc_peer *peer) ON_MAIN;

/* A call of this peer has ended: what waited for that may go on. */
void peer_resume(struct rpc_peer *peer) ON_MAIN;

/* --- rpc_call.c ------------------------------------------------------------------------------ */

/* Parse one line into peer->message, or answer why not. */
void call_line(struct rpc_peer *peer, const char *line, size_t len) ON_MAIN;

/* Start the next request of peer->message, which has one. */
void call_next(struct rpc_peer *peer) ON_MAIN;

/* Forget the rest of peer->message and cut all calls and batches loose. */
void call_orphan_all(struct rpc_peer *peer) ON_MAIN;

/* Takes the reference. An answer over RPC_ANSWER_MAX is replaced by an error with its id. */
struct rpc_text call_text(json_t *answer) ON_MAIN;

#endif
