/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread that does one job at a time for its owner: what may have to wait for a disk.
 *
 * helper_begin hands it a job, which owns what it works on until helper_take has said that it
 * ended. The descriptor that the owner has given becomes readable when a job ends. Without a
 * thread (none is wanted, or none can be had) the job is done within helper_begin.
 *
 * The owner's thread only.
 */
#ifndef VSW_SCHEMA_HELPER_H
#define VSW_SCHEMA_HELPER_H

#include <stdbool.h>
#include <stdint.h>

struct helper;

typedef void (*helper_fn)(void *arg);

/* The thread's name stays valid (thread.h). `wake_fd` is an eventfd, borrowed; -1: no thread. */
void helper_create(const char *name, int wake_fd, struct helper **out);
/* Waits for the job that runs. NULL is legal. */
void helper_destroy(struct helper *helper);

/* None may run. */
void helper_begin(struct helper *helper, helper_fn fn, void *arg);

/* True from helper_begin until helper_take has returned true. */
bool helper_busy(const struct helper *helper);

/* True once for each job: it has ended. Does not wait. */
bool helper_take(struct helper *helper);

/* Returns when helper_take would not return false for a job, true; at once if there is none. False:
 * at `until` of clock_now() it had not ended. */
bool helper_wait(struct helper *helper, uint64_t until);

#endif
