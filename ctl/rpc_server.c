/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/rpc_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/rpc_priv.h"

LOG_MODULE("rpc");

#define ACCEPTS_PER_TURN 64
#define LOG_BURST 20 /* lines of connections refused at once; then one a second */
#define ACCEPT_RETRY_MS 100 /* when the process is out of descriptors */

static void server_acceptable(evutil_socket_t fd, short what, void *arg);
static void server_accept_later(evutil_socket_t fd, short what, void *arg);
static void accept_fd(struct rpc_server *server, int fd) ON_MAIN;

int
rpc_server_create(struct event_base *base, const struct rpc_server_options *options,
	struct rpc_server **out, struct err *err)
{
	struct rpc_server *server = calloc(1, sizeof(*server));
	int rc;

	if (server == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	server->base = base;
	server->methods = options->methods;
	server->ctx = options->ctx;
	server->role = options->role;
	server->settled = options->settled;
	server->self = geteuid();
	server->turned_away = (struct log_rate){.burst = LOG_BURST, .each = CLOCK_S};
	LIST_INIT(&server->held);
	LIST_INIT(&server->shares);
	server->ended = options->ended;
	TAILQ_INIT(&server->peers);
	rc = rpc_listen_init(&server->listener, options->path, options->mode, options->group, err);
	if (rc != 0) {
		free(server);
		return rc;
	}
	server->acceptable = event_new(
		base, server->listener.fd, EV_READ | EV_PERSIST, server_acceptable, server);
	server->accept_later = event_new(base, -1, 0, server_accept_later, server);
	if (server->acceptable == NULL || server->accept_later == NULL ||
		event_add(server->acceptable, NULL) != 0) {
		rpc_server_destroy(server);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	*out = server;
	return 0;
}

void
rpc_server_destroy(struct rpc_server *server)
{
	struct rpc_peer *peer;

	if (server == NULL) {
		return;
	}
	while ((peer = TAILQ_FIRST(&server->peers)) != NULL) {
		peer_destroy(peer);
	}
	held_server_gone(server);
	if (server->acceptable != NULL) {
		event_free(server->acceptable);
	}
	if (server->accept_later != NULL) {
		event_free(server->accept_later);
	}
	rpc_listen_fini(&server->listener);
	free(server);
}

void
rpc_server_on_gone(
	struct rpc_server *server, void (*gone)(void *arg, struct rpc_peer *peer), void *arg)
{
	server->gone = gone;
	server->gone_arg = arg;
}

uint64_t
rpc_server_refused(const struct rpc_server *server)
{
	return server->n_refused;
}

static void
server_acceptable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval retry = {0, ACCEPT_RETRY_MS * 1000};
	struct rpc_server *server = arg;

	role_assert(&role_main);
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int peer_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (peer_fd >= 0) {
			server->accept_warned = false;
			accept_fd(server, peer_fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			/* the connection stays in the backlog; polling it now would spin */
			if (!server->accept_warned) {
				log_warn("cannot accept on %s: %s", server->listener.path,
					strerror(errno));
			}
			server->accept_warned = true;
			(void)event_del(server->acceptable);
			(void)event_add(server->accept_later, &retry);
			return;
		}
	}
}

static void
server_accept_later(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_server *server = arg;

	role_assert(&role_main);
	(void)event_add(server->acceptable, NULL);
}

static void
accept_fd(struct rpc_server *server, int fd)
{
	struct rpc_peer *peer;
	struct rpc_who who;

	rpc_who_unix(fd, &who);
	if (peer_create(server, fd, &who, &peer) != 0) {
		log_warn("no memory for a connection on %s", server->listener.path);
		return;
	}
	place_look(peer);
	peer_settle(peer);
}

int
rpc_server_adopt(struct rpc_server *server, int fd, const struct rpc_who *who, struct err *err)
{
	struct rpc_peer *peer;
	struct rpc_who copy;
	int rc = place_check(server, who, err);

	if (rc != 0) {
		server->n_refused += err->kind == ERR_LIMIT;
		(void)close(fd);
		return rc;
	}
	(void)evutil_make_socket_nonblocking(fd);
	rpc_who_copy(&copy, who);
	if (peer_create(server, fd, &copy, &peer) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for a connection");
	}
	place_look(peer);
	peer_settle(peer);
	return 0;
}
