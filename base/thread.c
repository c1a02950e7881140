/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct start {
	const char *name;
	thread_fn fn;
	void *arg;
};

static void *
begin(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	(void)pthread_setname_np(pthread_self(), start.name);
	return start.fn(start.arg);
}

int
thread_start(const char *name, size_t stack, thread_fn fn, void *arg, pthread_t *thread)
{
	struct start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	pthread_t detached;
	sigset_t all;
	sigset_t before;
	int rc;

	if (start == NULL) {
		return -ENOMEM;
	}
	*start = (struct start){.name = name, .fn = fn, .arg = arg};
	(void)pthread_attr_init(&attr);
	if (stack != 0) {
		(void)pthread_attr_setstacksize(&attr, stack);
	}
	if (thread == NULL) {
		(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	}
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread == NULL ? &detached : thread, &attr, begin, start);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0) {
		free(start);
	}
	return -rc;
}
