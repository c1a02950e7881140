/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: a server with methods that show how calls go, on a socket in a folder of its own, with
 * the loop stepped by the test; and peers that speak to it in bytes. Test code only.
 */
#ifndef VSW_CTL_RPC_TEST_WORLD_H
#define VSW_CTL_RPC_TEST_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/rpc_server.h"

#define WORLD_CALLS_MAX 4096

struct event_base;

struct world {
	struct event_base *base;
	struct rpc_server *server;
	char folder[64]; /* holds the socket and nothing else */
	char path[108];
	struct rpc_call *calls[WORLD_CALLS_MAX]; /* of method "slow", in the order they came */
	size_t n_calls;
	size_t n_counted; /* runs of method "count" */
	/* options of the server, set before world_init; their context is that of the methods */
	enum rpc_role (*role)(void *ctx, const struct rpc_who *who);
	bool (*settled)(void *ctx, struct rpc_who *who);
};

/*
 * Methods: echo (its params, or null), slow (kept in calls), count, refuse {kind, path}, fail, and
 * big {size} (a string of that many bytes). Their context is the world.
 */
extern const struct rpc_method world_methods[];

/* For cmocka: *state becomes a world with these methods. */
int world_setup(void **state);
int world_teardown(void **state);

/*
 * A world, zeroed by the caller, with methods of one's own; and its end. Both return 0, or -1 with
 * a message. They take and give back the role of main, which the analysis cannot follow.
 */
int world_init(struct world *world, const struct rpc_method *methods, void *ctx)
	ROLE_ATTR(no_thread_safety_analysis);
int world_fini(struct world *world) ROLE_ATTR(no_thread_safety_analysis);

/* Let the loop run until nothing happens at once. */
void world_step(struct world *world);

/* A new connection; non-blocking. */
int world_connect(struct world *world);
int world_adopt(struct world *world, const struct rpc_who *who); /* of somebody else; -1: refused */
void world_connect_fd(struct world *world, int fd); /* the same with a socket that is there */

/* Send all of it, stepping as needed. False if the server hung up before all was sent. */
bool world_send(struct world *world, int fd, const char *bytes, size_t len);
void world_say(struct world *world, int fd, const char *text); /* plus a newline */

/* The next line, to be freed; NULL when the server has closed. Fails when nothing comes. */
char *world_hear(struct world *world, int fd);

/* Say `text`, and expect exactly `answer`. */
void world_ask(struct world *world, int fd, const char *text, const char *answer);

/* Call `method` with `params` (JSON; NULL: none): the whole answer, the caller's. */
json_t *world_call(struct world *world, int fd, const char *method, const char *params);

/* Expect that the server closes, after whatever it still sends. */
void world_expect_close(struct world *world, int fd);

/* Expect that nothing comes. */
void world_expect_silence(struct world *world, int fd);

/* Complete call number i of method "slow" with the result i. */
void world_complete(struct world *world, size_t i);

#endif
