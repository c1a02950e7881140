/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's side of a TLS connection to a daemon: TLS 1.3, both sides with certificates, and the
 * daemon's must be for the host that was named.
 *
 * Non-blocking but for client_tls_open; whoever calls polls client_tls_fd for client_tls_events.
 * One thread at a time.
 */
#ifndef VSW_CTL_CLIENT_TLS_H
#define VSW_CTL_CLIENT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "ctl/client_target.h"

struct client_tls;

struct client_tls_conf {
	struct client_target target;
	const char *certificate; /* PEM files */
	const char *key;
	const char *ca; /* of the daemon's certificate */
};

/*
 * Connect by `deadline` (clock_now; UINT64_MAX: takes any time). ERR_MISSING: nobody listens there.
 * ERR_DENIED: one of both sides does not accept the other's certificate. ERR_INVALID: a file of
 * ours. The daemon may refuse our certificate later, with the first answer (TLS 1.3).
 */
int client_tls_open(const struct client_tls_conf *conf, uint64_t deadline, struct client_tls **out,
	struct err *err);
void client_tls_close(struct client_tls *tls); /* NULL is legal */

int client_tls_fd(const struct client_tls *tls);

/* As send(2) and recv(2) with MSG_DONTWAIT; EPROTO: see client_tls_reason. */
ssize_t client_tls_send(struct client_tls *tls, const char *bytes, size_t len);
ssize_t client_tls_recv(struct client_tls *tls, char *bytes, size_t len);

/* What poll(2) has to wait for, for one who wants `events`; 0: nothing, it can be had now. */
short client_tls_events(const struct client_tls *tls, short events);

/* Why sending or receiving failed with EPROTO, a part of a sentence. */
const char *client_tls_reason(const struct client_tls *tls);

#endif
