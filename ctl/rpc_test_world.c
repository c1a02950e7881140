/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/rpc_test_world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/str.h"

#define PATIENCE 2000 /* tries of a millisecond */
#define HEAR_SIZE ((size_t)65536)
#define LINE_MAX_SIZE ((size_t)40 << 20)

static void
run_echo(void *ctx, struct rpc_call *call, json_t *params)
{
	role_assert(&role_main);
	rpc_call_reply(call, params == NULL ? json_null() : json_incref(params));
}

static void
run_slow(void *ctx, struct rpc_call *call, json_t *params)
{
	struct world *world = ctx;

	role_assert(&role_main);
	assert_true(world->n_calls < WORLD_CALLS_MAX);
	world->calls[world->n_calls++] = call;
}

static void
run_count(void *ctx, struct rpc_call *call, json_t *params)
{
	struct world *world = ctx;

	role_assert(&role_main);
	world->n_counted++;
	rpc_call_reply(call, json_integer((json_int_t)world->n_counted));
}

static void
run_refuse(void *ctx, struct rpc_call *call, json_t *params)
{
	struct err err = ERR_INIT;

	role_assert(&role_main);
	(void)err_set(&err, (enum err_kind)json_integer_value(json_object_get(params, "kind")),
		json_string_value(json_object_get(params, "path")), "cannot be");
	rpc_call_refuse(call, &err);
}

static void
run_fail(void *ctx, struct rpc_call *call, json_t *params)
{
	role_assert(&role_main);
	rpc_call_fail(call, RPC_INTERNAL_ERROR, NULL);
}

static void
run_big(void *ctx, struct rpc_call *call, json_t *params)
{
	size_t size = (size_t)json_integer_value(json_object_get(params, "size"));
	char *text = malloc(size);

	role_assert(&role_main);
	assert_non_null(text);
	memset(text, 'x', size);
	rpc_call_reply(call, json_stringn(text, size));
	free(text);
}

const struct rpc_method world_methods[] = {
	{"echo", run_echo},
	{"slow", run_slow},
	{"count", run_count},
	{"refuse", run_refuse},
	{"fail", run_fail},
	{"big", run_big},
	{NULL, NULL},
};

int
world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	return world == NULL ? -1 : world_init(world, world_methods, world);
}

int
world_teardown(void **state)
{
	int rc = world_fini(*state);

	free(*state);
	return rc;
}

int
world_init(struct world *world, const struct rpc_method *methods, void *ctx)
{
	struct rpc_server_options options = {
		.path = world->path,
		.mode = 0600,
		.group = (gid_t)-1,
		.methods = methods,
		.ctx = ctx,
		.role = world->role,
		.settled = world->settled,
	};
	struct err err = ERR_INIT;

	role_enter(&role_main);
	(void)str_copy(world->folder, "/tmp/vsw-rpc-test-XXXXXX", sizeof(world->folder));
	if (mkdtemp(world->folder) == NULL) {
		return -1;
	}
	(void)snprintf(world->path, sizeof(world->path), "%s/sock", world->folder);
	world->base = event_base_new();
	if (rpc_server_create(world->base, &options, &world->server, &err) != 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

int
world_fini(struct world *world)
{
	int rc = 0;

	rpc_server_destroy(world->server);
	for (size_t i = 0; i < world->n_calls; i++) {
		if (world->calls[i] != NULL) {
			rpc_call_reply(world->calls[i], json_null());
		}
	}
	event_base_free(world->base);
	if (access(world->path, F_OK) == 0 || rmdir(world->folder) != 0) {
		print_error("the server left something in %s\n", world->folder);
		rc = -1;
	}
	role_leave(&role_main);
	return rc;
}

void
world_step(struct world *world)
{
	for (int i = 0; i < 4; i++) {
		(void)event_base_loop(world->base, EVLOOP_NONBLOCK);
	}
}

int
world_connect(struct world *world)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	world_connect_fd(world, fd);
	return fd;
}

void
world_connect_fd(struct world *world, int fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)str_copy(address.sun_path, world->path, sizeof(address.sun_path));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	world_step(world);
}

int
world_adopt(struct world *world, const struct rpc_who *who)
{
	struct err err = ERR_INIT;
	int fds[2];

	role_assert(&role_main);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	if (rpc_server_adopt(world->server, fds[0], who, &err) != 0) {
		(void)close(fds[1]);
		return -1;
	}
	world_step(world);
	return fds[1];
}

bool
world_send(struct world *world, int fd, const char *bytes, size_t len)
{
	for (int tries = 0; len > 0;) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			tries = 0;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return false;
		} else {
			assert_int_equal(errno, EAGAIN);
			if (++tries > PATIENCE) {
				fail_msg("the server does not read");
			}
		}
		(void)event_base_loop(world->base, EVLOOP_NONBLOCK);
	}
	return true;
}

void
world_say(struct world *world, int fd, const char *text)
{
	assert_true(world_send(world, fd, text, strlen(text)));
	assert_true(world_send(world, fd, "\n", 1));
}

/* Wait for bytes, letting the server run. */
static void
wait_readable(struct world *world, int fd)
{
	struct pollfd state = {.fd = fd, .events = POLLIN};

	for (int i = 0; i < PATIENCE; i++) {
		world_step(world);
		if (poll(&state, 1, i == 0 ? 0 : 1) > 0) {
			return;
		}
	}
	fail_msg("nothing comes from the server");
}

char *
world_hear(struct world *world, int fd)
{
	size_t size = 0;
	char *line = NULL;
	size_t len = 0;

	for (;;) {
		ssize_t n;
		char *newline;

		wait_readable(world, fd);
		if (size - len < HEAR_SIZE) {
			size = size * 2 + HEAR_SIZE;
			line = realloc(line, size);
			assert_non_null(line);
		}
		/* peek, so that what stands behind the line stays in the socket */
		n = recv(fd, line + len, HEAR_SIZE, MSG_PEEK);
		if (n <= 0) {
			assert_true(n == 0 || errno == ECONNRESET);
			free(line);
			return NULL;
		}
		newline = memchr(line + len, '\n', (size_t)n);
		if (newline != NULL) {
			n = newline + 1 - (line + len);
		}
		assert_int_equal(recv(fd, line + len, (size_t)n, 0), n);
		len += (size_t)n;
		assert_true(len < LINE_MAX_SIZE);
		if (newline != NULL) {
			line[len - 1] = '\0';
			return line;
		}
	}
}

void
world_ask(struct world *world, int fd, const char *text, const char *answer)
{
	char *line;

	world_say(world, fd, text);
	line = world_hear(world, fd);
	assert_non_null(line);
	assert_string_equal(line, answer);
	free(line);
}

json_t *
world_call(struct world *world, int fd, const char *method, const char *params)
{
	static const char form[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s%s}";
	const char *member = params == NULL ? "" : ",\"params\":";
	const char *value = params == NULL ? "" : params;
	const size_t size = sizeof(form) + strlen(method) + strlen(member) + strlen(value);
	char *text = malloc(size);
	json_t *answer;
	char *line;

	assert_non_null(text);
	(void)snprintf(text, size, form, method, member, value);
	world_say(world, fd, text);
	free(text);
	line = world_hear(world, fd);
	assert_non_null(line);
	answer = json_loads(line, 0, NULL);
	assert_non_null(answer);
	free(line);
	return answer;
}

void
world_expect_close(struct world *world, int fd)
{
	char *line;

	while ((line = world_hear(world, fd)) != NULL) {
		free(line);
	}
	(void)close(fd);
}

void
world_expect_silence(struct world *world, int fd)
{
	char byte;

	world_step(world);
	assert_int_equal(recv(fd, &byte, 1, MSG_PEEK), -1);
	assert_int_equal(errno, EAGAIN);
}

void
world_complete(struct world *world, size_t i)
{
	struct rpc_call *call = world->calls[i];

	role_assert(&role_main);
	assert_true(i < world->n_calls && call != NULL);
	world->calls[i] = NULL;
	rpc_call_reply(call, json_integer((json_int_t)i));
}
