/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/foreign_fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

LOG_MODULE("foreign");

#define STACK_SIZE (256u << 10)

/* What one thread closes. */
struct batch {
	TAILQ_ENTRY(batch) link;
	const void *owner;
	uint32_t n;
	int fds[];
};

TAILQ_HEAD(batch_list, batch);

/* The threads' too. The lock is held for as long as a list is changed or searched. */
static struct {
	pthread_mutex_t lock;
	struct batch_list waiting; /* for a thread; oldest first */
	struct batch_list closing;
	unsigned int n_threads;
	unsigned int n_new; /* of those: have not taken their first batch yet */
} foreign = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.waiting = TAILQ_HEAD_INITIALIZER(foreign.waiting),
	.closing = TAILQ_HEAD_INITIALIZER(foreign.closing),
};

/* Answered by the kernel for shmem and hugetlbfs only (fcntl(2), "File Sealing"); others, EINVAL.
 */
bool
foreign_fd_is_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) != -1;
}

/* A name from the kernel's tables: those of files begin with '/', and nobody is asked. */
static bool
name_begins(int fd, const char *begin)
{
	char path[32];
	char link[32] = "";

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, link, sizeof(link) - 1) > 0 &&
		strncmp(link, begin, strlen(begin)) == 0;
}

bool
foreign_fd_is_eventfd(int fd)
{
	return name_begins(fd, "anon_inode:[eventfd]");
}

bool
foreign_fd_is_pipe(int fd)
{
	return name_begins(fd, "pipe:[");
}

bool
foreign_fd_is_harmless(int fd)
{
	return foreign_fd_is_memory(fd) || foreign_fd_is_eventfd(fd);
}

/* The next one, NULL when there is none: then the thread counts no more. */
static struct batch *
next_batch(struct batch *done)
{
	struct batch *batch;

	(void)pthread_mutex_lock(&foreign.lock);
	if (done != NULL) {
		TAILQ_REMOVE(&foreign.closing, done, link);
		free(done);
	} else {
		foreign.n_new--;
	}
	batch = TAILQ_FIRST(&foreign.waiting);
	if (batch != NULL) {
		TAILQ_REMOVE(&foreign.waiting, batch, link);
		TAILQ_INSERT_TAIL(&foreign.closing, batch, link);
	} else {
		foreign.n_threads--;
	}
	(void)pthread_mutex_unlock(&foreign.lock);
	return batch;
}

static void *
thread_main(void *arg)
{
	struct batch *batch = NULL;

	(void)arg;
	(void)pthread_setname_np(pthread_self(), "foreign-close");
	while ((batch = next_batch(batch)) != NULL) {
		for (uint32_t i = 0; i < batch->n; i++) {
			(void)close(batch->fds[i]);
		}
	}
	return NULL;
}

/* Signals are main's. */
static bool
start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, thread_main, NULL);
	(void)pthread_attr_destroy(&attr);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0;
}

/* Have threads for what waits. One that cannot be made is tried again with the next call. */
static void
start_threads(void)
{
	const struct batch *batch;
	unsigned int n = 0;

	TAILQ_FOREACH (batch, &foreign.waiting, link) {
		if (n++ < foreign.n_new) {
			continue;
		}
		if (foreign.n_threads == FOREIGN_THREADS_MAX || !start()) {
			return;
		}
		foreign.n_threads++;
		foreign.n_new++;
	}
}

static struct batch *
batch_new(const void *owner, uint32_t room)
{
	struct batch *batch = malloc(sizeof(*batch) + room * sizeof(batch->fds[0]));

	if (batch == NULL) {
		log_error("out of memory: descriptors of somebody else are never closed");
		return NULL;
	}
	batch->owner = owner;
	batch->n = 0;
	return batch;
}

static void
hand_over(struct batch *batch)
{
	(void)pthread_mutex_lock(&foreign.lock);
	TAILQ_INSERT_TAIL(&foreign.waiting, batch, link);
	start_threads();
	(void)pthread_mutex_unlock(&foreign.lock);
}

void
foreign_fd_close(const void *owner, const int *fds, uint32_t n)
{
	struct batch *batch = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (fds[i] < 0) {
			continue;
		}
		if (foreign_fd_is_harmless(fds[i])) {
			(void)close(fds[i]);
			continue;
		}
		if (batch == NULL) {
			batch = batch_new(owner, n - i);
		}
		if (batch == NULL) {
			return;
		}
		batch->fds[batch->n++] = fds[i];
	}
	if (batch != NULL) {
		hand_over(batch);
	}
}

/* After shutdown(2) no message can come any more: without an unread one, only the socket closes. */
void
foreign_fd_hang_up(const void *owner, int socket)
{
	int unread = 0;

	(void)shutdown(socket, SHUT_RDWR);
	if (ioctl(socket, FIONREAD, &unread) == 0 && unread == 0) {
		(void)close(socket);
	} else {
		foreign_fd_close(owner, &socket, 1);
	}
}

static bool
has(const struct batch_list *list, const void *owner)
{
	const struct batch *batch;

	TAILQ_FOREACH (batch, list, link) {
		if (batch->owner == owner) {
			return true;
		}
	}
	return false;
}

bool
foreign_fd_pending(const void *owner)
{
	bool pending;

	(void)pthread_mutex_lock(&foreign.lock);
	start_threads();
	pending = has(&foreign.closing, owner) || has(&foreign.waiting, owner);
	(void)pthread_mutex_unlock(&foreign.lock);
	return pending;
}
