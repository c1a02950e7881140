/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/foreign_fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"

LOG_MODULE("foreign");

#define STACK_SIZE (256u << 10)

#define BUCKETS 64

/* What one thread closes. */
struct batch {
	TAILQ_ENTRY(batch) link; /* in its owner's */
	struct owner *owner;
	uint32_t n;
	int fds[];
};

/* Somebody of whom something is being closed; gone with the last of it. */
struct owner {
	LIST_ENTRY(owner) link; /* in its bucket */
	TAILQ_ENTRY(owner) ready_link;
	const void *key;
	bool ready; /* in foreign.ready: something waits, and it may have one more thread */
	unsigned int n_threads; /* that close something of it */
	uint32_t n_fds; /* waiting and being closed */
	TAILQ_HEAD(, batch) waiting; /* for a thread; oldest first */
};

/* The threads' too. */
static struct {
	pthread_mutex_t lock;
	LIST_HEAD(, owner) owners[BUCKETS];
	TAILQ_HEAD(owner_list, owner) ready; /* next first */
	unsigned int n_threads;
	unsigned int n_new; /* of those: have not taken their first batch yet */
} foreign = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.ready = TAILQ_HEAD_INITIALIZER(foreign.ready),
};

/* Answered by the kernel for shmem and hugetlbfs only (fcntl(2), "File Sealing"); others, EINVAL.
 */
bool
foreign_fd_is_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) != -1;
}

/* By its name in the kernel's tables: those of files begin with '/', and nobody is asked. */
bool
foreign_fd_is_eventfd(int fd)
{
	static const char begin[] = "anon_inode:[eventfd]";
	char path[32];
	char link[32] = "";

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, link, sizeof(link) - 1) > 0 &&
		strncmp(link, begin, sizeof(begin) - 1) == 0;
}

bool
foreign_fd_is_harmless(int fd)
{
	return foreign_fd_is_memory(fd) || foreign_fd_is_eventfd(fd);
}

/* --- owners; with the lock held --------------------------------------------------------------- */

static size_t
bucket_of(const void *key)
{
	const uint64_t bits = (uint64_t)(uintptr_t)key;

	return (bits ^ bits >> 6 ^ bits >> 12) % BUCKETS;
}

static struct owner *
owner_find(const void *key)
{
	struct owner *owner;

	LIST_FOREACH (owner, &foreign.owners[bucket_of(key)], link) {
		if (owner->key == key) {
			return owner;
		}
	}
	return NULL;
}

static struct owner *
owner_need(const void *key)
{
	struct owner *owner = owner_find(key);

	if (owner == NULL) {
		owner = must_calloc(1, sizeof(*owner));
		owner->key = key;
		TAILQ_INIT(&owner->waiting);
		LIST_INSERT_HEAD(&foreign.owners[bucket_of(key)], owner, link);
	}
	return owner;
}

/* Something of it has changed: in its turn behind the others, or gone. */
static void
owner_settle(struct owner *owner)
{
	const bool ready =
		!TAILQ_EMPTY(&owner->waiting) && owner->n_threads < FOREIGN_OWNER_THREADS;

	if (owner->ready) {
		TAILQ_REMOVE(&foreign.ready, owner, ready_link);
	}
	if (ready) {
		TAILQ_INSERT_TAIL(&foreign.ready, owner, ready_link);
	}
	owner->ready = ready;
	if (owner->n_fds == 0) {
		LIST_REMOVE(owner, link);
		free(owner);
	}
}

/* --- threads ---------------------------------------------------------------------------------- */

static void
batch_done(struct batch *batch)
{
	struct owner *owner = batch->owner;

	owner->n_threads--;
	owner->n_fds -= batch->n;
	free(batch);
	owner_settle(owner);
}

/* Of the owner whose turn it is; NULL: there is none, and the thread counts no more. */
static struct batch *
next_batch(struct batch *done)
{
	struct batch *batch = NULL;
	struct owner *owner;

	(void)pthread_mutex_lock(&foreign.lock);
	if (done != NULL) {
		batch_done(done);
	} else {
		foreign.n_new--;
	}
	owner = TAILQ_FIRST(&foreign.ready);
	if (owner != NULL) {
		batch = TAILQ_FIRST(&owner->waiting);
		TAILQ_REMOVE(&owner->waiting, batch, link);
		owner->n_threads++;
		owner_settle(owner);
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
	while ((batch = next_batch(batch)) != NULL) {
		for (uint32_t i = 0; i < batch->n; i++) {
			(void)close(batch->fds[i]);
		}
	}
	return NULL;
}

/* Have a thread for each owner whose turn may come. One that cannot be made is tried again with the
 * next call. */
static void
start_threads(void)
{
	const struct owner *owner;
	unsigned int n = 0;

	TAILQ_FOREACH (owner, &foreign.ready, ready_link) {
		if (n++ < foreign.n_new) {
			continue;
		}
		if (foreign.n_threads == FOREIGN_THREADS_MAX ||
			thread_start("foreign-close", STACK_SIZE, thread_main, NULL, NULL) != 0) {
			return;
		}
		foreign.n_threads++;
		foreign.n_new++;
	}
}

static struct batch *
batch_new(uint32_t room)
{
	struct batch *batch = malloc(sizeof(*batch) + room * sizeof(batch->fds[0]));

	if (batch == NULL) {
		log_error("out of memory: descriptors of somebody else are never closed");
		return NULL;
	}
	batch->n = 0;
	return batch;
}

static void
hand_over(const void *key, struct batch *batch)
{
	struct owner *owner;

	(void)pthread_mutex_lock(&foreign.lock);
	owner = owner_need(key);
	batch->owner = owner;
	owner->n_fds += batch->n;
	TAILQ_INSERT_TAIL(&owner->waiting, batch, link);
	if (!owner->ready) {
		owner_settle(owner);
	}
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
			batch = batch_new(n - i);
		}
		if (batch == NULL) {
			return;
		}
		batch->fds[batch->n++] = fds[i];
	}
	if (batch != NULL) {
		hand_over(owner, batch);
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

/* How many of its descriptors are still open. */
static uint32_t
count(const void *key)
{
	const struct owner *owner;
	uint32_t n;

	(void)pthread_mutex_lock(&foreign.lock);
	start_threads();
	owner = owner_find(key);
	n = owner == NULL ? 0 : owner->n_fds;
	(void)pthread_mutex_unlock(&foreign.lock);
	return n;
}

bool
foreign_fd_pending(const void *owner)
{
	return count(owner) > 0;
}

bool
foreign_fd_is_full(const void *owner)
{
	return count(owner) >= FOREIGN_OWNER_MAX;
}
