/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grace periods: when may what a worker could still see be freed.
 *
 * A thin cover of rte_rcu_qsbr, so that nobody else decides about tokens and thread ids. A reader
 * (worker) reports once per loop that it holds nothing; a writer takes a token and, when every
 * online reader has reported after it, the token has passed. Main never waits for one: it polls
 * from its step. Only librte_vhost's own thread may block in grace_wait().
 *
 * A reader goes offline before it sleeps and comes online after; between the two it must not touch
 * anything it got from a snapshot.
 */
#ifndef VSW_DATAPATH_CORE_GRACE_H
#define VSW_DATAPATH_CORE_GRACE_H

#include <rte_rcu_qsbr.h>
#include <stdbool.h>
#include <stdint.h>

#define GRACE_READERS_MAX 128 /* workers of one datapath */

#if defined(__SANITIZE_THREAD__)
#define GRACE_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GRACE_TSAN
#endif
#endif

struct grace {
	struct rte_rcu_qsbr *qsbr; /* owned */
};

/* -ENOMEM, or 0. Main, before the readers start. */
int grace_init(struct grace *grace);
void grace_fini(struct grace *grace);

/* --- readers; `reader` is below GRACE_READERS_MAX and used by one thread at a time ---------- */

static inline void
grace_join(struct grace *grace, unsigned int reader)
{
	(void)rte_rcu_qsbr_thread_register(grace->qsbr, reader);
	rte_rcu_qsbr_thread_online(grace->qsbr, reader);
}

static inline void
grace_leave(struct grace *grace, unsigned int reader)
{
	rte_rcu_qsbr_thread_offline(grace->qsbr, reader);
	(void)rte_rcu_qsbr_thread_unregister(grace->qsbr, reader);
}

static inline void
grace_quiescent(struct grace *grace, unsigned int reader)
{
	rte_rcu_qsbr_quiescent(grace->qsbr, reader);
}

static inline void
grace_offline(struct grace *grace, unsigned int reader)
{
	rte_rcu_qsbr_thread_offline(grace->qsbr, reader);
}

static inline void
grace_online(struct grace *grace, unsigned int reader)
{
	rte_rcu_qsbr_thread_online(grace->qsbr, reader);
}

/* --- any thread ----------------------------------------------------------------------------- */

/* A point in time that has passed once all readers have been quiescent after it. Never 0. */
static inline uint64_t
grace_start(struct grace *grace)
{
	return rte_rcu_qsbr_start(grace->qsbr);
}

static inline bool
grace_passed(struct grace *grace, uint64_t token)
{
#if defined(GRACE_TSAN)
	/* Without DPDK's short cut through what another writer has found out: that is right on
	 * x86 and ARM, but not in the terms of C11 that TSan checks by. */
	return __rte_rcu_qsbr_check_selective(grace->qsbr, token, false) == 1;
#else
	return rte_rcu_qsbr_check(grace->qsbr, token, false) == 1;
#endif
}

/* Block until a token taken now has passed. Not main, not a worker. */
static inline void
grace_wait(struct grace *grace)
{
	(void)rte_rcu_qsbr_check(grace->qsbr, grace_start(grace), true);
}

#endif
