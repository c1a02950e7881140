/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/reactor_event.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "base/clock.h"

struct reactor_watch {
	struct event event;
	struct event_base *base;
	int fd;
	reactor_fd_fn fn;
	void *arg;
};

struct reactor_timer {
	struct event event;
	reactor_timer_fn fn;
	void *arg;
};

/* Neither callback touches its own structure after it has called: the callee may have freed it. */
static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	const struct reactor_watch *watch = arg;
	unsigned int events = 0;

	(void)fd;
	role_assert(&role_main);
	events |= (what & EV_READ) != 0 ? REACTOR_READ : 0;
	events |= (what & EV_WRITE) != 0 ? REACTOR_WRITE : 0;
	watch->fn(watch->arg, events);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	const struct reactor_timer *timer = arg;

	(void)fd;
	(void)what;
	role_assert(&role_main);
	timer->fn(timer->arg);
}

static void
watch_set(struct reactor_watch *watch, unsigned int events)
{
	short what = EV_PERSIST;

	what |= (events & REACTOR_READ) != 0 ? EV_READ : 0;
	what |= (events & REACTOR_WRITE) != 0 ? EV_WRITE : 0;
	(void)event_assign(&watch->event, watch->base, watch->fd, what, on_ready, watch);
	if (events != 0) {
		(void)event_add(&watch->event, NULL);
	}
}

static struct reactor_watch *
re_watch(struct reactor *reactor, int fd, unsigned int events, reactor_fd_fn fn, void *arg)
{
	const struct reactor_libevent *re = (const struct reactor_libevent *)reactor;
	struct reactor_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL) {
		return NULL;
	}
	watch->base = re->base;
	watch->fd = fd;
	watch->fn = fn;
	watch->arg = arg;
	watch_set(watch, events);
	return watch;
}

static void
re_rewatch(struct reactor_watch *watch, unsigned int events)
{
	(void)event_del(&watch->event);
	watch_set(watch, events);
}

static void
re_unwatch(struct reactor_watch *watch)
{
	(void)event_del(&watch->event);
	free(watch);
}

static struct reactor_timer *
re_timer(struct reactor *reactor, reactor_timer_fn fn, void *arg)
{
	const struct reactor_libevent *re = (const struct reactor_libevent *)reactor;
	struct reactor_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL) {
		return NULL;
	}
	timer->fn = fn;
	timer->arg = arg;
	(void)evtimer_assign(&timer->event, re->base, on_time, timer);
	return timer;
}

static void
re_arm(struct reactor_timer *timer, uint64_t ns)
{
	/* libevent counts microseconds: rather late than early. */
	const uint64_t us = (ns + CLOCK_US - 1) / CLOCK_US;
	const struct timeval tv = {.tv_sec = (time_t)(us / (CLOCK_S / CLOCK_US)),
		.tv_usec = (suseconds_t)(us % (CLOCK_S / CLOCK_US))};

	(void)event_add(&timer->event, &tv);
}

static void
re_disarm(struct reactor_timer *timer)
{
	(void)event_del(&timer->event);
}

static void
re_timer_free(struct reactor_timer *timer)
{
	(void)event_del(&timer->event);
	free(timer);
}

static const struct reactor_ops re_ops = {
	.watch = re_watch,
	.rewatch = re_rewatch,
	.unwatch = re_unwatch,
	.timer = re_timer,
	.arm = re_arm,
	.disarm = re_disarm,
	.timer_free = re_timer_free,
};

void
reactor_event_init(struct reactor_libevent *reactor, struct event_base *base)
{
	reactor->reactor.ops = &re_ops;
	reactor->base = base;
}
