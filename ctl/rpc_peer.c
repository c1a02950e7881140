/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection: bytes in, lines out of them, answers back.
 *
 * Bytes are sent by sendmsg with MSG_NOSIGNAL instead of libevent's evbuffer_write: a peer that has
 * gone must not cost a SIGPIPE, and a library of ours does not change signal dispositions.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_passing.h"
#include "base/memory.h"
#include "ctl/rpc_priv.h"

#define READ_SIZE (64 * 1024)
#define SEND_PIECES 16 /* per sendmsg */
#define LOOK_MS 5 /* while it waits for a name, or for descriptors to close */
#define LINGER_S 5 /* for a peer that we close and that does not read our last words */

static void peer_readable(evutil_socket_t fd, short what, void *arg);
static void peer_writable(evutil_socket_t fd, short what, void *arg);
static void peer_turn(evutil_socket_t fd, short what, void *arg);
static void peer_look(evutil_socket_t fd, short what, void *arg);
static ssize_t peer_read(struct rpc_peer *peer) ON_MAIN;
static bool peer_is_paused(struct rpc_peer *peer) ON_MAIN;
static void input_check(struct rpc_peer *peer) ON_MAIN;
static size_t line_take(struct rpc_peer *peer) ON_MAIN;
static void peer_serve(struct rpc_peer *peer) ON_MAIN;

int
peer_create(struct rpc_server *server, int fd, struct rpc_who *who, struct rpc_peer **out)
{
	struct rpc_peer *peer = must_calloc(1, sizeof(*peer));

	peer->server = server;
	peer->fd = fd;
	peer->who = *who;
	peer->place = RPC_PLACE_STRANGER;
	server->n_strangers++;
	LIST_INIT(&peer->calls);
	LIST_INIT(&peer->batches);
	TAILQ_INSERT_TAIL(&server->peers, peer, link);
	peer->in = evbuffer_new();
	peer->out = evbuffer_new();
	peer->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, peer_readable, peer);
	peer->writable = event_new(server->base, fd, EV_WRITE | EV_PERSIST, peer_writable, peer);
	peer->turn = event_new(server->base, -1, 0, peer_turn, peer);
	peer->look = event_new(server->base, -1, 0, peer_look, peer);
	if (peer->in == NULL || peer->out == NULL || peer->readable == NULL ||
		peer->writable == NULL || peer->turn == NULL || peer->look == NULL) {
		peer_destroy(peer);
		return -ENOMEM;
	}
	*out = peer;
	return 0;
}

void
peer_destroy(struct rpc_peer *peer)
{
	struct event *events[] = {peer->readable, peer->writable, peer->turn, peer->look};

	if (peer->server->gone != NULL) {
		peer->server->gone(peer->server->gone_arg, peer);
	}
	call_orphan_all(peer);
	held_peer_gone(peer);
	place_free(peer);
	if (peer->in != NULL) {
		peer->server->n_in -= evbuffer_get_length(peer->in);
	}
	TAILQ_REMOVE(&peer->server->peers, peer, link);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (events[i] != NULL) {
			event_free(events[i]);
		}
	}
	if (peer->in != NULL) {
		evbuffer_free(peer->in);
	}
	if (peer->out != NULL) {
		evbuffer_free(peer->out);
	}
	fds_fini(peer);
	rpc_who_fini(&peer->who);
	free(peer);
}

static void
turn_schedule(struct rpc_peer *peer)
{
	/* a timer, not event_active: the loop polls all descriptors before it runs timers */
	static const struct timeval now = {0, 0};

	if (!peer->lingering) {
		(void)event_add(peer->turn, &now);
	}
}

static void
text_free(const void *data, size_t len, void *text)
{
	free(text);
}

void
peer_send(struct rpc_peer *peer, struct rpc_text text)
{
	if (peer->deaf || peer->dead || peer->closing) {
		free(text.bytes);
		return;
	}
	if (evbuffer_get_length(peer->out) > RPC_OUTPUT_MAX) {
		static const char last_words[] =
			"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,"
			"\"message\":\"answers are not read; the connection is closed\"}}\n";

		free(text.bytes);
		(void)evbuffer_add(peer->out, last_words, sizeof(last_words) - 1);
		peer_finish(peer);
		return;
	}
	if (evbuffer_add_reference(peer->out, text.bytes, text.len, text_free, text.bytes) != 0 ||
		evbuffer_add(peer->out, "\n", 1) != 0) {
		peer->dead = true;
	}
	turn_schedule(peer);
}

size_t
rpc_peer_waiting(const struct rpc_peer *peer)
{
	return evbuffer_get_length(peer->out);
}

/* Small lines, many of them: copied behind one another, and sent in few pieces. */
void
rpc_peer_notify(struct rpc_peer *peer, const char *text, size_t len)
{
	if (peer->deaf || peer->dead || peer->closing) {
		return;
	}
	if (evbuffer_get_length(peer->out) > RPC_OUTPUT_MAX) {
		peer_send(peer, (struct rpc_text){.bytes = NULL, .len = 0}); /* which ends it */
		return;
	}
	if (evbuffer_add(peer->out, text, len) != 0 || evbuffer_add(peer->out, "\n", 1) != 0) {
		peer->dead = true;
	}
	turn_schedule(peer);
}

uint64_t
rpc_peer_sent(const struct rpc_peer *peer)
{
	return peer->n_sent;
}

const struct rpc_who *
rpc_peer_who(const struct rpc_peer *peer)
{
	return &peer->who;
}

void
rpc_peer_end(struct rpc_peer *peer, const char *why)
{
	peer_send(peer, call_text(jsonrpc_error_new(NULL, RPC_LIMIT, why, NULL)));
	peer_finish(peer);
}

void
peer_finish(struct rpc_peer *peer)
{
	peer->closing = true;
	turn_schedule(peer);
}

void
peer_resume(struct rpc_peer *peer)
{
	turn_schedule(peer);
}

/* As recv(2); libevent's own evbuffer_read takes 4 KiB at a time. */
static ssize_t
peer_read(struct rpc_peer *peer)
{
	/* of all that can come: what finds no room here the kernel would close, on main */
	_Alignas(struct cmsghdr) char control[FD_PASSING_ROOM(FD_PASSING_MAX)];
	struct evbuffer_iovec space;
	struct msghdr message = {.msg_iov = &space, /* libevent's name for struct iovec */
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n;

	if (evbuffer_reserve_space(peer->in, READ_SIZE, &space, 1) != 1) {
		errno = ENOMEM;
		return -1;
	}
	space.iov_len = READ_SIZE;
	n = recvmsg(peer->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n > 0) {
		peer->n_received += (size_t)n;
		fds_take(peer, &message, peer->n_received - 1);
		space.iov_len = (size_t)n;
		(void)evbuffer_commit_space(peer->in, &space, 1);
		peer->server->n_in += (size_t)n;
	}
	return n;
}

/* One read per event, so that a peer that sends without pause gets no more turns than others. */
static void
peer_readable(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_peer *peer = arg;
	struct pollfd state = {.fd = fd};
	ssize_t n;

	role_assert(&role_main);
	if (fds_pending(peer)) {
		peer_settle(peer); /* by another connection of its user, since it was watched */
		return;
	}
	n = peer_read(peer);
	if (n > 0) {
		peer->may_have_line = true;
	} else if (n == 0) {
		/* half closed (it waits for answers) or gone? only the latter hangs up */
		peer->eof = true;
		peer->deaf = poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0;
	} else if (errno != EAGAIN && errno != EINTR) {
		peer->eof = true;
		peer->deaf = true;
	}
	peer_serve(peer);
	peer_settle(peer);
}

static void
peer_turn(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_peer *peer = arg;

	role_assert(&role_main);
	if (peer->lingering) {
		peer->dead = true;
	}
	peer_serve(peer);
	peer_settle(peer);
}

/* Has what it waited for come about? */
static void
peer_look(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_peer *peer = arg;

	role_assert(&role_main);
	if (place_waits(peer)) {
		place_look(peer);
	}
	peer_serve(peer);
	peer_settle(peer);
}

/* Send what the kernel takes. */
static void
peer_flush(struct rpc_peer *peer)
{
	struct evbuffer_iovec pieces[SEND_PIECES];
	struct msghdr message = {.msg_iov = pieces}; /* libevent's name for struct iovec */
	int n_pieces;
	ssize_t n;

	n_pieces = evbuffer_peek(peer->out, -1, NULL, pieces, SEND_PIECES);
	if (n_pieces <= 0) {
		return;
	}
	message.msg_iovlen = n_pieces < SEND_PIECES ? (size_t)n_pieces : SEND_PIECES;
	n = sendmsg(peer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		peer->n_sent += (size_t)n;
		(void)evbuffer_drain(peer->out, (size_t)n);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
		peer->deaf = true;
	}
}

void
rpc_peer_flush(struct rpc_peer *peer)
{
	/* As much as the loop would in as many turns: pieces are small. */
	while (!peer->deaf && evbuffer_get_length(peer->out) > 0) {
		uint64_t before = peer->n_sent;

		peer_flush(peer);
		if (peer->n_sent == before) {
			return;
		}
	}
}

static void
peer_writable(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_peer *peer = arg;

	role_assert(&role_main);
	peer_flush(peer);
	peer_serve(peer);
	peer_settle(peer);
}

/* The next complete line, contiguous, *len without its newline; NULL if there is none. */
static const char *
line_find(struct rpc_peer *peer, size_t *len)
{
	struct evbuffer_ptr from;
	struct evbuffer_ptr found;
	size_t have = evbuffer_get_length(peer->in);
	const char *line;

	if (!peer->may_have_line ||
		evbuffer_ptr_set(peer->in, &from, peer->scanned, EVBUFFER_PTR_SET) != 0) {
		return NULL;
	}
	found = evbuffer_search(peer->in, "\n", 1, &from);
	if (found.pos < 0) {
		peer->scanned = have;
		peer->may_have_line = false;
		return NULL;
	}
	line = (const char *)evbuffer_pullup(peer->in, found.pos + 1);
	if (line == NULL) {
		peer->dead = true; /* no memory to lay the line out */
	}
	*len = (size_t)found.pos;
	return line;
}

static bool
line_is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
			return false;
		}
	}
	return true;
}

/* There is no newline yet: may we go on waiting for one? */
static void
input_check(struct rpc_peer *peer)
{
	size_t have = evbuffer_get_length(peer->in);

	if (have > RPC_LINE_MAX) {
		/* answered as the parser would, had it got the line */
		call_line(peer, "", (size_t)RPC_LINE_MAX + 1);
	} else if (peer->server->n_in > RPC_INPUT_MAX && have > RPC_INPUT_FAIR) {
		peer_send(peer,
			call_text(jsonrpc_error_new(NULL, RPC_LIMIT,
				"too many long lines of all connections wait for their end",
				NULL)));
		peer_finish(peer);
	}
}

/* Take one line into peer->message. Returns its size in bytes, 0 if there was none. */
static size_t
line_take(struct rpc_peer *peer)
{
	size_t len = 0;
	const char *line = line_find(peer, &len);

	if (line == NULL) {
		input_check(peer);
		return 0;
	}
	if (peer->weight == 0) { /* it may wait for room, and is not looked at again then */
		peer->weight = jsonrpc_weight(line, len);
	}
	if (!held_room(peer, peer->weight)) {
		return 0;
	}
	peer->weight = 0;
	fds_begin_line(peer, peer->n_received - evbuffer_get_length(peer->in) + len);
	/* blank lines are no requests: people type into socat */
	if (!line_is_blank(line, len)) {
		call_line(peer, line, len);
	}
	if (peer->message.root == NULL) {
		fds_end_line(peer);
	}
	(void)evbuffer_drain(peer->in, len + 1);
	peer->server->n_in -= len + 1;
	peer->scanned = 0;
	return len + 1;
}

static bool
peer_is_paused(struct rpc_peer *peer)
{
	return peer->closing || peer->dead || peer->place != RPC_PLACE_PEER || place_waits(peer) ||
		peer->starved || fds_pending(peer) || peer->n_pending >= RPC_PENDING_MAX ||
		evbuffer_get_length(peer->out) > RPC_OUTPUT_HIGH;
}

/* Serve what is there, but not more than a turn's worth. */
static void
peer_serve(struct rpc_peer *peer)
{
	size_t n_requests = 0;
	size_t n_bytes = 0;

	while (!peer_is_paused(peer)) {
		size_t n;

		if (n_requests == RPC_TURN_LINES || n_bytes > RPC_TURN_BYTES) {
			turn_schedule(peer);
			return;
		}
		if (peer->message.root != NULL) {
			call_next(peer);
			n_requests++;
			continue;
		}
		n = line_take(peer);
		if (n == 0) {
			return;
		}
		n_bytes += n;
	}
}

static bool
peer_is_done(const struct rpc_peer *peer)
{
	bool all_sent = peer->deaf || evbuffer_get_length(peer->out) == 0;

	if (peer->dead) {
		return true;
	}
	if (peer->closing) {
		return all_sent;
	}
	/* after EOF: first what was sent completely, then its answers if anybody reads them */
	return peer->eof && peer->message.root == NULL && !peer->may_have_line && all_sent &&
		(peer->deaf || peer->n_pending == 0);
}

/* Last act of every callback: send, then watch what still matters, or free. */
void
peer_settle(struct rpc_peer *peer)
{
	static const struct timeval linger = {LINGER_S, 0};
	static const struct timeval soon = {0, LOOK_MS * 1000};
	bool want_read;

	if (!peer->deaf && !event_pending(peer->writable, EV_WRITE, NULL)) {
		peer_flush(peer);
	}
	if (peer->deaf) {
		(void)evbuffer_drain(peer->out, evbuffer_get_length(peer->out));
	}
	if (peer_is_done(peer)) {
		peer_destroy(peer);
		return;
	}
	want_read = !peer->eof && !peer->may_have_line && peer->message.root == NULL &&
		!peer_is_paused(peer);
	if (want_read != (event_pending(peer->readable, EV_READ, NULL) != 0)) {
		(void)(want_read ? event_add(peer->readable, NULL) : event_del(peer->readable));
	}
	if (place_waits(peer) || peer->fds.closing) {
		(void)event_add(peer->look, &soon);
	}
	if (evbuffer_get_length(peer->out) > 0) {
		(void)event_add(peer->writable, NULL);
		if (peer->closing && !peer->lingering) {
			peer->lingering = true;
			(void)event_add(peer->turn, &linger);
		}
	} else {
		(void)event_del(peer->writable);
	}
}
