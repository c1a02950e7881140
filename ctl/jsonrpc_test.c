/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/jsonrpc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* The code with which a whole line is refused, 0 if it is not. */
static int
line_code(const char *line, size_t len)
{
	struct jsonrpc_message message;
	struct jsonrpc_fault fault;
	int rc = jsonrpc_parse(line, len, &message, &fault);

	if (rc == 0) {
		assert_int_equal(fault.code, 0);
		jsonrpc_message_fini(&message);
		return 0;
	}
	assert_int_equal(rc, -EBADMSG);
	assert_null(message.root);
	assert_true(fault.text[0] != '\0');
	return fault.code;
}

static int
text_code(const char *line)
{
	return line_code(line, strlen(line));
}

/* The code of the only request of a line; *notification and *has_id tell more. */
static int
request_code(const char *line, bool *notification, bool *has_id)
{
	struct jsonrpc_message message;
	struct jsonrpc_request request;
	struct jsonrpc_fault fault;

	assert_int_equal(jsonrpc_parse(line, strlen(line), &message, &fault), 0);
	assert_int_equal(message.n_requests, 1);
	jsonrpc_request_at(&message, 0, &request);
	*notification = jsonrpc_is_notification(&request);
	*has_id = request.id != NULL;
	if (request.fault.code == 0) {
		assert_non_null(request.method);
	}
	jsonrpc_message_fini(&message);
	return request.fault.code;
}

static void
test_bad_lines(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"}",
		"nonsense",
		"{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]",
		"[{\"jsonrpc\": \"2.0\", \"method\": \"sum\"},{\"jsonrpc\": \"2.0\", \"method\"]",
		"{\"a\":1,\"a\":2}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1,\"id\":2}",
		"{\"a\":{\"b\":1,\"b\":1}}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\\u0000\":1}",
		"\"\xff\xfe\"",
		"\"\xed\xa0\x80\"", /* a surrogate, coded */
		"\"\xc0\xaf\"", /* overlong */
		"\"\xf4\x90\x80\x80\"", /* above U+10FFFF */
		"\"\xc3\"", /* cut */
		"{\"a\":1} {\"b\":2}",
		"{\"a\":99999999999999999999}",
		"{\"a\":1e999}",
		"{'a':1}",
		"{\"a\":01}",
		"{\"a\":\"\t\"}",
		"/* comment */ {}",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (text_code(lines[i]) != RPC_PARSE_ERROR) {
			fail_msg("line %zu gave %d: %s", i, text_code(lines[i]), lines[i]);
		}
	}
}

static void
test_nul_bytes(void **state)
{
	static const char inside[] = "{\"a\":\"x\0y\"}";
	static const char between[] = "{\"a\":\0 1}";
	static const char behind[] = "{\"a\":1}\0";

	assert_int_equal(line_code(inside, sizeof(inside) - 1), RPC_PARSE_ERROR);
	assert_int_equal(line_code(between, sizeof(between) - 1), RPC_PARSE_ERROR);
	assert_int_equal(line_code(behind, sizeof(behind) - 1), RPC_PARSE_ERROR);
	assert_int_equal(line_code(behind, sizeof(behind) - 2), 0);
}

static char *
nested(size_t depth, char open, char close)
{
	char *line = malloc(2 * depth + 1);

	assert_non_null(line);
	memset(line, open, depth);
	memset(line + depth, close, depth);
	line[2 * depth] = '\0';
	return line;
}

static void
test_depth(void **state)
{
	static const size_t depths[] = {1, 63, 64, 65, 2049, 100000, 4000000};

	for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
		char *line = nested(depths[i], '[', ']');

		assert_int_equal(text_code(line),
			depths[i] <= 1 ? RPC_INVALID_REQUEST
				       : (depths[i] > RPC_DEPTH_MAX ? RPC_LIMIT : 0));
		/* never closed: the limit is found first */
		line[depths[i]] = '\0';
		assert_int_equal(
			text_code(line), depths[i] > RPC_DEPTH_MAX ? RPC_LIMIT : RPC_PARSE_ERROR);
		free(line);
	}
}

static void
test_depth_is_counted_outside_strings(void **state)
{
	char text[512] = "{\"jsonrpc\":\"2.0\",\"method\":\"";

	for (int i = 0; i < 100; i++) {
		assert_true(str_append(text, "[{", sizeof(text)));
	}
	assert_true(str_append(text, "\\\"[[\",\"id\":1}", sizeof(text)));
	assert_int_equal(text_code(text), 0);
	/* closing brackets in a string do not make room */
	assert_int_equal(text_code("[\"]]]]\\\\\"]"), 0);
}

static void
test_mixed_depth(void **state)
{
	char text[RPC_DEPTH_MAX * 8];

	text[0] = '\0';
	for (int i = 0; i < RPC_DEPTH_MAX / 2; i++) {
		assert_true(str_append(text, "[{\"a\":", sizeof(text)));
	}
	assert_int_equal(text_code(text), RPC_PARSE_ERROR);
	assert_true(str_append(text, "[", sizeof(text)));
	assert_int_equal(text_code(text), RPC_LIMIT);
}

static void
test_length(void **state)
{
	char *line = malloc((size_t)RPC_LINE_MAX + 1);

	assert_non_null(line);
	memset(line, ' ', (size_t)RPC_LINE_MAX + 1);
	line[0] = '1';
	assert_int_equal(line_code(line, RPC_LINE_MAX), 0);
	assert_int_equal(line_code(line, (size_t)RPC_LINE_MAX + 1), RPC_LIMIT);
	free(line);
}

static void
test_batch_size(void **state)
{
	char text[2 * RPC_BATCH_MAX + 16] = "[1";
	size_t len = 2;

	assert_int_equal(text_code("[]"), RPC_INVALID_REQUEST);
	assert_int_equal(text_code("[ ]"), RPC_INVALID_REQUEST);
	for (int i = 1; i < RPC_BATCH_MAX; i++) {
		text[len++] = ',';
		text[len++] = '1';
	}
	text[len] = ']';
	assert_int_equal(line_code(text, len + 1), 0);
	memcpy(text + len, ",1]", 3);
	assert_int_equal(line_code(text, len + 3), RPC_LIMIT);
}

static void
test_requests(void **state)
{
	static const struct {
		const char *line;
		int code;
		bool notification;
		bool has_id;
	} cases[] = {
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1}", 0, false, true},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":-1}", 0, false, true},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1.5}", 0, false, true},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"x\"}", 0, false, true},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"\"}", 0, false, true},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":null}", 0, false, true},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", 0, true, false},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[]}", 0, true, false},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":true}", RPC_INVALID_REQUEST, false,
			false},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":[]}", RPC_INVALID_REQUEST, false,
			false},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":{}}", RPC_INVALID_REQUEST, false,
			false},
		{"{\"jsonrpc\":\"1.0\",\"method\":\"m\",\"id\":1}", RPC_INVALID_REQUEST, false,
			true},
		{"{\"jsonrpc\":2.0,\"method\":\"m\",\"id\":1}", RPC_INVALID_REQUEST, false, true},
		{"{\"method\":\"m\",\"id\":1}", RPC_INVALID_REQUEST, false, true},
		{"{\"method\":\"m\"}", RPC_INVALID_REQUEST, false, false},
		{"{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}", RPC_INVALID_REQUEST,
			false, false},
		{"{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, false, true},
		{"{}", RPC_INVALID_REQUEST, false, false},
		{"[1]", RPC_INVALID_REQUEST, false, false},
		{"[[]]", RPC_INVALID_REQUEST, false, false},
		{"1", RPC_INVALID_REQUEST, false, false},
		{"\"x\"", RPC_INVALID_REQUEST, false, false},
		{"null", RPC_INVALID_REQUEST, false, false},
		{"true", RPC_INVALID_REQUEST, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool notification;
		bool has_id;
		int code = request_code(cases[i].line, &notification, &has_id);

		if (code != cases[i].code || notification != cases[i].notification ||
			has_id != cases[i].has_id) {
			fail_msg("%s: code %d, notification %d, id %d", cases[i].line, code,
				notification, has_id);
		}
	}
}

static void
assert_text(json_t *json, const char *expected)
{
	char *text = json_dumps(json, JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void
test_composing(void **state)
{
	json_t *id = json_string("x");

	assert_text(jsonrpc_result_new(id, json_integer(19)),
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":19}");
	assert_text(jsonrpc_error_new(NULL, RPC_PARSE_ERROR, NULL, NULL),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse "
		"error\"}}");
	assert_text(jsonrpc_error_new(id, RPC_REFUSED, "no", json_object()),
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32000,\"message\":\"no\","
		"\"data\":{}}}");
	assert_text(jsonrpc_request_new(7, "m", json_array()),
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"m\",\"params\":[]}");
	assert_text(jsonrpc_request_new(0, "event", NULL),
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\"}");
	/* a text that was cut inside a character is still an answer */
	assert_text(jsonrpc_error_new(NULL, 1, "caf\xc3", NULL),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"caf?\"}}");
	json_decref(id);
}

static void
test_code_texts(void **state)
{
	static const int codes[] = {RPC_PARSE_ERROR, RPC_INVALID_REQUEST, RPC_METHOD_NOT_FOUND,
		RPC_INVALID_PARAMS, RPC_INTERNAL_ERROR, RPC_REFUSED, RPC_LIMIT, RPC_NOT_PERMITTED,
		RPC_CONFLICT};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(
				jsonrpc_code_text(codes[i]), jsonrpc_code_text(codes[k]));
		}
	}
	assert_string_equal(jsonrpc_code_text(12345), "Error");
}

/* Each value costs far more memory than its bytes of text. */
static void
test_too_many_values(void **state)
{
	const size_t len = 2 * (size_t)RPC_VALUES_MAX + 3;
	struct jsonrpc_message message;
	struct jsonrpc_fault fault;
	char *line = malloc(len);

	assert_non_null(line);
	for (size_t i = 0; i < len; i++) {
		line[i] = i % 2 == 0 ? ',' : '1';
	}
	line[0] = '[';
	line[len - 1] = ']';
	assert_int_equal(jsonrpc_parse(line, len, &message, &fault), -EBADMSG);
	assert_int_equal(fault.code, RPC_LIMIT);
	assert_non_null(strstr(fault.text, "values"));
	/* what stands in a string is none */
	memset(line, ',', len);
	line[0] = '"';
	line[len - 1] = '"';
	assert_int_equal(jsonrpc_parse(line, len, &message, &fault), 0);
	jsonrpc_message_fini(&message);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_too_many_values),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_depth_is_counted_outside_strings),
		cmocka_unit_test(test_mixed_depth),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_batch_size),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_composing),
		cmocka_unit_test(test_code_texts),
	};

	return cmocka_run_group_tests_name("jsonrpc", tests, NULL, NULL);
}
