/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection of a tls_listen: its handshake, and then bytes carried between TLS and a UNIX
 * socket whose other end the RPC server has. Private to tls_listen.c and tls_peer.c.
 *
 * What waits in either direction is bounded by TLS_WAITING_HIGH: a side that does not read stops
 * the other from being read. Each side may end its sending first, and what was sent before still
 * arrives; whatever happens, a connection that is closing is gone after TLS_LINGER_S.
 *
 * A peer that ends tells its listener (tls_listen_gone) and frees itself, as the last act of a
 * callback.
 *
 * Main only.
 */
#ifndef VSW_CTL_TLS_PEER_H
#define VSW_CTL_TLS_PEER_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "base/role.h"
#include "ctl/rpc_who.h"
#include "ctl/tls_listen.h"

#define TLS_WAITING_HIGH (256U << 10) /* bytes that wait for a reader before we stop reading */
#define TLS_WAITING_LOW (64U << 10) /* and go on below this */
#define TLS_LINGER_S 5 /* for the last bytes of a connection */
#define TLS_ALERT_S 1 /* for whoever is refused, to hear why */

struct bufferevent;
struct event;

struct tls_peer {
	TAILQ_ENTRY(tls_peer) link; /* in the listener's list */
	struct tls_listen *listener;
	struct sockaddr_in6 address; /* IPv4 as ::ffff:a.b.c.d */
	struct bufferevent *tls; /* NULL: refused, see drain */
	struct bufferevent *rpc; /* NULL: the handshake is not done */
	struct event *drain; /* of one that was refused, and has not hung up; owns its descriptor */
	struct event *timer; /* end of the handshake, of the certificate, of lingering */
	time_t not_after; /* of its certificate; 0: it does not say */
	struct rpc_who who; /* `from` is filled from the start */
	bool adopted; /* by the RPC server: in the list of open ones */
	bool turned_away; /* by it: the client is told why */
	bool tls_ended; /* the client sends nothing more */
	bool rpc_deaf; /* the server reads nothing more */
	bool rpc_ended; /* and sends nothing more: closing */
	bool said_goodbye; /* all is sent: waiting for the client to hang up */
};

/* Takes `fd`, also when it fails; NULL: out of memory. */
struct tls_peer *tls_peer_create(struct tls_listen *listener, int fd, SSL_CTX *context,
	const struct sockaddr_in6 *address) ON_MAIN;

/* Close at once. The caller has taken it out of its list. */
void tls_peer_free(struct tls_peer *peer) ON_MAIN;

SSL *tls_peer_ssl(const struct tls_peer *peer) ON_MAIN;

/* Same host, or the same /64. */
bool tls_peer_is_near(const struct tls_peer *peer, const struct sockaddr_in6 *address);

/* --- what tls_listen.c does for its peers ------------------------------------------------------
 */

struct event_base *tls_listen_base(const struct tls_listen *listener);

/* The handshake is done and `peer->who` known: hand `fd` over, as tls_listen_options.adopt. */
int tls_listen_adopt(
	struct tls_listen *listener, struct tls_peer *peer, int fd, struct err *err) ON_MAIN;

/* One is refused: count it, and say why. */
void tls_listen_refused(struct tls_listen *listener, const char *from, const char *why) ON_MAIN;

/* The peer ends: refused with this reason, or (NULL) as connections do. The peer is freed. */
void tls_listen_gone(struct tls_listen *listener, struct tls_peer *peer, const char *why) ON_MAIN;

#endif
