/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/ethdev/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_passing.h"
#include "base/str.h"
#include "base/thread.h"

#define AGAIN_MS 1000 /* between two attempts to be answered */
#define SEND_MS 200 /* for the back end to read what it is sent */
#define PAYLOAD_MAX 512 /* the driver's longest: a table of 8 regions, 264 bytes */
#define FDS_MAX 8 /* VHOST_MEMORY_MAX_NREGIONS of the driver */
#define HELD_MAX 256 /* messages; the driver sends up to 7 for each of 16 rings */

/* vhost-user.rst: "Header", "Front-end message types", "Protocol features". */
#define VERSION 0x1
#define REPLY (VERSION | 1 << 2)
#define NEED_REPLY (1 << 3)
#define GET_FEATURES 1
#define SET_VRING_NUM 8 /* the first about a ring */
#define GET_VRING_BASE 11
#define SET_VRING_ERR 14 /* and the last, but for SET_VRING_ENABLE */
#define GET_PROTOCOL_FEATURES 15
#define SET_VRING_ENABLE 18
#define F_PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define PROTOCOL_F_MQ (UINT64_C(1) << 0)

/* As it is sent: nothing but words of 32 bits, so that there are no gaps. */
struct message {
	struct {
		uint32_t request;
		uint32_t flags;
		uint32_t size; /* bytes of the payload */
	} head;
	uint32_t payload[PAYLOAD_MAX / sizeof(uint32_t)]; /* of a ring: index, number */
};

/* A message for later. */
struct held {
	STAILQ_ENTRY(held) link;
	struct message message;
	int fds[FD_PASSING_MAX];
	uint32_t n;
};

struct courier {
	/* main */
	pthread_t thread;
	/* set before the thread starts */
	char back_end[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* for the driver */
	int folder; /* descriptor that `path` goes through */
	int wake; /* eventfd: readable when it is to end */
	int go; /* eventfd: readable when rings may begin */
	int listener;
	_Atomic enum courier_state state;
	/* the thread's */
	int peer; /* the back end, or -1; of courier_create at first */
	int driver; /* or -1 */
	uint64_t features;
	uint64_t protocol;
	uint64_t stop_by; /* when rings have to have ended; 0: none is being ended */
	bool going; /* rings have begun */
	uint32_t n_held;
	STAILQ_HEAD(, held) held; /* until then */
};

/* --- waiting --------------------------------------------------------------------------------- */

static void
close_fd(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
}

/* Until the descriptor is ready; false: it is to end, or time is up (`by`, 0: never). */
static bool
wait_for(const struct courier *courier, int fd, short events, uint64_t by)
{
	struct pollfd pfds[] = {
		{.fd = courier->wake, .events = POLLIN}, {.fd = fd, .events = events}};
	int n;

	do {
		const uint64_t now = clock_now();
		int ms = by == 0 ? -1 : now >= by ? 0 : (int)((by - now) / CLOCK_MS + 1);

		n = poll(pfds, 2, ms);
	} while (n < 0 && errno == EINTR);
	return n > 0 && pfds[0].revents == 0;
}

/* True if it has been told to end. */
static bool
ending(const struct courier *courier)
{
	struct pollfd pfd = {.fd = courier->wake, .events = POLLIN};

	return poll(&pfd, 1, 0) != 0;
}

/* --- the back end, who may do anything ------------------------------------------------------- */

static bool
peer_read(const struct courier *courier, void *bytes, size_t size, uint64_t by)
{
	uint8_t *at = bytes;

	while (size > 0) {
		ssize_t n;

		if (!wait_for(courier, courier->peer, POLLIN, by)) {
			return false;
		}
		/* Descriptors that come along are closed by the kernel. */
		n = recv(courier->peer, at, size, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			return false;
		}
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The answer to this request, of this size. */
static bool
peer_answer(const struct courier *courier, uint32_t request, uint32_t size, uint64_t by,
	struct message *answer)
{
	return peer_read(courier, &answer->head, sizeof(answer->head), by) &&
		answer->head.request == request && answer->head.flags == REPLY &&
		answer->head.size == size && peer_read(courier, answer->payload, size, by);
}

static bool
peer_send(const struct courier *courier, const struct message *message, const int *fds, uint32_t n)
{
	const uint64_t by = clock_now() + SEND_MS * CLOCK_MS;
	const uint8_t *at = (const uint8_t *)message;
	size_t left = sizeof(message->head) + message->head.size;

	while (left > 0) {
		ssize_t sent = fd_passing_send(courier->peer, at, left, fds, n, MSG_DONTWAIT);

		if (sent > 0) {
			at += sent;
			left -= (size_t)sent;
			n = 0; /* they went with the first byte */
		} else if (errno != EINTR &&
			(errno != EAGAIN || !wait_for(courier, courier->peer, POLLOUT, by))) {
			return false;
		}
	}
	return true;
}

static bool
peer_number(const struct courier *courier, uint32_t request, uint64_t by, uint64_t *number)
{
	struct message message = {.head = {.request = request, .flags = VERSION}};

	if (!peer_send(courier, &message, NULL, 0) ||
		!peer_answer(courier, request, sizeof(*number), by, &message)) {
		return false;
	}
	memcpy(number, message.payload, sizeof(*number));
	return true;
}

/* A connection that does not wait; a socket of this kind is connected at once or not at all. */
static int
peer_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	str_copy(sun.sun_path, path, sizeof(sun.sun_path));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		const int error = errno;

		(void)close(fd);
		return -error;
	}
	return fd < 0 ? -errno : fd;
}

/* What the driver will want to know first. */
static bool
peer_ask(struct courier *courier)
{
	const uint64_t by = clock_now() + COURIER_ANSWER_MS * CLOCK_MS;

	courier->protocol = 0;
	return courier->peer >= 0 && peer_number(courier, GET_FEATURES, by, &courier->features) &&
		((courier->features & F_PROTOCOL_FEATURES) == 0 ||
			peer_number(courier, GET_PROTOCOL_FEATURES, by, &courier->protocol));
}

/* --- rings that have not begun --------------------------------------------------------------- */

static bool
is_about_ring(uint32_t request)
{
	return (request >= SET_VRING_NUM && request <= SET_VRING_ERR) ||
		request == SET_VRING_ENABLE;
}

/* From the first one about a ring on, so that their order stays. Takes the descriptors. */
static bool
hold(struct courier *courier, const struct message *message, int *fds, uint32_t n)
{
	struct held *held = courier->n_held < HELD_MAX ? malloc(sizeof(*held)) : NULL;

	if (held == NULL) {
		return false;
	}
	held->message = *message;
	held->n = n;
	for (uint32_t i = 0; i < n; i++) {
		held->fds[i] = fds[i];
		fds[i] = -1;
	}
	STAILQ_INSERT_TAIL(&courier->held, held, link);
	courier->n_held++;
	return true;
}

static void
held_drop(struct courier *courier)
{
	struct held *held;

	while ((held = STAILQ_FIRST(&courier->held)) != NULL) {
		STAILQ_REMOVE_HEAD(&courier->held, link);
		for (uint32_t i = 0; i < held->n; i++) {
			close_fd(&held->fds[i]);
		}
		free(held);
	}
	courier->n_held = 0;
}

/* Rings may begin. */
static bool
held_send(struct courier *courier)
{
	struct held *held;
	bool ok = true;

	close_fd(&courier->go);
	courier->going = true;
	STAILQ_FOREACH (held, &courier->held, link) {
		ok = ok && peer_send(courier, &held->message, held->fds, held->n);
	}
	held_drop(courier);
	return ok;
}

/* --- the driver ------------------------------------------------------------------------------ */

/* It sends a message in one piece. */
static bool
driver_read(const struct courier *courier, struct message *message, int fds[FD_PASSING_MAX],
	uint32_t *n)
{
	union {
		struct cmsghdr align;
		char room[FD_PASSING_ROOM(FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = &message->head, .iov_len = sizeof(message->head)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	ssize_t got = recvmsg(courier->driver, &msg, MSG_CMSG_CLOEXEC);

	*n = got > 0 ? fd_passing_take(&msg, fds) : 0;
	return got == (ssize_t)sizeof(message->head) && message->head.size <= PAYLOAD_MAX &&
		(message->head.size == 0 ||
			recv(courier->driver, message->payload, message->head.size, MSG_WAITALL) ==
				(ssize_t)message->head.size);
}

static bool
driver_answer(const struct courier *courier, struct message *message)
{
	const size_t size = sizeof(message->head) + message->head.size;

	message->head.flags = REPLY;
	return send(courier->driver, message, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static bool
answer_number(const struct courier *courier, struct message *message, uint64_t number)
{
	message->head.size = sizeof(number);
	memcpy(message->payload, &number, sizeof(number));
	return driver_answer(courier, message);
}

/*
 * The end of a ring. Of one that has not begun, the back end does not know; of a back end that does
 * not tell it, the driver is told all the same.
 */
static bool
end_ring(struct courier *courier, struct message *message)
{
	const uint32_t size = 2 * sizeof(uint32_t);
	struct message answer;

	if (courier->going && courier->stop_by == 0) {
		courier->stop_by = clock_now() + COURIER_STOP_MS * CLOCK_MS;
	}
	if (!courier->going) {
		held_drop(courier); /* it begins again with all of them */
	} else if (courier->peer >= 0 && peer_send(courier, message, NULL, 0) &&
		peer_answer(courier, GET_VRING_BASE, size, courier->stop_by, &answer)) {
		message->payload[1] = answer.payload[1];
	} else {
		close_fd(&courier->peer);
	}
	message->head.size = size;
	return driver_answer(courier, message);
}

/* One message of the driver; false: that was the last. */
static bool
carry_one(struct courier *courier)
{
	struct message message;
	int fds[FD_PASSING_MAX];
	uint32_t n = 0;
	bool ok = driver_read(courier, &message, fds, &n);

	if (ok && message.head.request == GET_FEATURES) {
		ok = answer_number(courier, &message, courier->features);
	} else if (ok && message.head.request == GET_PROTOCOL_FEATURES) {
		ok = answer_number(courier, &message, courier->protocol & PROTOCOL_F_MQ);
	} else if (ok && message.head.request == GET_VRING_BASE) {
		ok = end_ring(courier, &message);
	} else if (ok) {
		courier->stop_by = 0;
		message.head.flags &= ~(uint32_t)NEED_REPLY;
		ok = !courier->going && (courier->n_held > 0 || is_about_ring(message.head.request))
			? hold(courier, &message, fds, n)
			: courier->peer >= 0 && peer_send(courier, &message, fds, n);
	}
	for (uint32_t i = 0; i < n; i++) {
		close_fd(&fds[i]);
	}
	return ok;
}

/* Until one of the two has gone. A back end has nothing to say that it was not asked for. */
static void
carry(struct courier *courier)
{
	for (;;) {
		struct pollfd pfds[] = {{.fd = courier->wake, .events = POLLIN},
			{.fd = courier->driver, .events = POLLIN},
			{.fd = courier->peer, .events = POLLIN},
			{.fd = courier->go, .events = POLLIN}};

		if (poll(pfds, 4, -1) < 0 && errno != EINTR) {
			return;
		}
		/* What the driver sends behind the word to begin is read behind it. */
		if (pfds[0].revents != 0 || (pfds[3].revents != 0 && !held_send(courier)) ||
			(pfds[1].revents != 0 && !carry_one(courier)) ||
			(pfds[1].revents == 0 && pfds[2].revents != 0)) {
			return;
		}
	}
}

/* The driver comes while main makes the device; somebody else is not let in. */
static bool
meet_driver(struct courier *courier)
{
	struct ucred who = {0};
	socklen_t size = sizeof(who);

	while (wait_for(courier, courier->listener, POLLIN, 0)) {
		courier->driver = accept4(courier->listener, NULL, NULL, SOCK_CLOEXEC);
		if (courier->driver >= 0 &&
			getsockopt(courier->driver, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
			who.pid == getpid()) {
			return true;
		}
		close_fd(&courier->driver);
	}
	return false;
}

/* --- its life -------------------------------------------------------------------------------- */

static void *
courier_main(void *arg)
{
	struct courier *courier = arg;

	while (!peer_ask(courier)) {
		close_fd(&courier->peer);
		atomic_store(&courier->state, COURIER_SILENT);
		(void)wait_for(courier, -1, 0, clock_now() + AGAIN_MS * CLOCK_MS);
		if (ending(courier)) {
			return NULL;
		}
		courier->peer = peer_connect(courier->back_end);
	}
	atomic_store(&courier->state, COURIER_READY);
	if (meet_driver(courier)) {
		carry(courier);
	}
	close_fd(&courier->driver);
	close_fd(&courier->peer);
	atomic_store(&courier->state, COURIER_GONE);
	return NULL;
}

/* The driver's end. Through the folder's descriptor, a path is short however long the folder's is.
 */
static int
make_listener(struct courier *courier, const char *run_dir)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	uint64_t number;

	courier->folder = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	courier->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (courier->folder < 0 || courier->listener < 0 ||
		getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
		return -errno;
	}
	str_appendf(courier->path, sizeof(courier->path), "/proc/self/fd/%d/virtio-user-%016llx",
		courier->folder, (unsigned long long)number);
	str_copy(sun.sun_path, courier->path, sizeof(sun.sun_path));
	return bind(courier->listener, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
			chmod(courier->path, 0600) == 0 && listen(courier->listener, 1) == 0
		? 0
		: -errno;
}

static void
courier_free(struct courier *courier)
{
	if (courier->path[0] != '\0') {
		(void)unlink(courier->path);
	}
	close_fd(&courier->driver);
	close_fd(&courier->peer);
	close_fd(&courier->listener);
	close_fd(&courier->folder);
	close_fd(&courier->wake);
	close_fd(&courier->go);
	held_drop(courier);
	free(courier);
}

int
courier_create(const char *path, const char *run_dir, struct courier **out, struct err *err)
{
	struct courier *courier = calloc(1, sizeof(*courier));
	int rc;

	if (courier == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	courier->folder = -1;
	courier->listener = -1;
	courier->driver = -1;
	str_copy(courier->back_end, path, sizeof(courier->back_end));
	STAILQ_INIT(&courier->held);
	courier->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	courier->go = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	courier->peer = peer_connect(path);
	if (courier->peer < 0) {
		rc = err_set(err, ERR_FAILED, "path", "no vhost-user back end answers on '%s': %s",
			path, strerror(-courier->peer));
		courier_free(courier);
		return rc;
	}
	rc = courier->wake < 0 || courier->go < 0 ? -EMFILE : make_listener(courier, run_dir);
	rc = rc != 0 ? rc : thread_start("virtio-user", 0, courier_main, courier, &courier->thread);
	if (rc != 0) {
		rc = err_set(err, ERR_FAILED, NULL,
			"no thread, or no socket in '%s', for the back end: %s", run_dir,
			strerror(-rc));
		courier_free(courier);
		return rc;
	}
	*out = courier;
	return 0;
}

void
courier_destroy(struct courier *courier)
{
	const uint64_t one = 1;

	if (courier == NULL) {
		return;
	}
	if (write(courier->wake, &one, sizeof(one)) == (ssize_t)sizeof(one)) {
		(void)pthread_join(courier->thread, NULL);
	}
	courier_free(courier);
}

void
courier_go(struct courier *courier)
{
	const uint64_t one = 1;

	if (write(courier->go, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
		abort(); /* an eventfd of ours that counts 0 */
	}
}

enum courier_state
courier_state(const struct courier *courier)
{
	return atomic_load(&courier->state);
}

const char *
courier_path(const struct courier *courier)
{
	return courier->path;
}
