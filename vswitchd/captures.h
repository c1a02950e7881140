/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The captures that run: frames of a port or bridge, as pcapng, to whoever asked (docs/capture.md).
 *
 *   action capture       {port | bridge, direction?, filter?, snaplen?, count?} -> {id}
 *   action capture-stop  {id} -> {packets, lost}
 *
 * The stream goes to the descriptor that came with the request, else to the peer as events
 * (capture_sink.h). It begins with what was asked for as interface 0; a bridge's ports follow as
 * they have frames. It ends, with the counts of interface 0, when `count` frames are in it, the
 * port or bridge is deleted, capture-stop is called or the connection of the request closes; when
 * nobody reads, it just ends. A reader that is slow is given time: workers count what finds no
 * room.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_CAPTURES_H
#define VSW_VSWITCHD_CAPTURES_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

struct captures;
struct rpc_call;
struct rpc_peer;
struct world;

/* NULL without memory. */
struct captures *captures_create(struct world *world) ON_MAIN;

/* Before the datapath, after the server. NULL is legal. */
void captures_destroy(struct captures *captures) ON_MAIN;

/* Write what workers have captured. Returns the nanoseconds after which it wants to be called
 * again, UINT64_MAX: none runs. */
uint64_t captures_step(struct captures *captures, uint64_t now) ON_MAIN;

/* Ends what the peer has asked for. */
void captures_peer_gone(struct captures *captures, const struct rpc_peer *peer) ON_MAIN;

/* Ends them too, since the peer may capture no more by the rules as they are now, and tells it. */
void captures_not_permitted(struct captures *captures, struct rpc_peer *peer) ON_MAIN;

/* The list `capture` of /system. */
void captures_state(const struct captures *captures, json_t *system) ON_MAIN;

/* Rows of actions.c; ctx is the world. */
void action_capture(void *ctx, json_t *input, struct rpc_call *call);
int action_capture_stop(void *ctx, json_t *input, json_t **output, struct err *err);

#endif
