/* SPDX-License-Identifier: BSD-3-Clause */
/* Watches and timers over a real libevent base. */
#include "vswitchd/reactor_event.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

struct bench {
	struct event_base *base;
	struct reactor_libevent re;
	struct reactor *reactor;
	struct reactor_watch *watch;
	struct reactor_timer *timer;
	int fds[2];
	unsigned int events; /* of the last call */
	unsigned int n_ready;
	unsigned int n_fired;
	bool drop; /* unwatch, or free the timer, in the callback */
};

static void
run(struct bench *b)
{
	(void)event_base_loop(b->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
on_ready(void *arg, unsigned int events)
{
	struct bench *b = arg;

	role_assert(&role_main);
	b->n_ready++;
	b->events = events;
	if (b->drop) {
		reactor_unwatch(b->reactor, b->watch);
		b->watch = NULL;
	}
}

static void
on_time(void *arg)
{
	struct bench *b = arg;

	role_assert(&role_main);
	b->n_fired++;
	if (b->drop) {
		reactor_timer_free(b->reactor, b->timer);
		b->timer = NULL;
	}
}

static void
test_watch(void **ctx) ON_MAIN
{
	struct bench *b = *ctx;
	char byte = 'x';

	b->watch = reactor_watch(b->reactor, b->fds[0], REACTOR_READ, on_ready, b);
	assert_non_null(b->watch);
	run(b);
	assert_int_equal(b->n_ready, 0);
	assert_int_equal(write(b->fds[1], &byte, 1), 1);
	run(b);
	run(b);
	assert_int_equal(b->n_ready, 2); /* as long as it is ready */
	assert_int_equal(b->events, REACTOR_READ);
	reactor_rewatch(b->reactor, b->watch, 0);
	run(b);
	assert_int_equal(b->n_ready, 2);
	reactor_rewatch(b->reactor, b->watch, REACTOR_READ | REACTOR_WRITE);
	run(b);
	assert_int_equal(b->n_ready, 3);
	assert_int_equal(b->events, REACTOR_READ | REACTOR_WRITE);
	assert_int_equal(read(b->fds[0], &byte, 1), 1);
	reactor_rewatch(b->reactor, b->watch, REACTOR_READ);
	run(b);
	assert_int_equal(b->n_ready, 3);
	/* the peer's end is readable */
	assert_int_equal(shutdown(b->fds[1], SHUT_WR), 0);
	b->drop = true;
	run(b);
	run(b);
	assert_int_equal(b->n_ready, 4);
	assert_null(b->watch);
	assert_int_equal(event_base_get_num_events(b->base, EVENT_BASE_COUNT_ADDED), 0);
}

static void
test_timer(void **ctx) ON_MAIN
{
	struct bench *b = *ctx;
	uint64_t began;

	b->timer = reactor_timer(b->reactor, on_time, b);
	assert_non_null(b->timer);
	run(b);
	assert_int_equal(b->n_fired, 0);
	reactor_arm(b->reactor, b->timer, 3600 * CLOCK_S);
	reactor_arm(b->reactor, b->timer, 0);
	run(b);
	run(b);
	assert_int_equal(b->n_fired, 1); /* once for each arming */
	reactor_arm(b->reactor, b->timer, 0);
	reactor_disarm(b->reactor, b->timer);
	run(b);
	assert_int_equal(b->n_fired, 1);
	began = clock_now();
	reactor_arm(b->reactor, b->timer, 20 * CLOCK_MS + 1);
	b->drop = true;
	while (b->n_fired == 1) {
		(void)event_base_loop(b->base, EVLOOP_ONCE);
	}
	assert_true(clock_now() - began >= 19 * CLOCK_MS);
	assert_null(b->timer);
	assert_int_equal(event_base_get_num_events(b->base, EVENT_BASE_COUNT_ADDED), 0);
}

static int
setup(void **ctx)
{
	static struct bench bench;

	role_assert(&role_main);
	bench = (struct bench){.base = event_base_new()};
	reactor_event_init(&bench.re, bench.base);
	bench.reactor = &bench.re.reactor;
	*ctx = &bench;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bench.fds);
}

static int
teardown(void **ctx)
{
	struct bench *b = *ctx;

	close(b->fds[0]);
	close(b->fds[1]);
	event_base_free(b->base);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("reactor-event", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
