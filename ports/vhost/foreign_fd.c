/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/foreign_fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

LOG_MODULE("vhost");

#define STACK_SIZE (256u << 10)

/* What one thread closes. */
struct batch {
	struct batch *next;
	const void *owner;
	bool started;
	atomic_bool done; /* the thread's last access */
	uint32_t n;
	int fds[];
};

static struct batch *batches;

/* Answered by the kernel for shmem and hugetlbfs only (fcntl(2), "File Sealing"); others, EINVAL.
 */
bool
foreign_fd_is_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) != -1;
}

/* A name from the kernel's tables: those of files begin with '/', and nobody is asked. */
bool
foreign_fd_is_eventfd(int fd)
{
	static const char name[] = "anon_inode:[eventfd]";
	char path[32];
	char link[sizeof(name)] = "";

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, link, sizeof(link)) == sizeof(name) - 1 && strcmp(link, name) == 0;
}

bool
foreign_fd_is_harmless(int fd)
{
	return foreign_fd_is_memory(fd) || foreign_fd_is_eventfd(fd);
}

static void *
thread_main(void *arg)
{
	struct batch *batch = arg;

	(void)pthread_setname_np(pthread_self(), "vhost-close");
	for (uint32_t i = 0; i < batch->n; i++) {
		(void)close(batch->fds[i]);
	}
	atomic_store_explicit(&batch->done, true, memory_order_release);
	return NULL;
}

/* Signals are main's. */
static bool
start(struct batch *batch)
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
	rc = pthread_create(&thread, &attr, thread_main, batch);
	(void)pthread_attr_destroy(&attr);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0;
}

/* Forget what is done, start what waits. */
static void
update(void) ON_MAIN
{
	struct batch **link = &batches;
	unsigned int n = 0;

	while (*link != NULL) {
		struct batch *batch = *link;

		if (atomic_load_explicit(&batch->done, memory_order_acquire)) {
			*link = batch->next;
			free(batch);
		} else {
			n += batch->started;
			link = &batch->next;
		}
	}
	/* The oldest first; a thread that cannot be made is tried again. */
	for (struct batch *batch = batches; batch != NULL && n < FOREIGN_THREADS_MAX;
		batch = batch->next) {
		if (!batch->started) {
			batch->started = start(batch);
			n++;
		}
	}
}

static struct batch *
batch_new(const void *owner, uint32_t room)
{
	struct batch *batch = malloc(sizeof(*batch) + room * sizeof(batch->fds[0]));

	if (batch == NULL) {
		log_error("out of memory: descriptors of a front end are never closed");
		return NULL;
	}
	batch->next = NULL;
	batch->owner = owner;
	batch->started = false;
	atomic_init(&batch->done, false);
	batch->n = 0;
	return batch;
}

static void
hand_over(struct batch *batch) ON_MAIN
{
	struct batch **link = &batches;

	while (*link != NULL) {
		link = &(*link)->next;
	}
	*link = batch;
	update();
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

bool
foreign_fd_pending(const void *owner)
{
	update();
	for (const struct batch *batch = batches; batch != NULL; batch = batch->next) {
		if (batch->owner == owner) {
			return true;
		}
	}
	return false;
}
