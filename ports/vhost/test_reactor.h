/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reactor for tests: poll(2), and a clock that a test moves by hand.
 *
 * Threads: one, with main's role.
 */
#ifndef VSW_PORTS_VHOST_TEST_REACTOR_H
#define VSW_PORTS_VHOST_TEST_REACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reactor.h"

struct test_reactor {
	struct reactor reactor; /* first member */
	struct reactor_watch *watches;
	struct reactor_timer *timers;
	uint64_t now; /* ns; moved by test_reactor_advance() only */
	bool inside; /* a callback runs */
};

void test_reactor_init(struct test_reactor *loop) ON_MAIN;

/* Nothing may be watched and no timer be left: aborts otherwise. */
void test_reactor_fini(struct test_reactor *loop) ON_MAIN;

/* Wait up to `ms` (0: look only), call back once for what is ready; how many were called. */
unsigned int test_reactor_step(struct test_reactor *loop, int ms) ON_MAIN;

/* Step until nothing is ready; aborts after 100,000 steps. */
void test_reactor_run(struct test_reactor *loop) ON_MAIN;

/* Move the clock and fire the timers whose time has come, in its order. */
void test_reactor_advance(struct test_reactor *loop, uint64_t ns) ON_MAIN;

/* Descriptors watched for something, and timers that are armed. */
unsigned int test_reactor_watches(const struct test_reactor *loop) ON_MAIN;
unsigned int test_reactor_timers(const struct test_reactor *loop) ON_MAIN;

#endif
