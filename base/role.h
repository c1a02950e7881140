/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Thread roles as compile-time facts.
 *
 * The process has two kinds of threads (docs/architecture.md, "Threads"): main, which owns all
 * control state, and workers, which touch packets. A function that only one of them may call says
 * so with ON_MAIN or ON_WORKER in its declaration; clang's -Wthread-safety rejects a caller that
 * does not hold that role. Under other compilers the macros are empty.
 *
 * Clang does not see through function pointers. A callback that a library calls on main therefore
 * starts with role_assert(&role_main), which tells the analysis what is true and, in builds with
 * assertions, checks it.
 *
 * A thread may hold both roles: the "world" test drives main and workers on one thread.
 */
#ifndef VSW_BASE_ROLE_H
#define VSW_BASE_ROLE_H

#include <assert.h>
#include <stdbool.h>

#if defined(__clang__)
#define ROLE_ATTR(x) __attribute__((x))
#else
#define ROLE_ATTR(x)
#endif

struct ROLE_ATTR(capability("role")) role {
	unsigned int bit; /* in role_held */
};

extern struct role role_main;
extern struct role role_worker;

/* Roles of the calling thread, a set of role.bit; the assertion's evidence. */
extern _Thread_local unsigned int role_held;

#define ON_MAIN ROLE_ATTR(requires_capability(role_main))
#define ON_WORKER ROLE_ATTR(requires_capability(role_worker))

/* Take a role for the calling thread; once, at the thread's start, and by tests. */
static inline void
role_enter(struct role *role) ROLE_ATTR(acquire_capability(*role))
	ROLE_ATTR(no_thread_safety_analysis)
{
	role_held |= role->bit;
}

/* Give a role back before the thread ends. */
static inline void
role_leave(struct role *role) ROLE_ATTR(release_capability(*role))
	ROLE_ATTR(no_thread_safety_analysis)
{
	role_held &= ~role->bit;
}

/* First line of a callback: the caller is known to hold the role. */
static inline void
role_assert(const struct role *role) ROLE_ATTR(assert_capability(*role))
{
	assert((role_held & role->bit) != 0);
	(void)role;
}

#endif
