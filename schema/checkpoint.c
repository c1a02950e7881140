/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/checkpoint.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

struct checkpoint {
	const struct file *file;
	struct journal *journal;
	bool runs;
	bool joined; /* there is no thread to wait for */
	pthread_t thread;
	atomic_bool ended;
	/* the thread's, until it has ended */
	char *text;
	size_t len;
	int rc;
	struct err err;
};

void
checkpoint_create(const struct file *file, struct journal *journal, struct checkpoint **out)
{
	struct checkpoint *checkpoint = must_calloc(1, sizeof(*checkpoint));

	checkpoint->file = file;
	checkpoint->journal = journal;
	atomic_init(&checkpoint->ended, false);
	*out = checkpoint;
}

void
checkpoint_destroy(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL) {
		return;
	}
	if (checkpoint->runs) {
		checkpoint_wait(checkpoint);
		free(checkpoint->text);
	}
	free(checkpoint);
}

static int
flush(void *arg, struct err *err)
{
	return journal_flush(arg, err);
}

static void *
write_file(void *arg)
{
	struct checkpoint *checkpoint = arg;

	checkpoint->rc = file_replace(checkpoint->file, checkpoint->text, checkpoint->len, flush,
		checkpoint->journal, &checkpoint->err);
	atomic_store_explicit(&checkpoint->ended, true, memory_order_release);
	return NULL;
}

void
checkpoint_begin(struct checkpoint *checkpoint, char *text, size_t len)
{
	sigset_t all;
	sigset_t before;

	assert(!checkpoint->runs);
	checkpoint->runs = true;
	checkpoint->text = text;
	checkpoint->len = len;
	checkpoint->err = (struct err)ERR_INIT;
	atomic_store_explicit(&checkpoint->ended, false, memory_order_relaxed);
	/* Signals are main's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	checkpoint->joined = pthread_create(&checkpoint->thread, NULL, write_file, checkpoint) != 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (checkpoint->joined) {
		(void)write_file(checkpoint);
	}
}

bool
checkpoint_runs(const struct checkpoint *checkpoint)
{
	return checkpoint->runs;
}

bool
checkpoint_ended(const struct checkpoint *checkpoint)
{
	return atomic_load_explicit(&checkpoint->ended, memory_order_acquire);
}

void
checkpoint_wait(struct checkpoint *checkpoint)
{
	if (!checkpoint->joined) {
		(void)pthread_join(checkpoint->thread, NULL);
		checkpoint->joined = true;
	}
}

int
checkpoint_result(struct checkpoint *checkpoint, struct err *err)
{
	assert(checkpoint->runs && checkpoint_ended(checkpoint));
	checkpoint_wait(checkpoint);
	checkpoint->runs = false;
	free(checkpoint->text);
	checkpoint->text = NULL;
	if (checkpoint->rc != 0) {
		*err = checkpoint->err;
	}
	return checkpoint->rc;
}
