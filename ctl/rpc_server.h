/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0 server on a UNIX stream socket, one JSON text per line.
 *
 * What it is. rpc_server knows sockets, peers and limits; jsonrpc.h knows the grammar (parse,
 * batches, ids, error objects) and no socket; methods are functions in a table that the owner hands
 * in. A method answers now or later: it gets a struct rpc_call that it completes exactly once, and
 * that stays valid until then even if the peer has gone.
 *
 * Nobody's input is trusted: line length, nesting, number of peers and the bytes waiting for a slow
 * reader are bounded by the constants below and in jsonrpc.h; past them the peer gets an error and
 * is closed, and nobody else notices. Duplicate object keys, NUL in strings and invalid UTF-8 are
 * refused. A peer that has RPC_PENDING_MAX unanswered calls, or more than RPC_OUTPUT_HIGH bytes
 * that it has not read, is simply not read from until that changes; so only answers that come late
 * (batches, edits) can take it past RPC_OUTPUT_MAX. Calls keep the line that they came with until
 * they end: a line for which there is no room (RPC_HELD_PEER, ..) waits for others' end.
 *
 * Who calls. Each peer has a struct rpc_who from its first byte on: of the UNIX socket from the
 * kernel's credentials of whoever connected, of an adopted connection from its owner. A method runs
 * only for whoever has the role that it needs. Who has none is told so and closed at once; who is
 * not known yet is not read from, for RPC_SETTLE_S at most, and has one of RPC_STRANGERS_MAX places
 * of its own, the oldest of whoever has most going for the newest. Of the RPC_PEERS_MAX places some
 * are for admins of the host alone, the last ones for root and our own user, and one user has half
 * of them at most: an operator always gets in.
 *
 * Descriptors. A peer of the UNIX socket may send some with a line (SCM_RIGHTS): they belong to the
 * line in which the message that brought them ends. The method that wants one takes the oldest;
 * what nobody has taken when the line's requests have begun is closed, without waiting
 * (base/foreign_fd.h), and while that takes its time no connection of its user, unless it is root
 * or our own, is read from; whoever has left too many gets no connection more.
 *
 * Order. Requests of one peer start in the order sent; answers come as methods complete. Answers of
 * a batch leave together, in the order of its requests. A line without its newline is not executed,
 * whatever happens to the peer; complete lines are, even if the peer has closed since.
 *
 * Threads: main only. All callbacks come from the libevent loop that was handed in.
 */
#ifndef VSW_CTL_RPC_SERVER_H
#define VSW_CTL_RPC_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/role.h"
#include "ctl/jsonrpc.h"
#include "ctl/rpc_who.h"

struct event_base;
struct rpc_server;
struct rpc_peer;
struct rpc_call;

#define RPC_PEERS_MAX 256 /* connections at once */
#define RPC_PEERS_ROOT 8 /* of those, the last ones: for root and our own user */
#define RPC_PEERS_ADMIN 24 /* and before those: for admins on the UNIX socket */
#define RPC_PEERS_USER 128 /* of one user of the host that is not root or our own */
#define RPC_STRANGERS_MAX 32 /* connections beside them, of whom nobody knows yet what they may */
#define RPC_SETTLE_S 2 /* for that to become known */
/* Memory of lines whose calls have not ended, as JSON, in bytes: */
#define RPC_HELD_MAX (256U << 20) /* of all peers */
#define RPC_HELD_PEER (64U << 20) /* of one, but for a single line */
#define RPC_HELD_USER (128U << 20) /* of one user of the host, likewise, but root and our own */
#define RPC_HELD_FAIR (256U << 10) /* of one, that it may have even when all is taken */
#define RPC_INPUT_MAX (64U << 20) /* bytes of unserved lines of all peers together */
#define RPC_INPUT_FAIR (1U << 20) /* of one peer, that it may have even then */
#define RPC_OUTPUT_MAX (8U << 20) /* bytes queued for a peer before one more answer is added */
#define RPC_OUTPUT_HIGH (1U << 20) /* the same, above which the peer's requests wait */
#define RPC_ANSWER_MAX (32U << 20) /* bytes of one answer; a longer one becomes an error */
#define RPC_PENDING_MAX 1024 /* unanswered calls of one peer */
#define RPC_TURN_LINES 16 /* lines served for one peer before the others' turn */
#define RPC_TURN_BYTES (256U << 10) /* the same in bytes */

#define RPC_FDS_MAX 4 /* descriptors of a peer that no method has taken; more are closed */

struct rpc_method {
	const char *name;
	/* `params` is an object, or NULL if the request had none; borrowed until the call ends. */
	void (*run)(void *ctx, struct rpc_call *call, json_t *params);
	/* What the caller must be, else it is refused; not said (RPC_ROLE_NONE): an admin. */
	enum rpc_role needs;
};

/* How a call ended. All is borrowed. */
struct rpc_end {
	const struct rpc_who *who; /* with the role that it had */
	const json_t *request; /* the whole request */
	const json_t *result; /* NULL: it failed */
	int code; /* of the error; 0: it did not fail */
	const char *text; /* of the error */
};

struct rpc_server_options {
	const char *path; /* socket; at most 107 bytes */
	mode_t mode; /* of the socket file, e.g. 0660 */
	gid_t group; /* of the socket file; (gid_t)-1 leaves it */
	const struct rpc_method *methods; /* ends with a NULL name; must outlive the server */
	void *ctx; /* handed to methods and the functions below */
	/* What the caller may do, asked for each request, so that a change of rules holds for open
	 * connections; who->role is what it came with. NULL: that. */
	enum rpc_role (*role)(void *ctx, const struct rpc_who *who);
	/* Is all known of the caller that can be? Fills in its name, and whether its role is
	 * unsure. Asked again and again until it is. NULL: yes. */
	bool (*settled)(void *ctx, struct rpc_who *who);
	/* Told how each call of a method that there is ended, also when nobody hears its answer;
	 * `ctx` outlives the calls. NULL: nobody wants to know. */
	void (*ended)(void *ctx, const struct rpc_end *end);
};

/*
 * Listen. A stale socket file (one that refuses connections) is replaced; a live one is ERR_IN_USE
 * and names the path; a path that is something else than a socket is refused. The parent folder
 * must exist.
 */
int rpc_server_create(struct event_base *base, const struct rpc_server_options *options,
	struct rpc_server **out, struct err *err) ON_MAIN;

/* Close all peers (calls still running complete into nothing), unlink the socket, free. */
void rpc_server_destroy(struct rpc_server *server) ON_MAIN;

/*
 * Serve one more connection, a stream socket, as if it had been accepted: for whoever terminates
 * another transport (TLS, HTTP). Takes `fd`, also when it fails; `who` is copied. ERR_DENIED for
 * who has no role, ERR_LIMIT when there is no place.
 */
int rpc_server_adopt(
	struct rpc_server *server, int fd, const struct rpc_who *who, struct err *err) ON_MAIN;

/* Rules have changed: close the connections that may do nothing any more, and tell `changed`. */
void rpc_server_recheck(struct rpc_server *server) ON_MAIN;

/* Names of the rules are not known yet: who waits for them is not read from until it is settled. */
void rpc_server_unsettle(struct rpc_server *server) ON_MAIN;

/* Tell `changed`, one for the server, of each peer at rpc_server_recheck, with the role that it has
 * now, so that what it has begun under another one ends. */
void rpc_server_on_recheck(struct rpc_server *server,
	void (*changed)(void *arg, struct rpc_peer *peer, enum rpc_role role), void *arg) ON_MAIN;

/* The line that says an error which is about no request; without its newline, free() it. */
char *rpc_error_text(const struct err *err) ON_MAIN;

/* --- who calls ------------------------------------------------------------------------------- */

/* Never NULL, valid for as long as the call. A peer that has gone is still named. */
const struct rpc_who *rpc_call_who(const struct rpc_call *call) ON_MAIN;

/* For a call that has waited: what the caller may do by the rules as they are now. */
void rpc_call_look_again(struct rpc_call *call) ON_MAIN;

/* Whether the caller may do `what` ("action fdb-flush"), which needs this role; else *err says
 * (ERR_DENIED) who it is, what it may and what it would have to be. */
bool rpc_call_permits(const struct rpc_call *call, enum rpc_role needs, const char *what,
	struct err *err) ON_MAIN;

/* The oldest descriptor of the call's line that nobody took, now the caller's, to be closed with
 * foreign_fd_close; -1: none. Only while the method begins. */
int rpc_call_take_fd(struct rpc_call *call) ON_MAIN;

/* Who answers for descriptors of this peer, for foreign_fd.h: its user, since one can have many
 * connections. */
const void *rpc_fds_owner(const struct rpc_who *who);

/* --- peers that want to hear more than answers ----------------------------------------------- */

/* Tell `gone`, one for the server, of each peer that goes, when nothing can be sent to it any more
 * and before its memory is freed. Also from rpc_server_destroy. */
void rpc_server_on_gone(struct rpc_server *server, void (*gone)(void *arg, struct rpc_peer *peer),
	void *arg) ON_MAIN;

/* Who called; NULL: it has gone. Valid until `gone` is told. */
struct rpc_peer *rpc_call_peer(const struct rpc_call *call) ON_MAIN;

/* Bytes that wait for the peer to read. What is sent to a peer above RPC_OUTPUT_MAX closes it, so
 * whoever notifies looks here first. */
size_t rpc_peer_waiting(const struct rpc_peer *peer) ON_MAIN;

/* Bytes sent so far: while some wait, it grows only if the peer reads. */
uint64_t rpc_peer_sent(const struct rpc_peer *peer) ON_MAIN;

/* Send one line of JSON, `len` bytes without its newline; copied. Nothing of the peer's is freed
 * before the loop runs. */
void rpc_peer_notify(struct rpc_peer *peer, const char *text, size_t len) ON_MAIN;

/* Send what the kernel takes now, instead of from the loop. */
void rpc_peer_flush(struct rpc_peer *peer) ON_MAIN;

/* Who it is; valid as long as the peer. */
const struct rpc_who *rpc_peer_who(const struct rpc_peer *peer) ON_MAIN;

/* Send an error with this sentence as the last line, and close when it is out or nobody reads. The
 * peer goes later, from the loop. */
void rpc_peer_end(struct rpc_peer *peer, const char *why) ON_MAIN;

/* Connections for which there was no place, since the start. */
uint64_t rpc_server_refused(const struct rpc_server *server) ON_MAIN;

/* --- completing a call: exactly one of these, once ----------------------------------------- */

/* Takes the reference to `result`. */
void rpc_call_reply(struct rpc_call *call, json_t *result) ON_MAIN;

/* Maps err->kind to a code and fills the RFC 8040 triple. */
void rpc_call_refuse(struct rpc_call *call, const struct err *err) ON_MAIN;

/* A code of one's own; `text` may be NULL for the code's standard message. */
void rpc_call_fail(struct rpc_call *call, int code, const char *text) ON_MAIN;

#endif
