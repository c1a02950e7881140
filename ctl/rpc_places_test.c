/* SPDX-License-Identifier: BSD-3-Clause */
/* What a peer can take, and take from others: places, memory, descriptors. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/fd_passing.h"
#include "base/foreign_fd.h"
#include "base/str.h"
#include "base/test_linger.h"
#include "ctl/rpc_test_world.h"

#define PING "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":0}"
#define PONG "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":null}"
#define TRIES 5000 /* of a millisecond */

#define UID_OPERATOR 2000
#define UID_NONE 2001
#define UID_ADMIN 2002
#define UID_SLOW 2003 /* nobody knows who it is until `known` */
#define UID_NEVER 2004 /* nor ever */
#define UID_NEVER_2 2005

static bool known;
static enum rpc_role operator_role;
static int taken; /* by method "take" */

static enum rpc_role
role(void *ctx, const struct rpc_who *who)
{
	switch (who->uid) {
	case UID_NONE:
		return RPC_ROLE_NONE;
	case UID_OPERATOR:
		return operator_role;
	case UID_SLOW:
		return known ? RPC_ROLE_READ : RPC_ROLE_NONE;
	case UID_NEVER:
		return RPC_ROLE_READ;
	default:
		return RPC_ROLE_ADMIN;
	}
}

static bool
settled(void *ctx, struct rpc_who *who)
{
	if (who->uid == UID_SLOW && known) {
		(void)str_copy(who->user, "slow", sizeof(who->user));
	}
	return who->uid == UID_NEVER || who->uid == UID_NEVER_2 ? false
								: who->uid != UID_SLOW || known;
}

static void
run_echo(void *ctx, struct rpc_call *call, json_t *params)
{
	role_assert(&role_main);
	rpc_call_reply(call, json_null());
}

static void
run_slow(void *ctx, struct rpc_call *call, json_t *params)
{
	struct world *world = ctx;

	role_assert(&role_main);
	world->calls[world->n_calls++] = call;
}

static void
run_take(void *ctx, struct rpc_call *call, json_t *params)
{
	role_assert(&role_main);
	taken = rpc_call_take_fd(call);
	rpc_call_reply(call, json_boolean(taken >= 0));
}

static const struct rpc_method methods[] = {
	{"echo", run_echo, RPC_ROLE_READ},
	{"slow", run_slow, RPC_ROLE_READ},
	{"take", run_take, RPC_ROLE_READ},
	{NULL, NULL},
};

static int
setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	known = false;
	operator_role = RPC_ROLE_OPERATE;
	taken = -1;
	*state = world;
	if (world == NULL) {
		return -1;
	}
	world->role = role;
	world->settled = settled;
	return world_init(world, methods, world);
}

static struct rpc_who
somebody(uid_t uid)
{
	struct rpc_who who = {.uid = uid, .gid = 1, .role = RPC_ROLE_ADMIN, .from = "test"};

	(void)snprintf(who.user, sizeof(who.user), "user-%u", uid);
	return who;
}

static int
adopt(struct world *world, uid_t uid)
{
	const struct rpc_who who = somebody(uid);

	return world_adopt(world, &who);
}

static void
close_all(struct world *world, const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)close(fds[i]);
	}
	world_step(world);
}

/* --- places ----------------------------------------------------------------------------------- */

static void
no_role(void **state)
{
	const struct rpc_who nobody = somebody(UID_NONE);
	struct world *world = *state;
	struct err err = ERR_INIT;
	int fds[2];
	int fd;

	role_assert(&role_main);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(rpc_server_adopt(world->server, fds[0], &nobody, &err), -EACCES);
	assert_non_null(strstr(err.text, "user-2001 (test) has role none"));
	assert_int_equal(rpc_server_refused(world->server), 0);
	(void)close(fds[1]);
	/* as many as there may be of others find no place taken by them */
	for (int i = 0; i < 2 * RPC_PEERS_MAX; i++) {
		assert_int_equal(adopt(world, UID_NONE), -1);
	}
	fd = adopt(world, UID_OPERATOR);
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
}

/* One user has half of them, others the rest, and operators always get in. */
static void
reserve(void **state)
{
	enum { OTHERS = RPC_PEERS_MAX - RPC_PEERS_ROOT - RPC_PEERS_ADMIN };
	struct world *world = *state;
	int fds[RPC_PEERS_MAX];
	size_t n = 0;

	role_assert(&role_main);
	while (n < RPC_PEERS_USER) {
		fds[n++] = adopt(world, UID_OPERATOR);
	}
	assert_int_equal(adopt(world, UID_OPERATOR), -1);
	while (n < OTHERS) {
		fds[n] = adopt(world, 3000 + (uid_t)n); /* admins, one by one */
		assert_true(fds[n++] >= 0);
	}
	operator_role = RPC_ROLE_ADMIN;
	(void)close(fds[0]);
	world_step(world);
	operator_role = RPC_ROLE_OPERATE;
	fds[0] = adopt(world, UID_OPERATOR);
	assert_true(fds[0] >= 0);
	assert_int_equal(adopt(world, UID_OPERATOR), -1);
	while (n < RPC_PEERS_MAX - RPC_PEERS_ROOT) {
		fds[n] = adopt(world, 3000 + (uid_t)n);
		assert_true(fds[n++] >= 0);
	}
	assert_int_equal(adopt(world, UID_ADMIN), -1);
	while (n < RPC_PEERS_MAX) {
		fds[n] = world_connect(world); /* as ourselves */
		world_ask(world, fds[n++], PING, PONG);
	}
	assert_int_equal(adopt(world, 0), -1);
	assert_int_equal(rpc_server_refused(world->server), 4);
	close_all(world, fds, n);
}

static void
expect_reason(struct world *world, int fd, const char *reason)
{
	char *line = world_hear(world, fd);

	assert_non_null(line);
	assert_non_null(strstr(line, reason));
	free(line);
	world_expect_close(world, fd);
}

/* Nobody knows who it is: it is not read from until then, and no place of others is taken. */
static void
strangers(void **state)
{
	enum { N = RPC_STRANGERS_MAX + 8 };
	struct world *world = *state;
	const int other = adopt(world, UID_NEVER_2); /* the oldest of all, and it stays */
	int fds[N];

	for (size_t i = 0; i < N; i++) {
		fds[i] = adopt(world, UID_NEVER);
		assert_true(fds[i] >= 0);
		world_say(world, fds[i], PING);
	}
	for (size_t i = 0; i < N - RPC_STRANGERS_MAX + 1; i++) {
		expect_reason(world, fds[i], "nobody knows yet");
	}
	world_expect_silence(world, fds[N - 1]);
	world_expect_silence(world, other);
	(void)close(other);
	close_all(world, fds + N - RPC_STRANGERS_MAX + 1, RPC_STRANGERS_MAX - 1);
}

/* After a while it goes on with the role that is sure. */
static void
patience(void **state)
{
	struct world *world = *state;
	int fd = adopt(world, UID_NEVER);

	world_say(world, fd, PING);
	world_expect_silence(world, fd);
	free(world_hear(world, fd)); /* has patience for as long */
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
}

struct told {
	int n;
	enum rpc_role role;
};

static void
changed(void *arg, struct rpc_peer *peer, enum rpc_role now)
{
	struct told *told = arg;

	told->n++;
	told->role = now;
}

static void
recheck(void **state)
{
	struct world *world = *state;
	struct told told = {0};
	int fd = adopt(world, UID_OPERATOR);
	char *line;

	role_assert(&role_main);
	rpc_server_on_recheck(world->server, changed, &told);
	world_ask(world, fd, PING, PONG);
	operator_role = RPC_ROLE_READ;
	rpc_server_recheck(world->server);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.role, RPC_ROLE_READ);
	world_ask(world, fd, PING, PONG);
	operator_role = RPC_ROLE_NONE;
	rpc_server_recheck(world->server);
	assert_int_equal(told.role, RPC_ROLE_NONE);
	line = world_hear(world, fd);
	assert_non_null(strstr(line, "-32002"));
	free(line);
	world_expect_close(world, fd);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* A line of method "slow" with so many bytes of params. */
static void
say_long(struct world *world, int fd, size_t size)
{
	static const char head[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"slow\",\"params\":{\"x\":\"";
	char *line = malloc(sizeof(head) + size + 8);

	assert_non_null(line);
	memcpy(line, head, sizeof(head) - 1);
	memset(line + sizeof(head) - 1, 'x', size);
	memcpy(line + sizeof(head) - 1 + size, "\"}}\n", 5);
	(void)world_send(world, fd, line, sizeof(head) - 1 + size + 4);
	free(line);
	for (int i = 0; i < 200; i++) {
		world_step(world);
	}
}

static void
held_bytes(void **state)
{
	enum { LONG = 15 << 20, PEERS = 5 };
	struct world *world = *state;
	int fds[PEERS];
	size_t n = 0;
	int fd;

	/* one peer: what is beyond its share waits until something of it ends */
	fds[0] = adopt(world, UID_ADMIN);
	for (int i = 0; i < 4; i++) {
		say_long(world, fds[0], LONG);
	}
	assert_int_equal(world->n_calls, 4);
	say_long(world, fds[0], LONG);
	assert_int_equal(world->n_calls, 4);
	/* others are served, until all have what there is for all */
	for (size_t p = 1; p < PEERS; p++) {
		fds[p] = adopt(world, UID_ADMIN + 100 + (uid_t)p);
		world_ask(world, fds[p], PING, PONG);
		for (int i = 0; i < (p == PEERS - 1 ? 2 : 4); i++) {
			say_long(world, fds[p], LONG);
		}
	}
	n = world->n_calls;
	assert_int_equal(n, RPC_HELD_MAX / LONG);
	/* and even then there is room for small lines */
	fd = adopt(world, UID_OPERATOR);
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
	for (size_t i = 0; i < world->n_calls; i++) {
		world_complete(world, i);
		for (int k = 0; k < 20; k++) {
			world_step(world);
		}
	}
	assert_int_equal(world->n_calls, 5 + 4 * (PEERS - 2) + 2);
	close_all(world, fds, PEERS);
}

/* A line of method "slow" with so many small values. */
static void
say_many(struct world *world, int fd, size_t n)
{
	static const char head[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"slow\",\"params\":{\"x\":[0";
	const size_t size = sizeof(head) - 1 + 2 * n + 4;
	char *line = malloc(size);

	assert_non_null(line);
	memcpy(line, head, sizeof(head) - 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(line + sizeof(head) - 1 + 2 * i, ",0", 2);
	}
	memcpy(line + size - 4, "]}}\n", 4);
	(void)world_send(world, fd, line, size);
	free(line);
	for (int i = 0; i < 200; i++) {
		world_step(world);
	}
}

/* What counts is the memory that they take, and that of all connections of a user. */
static void
held_values(void **state)
{
	enum { MANY = 500000 };
	struct world *world = *state;
	int fds[] = {adopt(world, UID_ADMIN), adopt(world, UID_ADMIN), adopt(world, UID_ADMIN),
		adopt(world, UID_OPERATOR)};

	say_many(world, fds[0], MANY);
	say_many(world, fds[0], MANY);
	assert_int_equal(world->n_calls, 1);
	say_many(world, fds[1], MANY);
	assert_int_equal(world->n_calls, 2);
	say_many(world, fds[2], MANY);
	assert_int_equal(world->n_calls, 2);
	say_many(world, fds[3], MANY);
	assert_int_equal(world->n_calls, 3);
	/* what it has left behind counts on */
	(void)close(fds[1]);
	world_step(world);
	assert_int_equal(world->n_calls, 3);
	for (size_t i = 0; i < world->n_calls; i++) {
		world_complete(world, i);
		for (int k = 0; k < 20; k++) {
			world_step(world);
		}
	}
	assert_int_equal(world->n_calls, 5);
	fds[1] = fds[3];
	close_all(world, fds, 3);
}

/* --- descriptors ------------------------------------------------------------------------------ */

/* Send a line with a descriptor. */
static void
say_with(struct world *world, int socket, const char *text, int fd)
{
	char line[256];
	const int len = snprintf(line, sizeof(line), "%s\n", text);

	assert_int_equal(fd_passing_send(socket, line, (size_t)len, &fd, 1, 0), len);
}

#define TAKE "{\"jsonrpc\":\"2.0\",\"method\":\"take\",\"id\":0}"
#define TOOK "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":true}"
#define TOOK_NONE "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":false}"

static void
expect_line(struct world *world, int fd, const char *expected)
{
	char *line = world_hear(world, fd);

	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
}

/* All ends of a pipe have gone but ours. */
static void
expect_hung_up(struct world *world, int reader)
{
	char byte;

	assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; read(reader, &byte, 1) != 0; i++) {
		assert_true(i < TRIES);
		(void)usleep(1000);
		world_step(world);
	}
}

/* A descriptor is for its own line; what that does not take is gone. */
static void
not_taken(void **state)
{
	struct world *world = *state;
	int fd = world_connect(world);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	say_with(world, fd, PING, ends[1]);
	world_say(world, fd, TAKE);
	expect_line(world, fd, PONG);
	expect_line(world, fd, TOOK_NONE);
	(void)close(ends[1]);
	expect_hung_up(world, ends[0]);
	(void)close(ends[0]);
	/* of two lines that come at once the second has it */
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(send(fd, TAKE "\n", sizeof(TAKE), 0), sizeof(TAKE));
	say_with(world, fd, TAKE, ends[1]);
	expect_line(world, fd, TOOK_NONE);
	expect_line(world, fd, TOOK);
	(void)close(taken);
	(void)close(ends[1]);
	expect_hung_up(world, ends[0]);
	(void)close(ends[0]);
	(void)close(fd);
}

/* One whose close waits for somebody: its user waits, we do not, nor does anybody else. */
static void
held_open(void **state)
{
	struct world *world = *state;
	struct test_linger linger;
	int fd = adopt(world, UID_OPERATOR);
	int other = world_connect(world);

	test_linger_make(&linger);
	say_with(world, fd, PING, linger.fd);
	test_linger_end_ours(&linger);
	expect_line(world, fd, PONG);
	world_say(world, fd, PING);
	world_ask(world, other, PING, PONG);
	world_expect_silence(world, fd);
	test_linger_end(&linger);
	expect_line(world, fd, PONG);
	/* one that came with no line, of a connection that ends */
	test_linger_make(&linger);
	say_with(world, fd, PING, linger.fd);
	test_linger_end_ours(&linger);
	(void)close(fd);
	world_step(world);
	world_ask(world, other, PING, PONG);
	test_linger_end(&linger);
	(void)close(other);
}

/* The same of two connections, those that were there before and new ones. */
static void
held_open_by_user(void **state)
{
	struct world *world = *state;
	struct test_linger linger;
	const int before = adopt(world, UID_OPERATOR);
	const int fd = adopt(world, UID_OPERATOR);
	const int other = adopt(world, UID_ADMIN);
	int after;

	test_linger_make(&linger);
	say_with(world, fd, PING, linger.fd);
	test_linger_end_ours(&linger);
	expect_line(world, fd, PONG);
	(void)close(fd);
	world_step(world);
	after = adopt(world, UID_OPERATOR);
	world_say(world, before, PING);
	world_say(world, after, PING);
	world_ask(world, other, PING, PONG);
	world_expect_silence(world, before);
	world_expect_silence(world, after);
	test_linger_end(&linger);
	expect_line(world, before, PONG);
	expect_line(world, after, PONG);
	(void)close(before);
	(void)close(after);
	(void)close(other);
}

/* Who has left so many that he gets no connection more. */
static void full(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
full(void **state)
{
	struct world *world = *state;
	const struct rpc_who who = somebody(UID_OPERATOR);
	const void *owner = rpc_fds_owner(&who);
	struct test_linger lingers[FOREIGN_OWNER_THREADS];
	int copies[FOREIGN_OWNER_MAX];
	int fd;

	for (int i = 0; i < FOREIGN_OWNER_THREADS; i++) {
		test_linger_make(&lingers[i]);
		foreign_fd_close(owner, &lingers[i].fd, 1);
	}
	for (int i = 0; i < FOREIGN_OWNER_MAX; i++) {
		copies[i] = dup(STDERR_FILENO);
	}
	foreign_fd_close(owner, copies, FOREIGN_OWNER_MAX);
	fd = adopt(world, UID_OPERATOR);
	expect_reason(world, fd, "are still being closed");
	fd = adopt(world, UID_ADMIN);
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
	for (int i = 0; i < FOREIGN_OWNER_THREADS; i++) {
		test_linger_end(&lingers[i]);
	}
	for (int i = 0; foreign_fd_pending(owner); i++) {
		assert_true(i < TRIES);
		(void)usleep(1000);
	}
	fd = adopt(world, UID_OPERATOR);
	world_ask(world, fd, PING, PONG);
	(void)close(fd);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(no_role),
		CASE(reserve),
		CASE(strangers),
		CASE(patience),
		CASE(recheck),
		CASE(held_bytes),
		CASE(held_values),
		CASE(not_taken),
		CASE(held_open),
		CASE(held_open_by_user),
		CASE(full),
	};

	(void)alarm(120); /* then main has waited */
	return cmocka_run_group_tests_name("rpc_places", tests, NULL, NULL);
}
