/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/methods.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/suggest.h"
#include "ctl/access.h"
#include "ctl/events.h"
#include "ctl/methods_config.h"
#include "ctl/params.h"
#include "ctl/program.h"
#include "schema/datastore.h"

static void run_get(void *ctx, struct rpc_call *call, json_t *params);
static void run_schema(void *ctx, struct rpc_call *call, json_t *params);
static void run_version(void *ctx, struct rpc_call *call, json_t *params);
static void run_ping(void *ctx, struct rpc_call *call, json_t *params);
static void run_action(void *ctx, struct rpc_call *call, json_t *params);
static void run_program(void *ctx, struct rpc_call *call, json_t *params);
static void run_flows(void *ctx, struct rpc_call *call, json_t *params);
static void run_subscribe(void *ctx, struct rpc_call *call, json_t *params);
static void run_unsubscribe(void *ctx, struct rpc_call *call, json_t *params);

/* edit, rollback and action look closer: what they need depends on what is asked. */
const struct rpc_method methods_table[] = {
	{"get", run_get, RPC_ROLE_READ},
	{"edit", methods_edit, RPC_ROLE_READ},
	{"confirm", methods_confirm, RPC_ROLE_ADMIN},
	{"rollback", methods_rollback, RPC_ROLE_READ},
	{"history", methods_history, RPC_ROLE_READ},
	{"diff", methods_diff, RPC_ROLE_READ},
	{"check", methods_check, RPC_ROLE_READ},
	{"schema", run_schema, RPC_ROLE_READ},
	{"version", run_version, RPC_ROLE_READ},
	{"ping", run_ping, RPC_ROLE_READ},
	{"action", run_action, RPC_ROLE_READ},
	{"program", run_program, RPC_ROLE_OPERATE},
	{"flows", run_flows, RPC_ROLE_READ},
	{"subscribe", run_subscribe, RPC_ROLE_READ},
	{"unsubscribe", run_unsubscribe, RPC_ROLE_READ},
	{NULL, NULL},
};

enum rpc_role
methods_role(void *ctx, const struct rpc_who *who)
{
	const struct methods *methods = ctx;

	return methods->access == NULL ? who->role : access_role(methods->access, who);
}

bool
methods_settled(void *ctx, struct rpc_who *who)
{
	const struct methods *methods = ctx;

	role_assert(&role_main);
	return methods->access == NULL || access_settle(methods->access, methods->names, who);
}

/* What a request was for. */
static enum audit_kind
kind_of(const struct methods *methods, const json_t *request)
{
	const char *method = json_string_value(json_object_get(request, "method"));
	const json_t *params = json_object_get(request, "params");
	const char *name = json_string_value(json_object_get(params, "name"));

	if (json_is_true(json_object_get(params, "dry-run"))) {
		return AUDIT_LOOK;
	}
	if (strcmp(method, "edit") == 0 || strcmp(method, "rollback") == 0 ||
		strcmp(method, "confirm") == 0) {
		return AUDIT_CONFIG;
	}
	if (strcmp(method, "action") != 0 || name == NULL) {
		return strcmp(method, "program") == 0 ? AUDIT_OPERATE : AUDIT_LOOK;
	}
	for (const struct rpc_action *a = methods->actions; a != NULL && a->name != NULL; a++) {
		if (strcmp(a->name, name) == 0) {
			return a->needs == RPC_ROLE_READ ? AUDIT_LOOK : AUDIT_OPERATE;
		}
	}
	return AUDIT_LOOK;
}

void
methods_ended(void *ctx, const struct rpc_end *end)
{
	struct methods *methods = ctx;
	const struct audit_end what = {.who = end->who,
		.request = end->request,
		.result = end->result,
		.refusal = end->code == 0 ? NULL : end->text,
		.not_permitted = end->code == RPC_NOT_PERMITTED};

	role_assert(&role_main);
	audit_end(&methods->audit, kind_of(methods, end->request), &what);
}

static const struct param no_params[] = {{NULL}};

/* ---- get ---- */

static const char *const content_names[] = {
	[DS_CONTENT_ALL] = "all",
	[DS_CONTENT_CONFIG] = "config",
	[DS_CONTENT_STATE] = "state",
};

static int
content_parse(const char *text, enum ds_content *out, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(content_names); i++) {
		if (strcmp(text, content_names[i]) == 0) {
			*out = (enum ds_content)i;
			return 0;
		}
	}
	return err_set(err, ERR_MALFORMED, NULL,
		"get: the param 'content' is one of all, config, state, not '%.64s'", text);
}

static int
get_options_parse(const json_t *params, struct ds_get_options *options, struct err *err)
{
	static const struct param table[] = {
		{"path", PARAM_STRING},
		{"content", PARAM_STRING},
		{"depth", PARAM_UINT, .max = UINT_MAX},
		{"limit", PARAM_UINT, .max = DS_PAGE_DEFAULT},
		{"after", PARAM_STRING},
		{"with-defaults", PARAM_BOOL},
		{NULL},
	};
	const char *content = json_string_value(json_object_get(params, "content"));
	int rc = params_check(params, table, "get", err);

	if (rc != 0) {
		return rc;
	}
	*options = (struct ds_get_options){
		.path = json_string_value(json_object_get(params, "path")),
		.depth = (unsigned int)json_integer_value(json_object_get(params, "depth")),
		.page.limit = (size_t)json_integer_value(json_object_get(params, "limit")),
		.page.after = json_string_value(json_object_get(params, "after")),
		.with_defaults = json_is_true(json_object_get(params, "with-defaults")),
	};
	return content == NULL ? 0 : content_parse(content, &options->content, err);
}

static void
run_get(void *ctx, struct rpc_call *call, json_t *params)
{
	struct methods *methods = ctx;
	struct ds_get_options options;
	struct err err = ERR_INIT;
	json_t *data = NULL;

	role_assert(&role_main);
	if (get_options_parse(params, &options, &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
		return;
	}
	if (ds_get(methods->ds, &options, &data, &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	if (options.page.next[0] != '\0') {
		/* beside the data: module names have a colon, so nothing can collide */
		(void)json_object_set_new(data, "next", json_string(options.page.next));
	}
	rpc_call_reply(call, data);
}

/* ---- schema, version, ping ---- */

static void
run_schema(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {{"name", PARAM_STRING}, {NULL}};
	struct methods *methods = ctx;
	struct err err = ERR_INIT;
	const char *name;
	const char *text;
	json_t *result;

	role_assert(&role_main);
	if (params_check(params, table, "schema", &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
		return;
	}
	name = json_string_value(json_object_get(params, "name"));
	text = ds_schema_text(methods->ds, name);
	if (text == NULL) {
		(void)err_set(&err, ERR_MISSING, NULL,
			"there is no YANG module '%.64s'; the switch's own is 'vswitch'", name);
		rpc_call_refuse(call, &err);
		return;
	}
	result = json_object();
	(void)json_object_set_new(result, "name", json_string(name == NULL ? "vswitch" : name));
	(void)json_object_set_new(result, "yang", json_string(text));
	rpc_call_reply(call, result);
}

static void
run_version(void *ctx, struct rpc_call *call, json_t *params)
{
	struct methods *methods = ctx;
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (params_check(params, no_params, "version", &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
		return;
	}
	rpc_call_reply(call, json_incref(methods->versions));
}

static void
run_ping(void *ctx, struct rpc_call *call, json_t *params)
{
	const struct methods *methods = ctx;
	struct err err = ERR_INIT;
	uint64_t uptime = (clock_now() - methods->started) / CLOCK_S;
	json_t *result;

	role_assert(&role_main);
	if (params_check(params, no_params, "ping", &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
		return;
	}
	result = json_object();
	(void)json_object_set_new(result, "pong", json_true());
	(void)json_object_set_new(result, "uptime", json_integer((json_int_t)uptime));
	rpc_call_reply(call, result);
}

/* ---- action ---- */

/* The action, or NULL with *err naming those that there are. */
static const struct rpc_action *
action_find(const struct methods *methods, const char *name, struct err *err)
{
	const struct rpc_action *action = methods->actions;
	struct suggest suggest;
	char known[512] = "";

	suggest_init(&suggest, name, strlen(name));
	for (; action != NULL && action->name != NULL; action++) {
		if (strcmp(action->name, name) == 0) {
			return action;
		}
		suggest_offer(&suggest, action->name);
		(void)str_appendf(
			known, sizeof(known), "%s%s", known[0] == '\0' ? "" : ", ", action->name);
	}
	(void)err_set(err, ERR_UNKNOWN, NULL, "there is no action '%.64s'; there are: %s%s", name,
		known, suggest_text(&suggest));
	return NULL;
}

static void
action_done(void *arg, json_t *output, const struct err *err)
{
	struct rpc_call *call = arg;

	role_assert(&role_main);
	if (err != NULL) {
		rpc_call_refuse(call, err);
		return;
	}
	rpc_call_reply(call, output == NULL ? json_object() : output);
}

static void
action_run(const struct methods *methods, const struct rpc_action *action, json_t *input,
	struct rpc_call *call)
{
	struct err err = ERR_INIT;
	json_t *output = NULL;
	int rc;

	if (action->serve != NULL) {
		action->serve(methods->actions_ctx, input, call);
		return;
	}
	if (action->start != NULL) {
		action->start(methods->actions_ctx, input, action_done, call);
		return;
	}
	rc = action->run(methods->actions_ctx, input, &output, &err);
	action_done(call, output, rc == 0 ? NULL : &err);
}

static bool
action_permitted(const struct methods *methods, const struct rpc_call *call,
	const struct rpc_action *action, struct err *err) ON_MAIN
{
	char what[64];

	(void)snprintf(what, sizeof(what), "action %s", action->name);
	return rpc_call_permits(call, action->needs, what, err) &&
		(action->needs == RPC_ROLE_READ ||
			methods_whole_permitted(methods, call, what, err) == 0);
}

static void
run_action(void *ctx, struct rpc_call *call, json_t *params)
{
	static const struct param table[] = {
		{"name", PARAM_STRING, .required = true},
		{"input", PARAM_OBJECT},
		{NULL},
	};
	struct methods *methods = ctx;
	const struct rpc_action *action;
	struct err err = ERR_INIT;
	json_t *input;

	role_assert(&role_main);
	if (params_check(params, table, "action", &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
		return;
	}
	action = action_find(methods, json_string_value(json_object_get(params, "name")), &err);
	if (action == NULL || !action_permitted(methods, call, action, &err)) {
		rpc_call_refuse(call, &err);
		return;
	}
	/* Who answers at once frees the call, and its params with it. */
	input = json_object_get(params, "input");
	input = input == NULL ? json_object() : json_incref(input);
	action_run(methods, action, input, call);
	json_decref(input);
}

/* ---- program, flows ---- */

static void
run_program(void *ctx, struct rpc_call *call, json_t *params)
{
	const struct methods *methods = ctx;
	struct err err = ERR_INIT;

	role_assert(&role_main);
	if (methods_whole_permitted(methods, call, "program", &err) != 0) {
		rpc_call_refuse(call, &err);
		return;
	}
	program_run(methods->program, call, params);
}

static void
run_flows(void *ctx, struct rpc_call *call, json_t *params)
{
	const struct methods *methods = ctx;

	role_assert(&role_main);
	program_list(methods->program, call, params);
}

/* ---- subscribe, unsubscribe ---- */

static void
run_subscribe(void *ctx, struct rpc_call *call, json_t *params)
{
	const struct methods *methods = ctx;

	role_assert(&role_main);
	events_subscribe(methods->events, call, params);
}

static void
run_unsubscribe(void *ctx, struct rpc_call *call, json_t *params)
{
	const struct methods *methods = ctx;

	role_assert(&role_main);
	events_unsubscribe(methods->events, call, params);
}
