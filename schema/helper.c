/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/helper.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"

struct helper {
	int wake_fd;
	bool busy; /* the owner's */
	bool started; /* there is a thread */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* below: under the lock */
	helper_fn fn; /* the job; NULL: there is none, or it has ended */
	void *arg;
	bool leave;
};

static void *
work(void *arg)
{
	struct helper *helper = arg;

	(void)pthread_mutex_lock(&helper->lock);
	for (;;) {
		while (helper->fn == NULL && !helper->leave) {
			(void)pthread_cond_wait(&helper->changed, &helper->lock);
		}
		if (helper->fn == NULL) {
			break;
		}
		(void)pthread_mutex_unlock(&helper->lock);
		helper->fn(helper->arg);
		(void)pthread_mutex_lock(&helper->lock);
		helper->fn = NULL;
		(void)pthread_cond_broadcast(&helper->changed);
		(void)eventfd_write(helper->wake_fd, 1);
	}
	(void)pthread_mutex_unlock(&helper->lock);
	return NULL;
}

void
helper_create(const char *name, int wake_fd, struct helper **out)
{
	struct helper *helper = must_calloc(1, sizeof(*helper));

	helper->wake_fd = wake_fd;
	if (pthread_mutex_init(&helper->lock, NULL) != 0 ||
		pthread_cond_init(&helper->changed, NULL) != 0) {
		abort();
	}
	if (wake_fd >= 0) {
		helper->started = thread_start(name, 0, work, helper, &helper->thread) == 0;
	}
	*out = helper;
}

void
helper_destroy(struct helper *helper)
{
	if (helper == NULL) {
		return;
	}
	if (helper->started) {
		(void)pthread_mutex_lock(&helper->lock);
		helper->leave = true;
		(void)pthread_cond_broadcast(&helper->changed);
		(void)pthread_mutex_unlock(&helper->lock);
		(void)pthread_join(helper->thread, NULL);
	}
	(void)pthread_cond_destroy(&helper->changed);
	(void)pthread_mutex_destroy(&helper->lock);
	free(helper);
}

void
helper_begin(struct helper *helper, helper_fn fn, void *arg)
{
	assert(!helper->busy);
	helper->busy = true;
	if (!helper->started) {
		fn(arg);
		return;
	}
	(void)pthread_mutex_lock(&helper->lock);
	helper->fn = fn;
	helper->arg = arg;
	(void)pthread_cond_broadcast(&helper->changed);
	(void)pthread_mutex_unlock(&helper->lock);
}

bool
helper_busy(const struct helper *helper)
{
	return helper->busy;
}

bool
helper_take(struct helper *helper)
{
	bool ended;

	(void)pthread_mutex_lock(&helper->lock);
	ended = helper->busy && helper->fn == NULL;
	(void)pthread_mutex_unlock(&helper->lock);
	if (ended) {
		helper->busy = false;
	}
	return ended;
}

bool
helper_wait(struct helper *helper, uint64_t until)
{
	const struct timespec at = {
		.tv_sec = (time_t)(until / CLOCK_S), .tv_nsec = (long)(until % CLOCK_S)};
	bool ended;
	int rc = 0;

	(void)pthread_mutex_lock(&helper->lock);
	while (helper->fn != NULL && rc == 0) {
		rc = pthread_cond_clockwait(&helper->changed, &helper->lock, CLOCK_MONOTONIC, &at);
	}
	ended = helper->fn == NULL;
	(void)pthread_mutex_unlock(&helper->lock);
	return ended;
}
