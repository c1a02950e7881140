/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/client_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/tls_error.h"

struct client_tls {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	short blocked_send; /* what the last attempt waits for; 0: nothing */
	short blocked_recv;
	char reason[TLS_ERROR_SIZE];
};

/* --- the socket ------------------------------------------------------------------------------- */

/* Wait for `events` of the socket until the deadline. */
static int
wait_until(int fd, short events, uint64_t deadline)
{
	struct pollfd state = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = clock_now();
		uint64_t ms = deadline > now ? (deadline - now) / CLOCK_MS + 1 : 0;
		int n = poll(&state, 1, ms > INT_MAX ? INT_MAX : (int)ms);

		if (n > 0) {
			return 0;
		}
		if (n == 0 && clock_now() >= deadline) {
			return -ETIMEDOUT;
		}
		if (n < 0 && errno != EINTR) {
			return -errno;
		}
	}
}

/* One address: the descriptor, or -errno. */
static int
connect_to(const struct addrinfo *info, uint64_t deadline)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;
	int error = 0;
	socklen_t len = sizeof(error);

	if (fd < 0) {
		return -errno;
	}
	if (connect(fd, info->ai_addr, info->ai_addrlen) != 0) {
		error = errno;
	}
	if (error == EINPROGRESS) {
		error = -wait_until(fd, POLLOUT, deadline);
		if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
			error = errno;
		}
	}
	if (error != 0) {
		(void)close(fd);
		return -error;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* The first address of the host that answers. */
static int
connect_host(const struct client_target *target, uint64_t deadline, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *infos;
	int fd = -EHOSTUNREACH;
	int rc = getaddrinfo(target->host, target->port, &hints, &infos);

	if (rc != 0) {
		return err_set(err, ERR_MISSING, NULL, "host '%s' is not known: %s", target->host,
			gai_strerror(rc));
	}
	for (const struct addrinfo *info = infos; info != NULL && fd < 0; info = info->ai_next) {
		fd = connect_to(info, deadline);
	}
	freeaddrinfo(infos);
	if (fd < 0) {
		return err_set(err, ERR_MISSING, NULL,
			"no daemon at %s port %s: %s (is /system/remote enabled there?)",
			target->host, target->port, strerror(-fd));
	}
	return fd;
}

/* --- the certificates ------------------------------------------------------------------------- */

static int
file_wrong(const char *what, const char *path, struct err *err)
{
	char reason[TLS_ERROR_SIZE];

	return err_set(err, ERR_INVALID, NULL, "%s '%s' cannot be used: %s", what, path,
		tls_error_take(reason, sizeof(reason)));
}

static int
context_fill(SSL_CTX *context, const struct client_tls_conf *conf, struct err *err)
{
	(void)SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_mode(
		context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (SSL_CTX_use_certificate_chain_file(context, conf->certificate) != 1) {
		return file_wrong("certificate", conf->certificate, err);
	}
	if (SSL_CTX_use_PrivateKey_file(context, conf->key, SSL_FILETYPE_PEM) != 1) {
		return file_wrong("key", conf->key, err);
	}
	if (SSL_CTX_load_verify_file(context, conf->ca) != 1) {
		return file_wrong("CA", conf->ca, err);
	}
	return 0;
}

/* The certificate must be for this name or address. */
static bool
name_expect(SSL *ssl, const char *host)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1) {
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	}
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int
handshake_error(const struct client_tls *tls, const struct client_target *target, struct err *err)
{
	long verify = SSL_get_verify_result(tls->ssl);
	char reason[TLS_ERROR_SIZE];

	if (verify != X509_V_OK) {
		ERR_clear_error();
		return err_set(err, ERR_DENIED, NULL, "the daemon at %s port %s is not trusted: %s",
			target->host, target->port, tls_verify_text(verify));
	}
	return err_set(err, ERR_DENIED, NULL, "no TLS with %s port %s: %s", target->host,
		target->port,
		ERR_peek_error() == 0 ? "the other side hung up"
				      : tls_error_take(reason, sizeof(reason)));
}

static int
handshake(struct client_tls *tls, const struct client_target *target, uint64_t deadline,
	struct err *err)
{
	for (;;) {
		int n;
		int rc = 0;

		ERR_clear_error();
		n = SSL_connect(tls->ssl);
		if (n == 1) {
			return 0;
		}
		switch (SSL_get_error(tls->ssl, n)) {
		case SSL_ERROR_WANT_READ:
			rc = wait_until(tls->fd, POLLIN, deadline);
			break;
		case SSL_ERROR_WANT_WRITE:
			rc = wait_until(tls->fd, POLLOUT, deadline);
			break;
		default:
			return handshake_error(tls, target, err);
		}
		if (rc != 0) {
			return err_set(err, ERR_FAILED, NULL,
				"no TLS with %s port %s: no answer in time", target->host,
				target->port);
		}
	}
}

/* --- all together ----------------------------------------------------------------------------- */

int
client_tls_open(const struct client_tls_conf *conf, uint64_t deadline, struct client_tls **out,
	struct err *err)
{
	struct client_tls *tls = calloc(1, sizeof(*tls));
	int rc;

	if (tls == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	tls->fd = -1;
	tls->context = SSL_CTX_new(TLS_client_method());
	rc = tls->context == NULL ? err_set(err, ERR_LIMIT, NULL, "out of memory")
				  : context_fill(tls->context, conf, err);
	if (rc == 0) {
		tls->fd = connect_host(&conf->target, deadline, err);
		rc = tls->fd < 0 ? tls->fd : 0;
	}
	if (rc == 0) {
		/* OpenSSL writes without MSG_NOSIGNAL; a daemon that has gone is an error */
		(void)signal(SIGPIPE, SIG_IGN);
		tls->ssl = SSL_new(tls->context);
		if (tls->ssl == NULL || SSL_set_fd(tls->ssl, tls->fd) != 1 ||
			!name_expect(tls->ssl, conf->target.host)) {
			ERR_clear_error();
			rc = err_set(err, ERR_LIMIT, NULL, "out of memory");
		}
	}
	rc = rc != 0 ? rc : handshake(tls, &conf->target, deadline, err);
	if (rc != 0) {
		client_tls_close(tls);
		return rc;
	}
	*out = tls;
	return 0;
}

void
client_tls_close(struct client_tls *tls)
{
	if (tls == NULL) {
		return;
	}
	if (tls->ssl != NULL && SSL_is_init_finished(tls->ssl) && tls->reason[0] == '\0') {
		(void)SSL_shutdown(tls->ssl);
	}
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	if (tls->fd >= 0) {
		(void)close(tls->fd);
	}
	ERR_clear_error();
	free(tls);
}

int
client_tls_fd(const struct client_tls *tls)
{
	return tls->fd;
}

/* The errno for an attempt that gave n <= 0; 0 is the end of what the daemon sends. */
static int
attempt_error(struct client_tls *tls, int n, short *blocked)
{
	switch (SSL_get_error(tls->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		*blocked = POLLIN;
		return EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*blocked = POLLOUT;
		return EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		if (ERR_peek_error() == 0) {
			(void)str_copy(tls->reason, "the connection broke", sizeof(tls->reason));
		} else {
			(void)tls_error_take(tls->reason, sizeof(tls->reason));
		}
		return EPROTO;
	}
}

ssize_t
client_tls_send(struct client_tls *tls, const char *bytes, size_t len)
{
	int n;

	ERR_clear_error();
	tls->blocked_send = 0;
	n = SSL_write(tls->ssl, bytes, len > INT_MAX ? INT_MAX : (int)len);
	if (n > 0) {
		return n;
	}
	errno = attempt_error(tls, n, &tls->blocked_send);
	if (errno == 0) {
		errno = EPIPE;
	}
	return -1;
}

ssize_t
client_tls_recv(struct client_tls *tls, char *bytes, size_t len)
{
	int n;

	ERR_clear_error();
	tls->blocked_recv = 0;
	n = SSL_read(tls->ssl, bytes, len > INT_MAX ? INT_MAX : (int)len);
	if (n > 0) {
		return n;
	}
	errno = attempt_error(tls, n, &tls->blocked_recv);
	return errno == 0 ? 0 : -1;
}

short
client_tls_events(const struct client_tls *tls, short events)
{
	if (events == POLLOUT) {
		return tls->blocked_send;
	}
	return SSL_pending(tls->ssl) > 0 ? 0 : (short)(POLLIN | tls->blocked_recv);
}

const char *
client_tls_reason(const struct client_tls *tls)
{
	return tls->reason;
}
