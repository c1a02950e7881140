/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client against daemons that misbehave. The daemon's end is a socket that the test holds: what
 * it will say is written before the client asks.
 */
#include "ctl/client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/socket_path.h"

struct daemon {
	char path[108];
	int listener;
	int fd; /* of the connection */
	struct client *client;
};

static int
setup(void **state)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct err err = ERR_INIT;

	*state = d;
	if (d == NULL) {
		return -1;
	}
	(void)snprintf(d->path, sizeof(d->path), "/tmp/vsw-client-test-%ld", (long)getpid());
	(void)unlink(d->path);
	(void)str_copy(address.sun_path, d->path, sizeof(address.sun_path));
	d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(d->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(d->listener, 1) != 0) {
		return -1;
	}
	if (client_open(d->path, 50, &d->client, &err) != 0) {
		return -1;
	}
	d->fd = accept(d->listener, NULL, NULL);
	return d->fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct daemon *d = *state;

	client_close(d->client);
	(void)close(d->fd);
	(void)close(d->listener);
	(void)unlink(d->path);
	free(d);
	return 0;
}

static void
say(struct daemon *d, const char *text)
{
	assert_int_equal(send(d->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Call "m": its outcome; *text is the result or the fault, "" if there is neither. */
static int
call(struct daemon *d, char *text, size_t size, struct err *err)
{
	json_t *result;
	json_t *fault;
	int rc = client_call(d->client, "m", NULL, &result, &fault, err);
	char *dump = json_dumps(result == NULL ? fault : result, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_true(result == NULL || fault == NULL);
	(void)str_copy(text, dump == NULL ? "" : dump, size);
	free(dump);
	json_decref(result);
	json_decref(fault);
	return rc;
}

static void
test_answers(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	char text[256];
	char asked[256] = "";

	say(d,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[1]}\n{\"jsonrpc\":\"2.0\",\"id\":2,"
		"\"result\":null}\n{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32000}}\n");
	assert_int_equal(call(d, text, sizeof(text), &err), 0);
	assert_string_equal(text, "[1]");
	assert_int_equal(call(d, text, sizeof(text), &err), 0);
	assert_string_equal(text, "null");
	assert_int_equal(call(d, text, sizeof(text), &err), -EREMOTE);
	assert_string_equal(text, "{\"code\":-32000}");
	assert_true(recv(d->fd, asked, sizeof(asked) - 1, 0) > 0);
	assert_non_null(strstr(asked, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}\n"));
}

static void
test_events_and_strangers_are_skipped(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	char text[256];

	say(d,
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":1}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":2}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":99,\"error\":{}}\n"
		"[]\n"
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":3}\n");
	assert_int_equal(call(d, text, sizeof(text), &err), 0);
	assert_string_equal(text, "3");
}

static void
test_error_about_the_connection(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	char text[256];

	say(d, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001}}\n");
	(void)shutdown(d->fd, SHUT_RDWR);
	assert_int_equal(call(d, text, sizeof(text), &err), -EREMOTE);
	assert_string_equal(text, "{\"code\":-32001}");
}

static void
test_no_answer(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	char text[256];

	say(d, "{\"jsonrpc\":\"2.0\",\"id\":1,\"resu");
	assert_int_equal(call(d, text, sizeof(text), &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "did not answer within 0.0 s"));
}

/* Whoever types Ctrl-C at the prompt waits no longer, whatever the daemon does. */
static void
test_interrupt(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	json_t *event;
	char text[256];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	client_timeout(d->client, 0);
	client_interrupt(d->client, ends[0]);
	say(d, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n");
	assert_int_equal(call(d, text, sizeof(text), &err), 0);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_int_equal(call(d, text, sizeof(text), &err), -EINTR);
	assert_int_equal(client_event(d->client, &event, &err), -EINTR);
	assert_null(event);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* A connection that is kept is used again only if it is as a new one would be. */
static void
test_idle(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	char text[256];

	assert_true(client_idle(d->client));
	say(d, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n");
	assert_false(client_idle(d->client));
	assert_int_equal(call(d, text, sizeof(text), &err), 0);
	assert_true(client_idle(d->client));
	say(d, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1}\n{");
	assert_int_equal(call(d, text, sizeof(text), &err), 0);
	assert_false(client_idle(d->client));
	(void)shutdown(d->fd, SHUT_RDWR);
	assert_false(client_idle(d->client));
}

static void
test_daemon_dies(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	char text[256];

	say(d, "{\"jsonrpc\":\"2.0\",\"id\":1,\"resu");
	(void)shutdown(d->fd, SHUT_RDWR);
	assert_int_equal(call(d, text, sizeof(text), &err), -EPIPE);
	assert_non_null(strstr(err.text, "closed the connection"));
}

static void
test_garbage(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	char text[256];

	say(d, "SSH-2.0-OpenSSH\n");
	assert_int_equal(call(d, text, sizeof(text), &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not JSON"));
}

static void
test_open_errors(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	struct client *client;
	char path[256];

	assert_int_equal(client_open("/tmp/vsw/no/such", 1, &client, &err), -ENOENT);
	memset(path, 'x', sizeof(path));
	path[200] = '\0';
	assert_int_equal(client_open(path, 1, &client, &err), -EINVAL);
	(void)close(d->listener);
	assert_int_equal(client_open(d->path, 1, &client, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nobody listens"));
	client_close(NULL);
}

static void
test_socket_paths(void **state)
{
	struct err err = ERR_INIT;
	char path[SOCKET_PATH_SIZE];
	char lengthy[256];

	assert_int_equal(setenv(SOCKET_PATH_ENV, "/env", 1), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1), 0);
	assert_int_equal(socket_path_find("/option", path, sizeof(path), &err), 0);
	assert_string_equal(path, "/option");
	assert_int_equal(socket_path_find(NULL, path, sizeof(path), &err), 0);
	assert_string_equal(path, "/env");
	assert_int_equal(unsetenv(SOCKET_PATH_ENV), 0);
	assert_int_equal(socket_path_find("", path, sizeof(path), &err), 0);
	assert_string_equal(
		path, geteuid() == 0 ? SOCKET_PATH_SYSTEM : "/run/user/7/vswitch/vswitchd.sock");
	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[108] = '\0';
	assert_int_equal(socket_path_find(lengthy, path, sizeof(path), &err), -EINVAL);
	assert_non_null(strstr(err.text, "108 bytes, at most 107"));
	lengthy[107] = '\0';
	assert_int_equal(socket_path_find(lengthy, path, sizeof(path), &err), 0);
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	assert_int_equal(
		socket_path_find(NULL, path, sizeof(path), &err), geteuid() == 0 ? 0 : -ENOENT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Events come when they come; what is no event is skipped; an error or the end is the end. */
static void
test_events(void **state)
{
	struct daemon *d = *state;
	struct err err = ERR_INIT;
	json_t *event;

	say(d,
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"n\":1}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"other\",\"params\":{\"n\":2}}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"n\":3}}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":"
		"\"answers are not read\"}}\n");
	assert_int_equal(client_event(d->client, &event, &err), 0);
	assert_int_equal(json_integer_value(json_object_get(event, "n")), 1);
	json_decref(event);
	assert_int_equal(client_event(d->client, &event, &err), 0);
	assert_int_equal(json_integer_value(json_object_get(event, "n")), 3);
	json_decref(event);
	assert_true(client_event(d->client, &event, &err) < 0);
	assert_null(event);
	assert_string_equal(err.text, "answers are not read");
	(void)shutdown(d->fd, SHUT_RDWR);
	assert_int_equal(client_event(d->client, &event, &err), -EPIPE);
	assert_null(event);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answers),
		CASE(test_events_and_strangers_are_skipped),
		CASE(test_error_about_the_connection),
		CASE(test_no_answer),
		CASE(test_interrupt),
		CASE(test_idle),
		CASE(test_daemon_dies),
		CASE(test_garbage),
		CASE(test_open_errors),
		cmocka_unit_test(test_socket_paths),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
