/* SPDX-License-Identifier: BSD-3-Clause */
/* One line from a stranger, as the server takes it apart and answers it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer_check(json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	/* whatever came, what we say is one line of JSON */
	assert(text != NULL && strchr(text, '\n') == NULL);
	free(text);
	json_decref(answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonrpc_message message;
	struct jsonrpc_request request;
	struct jsonrpc_fault fault;

	if (jsonrpc_parse((const char *)data, size, &message, &fault) != 0) {
		assert(fault.code != 0 && message.root == NULL);
		answer_check(jsonrpc_error_new(NULL, fault.code, fault.text, NULL));
		return 0;
	}
	assert(message.n_requests > 0);
	for (size_t i = 0; i < message.n_requests; i++) {
		jsonrpc_request_at(&message, i, &request);
		if (request.fault.code != 0) {
			answer_check(jsonrpc_error_new(
				request.id, request.fault.code, request.fault.text, NULL));
		} else {
			assert(request.method != NULL);
			answer_check(jsonrpc_result_new(request.id, json_incref(request.object)));
			answer_check(
				jsonrpc_error_new(request.id, RPC_REFUSED, request.method, NULL));
		}
	}
	jsonrpc_message_fini(&message);
	return 0;
}
