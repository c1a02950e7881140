/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0 grammar (jsonrpc.org/specification, 2013-01-04), without sockets.
 *
 * What it is. One line of bytes goes in, requests come out; answers are composed as json_t. The
 * server (rpc_server.h) owns peers and order; nothing here remembers anything.
 *
 * A line holds one request or a batch. A batch is valid as a whole even if some of its elements are
 * not: each bad element is answered on its own. So parsing has two steps: jsonrpc_parse() for what
 * spoils the whole line, jsonrpc_request_at() for what spoils one request.
 *
 * The line comes from a stranger. Its nesting is counted before jansson sees it, because jansson
 * recurses per level and its own bound of 2048 is compiled in; duplicate keys, NUL and invalid
 * UTF-8 are refused by jansson. Stricter than the specification: params by position are refused (by
 * the server), since no method of ours takes them.
 *
 * Any thread. A message owns its JSON; requests borrow from it.
 */
#ifndef VSW_CTL_JSONRPC_H
#define VSW_CTL_JSONRPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define RPC_LINE_MAX (16U << 20) /* bytes of one JSON text */
#define RPC_DEPTH_MAX 64 /* nesting of objects and arrays */
#define RPC_BATCH_MAX 1000 /* requests in one batch */
#define RPC_VALUES_MAX                                                             \
	(2U << 20) /* values in one JSON text: each costs some 100 bytes of memory \
		    */
#define RPC_VALUE_BYTES 96

/* Codes of the error object. The first five are JSON-RPC's own, section 5.1. */
#define RPC_PARSE_ERROR (-32700)
#define RPC_INVALID_REQUEST (-32600)
#define RPC_METHOD_NOT_FOUND (-32601)
#define RPC_INVALID_PARAMS (-32602)
#define RPC_INTERNAL_ERROR (-32603)
#define RPC_REFUSED (-32000) /* data holds error-tag, error-path, error-message */
#define RPC_LIMIT (-32001)
#define RPC_NOT_PERMITTED (-32002)
#define RPC_CONFLICT (-32003)

/* Why a line or a request cannot be served. */
struct jsonrpc_fault {
	int code; /* 0: none */
	char text[256]; /* for error.message */
};

struct jsonrpc_message {
	json_t *root; /* owned */
	bool batch;
	size_t n_requests; /* >= 1 */
	size_t bytes; /* of memory that it takes, about */
};

/* One request; all pointers are borrowed from the message's JSON. */
struct jsonrpc_request {
	struct jsonrpc_fault fault; /* code 0: the fields below are valid */
	json_t *object; /* the request itself; whoever holds it holds the rest */
	json_t *id; /* string, number or null; NULL if there was none */
	const char *method;
	json_t *params; /* any kind; NULL if there were none */
};

/* Bytes of memory that the line will take when it is parsed, as in `bytes` of the message; 0 for
 * one that is refused before. */
size_t jsonrpc_weight(const char *line, size_t len);

/*
 * Parse one line (no newline at its end). -EBADMSG with *fault filled if the whole line is to be
 * answered by one error with the id null.
 */
int jsonrpc_parse(
	const char *line, size_t len, struct jsonrpc_message *out, struct jsonrpc_fault *fault);

void jsonrpc_message_fini(struct jsonrpc_message *message);

/* Decode request number `i`, i < n_requests. */
void
jsonrpc_request_at(const struct jsonrpc_message *message, size_t i, struct jsonrpc_request *out);

/* True if the request must not be answered: it is valid and has no id (section 4.1). */
bool jsonrpc_is_notification(const struct jsonrpc_request *request);

/* --- composing; NULL only when memory is exhausted ----------------------------------------- */

/* Takes the reference to `result`. `id` is borrowed; NULL is written as null. */
json_t *jsonrpc_result_new(json_t *id, json_t *result);

/* `text` NULL or "" is the code's standard message. Takes the reference to `data`, NULL is none. */
json_t *jsonrpc_error_new(json_t *id, int code, const char *text, json_t *data);

/* A notification or request of one's own; takes `params` (may be NULL), `id` 0 is a notification.
 */
json_t *jsonrpc_request_new(json_int_t id, const char *method, json_t *params);

/* A JSON string of any bytes: those that are not valid UTF-8 become '?'. */
json_t *jsonrpc_text_new(const char *text);

/* The standard message of a code; never NULL. */
const char *jsonrpc_code_text(int code);

#endif
