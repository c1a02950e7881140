/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lower floors need of main's loop: descriptors watched, and timers.
 *
 * The owner of the loop implements the table (vswitchd/ with libevent, tests with poll(2)); the
 * rest only calls through it. All callbacks run on main, never from inside a call of the table.
 *
 * Threads: main only.
 */
#ifndef VSW_BASE_REACTOR_H
#define VSW_BASE_REACTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/role.h"

enum reactor_event {
	REACTOR_READ = 1U << 0, /* readable, or the peer has closed */
	REACTOR_WRITE = 1U << 1,
};

struct reactor;
struct reactor_watch; /* the implementation's; one descriptor */
struct reactor_timer; /* the implementation's; fires once each time it is armed */

typedef void (*reactor_fd_fn)(void *arg, unsigned int events);
typedef void (*reactor_timer_fn)(void *arg);

struct reactor_ops {
	struct reactor_watch *(*watch)(
		struct reactor *reactor, int fd, unsigned int events, reactor_fd_fn fn, void *arg);
	void (*rewatch)(struct reactor_watch *watch, unsigned int events);
	void (*unwatch)(struct reactor_watch *watch);
	struct reactor_timer *(*timer)(struct reactor *reactor, reactor_timer_fn fn, void *arg);
	void (*arm)(struct reactor_timer *timer, uint64_t ns);
	void (*disarm)(struct reactor_timer *timer);
	void (*timer_free)(struct reactor_timer *timer);
};

/* First member of the implementation's own structure. */
struct reactor {
	const struct reactor_ops *ops;
};

/*
 * Call fn(arg, ready) while the descriptor is ready for any of `events` (level-triggered). The
 * descriptor stays the caller's, who keeps it open until reactor_unwatch. NULL without memory.
 */
static inline struct reactor_watch *
reactor_watch(
	struct reactor *reactor, int fd, unsigned int events, reactor_fd_fn fn, void *arg) ON_MAIN
{
	return reactor->ops->watch(reactor, fd, events, fn, arg);
}

/* Other events from now on; 0: none for a while. */
static inline void
reactor_rewatch(struct reactor *reactor, struct reactor_watch *watch, unsigned int events) ON_MAIN
{
	reactor->ops->rewatch(watch, events);
}

/* No callback after this one returns. Legal in the watch's own callback. NULL is legal. */
static inline void
reactor_unwatch(struct reactor *reactor, struct reactor_watch *watch) ON_MAIN
{
	if (watch != NULL) {
		reactor->ops->unwatch(watch);
	}
}

/* A timer that is not armed; NULL without memory. */
static inline struct reactor_timer *
reactor_timer(struct reactor *reactor, reactor_timer_fn fn, void *arg) ON_MAIN
{
	return reactor->ops->timer(reactor, fn, arg);
}

/* Fire once, `ns` nanoseconds from now; replaces an earlier time. */
static inline void
reactor_arm(struct reactor *reactor, struct reactor_timer *timer, uint64_t ns) ON_MAIN
{
	reactor->ops->arm(timer, ns);
}

static inline void
reactor_disarm(struct reactor *reactor, struct reactor_timer *timer) ON_MAIN
{
	reactor->ops->disarm(timer);
}

/* Disarms and frees. Legal in the timer's own callback. NULL is legal. */
static inline void
reactor_timer_free(struct reactor *reactor, struct reactor_timer *timer) ON_MAIN
{
	if (timer != NULL) {
		reactor->ops->timer_free(timer);
	}
}

#endif
