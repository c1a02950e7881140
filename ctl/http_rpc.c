/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "ctl/http_rpc_priv.h"

#define NO_CONTENT 204
#define BAD_REQUEST 400
#define UNSUPPORTED_MEDIA 415
#define UNAVAILABLE 503

/* --- connections to the RPC server ----------------------------------------------------------- */

static void
call_readable(struct bufferevent *bev, void *arg)
{
	struct http_call *call = arg;

	role_assert(&role_main);
	call->readable(call);
}

static void
call_ended(struct bufferevent *bev, short what, void *arg)
{
	struct http_call *call = arg;

	role_assert(&role_main);
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
		call->ended(call);
	}
}

static int
connect_call(struct http_call *call, struct err *err) ON_MAIN
{
	struct rpc_who who = {.user = "http",
		.nobody = true,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.role = call->rpc->role};
	int ends[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "%s", strerror(errno));
	}
	http_from(call->request, who.from);
	rc = rpc_server_adopt(call->rpc->server, ends[0], &who, err);
	if (rc != 0) {
		(void)close(ends[1]);
		return rc;
	}
	call->bev = bufferevent_socket_new(call->rpc->base, ends[1], BEV_OPT_CLOSE_ON_FREE);
	if (call->bev == NULL) {
		(void)close(ends[1]);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	bufferevent_setcb(call->bev, call_readable, NULL, call_ended, call);
	(void)bufferevent_enable(call->bev, EV_READ | EV_WRITE);
	return 0;
}

struct http_call *
http_call_open(struct http_rpc *rpc, struct http_request *request)
{
	struct http_call *call = must_calloc(1, sizeof(*call));
	struct err err = ERR_INIT;

	call->rpc = rpc;
	call->request = request;
	if (connect_call(call, &err) != 0) {
		free(call);
		http_say(request, UNAVAILABLE, err.text);
		return NULL;
	}
	LIST_INSERT_HEAD(&rpc->calls, call, link);
	return call;
}

void
http_call_close(struct http_call *call)
{
	LIST_REMOVE(call, link);
	if (call->timer != NULL) {
		event_free(call->timer);
	}
	bufferevent_free(call->bev);
	free(call);
}

const char *
http_call_line(struct http_call *call, size_t *len)
{
	struct evbuffer *in = bufferevent_get_input(call->bev);
	struct evbuffer_ptr from;
	struct evbuffer_ptr end;

	if (evbuffer_ptr_set(in, &from, call->scanned, EVBUFFER_PTR_SET) != 0) {
		return NULL;
	}
	end = evbuffer_search(in, "\n", 1, &from);
	if (end.pos < 0) {
		call->scanned = evbuffer_get_length(in);
		return NULL;
	}
	*len = (size_t)end.pos;
	return (const char *)evbuffer_pullup(in, end.pos + 1);
}

void
http_call_drop_line(struct http_call *call, size_t len)
{
	(void)evbuffer_drain(bufferevent_get_input(call->bev), len + 1);
	call->scanned = 0;
}

struct http_rpc *
http_rpc_create(struct event_base *base, struct rpc_server *server)
{
	struct http_rpc *rpc = calloc(1, sizeof(*rpc));

	if (rpc != NULL) {
		rpc->base = base;
		rpc->server = server;
		rpc->role = RPC_ROLE_READ;
		LIST_INIT(&rpc->calls);
	}
	return rpc;
}

void
http_rpc_destroy(struct http_rpc *rpc)
{
	struct http_call *call;

	while (rpc != NULL && (call = LIST_FIRST(&rpc->calls)) != NULL) {
		if (call->streams) {
			http_stream_end(call->request);
		} else {
			http_say(call->request, UNAVAILABLE, "the switch stops");
		}
		http_call_close(call);
	}
	free(rpc);
}

void
http_rpc_set_role(struct http_rpc *rpc, enum rpc_role role)
{
	rpc->role = role;
}

/* --- POST /rpc ------------------------------------------------------------------------------- */

static void
rpc_readable(struct http_call *call) ON_MAIN
{
	struct evbuffer *body;
	const char *line;
	size_t len;

	line = http_call_line(call, &len);
	if (line == NULL) {
		return;
	}
	body = evbuffer_new();
	if (body == NULL) {
		http_say(call->request, UNAVAILABLE, "out of memory");
	} else {
		(void)evbuffer_remove_buffer(bufferevent_get_input(call->bev), body, len + 1);
		http_reply(call->request, 200, "application/json", body);
		evbuffer_free(body);
	}
	http_call_close(call);
}

static void
rpc_ended(struct http_call *call) ON_MAIN
{
	/* notifications have no answer; or the server has closed for a reason that it did not say
	 */
	http_reply(call->request, NO_CONTENT, NULL, NULL);
	http_call_close(call);
}

static bool
is_json_type(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;

	return type != NULL && strncasecmp(type, json, len) == 0 &&
		(type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

/* All is sent: what the server has to say is what we wait for. */
static void
rpc_sent(struct bufferevent *bev, void *arg)
{
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

void
http_rpc_run(struct http_rpc *rpc, struct http_request *request)
{
	struct http_call *call;
	const char *body;
	char *line;
	size_t len;

	/* A page of another site can send other types without asking first (Fetch standard, CORS).
	 */
	if (!is_json_type(http_header(request, "Content-Type"))) {
		http_say(request, UNSUPPORTED_MEDIA, "a request is sent as application/json");
		return;
	}
	body = http_body(request, &len);
	if (body == NULL) {
		http_say(request, BAD_REQUEST, "a request has a body: {\"jsonrpc\": \"2.0\", ...}");
		return;
	}
	call = http_call_open(rpc, request);
	if (call == NULL) {
		return;
	}
	call->readable = rpc_readable;
	call->ended = rpc_ended;
	/* One line: between tokens a tab means as much as a newline, and in a string as little. */
	line = must_calloc(1, len + 1);
	memcpy(line, body, len);
	for (size_t i = 0; i < len; i++) {
		line[i] = line[i] == '\n' ? '\t' : line[i];
	}
	line[len] = '\n';
	bufferevent_setcb(call->bev, call_readable, rpc_sent, call_ended, call);
	(void)bufferevent_write(call->bev, line, len + 1);
	free(line);
}
