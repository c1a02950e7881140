/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The JSON-RPC methods of the daemon: get, schema, version, ping, action; edit, confirm, rollback,
 * history, diff and check (methods_config.h); program and flows (program.h), subscribe and
 * unsubscribe (events.h).
 *
 * The table is handed to rpc_server_create with a struct methods as its context. Actions that only
 * the datapath can do (fdb-flush, clear-counters, fake port inject and collect) come from the owner
 * as a table of their own, so that ctl/ never sees the datapath. Main only.
 */
#ifndef VSW_CTL_METHODS_H
#define VSW_CTL_METHODS_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "ctl/audit.h"
#include "ctl/rpc_server.h"

struct access;
struct datastore;
struct events;
struct names;
struct program_backend;

/* How an action ends that answers later: once. `output` is taken (NULL: {}), unless there is an
 * error. The same rules as for `run`. */
typedef void (*rpc_action_done)(void *arg, json_t *output, const struct err *err);

/* One YANG action or rpc: method `action` with {"name": "...", "input": {...}}. */
struct rpc_action {
	const char *name; /* e.g. "fdb-flush" */
	/* `input` is an object, never NULL, else unchecked: its members are the action's to check.
	 * On 0 *output is a new object reference (or NULL for {}); else *err is filled. */
	int (*run)(void *ctx, json_t *input, json_t **output, struct err *err);
	/* Instead of `run`: calls `done`, on main, before it returns or later. `input` is borrowed
	 * for the call. */
	void (*start)(void *ctx, json_t *input, rpc_action_done done, void *arg);
	/* Instead of both, for one that asks who calls or takes descriptors: completes the call
	 * itself, once. `input` is borrowed for the call. */
	void (*serve)(void *ctx, json_t *input, struct rpc_call *call);
	/* What the caller must be; not said (RPC_ROLE_NONE): an admin. */
	enum rpc_role needs;
};

struct methods {
	struct datastore *ds;
	const struct rpc_action *actions; /* ends with a NULL name */
	void *actions_ctx;
	const struct program_backend *program; /* NULL: none */
	struct events *events;
	json_t *versions; /* borrowed: object that `version` answers */
	uint64_t started; /* clock_now() at start; `ping` tells the time since */
	struct access *access; /* NULL: no rules, everybody has the role it came with */
	struct names *names; /* of the host, for them */
	struct audit audit; /* AUDIT_INIT */
};

/* Its context is a struct methods that outlives the server. */
extern const struct rpc_method methods_table[];

/* For rpc_server_options.role: the caller's by the access rules. */
enum rpc_role methods_role(void *ctx, const struct rpc_who *who);

/* For rpc_server_options.settled. */
bool methods_settled(void *ctx, struct rpc_who *who);

/* For rpc_server_options.ended: writes down who changed what. */
void methods_ended(void *ctx, const struct rpc_end *end);

#endif
