/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vhost-user port of the native back end with a front end, in one process.
 *
 * The test's thread is main and worker at once: bench_step() lets the loop look once, moves its
 * clock, and passes a grace period. The front end blocks for its answers, so what it does runs in a
 * thread of its own while the test's thread steps: bench_front().
 */
#ifndef VSW_TESTS_UNIT_VHOST_BENCH_H
#define VSW_TESTS_UNIT_VHOST_BENCH_H

#include "base/clock.h"
#include "ports/port.h"
#include "ports/vhost/test_reactor.h"
#include "ports/vhost/vhost.h"
#include "tests/frontend/frontend.h"

#define BENCH_EVENTS 64
#define BENCH_STEP CLOCK_MS /* that the clock moves in each step */

struct bench_event {
	char what[32];
	int queue;
	char text[512];
};

struct bench {
	struct test_reactor loop;
	struct grace grace;
	struct port_env env;
	struct port *port;
	struct port_counters count;
	bool stuck; /* the worker does not pass grace periods */
	unsigned int n_events;
	struct bench_event events[BENCH_EVENTS];
	char path[PORT_SOCKET_PATH_MAX + 1];
};

/* Of a group: the folder that sockets are in. */
int bench_start(void **ctx);
int bench_stop(void **ctx);

/* Of each test; *ctx is a struct bench without a port, and none is left afterwards. */
int bench_setup(void **ctx);
int bench_teardown(void **ctx);

/* Opens the port, named vm1, as `conf` says; path is its socket. */
void bench_open(struct bench *bench, struct port_conf *conf) ON_MAIN;
void bench_close(struct bench *bench) ON_MAIN;

void bench_step(struct bench *bench) ON_MAIN;
void bench_run(struct bench *bench, unsigned int steps) ON_MAIN;

/* Run fn(arg) in a thread, stepping until it returns; what it returned. */
int bench_front(struct bench *bench, int (*fn)(void *arg), void *arg) ON_MAIN;

/* A whole front end at the port's socket, ready for traffic; fails the test otherwise. */
void bench_connect(struct bench *bench, struct frontend *fe, uint64_t features, unsigned int pairs,
	uint64_t protocol) ON_MAIN;
void bench_disconnect(struct bench *bench, struct frontend *fe) ON_MAIN;

/* Step until the port says so; fails the test if it does not within some seconds. */
void bench_wait(struct bench *bench, enum port_oper oper, const char *part) ON_MAIN;

/* Was there such an event? NULL: no. The newest. */
const struct bench_event *bench_event(const struct bench *bench, const char *what);

/* --- frames; the bytes of number `seq` are known --------------------------------------------- */

void bench_fill(uint8_t *bytes, uint32_t seq, uint32_t len);

/* One frame from the guest's queue pair to the port, checked byte by byte. */
void bench_receive(struct bench *bench, struct frontend *fe, unsigned int pair, uint32_t seq,
	uint32_t len) ON_WORKER;

/* One frame from the port to the guest's queue pair. */
void bench_send(struct bench *bench, struct frontend *fe, unsigned int pair, uint32_t seq,
	uint32_t len) ON_WORKER;

#endif
