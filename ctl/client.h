/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small blocking JSON-RPC client: one connection, one call at a time.
 *
 * The daemon is trusted, but may be old, hung or dying: every wait has a deadline, and an answer's
 * length is bounded. Events that arrive between answers are skipped. A client whose call failed
 * with anything but -EREMOTE is of no further use and should be closed.
 *
 * One thread at a time.
 */
#ifndef VSW_CTL_CLIENT_H
#define VSW_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct client;

#define CLIENT_ANSWER_MAX (256U << 20)

/*
 * Connect to the socket at `path`; each later call may take `timeout_ms` (0: any time).
 * ERR_MISSING: nobody listens there. ERR_DENIED: no right to. The err says what to do.
 */
int client_open(const char *path, unsigned int timeout_ms, struct client **out, struct err *err);

struct client_tls_conf;

/* The same with a daemon elsewhere (client_tls.h), which must answer within `timeout_ms`. */
int client_open_tls(const struct client_tls_conf *conf, unsigned int timeout_ms,
	struct client **out, struct err *err);

void client_close(struct client *client); /* NULL is legal */

/* Each later call may take this long (ms, 0: any time). */
void client_timeout(struct client *client, unsigned int timeout_ms);

/*
 * From now on whoever waits for the daemon also looks at this descriptor (borrowed; -1: at none):
 * when it is readable, the wait ends with -EINTR.
 */
void client_interrupt(struct client *client, int fd);

/*
 * True if the connection is as a new one would be: the daemon has not hung up, and nothing has come
 * that nobody asked for, such as events. Between calls only.
 */
bool client_idle(const struct client *client);

/*
 * Call `method`; takes `params` (NULL: none).
 *	0: *result is a new reference.
 *	-EREMOTE: the daemon refused; *fault is a new reference to its error object.
 *	else: no answer (-ETIMEDOUT, -EPIPE, -EBADMSG, ...), *err says why.
 * `result` and `fault` are set to NULL in the other cases.
 */
int client_call(struct client *client, const char *method, json_t *params, json_t **result,
	json_t **fault, struct err *err);

/*
 * Let the next call take this descriptor along (SCM_RIGHTS); it stays the caller's. False: the
 * connection is no UNIX socket.
 */
bool client_attach(struct client *client, int fd);

/*
 * Wait, for as long as it takes, for the next event (ctl/events.h). 0: *event is a new reference to
 * its params. Else no more will come, and *err says why. After a subscription: those that come
 * during a client_call are lost.
 */
int client_event(struct client *client, json_t **event, struct err *err);

#endif
