/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_passing.h"
#include "base/str.h"
#include "ctl/client_tls.h"
#include "ctl/jsonrpc.h"

#define READ_SIZE (64 * 1024)

struct client {
	int fd;
	struct client_tls *tls; /* NULL: a UNIX socket */
	int interrupt_fd; /* -1: none */
	unsigned int timeout_ms;
	int attached; /* descriptor that goes with the next bytes, borrowed; -1: none */
	json_int_t last_id;
	char *buf; /* received, not yet consumed */
	size_t len; /* bytes in buf */
	size_t scanned; /* of them, known to hold no newline */
	size_t size; /* of buf */
};

static void
answer_take(const struct client *client, const json_t *answer, json_t **result, json_t **fault);
static int connect_error(int error, const char *path, struct err *err);
static int
send_all(struct client *client, const char *bytes, size_t len, uint64_t deadline, struct err *err);
static int receive_line(struct client *client, uint64_t deadline, json_t **out, struct err *err);

static uint64_t
deadline_in(unsigned int timeout_ms)
{
	return timeout_ms == 0 ? UINT64_MAX : clock_now() + timeout_ms * CLOCK_MS;
}

static struct client *
client_new(int fd, unsigned int timeout_ms)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client != NULL) {
		client->fd = fd;
		client->interrupt_fd = -1;
		client->attached = -1;
		client->timeout_ms = timeout_ms;
	}
	return client;
}

int
client_open(const char *path, unsigned int timeout_ms, struct client **out, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct client *client;
	int fd;

	if (!str_copy(address.sun_path, path, sizeof(address.sun_path))) {
		return err_set(err, ERR_INVALID, NULL, "the socket path is too long: %s", path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return err_set(err, ERR_FAILED, NULL, "socket: %s", strerror(errno));
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int rc = connect_error(errno, path, err);

		(void)close(fd);
		return rc;
	}
	client = client_new(fd, timeout_ms);
	if (client == NULL) {
		(void)close(fd);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	*out = client;
	return 0;
}

int
client_open_tls(const struct client_tls_conf *conf, unsigned int timeout_ms, struct client **out,
	struct err *err)
{
	struct client_tls *tls;
	struct client *client;
	int rc = client_tls_open(conf, deadline_in(timeout_ms), &tls, err);

	if (rc != 0) {
		return rc;
	}
	client = client_new(client_tls_fd(tls), timeout_ms);
	if (client == NULL) {
		client_tls_close(tls);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	client->tls = tls;
	*out = client;
	return 0;
}

void
client_close(struct client *client)
{
	if (client == NULL) {
		return;
	}
	if (client->tls != NULL) {
		client_tls_close(client->tls);
	} else {
		(void)close(client->fd);
	}
	free(client->buf);
	free(client);
}

void
client_timeout(struct client *client, unsigned int timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

void
client_interrupt(struct client *client, int fd)
{
	client->interrupt_fd = fd;
}

bool
client_idle(const struct client *client)
{
	char byte;

	return client->len == 0 && recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
		errno == EAGAIN;
}

int
client_call(struct client *client, const char *method, json_t *params, json_t **result,
	json_t **fault, struct err *err)
{
	uint64_t deadline = deadline_in(client->timeout_ms);
	json_t *request = jsonrpc_request_new(++client->last_id, method, params);
	char *bytes = json_dumps(request, JSON_COMPACT);
	json_t *answer = NULL;
	size_t len;
	int rc;

	*result = NULL;
	*fault = NULL;
	json_decref(request);
	if (bytes == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	len = strlen(bytes);
	bytes[len++] = '\n'; /* in place of the terminator, which nobody needs any more */
	rc = send_all(client, bytes, len, deadline, err);
	free(bytes);
	while (rc == 0 && *result == NULL && *fault == NULL) {
		rc = receive_line(client, deadline, &answer, err);
		if (rc == 0) {
			answer_take(client, answer, result, fault);
			json_decref(answer);
		}
	}
	return *fault != NULL ? -EREMOTE : rc;
}

int
client_event(struct client *client, json_t **event, struct err *err)
{
	int rc = 0;

	*event = NULL;
	while (rc == 0 && *event == NULL) {
		json_t *message;
		const char *method;
		const char *error;

		rc = receive_line(client, UINT64_MAX, &message, err);
		if (rc != 0) {
			return rc;
		}
		method = json_string_value(json_object_get(message, "method"));
		error = json_string_value(
			json_object_get(json_object_get(message, "error"), "message"));
		if (method != NULL && strcmp(method, "event") == 0) {
			*event = json_incref(json_object_get(message, "params"));
		} else if (error != NULL) {
			rc = err_set(err, ERR_FAILED, NULL, "%s", error);
		}
		json_decref(message);
	}
	return rc;
}

bool
client_attach(struct client *client, int fd)
{
	if (client->tls != NULL) {
		return false;
	}
	client->attached = fd;
	return true;
}

/* An answer to our call, or an error about the connection itself (id null); else leave it. */
static void
answer_take(const struct client *client, const json_t *answer, json_t **result, json_t **fault)
{
	const json_t *id = json_object_get(answer, "id");
	bool ours = json_is_integer(id) && json_integer_value(id) == client->last_id;

	if (ours) {
		*result = json_incref(json_object_get(answer, "result"));
	}
	if (ours || json_is_null(id)) {
		*fault = json_incref(json_object_get(answer, "error"));
	}
}

static int
connect_error(int error, const char *path, struct err *err)
{
	switch (error) {
	case ENOENT:
		return err_set(err, ERR_MISSING, NULL, "no daemon: there is no socket %s", path);
	case ECONNREFUSED:
		return err_set(err, ERR_MISSING, NULL, "no daemon: nobody listens on %s", path);
	case EACCES:
	case EPERM:
		return err_set(err, ERR_DENIED, NULL,
			"no permission to use %s: that is for root and the socket's group", path);
	default:
		return err_set(
			err, ERR_FAILED, NULL, "cannot connect to %s: %s", path, strerror(error));
	}
}

/* Wait until `events`, or fail at the deadline. */
static int
wait_for(struct client *client, short events, uint64_t deadline, struct err *err)
{
	short wanted = client->tls == NULL ? events : client_tls_events(client->tls, events);
	struct pollfd fds[] = {
		{.fd = client->fd, .events = wanted},
		{.fd = client->interrupt_fd, .events = POLLIN}, /* poll leaves out -1 */
	};

	if (wanted == 0) {
		return 0;
	}
	for (;;) {
		uint64_t now = clock_now();
		int n = 0;

		if (now < deadline) {
			uint64_t ms = (deadline - now) / CLOCK_MS + 1;

			n = poll(fds, 2, ms > INT32_MAX ? INT32_MAX : (int)ms);
		}
		if (n > 0 && fds[1].revents != 0) {
			(void)err_set(err, ERR_FAILED, NULL, "interrupted");
			return -EINTR;
		}
		if (n > 0) {
			return 0;
		}
		if (n == 0) {
			(void)err_set(err, ERR_FAILED, NULL,
				"the daemon did not answer within %u.%u s",
				client->timeout_ms / 1000, client->timeout_ms % 1000 / 100);
			return -ETIMEDOUT;
		}
		if (errno != EINTR) {
			return err_set(err, ERR_FAILED, NULL, "poll: %s", strerror(errno));
		}
	}
}

/* Some of the bytes, and with them the descriptor that is attached. */
static ssize_t
send_some(const struct client *client, const char *bytes, size_t len)
{
	if (client->tls != NULL) {
		return client_tls_send(client->tls, bytes, len);
	}
	return fd_passing_send(client->fd, bytes, len, &client->attached,
		client->attached >= 0 ? 1 : 0, MSG_DONTWAIT);
}

static int
send_all(struct client *client, const char *bytes, size_t len, uint64_t deadline, struct err *err)
{
	while (len > 0) {
		ssize_t n = send_some(client, bytes, len);

		if (n > 0) {
			client->attached = -1;
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			int rc = wait_for(client, POLLOUT, deadline, err);

			if (rc != 0) {
				return rc;
			}
		} else if (errno == EPIPE || errno == ECONNRESET || errno == EPROTO) {
			return 0; /* it may have said why; reading will tell */
		} else if (errno != EINTR) {
			return err_set(err, ERR_FAILED, NULL, "send: %s", strerror(errno));
		}
	}
	return 0;
}

/* Read what is there behind the bytes that we have. */
static int
receive_more(struct client *client, struct err *err)
{
	ssize_t n;

	if (client->size - client->len < READ_SIZE) {
		size_t size = client->size * 2 + READ_SIZE;
		char *grown = size > CLIENT_ANSWER_MAX ? NULL : realloc(client->buf, size);

		if (grown == NULL) {
			return err_set(err, ERR_TOO_BIG, NULL, "the daemon's answer is too long");
		}
		client->buf = grown;
		client->size = size;
	}
	n = client->tls != NULL ? client_tls_recv(client->tls, client->buf + client->len,
					  client->size - client->len)
				: recv(client->fd, client->buf + client->len,
					  client->size - client->len, MSG_DONTWAIT);
	if (n > 0) {
		client->len += (size_t)n;
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	if (n < 0 && errno == EPROTO && client->tls != NULL) {
		return err_set(err, ERR_DENIED, NULL, "the daemon ended the connection: %s",
			client_tls_reason(client->tls));
	}
	(void)err_set(err, ERR_FAILED, NULL, "the daemon closed the connection");
	return -EPIPE;
}

static int
receive_line(struct client *client, uint64_t deadline, json_t **out, struct err *err)
{
	json_error_t error;
	char *newline;
	size_t len;

	for (;;) {
		int rc;

		newline = client->len == client->scanned
			? NULL
			: memchr(client->buf + client->scanned, '\n',
				  client->len - client->scanned);
		if (newline != NULL) {
			break;
		}
		client->scanned = client->len;
		rc = wait_for(client, POLLIN, deadline, err);
		if (rc == 0) {
			rc = receive_more(client, err);
		}
		if (rc != 0) {
			return rc;
		}
	}
	len = (size_t)(newline - client->buf);
	*out = json_loadb(client->buf, len, 0, &error);
	client->len -= len + 1;
	memmove(client->buf, newline + 1, client->len);
	client->scanned = 0;
	if (*out == NULL) {
		return err_set(err, ERR_MALFORMED, NULL, "the daemon's answer is not JSON: %s",
			error.text);
	}
	return 0;
}
