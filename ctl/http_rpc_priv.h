/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request's connection to the RPC server, as http_rpc.c and http_events.c have it. Main only.
 */
#ifndef VSW_CTL_HTTP_RPC_PRIV_H
#define VSW_CTL_HTTP_RPC_PRIV_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "ctl/http_rpc.h"
#include "ctl/http_server.h"

struct http_call {
	LIST_ENTRY(http_call) link;
	struct http_rpc *rpc;
	struct http_request *request; /* to answer */
	struct bufferevent *bev; /* to the RPC server */
	struct event *timer; /* of events; else NULL */
	size_t scanned; /* bytes from it known to hold no newline */
	bool streams; /* the stream of events has begun */
	unsigned int quiet; /* turns of the timer without anything sent */
	/* It has sent something, or its end: no more comes. Both may end the call. */
	void (*readable)(struct http_call *call);
	void (*ended)(struct http_call *call);
};

struct http_rpc {
	struct event_base *base;
	struct rpc_server *server;
	enum rpc_role role;
	LIST_HEAD(, http_call) calls;
};

/* Connect; NULL: the request has been answered with why not. */
struct http_call *http_call_open(struct http_rpc *rpc, struct http_request *request) ON_MAIN;

/* Forget the call; its request has been answered. */
void http_call_close(struct http_call *call) ON_MAIN;

/* The next line, contiguous, NULL if there is none yet; then drop it. */
const char *http_call_line(struct http_call *call, size_t *len) ON_MAIN;
void http_call_drop_line(struct http_call *call, size_t len) ON_MAIN;

#endif
