/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads beside main: named, as `top -H` and a core show them, and without signals, which are
 * main's.
 */
#ifndef VSW_BASE_THREAD_H
#define VSW_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

typedef void *(*thread_fn)(void *arg);

/*
 * Start one. `name` is at most 15 bytes long (pthread_setname_np(3)) and stays valid. `stack` is in
 * bytes; 0: what the system gives. `thread` is for pthread_join; NULL: it is detached. Any thread.
 * 0, or -errno.
 */
int thread_start(const char *name, size_t stack, thread_fn fn, void *arg, pthread_t *thread);

#endif
