/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/tls_listen.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "base/str.h"
#include "ctl/tls_context.h"
#include "ctl/tls_error.h"
#include "ctl/tls_peer.h"

LOG_MODULE("tls");

#define BACKLOG 64
#define ACCEPT_PAUSE_MS 100 /* when there were too many, or no descriptor is left */
#define KEEPALIVE_S 60 /* silence after which we ask whether the other host is there */
#define KEEPALIVE_EACH_S 10
#define KEEPALIVE_TRIES 6
#define UNACKNOWLEDGED_MS 60000 /* bytes that no host acknowledges for so long: it is gone */
#define LOG_BURST 20

TAILQ_HEAD(tls_peer_list, tls_peer);

struct tls_listen {
	struct tls_listen_options options;
	int fd; /* -1: not listening */
	SSL_CTX *context; /* NULL: none yet */
	struct event *acceptable;
	struct event *accept_later; /* timer */
	struct tls_peer_list shaking; /* oldest first */
	struct tls_peer_list open;
	struct tls_stats stats;
	struct log_rate log;
	uint64_t second; /* that n_accepts is of */
	unsigned int n_accepts;
};

static void acceptable(evutil_socket_t fd, short what, void *arg);
static void accept_later(evutil_socket_t fd, short what, void *arg);

int
tls_listen_create(
	const struct tls_listen_options *options, struct tls_listen **out, struct err *err)
{
	struct tls_listen *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	listener->options = *options;
	listener->fd = -1;
	listener->log = (struct log_rate){.burst = LOG_BURST, .each = CLOCK_S};
	TAILQ_INIT(&listener->shaking);
	TAILQ_INIT(&listener->open);
	listener->accept_later = event_new(options->base, -1, 0, accept_later, listener);
	if (listener->accept_later == NULL) {
		free(listener);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	*out = listener;
	return 0;
}

void
tls_listen_destroy(struct tls_listen *listener)
{
	if (listener == NULL) {
		return;
	}
	tls_listen_stop(listener);
	event_free(listener->accept_later);
	free(listener);
}

int
tls_listen_open(const char *address, uint16_t port, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	const int on = 1;
	struct addrinfo *info;
	char service[8];
	int failed;
	int fd;

	(void)snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(address, service, &hints, &info) != 0) {
		return err_set(err, ERR_INVALID, "address",
			"'%s' is no IPv4 or IPv6 address, such as 192.0.2.10 or ::", address);
	}
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* what a connection of an earlier daemon left behind is no reason not to listen */
	failed = fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0;
	freeaddrinfo(info);
	if (failed) {
		int error = errno;

		if (fd >= 0) {
			(void)close(fd);
		}
		return err_set(err, error == EADDRINUSE ? ERR_IN_USE : ERR_FAILED,
			error == EADDRNOTAVAIL ? "address" : "port",
			"cannot listen on %s port %u: %s", address, port, strerror(error));
	}
	return fd;
}

/* Connections that the new certificates would not accept are over. */
static void
check_open(struct tls_listen *listener) ON_MAIN
{
	struct tls_peer *peer;
	struct tls_peer *next;
	char name[RPC_NAME_SIZE];

	for (peer = TAILQ_FIRST(&listener->open); peer != NULL; peer = next) {
		SSL *ssl = tls_peer_ssl(peer);
		long result = tls_context_verify(listener->context, SSL_get0_peer_certificate(ssl),
			SSL_get_peer_cert_chain(ssl));

		next = TAILQ_NEXT(peer, link);
		if (result != X509_V_OK) {
			log_notice("%s is closed: %s", rpc_who_text(&peer->who, name),
				tls_verify_text(result));
			tls_listen_gone(listener, peer, NULL);
		}
	}
}

void
tls_listen_use(struct tls_listen *listener, int fd, SSL_CTX *context)
{
	(void)SSL_CTX_up_ref(context);
	SSL_CTX_free(listener->context);
	listener->context = context;
	if (fd != listener->fd) {
		int old = tls_listen_release(listener);

		if (old >= 0) {
			(void)close(old);
		}
		listener->fd = fd;
	}
	if (listener->acceptable == NULL) {
		listener->acceptable = event_new(
			listener->options.base, fd, EV_READ | EV_PERSIST, acceptable, listener);
	}
	if (listener->acceptable != NULL) {
		(void)event_add(listener->acceptable, NULL);
	}
	check_open(listener);
}

int
tls_listen_fd(const struct tls_listen *listener)
{
	return listener->fd;
}

int
tls_listen_release(struct tls_listen *listener)
{
	int fd = listener->fd;

	listener->fd = -1;
	if (listener->acceptable != NULL) {
		event_free(listener->acceptable);
		listener->acceptable = NULL;
	}
	(void)event_del(listener->accept_later);
	return fd;
}

void
tls_listen_stop(struct tls_listen *listener)
{
	int fd = tls_listen_release(listener);
	struct tls_peer *peer;

	if (fd >= 0) {
		(void)close(fd);
	}
	while ((peer = TAILQ_FIRST(&listener->shaking)) != NULL) {
		TAILQ_REMOVE(&listener->shaking, peer, link);
		tls_peer_free(peer);
	}
	while ((peer = TAILQ_FIRST(&listener->open)) != NULL) {
		TAILQ_REMOVE(&listener->open, peer, link);
		tls_peer_free(peer);
	}
	listener->stats.handshakes = 0;
	listener->stats.connections = 0;
	SSL_CTX_free(listener->context);
	listener->context = NULL;
}

void
tls_listen_stats(const struct tls_listen *listener, struct tls_stats *out)
{
	*out = listener->stats;
}

/* --- accepting -------------------------------------------------------------------------------- */

void
tls_listen_refused(struct tls_listen *listener, const char *from, const char *why)
{
	char more[LOG_RATE_TEXT];

	listener->stats.refused++;
	(void)snprintf(listener->stats.last_refusal, sizeof(listener->stats.last_refusal), "%s: %s",
		from, why);
	if (log_rate_may(&listener->log, clock_now(), more)) {
		log_warn("connection from %s refused: %s%s", from, why, more);
	}
}

static size_t
count_near(const struct tls_peer_list *list, const struct sockaddr_in6 *address)
{
	const struct tls_peer *peer;
	size_t n = 0;

	TAILQ_FOREACH (peer, list, link) {
		n += tls_peer_is_near(peer, address);
	}
	return n;
}

/* IPv4 as ::ffff:a.b.c.d, so that there is one kind. */
static void
to_v6(const struct sockaddr_storage *from, struct sockaddr_in6 *to)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

	if (from->ss_family == AF_INET6) {
		memcpy(to, from, sizeof(*to));
		return;
	}
	*to = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = v4->sin_port};
	to->sin6_addr.s6_addr[10] = 0xff;
	to->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&to->sin6_addr.s6_addr[12], &v4->sin_addr, sizeof(v4->sin_addr));
}

static void
set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Find out when the other host has gone without a word. */
static void
tune(int fd)
{
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EACH_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static void
accept_one(struct tls_listen *listener, int fd, const struct sockaddr_in6 *address) ON_MAIN
{
	struct tls_peer *peer;

	tune(fd);
	peer = tls_peer_create(listener, fd, listener->context, address);
	if (peer == NULL) {
		tls_listen_refused(listener, "somebody", "out of memory");
		return;
	}
	if (count_near(&listener->open, address) + count_near(&listener->shaking, address) >=
		TLS_ADDRESS_MAX) {
		tls_listen_refused(
			listener, peer->who.from, "too many connections of this address");
		tls_peer_free(peer);
		return;
	}
	TAILQ_INSERT_TAIL(&listener->shaking, peer, link);
	listener->stats.handshakes++;
	if (listener->stats.handshakes > TLS_HANDSHAKES_MAX) {
		tls_listen_gone(listener, TAILQ_FIRST(&listener->shaking),
			"too many handshakes at once, and this was the oldest");
	}
}

static void
accept_pause(struct tls_listen *listener) ON_MAIN
{
	static const struct timeval pause = {0, ACCEPT_PAUSE_MS * 1000};

	(void)event_del(listener->acceptable);
	(void)event_add(listener->accept_later, &pause);
}

/* One at a time: others have their turn between two handshakes. */
static void
acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct tls_listen *listener = arg;
	uint64_t second = clock_now() / CLOCK_S;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct sockaddr_in6 address;
	int peer_fd;

	(void)what;
	role_assert(&role_main);
	if (second != listener->second) {
		listener->second = second;
		listener->n_accepts = 0;
	}
	if (listener->n_accepts == TLS_ACCEPTS) {
		accept_pause(listener);
		return;
	}
	peer_fd = accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer_fd >= 0) {
		listener->n_accepts++;
		to_v6(&from, &address);
		accept_one(listener, peer_fd, &address);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		accept_pause(listener);
	}
}

static void
accept_later(evutil_socket_t fd, short what, void *arg)
{
	struct tls_listen *listener = arg;

	(void)fd;
	(void)what;
	role_assert(&role_main);
	if (listener->acceptable != NULL) {
		(void)event_add(listener->acceptable, NULL);
	}
}

/* --- for peers -------------------------------------------------------------------------------- */

struct event_base *
tls_listen_base(const struct tls_listen *listener)
{
	return listener->options.base;
}

int
tls_listen_adopt(struct tls_listen *listener, struct tls_peer *peer, int fd, struct err *err)
{
	char name[RPC_NAME_SIZE];
	int rc;

	if (listener->fd < 0) {
		(void)close(fd);
		return err_set(err, ERR_FAILED, NULL, "TLS was turned off meanwhile");
	}
	if (listener->stats.connections == TLS_PEERS_MAX) {
		(void)close(fd);
		return err_set(
			err, ERR_LIMIT, NULL, "too many connections: %d are open", TLS_PEERS_MAX);
	}
	rc = listener->options.adopt(listener->options.ctx, fd, &peer->who, err);
	if (rc != 0) {
		return rc;
	}
	log_info("%s is connected", rpc_who_text(&peer->who, name));
	TAILQ_REMOVE(&listener->shaking, peer, link);
	TAILQ_INSERT_TAIL(&listener->open, peer, link);
	listener->stats.handshakes--;
	listener->stats.connections++;
	listener->stats.accepted++;
	peer->adopted = true;
	return 0;
}

void
tls_listen_gone(struct tls_listen *listener, struct tls_peer *peer, const char *why)
{
	char name[RPC_NAME_SIZE];

	if (peer->adopted) {
		TAILQ_REMOVE(&listener->open, peer, link);
		listener->stats.connections--;
		log_info("%s has gone", rpc_who_text(&peer->who, name));
	} else {
		TAILQ_REMOVE(&listener->shaking, peer, link);
		listener->stats.handshakes--;
		if (why != NULL) {
			tls_listen_refused(listener, peer->who.from, why);
		}
	}
	tls_peer_free(peer);
}
