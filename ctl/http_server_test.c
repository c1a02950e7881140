/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests in bytes against a server with routes that show how they go; and whose pages may ask. */
#include "ctl/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/http_origin.h"

#define ANSWER_SIZE ((size_t)1 << 20)
#define PATIENCE 3000 /* tries of a millisecond */
#define HELD_MAX 8

struct lab {
	struct event_base *base;
	struct http_server *server;
	uint16_t port;
	struct http_request *held[HELD_MAX]; /* of /held, not answered */
	size_t n_held;
	struct http_request *stream;
	bool stream_gone;
	char *answer;
};

static void
run_echo(void *ctx, struct http_request *request)
{
	struct evbuffer *body = evbuffer_new();
	char from[HTTP_FROM_SIZE];
	const char *bytes;
	size_t len;

	role_assert(&role_main);
	bytes = http_body(request, &len);
	http_from(request, from);
	assert_true(strncmp(from, "127.0.0.1:", 10) == 0);
	(void)evbuffer_add_printf(body, "[%s] ", http_query(request));
	(void)evbuffer_add(body, bytes == NULL ? "" : bytes, len);
	http_reply(request, 200, "text/plain", body);
	evbuffer_free(body);
}

static void
run_held(void *ctx, struct http_request *request)
{
	struct lab *lab = ctx;

	assert_true(lab->n_held < HELD_MAX);
	lab->held[lab->n_held++] = request;
}

static void
run_own(void *ctx, struct http_request *request)
{
	role_assert(&role_main);
	http_say(request, 200, "ours");
}

static void
stream_gone(void *arg)
{
	struct lab *lab = arg;

	lab->stream_gone = true;
	lab->stream = NULL;
}

static void
run_stream(void *ctx, struct http_request *request)
{
	struct lab *lab = ctx;

	role_assert(&role_main);
	lab->stream = request;
	http_stream(request, "text/event-stream", stream_gone, lab);
}

static const struct http_route routes[] = {
	{"/echo", HTTP_GET | HTTP_HEAD | HTTP_POST, false, 0, run_echo},
	{"/held", HTTP_GET, false, 2, run_held},
	{"/own", HTTP_GET, true, 0, run_own},
	{"/stream", HTTP_GET, false, 0, run_stream},
	{NULL, 0, false, 0, NULL},
};

static int
setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	struct sockaddr_in address = {0};
	socklen_t len = sizeof(address);
	struct err err = ERR_INIT;
	int fd;

	role_enter(&role_main);
	(void)signal(SIGPIPE, SIG_IGN);
	lab->base = event_base_new();
	lab->answer = malloc(ANSWER_SIZE);
	assert_int_equal(http_server_create(lab->base, routes, lab, &lab->server, &err), 0);
	/* port 0: the kernel picks one */
	assert_int_equal(http_listen("127.0.0.1", 0, -1, &fd, &err), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	lab->port = ntohs(address.sin_port);
	assert_int_equal(http_server_listen(lab->server, fd, &err), 0);
	*state = lab;
	role_leave(&role_main);
	return 0;
}

static int
teardown(void **state)
{
	struct lab *lab = *state;

	role_enter(&role_main);
	for (size_t i = 0; i < lab->n_held; i++) {
		http_say(lab->held[i], 503, "the end");
	}
	if (lab->stream != NULL) {
		http_stream_end(lab->stream);
	}
	http_server_destroy(lab->server);
	event_base_free(lab->base);
	free(lab->answer);
	free(lab);
	role_leave(&role_main);
	return 0;
}

static void
step(struct lab *lab)
{
	role_enter(&role_main);
	for (int i = 0; i < 4; i++) {
		(void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
	}
	role_leave(&role_main);
}

static int
dial(struct lab *lab)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(lab->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	step(lab);
	return fd;
}

static void
say(struct lab *lab, int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			return;
		}
		step(lab);
	}
}

/* What comes until `end` is in it, or the server closes. */
static const char *
hear(struct lab *lab, int fd, const char *end)
{
	size_t len = 0;

	for (int i = 0; i < PATIENCE; i++) {
		struct pollfd state = {.fd = fd, .events = POLLIN};
		ssize_t n;

		step(lab);
		if (poll(&state, 1, 1) == 0) {
			continue;
		}
		n = recv(fd, lab->answer + len, ANSWER_SIZE - len - 1, 0);
		len += n > 0 ? (size_t)n : 0;
		lab->answer[len] = '\0';
		if (n <= 0 || (end != NULL && strstr(lab->answer, end) != NULL)) {
			return lab->answer;
		}
	}
	fail_msg("'%s' does not come", end == NULL ? "the end" : end);
	return NULL;
}

static void
ask(struct lab *lab, const char *request, const char *status, const char *end)
{
	int fd = dial(lab);
	const char *answer;

	say(lab, fd, request);
	answer = hear(lab, fd, end);
	if (strncmp(answer, status, strlen(status)) != 0) {
		fail_msg("%.60s: %.200s", request, answer);
	}
	(void)close(fd);
	step(lab);
}

#define HOST "Host: localhost\r\n"

static void
test_answers(void **state)
{
	struct lab *lab = *state;
	const char *answer;
	int fd;

	ask(lab, "GET /echo?a=b HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK", "[a=b] ");
	ask(lab, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK",
		"[] hello");
	ask(lab,
		"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
		"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK", "[] hello");
	ask(lab, "GET /nope HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404",
		"there are: /echo /held /own /stream");
	ask(lab, "GET /nope HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "HTTP/1.1 404", NULL);
	ask(lab, "POST /held HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "HTTP/1.1 405",
		"Allow: GET\r\n");
	/* one connection, one request after the other; HEAD has the length and no body */
	fd = dial(lab);
	say(lab, fd, "HEAD /echo?x HTTP/1.1\r\n" HOST "\r\n");
	answer = hear(lab, fd, "\r\n\r\n");
	assert_non_null(strstr(answer, "Content-Length: 4\r\n"));
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	say(lab, fd, "GET /echo?y HTTP/1.1\r\n" HOST "\r\n");
	assert_non_null(strstr(hear(lab, fd, "[y] "), "nosniff"));
	assert_memory_equal(lab->answer, "HTTP/1.1 200 OK", 15);
	(void)close(fd);
}

static void
test_bounds(void **state)
{
	struct lab *lab = *state;
	char *long_line = calloc(1, HTTP_HEADERS_MAX + 100);

	(void)snprintf(long_line, 32, "GET /echo HTTP/1.1\r\nX: ");
	memset(long_line + strlen(long_line), 'x', HTTP_HEADERS_MAX);
	ask(lab, long_line, "HTTP/1.1 400", NULL);
	free(long_line);
	ask(lab, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 262145\r\n\r\nx", "HTTP/1.1 413",
		NULL);
	ask(lab, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n40001\r\n",
		"HTTP/1.1 413", NULL);
	ask(lab, "GET /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "HTTP/1.1 400",
		"Connection: close");
	ask(lab, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 400", NULL);
	ask(lab, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 501", NULL);
	ask(lab, "nonsense\r\n\r\n", "HTTP/", NULL);
}

/* An answer may come later, to a client that has gone as well; a route's limit is kept. */
static void
test_later(void **state)
{
	static const char request[] = "GET /held HTTP/1.1\r\n" HOST "\r\n";
	struct lab *lab = *state;
	struct http_server_stats stats;
	int fds[2];

	for (size_t i = 0; i < 2; i++) {
		fds[i] = dial(lab);
		say(lab, fds[i], request);
	}
	while (lab->n_held < 2) {
		step(lab);
	}
	ask(lab, request, "HTTP/1.1 503", "come again");
	/* more than one request before the answer: they wait */
	say(lab, fds[0], request);
	step(lab);
	assert_int_equal(lab->n_held, 2);
	(void)close(fds[1]);
	step(lab);
	role_enter(&role_main);
	lab->n_held = 0;
	http_say(lab->held[0], 200, "first");
	http_say(lab->held[1], 200, "second");
	role_leave(&role_main);
	assert_non_null(strstr(hear(lab, fds[0], "first\n"), "200 OK"));
	while (lab->n_held == 0) {
		step(lab);
	}
	(void)close(fds[0]);
	step(lab);
	role_enter(&role_main);
	http_server_stats(lab->server, &stats);
	assert_int_equal(stats.requests, 4);
	assert_int_equal(stats.refused, 1);
	role_leave(&role_main);
}

static void
send_piece(struct lab *lab, size_t size)
{
	struct evbuffer *piece = evbuffer_new();
	char *bytes = calloc(1, size);

	memset(bytes, 'x', size);
	(void)evbuffer_add(piece, bytes, size);
	role_enter(&role_main);
	http_stream_send(lab->stream, piece);
	role_leave(&role_main);
	evbuffer_free(piece);
	free(bytes);
}

static void
test_stream(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	while (lab->stream == NULL) {
		step(lab);
	}
	send_piece(lab, 4);
	(void)hear(lab, fd, "4\r\nxxxx\r\n");
	/* one that is not read waits with us, and is seen */
	for (int i = 0; i < 100; i++) {
		send_piece(lab, 65536);
		step(lab);
	}
	role_enter(&role_main);
	assert_true(http_stream_waiting(lab->stream) > 65536);
	role_leave(&role_main);
	(void)close(fd);
	for (int i = 0; i < PATIENCE && !lab->stream_gone; i++) {
		step(lab);
		(void)usleep(1000);
	}
	assert_true(lab->stream_gone);
	/* and one that we end */
	fd = dial(lab);
	say(lab, fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	while (lab->stream == NULL) {
		step(lab);
	}
	role_enter(&role_main);
	http_stream_end(lab->stream);
	role_leave(&role_main);
	lab->stream = NULL;
	assert_non_null(strstr(hear(lab, fd, NULL), "0\r\n\r\n"));
	(void)close(fd);
}

/* Connections that say nothing make room for others. */
static void
test_idle(void **state)
{
	struct lab *lab = *state;
	struct http_server_stats stats;
	int fds[HTTP_CONNECTIONS_MAX + 10];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial(lab);
	}
	ask(lab, "GET /echo?z HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK", "[z] ");
	role_enter(&role_main);
	http_server_stats(lab->server, &stats);
	assert_true(stats.connections <= HTTP_CONNECTIONS_MAX);
	assert_true(stats.refused >= 10);
	role_leave(&role_main);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		(void)close(fds[i]);
	}
	/* a new socket ends those that are left */
	for (int i = 0; i < PATIENCE && stats.connections > 0; i++) {
		step(lab);
		role_enter(&role_main);
		http_server_stats(lab->server, &stats);
		role_leave(&role_main);
	}
	assert_int_equal(stats.connections, 0);
}

static void
test_listen(void **state)
{
	struct lab *lab = *state;
	struct err err = ERR_INIT;
	int fd = -1;

	role_enter(&role_main);
	assert_int_equal(http_listen("127.0.0.1", lab->port, -1, &fd, &err), err_errno(ERR_IN_USE));
	assert_string_equal(err.path, "port");
	assert_non_null(strstr(err.text, "of 127.0.0.1"));
	assert_int_equal(http_listen("nowhere", 1, -1, &fd, &err), err_errno(ERR_INVALID));
	assert_string_equal(err.path, "address");
	assert_int_equal(http_listen("192.0.2.1", 1, -1, &fd, &err), err_errno(ERR_INVALID));
	assert_int_equal(http_listen("::1", 0, -1, &fd, &err), 0);
	(void)close(fd);
	/* nothing listens any more */
	assert_int_equal(http_server_listen(lab->server, -1, &err), 0);
	assert_int_equal(http_listen("127.0.0.1", lab->port, -1, &fd, &err), 0);
	(void)close(fd);
	role_leave(&role_main);
}

static const struct {
	const char *host;
	const char *origin;
	const char *site;
	bool good;
} origins[] = {
	{"127.0.0.1:10475", NULL, NULL, true},
	{"localhost", NULL, NULL, true},
	{"LocalHost:1", "http://localhost:1", "same-origin", true},
	{"[::1]:10475", "http://[::1]:10475", NULL, true},
	{"box:1", "https://box:1", "none", true},
	{"10.0.0.1", "http://10.0.0.1", NULL, true},
	{NULL, NULL, NULL, false},
	{"", NULL, NULL, false},
	{"evil.example", NULL, NULL, false},
	{"127.0.0.1.evil.example", NULL, NULL, false},
	{"127.0.0.1:80@evil.example", NULL, NULL, false},
	{"[::1", NULL, NULL, false},
	{"[evil]", NULL, NULL, false},
	{"::1", NULL, NULL, false},
	{"localhost:80x", NULL, NULL, false},
	{"localhost", "http://evil.example", NULL, false},
	{"localhost", "http://localhost:81", NULL, false},
	{"localhost", "null", NULL, false},
	{"localhost", "ftp://localhost", NULL, false},
	{"localhost", NULL, "cross-site", false},
	{"localhost", NULL, "same-site", false},
};

static void
test_origin(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
		const struct http_origin headers = {.host = origins[i].host,
			.origin = origins[i].origin,
			.site = origins[i].site};

		if ((http_origin_refused(&headers, "box") == NULL) != origins[i].good) {
			fail_msg("host %s, origin %s, site %s", origins[i].host, origins[i].origin,
				origins[i].site);
		}
	}
	assert_false(http_host_is_ours("box", ""));
	ask(lab, "GET /own HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200", "ours\n");
	ask(lab, "GET /own HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403", "refused");
	ask(lab, "GET /own HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n", "HTTP/1.1 403",
		"site");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_origin, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
