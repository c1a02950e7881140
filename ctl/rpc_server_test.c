/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers of all manners, one a case. The socket file has its own tests in rpc_listen_test.c. */
#include "ctl/rpc_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/str.h"
#include "ctl/rpc_test_world.h"

#define PING "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}"
#define PONG "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}"

/* The code of an error answer, and that its id is null. */
static int
hear_error(struct world *world, int fd)
{
	char *line = world_hear(world, fd);
	json_t *answer;
	int code;

	assert_non_null(line);
	answer = json_loads(line, 0, NULL);
	assert_non_null(answer);
	assert_true(json_is_null(json_object_get(answer, "id")));
	code = (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
	json_decref(answer);
	free(line);
	return code;
}

/* ---- requests and answers ---- */

static void
test_echo(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	world_ask(world, fd,
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"b\":1,\"a\":[true]},\"id\":"
		"\"x\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"b\":1,\"a\":[true]}}");
	world_ask(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":null}",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":null}");
	world_ask(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1.5}",
		"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":null}");
	/* blank lines and DOS line ends are no requests and no harm */
	world_ask(world, fd, "\n  \r\n" PING "\r", PONG);
	(void)close(fd);
}

static void
test_errors(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	world_say(world, fd, "{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\"}");
	assert_int_equal(hear_error(world, fd), RPC_PARSE_ERROR);
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}");
	assert_int_equal(hear_error(world, fd), RPC_INVALID_REQUEST);
	world_say(world, fd, "[]");
	assert_int_equal(hear_error(world, fd), RPC_INVALID_REQUEST);
	world_ask(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"nix\",\"id\":\"1\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"error\":{\"code\":-32601,\"message\":"
		"\"there is no method \\\"nix\\\"\"}}");
	world_ask(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[1],\"id\":2}",
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32602,\"message\":"
		"\"params of echo must be an object\"}}");
	world_ask(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":7,\"id\":2}",
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32602,\"message\":"
		"\"params of echo must be an object\"}}");
	world_ask(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"fail\",\"id\":3}",
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32603,\"message\":"
		"\"Internal error\"}}");
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
}

static void
test_refusals(void **state)
{
	static const struct {
		enum err_kind kind;
		int code;
	} cases[] = {
		{ERR_INVALID, RPC_REFUSED},
		{ERR_UNKNOWN, RPC_REFUSED},
		{ERR_MISSING, RPC_REFUSED},
		{ERR_EXISTS, RPC_REFUSED},
		{ERR_IN_USE, RPC_REFUSED},
		{ERR_LIMIT, RPC_LIMIT},
		{ERR_DENIED, RPC_NOT_PERMITTED},
		{ERR_CONFLICT, RPC_CONFLICT},
		{ERR_UNSUPPORTED, RPC_REFUSED},
		{ERR_FAILED, RPC_REFUSED},
		{ERR_TOO_BIG, RPC_LIMIT},
		{ERR_MALFORMED, RPC_INVALID_PARAMS},
	};
	struct world *world = *state;
	int fd = world_connect(world);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char ask[256];
		char answer[256];

		(void)snprintf(ask, sizeof(ask),
			"{\"jsonrpc\":\"2.0\",\"method\":\"refuse\",\"params\":{\"kind\":%d,"
			"\"path\":\"/a\"},\"id\":1}",
			cases[i].kind);
		(void)snprintf(answer, sizeof(answer),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":%d,\"message\":\"cannot "
			"be\",\"data\":{\"error-tag\":\"%s\",\"error-path\":\"/"
			"a\",\"error-message\":"
			"\"cannot be\"}}}",
			cases[i].code, err_tag(cases[i].kind));
		world_ask(world, fd, ask, answer);
	}
	(void)close(fd);
}

static void
test_notifications_get_no_answer(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"count\"}");
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"no such\"}");
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[]}");
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"fail\"}");
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"refuse\",\"params\":{\"kind\":1}}");
	world_say(world, fd,
		"[{\"jsonrpc\":\"2.0\",\"method\":\"count\"},{\"jsonrpc\":\"2.0\",\"method\":\"x\"}"
		"]");
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"slow\"}");
	world_expect_silence(world, fd);
	assert_int_equal(world->n_counted, 2);
	world_complete(world, 0);
	world_expect_silence(world, fd);
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
}

static void
test_batch(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	world_ask(world, fd,
		"[" PING ",{\"jsonrpc\":\"2.0\",\"method\":\"count\"},{\"foo\":\"boo\"},1,"
		"{\"jsonrpc\":\"2.0\",\"method\":\"count\",\"id\":\"9\"}]",
		"[" PONG ",{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":"
		"\"\\\"jsonrpc\\\" is missing or not \\\"2.0\\\"\"}},"
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":"
		"\"a request is a JSON object\"}},"
		"{\"jsonrpc\":\"2.0\",\"id\":\"9\",\"result\":2}]");
	(void)close(fd);
}

static void
test_batch_waits_for_its_last_answer(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);
	char *line;

	world_say(world, fd,
		"[{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":\"a\"}," PING
		",{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":\"b\"}]");
	world_expect_silence(world, fd);
	/* other requests of this peer go on meanwhile */
	world_ask(world, fd, PING, PONG);
	world_complete(world, 1);
	world_expect_silence(world, fd);
	world_complete(world, 0);
	line = world_hear(world, fd);
	assert_string_equal(line,
		"[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":0}," PONG
		",{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"result\":1}]");
	free(line);
	(void)close(fd);
}

static void
test_full_batch(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);
	size_t size = RPC_BATCH_MAX * sizeof(PING) + 16;
	char *batch = malloc(size);
	json_t *answer;
	char *line;

	assert_non_null(batch);
	for (int i = 0; i < RPC_BATCH_MAX; i++) {
		memcpy(batch + (size_t)i * sizeof(PING), "," PING, sizeof(PING));
	}
	batch[0] = '[';
	memcpy(batch + (size_t)RPC_BATCH_MAX * sizeof(PING), "]", 2);
	world_say(world, fd, batch);
	line = world_hear(world, fd);
	answer = json_loads(line, 0, NULL);
	assert_int_equal(json_array_size(answer), RPC_BATCH_MAX);
	json_decref(answer);
	free(line);
	free(batch);
	(void)close(fd);
}

static void
test_answers_come_as_methods_end(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);
	char *line;

	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":1}");
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":2}");
	world_step(world);
	assert_int_equal(world->n_calls, 2);
	world_complete(world, 1);
	line = world_hear(world, fd);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1}");
	free(line);
	world_complete(world, 0);
	line = world_hear(world, fd);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":0}");
	free(line);
	(void)close(fd);
}

/* ---- peers that go ---- */

static void
test_half_lines_are_harmless(void **state)
{
	struct world *world = *state;
	int whole = world_connect(world);

	for (size_t len = 1; len <= strlen(PING); len++) {
		int fd = world_connect(world);

		assert_true(world_send(world, fd, PING, len));
		(void)close(fd);
		world_step(world);
	}
	/* slowly, byte by byte */
	for (const char *p = PING; *p != '\0'; p++) {
		assert_true(world_send(world, whole, p, 1));
	}
	world_ask(world, whole, "", PONG);
	(void)close(whole);
}

static void
test_unfinished_request_is_not_run(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	assert_true(world_send(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"count\"}", 33));
	(void)close(fd);
	world_step(world);
	assert_int_equal(world->n_counted, 0);
}

static void
test_complete_lines_of_a_peer_that_left_are_run(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	for (int i = 0; i < 100; i++) {
		const char text[] = "{\"jsonrpc\":\"2.0\",\"method\":\"count\",\"id\":1}\n";

		assert_int_equal(send(fd, text, sizeof(text) - 1, 0), sizeof(text) - 1);
	}
	(void)close(fd);
	for (int i = 0; i < 50; i++) {
		world_step(world);
	}
	assert_int_equal(world->n_counted, 100);
}

static void
test_half_closed_peer_gets_its_answers(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);
	char *line;

	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":1}");
	world_say(world, fd, PING);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	line = world_hear(world, fd);
	assert_string_equal(line, PONG);
	free(line);
	world_expect_silence(world, fd);
	world_complete(world, 0);
	line = world_hear(world, fd);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":0}");
	free(line);
	world_expect_close(world, fd);
}

static void
test_peer_vanishes_while_calls_are_pending(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":1}");
	world_say(world, fd,
		"[{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":2},{\"jsonrpc\":\"2.0\","
		"\"method\":"
		"\"slow\",\"id\":3}]");
	world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"slow\"}");
	world_step(world);
	assert_int_equal(world->n_calls, 4);
	(void)close(fd);
	world_step(world);
	for (size_t i = 0; i < 3; i++) {
		world_complete(world, i);
		world_step(world);
	}
	/* the fourth completes after the server has gone, in the teardown */
	fd = world_connect(world);
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
}

/* ---- limits ---- */

static void
test_line_too_long(void **state)
{
	struct world *world = *state;
	int other = world_connect(world);
	int fd = world_connect(world);
	size_t size = (size_t)1 << 20;
	char *piece = malloc(size);
	bool open = true;

	assert_non_null(piece);
	memset(piece, 'x', size);
	/* 64 MiB without a newline: the server hangs up long before */
	for (int i = 0; i < 64 && open; i++) {
		open = world_send(world, fd, piece, size);
	}
	assert_false(open);
	free(piece);
	assert_int_equal(hear_error(world, fd), RPC_LIMIT);
	world_expect_close(world, fd);
	world_ask(world, other, PING, PONG);
	(void)close(other);
}

static void
test_long_lines_of_many_peers(void **state)
{
	struct world *world = *state;
	size_t size = (size_t)12 << 20;
	char *piece = malloc(size);
	int fds[7];

	assert_non_null(piece);
	memset(piece, ' ', size);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = world_connect(world);
		if (i < 5) {
			assert_true(world_send(world, fds[i], piece, size));
		}
	}
	world_step(world);
	/* the sixth takes the sum over the limit, and only the sixth pays */
	(void)world_send(world, fds[5], piece, size);
	assert_int_equal(hear_error(world, fds[5]), RPC_LIMIT);
	world_expect_close(world, fds[5]);
	world_ask(world, fds[6], PING, PONG);
	(void)close(fds[6]);
	for (size_t i = 0; i < 5; i++) {
		world_ask(world, fds[i], PING, PONG);
		(void)close(fds[i]);
	}
	free(piece);
	/* and what was held is given back */
	fds[0] = world_connect(world);
	world_step(world);
	world_ask(world, fds[0], PING, PONG);
	(void)close(fds[0]);
}

static void
test_too_deep(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);
	char *line = malloc(100001);

	assert_non_null(line);
	memset(line, '[', 100000);
	line[100000] = '\0';
	world_say(world, fd, line);
	free(line);
	assert_int_equal(hear_error(world, fd), RPC_LIMIT);
	world_expect_close(world, fd);
}

static void
test_too_many_peers(void **state)
{
	struct world *world = *state;
	int fds[RPC_PEERS_MAX + 44];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = world_connect(world);
	}
	for (size_t i = RPC_PEERS_MAX; i < ARRAY_LEN(fds); i++) {
		assert_int_equal(hear_error(world, fds[i]), RPC_LIMIT);
		world_expect_close(world, fds[i]);
	}
	for (size_t i = 0; i < RPC_PEERS_MAX; i++) {
		world_ask(world, fds[i], PING, PONG);
		(void)close(fds[i]);
	}
	world_step(world);
	fds[0] = world_connect(world);
	world_ask(world, fds[0], PING, PONG);
	(void)close(fds[0]);
}

static void
test_a_thousand_connects(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 1000; i++) {
		int fd = world_connect(world);

		if (i % 100 == 0) {
			world_ask(world, fd, PING, PONG);
		}
		(void)close(fd);
		world_step(world);
	}
}

static void
test_out_of_descriptors(void **state)
{
	struct world *world = *state;
	struct rlimit before;
	struct rlimit none;
	int fds[2];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	fds[0] = world_connect(world);
	fds[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* no descriptor above the last that is in use */
	none.rlim_cur = (rlim_t)fds[1] + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	world_connect_fd(world, fds[1]);
	world_ask(world, fds[0], PING, PONG);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	/* it was kept waiting, not lost */
	world_ask(world, fds[1], PING, PONG);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
test_peer_that_never_reads_is_not_read_from(void **state)
{
	struct world *world = *state;
	int other = world_connect(world);
	int fd = world_connect(world);
	const char ask[] = "{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":{\"size\":100000},"
			   "\"id\":1}\n";
	size_t n = 0;

	/* as far as it goes: then neither side's buffers take more, and nothing grows */
	for (int idle = 0; idle < 100;) {
		if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(ask) - 1) {
			n++;
			idle = 0;
			assert_true(n < 100000);
		} else {
			idle++;
		}
		world_step(world);
	}
	world_ask(world, other, PING, PONG);
	/* who starts to read gets all that was asked for */
	for (size_t i = 0; i < n; i++) {
		char *line = world_hear(world, fd);

		assert_non_null(line);
		free(line);
	}
	(void)close(fd);
	(void)close(other);
}

static void
test_output_limit_closes(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);

	for (int i = 0; i < 20; i++) {
		world_say(world, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":1}");
	}
	world_step(world);
	assert_int_equal(world->n_calls, 20);
	for (size_t i = 0; i < 20; i++) {
		char *text = malloc(1 << 20);

		role_assert(&role_main);
		assert_non_null(text);
		memset(text, 'x', 1 << 20);
		rpc_call_reply(world->calls[i], json_stringn(text, 1 << 20));
		world->calls[i] = NULL;
		free(text);
	}
	for (int i = 0; i < 8; i++) {
		char *line = world_hear(world, fd);

		assert_non_null(line);
		assert_true(strlen(line) > 1 << 20);
		free(line);
	}
	world_expect_close(world, fd);
}

static void
test_answer_too_long(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);
	char ask[128];
	char *line;

	(void)snprintf(ask, sizeof(ask),
		"{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":{\"size\":%u},\"id\":7}",
		RPC_ANSWER_MAX);
	world_say(world, fd, ask);
	line = world_hear(world, fd);
	assert_non_null(strstr(line, "\"id\":7,\"error\":{\"code\":-32001"));
	free(line);
	/* the same for what a batch collects, answer by answer */
	(void)snprintf(ask, sizeof(ask),
		"{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":{\"size\":%u},\"id\":7}",
		RPC_ANSWER_MAX / 2);
	assert_true(world_send(world, fd, "[", 1));
	for (int i = 0; i < 3; i++) {
		assert_true(world_send(world, fd, i == 0 ? "" : ",", i == 0 ? 0 : 1));
		assert_true(world_send(world, fd, ask, strlen(ask)));
	}
	world_say(world, fd, "]");
	line = world_hear(world, fd);
	assert_true(strlen(line) < RPC_ANSWER_MAX);
	assert_non_null(strstr(line, "\"code\":-32001"));
	free(line);
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
}

static void
test_pending_limit_pauses(void **state)
{
	struct world *world = *state;
	int other = world_connect(world);
	int fd = world_connect(world);
	const char ask[] = "{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"id\":1}\n";
	size_t n = RPC_PENDING_MAX + 500;
	size_t size = n * (sizeof(ask) - 1);
	char *lines = malloc(size);

	assert_non_null(lines);
	for (size_t i = 0; i < n; i++) {
		memcpy(lines + i * (sizeof(ask) - 1), ask, sizeof(ask) - 1);
	}
	/* at once: the kernel's buffer holds so many bytes, but not as many pieces */
	assert_true(world_send(world, fd, lines, size));
	free(lines);
	for (int i = 0; i < 100; i++) {
		world_step(world);
	}
	assert_int_equal(world->n_calls, RPC_PENDING_MAX);
	world_ask(world, other, PING, PONG);
	for (size_t i = 0; i < n; i++) {
		char *line;

		world_complete(world, i);
		line = world_hear(world, fd);
		assert_non_null(line);
		free(line);
	}
	assert_int_equal(world->n_calls, n);
	(void)close(fd);
	(void)close(other);
}

static void
test_many_lines_do_not_starve_others(void **state)
{
	struct world *world = *state;
	int greedy = world_connect(world);
	int modest = world_connect(world);
	const char ask[] = "{\"jsonrpc\":\"2.0\",\"method\":\"count\"}\n";
	char lines[1000 * (sizeof(ask) - 1)];
	char *line;

	for (size_t i = 0; i < 1000; i++) {
		memcpy(lines + i * (sizeof(ask) - 1), ask, sizeof(ask) - 1);
	}
	assert_int_equal(send(greedy, lines, sizeof(lines), 0), sizeof(lines));
	assert_int_equal(send(modest, PING "\n", sizeof(PING), 0), sizeof(PING));
	(void)event_base_loop(world->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	(void)event_base_loop(world->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_true(world->n_counted <= 4 * RPC_TURN_LINES);
	line = malloc(sizeof(PONG) + 1);
	assert_int_equal(recv(modest, line, sizeof(PONG) + 1, 0), sizeof(PONG));
	free(line);
	for (int i = 0; i < 100; i++) {
		world_step(world);
	}
	assert_int_equal(world->n_counted, 1000);
	(void)close(greedy);
	(void)close(modest);
}

static void
test_noise(void **state)
{
	struct world *world = *state;
	uint32_t seed = 12345;
	char noise[4096];

	for (int round = 0; round < 200; round++) {
		int fd = world_connect(world);

		for (size_t i = 0; i < sizeof(noise); i++) {
			static const char letters[] = "[]{}\",:\\\n0123tfn \xff\xc3\x80u";

			seed = seed * 1664525 + 1013904223;
			noise[i] = letters[(seed >> 16) % sizeof(letters)];
		}
		(void)send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
		world_step(world);
		(void)close(fd);
		world_step(world);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_echo),
		CASE(test_errors),
		CASE(test_refusals),
		CASE(test_notifications_get_no_answer),
		CASE(test_batch),
		CASE(test_batch_waits_for_its_last_answer),
		CASE(test_full_batch),
		CASE(test_answers_come_as_methods_end),
		CASE(test_half_lines_are_harmless),
		CASE(test_unfinished_request_is_not_run),
		CASE(test_complete_lines_of_a_peer_that_left_are_run),
		CASE(test_half_closed_peer_gets_its_answers),
		CASE(test_peer_vanishes_while_calls_are_pending),
		CASE(test_line_too_long),
		CASE(test_long_lines_of_many_peers),
		CASE(test_too_deep),
		CASE(test_too_many_peers),
		CASE(test_a_thousand_connects),
		CASE(test_out_of_descriptors),
		CASE(test_peer_that_never_reads_is_not_read_from),
		CASE(test_output_limit_closes),
		CASE(test_answer_too_long),
		CASE(test_pending_limit_pauses),
		CASE(test_many_lines_do_not_starve_others),
		CASE(test_noise),
	};

	return cmocka_run_group_tests_name("rpc_server", tests, NULL, NULL);
}
