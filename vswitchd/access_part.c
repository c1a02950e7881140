/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/access_part.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/names.h"
#include "ctl/rpc_server.h"

#define LOOK_UNKNOWN_S 1 /* between looks at names while some are not known */
#define LOOK_S 60

/* Those who are always let in do not wait for a name service: they are asked for at the start. */
static void
learn(struct names *names, uid_t uid) ON_MAIN
{
	char key[16];

	(void)snprintf(key, sizeof(key), "%u", uid);
	names_learn(names, NAMES_ACCOUNT, key);
}

void
access_part_init(struct access_part *part)
{
	*part = (struct access_part){.server = NULL};
	access_init(&part->access, geteuid());
	part->names = names_create(NULL);
	learn(part->names, 0);
	learn(part->names, geteuid());
}

void
access_part_fini(struct access_part *part)
{
	access_fini(&part->access);
	names_destroy(part->names);
	if (part->recheck != NULL) {
		event_free(part->recheck);
	}
}

static void
on_recheck(evutil_socket_t fd, short what, void *arg)
{
	struct access_part *part = arg;
	struct timeval next = {.tv_sec = LOOK_S};

	(void)fd;
	(void)what;
	role_assert(&role_main);
	access_resolve(&part->access, part->names);
	if (part->access.n_changes != part->n_changes) {
		part->n_changes = part->access.n_changes;
		rpc_server_recheck(part->server);
	}
	next.tv_sec = part->access.unknown ? LOOK_UNKNOWN_S : LOOK_S;
	(void)event_add(part->recheck, &next);
}

int
access_part_serve(struct access_part *part, struct event_base *base, struct rpc_server *server,
	struct err *err)
{
	part->server = server;
	part->recheck = evtimer_new(base, on_recheck, part);
	return part->recheck == NULL ? err_set(err, ERR_LIMIT, NULL, "out of memory") : 0;
}

static int
access_part_check(void *ctx, const json_t *after, struct err *err)
{
	const struct access_part *part = ctx;
	struct access access;
	int rc = access_read(&access, part->access.self, after, err);

	if (rc == 0) {
		access_fini(&access);
	}
	return rc;
}

static int
access_part_prepare(void *ctx, const json_t *before, const json_t *after, bool loading,
	void **prepared, struct err *err)
{
	const struct access_part *part = ctx;
	struct access *access = calloc(1, sizeof(*access));
	int rc;

	(void)before;
	(void)loading;
	if (access == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = access_read(access, part->access.self, after, err);
	if (rc != 0) {
		free(access);
		return rc;
	}
	*prepared = access;
	return 0;
}

static void
access_part_apply(void *ctx, void *prepared)
{
	struct access_part *part = ctx;
	struct access *access = prepared;

	role_assert(&role_main);
	access->n_changes = part->access.n_changes + 1;
	access_fini(&part->access);
	part->access = *access;
	free(access);
	names_rules_begin(part->names);
	access_resolve(&part->access, part->names);
	names_rules_end(part->names);
	if (part->recheck != NULL) {
		static const struct timeval now = {0, 0};

		(void)event_add(part->recheck, &now);
	}
	if (part->server != NULL) {
		rpc_server_unsettle(part->server);
	}
}

static void
access_part_abort(void *ctx, void *prepared)
{
	struct access *access = prepared;

	(void)ctx;
	access_fini(access);
	free(access);
}

struct system_part
access_part_system(struct access_part *part)
{
	return (struct system_part){
		.container = "access",
		.ctx = part,
		.check = access_part_check,
		.prepare = access_part_prepare,
		.apply = access_part_apply,
		.abort = access_part_abort,
	};
}

void
access_part_loaded(struct access_part *part)
{
	if (!part->access.ready) {
		(void)access_read(&part->access, part->access.self, NULL, NULL);
	}
}
