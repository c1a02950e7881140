/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rpc_server.c (accepting), rpc_places.c (who gets a place), rpc_peer.c (lines in, bytes out),
 * rpc_fds.c (descriptors), rpc_held.c (room for lines) and rpc_call.c (calls and batches) share,
 * and nobody else.
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
#include <sys/socket.h>

#include "base/log_rate.h"
#include "ctl/rpc_held.h"
#include "ctl/rpc_listen.h"
#include "ctl/rpc_server.h"

struct rpc_peer;

/* An answer as it goes on the wire, without the newline. */
struct rpc_text {
	char *bytes; /* owned, malloc */
	size_t len;
};

/* Descriptors that came and were not taken, oldest first. */
struct rpc_fds {
	int fds[RPC_FDS_MAX];
	uint64_t at[RPC_FDS_MAX]; /* place in the stream of the last byte that came with it */
	size_t n;
	size_t n_line; /* of the line being served: the first ones */
	bool closing; /* some of its user are, as was last seen */
};

/* One request on its way. */
struct rpc_call {
	LIST_ENTRY(rpc_call) link; /* in peer->calls, while there is a peer */
	struct rpc_peer *peer; /* NULL: gone */
	struct rpc_batch *batch; /* NULL: a request on its own */
	struct rpc_held *held;
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

/* What a connection takes of what there is. */
enum rpc_place {
	RPC_PLACE_NONE, /* it is about to be closed */
	RPC_PLACE_STRANGER,
	RPC_PLACE_PEER,
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
	struct event *look; /* timer: is it settled, are its descriptors closed? */
	struct evbuffer *in;
	struct evbuffer *out;
	struct rpc_who who; /* its role: what it came with */
	struct rpc_fds fds;
	uint64_t n_received; /* bytes */
	uint64_t n_sent; /* bytes */
	size_t scanned; /* bytes of `in` known to hold no newline */
	size_t weight; /* of the next line; 0: not known */

	struct jsonrpc_message message; /* the line being served; root NULL: none */
	size_t next_request; /* of message */
	struct rpc_batch *batch; /* of message; NULL: not a batch */
	struct rpc_held *held; /* of message */

	size_t n_pending; /* calls started and not completed, while there is a peer */
	struct rpc_call_list calls;
	struct rpc_batch_list batches;
	size_t n_held; /* bytes of lines of its calls */

	enum rpc_place place;
	uint64_t
		settle_by; /* clock_now() until which it waits to be settled; 0: it does not wait */
	bool starved; /* its next line waits for room */
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
	bool (*settled)(void *ctx, struct rpc_who *who);
	void (*ended)(void *ctx, const struct rpc_end *end);
	struct rpc_listen listener;
	struct event *acceptable;
	struct event *accept_later; /* timer: descriptors were exhausted */
	bool accept_warned; /* of that, until a connection is accepted again */
	void (*gone)(void *arg, struct rpc_peer *peer); /* NULL: nobody wants to know */
	void *gone_arg;
	void (*changed)(void *arg, struct rpc_peer *peer, enum rpc_role role); /* NULL: likewise */
	void *changed_arg;
	uid_t self; /* our own user */
	TAILQ_HEAD(, rpc_peer) peers; /* oldest first */
	size_t n_peers; /* with a place */
	size_t n_strangers;
	struct log_rate turned_away; /* lines of the log */
	uint64_t n_refused; /* connections for which there was no place */
	size_t n_in; /* bytes in the input buffers of all peers */
	struct rpc_held_list held;
	struct rpc_share_list shares;
	size_t n_held; /* bytes */
	size_t n_starved; /* peers that were, and may still be */
};

/* --- rpc_peer.c ------------------------------------------------------------------------------ */

/* Takes the descriptor, also when it fails, and what is in `who`. A stranger, not read from. */
int
peer_create(struct rpc_server *server, int fd, struct rpc_who *who, struct rpc_peer **out) ON_MAIN;
void peer_destroy(struct rpc_peer *peer) ON_MAIN;

/* Last act of whoever has created it: it may be gone afterwards. */
void peer_settle(struct rpc_peer *peer) ON_MAIN;

/* Queue one line; takes the text. The peer may be marked, never freed. */
void peer_send(struct rpc_peer *peer, struct rpc_text text) ON_MAIN;

/* Serve nothing more and close once the answers are out. */
void peer_finish(struct rpc_peer *peer) ON_MAIN;

/* A call of this peer has ended: what waited for that may go on. */
void peer_resume(struct rpc_peer *peer) ON_MAIN;

/* --- rpc_places.c ---------------------------------------------------------------------------- */

/* Find out who a stranger is, or a peer that waits for it, and give it its place or not. */
void place_look(struct rpc_peer *peer) ON_MAIN;

/* root or our own user, who can do worse. */
bool place_is_root(const struct rpc_server *server, const struct rpc_who *who);

/* Who waits to be settled. */
static inline bool
place_waits(const struct rpc_peer *peer)
{
	return peer->settle_by != 0;
}

/* It has gone, or is about to be closed. */
void place_free(struct rpc_peer *peer) ON_MAIN;

/* 0, or why there is none for it (ERR_LIMIT), or it has no role (ERR_DENIED). */
int
place_check(const struct rpc_server *server, const struct rpc_who *who, struct err *err) ON_MAIN;

/* --- rpc_fds.c ------------------------------------------------------------------------------- */

/* Keep those that came with a message whose last byte is number `at` of the stream. */
void fds_take(struct rpc_peer *peer, struct msghdr *message, uint64_t at) ON_MAIN;

/* The line that ends with byte number `at` is served next: its descriptors are ready for it. */
void fds_begin_line(struct rpc_peer *peer, uint64_t at) ON_MAIN;

/* -1: none. */
int fds_next(struct rpc_peer *peer) ON_MAIN;

/* All its requests have begun: close what nobody took. */
void fds_end_line(struct rpc_peer *peer) ON_MAIN;

void fds_fini(struct rpc_peer *peer) ON_MAIN; /* closes all, and the peer's socket */

/* Are some of its user still being closed? */
bool fds_pending(struct rpc_peer *peer) ON_MAIN;

/* So many that its user gets no connection more? */
bool fds_full(const struct rpc_peer *peer) ON_MAIN;

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
