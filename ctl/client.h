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

#include "base/err.h"

struct client;

#define CLIENT_ANSWER_MAX (256U << 20)

/*
 * Connect to the socket at `path`; each later call may take `timeout_ms` (0: any time).
 * ERR_MISSING: nobody listens there. ERR_DENIED: no right to. The err says what to do.
 */
int client_open(const char *path, unsigned int timeout_ms, struct client **out, struct err *err);

void client_close(struct client *client); /* NULL is legal */

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
 * Wait, for as long as it takes, for the next event (ctl/events.h). 0: *event is a new reference to
 * its params. Else no more will come, and *err says why. After a subscription: those that come
 * during a client_call are lost.
 */
int client_event(struct client *client, json_t **event, struct err *err);

#endif
