/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vu_conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_passing.h"
#include "base/foreign_fd.h"
#include "ports/vhost/vu_request.h"
#include "ports/vhost/vu_request_name.h"

#define BURST 16 /* messages for one call of the loop, which others wait for meanwhile */
#define WHY_SIZE 256
#define NAME_SIZE 32

/* A reply that waits for room in the socket. */
struct out {
	struct out *next;
	int fd; /* sent with the first byte; -1: none, or sent */
	size_t size;
	size_t done;
	uint8_t bytes[];
};

struct vu_conn {
	struct reactor *reactor;
	struct reactor_watch *watch;
	struct reactor_timer *half; /* armed while a message is begun */
	struct reactor_timer *second; /* armed while `in_second` counts */
	const struct vu_conn_ops *ops;
	void *arg;
	struct vu_peer peer;
	int socket; /* -1: ended */

	struct vu_header header;
	size_t got; /* bytes of header and payload */
	struct vu_msg msg;
	uint64_t messages;
	uint32_t in_second;
	bool paused;

	struct out *out;
	struct out **out_end;
	size_t out_size; /* bytes not yet sent */

	unsigned int depth; /* of our own functions that go on after a callback */
	bool freed; /* by a callback: at depth 0 */
};

static void
leave(struct vu_conn *conn)
{
	if (--conn->depth == 0 && conn->freed) {
		free(conn);
	}
}

static void
close_fds(const struct vu_conn *conn, struct vu_msg *msg) ON_MAIN
{
	foreign_fd_close(conn->arg, msg->fds, msg->n_fds);
	msg->n_fds = 0;
}

static void
drop_out(struct vu_conn *conn)
{
	while (conn->out != NULL) {
		struct out *out = conn->out;

		conn->out = out->next;
		if (out->fd >= 0) {
			(void)close(out->fd);
		}
		free(out);
	}
	conn->out_end = &conn->out;
	conn->out_size = 0;
}

/* All but the memory. */
static void
shut(struct vu_conn *conn) ON_MAIN
{
	if (conn->socket < 0) {
		return;
	}
	reactor_unwatch(conn->reactor, conn->watch);
	reactor_timer_free(conn->reactor, conn->half);
	reactor_timer_free(conn->reactor, conn->second);
	close_fds(conn, &conn->msg);
	drop_out(conn);
	foreign_fd_hang_up(conn->arg, conn->socket);
	conn->socket = -1;
}

static void
end(struct vu_conn *conn, const char *why) ON_MAIN
{
	if (conn->socket >= 0) {
		shut(conn);
		conn->ops->closed(conn->arg, why);
	}
}

void
vu_conn_fail(struct vu_conn *conn, const char *fmt, ...)
{
	char why[WHY_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	end(conn, why);
}

static bool
may_read(const struct vu_conn *conn)
{
	return !conn->paused && conn->out == NULL && conn->in_second < VU_RATE;
}

/* What the loop is to wait for now. */
static void
wait_for(struct vu_conn *conn) ON_MAIN
{
	unsigned int events = may_read(conn) ? REACTOR_READ : 0;

	if (conn->socket >= 0) {
		events |= conn->out != NULL ? REACTOR_WRITE : 0;
		reactor_rewatch(conn->reactor, conn->watch, events);
	}
}

/* --- in -------------------------------------------------------------------------------------- */

/* The descriptors of one recvmsg(2), into conn->msg. False: the connection has ended. */
static bool
take_fds(struct vu_conn *conn, struct msghdr *header, bool first) ON_MAIN
{
	int fds[FD_PASSING_MAX];
	const uint32_t n = fd_passing_take(header, fds);

	if (first && conn->msg.n_fds + n <= VU_FDS_MAX) {
		memcpy(conn->msg.fds + conn->msg.n_fds, fds, n * sizeof(int));
		conn->msg.n_fds += n;
	} else if (n > 0) {
		foreign_fd_close(conn->arg, fds, n);
		header->msg_flags |= MSG_CTRUNC;
	}
	if ((header->msg_flags & MSG_CTRUNC) == 0) {
		return true;
	}
	if (first) {
		vu_conn_fail(conn,
			"a message came with more than %d descriptors, or with more than the "
			"daemon may open",
			VU_FDS_MAX);
	} else {
		vu_conn_fail(conn, "descriptors came in the middle of a message");
	}
	return false;
}

/* What the message that has begun is called. */
static const char *
name_of(const struct vu_conn *conn, char *text)
{
	return conn->got < sizeof(conn->header)
		? "a message"
		: vu_request_name(conn->header.request, text, NAME_SIZE);
}

/* False: one can make us wait, and the connection has ended. */
static bool
check_fds(struct vu_conn *conn) ON_MAIN
{
	char text[NAME_SIZE];

	for (uint32_t i = 0; i < conn->msg.n_fds; i++) {
		if (!foreign_fd_is_harmless(conn->msg.fds[i])) {
			vu_conn_fail(conn,
				"%s came with a descriptor that is neither memory (memfd, "
				"/dev/shm, hugepages) nor an eventfd",
				name_of(conn, text));
			return false;
		}
	}
	return true;
}

/* Up to `size` bytes. False: none now, or the connection has ended. */
static bool
receive(struct vu_conn *conn, void *bytes, size_t size) ON_MAIN
{
	union {
		struct cmsghdr align;
		char space[FD_PASSING_ROOM(FD_PASSING_MAX)]; /* the kernel closes none */
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = size};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	const ssize_t got = recvmsg(conn->socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got < 0) {
		if (errno == ECONNRESET) {
			end(conn, "");
		} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
			vu_conn_fail(conn, "reading from the front end: %s", strerror(errno));
		}
		return false;
	}
	const bool first = conn->got == 0;
	if (!take_fds(conn, &header, first)) {
		return false;
	}
	if (got == 0) {
		end(conn, first ? "" : "the front end went away within a message");
		return false;
	}
	conn->got += (size_t)got;
	return !first || check_fds(conn);
}

/* False: it is none, and the connection has ended. */
static bool
check_header(struct vu_conn *conn) ON_MAIN
{
	const struct vu_header *header = &conn->header;
	char text[NAME_SIZE];
	const char *name = vu_request_name(header->request, text, sizeof(text));

	if ((header->flags & VU_VERSION_MASK) != VU_VERSION) {
		vu_conn_fail(conn, "%s is of version %u of the protocol, which knows only %u", name,
			header->flags & VU_VERSION_MASK, VU_VERSION);
		return false;
	}
	if ((header->flags & VU_REPLY) != 0) {
		vu_conn_fail(conn, "%s is marked as a reply, but nothing was asked", name);
		return false;
	}
	if (header->size > VU_PAYLOAD_MAX) {
		vu_conn_fail(conn, "%s announces %u bytes; the longest message has %zu", name,
			header->size, VU_PAYLOAD_MAX);
		return false;
	}
	return true;
}

/* A part of a message. False: nothing more for now; true, and `whole`: conn->msg is one. */
static bool
read_part(struct vu_conn *conn, bool *whole) ON_MAIN
{
	const size_t head = sizeof(conn->header);

	*whole = false;
	if (conn->got < head) {
		if (!receive(conn, (uint8_t *)&conn->header + conn->got, head - conn->got)) {
			return false;
		}
		if (conn->got < head) {
			return true;
		}
		if (!check_header(conn)) {
			return false;
		}
	} else {
		const size_t done = conn->got - head;

		if (!receive(conn, conn->msg.payload.bytes + done, conn->header.size - done)) {
			return false;
		}
	}
	*whole = conn->got == head + conn->header.size;
	return true;
}

static void
deliver(struct vu_conn *conn) ON_MAIN
{
	struct vu_msg msg = conn->msg;

	conn->msg = (struct vu_msg){0};
	conn->got = 0;
	conn->messages++;
	if (conn->in_second++ == 0) {
		reactor_arm(conn->reactor, conn->second, CLOCK_S);
	}
	msg.request = conn->header.request;
	msg.flags = conn->header.flags;
	msg.size = conn->header.size;
	conn->ops->message(conn->arg, &msg);
	close_fds(conn, &msg);
}

/* The time that a message may take runs while it is begun and we would read on. */
static void
watch_half(struct vu_conn *conn, size_t before) ON_MAIN
{
	if (conn->socket < 0) {
		return;
	}
	if (conn->got == 0) {
		reactor_disarm(conn->reactor, conn->half);
	} else if (before == 0) {
		reactor_arm(conn->reactor, conn->half, VU_HALF_MAX);
	}
}

static void
on_readable(struct vu_conn *conn) ON_MAIN
{
	size_t before = conn->got;
	unsigned int n = 0;
	bool whole;

	while (n < BURST && conn->socket >= 0 && may_read(conn) && read_part(conn, &whole)) {
		if (whole) {
			before = 0;
			n++;
			deliver(conn);
		}
	}
	watch_half(conn, before);
}

static void
on_half(void *arg)
{
	struct vu_conn *conn = arg;
	char text[NAME_SIZE];

	role_assert(&role_main);
	vu_conn_fail(conn, "%s has not ended within %llu seconds, %zu bytes have come",
		name_of(conn, text), (unsigned long long)(VU_HALF_MAX / CLOCK_S), conn->got);
}

static void
on_second(void *arg)
{
	struct vu_conn *conn = arg;

	role_assert(&role_main);
	conn->in_second = 0;
	wait_for(conn);
}

/* --- out ------------------------------------------------------------------------------------- */

/* As much as the socket takes. The connection may have ended. */
static void
send_out(struct vu_conn *conn) ON_MAIN
{
	while (conn->out != NULL) {
		struct out *out = conn->out;
		const ssize_t sent = fd_passing_send(conn->socket, out->bytes + out->done,
			out->size - out->done, &out->fd, out->fd >= 0 ? 1 : 0, MSG_DONTWAIT);

		if (sent < 0) {
			if (errno == EPIPE || errno == ECONNRESET) {
				end(conn, "");
			} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
				vu_conn_fail(conn, "answering the front end: %s", strerror(errno));
			}
			return;
		}
		if (out->fd >= 0) {
			(void)close(out->fd);
			out->fd = -1;
		}
		out->done += (size_t)sent;
		conn->out_size -= (size_t)sent;
		if (out->done == out->size) {
			conn->out = out->next;
			if (conn->out == NULL) {
				conn->out_end = &conn->out;
			}
			free(out);
		}
	}
}

void
vu_conn_send(struct vu_conn *conn, const struct vu_msg *msg, int fd)
{
	const struct vu_header header = {
		.request = msg->request,
		.flags = msg->flags,
		.size = msg->size,
	};
	const size_t size = sizeof(header) + msg->size;
	struct out *out = NULL;

	assert(msg->size <= VU_PAYLOAD_MAX);
	if (conn->socket >= 0 && conn->out_size + size <= VU_OUT_MAX) {
		out = malloc(sizeof(*out) + size);
	}
	if (out == NULL) {
		if (fd >= 0) {
			(void)close(fd);
		}
		vu_conn_fail(conn, "the front end does not read its answers");
		return;
	}
	*out = (struct out){.fd = fd, .size = size};
	memcpy(out->bytes, &header, sizeof(header));
	memcpy(out->bytes + sizeof(header), msg->payload.bytes, msg->size);
	*conn->out_end = out;
	conn->out_end = &out->next;
	conn->out_size += size;
	conn->depth++;
	if (conn->out == out) {
		send_out(conn);
	}
	wait_for(conn);
	leave(conn);
}

/* --- the owner's ----------------------------------------------------------------------------- */

static void
on_ready(void *arg, unsigned int events)
{
	struct vu_conn *conn = arg;

	role_assert(&role_main);
	conn->depth++;
	if ((events & REACTOR_WRITE) != 0) {
		send_out(conn);
	}
	if ((events & REACTOR_READ) != 0 && conn->socket >= 0) {
		on_readable(conn);
	}
	wait_for(conn);
	leave(conn);
}

struct vu_conn *
vu_conn_create(struct reactor *reactor, int socket, const struct vu_conn_ops *ops, void *arg)
{
	struct vu_conn *conn = calloc(1, sizeof(*conn));
	struct ucred cred = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t size = sizeof(cred);

	if (conn == NULL) {
		(void)close(socket);
		return NULL;
	}
	conn->reactor = reactor;
	conn->ops = ops;
	conn->arg = arg;
	conn->socket = socket;
	conn->out_end = &conn->out;
	(void)getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &size);
	conn->peer = (struct vu_peer){.pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
	conn->half = reactor_timer(reactor, on_half, conn);
	conn->second = reactor_timer(reactor, on_second, conn);
	if (conn->half != NULL && conn->second != NULL) {
		conn->watch = reactor_watch(reactor, socket, REACTOR_READ, on_ready, conn);
	}
	if (conn->watch == NULL) {
		shut(conn);
		free(conn);
		return NULL;
	}
	return conn;
}

void
vu_conn_free(struct vu_conn *conn)
{
	if (conn == NULL) {
		return;
	}
	shut(conn);
	conn->depth++;
	conn->freed = true;
	leave(conn);
}

void
vu_conn_peer(const struct vu_conn *conn, struct vu_peer *peer)
{
	*peer = conn->peer;
}

void
vu_conn_pause(struct vu_conn *conn)
{
	conn->paused = true;
	if (conn->socket >= 0) {
		reactor_disarm(conn->reactor, conn->half);
		wait_for(conn);
	}
}

void
vu_conn_resume(struct vu_conn *conn)
{
	conn->paused = false;
	if (conn->socket >= 0) {
		if (conn->got > 0) {
			reactor_arm(conn->reactor, conn->half, VU_HALF_MAX);
		}
		wait_for(conn);
	}
}

bool
vu_conn_hung_up(const struct vu_conn *conn)
{
	struct pollfd polled = {.fd = conn->socket, .events = POLLRDHUP};

	return poll(&polled, 1, 0) > 0;
}

uint64_t
vu_conn_messages(const struct vu_conn *conn)
{
	return conn->messages;
}
