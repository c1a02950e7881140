/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of configuration as transactions: edit, confirm, rollback, history, diff, check.
 * Their context is a struct methods. Main only.
 */
#ifndef VSW_CTL_METHODS_CONFIG_H
#define VSW_CTL_METHODS_CONFIG_H

#include <jansson.h>

#include "ctl/rpc_server.h"

struct err;
struct methods;

/* {edits, base-revision?, comment?, dry-run?, confirm-timeout?}
 * -> {changes: [{op, path, apply?, leaves?}], revision, dry-run?, confirm-by?} */
void methods_edit(void *ctx, struct rpc_call *call, json_t *params);

/* {} -> {revision} */
void methods_confirm(void *ctx, struct rpc_call *call, json_t *params);

/* {revision?, base-revision?, comment?, dry-run?, confirm-timeout?} -> as edit */
void methods_rollback(void *ctx, struct rpc_call *call, json_t *params);

/* {limit?, before?} -> {revisions: [...], next?} */
void methods_history(void *ctx, struct rpc_call *call, json_t *params);

/* {from?, to?} or {document} -> {from?, to?, changes: [{op, path, before?, after?}]} */
void methods_diff(void *ctx, struct rpc_call *call, json_t *params);

/* {document} -> {}: would the daemon take it? */
void methods_check(void *ctx, struct rpc_call *call, json_t *params);

/* Whether the caller is bound to no paths; else ERR_DENIED. `what` asks for all of the switch. */
int methods_whole_permitted(const struct methods *methods, const struct rpc_call *call,
	const char *what, struct err *err) ON_MAIN;

#endif
