/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket's JSON-RPC by HTTP.
 *
 *   POST /rpc    a request or a batch as on the socket, as application/json; the answer, or 204 if
 *                there is none
 *   GET /events  ?topic=NAME&topic=NAME&bridge=NAME: the events that `subscribe` with these would
 *                send, as server-sent events (HTML Living Standard, section 9.2); each one's data
 *                is the event as JSON
 *
 * Each request gets a connection to the RPC server of its own, one end of a socketpair: parsing,
 * limits, roles and methods are those of the socket. A client of /events that does not read is
 * treated as any slow subscriber there: it loses events and is told how many.
 *
 * Main only.
 */
#ifndef VSW_CTL_HTTP_RPC_H
#define VSW_CTL_HTTP_RPC_H

#include "base/role.h"
#include "ctl/rpc_server.h"

struct event_base;
struct http_request;
struct http_rpc;

#define HTTP_RPC_AT_ONCE 8 /* for the routes' limits */
#define HTTP_EVENTS_AT_ONCE 16
#define HTTP_EVENTS_ALIVE_S 15 /* between signs of life */

/* NULL without memory. */
struct http_rpc *http_rpc_create(struct event_base *base, struct rpc_server *server) ON_MAIN;

/* Ends what runs. Before the RPC server goes; NULL is legal. */
void http_rpc_destroy(struct http_rpc *rpc) ON_MAIN;

/* What whoever comes by HTTP may do from now on; RPC_ROLE_READ at first. */
void http_rpc_set_role(struct http_rpc *rpc, enum rpc_role role) ON_MAIN;

/* Answer the request, later. */
void http_rpc_run(struct http_rpc *rpc, struct http_request *request) ON_MAIN;
void http_rpc_events(struct http_rpc *rpc, struct http_request *request) ON_MAIN;

#endif
