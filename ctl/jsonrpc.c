/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/jsonrpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static int fault_set(struct jsonrpc_fault *fault, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static bool line_look(const char *line, size_t len, size_t *n_values);

static size_t
weight(size_t len, size_t n_values)
{
	return len + n_values * RPC_VALUE_BYTES;
}

size_t
jsonrpc_weight(const char *line, size_t len)
{
	size_t n_values;

	if (len > RPC_LINE_MAX || !line_look(line, len, &n_values) || n_values > RPC_VALUES_MAX) {
		return 0;
	}
	return weight(len, n_values);
}

int
jsonrpc_parse(
	const char *line, size_t len, struct jsonrpc_message *out, struct jsonrpc_fault *fault)
{
	json_error_t error;
	size_t n_values;

	*out = (struct jsonrpc_message){.root = NULL};
	*fault = (struct jsonrpc_fault){.code = 0};
	if (len > RPC_LINE_MAX) {
		return fault_set(fault, RPC_LIMIT, "a line is longer than %u bytes", RPC_LINE_MAX);
	}
	if (!line_look(line, len, &n_values)) {
		return fault_set(fault, RPC_LIMIT, "objects and arrays are nested deeper than %d",
			RPC_DEPTH_MAX);
	}
	if (n_values > RPC_VALUES_MAX) {
		return fault_set(fault, RPC_LIMIT, "a line has more than %u values: split it",
			RPC_VALUES_MAX);
	}
	/* DECODE_ANY: a lone scalar is good JSON and a bad request, and is told so */
	out->root = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (out->root == NULL) {
		return fault_set(fault, RPC_PARSE_ERROR, "not valid JSON: %s (byte %d of the line)",
			error.text, error.position);
	}
	out->bytes = weight(len, n_values);
	out->batch = json_is_array(out->root);
	out->n_requests = out->batch ? json_array_size(out->root) : 1;
	if (out->n_requests == 0) {
		jsonrpc_message_fini(out);
		return fault_set(fault, RPC_INVALID_REQUEST, "the batch is empty");
	}
	if (out->n_requests > RPC_BATCH_MAX) {
		size_t n = out->n_requests;

		jsonrpc_message_fini(out);
		return fault_set(fault, RPC_LIMIT, "%zu requests in a batch, %d are allowed", n,
			RPC_BATCH_MAX);
	}
	return 0;
}

void
jsonrpc_message_fini(struct jsonrpc_message *message)
{
	json_decref(message->root);
	*message = (struct jsonrpc_message){.root = NULL};
}

void
jsonrpc_request_at(const struct jsonrpc_message *message, size_t i, struct jsonrpc_request *out)
{
	json_t *object = message->batch ? json_array_get(message->root, i) : message->root;
	const json_t *method = json_object_get(object, "method");
	const char *version = json_string_value(json_object_get(object, "jsonrpc"));
	json_t *id = json_object_get(object, "id");

	*out = (struct jsonrpc_request){.object = object};
	if (!json_is_object(object)) {
		(void)fault_set(&out->fault, RPC_INVALID_REQUEST, "a request is a JSON object");
		return;
	}
	if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id)) {
		(void)fault_set(&out->fault, RPC_INVALID_REQUEST,
			"\"id\" is neither a string, a number nor null");
		return;
	}
	out->id = id;
	if (version == NULL || strcmp(version, "2.0") != 0) {
		(void)fault_set(
			&out->fault, RPC_INVALID_REQUEST, "\"jsonrpc\" is missing or not \"2.0\"");
		return;
	}
	if (!json_is_string(method)) {
		(void)fault_set(
			&out->fault, RPC_INVALID_REQUEST, "\"method\" is missing or not a string");
		return;
	}
	out->method = json_string_value(method);
	out->params = json_object_get(object, "params");
}

bool
jsonrpc_is_notification(const struct jsonrpc_request *request)
{
	return request->fault.code == 0 && request->id == NULL;
}

static json_t *
answer_new(json_t *id)
{
	json_t *answer = json_object();

	(void)json_object_set_new(answer, "jsonrpc", json_string("2.0"));
	(void)json_object_set_new(answer, "id", id == NULL ? json_null() : json_incref(id));
	return answer;
}

json_t *
jsonrpc_result_new(json_t *id, json_t *result)
{
	json_t *answer = answer_new(id);

	(void)json_object_set_new(answer, "result", result);
	return answer;
}

json_t *
jsonrpc_error_new(json_t *id, int code, const char *text, json_t *data)
{
	json_t *answer = answer_new(id);
	json_t *error = json_object();

	(void)json_object_set_new(error, "code", json_integer(code));
	(void)json_object_set_new(error, "message",
		jsonrpc_text_new(str_given(text) ? text : jsonrpc_code_text(code)));
	if (data != NULL) {
		(void)json_object_set_new(error, "data", data);
	}
	(void)json_object_set_new(answer, "error", error);
	return answer;
}

json_t *
jsonrpc_request_new(json_int_t id, const char *method, json_t *params)
{
	json_t *request = json_object();

	(void)json_object_set_new(request, "jsonrpc", json_string("2.0"));
	if (id != 0) {
		(void)json_object_set_new(request, "id", json_integer(id));
	}
	(void)json_object_set_new(request, "method", json_string(method));
	if (params != NULL) {
		(void)json_object_set_new(request, "params", params);
	}
	return request;
}

json_t *
jsonrpc_text_new(const char *text)
{
	json_t *string = json_string(text);
	char ascii[2048];

	if (string != NULL) {
		return string;
	}
	/* a message that was cut inside a character, or quotes bytes of the peer */
	(void)str_copy(ascii, text, sizeof(ascii));
	for (char *p = ascii; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80) {
			*p = '?';
		}
	}
	return json_string(ascii);
}

const char *
jsonrpc_code_text(int code)
{
	switch (code) {
	case RPC_PARSE_ERROR:
		return "Parse error";
	case RPC_INVALID_REQUEST:
		return "Invalid Request";
	case RPC_METHOD_NOT_FOUND:
		return "Method not found";
	case RPC_INVALID_PARAMS:
		return "Invalid params";
	case RPC_INTERNAL_ERROR:
		return "Internal error";
	case RPC_REFUSED:
		return "Refused";
	case RPC_LIMIT:
		return "A limit was exceeded";
	case RPC_NOT_PERMITTED:
		return "Not permitted";
	case RPC_CONFLICT:
		return "Changed by somebody else";
	default:
		return "Error";
	}
}

static int
fault_set(struct jsonrpc_fault *fault, int code, const char *fmt, ...)
{
	va_list ap;

	fault->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

/*
 * Count brackets outside strings. Text that is no JSON at all may be miscounted, which is fine:
 * what jansson recurses on is a prefix of it that is JSON, and of that the count is exact.
 */
static bool
line_look(const char *line, size_t len, size_t *n_values)
{
	bool in_string = false;
	unsigned int depth = 0;

	*n_values = 1;
	for (size_t i = 0; i < len; i++) {
		char c = line[i];

		if (in_string) {
			if (c == '\\') {
				i++;
			} else if (c == '"') {
				in_string = false;
			}
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			++*n_values;
			if (++depth > RPC_DEPTH_MAX) {
				return false;
			}
		} else if (c == ',') {
			++*n_values;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return true;
}
