/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/methods_config.h"

#include "ctl/access.h"
#include "ctl/methods.h"
#include "ctl/params.h"
#include "schema/datastore.h"
#include "schema/datastore_history.h"

static void
edit_done(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct rpc_call *call = arg;

	role_assert(&role_main);
	if (rc != 0) {
		rpc_call_refuse(call, err);
		return;
	}
	/* the datastore keeps its reference; ours is read only until it is written out */
	rpc_call_reply(call, json_incref((json_t *)(uintptr_t)result));
}

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

static struct ds_author
author_of(const struct rpc_call *call)
{
	const struct rpc_who *who;

	role_assert(&role_main);
	who = rpc_call_who(call);
	return (struct ds_author){.user = who->user, .from = who->from};
}

static uint64_t
number_of(const json_t *params, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(params, name));
}

/* ---- changes ---- */

/* Anybody may try with a dry run; to change something takes an admin. */
static int
change_permitted(const struct rpc_call *call, const json_t *params, const char *method,
	struct err *err) ON_MAIN
{
	return json_is_true(json_object_get(params, "dry-run")) ||
			rpc_call_permits(call, RPC_ROLE_ADMIN, method, err)
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
	struct err *err) ON_MAIN
{
	int rc = change_permitted(call, params, "edit", err);
	uint64_t confirm_at;

	if (rc != 0 || methods->access == NULL ||
		json_is_true(json_object_get(params, "dry-run"))) {
		return rc;
	}
	if (json_object_get(params, "confirm-timeout") != NULL &&
		ds_provisional(methods->ds, &confirm_at)) {
		rc = methods_whole_permitted(methods, call, "confirm-timeout", err);
	}
	return rc != 0 ? rc
		       : access_check_edits(methods->access, rpc_call_who(call),
				 json_object_get(params, "edits"), err);
}

static int
rollback_permitted(const struct methods *methods, const struct rpc_call *call, const json_t *params,
	struct err *err) ON_MAIN
{
	int rc = change_permitted(call, params, "rollback", err);

	return rc != 0 || json_is_true(json_object_get(params, "dry-run"))
		? rc
		: methods_whole_permitted(methods, call, "rollback", err);
}

void
methods_edit(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {
		{"edits", PARAM_ARRAY, .required = true},
		{"base-revision", PARAM_UINT},
		{"comment", PARAM_STRING},
		{"dry-run", PARAM_BOOL},
		{"confirm-timeout", PARAM_UINT, .max = DS_CONFIRM_MAX},
		{NULL},
	};
	const struct methods *methods = ctx;
	struct ds_author author = author_of(call);
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (!params_good(call, params, table, "edit")) {
		return;
	}
	if (edit_permitted(methods, call, params, &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	ds_edit(methods->ds, params, &author, edit_done, call);
}

void
methods_rollback(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {
		{"revision", PARAM_UINT},
		{"base-revision", PARAM_UINT},
		{"comment", PARAM_STRING},
		{"dry-run", PARAM_BOOL},
		{"confirm-timeout", PARAM_UINT, .max = DS_CONFIRM_MAX},
		{NULL},
	};
	const struct methods *methods = ctx;
	struct ds_author author = author_of(call);
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (!params_good(call, params, table, "rollback")) {
		return;
	}
	if (rollback_permitted(methods, call, params, &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	ds_rollback(methods->ds, params, &author, edit_done, call);
}

void
methods_confirm(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {{NULL}};
	const struct methods *methods = ctx;
	struct ds_author author = author_of(call);
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (!params_good(call, params, table, "confirm")) {
		return;
	}
	if (methods_whole_permitted(methods, call, "confirm", &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	ds_confirm(methods->ds, &author, edit_done, call);
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
