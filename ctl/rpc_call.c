/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ctl/rpc_priv.h"

static struct rpc_batch *batch_create(struct rpc_peer *peer, size_t n_slots) ON_MAIN;
static void batch_store(struct rpc_batch *batch, size_t slot, json_t *answer) ON_MAIN;
static void batch_put(struct rpc_batch *batch) ON_MAIN;
static void call_end(struct rpc_call *call, json_t *answer) ON_MAIN;
static void call_run(const struct rpc_server *server, struct rpc_call *call,
	const struct rpc_method *method, json_t *params) ON_MAIN;
static int request_check(const struct rpc_peer *peer, const struct jsonrpc_request *request,
	const struct rpc_method **method, struct jsonrpc_fault *fault) ON_MAIN;
static int code_of(enum err_kind kind);

void
call_line(struct rpc_peer *peer, const char *line, size_t len)
{
	struct jsonrpc_fault fault;

	assert(peer->message.root == NULL);
	if (jsonrpc_parse(line, len, &peer->message, &fault) != 0) {
		peer_send(peer, call_text(jsonrpc_error_new(NULL, fault.code, fault.text, NULL)));
		if (fault.code == RPC_LIMIT) {
			peer_finish(peer);
		}
		return;
	}
	peer->next_request = 0;
	peer->held = held_new(peer, peer->message.bytes);
	peer->batch = peer->message.batch ? batch_create(peer, peer->message.n_requests) : NULL;
}

/* Run the method, if the caller may. */
static void
call_run(const struct rpc_server *server, struct rpc_call *call, const struct rpc_method *method,
	json_t *params)
{
	struct err err = ERR_INIT;
	char what[64];

	(void)snprintf(what, sizeof(what), "method %s", method->name);
	if (rpc_call_permits(call, method->needs, what, &err)) {
		method->run(server->ctx, call, params);
	} else {
		rpc_call_refuse(call, &err);
	}
}

/* All requests of the line have begun, or none of the rest ever will. */
static void
line_end(struct rpc_peer *peer) ON_MAIN
{
	struct rpc_held *held = peer->held;

	jsonrpc_message_fini(&peer->message);
	fds_end_line(peer);
	peer->held = NULL;
	if (held != NULL) {
		held_put(held);
	}
}

void
call_next(struct rpc_peer *peer)
{
	struct rpc_batch *batch = peer->batch;
	size_t slot = peer->next_request++;
	const struct rpc_method *method = NULL;
	struct jsonrpc_request request;
	struct jsonrpc_fault fault;
	struct rpc_call *call = must_calloc(1, sizeof(*call));
	json_t *answer = NULL;

	assert(slot < peer->message.n_requests);
	jsonrpc_request_at(&peer->message, slot, &request);
	call->peer = peer;
	call->batch = batch;
	call->slot = slot;
	call->request = json_incref(request.object);
	call->id = request.id;
	call->ended = peer->server->ended;
	call->ctx = peer->server->ctx;
	call->role = peer->server->role;
	rpc_who_copy(&call->who, &peer->who);
	call->held = peer->held;
	call->held->refs++;
	call->came_with = peer->who.role;
	rpc_call_look_again(call);
	LIST_INSERT_HEAD(&peer->calls, call, link);
	peer->n_pending++;
	if (batch != NULL) {
		batch->n_open++;
	}
	if (request_check(peer, &request, &method, &fault) == 0) {
		call_run(peer->server, call, method, request.params);
	} else {
		if (!jsonrpc_is_notification(&request)) {
			answer = jsonrpc_error_new(request.id, fault.code, fault.text, NULL);
		}
		call_end(call, answer);
	}
	if (peer->next_request == peer->message.n_requests) {
		line_end(peer);
		peer->batch = NULL;
		if (batch != NULL) {
			batch_put(batch);
		}
	}
}

void
call_orphan_all(struct rpc_peer *peer)
{
	struct rpc_batch *starting = peer->batch;
	struct rpc_call *call;
	struct rpc_batch *batch;

	while ((call = LIST_FIRST(&peer->calls)) != NULL) {
		LIST_REMOVE(call, link);
		call->peer = NULL;
	}
	while ((batch = LIST_FIRST(&peer->batches)) != NULL) {
		LIST_REMOVE(batch, link);
		batch->peer = NULL;
	}
	line_end(peer);
	peer->batch = NULL;
	if (starting != NULL) {
		batch_put(starting);
	}
}

struct rpc_peer *
rpc_call_peer(const struct rpc_call *call)
{
	return call->peer;
}

const struct rpc_who *
rpc_call_who(const struct rpc_call *call)
{
	return &call->who;
}

void
rpc_call_look_again(struct rpc_call *call)
{
	call->who.role = call->came_with;
	if (call->role != NULL) {
		call->who.role = call->role(call->ctx, &call->who);
	}
}

bool
rpc_call_permits(
	const struct rpc_call *call, enum rpc_role needs, const char *what, struct err *err)
{
	const struct rpc_who *who = &call->who;
	char name[RPC_NAME_SIZE];

	if (needs == RPC_ROLE_NONE) {
		needs = RPC_ROLE_ADMIN;
	}
	if (who->role >= needs) {
		return true;
	}
	(void)err_set(err, ERR_DENIED, NULL,
		"%s needs role %s; %s has role %s, see /system/access%s", what,
		rpc_role_name(needs), rpc_who_text(who, name), rpc_role_name(who->role),
		rpc_who_hope(who));
	return false;
}

int
rpc_call_take_fd(struct rpc_call *call)
{
	return call->peer == NULL ? -1 : fds_next(call->peer);
}

/* Tell whoever keeps account of calls. */
static void
call_tell(const struct rpc_call *call, const json_t *result, int code, const char *text) ON_MAIN
{
	const struct rpc_end end = {.who = &call->who,
		.request = call->request,
		.result = result,
		.code = code,
		.text = text};

	if (call->ended != NULL) {
		call->ended(call->ctx, &end);
	}
}

void
rpc_call_reply(struct rpc_call *call, json_t *result)
{
	json_t *answer = NULL;

	call_tell(call, result, 0, NULL);
	if (call->id == NULL || call->peer == NULL) {
		json_decref(result);
	} else {
		answer = jsonrpc_result_new(call->id, result);
	}
	call_end(call, answer);
}

void
rpc_call_refuse(struct rpc_call *call, const struct err *err)
{
	json_t *answer = NULL;

	call_tell(call, NULL, code_of(err->kind), err->text);
	if (call->id != NULL && call->peer != NULL) {
		json_t *data = json_object();

		(void)json_object_set_new(data, "error-tag", json_string(err_tag(err->kind)));
		if (err->path[0] != '\0') {
			(void)json_object_set_new(data, "error-path", jsonrpc_text_new(err->path));
		}
		(void)json_object_set_new(data, "error-message", jsonrpc_text_new(err->text));
		answer = jsonrpc_error_new(call->id, code_of(err->kind), err->text, data);
	}
	call_end(call, answer);
}

void
rpc_call_fail(struct rpc_call *call, int code, const char *text)
{
	json_t *answer = NULL;

	call_tell(call, NULL, code, text == NULL ? jsonrpc_code_text(code) : text);
	if (call->id != NULL && call->peer != NULL) {
		answer = jsonrpc_error_new(call->id, code, text, NULL);
	}
	call_end(call, answer);
}

char *
rpc_error_text(const struct err *err)
{
	return call_text(jsonrpc_error_new(NULL, code_of(err->kind), err->text, NULL)).bytes;
}

struct rpc_text
call_text(json_t *answer)
{
	struct rpc_text text;
	char reason[128];
	json_t *error;

	text.bytes = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
	text.len = text.bytes == NULL ? 0 : strlen(text.bytes);
	if (text.bytes != NULL && text.len <= RPC_ANSWER_MAX) {
		json_decref(answer);
		return text;
	}
	(void)snprintf(reason, sizeof(reason),
		"the answer is longer than %u bytes; ask for less: a deeper path, depth, limit",
		RPC_ANSWER_MAX);
	free(text.bytes);
	error = jsonrpc_error_new(json_object_get(answer, "id"), RPC_LIMIT, reason, NULL);
	text.bytes = json_dumps(error, JSON_COMPACT);
	if (text.bytes == NULL) {
		abort(); /* not even this much memory */
	}
	text.len = strlen(text.bytes);
	json_decref(error);
	json_decref(answer);
	return text;
}

/* What can be said without running the method: 0 or a code, with its text. */
static int
request_check(const struct rpc_peer *peer, const struct jsonrpc_request *request,
	const struct rpc_method **method, struct jsonrpc_fault *fault)
{
	const struct rpc_method *m = peer->server->methods;

	*fault = request->fault;
	if (fault->code != 0) {
		return fault->code;
	}
	while (m->name != NULL && strcmp(m->name, request->method) != 0) {
		m++;
	}
	if (m->name == NULL) {
		(void)snprintf(fault->text, sizeof(fault->text), "there is no method \"%.64s\"",
			request->method);
		fault->code = RPC_METHOD_NOT_FOUND;
	} else if (request->params != NULL && !json_is_object(request->params)) {
		(void)snprintf(fault->text, sizeof(fault->text), "params of %s must be an object",
			m->name);
		fault->code = RPC_INVALID_PARAMS;
	}
	*method = m;
	return fault->code;
}

/* The one place where a call ends; `answer` is NULL if nobody is to hear of it. */
static void
call_end(struct rpc_call *call, json_t *answer)
{
	struct rpc_peer *peer = call->peer;
	struct rpc_batch *batch = call->batch;

	if (peer != NULL) {
		LIST_REMOVE(call, link);
	}
	if (batch != NULL) {
		if (answer != NULL) {
			batch_store(batch, call->slot, answer);
		}
		batch_put(batch);
	} else if (answer != NULL) {
		peer_send(peer, call_text(answer));
	}
	json_decref(call->request);
	held_put(call->held);
	rpc_who_fini(&call->who);
	free(call);
	if (peer != NULL) {
		peer->n_pending--;
		peer_resume(peer);
	}
}

static struct rpc_batch *
batch_create(struct rpc_peer *peer, size_t n_slots)
{
	struct rpc_batch *batch =
		must_calloc(1, sizeof(*batch) + n_slots * sizeof(batch->answers[0]));

	batch->peer = peer;
	batch->n_slots = n_slots;
	batch->n_open = 1;
	LIST_INSERT_HEAD(&peer->batches, batch, link);
	return batch;
}

/* Answers wait as text, because the size of a tree is not known and that of a batch is bounded. */
static void
batch_store(struct rpc_batch *batch, size_t slot, json_t *answer)
{
	json_t *id = json_incref(json_object_get(answer, "id"));
	struct rpc_text text = call_text(answer);

	assert(batch->answers[slot].bytes == NULL);
	if (batch->bytes + text.len > RPC_ANSWER_MAX) {
		free(text.bytes);
		text = call_text(jsonrpc_error_new(id, RPC_LIMIT,
			"the answers of this batch together are too long; send it alone", NULL));
	}
	json_decref(id);
	batch->bytes += text.len;
	batch->answers[slot] = text;
}

static struct rpc_text
batch_text(struct rpc_batch *batch)
{
	struct rpc_text text = {.bytes = must_calloc(1, batch->bytes + batch->n_slots + 2)};

	for (size_t i = 0; i < batch->n_slots; i++) {
		struct rpc_text *answer = &batch->answers[i];

		if (answer->bytes != NULL) {
			text.bytes[text.len] = text.len == 0 ? '[' : ',';
			text.len++;
			memcpy(text.bytes + text.len, answer->bytes, answer->len);
			text.len += answer->len;
		}
	}
	text.bytes[text.len++] = ']';
	return text;
}

/* One call less is open; after the last, send what was collected (nothing for notifications). */
static void
batch_put(struct rpc_batch *batch)
{
	assert(batch->n_open > 0);
	if (--batch->n_open > 0) {
		return;
	}
	if (batch->peer != NULL) {
		LIST_REMOVE(batch, link);
		if (batch->bytes > 0) {
			peer_send(batch->peer, batch_text(batch));
		}
	}
	for (size_t i = 0; i < batch->n_slots; i++) {
		free(batch->answers[i].bytes);
	}
	free(batch);
}

static int
code_of(enum err_kind kind)
{
	switch (kind) {
	case ERR_LIMIT:
	case ERR_TOO_BIG:
		return RPC_LIMIT;
	case ERR_DENIED:
		return RPC_NOT_PERMITTED;
	case ERR_CONFLICT:
		return RPC_CONFLICT;
	case ERR_MALFORMED:
		return RPC_INVALID_PARAMS;
	default:
		return RPC_REFUSED;
	}
}
