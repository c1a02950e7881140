/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Main's loop as lower floors see it (base/reactor.h), by libevent.
 *
 * Threads: main only.
 */
#ifndef VSW_VSWITCHD_REACTOR_EVENT_H
#define VSW_VSWITCHD_REACTOR_EVENT_H

#include "base/reactor.h"

struct event_base;

struct reactor_libevent {
	struct reactor reactor;
	struct event_base *base; /* borrowed */
};

/* Watches and timers are gone before the base is freed. */
void reactor_event_init(struct reactor_libevent *reactor, struct event_base *base) ON_MAIN;

#endif
