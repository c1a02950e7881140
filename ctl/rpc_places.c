/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who gets a place among the connections that are served.
 *
 * A connection begins as a stranger. When it is known who it is, it gets a place by its role, or is
 * told why not and closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/rpc_priv.h"

LOG_MODULE("rpc");

bool
place_is_root(const struct rpc_server *server, const struct rpc_who *who)
{
	return who->uid == 0 || (who->uid != (uid_t)-1 && who->uid == server->self);
}

static enum rpc_role
role_of(const struct rpc_server *server, const struct rpc_who *who)
{
	return server->role == NULL ? who->role : server->role(server->ctx, who);
}

/* Connections of a user with a place of this kind. */
static size_t
count_user(const struct rpc_server *server, uid_t uid, enum rpc_place place)
{
	const struct rpc_peer *peer;
	size_t n = 0;

	TAILQ_FOREACH (peer, &server->peers, link) {
		n += peer->place == place && peer->who.uid == uid;
	}
	return n;
}

int
place_check(const struct rpc_server *server, const struct rpc_who *who, struct err *err)
{
	const enum rpc_role role = role_of(server, who);
	const bool local = who->uid != (uid_t)-1;
	size_t max = RPC_PEERS_MAX;
	char name[RPC_NAME_SIZE];

	if (role == RPC_ROLE_NONE) {
		return err_set(err, ERR_DENIED, NULL,
			"%s has role none and may do nothing, see /system/access%s",
			rpc_who_text(who, name), rpc_who_hope(who));
	}
	if (!place_is_root(server, who)) {
		max -= RPC_PEERS_ROOT;
		max -= local && role == RPC_ROLE_ADMIN ? 0 : RPC_PEERS_ADMIN;
	}
	if (server->n_peers >= max) {
		return err_set(err, ERR_LIMIT, NULL,
			"all %zu connections are taken; try again when another client has gone",
			max);
	}
	if (local && !place_is_root(server, who) &&
		count_user(server, who->uid, RPC_PLACE_PEER) >= RPC_PEERS_USER) {
		return err_set(err, ERR_LIMIT, NULL, "%s has %d connections already: close some",
			rpc_who_text(who, name), RPC_PEERS_USER);
	}
	return 0;
}

void
place_free(struct rpc_peer *peer)
{
	struct rpc_server *server = peer->server;

	server->n_peers -= peer->place == RPC_PLACE_PEER;
	server->n_strangers -= peer->place == RPC_PLACE_STRANGER;
	peer->place = RPC_PLACE_NONE;
	peer->settle_by = 0;
}

/* Its last words, which it gets if it reads at all; it goes from the loop. */
static void
turn_away(struct rpc_peer *peer, const struct err *err) ON_MAIN
{
	struct rpc_text text = {.bytes = rpc_error_text(err)};

	text.len = strlen(text.bytes);
	peer_send(peer, text);
	place_free(peer);
	peer_finish(peer);
}

/* The oldest of the user who has most goes for the newest. */
static void
make_room(struct rpc_server *server) ON_MAIN
{
	struct rpc_peer *peer;
	struct rpc_peer *goes = NULL;
	struct err err = ERR_INIT;
	size_t most = 0;

	if (server->n_strangers <= RPC_STRANGERS_MAX) {
		return;
	}
	TAILQ_FOREACH (peer, &server->peers, link) {
		size_t n = peer->place != RPC_PLACE_STRANGER
			? 0
			: count_user(server, peer->who.uid, RPC_PLACE_STRANGER);

		if (n > most) {
			most = n;
			goes = peer;
		}
	}
	if (goes != NULL) {
		(void)err_set(&err, ERR_LIMIT, NULL,
			"too many connections of whom nobody knows yet what they may; try again");
		server->n_refused++;
		turn_away(goes, &err);
	}
}

static void
give_place(struct rpc_peer *peer) ON_MAIN
{
	struct rpc_server *server = peer->server;
	struct err err = ERR_INIT;
	char more[LOG_RATE_TEXT];

	if (place_check(server, &peer->who, &err) == 0) {
		place_free(peer);
		peer->place = RPC_PLACE_PEER;
		server->n_peers++;
		return;
	}
	server->n_refused += err.kind == ERR_LIMIT;
	if (log_rate_may(&server->turned_away, clock_now(), more)) {
		log_warn("connection refused: %s%s", err.text, more);
	}
	turn_away(peer, &err);
}

/* Whose descriptors take too long gets no place, whoever it is. */
static bool
refuse_full(struct rpc_peer *peer) ON_MAIN
{
	struct err err = ERR_INIT;
	char name[RPC_NAME_SIZE];

	if (peer->place != RPC_PLACE_STRANGER || !fds_full(peer)) {
		return false;
	}
	(void)err_set(&err, ERR_LIMIT, NULL,
		"descriptors that %s has sent are still being closed; try again when they are",
		rpc_who_text(&peer->who, name));
	peer->server->n_refused++;
	turn_away(peer, &err);
	return true;
}

/* Rules may be others than before. */
static void
reconsider(struct rpc_peer *peer) ON_MAIN
{
	struct rpc_server *server = peer->server;
	enum rpc_role role = role_of(server, &peer->who);
	struct err err = ERR_INIT;
	char name[RPC_NAME_SIZE];

	if (server->changed != NULL) {
		server->changed(server->changed_arg, peer, role);
	}
	if (role == RPC_ROLE_NONE) {
		(void)err_set(&err, ERR_DENIED, NULL, "%s may do nothing any more, and is closed%s",
			rpc_who_text(&peer->who, name), rpc_who_hope(&peer->who));
		log_info("%s", err.text);
		turn_away(peer, &err);
	}
}

void
place_look(struct rpc_peer *peer)
{
	const struct rpc_server *server = peer->server;
	bool settled = server->settled == NULL || server->settled(server->ctx, &peer->who);

	if (peer->closing || peer->place == RPC_PLACE_NONE || refuse_full(peer)) {
		return;
	}
	if (!settled && !place_waits(peer)) {
		peer->settle_by = clock_now() + RPC_SETTLE_S * CLOCK_S;
		peer_resume(peer);
		make_room(peer->server);
	}
	if (!settled && clock_now() < peer->settle_by) {
		return;
	}
	if (peer->place == RPC_PLACE_STRANGER) {
		peer->settle_by = 0;
		give_place(peer);
	} else if (place_waits(peer)) {
		peer->settle_by = 0;
		reconsider(peer);
	}
}

/* --- rules change ----------------------------------------------------------------------------- */

void
rpc_server_on_recheck(struct rpc_server *server,
	void (*changed)(void *arg, struct rpc_peer *peer, enum rpc_role role), void *arg)
{
	server->changed = changed;
	server->changed_arg = arg;
}

void
rpc_server_unsettle(struct rpc_server *server)
{
	struct rpc_peer *peer;

	TAILQ_FOREACH (peer, &server->peers, link) {
		place_look(peer);
	}
}

void
rpc_server_recheck(struct rpc_server *server)
{
	struct rpc_peer *peer;

	TAILQ_FOREACH (peer, &server->peers, link) {
		bool waited = place_waits(peer);

		place_look(peer);
		if (peer->place == RPC_PLACE_PEER && !waited && !place_waits(peer)) {
			reconsider(peer);
		}
	}
}
