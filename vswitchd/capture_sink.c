/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/capture_sink.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/foreign_fd.h"
#include "ctl/base64.h"
#include "ctl/events.h"
#include "ctl/rpc_server.h"

#define EVENT_BYTES (24U << 10) /* of one event */
#define ROOM_LOW (128U << 10) /* behind what waits: below, it is moved to the beginning */

/*
 * A UNIX stream socket: its sender takes no lock that its reader may hold while it waits for memory
 * that somebody else provides (FUSE, userfaultfd), as it does with a pipe or over TCP, O_NONBLOCK
 * or not. Nothing is asked of `fd` but what the kernel answers by itself: fstat(2) would ask
 * whoever serves a file.
 */
static bool
is_unix_stream(int fd)
{
	socklen_t size = sizeof(int);
	int domain = 0;
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int
capture_sink_open(
	struct capture_sink *sink, int fd, struct rpc_peer *peer, uint32_t id, struct err *err)
{
	*sink = (struct capture_sink){
		.fd = -1, .peer = peer, .id = id, .owner = rpc_fds_owner(rpc_peer_who(peer))};
	if (fd >= 0) {
		if (!is_unix_stream(fd)) {
			foreign_fd_close(sink->owner, &fd, 1);
			return err_set(err, ERR_INVALID, NULL,
				"the descriptor must be a UNIX stream socket's: make a socketpair, "
				"and copy what comes to a pipe or file, as 'vswitchctl capture -w "
				"FILE' does");
		}
		sink->fd = fd;
	}
	sink->bytes = malloc(CAPTURE_SINK_SIZE);
	if (sink->bytes == NULL) {
		capture_sink_close(sink);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	return 0;
}

void
capture_sink_close(struct capture_sink *sink)
{
	foreign_fd_close(sink->owner, &sink->fd, 1);
	free(sink->bytes);
	*sink = (struct capture_sink){.fd = -1};
}

uint8_t *
capture_sink_room(struct capture_sink *sink, size_t *room)
{
	if (sink->begin == sink->end) {
		sink->begin = 0;
		sink->end = 0;
	} else if (sink->begin > 0 && CAPTURE_SINK_SIZE - sink->end < ROOM_LOW) {
		memmove(sink->bytes, sink->bytes + sink->begin, sink->end - sink->begin);
		sink->end -= sink->begin;
		sink->begin = 0;
	}
	*room = CAPTURE_SINK_SIZE - sink->end;
	return sink->bytes + sink->end;
}

void
capture_sink_wrote(struct capture_sink *sink, size_t n)
{
	sink->end += n;
}

static bool
flush_fd(struct capture_sink *sink)
{
	struct pollfd state = {.fd = sink->fd};

	while (sink->begin < sink->end) {
		const uint8_t *from = sink->bytes + sink->begin;
		const size_t len = sink->end - sink->begin;
		const ssize_t n = send(sink->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sink->begin += (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else {
			return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
		}
	}
	/* Who has gone is seen even when there is nothing to write. */
	return poll(&state, 1, 0) <= 0 || (state.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

static void
send_event(const struct capture_sink *sink, const uint8_t *bytes, size_t n) ON_MAIN
{
	char data[BASE64_LEN(EVENT_BYTES) + 1];
	json_t *event;
	char *text;

	base64_encode(bytes, n, data);
	event = json_pack("{s:s, s:s, s:{s:s, s:I, s:s}}", "jsonrpc", "2.0", "method", "event",
		"params", "topic", "capture", "id", (json_int_t)sink->id, "data", data);
	text = json_dumps(event, JSON_COMPACT);
	json_decref(event);
	if (text != NULL) {
		rpc_peer_notify(sink->peer, text, strlen(text));
	}
	free(text);
}

static bool
flush_events(struct capture_sink *sink) ON_MAIN
{
	while (sink->begin < sink->end && rpc_peer_waiting(sink->peer) < EVENTS_WAITING_MAX) {
		const size_t len = sink->end - sink->begin;
		const size_t n = len < EVENT_BYTES ? len : EVENT_BYTES;

		send_event(sink, sink->bytes + sink->begin, n);
		sink->begin += n;
	}
	return true;
}

bool
capture_sink_flush(struct capture_sink *sink)
{
	return sink->fd >= 0 ? flush_fd(sink) : flush_events(sink);
}
