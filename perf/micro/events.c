/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an event costs main: making it, its line for each subscriber, and sending that. Subscribers
 * are socketpairs in this process; what they do to read is not measured.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/events.h"
#include "ctl/methods.h"
#include "perf/micro/benchmarks.h"

#define SUBSCRIBERS_MAX 100
#define BATCH 32 /* events between two turns of the loop */

struct telling {
	const struct bench *bench;
	char folder[32];
	struct event_base *base;
	struct rpc_server *server;
	struct methods methods;
	int fds[SUBSCRIBERS_MAX]; /* the subscribers' ends */
	unsigned int n;
	uint64_t n_told;
	uint64_t n_heard; /* lines, of all subscribers */
};

static void
hear(struct telling *t)
{
	static char bytes[64 << 10];

	for (unsigned int i = 0; i < t->n; i++) {
		ssize_t n;

		while ((n = recv(t->fds[i], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
			for (ssize_t k = 0; k < n; k++) {
				t->n_heard += bytes[k] == '\n';
			}
		}
	}
}

static void
tell(struct telling *t) ON_MAIN
{
	const struct event_about about = {.bridge = "br0", .port = "vm1"};
	json_t *body;

	if (!events_wanted(t->methods.events, EVENT_PORT)) {
		return;
	}
	body = event_body(EVENT_NOTICE, "attached", "frames can pass");
	(void)json_object_set_new(body, "port", json_string(about.port));
	(void)json_object_set_new(body, "oper-status", json_string("up"));
	events_emit(t->methods.events, EVENT_PORT, &about, body);
}

static uint64_t
run_tell(void *arg, uint64_t rounds)
{
	struct telling *t = arg;
	uint64_t cycles = 0;

	role_assert(&role_main);
	for (uint64_t done = 0; done < rounds;) {
		const uint64_t n = rounds - done < BATCH ? rounds - done : BATCH;
		const uint64_t begin = bench_begin();

		for (uint64_t i = 0; i < n; i++) {
			tell(t);
		}
		(void)event_base_loop(t->base, EVLOOP_NONBLOCK);
		cycles += bench_elapsed(t->bench, begin);
		hear(t);
		t->n_told += n;
		done += n;
	}
	return cycles;
}

static int
start(struct telling *t, struct err *err) ON_MAIN
{
	const struct events_conf conf = {.ctx = NULL};
	struct rpc_server_options options = {
		.mode = 0600, .group = (gid_t)-1, .methods = methods_table, .ctx = &t->methods};
	char path[64];
	int rc;

	(void)str_copy(t->folder, "/tmp/vsw-events-XXXXXX", sizeof(t->folder));
	if (mkdtemp(t->folder) == NULL) {
		t->folder[0] = '\0';
		return err_set(err, ERR_FAILED, NULL, "no folder in /tmp: %s", strerror(errno));
	}
	(void)snprintf(path, sizeof(path), "%s/ctl.sock", t->folder);
	options.path = path;
	t->base = event_base_new();
	t->methods.events = events_create(&conf);
	if (t->base == NULL || t->methods.events == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = rpc_server_create(t->base, &options, &t->server, err);
	if (rc == 0) {
		rpc_server_on_gone(t->server, events_peer_gone, t->methods.events);
	}
	return rc;
}

/* Subscribers until there are n. */
static int
subscribe(struct telling *t, unsigned int n, struct err *err) ON_MAIN
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\","
				      "\"params\":{\"topics\":[\"port\",\"limit\"]}}\n";
	const struct rpc_who who = {.user = "bench", .role = RPC_ROLE_ADMIN};
	int rc = 0;

	while (t->n < n && rc == 0) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
			return err_set(err, ERR_FAILED, NULL, "socketpair: %s", strerror(errno));
		}
		t->fds[t->n++] = ends[0];
		rc = rpc_server_adopt(t->server, ends[1], &who, err);
		(void)!write(ends[0], request, sizeof(request) - 1);
	}
	for (int turn = 0; turn < 4; turn++) {
		(void)event_base_loop(t->base, EVLOOP_NONBLOCK);
	}
	hear(t);
	t->n_told = 0;
	t->n_heard = 0;
	return rc;
}

static void
stop(struct telling *t) ON_MAIN
{
	char path[64];

	rpc_server_destroy(t->server);
	events_destroy(t->methods.events);
	for (unsigned int i = 0; i < t->n; i++) {
		(void)close(t->fds[i]);
	}
	if (t->base != NULL) {
		event_base_free(t->base);
	}
	if (t->folder[0] != '\0') {
		(void)snprintf(path, sizeof(path), "%s/ctl.sock.lock", t->folder);
		(void)unlink(path);
		(void)rmdir(t->folder);
	}
}

int
benchmark_events(struct bench *bench, struct err *err)
{
	static const unsigned int subscribers[] = {0, 1, 10, SUBSCRIBERS_MAX};
	struct telling t = {.bench = bench};
	int rc;

	role_assert(&role_main);
	rc = start(&t, err);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(subscribers); i++) {
		struct bench_case c = {.bulk = BATCH, .ops = 1, .run = run_tell, .arg = &t};
		char variant[BENCH_VARIANT_SIZE];

		rc = subscribe(&t, subscribers[i], err);
		if (rc != 0) {
			break;
		}
		(void)snprintf(variant, sizeof(variant), "an event for %u subscriber%s",
			subscribers[i], subscribers[i] == 1 ? "" : "s");
		c.variant = variant;
		c.entries = subscribers[i];
		bench_measure(bench, &c);
		if (t.n_heard != t.n_told * subscribers[i]) {
			rc = err_set(err, ERR_FAILED, NULL, "%u subscribers lost events",
				subscribers[i]);
		}
	}
	stop(&t);
	return rc;
}
