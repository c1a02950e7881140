/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/test_reactor.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

#define POLLED_MAX 512
#define STEPS_MAX 100000

struct reactor_watch {
	struct reactor_watch *next;
	struct test_reactor *loop;
	int fd;
	unsigned int events;
	reactor_fd_fn fn;
	void *arg;
	bool dead; /* freed when no callback runs */
};

struct reactor_timer {
	struct reactor_timer *next;
	struct test_reactor *loop;
	reactor_timer_fn fn;
	void *arg;
	uint64_t at;
	bool armed;
	bool dead;
};

static void
sweep(struct test_reactor *loop)
{
	for (struct reactor_watch **at = &loop->watches; *at != NULL;) {
		struct reactor_watch *watch = *at;

		if (watch->dead) {
			*at = watch->next;
			free(watch);
		} else {
			at = &watch->next;
		}
	}
	for (struct reactor_timer **at = &loop->timers; *at != NULL;) {
		struct reactor_timer *timer = *at;

		if (timer->dead) {
			*at = timer->next;
			free(timer);
		} else {
			at = &timer->next;
		}
	}
}

static struct reactor_watch *
watch_fd(struct reactor *reactor, int fd, unsigned int events, reactor_fd_fn fn, void *arg)
{
	struct test_reactor *loop = (struct test_reactor *)reactor;
	struct reactor_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL) {
		return NULL;
	}
	*watch = (struct reactor_watch){
		.next = loop->watches,
		.loop = loop,
		.fd = fd,
		.events = events,
		.fn = fn,
		.arg = arg,
	};
	loop->watches = watch;
	return watch;
}

static void
rewatch(struct reactor_watch *watch, unsigned int events)
{
	assert(!watch->dead);
	watch->events = events;
}

static void
unwatch(struct reactor_watch *watch)
{
	struct test_reactor *loop = watch->loop;

	assert(!watch->dead);
	watch->dead = true;
	if (!loop->inside) {
		sweep(loop);
	}
}

static struct reactor_timer *
timer_new(struct reactor *reactor, reactor_timer_fn fn, void *arg)
{
	struct test_reactor *loop = (struct test_reactor *)reactor;
	struct reactor_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL) {
		return NULL;
	}
	*timer = (struct reactor_timer){.next = loop->timers, .loop = loop, .fn = fn, .arg = arg};
	loop->timers = timer;
	return timer;
}

static void
arm(struct reactor_timer *timer, uint64_t ns)
{
	assert(!timer->dead);
	timer->at = timer->loop->now + ns;
	timer->armed = true;
}

static void
disarm(struct reactor_timer *timer)
{
	assert(!timer->dead);
	timer->armed = false;
}

static void
timer_free(struct reactor_timer *timer)
{
	struct test_reactor *loop = timer->loop;

	assert(!timer->dead);
	timer->dead = true;
	timer->armed = false;
	if (!loop->inside) {
		sweep(loop);
	}
}

static const struct reactor_ops ops = {
	.watch = watch_fd,
	.rewatch = rewatch,
	.unwatch = unwatch,
	.timer = timer_new,
	.arm = arm,
	.disarm = disarm,
	.timer_free = timer_free,
};

void
test_reactor_init(struct test_reactor *loop)
{
	*loop = (struct test_reactor){.reactor = {.ops = &ops}};
}

void
test_reactor_fini(struct test_reactor *loop)
{
	if (loop->inside || loop->watches != NULL || loop->timers != NULL) {
		abort();
	}
}

unsigned int
test_reactor_step(struct test_reactor *loop, int ms)
{
	struct reactor_watch *watches[POLLED_MAX];
	struct pollfd polled[POLLED_MAX];
	unsigned int called = 0;
	nfds_t n = 0;

	assert(!loop->inside);
	for (struct reactor_watch *watch = loop->watches; watch != NULL; watch = watch->next) {
		if (watch->events == 0) {
			continue;
		}
		assert(n < POLLED_MAX);
		watches[n] = watch;
		polled[n++] = (struct pollfd){
			.fd = watch->fd,
			.events = (short)(((watch->events & REACTOR_READ) != 0 ? POLLIN : 0) |
				((watch->events & REACTOR_WRITE) != 0 ? POLLOUT : 0)),
		};
	}
	if (poll(polled, n, ms) <= 0) {
		return 0;
	}
	loop->inside = true;
	for (nfds_t i = 0; i < n; i++) {
		const short got = polled[i].revents;
		unsigned int ready = 0;

		ready |= (got & (POLLIN | POLLHUP | POLLERR)) != 0 ? REACTOR_READ : 0;
		ready |= (got & (POLLOUT | POLLHUP | POLLERR)) != 0 ? REACTOR_WRITE : 0;
		ready &= watches[i]->events;
		if (!watches[i]->dead && ready != 0) {
			watches[i]->fn(watches[i]->arg, ready);
			called++;
		}
	}
	loop->inside = false;
	sweep(loop);
	return called;
}

void
test_reactor_run(struct test_reactor *loop)
{
	for (unsigned int i = 0; test_reactor_step(loop, 0) > 0; i++) {
		if (i == STEPS_MAX) {
			abort();
		}
	}
}

void
test_reactor_advance(struct test_reactor *loop, uint64_t ns)
{
	const uint64_t until = loop->now + ns;

	assert(!loop->inside);
	for (;;) {
		struct reactor_timer *first = NULL;

		for (struct reactor_timer *timer = loop->timers; timer != NULL;
			timer = timer->next) {
			if (timer->armed && timer->at <= until &&
				(first == NULL || timer->at < first->at)) {
				first = timer;
			}
		}
		if (first == NULL) {
			break;
		}
		loop->now = first->at > loop->now ? first->at : loop->now;
		first->armed = false;
		loop->inside = true;
		first->fn(first->arg);
		loop->inside = false;
		sweep(loop);
	}
	loop->now = until;
}

unsigned int
test_reactor_watches(const struct test_reactor *loop)
{
	unsigned int n = 0;

	for (const struct reactor_watch *watch = loop->watches; watch != NULL;
		watch = watch->next) {
		n += watch->events != 0 ? 1 : 0;
	}
	return n;
}

unsigned int
test_reactor_timers(const struct test_reactor *loop)
{
	unsigned int n = 0;

	for (const struct reactor_timer *timer = loop->timers; timer != NULL; timer = timer->next) {
		n += timer->armed ? 1 : 0;
	}
	return n;
}
