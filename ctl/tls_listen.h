/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control protocol over TCP: mutual TLS 1.3 in front of the RPC server.
 *
 * Here TLS ends. Each connection that has shown a good certificate gets a pair of UNIX sockets, one
 * end of which the RPC server adopts; bytes are carried between that and TLS (tls_peer.h). So the
 * framing, the limits and the methods are those of the control socket, and nothing of them is
 * here.
 *
 * Anybody may connect before showing a certificate, so what strangers can take is bounded: at most
 * TLS_HANDSHAKES_MAX of them at once (the oldest goes for the newest), for TLS_HANDSHAKE_S each,
 * TLS_ACCEPTS a second, since each costs a signature on the main thread. TLS_PEERS_MAX is far below
 * RPC_PEERS_MAX, so that the control socket always has room.
 *
 * A connection ends with its certificate: at its not-after, or when new files no longer accept it.
 *
 * The process must ignore SIGPIPE. Main only.
 */
#ifndef VSW_CTL_TLS_LISTEN_H
#define VSW_CTL_TLS_LISTEN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "ctl/rpc_who.h"

struct event_base;
struct tls_listen;

#define TLS_PEERS_MAX 64 /* connections with a certificate at once */
#define TLS_ADDRESS_MAX 16 /* connections of one address; of IPv6, of one /64 */
#define TLS_HANDSHAKES_MAX 32 /* connections without one yet */
#define TLS_HANDSHAKE_S 10 /* that they may take for it */
#define TLS_ACCEPTS 50 /* connections accepted a second; the others wait in the backlog */

#define TLS_REASON_SIZE 256

struct tls_listen_options {
	struct event_base *base;
	/* Serve a connection that has shown its certificate: takes `fd`, also when it fails. */
	int (*adopt)(void *ctx, int fd, const struct rpc_who *who, struct err *err);
	void *ctx;
};

struct tls_stats {
	size_t connections; /* open now, with a certificate */
	size_t handshakes; /* open now, without */
	uint64_t accepted; /* connections that showed a good certificate */
	uint64_t refused; /* that did not, or came when there were too many */
	char last_refusal[TLS_REASON_SIZE]; /* who and why; "": none */
};

int tls_listen_create(
	const struct tls_listen_options *options, struct tls_listen **out, struct err *err) ON_MAIN;
void tls_listen_destroy(struct tls_listen *listener) ON_MAIN; /* closes all; NULL is legal */

/* A listening socket on this address (a literal) and port; the descriptor, or -errno. ERR_IN_USE:
 * somebody listens there. Main or not. */
int tls_listen_open(const char *address, uint16_t port, struct err *err);

/* Listen on `fd` (taken; the same as before is fine) with these certificates (a reference is
 * taken). Open connections stay, if the new ones would accept them. */
void tls_listen_use(struct tls_listen *listener, int fd, SSL_CTX *context) ON_MAIN;

/* The socket in use; -1: not listening. */
int tls_listen_fd(const struct tls_listen *listener) ON_MAIN;

/* Take the socket out of use without closing it, -1 if there is none. Connections stay. */
int tls_listen_release(struct tls_listen *listener) ON_MAIN;

/* Close the socket and all connections. */
void tls_listen_stop(struct tls_listen *listener) ON_MAIN;

void tls_listen_stats(const struct tls_listen *listener, struct tls_stats *out) ON_MAIN;

#endif
