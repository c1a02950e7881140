/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/tls_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/rpc_server.h"
#include "ctl/tls_context.h"
#include "ctl/tls_error.h"
#include "ctl/tls_name.h"

#define TIMER_MAX_S (24 * 3600) /* a longer time is waited for in pieces */

/* Callbacks come from the loop, never from within our calls: a peer frees itself in them. */
#define BUFFER_OPTIONS (BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)

static void tls_readable(struct bufferevent *tls, void *arg);
static void tls_drained(struct bufferevent *tls, void *arg);
static void tls_happened(struct bufferevent *tls, short what, void *arg);
static void rpc_readable(struct bufferevent *rpc, void *arg);
static void rpc_drained(struct bufferevent *rpc, void *arg);
static void rpc_happened(struct bufferevent *rpc, short what, void *arg);
static void timer_expired(evutil_socket_t fd, short what, void *arg);

static void
timer_arm(struct tls_peer *peer, time_t seconds)
{
	const struct timeval tv = {.tv_sec = seconds < TIMER_MAX_S ? seconds : TIMER_MAX_S};

	(void)event_add(peer->timer, &tv);
}

/* "192.0.2.1:50000", "[2001:db8::1]:50000" */
static void
name_address(struct tls_peer *peer)
{
	const struct in6_addr *ip = &peer->address.sin6_addr;
	char text[INET6_ADDRSTRLEN] = "?";
	bool v4 = IN6_IS_ADDR_V4MAPPED(ip);

	(void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &ip->s6_addr[12] : &ip->s6_addr[0], text,
		sizeof(text));
	(void)snprintf(peer->who.from, sizeof(peer->who.from), v4 ? "%s:%u" : "[%s]:%u", text,
		ntohs(peer->address.sin6_port));
}

struct tls_peer *
tls_peer_create(
	struct tls_listen *listener, int fd, SSL_CTX *context, const struct sockaddr_in6 *address)
{
	struct event_base *base = tls_listen_base(listener);
	struct tls_peer *peer = calloc(1, sizeof(*peer));
	SSL *ssl = peer == NULL ? NULL : SSL_new(context);

	if (ssl == NULL) {
		ERR_clear_error();
		(void)close(fd);
		free(peer);
		return NULL;
	}
	peer->listener = listener;
	peer->address = *address;
	peer->who.uid = (uid_t)-1;
	peer->who.gid = (gid_t)-1;
	name_address(peer);
	peer->timer = evtimer_new(base, timer_expired, peer);
	/* frees ssl when it fails */
	peer->tls = bufferevent_openssl_socket_new(
		base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BUFFER_OPTIONS);
	if (peer->timer == NULL || peer->tls == NULL) {
		if (peer->tls == NULL) {
			(void)close(fd);
		}
		tls_peer_free(peer);
		return NULL;
	}
	bufferevent_setcb(peer->tls, tls_readable, tls_drained, tls_happened, peer);
	(void)bufferevent_enable(peer->tls, EV_READ | EV_WRITE);
	timer_arm(peer, TLS_HANDSHAKE_S);
	return peer;
}

void
tls_peer_free(struct tls_peer *peer)
{
	if (peer->timer != NULL) {
		event_free(peer->timer);
	}
	if (peer->drain != NULL) {
		int fd = event_get_fd(peer->drain);

		event_free(peer->drain);
		(void)close(fd);
	}
	if (peer->tls != NULL) {
		bufferevent_free(peer->tls);
	}
	if (peer->rpc != NULL) {
		bufferevent_free(peer->rpc);
	}
	ERR_clear_error();
	free(peer);
}

SSL *
tls_peer_ssl(const struct tls_peer *peer)
{
	return bufferevent_openssl_get_ssl(peer->tls);
}

bool
tls_peer_is_near(const struct tls_peer *peer, const struct sockaddr_in6 *address)
{
	const struct in6_addr *ip = &address->sin6_addr;
	size_t len = IN6_IS_ADDR_V4MAPPED(ip) ? sizeof(*ip) : sizeof(*ip) / 2;

	return memcmp(&peer->address.sin6_addr, ip, len) == 0;
}

/* --- the handshake ---------------------------------------------------------------------------- */

static int
rpc_side_create(struct tls_peer *peer, struct err *err) ON_MAIN
{
	int fds[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "out of descriptors");
	}
	peer->rpc = bufferevent_socket_new(tls_listen_base(peer->listener), fds[0], BUFFER_OPTIONS);
	if (peer->rpc == NULL) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = tls_listen_adopt(peer->listener, peer, fds[1], err);
	if (rc != 0) {
		bufferevent_free(peer->rpc);
		peer->rpc = NULL;
		return rc;
	}
	bufferevent_setcb(peer->rpc, rpc_readable, rpc_drained, rpc_happened, peer);
	bufferevent_setwatermark(peer->rpc, EV_WRITE, TLS_WAITING_LOW, 0);
	bufferevent_setwatermark(peer->tls, EV_WRITE, TLS_WAITING_LOW, 0);
	(void)bufferevent_enable(peer->rpc, EV_READ | EV_WRITE);
	return 0;
}

static void turn_away(struct tls_peer *peer, const struct err *err) ON_MAIN;

static void
handshake_done(struct tls_peer *peer) ON_MAIN
{
	const X509 *certificate = SSL_get0_peer_certificate(tls_peer_ssl(peer));
	struct err err = ERR_INIT;

	if (certificate == NULL) {
		tls_listen_gone(peer->listener, peer, "no certificate");
		return;
	}
	peer->not_after = tls_not_after(certificate);
	if (tls_name(certificate, &peer->who, &err) != 0 || rpc_side_create(peer, &err) != 0) {
		turn_away(peer, &err);
		return;
	}
	(void)event_del(peer->timer);
	if (peer->not_after != 0) {
		timer_arm(peer, peer->not_after - time(NULL) + 1);
	}
	/* what the client sent right behind its certificate */
	tls_readable(peer->tls, peer);
}

/*
 * It has shown a good certificate, and yet it is not served: it is told why, as the server would.
 * Until it has hung up it is one of those without a place.
 */
static void
turn_away(struct tls_peer *peer, const struct err *err)
{
	char *text = rpc_error_text(err);
	struct evbuffer *out = bufferevent_get_output(peer->tls);

	tls_listen_refused(peer->listener, peer->who.from, err->text);
	(void)evbuffer_add(out, text, strlen(text));
	(void)evbuffer_add(out, "\n", 1);
	free(text);
	peer->turned_away = true;
	peer->rpc_ended = true;
	timer_arm(peer, TLS_LINGER_S);
}

/* Read what it still sends, until it hangs up. */
static void
drain_readable(evutil_socket_t fd, short what, void *arg)
{
	struct tls_peer *peer = arg;
	char rest[4096];
	ssize_t n = recv(fd, rest, sizeof(rest), MSG_DONTWAIT);

	(void)what;
	role_assert(&role_main);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		tls_listen_gone(peer->listener, peer, NULL);
	}
}

/*
 * Refuse it. OpenSSL has sent an alert that says why; closing over bytes that the client has sent
 * since, such as its first request, would reset the connection and the alert with it.
 */
static void
refuse(struct tls_peer *peer, const char *why) ON_MAIN
{
	int fd = dup(bufferevent_getfd(peer->tls));

	bufferevent_free(peer->tls);
	peer->tls = NULL;
	if (fd >= 0) {
		(void)shutdown(fd, SHUT_WR);
		peer->drain = event_new(tls_listen_base(peer->listener), fd, EV_READ | EV_PERSIST,
			drain_readable, peer);
	}
	if (peer->drain == NULL) {
		if (fd >= 0) {
			(void)close(fd);
		}
		tls_listen_gone(peer->listener, peer, why);
		return;
	}
	tls_listen_refused(peer->listener, peer->who.from, why);
	(void)event_add(peer->drain, NULL);
	timer_arm(peer, TLS_ALERT_S);
}

/* Of a handshake that failed. */
static void
handshake_failed(struct tls_peer *peer) ON_MAIN
{
	unsigned long code = bufferevent_get_openssl_error(peer->tls);
	long verify = SSL_get_verify_result(tls_peer_ssl(peer));
	char reason[TLS_ERROR_SIZE];

	if (verify != X509_V_OK) {
		refuse(peer, tls_verify_text(verify));
	} else if (code == 0) {
		refuse(peer, "it hung up during the handshake");
	} else {
		refuse(peer, tls_error_text(code, reason, sizeof(reason)));
	}
}

static void
timer_expired(evutil_socket_t fd, short what, void *arg)
{
	struct tls_peer *peer = arg;
	time_t left = peer->not_after - time(NULL);

	(void)fd;
	(void)what;
	role_assert(&role_main);
	if (peer->turned_away) {
		tls_listen_gone(peer->listener, peer, NULL);
	} else if (peer->rpc == NULL) {
		tls_listen_gone(
			peer->listener, peer, peer->drain == NULL ? "no handshake in time" : NULL);
	} else if (!peer->rpc_ended && left >= 0) {
		timer_arm(peer, left + 1);
	} else {
		tls_listen_gone(peer->listener, peer, NULL);
	}
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Move what came on one side to the other; stop reading it while too much waits there. */
static void
carry(struct bufferevent *from, struct bufferevent *to)
{
	struct evbuffer *out = bufferevent_get_output(to);

	(void)bufferevent_read_buffer(from, out);
	if (evbuffer_get_length(out) > TLS_WAITING_HIGH) {
		(void)bufferevent_disable(from, EV_READ);
	}
}

/* All that was for the server is with it, and no more will come. */
static void
pass_end(const struct tls_peer *peer)
{
	if (peer->tls_ended && !peer->rpc_ended &&
		evbuffer_get_length(bufferevent_get_output(peer->rpc)) == 0) {
		(void)shutdown(bufferevent_getfd(peer->rpc), SHUT_WR);
	}
}

/*
 * The same towards the client, to whom nothing more will come. What it still sends is read and
 * thrown away until it hangs up: closing over unread bytes would reset the connection, and our last
 * words with it.
 */
static void
close_if_sent(struct tls_peer *peer) ON_MAIN
{
	if (!peer->rpc_ended || peer->said_goodbye ||
		evbuffer_get_length(bufferevent_get_output(peer->tls)) > 0) {
		return;
	}
	peer->said_goodbye = true;
	(void)SSL_shutdown(tls_peer_ssl(peer));
	ERR_clear_error();
	if (peer->tls_ended) {
		tls_listen_gone(peer->listener, peer, NULL);
		return;
	}
	(void)shutdown(bufferevent_getfd(peer->tls), SHUT_WR);
	(void)bufferevent_enable(peer->tls, EV_READ);
}

static void
tls_readable(struct bufferevent *tls, void *arg)
{
	struct tls_peer *peer = arg;

	role_assert(&role_main);
	if (peer->rpc_ended) {
		struct evbuffer *in = bufferevent_get_input(tls);

		(void)evbuffer_drain(in, evbuffer_get_length(in));
	} else if (peer->rpc != NULL) {
		carry(tls, peer->rpc);
	}
}

static void
rpc_readable(struct bufferevent *rpc, void *arg)
{
	struct tls_peer *peer = arg;

	role_assert(&role_main);
	carry(rpc, peer->tls);
}

/* What waited for the server is nearly all with it. */
static void
rpc_drained(struct bufferevent *rpc, void *arg)
{
	struct tls_peer *peer = arg;

	(void)rpc;
	role_assert(&role_main);
	if (!peer->tls_ended && !peer->rpc_ended && !peer->rpc_deaf) {
		(void)bufferevent_enable(peer->tls, EV_READ);
	}
	pass_end(peer);
}

static void
tls_drained(struct bufferevent *tls, void *arg)
{
	struct tls_peer *peer = arg;

	(void)tls;
	role_assert(&role_main);
	if (peer->rpc_ended) {
		close_if_sent(peer);
	} else if (peer->rpc != NULL) {
		(void)bufferevent_enable(peer->rpc, EV_READ);
	}
}

static void
tls_happened(struct bufferevent *tls, short what, void *arg)
{
	struct tls_peer *peer = arg;

	role_assert(&role_main);
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		handshake_done(peer);
	} else if (peer->rpc == NULL && !peer->turned_away) {
		handshake_failed(peer);
	} else if ((what & BEV_EVENT_EOF) != 0 && !peer->tls_ended && !peer->rpc_ended) {
		/* it said that it is done; it may still wait for answers */
		carry(tls, peer->rpc);
		peer->tls_ended = true;
		(void)bufferevent_disable(tls, EV_READ);
		bufferevent_setwatermark(peer->rpc, EV_WRITE, 0, 0);
		pass_end(peer);
	} else {
		tls_listen_gone(peer->listener, peer, NULL);
	}
}

/* The server has closed: its last words, then the end. */
static void
rpc_happened(struct bufferevent *rpc, short what, void *arg)
{
	struct tls_peer *peer = arg;

	role_assert(&role_main);
	if ((what & BEV_EVENT_WRITING) != 0) {
		/* it takes nothing more; what it said before is still there to be read */
		struct evbuffer *out = bufferevent_get_output(rpc);

		(void)evbuffer_drain(out, evbuffer_get_length(out));
		(void)bufferevent_disable(rpc, EV_WRITE);
		(void)bufferevent_disable(peer->tls, EV_READ);
		(void)bufferevent_enable(rpc, EV_READ);
		peer->rpc_deaf = true;
		return;
	}
	(void)bufferevent_read_buffer(rpc, bufferevent_get_output(peer->tls));
	peer->rpc_ended = true;
	(void)bufferevent_disable(rpc, EV_READ | EV_WRITE);
	(void)bufferevent_disable(peer->tls, EV_READ);
	bufferevent_setwatermark(peer->tls, EV_WRITE, 0, 0);
	timer_arm(peer, TLS_LINGER_S);
	close_if_sent(peer);
}
