/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/guest_call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

LOG_MODULE("vhost");

#define CALL_EVENTS 128 /* completions that may wait to be thrown away */
#define CALL_TRIES \
	1000 /* each read has ended when io_submit(2) returns: one is enough but for races */
#define AIO_RING_MAGIC 0xa10a10a1U

/* What lies at the address that io_setup(2) gives: the kernel's fs/aio.c, stable since 2.6. */
struct aio_ring {
	uint32_t id;
	uint32_t n;
	uint32_t head; /* ours */
	uint32_t tail; /* the kernel's */
	uint32_t magic;
};

static struct {
	unsigned int n_users;
	aio_context_t context; /* 0: none */
	int zero; /* what nothing is read from */
} calls;

void
guest_call_open(void)
{
	if (calls.n_users++ > 0) {
		return;
	}
	calls.zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (calls.zero >= 0 && syscall(SYS_io_setup, CALL_EVENTS, &calls.context) == 0) {
		return;
	}
	calls.context = 0;
	log_warn("this kernel lets us have no asynchronous I/O: a front end can make the switch "
		 "wait when it calls a guest");
}

void
guest_call_close(void)
{
	if (--calls.n_users > 0) {
		return;
	}
	if (calls.context != 0) {
		(void)syscall(SYS_io_destroy, calls.context);
		calls.context = 0;
	}
	if (calls.zero >= 0) {
		(void)close(calls.zero);
	}
}

bool
guest_call_safe(void)
{
	return calls.context != 0;
}

/* What has ended is of no interest. Several threads may do this at once: each moves on to where the
 * kernel was when it looked. */
static void
forget_ended(void)
{
	struct aio_ring *ring = (struct aio_ring *)calls.context;

	if (__atomic_load_n(&ring->magic, __ATOMIC_RELAXED) == AIO_RING_MAGIC) {
		__atomic_store_n(&ring->head, __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE),
			__ATOMIC_RELEASE);
	} else {
		struct io_event events[16];
		struct timespec none = {0};

		(void)syscall(SYS_io_getevents, calls.context, 0, 16, events, &none);
	}
}

void
guest_call(int eventfd)
{
	static const uint64_t one = 1;
	struct iocb read = {.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)calls.zero,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)eventfd};
	struct iocb *list = &read;

	if (calls.context == 0) {
		(void)!write(eventfd, &one, sizeof(one));
		return;
	}
	/* Full of what has ended, or no eventfd: the latter is its sender's loss. */
	for (unsigned int i = 0; i < CALL_TRIES; i++) {
		if (syscall(SYS_io_submit, calls.context, 1L, &list) == 1 || errno != EAGAIN) {
			break;
		}
		forget_ended();
	}
	forget_ended();
}
