/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/methods_config.h"

#include <stdlib.h>

#include "base/memory.h"
#include "ctl/access.h"
#include "ctl/methods.h"
#include "ctl/params.h"
#include "schema/datastore.h"
#include "schema/datastore_history.h"

/* True if the params are as the table says; else the call has ended. */
static bool
params_good(
	struct rpc_call *call, const json_t *params, const struct param *table, const char *method)
{
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (params_check(params, table, method, &err) == 0) {
		return true;
	}
	rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
	return false;
}

static uint64_t
number_of(const json_t *params, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(params, name));
}

/* ---- changes ---- */

/* A method that changes the configuration. */
struct change {
	const char *method;
	const struct param *table;
	/* 0, or why the caller may not: asked when it is queued and when its turn comes. */
	int (*permitted)(const struct methods *methods, const struct rpc_call *call,
		const json_t *params, struct err *err);
	void (*start)(struct datastore *ds, json_t *params, const struct ds_author *author,
		ds_edit_done_fn done, void *arg);
};

/* One on its way. */
struct asked {
	const struct methods *methods;
	const struct change *change;
	struct rpc_call *call;
	const json_t *params; /* the call's */
};

/* Anybody may try with a dry run; to change something takes an admin. */
static int
change_permitted(const struct rpc_call *call, const json_t *params, const char *method,
	struct err *err) ON_MAIN
{
	bool dry_run = json_is_true(json_object_get(params, "dry-run"));

	return rpc_call_permits(call, dry_run ? RPC_ROLE_READ : RPC_ROLE_ADMIN, method, err)
		? 0
		: err_errno(err->kind);
}

int
methods_whole_permitted(const struct methods *methods, const struct rpc_call *call,
	const char *what, struct err *err)
{
	return methods->access == NULL
		? 0
		: access_check_whole(methods->access, rpc_call_who(call), what, err);
}

/* An admin may be bound to some paths. Joining provisional edits sets the time of all of them. */
static int
edit_permitted(const struct methods *methods, const struct rpc_call *call, const json_t *params,
	struct err *err)
{
	uint64_t confirm_at;
	int rc;

	role_assert(&role_main);
	rc = change_permitted(call, params, "edit", err);
	if (rc != 0 || methods->access == NULL ||
		json_is_true(json_object_get(params, "dry-run"))) {
		return rc;
	}
	if (json_object_get(params, "confirm-timeout") != NULL &&
		ds_provisional(methods->ds, &confirm_at)) {
		rc = methods_whole_permitted(methods, call, "confirm-timeout", err);
	}
	return rc != 0 ? rc
		       : access_check_edits(methods->access, rpc_call_who(call), methods->ds,
				 json_object_get(params, "edits"), err);
}

static int
rollback_permitted(const struct methods *methods, const struct rpc_call *call, const json_t *params,
	struct err *err)
{
	int rc;

	role_assert(&role_main);
	rc = change_permitted(call, params, "rollback", err);
	return rc != 0 || json_is_true(json_object_get(params, "dry-run"))
		? rc
		: methods_whole_permitted(methods, call, "rollback", err);
}

static int
confirm_permitted(const struct methods *methods, const struct rpc_call *call, const json_t *params,
	struct err *err)
{
	int rc;

	role_assert(&role_main);
	rc = change_permitted(call, params, "confirm", err);
	return rc != 0 ? rc : methods_whole_permitted(methods, call, "confirm", err);
}

static void
change_done(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct asked *asked = arg;

	role_assert(&role_main);
	if (rc != 0) {
		rpc_call_refuse(asked->call, err);
	} else {
		/* the datastore keeps its reference; ours is read only until it is written out */
		rpc_call_reply(asked->call, json_incref((json_t *)(uintptr_t)result));
	}
	free(asked);
}

/* Rules may have changed while it waited. */
static int
change_may(void *arg, struct err *err)
{
	const struct asked *asked = arg;

	role_assert(&role_main);
	rpc_call_look_again(asked->call);
	return asked->change->permitted(asked->methods, asked->call, asked->params, err);
}

static void
change_run(const struct methods *methods, const struct change *change, struct rpc_call *call,
	json_t *params) ON_MAIN
{
	const struct rpc_who *who = rpc_call_who(call);
	const struct ds_author author = {.user = who->user, .from = who->from, .may = change_may};
	struct err err = ERR_INIT;
	struct asked *asked;

	if (!params_good(call, params, change->table, change->method)) {
		return;
	}
	if (change->permitted(methods, call, params, &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	asked = must_calloc(1, sizeof(*asked));
	*asked = (struct asked){
		.methods = methods, .change = change, .call = call, .params = params};
	change->start(methods->ds, params, &author, change_done, asked);
}

static void
start_edit(struct datastore *ds, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	role_assert(&role_main);
	ds_edit(ds, params, author, done, arg);
}

static void
start_rollback(struct datastore *ds, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	role_assert(&role_main);
	ds_rollback(ds, params, author, done, arg);
}

static void
start_confirm(struct datastore *ds, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	(void)params;
	role_assert(&role_main);
	ds_confirm(ds, author, done, arg);
}

static const struct param edit_params[] = {
	{"edits", PARAM_ARRAY, .required = true},
	{"base-revision", PARAM_UINT},
	{"comment", PARAM_STRING},
	{"dry-run", PARAM_BOOL},
	{"confirm-timeout", PARAM_UINT, .max = DS_CONFIRM_MAX},
	{NULL},
};

static const struct param rollback_params[] = {
	{"revision", PARAM_UINT},
	{"base-revision", PARAM_UINT},
	{"comment", PARAM_STRING},
	{"dry-run", PARAM_BOOL},
	{"confirm-timeout", PARAM_UINT, .max = DS_CONFIRM_MAX},
	{NULL},
};

static const struct param confirm_params[] = {{NULL}};

void
methods_edit(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct change change = {"edit", edit_params, edit_permitted, start_edit};

	role_assert(&role_main);
	change_run(ctx, &change, call, params);
}

void
methods_rollback(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct change change = {
		"rollback", rollback_params, rollback_permitted, start_rollback};

	role_assert(&role_main);
	change_run(ctx, &change, call, params);
}

void
methods_confirm(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct change change = {
		"confirm", confirm_params, confirm_permitted, start_confirm};

	role_assert(&role_main);
	change_run(ctx, &change, call, params);
}

/* ---- questions ---- */

void
methods_history(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {
		{"limit", PARAM_UINT, .max = DS_HISTORY_MAX},
		{"before", PARAM_UINT},
		{NULL},
	};
	const struct methods *methods = ctx;
	struct ds_history_options options;

	role_assert(&role_main);
	if (!params_good(call, params, table, "history")) {
		return;
	}
	options = (struct ds_history_options){
		.limit = (size_t)number_of(params, "limit"),
		.before = number_of(params, "before"),
	};
	rpc_call_reply(call, ds_history(methods->ds, &options));
}

void
methods_diff(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {
		{"from", PARAM_UINT},
		{"to", PARAM_UINT},
		{"document", PARAM_OBJECT},
		{NULL},
	};
	const struct methods *methods = ctx;
	const struct ds_diff_options options = {
		.has_from = json_object_get(params, "from") != NULL,
		.has_to = json_object_get(params, "to") != NULL,
		.from = number_of(params, "from"),
		.to = number_of(params, "to"),
		.document = json_object_get(params, "document"),
	};
	struct err err = ERR_INIT;
	json_t *result = NULL;

	role_assert(&role_main);
	if (!params_good(call, params, table, "diff")) {
		return;
	}
	if (options.document != NULL && (options.has_from || options.has_to)) {
		rpc_call_fail(call, RPC_INVALID_PARAMS,
			"diff takes the params 'from' and 'to', or 'document'");
		return;
	}
	if (ds_diff(methods->ds, &options, &result, &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	rpc_call_reply(call, result);
}

void
methods_check(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {{"document", PARAM_OBJECT, .required = true}, {NULL}};
	const struct methods *methods = ctx;
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (!params_good(call, params, table, "check")) {
		return;
	}
	if (ds_check(methods->ds, json_object_get(params, "document"), &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	rpc_call_reply(call, json_object());
}
